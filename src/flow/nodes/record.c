#include "flow/node.h"
#include <string.h>

struct config {
	enum flow_record action;
};

const char *const flow_record_actions[] = {[RECORD_START] = "start", [RECORD_STOP] = "stop", [RECORD_PAUSE] = "pause", [RECORD_RESUME] = "resume", NULL};

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	const char *action = json_string_value(json_object_get(config, "action"));
	for (int i = 0; cfg && flow_record_actions[i]; i++)
		if (action && strcmp(flow_record_actions[i], action) == 0)
			cfg->action = (enum flow_record)i;
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	flow_effect(run, FLOW_EFFECT_RECORD)->u.record = ((const struct config *)config)->action;
	return 0;
}

const struct flow_node_type node_record = {
	.type = "record", .category = "call", .label = "Record",
	.help = "Records the call, the caller in one channel and what the caller hears in the "
		"other. The recording goes on through the nodes that follow, until it is stopped or "
		"the call ends. It is then reported by the event recording.ready.",
	.config = (const struct field[]){
		{"action", FIELD_ENUM, .choices = flow_record_actions, .initial = "\"start\"", .help = "Between pause and resume there is silence: for card numbers and the like. What does not apply does nothing."},
		{0},
	},
	.ports = (const struct flow_port[]){{"next", .help = "Always."}, {0}},
	.example = "{\"action\":\"start\"}",
	.compile = compile, .enter = enter,
};
