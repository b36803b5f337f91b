#include "flow/node.h"

enum { PORT_WON, PORT_NO_BID };

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct dial_config *cfg = arena_alloc(c->arena, sizeof *cfg);
	if (!cfg)
		return NULL;
	flow_compile_dial(c, config, cfg);
	cfg->dial.ring_tree_id = flow_config_string(c, config, "ring_tree_id");
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	(void)flow_enter_dial(run, config);
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
		{"timeout_seconds", FIELD_INTEGER, .min = 1, .max = 300, .initial = "30",
		 .title = "Ring time (s)",
		 .help = "How long targets without a ring time of their own ring."},
		DIAL_OPTIONS("bid"),
		{0},
	},
	.ports = (const struct flow_port[]){
		{"won", .help = "The caller talked with who bid, and the target hung up."},
		{"no_bid", true, .help = "Nobody bid, or nobody who did took the call."},
		{0},
	},
	.example = "{\"ring_tree_id\":\"rng_01M86EAB1Q0004DZZ1STGFT7B0\",\"timeout_seconds\":25}",
	.compile = compile, .enter = enter, .input = input,
};
