/* The node types there are: meson.build's node_types, in that order, as NODE_TYPES(X). */
#include "flow/node.h"
#include <string.h>

#define DECLARE(name) extern const struct flow_node_type node_##name;
#define LIST(name) &node_##name,
NODE_TYPES(DECLARE)
const struct flow_node_type *const flow_node_types[] = {NODE_TYPES(LIST) NULL};

const struct flow_node_type *flow_node_type_find(const char *type)
{
	for (size_t i = 0; flow_node_types[i]; i++)
		if (strcmp(flow_node_types[i]->type, type) == 0)
			return flow_node_types[i];
	return NULL;
}

json_t *flow_node_types_json(void)
{
	json_t *list = json_array();
	for (size_t i = 0; flow_node_types[i]; i++) {
		const struct flow_node_type *t = flow_node_types[i];
		json_t *ports = json_array();
		for (const struct flow_port *p = t->ports; p->name; p++)
			json_array_append_new(ports, json_pack("{s:s, s:b, s:s?}", "name", p->name, "failure", p->failure, "help", p->help));
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:o, s:s?, s:o, s:o}", "type", t->type, "category", t->category,
						      "label", t->label, "help", t->help, "ports", ports, "ports_from", t->ports_from,
						      "config_schema", schema_json(t->config), "example", json_loads(t->example, 0, NULL)));
	}
	return list;
}
