#include "tags/tags.h"
#include "expr/pointer.h"
#include <string.h>
#include <strings.h>

/* A place one source is read from: a parameter (lower case) or a pointer. */
struct tag_path {
	struct tag_path *next;
	const char *parameter, *pointer;
};

struct slot_name {
	const char *name; /* lower case */
	uint32_t hash;
	uint16_t slot;
};

struct tag_set {
	size_t count;
	struct tag_def *defs;
	struct slot_name *names; /* open addressing, a power of two */
	size_t mask;
};

static uint32_t hash_lower(const char *s, size_t len)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
	}
	return h;
}

static void add_sources(struct tag_def *def, json_t *sources, struct arena *arena)
{
	static const char *const kinds[] = {"incoming_webhook", "dni", "inbound_rtb", "sip_header"};
	for (size_t i = json_array_size(sources); i-- > 0;) { /* backwards: each goes to the front */
		json_t *s = json_array_get(sources, i);
		const char *kind = json_string_value(json_object_get(s, "kind"));
		for (size_t k = 0; kind && k < ARRAY_LEN(kinds); k++) {
			struct tag_path *p = strcmp(kind, kinds[k]) == 0 ? arena_alloc(arena, sizeof *p) : NULL;
			if (!p)
				continue;
			p->parameter = arena_strdup(arena, json_string_value(json_object_get(s, "parameter")));
			p->pointer = arena_strdup(arena, json_string_value(json_object_get(s, "pointer")));
			p->next = def->paths[k];
			def->paths[k] = p;
		}
	}
}

struct tag_set *tag_set_build(json_t *docs, struct arena *arena)
{
	struct tag_set *set = arena_alloc(arena, sizeof *set);
	size_t n = json_array_size(docs), size = 16, i;
	json_t *doc;
	while (size < n * 2)
		size *= 2;
	if (!set || !(set->defs = arena_alloc(arena, (n + 1) * sizeof *set->defs)) || !(set->names = arena_alloc(arena, size * sizeof *set->names)))
		return NULL;
	set->mask = size - 1;
	json_array_foreach(docs, i, doc) {
		struct tag_def *def = &set->defs[set->count];
		def->id = arena_strdup(arena, json_string_value(json_object_get(doc, "id")));
		def->name = arena_strdup(arena, json_string_value(json_object_get(doc, "name")));
		if (!def->id || !def->name || set->count == TAGS_MAX)
			continue;
		def->default_text = arena_strdup(arena, json_string_value(json_object_get(doc, "default")));
		def->kind = value_kind_from(json_string_value(json_object_get(doc, "type")));
		def->sensitive = json_is_true(json_object_get(doc, "sensitive"));
		def->report = !def->sensitive && json_is_true(json_object_get(doc, "report"));
		add_sources(def, json_object_get(doc, "sources"), arena);
		uint32_t h = hash_lower(def->name, strlen(def->name));
		size_t at = h & set->mask;
		while (set->names[at].name)
			at = (at + 1) & set->mask;
		set->names[at] = (struct slot_name){def->name, h, (uint16_t)set->count++};
	}
	return set;
}

size_t tag_set_count(const struct tag_set *set)
{
	return set->count;
}

const struct tag_def *tag_set_get(const struct tag_set *set, size_t slot)
{
	return slot < set->count ? &set->defs[slot] : NULL;
}

int tag_set_find(const struct tag_set *set, const char *name, size_t len)
{
	uint32_t h = hash_lower(name, len);
	for (size_t at = h & set->mask; set->names[at].name; at = (at + 1) & set->mask)
		if (set->names[at].hash == h && strlen(set->names[at].name) == len && strncasecmp(set->names[at].name, name, len) == 0)
			return set->names[at].slot;
	return -1;
}

static json_t *get_any_case(json_t *object, const char *name)
{
	const char *key;
	json_t *value = json_object_get(object, name);
	if (value)
		return value;
	json_object_foreach(object, key, value)
		if (strcasecmp(key, name) == 0)
			return value;
	return NULL;
}

static void evaluate_one(const struct tag_set *set, uint16_t slot, json_t *leaf, struct arena *arena, struct tag_result *out)
{
	struct error err;
	struct value raw = json_leaf_value(leaf, arena);
	*out = (struct tag_result){.slot = slot};
	if (raw.kind == VALUE_NONE)
		out->error = "it is null";
	else if (!value_coerce(set->defs[slot].kind, raw.text, raw.len, arena, &out->value, &err))
		out->error = arena_strdup(arena, err.text);
}

size_t tags_evaluate(const struct tag_set *set, enum tag_source source, json_t *data, struct arena *arena,
		     struct tag_result *results, json_t *unmatched)
{
	size_t n = 0;
	const char *key;
	json_t *member;
	bool *taken = arena_alloc(arena, set->count + 1);
	json_t *used = json_object();
	if (!taken || !json_is_object(data)) {
		json_decref(used);
		return 0;
	}
	for (uint16_t slot = 0; slot < set->count; slot++) {
		for (const struct tag_path *p = set->defs[slot].paths[source]; p && !taken[slot]; p = p->next) {
			json_t *leaf = p->pointer ? json_pointer_get(data, p->pointer) : get_any_case(data, p->parameter);
			if (!leaf || json_is_null(leaf))
				continue;
			evaluate_one(set, slot, leaf, arena, &results[n++]);
			taken[slot] = true;
			if (p->parameter)
				json_object_set_new(used, p->parameter, json_true());
			else if (p->pointer && p->pointer[0] == '/') {
				char first[256];
				snprintf(first, sizeof first, "%.*s", (int)strcspn(p->pointer + 1, "/"), p->pointer + 1);
				json_object_set_new(used, first, json_true());
			}
		}
	}
	json_object_foreach(data, key, member) {
		int slot = tag_set_find(set, key, strlen(key));
		if (slot >= 0 && !taken[slot]) {
			evaluate_one(set, (uint16_t)slot, member, arena, &results[n++]);
			taken[slot] = true;
		} else if (slot < 0 && unmatched && !get_any_case(used, key)) {
			json_array_append_new(unmatched, json_string(key));
		}
	}
	json_decref(used);
	return n;
}

bool tag_apply(struct value *tags, uint16_t slot, struct value value, int64_t at_ms)
{
	if (tags[slot].kind != VALUE_NONE && tags[slot].at_ms > at_ms)
		return false;
	tags[slot] = value;
	tags[slot].at_ms = at_ms;
	return true;
}
