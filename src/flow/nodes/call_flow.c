#include "flow/node.h"

struct config {
	const char *id;
};

enum { PORT_NEXT, PORT_FAILED };

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	if (cfg)
		cfg->id = flow_config_string(c, config, "call_flow_id");
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	struct flow_state *s = run->state;
	const struct flow *callee = s->find ? s->find(s->find_arg, cfg->id) : NULL;
	if (!callee) {
		run->detail = "the call flow has no published version that runs";
		return PORT_FAILED;
	}
	if (!flow_push(run, callee)) {
		flow_detail(run, "call flows are nested more than %d deep", FLOW_DEPTH_MAX);
		return PORT_FAILED;
	}
	return MOVE_PUSHED;
}

const struct flow_node_type node_call_flow = {
	.type = "call_flow", .category = "logic", .label = "Call flow", .waits_for_caller = true,
	.help = "Runs another call flow's published version and comes back. Variables that have the same name in both are shared.",
	.config = (const struct field[]){
		{"call_flow_id", FIELD_ID, FIELD_REQUIRED, .kind = "call_flow", .help = "The call flow to be run."},
		{0},
	},
	.ports = (const struct flow_port[]){
		[PORT_NEXT] = {"next", .help = "It came to an unconnected port: its end. (A hangup node in it ends the call.)"},
		[PORT_FAILED] = {
			"failed", true,
			.help = "It has no published version, is nested more than 16 deep, or "
				"an unconnected failure port of it has no fallback."
		},
		{0},
	},
	.example = "{\"call_flow_id\":\"flow_01M86EAFZW000JX8M0Q662M58A\"}",
	.compile = compile, .enter = enter,
};
