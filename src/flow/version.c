#include "flow/version.h"
#include "flow/node.h"
#include "model/walk.h"
#include <string.h>

#define POINTER_MAX 400

/* ---- what differs ---- */

/* Pointers of what differs within two values, longest first as far as both are objects or arrays of one length. */
static void differing(json_t *a, json_t *b, const char *at, json_t *keys)
{
	char pointer[POINTER_MAX];
	const char *key;
	json_t *value;
	if (a && b && json_equal(a, b))
		return;
	if (json_is_object(a) && json_is_object(b)) {
		json_object_foreach(a, key, value) {
			snprintf(pointer, sizeof pointer, "%s/%s", at, key);
			differing(value, json_object_get(b, key), pointer, keys);
		}
		json_object_foreach(b, key, value) {
			snprintf(pointer, sizeof pointer, "%s/%s", at, key);
			if (!json_object_get(a, key))
				differing(NULL, value, pointer, keys);
		}
	} else if (json_is_array(a) && json_is_array(b) && json_array_size(a) == json_array_size(b)) {
		for (size_t i = 0; i < json_array_size(a); i++) {
			snprintf(pointer, sizeof pointer, "%s/%zu", at, i);
			differing(json_array_get(a, i), json_array_get(b, i), pointer, keys);
		}
	} else {
		json_array_append_new(keys, json_string(at));
	}
}

/* Nodes by their id. Their place on the canvas is compared apart. */
static json_t *nodes_by_id(json_t *document)
{
	json_t *nodes = json_object(), *node;
	size_t i;
	json_array_foreach(json_object_get(document, "nodes"), i, node) {
		const char *id = json_string_value(json_object_get(node, "id"));
		if (id)
			json_object_set(nodes, id, node);
	}
	return nodes;
}

static json_t *edges_by_text(json_t *document)
{
	json_t *edges = json_object(), *edge;
	size_t i;
	json_array_foreach(json_object_get(document, "edges"), i, edge) {
		json_t *plain = json_pack("{s:O?, s:O?, s:O?}", "from", json_object_get(edge, "from"), "port", json_object_get(edge, "port"), "to", json_object_get(edge, "to"));
		char *text = plain ? json_dumps(plain, JSON_COMPACT) : NULL;
		if (text)
			json_object_set(edges, text, plain);
		free(text);
		json_decref(plain);
	}
	return edges;
}

/* What `all` has and `known` lacks, as keys or as values. */
static json_t *missing(json_t *all, json_t *known, bool values)
{
	json_t *list = json_array(), *value;
	const char *key;
	json_object_foreach(all, key, value)
		if (!json_object_get(known, key))
			json_array_append_new(list, values ? json_incref(value) : json_string(key));
	return list;
}

static json_t *without(json_t *object, const char *const *keys)
{
	json_t *copy = json_copy(object);
	for (; *keys; keys++)
		json_object_del(copy, *keys);
	return copy;
}

static void diff_nodes(json_t *a, json_t *b, json_t *changed, json_t *moved)
{
	static const char *const apart[] = {"position", NULL};
	const char *id;
	json_t *node;
	json_object_foreach(a, id, node) {
		json_t *other = json_object_get(b, id), *keys = json_array();
		if (other) {
			json_t *from = without(node, apart), *to = without(other, apart);
			differing(from, to, "", keys);
			json_decref(from);
			json_decref(to);
		}
		json_t *p = json_object_get(node, "position"), *q = json_object_get(other, "position");
		if (json_array_size(keys))
			json_array_append_new(changed, json_pack("{s:s, s:O}", "id", id, "keys", keys));
		else if (other && (p || q) && !(p && q && json_equal(p, q)))
			json_array_append_new(moved, json_string(id));
		json_decref(keys);
	}
}

json_t *flow_diff(json_t *from, json_t *to)
{
	static const char *const apart[] = {"nodes", "edges", "schema", NULL};
	json_t *a = nodes_by_id(from), *b = nodes_by_id(to), *ea = edges_by_text(from), *eb = edges_by_text(to);
	json_t *changed = json_array(), *moved = json_array(), *keys = json_array(), *rest_a = without(from, apart), *rest_b = without(to, apart);
	diff_nodes(a, b, changed, moved);
	differing(rest_a, rest_b, "", keys);
	json_t *added = missing(b, a, false), *removed = missing(a, b, false), *edges_added = missing(eb, ea, true), *edges_removed = missing(ea, eb, true);
	bool same = !json_array_size(added) && !json_array_size(removed) && !json_array_size(changed) && !json_array_size(moved) && !json_array_size(edges_added) && !json_array_size(edges_removed) && !json_array_size(keys);
	json_decref(a);
	json_decref(b);
	json_decref(ea);
	json_decref(eb);
	json_decref(rest_a);
	json_decref(rest_b);
	return json_pack("{s:b, s:{s:o, s:o, s:o, s:o}, s:{s:o, s:o}, s:o}", "same", same, "nodes", "added", added, "removed", removed, "changed", changed, "moved", moved, "edges", "added", edges_added, "removed", edges_removed, "keys", keys);
}

/* ---- what is referred to ---- */

/* Lists are the one thing that a filter names by its id. */
static void visit_filter(json_t *filter, const char *at, int depth, flow_reference_f *f, void *arg)
{
	char pointer[POINTER_MAX];
	json_t *rule;
	size_t i;
	json_array_foreach(json_object_get(filter, "rules"), i, rule) {
		const char *op = json_string_value(json_object_get(rule, "op"));
		json_t *value = json_object_get(rule, "value");
		if (op && strcmp(op, "in_list") == 0 && json_is_string(value)) {
			snprintf(pointer, sizeof pointer, "%s/rules/%zu/value", at, i);
			f(arg, pointer, "list", value);
		} else if (json_object_get(rule, "rules") && depth < FILTER_DEPTH_MAX) {
			snprintf(pointer, sizeof pointer, "%s/rules/%zu", at, i);
			visit_filter(rule, pointer, depth + 1, f, arg);
		}
	}
}

struct references {
	flow_reference_f *f;
	void *arg;
};

static void visit(void *arg, const struct walk_place *place)
{
	const struct references *r = arg;
	if (place->field->type == FIELD_ID && json_is_string(place->value))
		r->f(r->arg, place->pointer, place->field->kind, place->value);
	else if (place->field->type == FIELD_FILTER)
		visit_filter(place->value, place->pointer, 0, r->f, r->arg);
}

static void walk_config(void *arg, const struct flow_config *config)
{
	walk_fields(config->fields, config->config, config->pointer, visit, arg);
}

void flow_each_config(json_t *document, flow_config_f *f, void *arg)
{
	json_t *node;
	char at[64];
	size_t i;
	json_array_foreach(json_object_get(document, "nodes"), i, node) {
		const char *name = json_string_value(json_object_get(node, "type"));
		const char *id = json_string_value(json_object_get(node, "id"));
		const struct flow_node_type *type = name ? flow_node_type_find(name) : NULL;
		snprintf(at, sizeof at, "/nodes/%zu/config", i);
		if (type)
			f(arg, &(struct flow_config){.node = id ? id : "", .pointer = at, .fields = type->config,
						     .config = json_object_get(node, "config")});
	}
}

void flow_each_reference(json_t *document, flow_reference_f *f, void *arg)
{
	json_t *plan = json_object_get(json_object_get(document, "fallback"), "routing_plan_id");
	flow_each_config(document, walk_config, &(struct references){f, arg});
	if (json_is_string(plan))
		f(arg, "/fallback/routing_plan_id", "routing_plan", plan);
}
