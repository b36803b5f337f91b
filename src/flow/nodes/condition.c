#include "flow/node.h"
#include <string.h>

struct config {
	size_t count;
	uint16_t else_port;
	struct {
		const struct filter *filter;
		uint16_t port;
	} branch[FLOW_PORTS_MAX];
};

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	const struct flow_node *node = &c->flow->nodes[c->flow->count - 1];
	size_t i;
	json_t *item;
	if (!cfg)
		return NULL;
	cfg->else_port = (uint16_t)(node->port_count - 1);
	json_array_foreach(json_object_get(config, "branches"), i, item) {
		char at[64];
		const char *port = json_string_value(json_object_get(item, "port"));
		snprintf(at, sizeof at, "/branches/%zu/filter", i);
		cfg->branch[i].filter = flow_compile_filter(c, at, json_object_get(item, "filter"));
		for (uint16_t p = 0; p < node->port_count; p++)
			if (strcmp(node->ports[p].name, port) == 0)
				cfg->branch[i].port = p;
		cfg->count++;
	}
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	for (size_t i = 0; i < cfg->count; i++)
		if (filter_match(cfg->branch[i].filter, run->state->env))
			return cfg->branch[i].port;
	if (filter_is_spent(run->state->env))
		flow_detail(run, "the filters of this call take more computing than a call may use: "
			    "no branch is taken");
	return cfg->else_port;
}

const struct flow_node_type node_condition = {
	.type = "condition", .category = "logic", .label = "Condition",
	.help = "Takes the first branch whose filter the call passes, else the port else.",
	.config = (const struct field[]){
		{"branches", FIELD_OBJECT, FIELD_REQUIRED | FIELD_LIST, .min = 1, .max = 30, .help = "Asked in this order.",
		 .fields = (const struct field[]){
			 PORT_FIELDS,
			 {"filter", FIELD_FILTER, FIELD_REQUIRED, .help = "What must be true."},
			 {0},
		 }},
		{0},
	},
	.ports_from = "branches",
	.ports = (const struct flow_port[]){{"else", .help = "No branch was true."}, {0}},
	.example = "{\"branches\":[{\"port\":\"vip\",\"filter\":{\"match\":\"all\",\"rules\":[{\"field\":\"tag.score\",\"op\":\"greater_or_equal\",\"value\":80},{\"field\":\"number.state\",\"op\":\"in\",\"value\":[\"TX\",\"OK\"]}]}}]}",
	.compile = compile, .enter = enter,
};
