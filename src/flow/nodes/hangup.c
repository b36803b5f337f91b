#include "flow/node.h"

struct config {
	const char *cause;
	int sip_status;
};

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	if (!cfg)
		return NULL;
	cfg->cause = flow_config_string(c, config, "cause");
	cfg->sip_status = (int)json_integer_value(json_object_get(config, "sip_status"));
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	struct flow_effect *e = flow_effect(run, FLOW_EFFECT_HANGUP);
	e->u.hangup.cause = cfg->cause;
	e->u.hangup.sip_status = cfg->sip_status;
	return MOVE_END;
}

const struct flow_node_type node_hangup = {
	.type = "hangup", .category = "call", .label = "Hang up",
	.help = "Ends the call.",
	.config = (const struct field[]){
		{"cause", FIELD_ENUM, .choices = (const char *const[]){"normal", "busy", "reject", NULL}, .initial = "\"normal\"", .help = "How it looks to the caller when the call was not answered yet."},
		{"sip_status", FIELD_INTEGER, .min = 400, .max = 699, .help = "An exact SIP status instead of the cause, before the call is answered."},
		{0},
	},
	.ports = (const struct flow_port[]){{0}},
	.example = "{\"cause\":\"busy\"}",
	.compile = compile, .enter = enter,
};
