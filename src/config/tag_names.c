#include "config/tag_names.h"
#include "expr/document.h"
#include "expr/filter.h"
#include "expr/token.h"
#include "flow/script_tags.h"
#include "flow/version.h"
#include "model/resource.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 300 /* of a name as it is written: prefix, tag, what asks for conversions */

/* What a document may name: the tags, and by its kind something besides. */
struct names {
	const struct tag_set *tags;
	const char *kind;
	json_t *variables; /* of a flow */
};

struct walk {
	struct names before, after;
	const char *tag_id;
	bool rewrites;
	size_t found; /* names of the tag; of those that rewrite: names that were changed */
	struct errors *problems;
	json_t *scripts;
	const char *at;
};

/* ---- what a name means ---- */

static int find_tag(void *arg, const char *name, size_t len)
{
	return tag_set_find(((const struct names *)arg)->tags, name, len);
}

/* Outgoing webhooks have names for the event, which yield to tags; RTB targets for the ping. */
static int find_variable(void *arg, const char *name, size_t len)
{
	const struct names *n = arg;
	if (strcmp(n->kind, "rtb_target") == 0)
		return rtb_token_find(name, len);
	if (strcmp(n->kind, "outgoing_webhook") == 0)
		return find_tag(arg, name, len) < 0 ? event_token_find(name, len) : -1;
	for (size_t i = 0; i < json_array_size(n->variables); i++) {
		const char *variable = json_string_value(json_array_get(n->variables, i));
		if (strlen(variable) == len && strncasecmp(variable, name, len) == 0)
			return (int)i;
	}
	return -1;
}

static struct expr_scope scope_of(struct names *n)
{
	return (struct expr_scope){.tag = find_tag, .variable = find_variable, .arg = n};
}

static const char *tag_of(const struct names *n, struct expr_ref ref)
{
	return ref.source == EXPR_TAG ? tag_set_get(n->tags, ref.slot)->id : NULL;
}

static bool is_the_tag(const struct walk *w, struct expr_ref ref)
{
	const char *id = tag_of(&w->before, ref);
	return id && strcmp(id, w->tag_id) == 0;
}

/* Before in the one set, after in the other. */
static bool same_meaning(const struct walk *w, const struct token_meaning *a, const struct token_meaning *b)
{
	const char *x = tag_of(&w->before, a->ref), *y = tag_of(&w->after, b->ref);
	if (a->ref.source != b->ref.source || a->numeric != b->numeric ||
	    memcmp(a->conversions, b->conversions, sizeof a->conversions) != 0)
		return false;
	return x ? strcmp(x, y) == 0 : a->ref.slot == b->ref.slot;
}

/* ---- another name ---- */

/* A name as it is written, and what the place takes: tokens alone ask for conversions. */
struct written {
	const char *text;
	size_t len;
	bool token;
	bool json; /* a token in JSON */
};

/* Can a token have the name there? */
static bool is_token_name(const char *name, bool json)
{
	if (json && template_is_json_literal(name, strlen(name)))
		return false;
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")] == '\0';
}

static struct token_meaning meaning_of(struct names *n, const struct written *name)
{
	struct expr_scope scope = scope_of(n);
	if (name->token)
		return template_meaning(&scope, name->text, name->len);
	return (struct token_meaning){.ref = expr_resolve(&scope, name->text, name->len), .base_len = name->len};
}

static bool has_prefix(const struct written *name)
{
	return name->len > 4 && strncasecmp(name->text, "tag.", 4) == 0;
}

/* The n-th way to write what the reference means; false: there is no further one. */
static bool way_to_write(const struct walk *w, const struct written *name, struct expr_ref ref, int n, char *out)
{
	const char *id = tag_of(&w->before, ref);
	if (id) {
		const struct tag_def *def = tag_set_get(w->after.tags, (size_t)tag_set_find_id(w->after.tags, id));
		bool prefix = has_prefix(name) || n == 1;
		snprintf(out, NAME_MAX_BYTES, "%s%s", prefix ? "tag." : "", def->name);
		return n < 2;
	}
	if (ref.source != EXPR_SYSTEM)
		return false;
	const struct system_field *f = &system_fields[ref.slot];
	snprintf(out, NAME_MAX_BYTES, "%s", n == 0 ? f->token : f->name);
	return n < 2;
}

/* Does the name say what it is to say, by the set of tags after the change? */
static bool is_settled(struct walk *w, const struct written *name, const struct token_meaning *before)
{
	struct token_meaning after = meaning_of(&w->after, name);
	if (before->ref.source == EXPR_NOTHING) /* it means nothing yet */
		return true;
	if (!same_meaning(w, before, &after))
		return false;
	if (!is_the_tag(w, before->ref))
		return true;
	size_t skip = has_prefix(name) ? 4 : 0;
	const struct tag_def *def = tag_set_get(w->after.tags, after.ref.slot);
	return strlen(def->name) == after.base_len - skip &&
	       memcmp(def->name, name->text + skip, after.base_len - skip) == 0;
}

enum outcome { NAME_KEPT, NAME_CHANGED, NAME_IMPOSSIBLE };

static void count_use(struct walk *w, struct expr_ref ref)
{
	if (!w->rewrites && is_the_tag(w, ref))
		w->found++;
}

/* out: NAME_MAX_BYTES. */
static enum outcome rename_one(struct walk *w, const struct written *name, char *out)
{
	struct token_meaning before = meaning_of(&w->before, name);
	char base[NAME_MAX_BYTES];
	count_use(w, before.ref);
	if (!w->rewrites || is_settled(w, name, &before))
		return NAME_KEPT;
	for (int n = 0; way_to_write(w, name, before.ref, n, base); n++) {
		size_t rest = name->len - before.base_len;
		if (!*base || strlen(base) + rest >= NAME_MAX_BYTES)
			continue;
		snprintf(out, NAME_MAX_BYTES, "%s%.*s", base, (int)rest, name->text + before.base_len);
		struct written next = {.text = out, .len = strlen(out), .token = name->token, .json = name->json};
		if (name->token && !is_token_name(out, name->json))
			continue;
		struct token_meaning after = meaning_of(&w->after, &next);
		if (same_meaning(w, &before, &after)) {
			w->found++;
			return NAME_CHANGED;
		}
	}
	return NAME_IMPOSSIBLE;
}

static void add_problem(struct walk *w, const char *pointer, const struct written *name)
{
	struct token_meaning before = meaning_of(&w->before, name);
	const char *id = tag_of(&w->before, before.ref);
	int slot = id ? tag_set_find_id(w->after.tags, id) : -1;
	const char *now = slot >= 0 ? tag_set_get(w->after.tags, (size_t)slot)->name : "";
	if (name->token && !is_token_name(now, false))
		errors_add(w->problems, pointer,
			   "[%.*s] cannot be written as [%s]: in templates, a name has letters of the English alphabet, "
			   "digits, _ - and . only", (int)name->len, name->text, now);
	else
		errors_add(w->problems, pointer, "%.*s would mean something else then", (int)name->len, name->text);
}

/* ---- places ---- */

static void at_string(struct walk *w, json_t *value, const char *pointer)
{
	char out[NAME_MAX_BYTES];
	const struct written name = {.text = json_string_value(value), .len = json_string_length(value)};
	enum outcome outcome = rename_one(w, &name, out);
	if (outcome == NAME_IMPOSSIBLE)
		add_problem(w, pointer, &name);
	if (outcome == NAME_CHANGED)
		json_string_set(value, out);
}

static void at_filter(struct walk *w, json_t *filter, const char *pointer, int depth)
{
	char at[400];
	json_t *rule;
	size_t i;
	json_array_foreach(json_object_get(filter, "rules"), i, rule) {
		snprintf(at, sizeof at, "%s/rules/%zu/field", pointer, i);
		if (json_is_string(json_object_get(rule, "field")))
			at_string(w, json_object_get(rule, "field"), at);
		snprintf(at, sizeof at, "%s/rules/%zu", pointer, i);
		if (depth < FILTER_DEPTH_MAX)
			at_filter(w, rule, at, depth + 1);
	}
}

/* A field that takes the name of a tag and nothing else: no variable, no system field. */
static void at_tag(struct walk *w, json_t *value, const char *pointer)
{
	const char *name = json_string_value(value);
	int slot = name ? tag_set_find(w->before.tags, name, strlen(name)) : -1;
	if (slot < 0)
		return;
	const char *id = tag_set_get(w->before.tags, (size_t)slot)->id;
	count_use(w, (struct expr_ref){.source = EXPR_TAG, .slot = (uint16_t)slot});
	if (!w->rewrites)
		return;
	const struct tag_def *def = tag_set_get(w->after.tags, (size_t)tag_set_find_id(w->after.tags, id));
	int after = tag_set_find(w->after.tags, name, strlen(name));
	bool same = after >= 0 && strcmp(tag_set_get(w->after.tags, (size_t)after)->id, id) == 0;
	if (same && (strcmp(id, w->tag_id) != 0 || strcmp(name, def->name) == 0))
		return;
	if (tag_set_find(w->after.tags, def->name, strlen(def->name)) != tag_set_find_id(w->after.tags, id)) {
		errors_add(w->problems, pointer, "%s would be another tag then", name);
		return;
	}
	json_string_set(value, def->name);
	w->found++;
}

/* ---- templates ---- */

struct rendering {
	struct walk *w;
	const struct document_template *template;
	const char *text;
	size_t copied;
	struct buf out;
	bool changed, failed;
};

static void at_token(void *arg, const struct template_token *token)
{
	struct rendering *r = arg;
	char name[NAME_MAX_BYTES];
	const struct written written = {
		.text = token->name, .len = token->len, .token = true, .json = r->template->context == TEMPLATE_JSON};
	size_t at = (size_t)(token->name - r->text);
	enum outcome outcome = rename_one(r->w, &written, name);
	if (outcome == NAME_IMPOSSIBLE) {
		add_problem(r->w, r->template->pointer, &written);
		r->failed = true;
	}
	if (outcome != NAME_CHANGED)
		return;
	buf_add(&r->out, r->text + r->copied, at - r->copied);
	buf_add_str(&r->out, name);
	r->copied = at + token->len;
	r->changed = true;
}

static void at_template(void *arg, const struct document_template *t)
{
	struct rendering r = {.w = arg, .template = t, .text = json_string_value(t->text)};
	size_t len = json_string_length(t->text);
	template_each_token(r.text, len, t->context, at_token, &r);
	if (r.changed && !r.failed) {
		buf_add(&r.out, r.text + r.copied, len - r.copied);
		if (r.out.failed)
			errors_add(r.w->problems, t->pointer, "out of memory");
		else if (r.out.len > t->max)
			errors_add(r.w->problems, t->pointer, "would be longer than %zu bytes", t->max);
		else
			json_string_set(t->text, buf_text(&r.out));
	}
	buf_free(&r.out);
}

/* ---- scripts ---- */

struct mention {
	const struct walk *w;
	bool found;
};

static void at_mention(void *arg, const char *name, size_t len)
{
	struct mention *m = arg;
	const struct walk *w = m->w;
	int slot = tag_set_find(w->before.tags, name, len);
	if (slot < 0 || !is_the_tag(w, (struct expr_ref){.source = EXPR_TAG, .slot = (uint16_t)slot}))
		return;
	const struct tag_def *def = tag_set_get(w->after.tags, (size_t)tag_set_find_id(w->after.tags, w->tag_id));
	m->found |= !w->rewrites || strlen(def->name) != len || memcmp(def->name, name, len) != 0;
}

static void at_script(struct walk *w, const char *code, const char *pointer)
{
	struct mention m = {.w = w};
	script_each_tag(code, at_mention, &m);
	if (m.found && !w->rewrites)
		w->found++;
	if (m.found && w->scripts)
		json_array_append_new(w->scripts, json_pack("{s:s}", "pointer", pointer));
}

static void at_place(void *arg, const struct walk_place *place)
{
	struct walk *w = arg;
	switch (place->field->type) {
	case FIELD_FILTER:
		at_filter(w, place->value, place->pointer, 1);
		return;
	case FIELD_TAG:
		at_tag(w, place->value, place->pointer);
		return;
	case FIELD_SCRIPT:
		if (json_is_string(place->value))
			at_script(w, json_string_value(place->value), place->pointer);
		return;
	default:
		document_templates(place, at_template, w);
	}
}

/* ---- saved views ---- */

/* How long the name in ?tag.NAME_gte= is. */
static size_t parameter_length(const char *name)
{
	static const char *const ends[] = {"_gte", "_lte", "_gt", "_lt"};
	size_t len = strlen(name);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		size_t n = strlen(ends[i]);
		if (len > n + 4 && strcmp(name + len - n, ends[i]) == 0)
			return len - n;
	}
	return len;
}

/* The filter of a view is JSON in a text. */
static json_t *view_filter(struct walk *w, json_t *value)
{
	json_t *filter = json_loads(json_string_value(value), 0, NULL);
	size_t found = w->found;
	if (filter)
		at_filter(w, filter, "/query/filter", 1);
	char *text = filter && w->rewrites && w->found != found ? json_dumps(filter, JSON_COMPACT) : NULL;
	json_t *changed = text ? json_string(text) : json_incref(value);
	free(text);
	json_decref(filter);
	return changed;
}

static void view_parameter(struct walk *w, json_t *query, const char *name, json_t *value)
{
	char out[NAME_MAX_BYTES], next[NAME_MAX_BYTES], pointer[NAME_MAX_BYTES];
	size_t len = parameter_length(name);
	const struct written written = {.text = name, .len = len};
	snprintf(pointer, sizeof pointer, "/query/%s", name);
	enum outcome outcome = strncmp(name, "tag.", 4) == 0 ? rename_one(w, &written, out) : NAME_KEPT;
	snprintf(next, sizeof next, "%s%s", outcome == NAME_CHANGED ? out : "", name + (outcome == NAME_CHANGED ? len : 0));
	if (outcome == NAME_IMPOSSIBLE || (outcome == NAME_CHANGED && parameter_length(next) != strlen(out)))
		add_problem(w, pointer, &written);
	if (strcmp(name, "group_by") == 0 && json_is_string(value))
		at_string(w, value, pointer);
	if (strcmp(name, "filter") == 0 && json_is_string(value))
		json_object_set_new(query, next, view_filter(w, value));
	else
		json_object_set(query, next, value);
}

static void at_view(struct walk *w, json_t *document)
{
	json_t *before = json_object_get(document, "query"), *query = json_object(), *value;
	const char *name;
	char pointer[40];
	size_t i;
	json_object_foreach(before, name, value)
		view_parameter(w, query, name, value);
	if (w->rewrites && json_is_object(before))
		json_object_set(document, "query", query);
	json_decref(query);
	json_array_foreach(json_object_get(document, "columns"), i, value) {
		snprintf(pointer, sizeof pointer, "/columns/%zu", i);
		if (json_is_string(value) && strncmp(json_string_value(value), "tag.", 4) == 0)
			at_string(w, value, pointer);
	}
}

/* ---- documents ---- */

static void at_config(void *arg, const struct flow_config *config)
{
	struct walk *w = arg;
	json_t *scripts = w->scripts;
	size_t known = json_array_size(scripts);
	walk_fields(config->fields, config->config, config->pointer, at_place, w);
	for (size_t i = known; i < json_array_size(scripts); i++)
		json_object_set_new(json_array_get(scripts, i), "node", json_string(config->node));
}

static void walk_document(struct walk *w, json_t *document)
{
	const char *kind = w->before.kind;
	const struct resource_kind *resource = resource_kind_by_name(kind);
	if (strcmp(kind, FLOW_DOCUMENT) == 0) {
		w->before.variables = w->after.variables = flow_variables(document);
		flow_each_config(document, at_config, w);
		json_decref(w->before.variables);
	} else if (strcmp(kind, "saved_view") == 0) {
		at_view(w, document);
	} else if (resource) {
		walk_fields(resource->fields, document, "", at_place, w);
	}
}

/* A call flow is its draft. */
static json_t *document_of(const char **kind, json_t *document)
{
	if (strcmp(*kind, "call_flow") != 0)
		return document;
	*kind = FLOW_DOCUMENT;
	return json_object_get(document, "draft");
}

bool tag_names_uses(const char *kind, json_t *document, const struct tag_set *tags, const char *tag_id)
{
	document = document_of(&kind, document);
	struct walk w = {.before = {.tags = tags, .kind = kind}, .after = {.tags = tags, .kind = kind}, .tag_id = tag_id};
	walk_document(&w, document);
	return w.found > 0;
}

size_t tag_names_rewrite(const char *kind, json_t *document, const struct tag_set *before,
			 const struct tag_set *after, const char *tag_id, struct errors *problems, json_t *scripts)
{
	document = document_of(&kind, document);
	struct walk w = {
		.before = {.tags = before, .kind = kind},
		.after = {.tags = after, .kind = kind},
		.tag_id = tag_id,
		.rewrites = true,
		.problems = problems,
		.scripts = scripts,
	};
	walk_document(&w, document);
	return w.found;
}
