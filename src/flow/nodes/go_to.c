#include "flow/node.h"

static int enter(struct flow_run *run, const void *config)
{
	(void)run, (void)config;
	return 0; /* the way to the node that is named */
}

const struct flow_node_type node_go_to = {
	.type = "go_to", .category = "logic", .label = "Go to",
	.help = "Goes on at another node of this flow, without a line across the canvas.",
	.config = (const struct field[]){
		{"node", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 64, .help = "The other node's id."},
		{0},
	},
	.ports = (const struct flow_port[]){{0}},
	.goes_to = "node",
	.example = "{\"node\":\"start\"}",
	.enter = enter,
};
