#include "flow/node.h"
#include <string.h>

struct config {
	struct flow_dial dial;
	struct prompt_config whisper;
	const struct template *caller_id;
};

enum { PORT_WON, PORT_NO_BID };

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	if (!cfg)
		return NULL;
	cfg->dial.ring_tree_id = flow_config_string(c, config, "ring_tree_id");
	cfg->caller_id = flow_compile_template(c, "/caller_id", json_string_value(json_object_get(config, "caller_id")), TEMPLATE_TEXT);
	cfg->dial.timeout_seconds = (int)json_integer_value(json_object_get(config, "timeout_seconds"));
	cfg->dial.max_duration_seconds = (int)json_integer_value(json_object_get(config, "max_duration_seconds"));
	cfg->dial.record = json_is_true(json_object_get(config, "record"));
	cfg->dial.accept_key = flow_config_key(config, "accept_key");
	flow_compile_prompt(c, config, "whisper", &cfg->whisper);
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	struct flow_dial dial = cfg->dial;
	if (cfg->caller_id)
		dial.caller_id = flow_render(run, cfg->caller_id, NULL);
	dial.whisper = flow_render_prompt(run, &cfg->whisper);
	flow_effect(run, FLOW_EFFECT_DIAL)->u.dial = dial;
	return MOVE_WAIT;
}

static int input(struct flow_run *run, const void *config, const struct flow_input *in)
{
	(void)config;
	if (in->kind != FLOW_INPUT_DIAL_ENDED)
		return MOVE_REFUSED;
	if (in->u.dial == DIAL_COMPLETED)
		return PORT_WON;
	run->detail = in->u.dial == DIAL_NO_TARGET ? "nobody bid, or nobody who did could be called" : "nobody who bid took the call";
	return PORT_NO_BID;
}

const struct flow_node_type node_rtb = {
	.type = "rtb", .category = "call", .label = "Real-time bidding", .waits_for_caller = true,
	.help = "Asks the RTB targets of a ring tree what they pay for the call, and connects the caller to the best bid, or to the next when that cannot be reached.",
	.config = (const struct field[]){
		{"ring_tree_id", FIELD_ID, FIELD_REQUIRED, .kind = "ring_tree", .help = "Whom to ask."},
		{"timeout_seconds", FIELD_INTEGER, .min = 1, .max = 300, .initial = "30", .help = "How long each rings that has no time of its own."},
		{"max_duration_seconds", FIELD_INTEGER, .min = 0, .max = 86400, .initial = "14400", .help = "Longest conversation; 0 for no limit."},
		{"whisper", FIELD_OBJECT, .fields = prompt_fields, .help = "What who answers hears before the caller is connected; the caller hears ringing meanwhile."},
		{"accept_key", FIELD_ENUM, .choices = prompt_keys, .help = "Who answers takes the call by pressing this key, within ten seconds after the whisper; else the next bid is tried."},
		{"record", FIELD_BOOLEAN, .initial = "false", .help = "Record the conversation, caller and target in a channel each."},
		{"caller_id", FIELD_TEMPLATE, .max = 64, .help = "Caller number shown to the target; empty: the caller's own."},
		{0},
	},
	.ports = (const struct flow_port[]){
		{"won", .help = "The caller talked with who bid, and the target hung up."},
		{"no_bid", true, "Nobody bid, or nobody who did took the call."},
		{0},
	},
	.example = "{\"ring_tree_id\":\"rng_01M86EAB1Q0004DZZ1STGFT7B0\",\"timeout_seconds\":25}",
	.compile = compile, .enter = enter, .input = input,
};
