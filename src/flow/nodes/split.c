#include "flow/node.h"
#include <string.h>

struct config {
	bool sticky;
	uint64_t total;
	size_t count;
	struct {
		uint64_t weight;
		uint16_t port;
	} share[FLOW_PORTS_MAX];
};

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	const struct flow_node *node = &c->flow->nodes[c->flow->count - 1];
	size_t i;
	json_t *item;
	if (!cfg)
		return NULL;
	cfg->sticky = json_is_true(json_object_get(config, "sticky"));
	json_array_foreach(json_object_get(config, "shares"), i, item) {
		const char *port = json_string_value(json_object_get(item, "port"));
		cfg->share[i].weight = (uint64_t)json_integer_value(json_object_get(item, "weight"));
		for (uint16_t p = 0; p < node->port_count; p++)
			if (strcmp(node->ports[p].name, port) == 0)
				cfg->share[i].port = p;
		cfg->total += cfg->share[i].weight;
		cfg->count++;
	}
	if (!cfg->total)
		flow_problem(c, true, "weights", "/shares", "at least one share needs a weight above 0");
	return cfg;
}

/* The call's id is the lot that was drawn, so that a replay takes the same way. */
static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	struct value by = run->state->env->call[cfg->sticky ? CALL_CALLER_ID : CALL_ID];
	uint64_t at = flow_spread(by.text ? by.text : "", run->node->id) % cfg->total;
	size_t i = 0;
	while (at >= cfg->share[i].weight)
		at -= cfg->share[i++].weight;
	return cfg->share[i].port;
}

const struct flow_node_type node_split = {
	.type = "split", .category = "logic", .label = "Split",
	.help = "Divides calls among its ports by weight.",
	.config = (const struct field[]){
		{"shares", FIELD_OBJECT, FIELD_REQUIRED | FIELD_LIST, .min = 1, .max = 30, .help = "The ports and their weights, such as 70 and 30, or 2 and 1.",
		 .fields = (const struct field[]){
			 PORT_FIELDS,
			 {"weight", FIELD_INTEGER, FIELD_REQUIRED, .min = 0, .max = 1000000, .help = "Its share of the sum of all weights; 0 rests it."},
			 {0},
		 }},
		{"sticky", FIELD_BOOLEAN, .initial = "false", .help = "A caller who calls again leaves by the same port."},
		{0},
	},
	.ports_from = "shares",
	.ports = (const struct flow_port[]){{0}},
	.example = "{\"shares\":[{\"port\":\"a\",\"weight\":70},{\"port\":\"b\",\"weight\":30}],\"sticky\":true}",
	.compile = compile, .enter = enter,
};
