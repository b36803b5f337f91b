#include "base/buf.h"
#include "expr/pointer.h"
#include "flow/node.h"
#include "flow/script_tags.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TAGS_MAX 20
#define LISTED_MAX 32
#define ALIASES_MAX 32

struct config {
	const char *code;
	int timeout_ms;
	const struct flow_tags *tags;
	/* Other names that the code has for tags: former ones, or in another case. It finds them under both. */
	size_t alias_count;
	struct {
		const char *name;
		uint16_t slot;
	} aliases[ALIASES_MAX];
	const char *const *ports; /* the node's, as named */
	uint16_t port_count, next, error;
};

struct naming {
	struct flow_compiler *c;
	struct config *cfg;
};

static bool is_known(const struct config *cfg, const char *name)
{
	for (size_t i = 0; i < cfg->alias_count; i++)
		if (strcmp(cfg->aliases[i].name, name) == 0)
			return true;
	return false;
}

/* Code is not rewritten when a tag gets another name: the check tells where it has an old one. */
static void check_tag(void *arg, const char *name, size_t len)
{
	const struct naming *n = arg;
	const struct flow_context *context = n->c->context;
	char at[200], text[80];
	int slot = context->tag(context->arg, name, len);
	const char *now = slot >= 0 ? context->tag_name(context->arg, (size_t)slot) : NULL;
	snprintf(at, sizeof at, "%s/code", n->c->at);
	snprintf(text, sizeof text, "%.*s", (int)len, name);
	if (now && strcmp(now, text) == 0)
		return;
	if (!now) {
		flow_problem(n->c, false, "unknown_tag", at, "the script names a tag %s, and there is none of that name", text);
		return;
	}
	if (is_known(n->cfg, text) || n->cfg->alias_count == ALIASES_MAX)
		return;
	if (strcasecmp(now, text) != 0)
		flow_problem(n->c, false, "renamed_tag", at,
			     "the script names the tag %s, whose name is %.80s now; it still finds it, until "
			     "another tag gets the old name", text, now);
	n->cfg->aliases[n->cfg->alias_count].name = arena_strdup(n->c->arena, text);
	if (n->cfg->aliases[n->cfg->alias_count].name)
		n->cfg->aliases[n->cfg->alias_count++].slot = (uint16_t)slot;
}

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	const struct flow_node *node = &c->flow->nodes[c->flow->count - 1];
	struct error why;
	if (!cfg || !node->ports)
		return NULL;
	const char **ports = arena_alloc(c->arena, (node->port_count + 1u) * sizeof *ports);
	if (!ports)
		return NULL;
	for (uint16_t i = 0; i < node->port_count; i++)
		ports[i] = node->ports[i].name;
	*cfg = (struct config){.code = flow_config_string(c, config, "code"), .timeout_ms = (int)json_integer_value(json_object_get(config, "timeout_ms")),
			       .tags = flow_compile_tags(c), .ports = ports, .port_count = node->port_count};
	cfg->next = (uint16_t)(node->port_count - 2);
	cfg->error = (uint16_t)(node->port_count - 1);
	if (!cfg->code || !cfg->tags)
		return NULL;
	if (c->context->tag && c->context->tag_name)
		script_each_tag(cfg->code, check_tag, &(struct naming){c, cfg});
	const struct flow_scripts *scripts = c->context->scripts;
	if (scripts && !scripts->check(scripts->arg, cfg->code, &why)) {
		char at[200];
		snprintf(at, sizeof at, "%s/code", c->at);
		flow_problem(c, true, "script", at, "%s", why.text);
	}
	return cfg;
}

/* ---- what a script is given ---- */

static void add_value(struct buf *b, const char *key, const struct value *v)
{
	if (v->kind == VALUE_NONE)
		return;
	json_key(b, key);
	value_json(b, v->kind, v->text, v->len, false);
}

/* "call.caller_id" is call.caller_id, and likewise number.* and time.*. */
static void add_system(struct buf *b, struct expr_env *env, const char *group)
{
	size_t n = strlen(group);
	json_key(b, group);
	json_open(b);
	for (unsigned i = 0; i < SYSTEM_FIELD_COUNT; i++) {
		if (i == CALL_KEY || strncmp(system_fields[i].name, group, n) != 0 || system_fields[i].name[n] != '.')
			continue;
		struct value v = expr_value(env, (struct expr_ref){.source = EXPR_SYSTEM, .slot = (uint16_t)i});
		add_value(b, system_fields[i].name + n + 1, &v);
	}
	json_close(b);
}

static const char *arguments(struct flow_run *run, const struct config *cfg)
{
	const struct flow_state *s = run->state;
	struct buf b = {0};
	json_open(&b);
	add_system(&b, s->env, "call");
	add_system(&b, s->env, "number");
	add_system(&b, s->env, "time");
	json_key(&b, "tags");
	json_open(&b);
	for (size_t i = 0; i < cfg->tags->count && i < s->env->tag_count; i++)
		if (cfg->tags->list[i].name)
			add_value(&b, cfg->tags->list[i].name, &s->tags[i]);
	for (size_t i = 0; i < cfg->alias_count; i++)
		if (cfg->aliases[i].slot < s->env->tag_count)
			add_value(&b, cfg->aliases[i].name, &s->tags[cfg->aliases[i].slot]);
	json_close(&b);
	json_key(&b, "vars");
	json_open(&b);
	for (size_t i = 0; i < s->flow->variable_count; i++)
		add_value(&b, s->flow->variables[i], &s->variables[i]);
	json_close(&b);
	json_close(&b);
	const char *text = b.failed ? NULL : flow_keep(run, buf_text(&b), b.len);
	buf_free(&b);
	return text;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	const struct value *id = &run->state->env->call[CALL_ID];
	const char *given = arguments(run, cfg);
	if (!given) {
		flow_detail(run, "what the script is given is too long; the limit is 1 MiB a call");
		return cfg->error;
	}
	flow_effect(run, FLOW_EFFECT_SCRIPT)->u.script = (struct flow_script){.code = cfg->code, .arguments = given, .timeout_ms = cfg->timeout_ms, .seed = flow_spread(id->text ? id->text : "", run->node->id) + run->state->steps};
	return MOVE_WAIT;
}

/* ---- what it returns ---- */

struct returned {
	uint16_t port;
	size_t tag_count, variable_count;
	struct {
		struct slot_ref to;
		json_t *value;
	} set[TAGS_MAX + LISTED_MAX];
	size_t count;
};

static int find_tag(const struct config *cfg, const char *name)
{
	for (size_t i = 0; i < cfg->tags->count; i++)
		if (cfg->tags->list[i].name && strcasecmp(cfg->tags->list[i].name, name) == 0)
			return (int)i;
	for (size_t i = 0; i < cfg->alias_count; i++)
		if (strcasecmp(cfg->aliases[i].name, name) == 0)
			return cfg->aliases[i].slot;
	return -1;
}

/* Everything is looked up before anything is set. */
static bool read_tags(struct flow_run *run, const struct config *cfg, json_t *tags, struct returned *r)
{
	const char *name;
	json_t *value;
	if (tags && !json_is_object(tags) && !json_is_null(tags))
		return flow_detail(run, "tags must be an object: {name: value}"), false;
	json_object_foreach(tags, name, value) {
		int slot = find_tag(cfg, name);
		if (slot < 0)
			return flow_detail(run, "there is no tag named %.80s; create it under Custom Tags", name), false;
		if (r->tag_count++ == TAGS_MAX)
			return flow_detail(run, "a script sets at most %d tags", TAGS_MAX), false;
		r->set[r->count].to = (struct slot_ref){.is_tag = true, .slot = (uint16_t)slot, .type = cfg->tags->list[slot].type};
		r->set[r->count++].value = value;
	}
	return true;
}

static bool read_variables(struct flow_run *run, json_t *variables, struct returned *r)
{
	const struct flow *flow = run->state->flow;
	const char *name;
	json_t *value;
	if (variables && !json_is_object(variables) && !json_is_null(variables))
		return flow_detail(run, "vars must be an object: {name: value}"), false;
	json_object_foreach(variables, name, value) {
		int slot = flow_variable_find(flow, name, strlen(name));
		if (slot < 0)
			return flow_detail(run, "the variable %.80s is unknown; add it to the node's variables", name), false;
		if (r->variable_count++ == LISTED_MAX)
			return flow_detail(run, "a script sets at most %d variables", LISTED_MAX), false;
		r->set[r->count].to = (struct slot_ref){.slot = (uint16_t)slot};
		r->set[r->count++].value = value;
	}
	return true;
}

static bool read_port(struct flow_run *run, const struct config *cfg, json_t *port, struct returned *r)
{
	const char *name = json_string_value(port);
	r->port = cfg->next;
	if (!port || json_is_null(port))
		return true;
	for (uint16_t i = 0; name && i < cfg->port_count; i++)
		if (strcmp(cfg->ports[i], name) == 0)
			return r->port = i, true;
	return flow_detail(run, name ? "the node has no port %.80s; add it to its ports" : "port must be a text%s", name ? name : ""), false;
}

static bool read_result(struct flow_run *run, const struct config *cfg, json_t *json, struct returned *r)
{
	const char *key;
	json_t *value;
	if (!json_is_object(json))
		return flow_detail(run, "a script returns an object: {port, tags, vars}"), false;
	json_object_foreach(json, key, value)
		if (strcmp(key, "port") != 0 && strcmp(key, "tags") != 0 && strcmp(key, "vars") != 0)
			return flow_detail(run, "a script returns port, tags and vars, not %.80s", key), false;
	return read_port(run, cfg, json_object_get(json, "port"), r) && read_tags(run, cfg, json_object_get(json, "tags"), r) && read_variables(run, json_object_get(json, "vars"), r);
}

/* What the step has to say, and below it what the script wrote. */
static void add_log(struct flow_run *run, const char *log)
{
	struct buf b = {0};
	if (!log || !*log)
		return;
	if (run->detail)
		buf_printf(&b, "%s\n", run->detail);
	buf_add_str(&b, log);
	const char *text = b.failed ? NULL : flow_keep(run, buf_text(&b), b.len);
	if (text)
		run->detail = text;
	buf_free(&b);
}

static int input(struct flow_run *run, const void *config, const struct flow_input *in)
{
	const struct config *cfg = config;
	struct returned r = {0};
	if (in->kind != FLOW_INPUT_SCRIPT)
		return MOVE_REFUSED;
	json_t *json = in->u.script.ok && in->u.script.result ? json_loads(in->u.script.result, 0, NULL) : NULL;
	bool ok = in->u.script.ok && read_result(run, cfg, json, &r);
	for (size_t i = 0; ok && i < r.count; i++) {
		struct value v = json_leaf_value(r.set[i].value, run->state->arena);
		if (v.kind != VALUE_NONE)
			flow_set(run, r.set[i].to, v);
	}
	json_decref(json);
	if (!in->u.script.ok)
		flow_detail(run, "%s", in->u.script.error ? in->u.script.error : "the script could not be run");
	add_log(run, in->u.script.log);
	return ok ? r.port : cfg->error;
}

const struct flow_node_type node_javascript = {
	.type = "javascript", .category = "data", .label = "JavaScript",
	.help = "Runs a script: it reads the call, its tags and the flow's variables, and returns values and a port. It has no network, no files and no clock but the call's, 50 ms of CPU and 64 MB.",
	.config = (const struct field[]){
		{"code", FIELD_SCRIPT, FIELD_REQUIRED, .min = 1, .max = 65536, .help = "The body of a function of call, tags, vars, number and time. It returns {port, tags, vars}; each may be left out. What console.log() is given is in the trace."},
		{"ports", FIELD_NAME, FIELD_LIST, .max = FLOW_PORTS_MAX, .initial = "[]", .help = "Ports it may choose, besides next and error."},
		{"variables", FIELD_VARIABLE, FIELD_LIST, .max = LISTED_MAX, .initial = "[]", .help = "Variables it sets that no other node names."},
		{"timeout_ms", FIELD_INTEGER, .min = 50, .max = 10000, .initial = "1000", .help = "Longest wait for the script, with its wait for a free worker."},
		{0},
	},
	.ports = (const struct flow_port[]){
		{"next", .help = "The script returned no port."},
		{"error", true, .help = "It threw, was stopped, or returned what cannot be used."},
		{0},
	},
	.ports_from = "ports",
	.example = "{\"code\":\"const score = (tags.score ?? 0) + (number.state === 'TX' ? 10 : 0)\\nconsole.log('score', score)\\nreturn { port: score >= 80 ? 'good' : undefined, tags: { score }, vars: { tier: score >= 80 ? 'gold' : 'silver' } }\",\"ports\":[\"good\"],\"variables\":[\"tier\"]}",
	.compile = compile, .enter = enter, .input = input,
};
