#include "base/buf.h"
#include "flow/node.h"
#include "flow/version.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PORT_TEXT_SIZE 250 /* a label of 60 characters, each of four bytes, in quotes */

/* A JSON string of a text that may have been cut within a UTF-8 sequence. NULL: no memory. */
static json_t *whole_text(const char *text)
{
	json_t *string = json_string(text); /* NULL where it is not UTF-8 */
	if (string)
		return string;
	struct buf b = {0};
	buf_json_string(&b, text, strlen(text));
	string = b.failed ? NULL : json_loadb(b.data, b.len, JSON_DECODE_ANY, NULL);
	buf_free(&b);
	return string;
}

void flow_problem(struct flow_compiler *c, bool is_error, const char *code, const char *pointer, const char *fmt, ...)
{
	char detail[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	c->failed |= is_error;
	if (c->problems && json_array_size(c->problems) < 500)
		json_array_append_new(c->problems,
				      json_pack("{s:s, s:s, s:s?, s:o, s:o}", "code", code,
						"severity", is_error ? "error" : "warning",
						"node", c->node_id, "pointer", whole_text(pointer),
						"detail", whole_text(detail)));
}

/* ---- names ---- */

static int find_tag(void *arg, const char *name, size_t len)
{
	struct flow_compiler *c = arg;
	return c->context->tag ? c->context->tag(c->context->arg, name, len) : -1;
}

static int find_variable(void *arg, const char *name, size_t len)
{
	return flow_variable_find(((const struct flow_compiler *)arg)->flow, name, len);
}

static const struct expr_list *find_list(void *arg, const char *id)
{
	const struct flow_compiler *c = arg;
	return c->context->list(c->context->arg, id);
}

static enum value_kind kind_of(void *arg, struct expr_ref ref)
{
	const struct flow_context *context = ((const struct flow_compiler *)arg)->context;
	if (ref.source != EXPR_TAG || !context->tag_type)
		return VALUE_NONE;
	return context->tag_type(context->arg, ref.slot)->kind;
}

static void add_variable(void *arg, const char *name)
{
	struct flow_compiler *c = arg;
	if (find_variable(c, name, strlen(name)) >= 0 || c->flow->variable_count >= FLOW_NODES_MAX)
		return;
	c->flow->variables[c->flow->variable_count] = arena_strdup(c->arena, name);
	if (c->flow->variables[c->flow->variable_count])
		c->flow->variable_count++;
}

typedef void variable_f(void *arg, const char *name);

/* Variables are declared by being written somewhere: any {"variable": name} or {"variables": [name]} in any config. */
static void each_variable(json_t *json, int depth, variable_f *f, void *arg)
{
	const char *key;
	json_t *value;
	size_t i;
	if (depth > 16)
		return;
	if (json_is_array(json)) {
		json_array_foreach(json, i, value)
			each_variable(value, depth + 1, f, arg);
	} else if (json_is_object(json)) {
		json_object_foreach(json, key, value) {
			for (i = 0; strcmp(key, "variables") == 0 && i < json_array_size(value); i++) {
				const char *name = json_string_value(json_array_get(value, i));
				if (name && *name)
					f(arg, name);
			}
			if (strcmp(key, "variable") == 0 && json_is_string(value) && *json_string_value(value))
				f(arg, json_string_value(value));
			else
				each_variable(value, depth + 1, f, arg);
		}
	}
}

static void note_variable(void *arg, const char *name)
{
	json_array_append_new(arg, json_string(name));
}

json_t *flow_variables(json_t *document)
{
	json_t *names = json_array();
	each_variable(json_object_get(document, "nodes"), 0, note_variable, names);
	return names;
}

static int by_name(const void *a, const void *b)
{
	return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

/* ---- parts of a config ---- */

const char *flow_config_string(struct flow_compiler *c, json_t *config, const char *key)
{
	return arena_strdup(c->arena, json_string_value(json_object_get(config, key)));
}

struct unknown {
	struct flow_compiler *c;
	const char *pointer;
};

static void unknown_token(void *arg, const char *name, size_t len)
{
	struct unknown *u = arg;
	if (expr_is_call_key(name, len))
		flow_problem(u->c, true, "unknown_token", u->pointer, "[CALL_KEY] is only for requests: here for http_request nodes");
	else
		flow_problem(u->c, true, "unknown_token", u->pointer, "[%.*s] is neither a tag, a variable nor a system token; create the tag or correct the name", (int)(len < 80 ? len : 80), name);
}

struct template *flow_compile_template(struct flow_compiler *c, const char *pointer, const char *text, enum template_context context)
{
	char at[200];
	snprintf(at, sizeof at, "%s%s", c->at, pointer);
	struct unknown u = {c, at};
	return text ? template_compile(text, strlen(text), context, &c->scope, c->arena, unknown_token, &u) : NULL;
}

static void filter_problem(void *arg, const char *pointer, const char *detail)
{
	struct unknown *u = arg;
	char at[400];
	snprintf(at, sizeof at, "%s%s", u->pointer, pointer);
	flow_problem(u->c, true, "filter", at, "%s", detail);
}

struct filter *flow_compile_filter(struct flow_compiler *c, const char *pointer, json_t *json)
{
	char at[200];
	snprintf(at, sizeof at, "%s%s", c->at, pointer);
	struct unknown u = {c, at};
	struct filter *f = filter_compile(json, &c->scope, c->arena, filter_problem, &u);
	if (!f)
		return NULL;
	struct filter **list = realloc(c->flow->filters, (c->flow->filter_count + 1) * sizeof(struct filter *));
	if (!list) {
		filter_free(f);
		return NULL;
	}
	c->flow->filters = list;
	list[c->flow->filter_count++] = f;
	return f;
}

void flow_compile_prompt(struct flow_compiler *c, json_t *config, const char *key, struct prompt_config *out)
{
	json_t *prompt = json_object_get(config, key);
	char pointer[100];
	snprintf(pointer, sizeof pointer, "/%s/text", key);
	*out = (struct prompt_config){
		.prompt_id = flow_config_string(c, prompt, "prompt_id"),
		.voice = flow_config_string(c, prompt, "voice"),
		.text = flow_compile_template(c, pointer, json_string_value(json_object_get(prompt, "text")), TEMPLATE_TEXT),
	};
	if (json_is_object(prompt) && !out->prompt_id == !out->text) {
		char at[200];
		snprintf(at, sizeof at, "%s/%s", c->at, key);
		flow_problem(c, true, "prompt", at, "a prompt needs either prompt_id or text");
	}
}

char flow_config_key(json_t *config, const char *key)
{
	const char *chosen = json_string_value(json_object_get(config, key));
	return chosen && strcmp(chosen, "none") != 0 ? chosen[0] : '\0';
}

bool flow_compile_slot(struct flow_compiler *c, json_t *json, const char *pointer, struct slot_ref *out)
{
	const char *tag = json_string_value(json_object_get(json, "tag")), *variable = json_string_value(json_object_get(json, "variable"));
	char at[200];
	snprintf(at, sizeof at, "%s%s", c->at, pointer);
	if (!tag == !variable) {
		flow_problem(c, true, "save_to", at, "must name either a tag or a variable");
		return false;
	}
	int slot = tag ? find_tag(c, tag, strlen(tag)) : find_variable(c, variable, strlen(variable));
	if (slot < 0) {
		flow_problem(c, true, "unknown_tag", at, "there is no tag named %.80s; create it under Custom Tags", tag ? tag : variable);
		return false;
	}
	const struct value_type *type = !tag ? NULL : c->context->tag_type ? c->context->tag_type(c->context->arg, (size_t)slot) : &value_type_string;
	*out = (struct slot_ref){.is_tag = tag != NULL, .slot = (uint16_t)slot, .type = type};
	return true;
}

const struct flow_tags *flow_compile_tags(struct flow_compiler *c)
{
	const struct flow_context *context = c->context;
	size_t count = context->tag_name ? context->tag_count : 0;
	struct flow_tags *tags = c->flow->tags ? NULL : arena_alloc(c->arena, sizeof *tags + count * sizeof tags->list[0]);
	for (size_t i = 0; tags && i < count; i++) {
		const char *name = context->tag_name(context->arg, i);
		tags->list[i].name = name ? arena_strdup(c->arena, name) : NULL;
		tags->list[i].type = context->tag_type ? context->tag_type(context->arg, i) : &value_type_string;
		tags->count = i + 1;
	}
	if (tags)
		c->flow->tags = tags;
	return c->flow->tags;
}

/* ---- nodes ---- */

/* The element's label, or NULL: it has none, or nothing that could be read. */
static const char *label_of(json_t *element)
{
	const char *label = json_string_value(json_object_get(element, "label"));
	return label && label[strspn(label, " \t\r\n")] ? label : NULL;
}

/* How a problem names a port: by its label, or by its id as words ("no_input": "no input"). */
static const char *port_text(const char *id, const char *label, char out[PORT_TEXT_SIZE])
{
	snprintf(out, PORT_TEXT_SIZE, "\"%.*s\"", PORT_TEXT_SIZE - 3, label ? label : id);
	for (char *at = out; !label && (at = strchr(at, '_')); at++)
		*at = ' ';
	return out;
}

static struct flow_port *find_port(struct flow_port *ports, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(ports[i].name, name) == 0)
			return &ports[i];
	return NULL;
}

/* A listed port must not be named like one of the type's own. at: the element that names it. */
static void check_port_name(struct flow_compiler *c, const struct flow_node_type *type,
			    const char *at, const char *name)
{
	bool taken = false;
	for (const struct flow_port *own = type->ports; own->name; own++)
		taken |= strcmp(own->name, name) == 0;
	if (taken)
		flow_problem(c, true, "port_name", at,
			     "the port name %s is the node type's own; choose another", name);
}

/*
 * Add a port for each element of the list. Elements may share one, which has their first label.
 * Returns false without memory.
 */
static bool add_listed_ports(struct flow_compiler *c, const struct flow_node_type *type,
			     json_t *list, struct flow_port *ports, size_t *count)
{
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item) {
		bool is_object = json_is_object(item);
		json_t *id = is_object ? json_object_get(item, "port") : item;
		const char *name = json_string_value(id);
		const char *label = label_of(item);
		struct flow_port *port = name ? find_port(ports, *count, name) : NULL;
		char at[200];
		if (!name || (!port && *count == FLOW_PORTS_MAX))
			continue;
		if (!port) {
			snprintf(at, sizeof at, "%s/%s/%zu%s", c->at, type->ports_from, i,
				 is_object ? "/port" : "");
			check_port_name(c, type, at, name);
			port = &ports[*count];
			port->name = arena_strdup(c->arena, name);
			if (!port->name)
				return false;
			(*count)++;
		}
		if (label && !port->label && !(port->label = arena_strdup(c->arena, label)))
			return false;
	}
	return true;
}

static struct flow_port *build_ports(struct flow_compiler *c, const struct flow_node_type *type, json_t *config, uint16_t *count)
{
	size_t n = 0;
	struct flow_port *ports = arena_alloc(c->arena, (FLOW_PORTS_MAX + 8) * sizeof *ports);
	json_t *list = type->ports_from ? json_object_get(config, type->ports_from) : NULL;
	if (!ports || !add_listed_ports(c, type, list, ports, &n))
		return NULL;
	for (const struct flow_port *p = type->ports; p->name; p++)
		ports[n++] = *p;
	if (type->goes_to) /* a way that the canvas does not show */
		ports[n++] = (struct flow_port){.name = "to", .help = "The node that is named."};
	*count = (uint16_t)n;
	return ports;
}

static void no_filter_check(void *arg, json_t *filter, const char *pointer, struct errors *errors)
{
	(void)arg, (void)filter, (void)pointer, (void)errors; /* compile() does, with the flow's variables in scope */
}

static bool context_exists(void *arg, const char *kind, const char *id)
{
	const struct flow_context *context = arg;
	return !context->exists || context->exists(context->arg, kind, id);
}

/* Check config against the type's table; tells every problem. */
static bool check_config(struct flow_compiler *c, const struct flow_node_type *type, json_t *config)
{
	struct errors errors = {0};
	struct schema_context context = {.exists = context_exists, .filter = no_filter_check, .arg = (void *)(uintptr_t)c->context};
	schema_check(type->config, config, c->at, &context, &errors);
	size_t i;
	json_t *e;
	json_array_foreach(errors.list, i, e)
		flow_problem(c, true, "config", json_string_value(json_object_get(e, "pointer")), "%s", json_string_value(json_object_get(e, "detail")));
	bool ok = !errors_any(&errors);
	errors_free(&errors);
	return ok;
}

/* Nodes by their id: open addressing, at most half full. */
#define PLACES (2 * 1024)
_Static_assert(PLACES >= 2 * FLOW_NODES_MAX, "half of the places stay free");

static uint16_t *place_of(const struct flow_compiler *c, const char *id)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (const char *p = id; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	size_t at = hash % PLACES;
	while (c->by_id[at] && strcmp(c->flow->nodes[c->by_id[at] - 1].id, id) != 0)
		at = (at + 1) % PLACES;
	return &c->by_id[at];
}

static int find_node(const struct flow_compiler *c, const char *id)
{
	return id ? (int)*place_of(c, id) - 1 : -1;
}

static void compile_node(struct flow_compiler *c, json_t *json, size_t index)
{
	char at[80];
	const char *id = json_string_value(json_object_get(json, "id")), *type_name = json_string_value(json_object_get(json, "type"));
	struct flow_node *node = &c->flow->nodes[index];
	snprintf(at, sizeof at, "/nodes/%zu/config", index);
	c->at = at;
	c->node_id = id;
	if (!id || !*id || strlen(id) > 64) {
		flow_problem(c, true, "node_id", at, "a node needs an id of 1 to 64 characters");
		id = "";
	} else if (find_node(c, id) >= 0) {
		flow_problem(c, true, "node_id", at, "the id %s is used by two nodes", id);
	}
	if (!(node->id = arena_strdup(c->arena, id)))
		node->id = "";
	uint16_t *place = place_of(c, node->id);
	if (!*place) /* of two with one id, edges mean the first */
		*place = (uint16_t)(index + 1);
	node->type = type_name ? flow_node_type_find(type_name) : NULL;
	c->flow->count = index + 1;
	if (!node->type) {
		flow_problem(c, true, "node_type", at, "there is no node type %.40s", type_name ? type_name : "(none)");
		return;
	}
	if (strcmp(node->type->type, "start") == 0) {
		if (c->flow->start != FLOW_NO_NODE)
			flow_problem(c, true, "start", at, "a flow has exactly one start node; delete this one");
		c->flow->start = (uint16_t)index;
	}
	json_t *config = json_deep_copy(json_object_get(json, "config"));
	if (!json_is_object(config)) {
		json_decref(config);
		config = json_object();
	}
	node->ports = build_ports(c, node->type, config, &node->port_count);
	node->next = arena_alloc(c->arena, sizeof(uint16_t) * (node->port_count + 1u));
	for (size_t i = 0; node->next && i < node->port_count; i++)
		node->next[i] = FLOW_NO_NODE;
	if (!node->ports || !node->next) {
		flow_problem(c, true, "memory", at, "out of memory");
	} else if (check_config(c, node->type, config)) {
		node->config = node->type->compile ? node->type->compile(c, config) : NULL;
		if (!node->config && node->type->compile && !c->failed)
			flow_problem(c, true, "memory", at, "out of memory");
	}
	json_decref(config);
	c->at = "";
}

static void compile_edge(struct flow_compiler *c, json_t *json, size_t index)
{
	char at[64], text[PORT_TEXT_SIZE];
	snprintf(at, sizeof at, "/edges/%zu", index);
	const char *from_id = json_string_value(json_object_get(json, "from")), *to_id = json_string_value(json_object_get(json, "to"));
	const char *port = json_string_value(json_object_get(json, "port"));
	int from = find_node(c, from_id), to = find_node(c, to_id);
	c->node_id = from_id;
	if (from < 0 || to < 0) {
		flow_problem(c, true, "edge", at, "an edge goes from a node to a node: %.64s is not one", from < 0 ? (from_id ? from_id : "(none)") : (to_id ? to_id : "(none)"));
		return;
	}
	struct flow_node *node = &c->flow->nodes[from];
	for (size_t i = 0; node->next && i < node->port_count; i++) {
		if (!port || strcmp(node->ports[i].name, port) != 0)
			continue;
		if (node->next[i] != FLOW_NO_NODE)
			flow_problem(c, true, "edge", at,
				     "port %s has two edges; a port leads to one node",
				     port_text(port, node->ports[i].label, text));
		node->next[i] = (uint16_t)to;
		return;
	}
	if (node->type)
		flow_problem(c, true, "edge", at,
			     port ? "there is no port %s: remove this edge, or let it leave "
				    "another port" : "the edge names no port%s",
			     port ? port_text(port, NULL, text) : "");
}

/* The nodes that go to one they name. */
static void connect_named(struct flow_compiler *c, size_t index, json_t *json)
{
	struct flow_node *node = &c->flow->nodes[index];
	if (!node->type || !node->type->goes_to || !node->next)
		return;
	const char *id = json_string_value(json_object_get(json_object_get(json, "config"), node->type->goes_to));
	int to = id ? find_node(c, id) : -1;
	char at[80];
	snprintf(at, sizeof at, "/nodes/%zu/config/%s", index, node->type->goes_to);
	c->node_id = node->id;
	if (to < 0 && id)
		flow_problem(c, true, "go_to", at, "there is no node %.64s in this flow", id);
	else if (to >= 0)
		node->next[0] = (uint16_t)to;
}

/* ---- the graph ---- */

static void mark_reachable(const struct flow *f, uint8_t *seen, uint16_t *stack)
{
	size_t top = 0;
	stack[top++] = f->start;
	seen[f->start] = 1;
	while (top) {
		const struct flow_node *n = &f->nodes[stack[--top]];
		for (size_t i = 0; i < n->port_count; i++) {
			if (n->next[i] != FLOW_NO_NODE && !seen[n->next[i]]) {
				seen[n->next[i]] = 1;
				stack[top++] = n->next[i];
			}
		}
	}
}

/* Nodes left after taking away, again and again, those that lead only to nodes taken
 * away (or to ones that wait for the caller) are loops that never wait. */
static void find_busy_loops(struct flow_compiler *c)
{
	const struct flow *f = c->flow;
	bool changed = true;
	uint8_t *gone = calloc(f->count, 1);
	if (!gone)
		return;
	while (changed) {
		changed = false;
		for (size_t i = 0; i < f->count; i++) {
			bool leads = false;
			if (gone[i])
				continue;
			for (size_t p = 0; !f->nodes[i].type->waits_for_caller && p < f->nodes[i].port_count; p++)
				leads |= f->nodes[i].next[p] != FLOW_NO_NODE && !gone[f->nodes[i].next[p]];
			if (!leads)
				gone[i] = changed = true;
		}
	}
	for (size_t i = 0; i < f->count; i++) {
		bool in_loop = false;
		if (gone[i])
			continue;
		for (size_t k = 0; k < f->count && !in_loop; k++)
			for (size_t p = 0; !gone[k] && p < f->nodes[k].port_count; p++)
				in_loop |= f->nodes[k].next[p] == i;
		if (!in_loop)
			continue; /* it only leads into the loop */
		c->node_id = f->nodes[i].id;
		flow_problem(c, true, "loop", "", "this loop never waits for the caller; put a play, menu, gather or dial node into it");
		break;
	}
	free(gone);
}

static void tell_unconnected(struct flow_compiler *c, const struct flow_node *node)
{
	for (size_t p = 0; p < node->port_count; p++) {
		const struct flow_port *port = &node->ports[p];
		char text[PORT_TEXT_SIZE];
		if (node->next[p] != FLOW_NO_NODE)
			continue;
		flow_problem(c, false, "unconnected_port", "", "port %s is not connected: %s",
			     port_text(port->name, port->label, text),
			     port->failure ? "the flow's fallback runs" : "the call ends there");
	}
}

static void check_graph(struct flow_compiler *c)
{
	struct flow *f = c->flow;
	c->node_id = NULL;
	if (f->start == FLOW_NO_NODE) {
		flow_problem(c, true, "start", "/nodes", "a flow needs a start node");
		return;
	}
	uint8_t *seen = calloc(f->count, 1);
	uint16_t *stack = calloc(f->count, sizeof *stack);
	if (seen && stack) {
		mark_reachable(f, seen, stack);
		for (size_t i = 0; i < f->count; i++) {
			c->node_id = f->nodes[i].id;
			if (!seen[i]) {
				flow_problem(c, false, "unreachable", "", "no path leads here; connect it or delete it");
				continue;
			}
			tell_unconnected(c, &f->nodes[i]);
		}
	}
	free(seen);
	free(stack);
	find_busy_loops(c);
}

struct flow *flow_compile(json_t *document, const struct flow_context *context, json_t *problems)
{
	struct flow *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	struct flow_compiler c = {.flow = f, .arena = &f->arena, .context = context, .problems = problems, .at = "",
				  .scope = {.tag = find_tag, .variable = find_variable, .kind = kind_of}};
	c.scope.arg = &c;
	c.scope.list = context->list ? find_list : NULL;
	c.scope.region = context->region;
	c.scope.regexes = context->regexes;
	c.scope.stored = context->stored;
	f->start = FLOW_NO_NODE;
	json_t *nodes = json_object_get(document, "nodes"), *edges = json_object_get(document, "edges"), *item;
	const char *schema = json_string_value(json_object_get(document, "schema"));
	size_t n = json_array_size(nodes), i;
	if (schema && strcmp(schema, "strowger.flow/1") != 0)
		flow_problem(&c, true, "document", "/schema", "this version reads strowger.flow/1");
	if (!json_is_array(nodes) || (edges && !json_is_array(edges)))
		flow_problem(&c, true, "document", "", "a flow document has arrays nodes and edges");
	else if (n > FLOW_NODES_MAX)
		flow_problem(&c, true, "limit", "/nodes", "a flow may have at most %d nodes; move a part into another flow", FLOW_NODES_MAX);
	if (c.failed)
		goto fail;
	f->nodes = arena_alloc(c.arena, (n + 1) * sizeof *f->nodes);
	f->variables = arena_alloc(c.arena, FLOW_NODES_MAX * sizeof *f->variables);
	c.by_id = calloc(PLACES, sizeof *c.by_id);
	if (!f->nodes || !f->variables || !c.by_id)
		goto fail;
	each_variable(nodes, 0, add_variable, &c);
	qsort(f->variables, f->variable_count, sizeof *f->variables, by_name);
	json_array_foreach(nodes, i, item)
		compile_node(&c, item, i);
	json_array_foreach(edges, i, item)
		compile_edge(&c, item, i);
	json_array_foreach(nodes, i, item)
		connect_named(&c, i, item);
	const char *plan = json_string_value(json_object_get(json_object_get(document, "fallback"), "routing_plan_id"));
	c.node_id = NULL;
	if (plan && context->exists && !context->exists(context->arg, "routing_plan", plan))
		flow_problem(&c, true, "fallback", "/fallback/routing_plan_id", "there is no routing plan %.60s", plan);
	f->fallback_plan_id = arena_strdup(c.arena, plan);
	f->id = arena_strdup(c.arena, context->id);
	f->version = context->version;
	bool all_typed = true;
	for (i = 0; i < f->count; i++)
		all_typed &= f->nodes[i].type && f->nodes[i].next && f->nodes[i].ports;
	if (all_typed)
		check_graph(&c);
	if (!c.failed) {
		free(c.by_id);
		return f;
	}
fail:
	free(c.by_id);
	flow_free(f);
	return NULL;
}

void flow_free(struct flow *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->filter_count; i++)
		filter_free(f->filters[i]);
	free(f->filters);
	arena_free(&f->arena);
	free(f);
}

const char *flow_id(const struct flow *f)
{
	return f->id;
}

int flow_version(const struct flow *f)
{
	return f->version;
}

const char *flow_node_id(const struct flow *f, unsigned node)
{
	return node == FLOW_NODE_FALLBACK ? "fallback" : node < f->count ? f->nodes[node].id : "";
}

const char *flow_node_type_of(const struct flow *f, unsigned node)
{
	return node == FLOW_NODE_FALLBACK ? "dial" : node < f->count ? f->nodes[node].type->type : "";
}

const char *flow_port_name(const struct flow *f, unsigned node, unsigned port)
{
	return node < f->count && port < f->nodes[node].port_count ? f->nodes[node].ports[port].name : "";
}

bool flow_port_is_failure(const struct flow *f, unsigned node, unsigned port)
{
	return node < f->count && port < f->nodes[node].port_count && f->nodes[node].ports[port].failure;
}

size_t flow_variable_count(const struct flow *f)
{
	return f->variable_count;
}

int flow_variable_find(const struct flow *f, const char *name, size_t len)
{
	for (size_t i = 0; i < f->variable_count; i++)
		if (strlen(f->variables[i]) == len && strncasecmp(f->variables[i], name, len) == 0)
			return (int)i;
	return -1;
}

const char *flow_variable_name(const struct flow *f, size_t slot)
{
	return slot < f->variable_count ? f->variables[slot] : "";
}
