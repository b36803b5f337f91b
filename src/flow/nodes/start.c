#include "flow/node.h"

static void *compile(struct flow_compiler *c, json_t *config)
{
	(void)config;
	return arena_alloc(c->arena, 1);
}

static int enter(struct flow_run *run, const void *config)
{
	(void)run, (void)config;
	return 0;
}

const struct flow_node_type node_start = {
	.type = "start", .category = "control", .label = "Start", .help = "Where every call begins. A flow has exactly one.",
	.config = (const struct field[]){{0}},
	.ports = (const struct flow_port[]){{"next", .help = "The first step."}, {0}},
	.example = "{}",
	.compile = compile, .enter = enter,
};
