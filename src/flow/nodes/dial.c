#include "flow/node.h"
#include <string.h>

struct config {
	struct dial_config options;
	const struct template *uri, *number;
	const char *uri_text; /* as it was configured; NULL: out of memory */
};

void flow_compile_dial(struct flow_compiler *c, json_t *config, struct dial_config *out)
{
	out->caller_id = flow_compile_template(c, "/caller_id", json_string_value(json_object_get(config, "caller_id")), TEMPLATE_TEXT);
	out->dial.timeout_seconds = (int)json_integer_value(json_object_get(config, "timeout_seconds"));
	out->dial.max_duration_seconds = (int)json_integer_value(json_object_get(config, "max_duration_seconds"));
	out->dial.record = json_is_true(json_object_get(config, "record"));
	out->dial.accept_key = flow_config_key(config, "accept_key");
	flow_compile_prompt(c, config, "whisper", &out->whisper);
}

struct flow_dial *flow_enter_dial(struct flow_run *run, const struct dial_config *cfg)
{
	struct flow_dial dial = cfg->dial;
	if (cfg->caller_id)
		dial.caller_id = flow_render(run, cfg->caller_id, NULL);
	dial.whisper = flow_render_prompt(run, &cfg->whisper);
	struct flow_effect *e = flow_effect(run, FLOW_EFFECT_DIAL);
	e->u.dial = dial;
	return &e->u.dial;
}

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	json_t *to = json_object_get(config, "to"), *targets = json_object_get(to, "target_ids");
	if (!cfg)
		return NULL;
	struct flow_dial *dial = &cfg->options.dial;
	flow_compile_dial(c, config, &cfg->options);
	dial->routing_plan_id = flow_config_string(c, to, "routing_plan_id");
	dial->trunk_id = flow_config_string(c, to, "trunk_id");
	cfg->uri = flow_compile_template(c, "/to/uri", json_string_value(json_object_get(to, "uri")), TEMPLATE_TEXT);
	cfg->uri_text = cfg->uri ? flow_config_string(c, to, "uri") : NULL;
	cfg->number = flow_compile_template(c, "/to/number", json_string_value(json_object_get(to, "number")), TEMPLATE_TEXT);
	const char *ring = json_string_value(json_object_get(config, "ring"));
	dial->simultaneous = ring && strcmp(ring, "simultaneous") == 0;
	size_t n = json_array_size(targets);
	if (n) {
		const char **ids = arena_alloc(c->arena, (n + 1) * sizeof *ids);
		for (size_t i = 0; ids && i < n; i++)
			ids[i] = arena_strdup(c->arena, json_string_value(json_array_get(targets, i)));
		dial->target_ids = ids;
	}
	char at[200];
	snprintf(at, sizeof at, "%s/to", c->at);
	int ways = !!dial->routing_plan_id + (n > 0) + !!cfg->uri + !!cfg->number;
	if (ways != 1)
		flow_problem(c, true, "dial_target", at, "must name one of routing_plan_id, target_ids, uri, or number with trunk_id");
	else if (cfg->number && !dial->trunk_id)
		flow_problem(c, true, "dial_target", at, "a number needs the trunk_id it is dialled over");
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	const char *uri = cfg->uri ? flow_render(run, cfg->uri, NULL) : NULL, *number = cfg->number ? flow_render(run, cfg->number, NULL) : NULL;
	struct flow_dial *dial = flow_enter_dial(run, &cfg->options);
	dial->uri = uri;
	dial->uri_is_composed = uri && (!cfg->uri_text || strcmp(uri, cfg->uri_text) != 0);
	dial->number = number;
	return MOVE_WAIT;
}

static int input(struct flow_run *run, const void *config, const struct flow_input *in)
{
	(void)run, (void)config;
	return in->kind == FLOW_INPUT_DIAL_ENDED ? (int)in->u.dial : MOVE_REFUSED;
}

const struct flow_node_type node_dial = {
	.type = "dial", .category = "call", .label = "Dial", .waits_for_caller = true,
	.help = "Connects the caller to a routing plan's targets, to named targets, or to a number or SIP URI.",
	.config = (const struct field[]){
		{"to", FIELD_OBJECT, FIELD_REQUIRED, .title = "Whom to call",
		 .help = "Set one of these.",
		 .fields = (const struct field[]){
			 {"routing_plan_id", FIELD_ID, .kind = "routing_plan", .help = "The targets of a routing plan."},
			 {"target_ids", FIELD_ID, FIELD_LIST, .max = 50, .kind = "target", .help = "These targets, in this order."},
			 {"uri", FIELD_TEMPLATE, .max = 500, .title = "SIP URI",
			  .help = "A SIP URI, where the organization's dial policy allows it."},
			 {"number", FIELD_TEMPLATE, .max = 64, .title = "Phone number",
			  .help = "A phone number, where the organization's dial policy allows "
				 "it."},
			 {"trunk_id", FIELD_ID, .kind = "trunk", .help = "The trunk that the number is dialled over."},
			 {0},
		 }},
		{"ring", FIELD_ENUM,
		 .choices = (const char *const[]){"sequential", "simultaneous", NULL},
		 .labels = (const struct label[]){
			 {"sequential", "One after another"},
			 {"simultaneous", "All at once"},
			 {0}},
		 .initial = "\"sequential\"",
		 .help = "One after another, or all at once (at most ten; the others follow as "
			 "these give up); the first that takes the call has it."},
		{"timeout_seconds", FIELD_INTEGER, .min = 1, .max = 300, .initial = "30",
		 .title = "Ring time (s)", .help = "How long each target rings."},
		DIAL_OPTIONS("target"),
		{0},
	},
	.ports = (const struct flow_port[]){
		{"completed", .help = "They talked and the target hung up."},
		{"no_answer", .help = "Nobody answered in time."},
		{"busy", .help = "The last one that gave up was busy."},
		{"failed", true,
		 .help = "The last one that gave up refused or could not be reached."},
		{"no_target", true, .help = "No target was eligible."},
		{0},
	},
	.example = "{\"to\":{\"routing_plan_id\":\"pln_01M86EAB1Q0004DZZ1STGFT7B0\"},\"timeout_seconds\":25,\"whisper\":{\"text\":\"A call from [CALLER_STATE|the web]. Press one to take it.\"},\"accept_key\":\"1\",\"max_duration_seconds\":3600}",
	.compile = compile, .enter = enter, .input = input,
};
