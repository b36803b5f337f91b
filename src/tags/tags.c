#include "tags/tags.h"
#include "base/fold.h"
#include "expr/pointer.h"
#include <string.h>
#include <strings.h>

/* A place one source is read from: a parameter (lower case) or a pointer. */
struct tag_path {
	struct tag_path *next;
	const char *parameter, *pointer, *header;
	const char *nested; /* JSON pointer of a parameter such as "lead[state]"; or NULL */
};

struct tag_mapping {
	struct tag_path **paths; /* by slot */
};

struct slot_name {
	const char *name; /* folded */
	uint32_t hash;
	uint16_t slot;
};

struct tag_set {
	size_t count;
	bool sensitive; /* one of them */
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

static const char *const source_names[] = {
	[TAG_FROM_WEBHOOK] = "incoming_webhook",
	[TAG_FROM_DNI] = "dni",
	[TAG_FROM_RTB] = "inbound_rtb",
	[TAG_FROM_SIP_HEADER] = "sip_header",
	[TAG_FROM_SIP_PARAMETER] = "sip_parameter",
	[TAG_FROM_DEFAULT] = "default",
	[TAG_FROM_FLOW] = "call_flow",
	[TAG_FROM_API] = "api",
};

const char *tag_source_name(enum tag_source source)
{
	return source_names[source];
}

enum tag_source tag_source_from(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_LEN(source_names); i++)
		if (strcmp(name, source_names[i]) == 0)
			return (enum tag_source)i;
	return TAG_FROM_DEFAULT;
}

static const char *lower(struct arena *arena, const char *text)
{
	size_t n = text ? strlen(text) : 0;
	char *copy = text ? arena_strndup(arena, text, n) : NULL;
	for (size_t i = 0; copy && i < n; i++)
		copy[i] = (char)(copy[i] >= 'A' && copy[i] <= 'Z' ? copy[i] + 32 : copy[i]);
	return copy;
}

/* A form's name for a member within another one: "lead[state]" is "/lead/state"; NULL for other names. */
static const char *pointer_of(const char *name, struct arena *arena)
{
	size_t len = name ? strlen(name) : 0;
	char *out = len && name[len - 1] == ']' && strchr(name, '[') > name ? arena_alloc(arena, 2 * len + 2) : NULL;
	char *to = out;
	if (!out)
		return NULL;
	*to++ = '/';
	for (; *name; name++) {
		if (*name == '[')
			*to++ = '/';
		else if (*name == '~' || *name == '/') { /* RFC 6901 section 3 */
			*to++ = '~';
			*to++ = *name == '~' ? '0' : '1';
		} else if (*name != ']')
			*to++ = *name;
	}
	*to = '\0';
	return out;
}

static struct tag_path *new_path(json_t *source, struct arena *arena)
{
	struct tag_path *p = arena_alloc(arena, sizeof *p);
	if (!p)
		return NULL;
	*p = (struct tag_path){
		.parameter = arena_strdup(arena, json_string_value(json_object_get(source, "parameter"))),
		.pointer = arena_strdup(arena, json_string_value(json_object_get(source, "pointer"))),
		.header = lower(arena, json_string_value(json_object_get(source, "header"))),
	};
	p->nested = pointer_of(p->parameter, arena);
	return p;
}

static void add_sources(struct tag_def *def, json_t *sources, struct arena *arena)
{
	memset(def->ranks, 255, sizeof def->ranks);
	for (size_t i = json_array_size(sources); i-- > 0;) { /* backwards: each goes to the front */
		json_t *s = json_array_get(sources, i);
		enum tag_source from = tag_source_from(json_string_value(json_object_get(s, "kind")));
		struct tag_path *p = from < TAG_DATA_SOURCES ? new_path(s, arena) : NULL;
		if (!p)
			continue;
		p->next = def->paths[from];
		def->paths[from] = p;
		def->ranks[from] = (uint8_t)(i < 255 ? i : 254);
	}
}

struct tag_mapping *tag_mapping_build(const struct tag_set *set, json_t *list, struct arena *arena)
{
	struct tag_mapping *m = json_array_size(list) ? arena_alloc(arena, sizeof *m) : NULL;
	if (!m || !(m->paths = arena_alloc(arena, (set->count + 1) * sizeof(struct tag_path *))))
		return NULL;
	for (size_t i = json_array_size(list); i-- > 0;) {
		json_t *item = json_array_get(list, i);
		const char *id = json_string_value(json_object_get(item, "tag_id"));
		int slot = id ? tag_set_find_id(set, id) : -1;
		struct tag_path *p = slot >= 0 ? new_path(item, arena) : NULL;
		if (!p)
			continue;
		p->next = m->paths[slot];
		m->paths[slot] = p;
	}
	return m;
}

static const char *const *read_choices(json_t *list, struct arena *arena)
{
	size_t n = json_array_size(list);
	const char **choices = arena_alloc(arena, (n + 1) * sizeof *choices);
	for (size_t i = 0; choices && i < n; i++)
		if (!(choices[i] = arena_strdup(arena, json_string_value(json_array_get(list, i)))))
			return NULL;
	return choices;
}

static bool read_type(struct tag_def *def, json_t *doc, const char *region, struct arena *arena)
{
	static const struct value_type types[] = {
		{.kind = VALUE_STRING, .name = "string"},
		{.kind = VALUE_NUMBER, .name = "number"},
		{.kind = VALUE_BOOLEAN, .name = "boolean"},
		{.kind = VALUE_DATETIME, .name = "datetime"},
		{.kind = VALUE_STRING, .name = "phone"},
		{.kind = VALUE_STRING, .name = "enum"},
	};
	const char *name = json_string_value(json_object_get(doc, "type"));
	def->type = types[0];
	for (size_t i = 0; name && i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].name, name) == 0)
			def->type = types[i];
	def->type.order = date_order_of(region);
	if (strcmp(def->type.name, "phone") == 0)
		return (def->type.region = arena_strdup(arena, region)) != NULL;
	if (strcmp(def->type.name, "enum") == 0)
		return (def->type.choices = read_choices(json_object_get(doc, "choices"), arena)) != NULL;
	return true;
}

static enum tag_repeat read_repeat(const char *name)
{
	static const char *const names[] = {"last", "first", "append", "precedence"};
	for (size_t i = 0; name && i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (enum tag_repeat)i;
	return TAG_REPEAT_LAST;
}

static const char *const *read_former(json_t *list, struct arena *arena)
{
	size_t n = json_array_size(list), count = 0;
	const char **former = arena_alloc(arena, (n + 1) * sizeof *former);
	for (size_t i = 0; former && i < n; i++) {
		const char *name = json_string_value(json_array_get(list, i));
		if (name && !(former[count++] = arena_strdup(arena, name)))
			return NULL;
	}
	return former;
}

/* A name that is there already stays whose it is. */
static bool add_name(struct tag_set *set, const char *name, uint16_t slot, struct arena *arena)
{
	char folded[FOLD_SIZE];
	if (!fold_name(name, strlen(name), folded))
		return true;
	size_t len = strlen(folded);
	uint32_t h = hash_lower(folded, len);
	size_t at = h & set->mask;
	while (set->names[at].name)
		at = (at + 1) & set->mask;
	set->names[at] = (struct slot_name){arena_strndup(arena, folded, len), h, slot};
	return set->names[at].name != NULL;
}

static bool add_names(struct tag_set *set, struct arena *arena)
{
	for (size_t i = 0; i < set->count; i++)
		if (!add_name(set, set->defs[i].name, (uint16_t)i, arena))
			return false;
	for (size_t i = 0; i < set->count; i++)
		for (const char *const *name = set->defs[i].former; *name; name++)
			if (!add_name(set, *name, (uint16_t)i, arena))
				return false;
	return true;
}

struct tag_set *tag_set_build(json_t *docs, const char *region, struct arena *arena)
{
	struct tag_set *set = arena_alloc(arena, sizeof *set);
	size_t n = json_array_size(docs), names = n, size = 16, i;
	json_t *doc;
	json_array_foreach(docs, i, doc)
		names += json_array_size(json_object_get(doc, "former_names"));
	while (size < names * 2)
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
		def->former = read_former(json_object_get(doc, "former_names"), arena);
		if (!read_type(def, doc, region, arena) || !def->former)
			return NULL;
		def->sensitive = json_is_true(json_object_get(doc, "sensitive"));
		set->sensitive = set->sensitive || def->sensitive;
		def->report = !def->sensitive && json_is_true(json_object_get(doc, "report"));
		def->archived = json_is_true(json_object_get(doc, "archived"));
		def->repeat = read_repeat(json_string_value(json_object_get(doc, "on_repeat")));
		add_sources(def, json_object_get(doc, "sources"), arena);
		set->count++;
	}
	return add_names(set, arena) ? set : NULL;
}

size_t tag_set_count(const struct tag_set *set)
{
	return set->count;
}

const struct tag_def *tag_set_get(const struct tag_set *set, size_t slot)
{
	return slot < set->count ? &set->defs[slot] : NULL;
}

static int find_hashed(const struct tag_set *set, const char *name, size_t len, uint32_t h)
{
	for (size_t at = h & set->mask; set->names[at].name; at = (at + 1) & set->mask)
		if (set->names[at].hash == h && strlen(set->names[at].name) == len && strncasecmp(set->names[at].name, name, len) == 0)
			return set->names[at].slot;
	return -1;
}

/* The text that names are compared by: itself where it is ASCII, else folded into room. */
static const char *comparable(const char *name, size_t *len, char room[FOLD_SIZE])
{
	if (fold_is_ascii(name, *len) || !fold_name(name, *len, room))
		return name;
	*len = strlen(room);
	return room;
}

int tag_set_find(const struct tag_set *set, const char *name, size_t len)
{
	char room[FOLD_SIZE];
	name = comparable(name, &len, room);
	return find_hashed(set, name, len, hash_lower(name, len));
}

bool tag_is_called(const struct tag_def *def, const char *name, size_t len)
{
	char a[FOLD_SIZE], b[FOLD_SIZE];
	return fold_name(def->name, strlen(def->name), a) && fold_name(name, len, b) && strcmp(a, b) == 0;
}

int tag_set_find_id(const struct tag_set *set, const char *id)
{
	for (size_t slot = 0; slot < set->count; slot++)
		if (strcmp(set->defs[slot].id, id) == 0)
			return (int)slot;
	return -1;
}

static bool has_parameter(const struct tag_path *p, const char *name, size_t len)
{
	for (; p; p = p->next)
		if (p->parameter && strlen(p->parameter) == len && strncasecmp(p->parameter, name, len) == 0)
			return true;
	return false;
}

int tag_set_find_data(const struct tag_set *set, const struct tag_mapping *mapping, const char *name, size_t len)
{
	int own = tag_set_find(set, name, len);
	for (size_t slot = 0; own < 0 && slot < set->count; slot++) {
		const struct tag_path *mapped = mapping ? mapping->paths[slot] : NULL;
		if (has_parameter(mapped ? mapped : set->defs[slot].paths[TAG_FROM_WEBHOOK], name, len))
			return (int)slot;
	}
	return own;
}

/* The body's own members, found by name without regard to case; used: a tag takes it, or something in it. */
struct member {
	const char *key;
	const char *folded; /* the key itself where that is ASCII */
	size_t len;         /* of folded */
	uint32_t hash;
	json_t *value;
	bool used;
};

struct members {
	struct member *list;
	size_t count, mask;
	uint32_t *slots; /* open addressing: index in the list + 1 */
};

static bool index_members(struct members *m, json_t *body, struct arena *arena)
{
	size_t n = json_object_size(body), size = 16;
	const char *key;
	json_t *value;
	while (size < n * 2)
		size *= 2;
	*m = (struct members){arena_alloc(arena, (n + 1) * sizeof *m->list), 0, size - 1, arena_alloc(arena, size * sizeof *m->slots)};
	if (!m->list || !m->slots)
		return false;
	json_object_foreach(body, key, value) {
		char room[FOLD_SIZE];
		size_t len = strlen(key);
		const char *folded = comparable(key, &len, room);
		if (folded == room && !(folded = arena_strndup(arena, room, len)))
			return false;
		struct member *member = &m->list[m->count++];
		*member = (struct member){
			.key = key, .folded = folded, .len = len, .hash = hash_lower(folded, len), .value = value};
		size_t at = member->hash & m->mask;
		while (m->slots[at])
			at = (at + 1) & m->mask;
		m->slots[at] = (uint32_t)m->count;
	}
	return true;
}

/* The member written just so goes before one in another case. */
static struct member *find_member(const struct members *m, const char *name, size_t len)
{
	char room[FOLD_SIZE];
	size_t written = len;
	const char *folded = comparable(name, &len, room);
	uint32_t h = hash_lower(folded, len);
	struct member *found = NULL;
	for (size_t at = h & m->mask; m->slots[at]; at = (at + 1) & m->mask) {
		struct member *member = &m->list[m->slots[at] - 1];
		if (member->hash != h || member->len != len || strncasecmp(member->folded, folded, len) != 0)
			continue;
		if (strlen(member->key) == written && memcmp(member->key, name, written) == 0)
			return member;
		if (!found)
			found = member;
	}
	return found;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Bytes of [ZIP] or [zip|none]: a name of letters, digits and _-.: that begins with a letter. */
static size_t bracketed_len(const char *s, size_t len)
{
	static const char in_names[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:";
	size_t at = 1;
	if (len < 3 || s[0] != '[' || (s[1] | 32) < 'a' || (s[1] | 32) > 'z')
		return 0;
	while (at < len && s[at] && strchr(in_names, s[at]))
		at++;
	if (at < len && s[at] == '|')
		while (at < len && s[at] != ']')
			at++;
	return at < len && s[at] == ']' ? at + 1 : 0;
}

/* Bytes of {{zip}}, {{ lead.First Name | default: "" }} or {{{zip}}}: anything between braces. */
static size_t braced_len(const char *s, size_t len)
{
	size_t braces = 0, at, text = 0;
	while (braces < 3 && braces < len && s[braces] == '{')
		braces++;
	for (at = braces; at < len && s[at] && !strchr("{}\r\n", s[at]); at++)
		text += !is_blank(s[at]);
	size_t from = at;
	while (at < len && s[at] == '}')
		at++;
	return braces >= 2 && text && at - from == braces ? at : 0;
}

/*
 * Is the text nothing but tokens, as templates of this and other systems have them: [ZIP], {{zip}},
 * {{first}} {{last}}? What the sender's own system was to put there is not known, and a token is
 * nobody's value.
 */
static bool is_tokens(const char *s, size_t len)
{
	bool any = false;
	for (size_t at = 0, n; at < len; at += n) {
		n = is_blank(s[at]) || (any && strchr(",;-/", s[at]) && s[at]);
		if (!n) {
			n = bracketed_len(s + at, len - at);
			n = n ? n : braced_len(s + at, len - at);
			any = true;
		}
		if (!n)
			return false;
	}
	return any;
}

const char *tags_unreplaced(const char *text, size_t len, struct arena *arena)
{
	char why[200];
	size_t shown = len < 80 ? len : 80;
	if (!is_tokens(text, len))
		return NULL;
	while (shown < len && ((unsigned char)text[shown] & 0xc0) == 0x80) /* within a character */
		shown--;
	snprintf(why, sizeof why, "the sender did not replace its token %.*s%s", (int)shown, text,
		 shown < len ? " …" : "");
	const char *kept = arena_strdup(arena, why);
	return kept ? kept : "the sender did not replace its token";
}

/* May null from this source remove a tag? */
static bool null_removes(enum tag_source source)
{
	return source == TAG_FROM_WEBHOOK || source == TAG_FROM_API;
}

void tags_evaluate_one(const struct tag_set *set, uint16_t slot, enum tag_source source, json_t *leaf, struct arena *arena,
		       struct tag_result *out)
{
	struct error err;
	struct value raw = json_leaf_value(leaf, arena);
	*out = (struct tag_result){.slot = slot, .removes = json_is_null(leaf) && null_removes(source)};
	if (out->removes)
		return;
	if (raw.kind == VALUE_NONE)
		out->error = "it is null";
	else if (source < TAG_DATA_SOURCES && raw.kind == VALUE_STRING && json_is_string(leaf))
		out->error = tags_unreplaced(raw.text, raw.len, arena);
	if (!out->error && !value_coerce_to(&set->defs[slot].type, raw.text, raw.len, arena,
					    &out->value, &err))
		out->error = arena_strdup(arena, err.text);
}

/* The member that a pointer leads into. Members of an object within the root may stand in the body by themselves:
 * then the first part names the object, and the second the member. */
static struct member *member_at(const struct members *members, const char *pointer)
{
	struct member *m = NULL;
	for (int part = 0; part < 2 && !m && *pointer == '/'; part++) {
		size_t n = strcspn(++pointer, "/");
		m = find_member(members, pointer, n);
		pointer += n;
	}
	return m;
}

/* What the path leads to, null included, or NULL; *from is the member of the body that it is in, or NULL. */
static json_t *leaf_at(const struct tag_path *p, const struct tag_data *data, const struct members *members, struct member **from)
{
	json_t *leaf = NULL;
	*from = NULL;
	if (p->header) {
		leaf = json_object_get(data->headers, p->header);
	} else if (p->pointer) {
		leaf = json_pointer_get(data->root ? data->root : data->body, p->pointer);
		*from = leaf ? member_at(members, p->pointer) : NULL;
	} else if ((*from = find_member(members, p->parameter, strlen(p->parameter)))) {
		leaf = (*from)->value;
	} else if (p->nested && (leaf = json_pointer_get(data->root ? data->root : data->body, p->nested))) {
		*from = member_at(members, p->nested);
	}
	return leaf;
}

/* What a tag has of the paths that it, or the mapping, lists. */
enum taken { TAKEN_NOTHING, TAKEN_NULL, TAKEN_VALUE };

static enum taken take_listed(const struct tag_path *p, enum tag_source source, const struct tag_data *data,
			      const struct members *members, json_t **out)
{
	enum taken taken = TAKEN_NOTHING;
	for (; p && taken != TAKEN_VALUE; p = p->next) {
		struct member *from;
		json_t *leaf = leaf_at(p, data, members, &from);
		if (!leaf || (json_is_null(leaf) && !null_removes(source)))
			continue;
		taken = json_is_null(leaf) ? TAKEN_NULL : TAKEN_VALUE;
		if (from)
			from->used = true;
		if (taken == TAKEN_VALUE)
			*out = leaf;
	}
	return taken;
}

/* The member has a former name of the tag, and another one has the name of now. */
static bool has_newer_name(const struct tag_def *def, const struct members *members, const struct member *m)
{
	if (!*def->former)
		return false;
	struct member *now = find_member(members, def->name, strlen(def->name));
	return now && now->hash != m->hash;
}

size_t tags_evaluate(const struct tag_set *set, enum tag_source source, const struct tag_data *data, struct arena *arena,
		     struct tag_result *results, json_t *unmatched)
{
	size_t n = 0;
	struct members members;
	enum taken *taken = arena_alloc(arena, (set->count + 1) * sizeof *taken);
	if (!taken || !json_is_object(data->body) || !index_members(&members, data->body, arena))
		return 0;
	for (uint16_t slot = 0; slot < set->count; slot++) {
		const struct tag_path *mapped = data->mapping ? data->mapping->paths[slot] : NULL;
		bool listens = !set->defs[slot].archived && source < TAG_DATA_SOURCES;
		json_t *leaf = NULL;
		if (listens)
			taken[slot] = take_listed(mapped ? mapped : set->defs[slot].paths[source], source, data, &members, &leaf);
		if (leaf)
			tags_evaluate_one(set, slot, source, leaf, arena, &results[n++]);
		else if (mapped && taken[slot] == TAKEN_NULL)
			results[n++] = (struct tag_result){.slot = slot, .removes = true};
		if (mapped)
			taken[slot] = TAKEN_VALUE; /* and nothing else */
	}
	for (size_t i = 0; i < members.count && !data->listed_only; i++) {
		struct member *m = &members.list[i];
		int slot = find_hashed(set, m->folded, m->len, m->hash);
		bool elsewhere = slot >= 0 && data->mapping && data->mapping->paths[slot];
		bool takes = slot >= 0 && !elsewhere && (!set->defs[slot].archived || source == TAG_FROM_API);
		if (takes && taken[slot] != TAKEN_VALUE && has_newer_name(&set->defs[slot], &members, m))
			takes = false;
		if (takes && taken[slot] != TAKEN_VALUE) {
			tags_evaluate_one(set, (uint16_t)slot, source, m->value, arena, &results[n++]);
			taken[slot] = TAKEN_VALUE;
		} else if (unmatched && !m->used && !(takes && json_is_null(m->value))) { /* also the same name in other case, which came later */
			json_array_append_new(unmatched, json_string(m->key));
		}
	}
	for (uint16_t slot = 0; slot < set->count; slot++)
		if (taken[slot] == TAKEN_NULL)
			results[n++] = (struct tag_result){.slot = slot, .removes = true};
	return n;
}

bool tag_set_is_sensitive(const struct tag_set *set)
{
	return set->sensitive;
}

bool tags_hide_header(const struct tag_set *set, const char *name, size_t len)
{
	for (size_t slot = 0; slot < set->count; slot++) {
		const struct tag_def *def = &set->defs[slot];
		if (!def->sensitive)
			continue;
		if (tag_is_called(def, name, len) || tag_set_find(set, name, len) == (int)slot)
			return true;
		for (const struct tag_path *p = def->paths[TAG_FROM_SIP_HEADER]; p; p = p->next) {
			const char *header = p->parameter ? p->parameter : p->pointer ? p->pointer + 1 : "";
			if (strlen(header) == len && strncasecmp(header, name, len) == 0)
				return true;
		}
	}
	return false;
}

static bool path_takes(const struct tag_path *p, const char *pointer)
{
	for (; p; p = p->next) {
		size_t n = p->pointer ? strlen(p->pointer) : 0;
		if (p->parameter && strncasecmp(pointer + 1, p->parameter, strlen(p->parameter)) == 0 && (pointer[1 + strlen(p->parameter)] == '\0' || pointer[1 + strlen(p->parameter)] == '/'))
			return true;
		if (n && strncmp(pointer, p->pointer, n) == 0 && (!pointer[n] || pointer[n] == '/'))
			return true;
	}
	return false;
}

bool tags_take(const struct tag_set *set, const struct tag_mapping *mapping, const char *pointer)
{
	int own = tag_set_find(set, pointer + 1, strcspn(pointer + 1, "/"));
	if (own >= 0 && !set->defs[own].archived && !(mapping && mapping->paths[own]))
		return true;
	for (size_t slot = 0; slot < set->count; slot++) {
		const struct tag_path *mapped = mapping ? mapping->paths[slot] : NULL;
		if (!set->defs[slot].archived && path_takes(mapped ? mapped : set->defs[slot].paths[TAG_FROM_WEBHOOK], pointer))
			return true;
	}
	return false;
}

#define APPENDED_MAX 2000 /* bytes of a list of texts */

/* Is the text one of the list's already? */
static bool listed(const char *list, const char *text, size_t len)
{
	for (const char *at = list; *at;) {
		const char *end = strstr(at, ", ");
		size_t n = end ? (size_t)(end - at) : strlen(at);
		if (n == len && memcmp(at, text, n) == 0)
			return true;
		at += n + (end ? 2 : 0);
	}
	return false;
}

static const char *append(const struct tag_held *held, struct value *value, struct arena *arena)
{
	size_t n = strlen(held->text), len = n + 2 + value->len;
	if (listed(held->text, value->text, value->len))
		return "the list has it already";
	if (len > APPENDED_MAX)
		return "the list is full";
	char *text = arena_alloc(arena, len + 1);
	if (!text)
		return "out of memory";
	snprintf(text, len + 1, "%s, %.*s", held->text, (int)value->len, value->text);
	value->text = text;
	value->len = (uint32_t)len;
	return NULL;
}

/* TAG_REPEAT_PRECEDENCE: below 0 when the source goes before that of what is held, above 0 when it comes after it. */
static int rank_order(const struct tag_def *def, const struct tag_held *held, enum tag_source source)
{
	if (held->source >= TAG_DATA_SOURCES)
		return 1;
	return (int)def->ranks[source] - (int)def->ranks[held->source];
}

const char *tag_settle(const struct tag_def *def, const struct tag_held *held, enum tag_source source, int64_t at_ms,
		       struct value *value, struct arena *arena)
{
	bool data = source < TAG_DATA_SOURCES;
	if (!held->text)
		return at_ms < held->at_ms ? "it was removed later" : NULL;
	if (held->source == TAG_FROM_DEFAULT)
		return NULL;
	if (data && def->repeat == TAG_REPEAT_APPEND)
		return append(held, value, arena);
	if (data && def->repeat == TAG_REPEAT_FIRST)
		return at_ms < held->at_ms ? NULL : "the first value stays";
	if (data && def->repeat == TAG_REPEAT_PRECEDENCE) {
		int order = rank_order(def, held, source);
		if (order > 0)
			return "a source that goes before has given one";
		if (order < 0)
			return NULL;
	}
	return at_ms < held->at_ms ? "a later value is there" : NULL;
}

const char *tag_settle_removal(const struct tag_def *def, const struct tag_held *held, enum tag_source source, int64_t at_ms)
{
	bool ranked = source < TAG_DATA_SOURCES && def->repeat == TAG_REPEAT_PRECEDENCE;
	if (!held->text || held->source == TAG_FROM_DEFAULT)
		return NULL;
	if (ranked && rank_order(def, held, source) > 0)
		return "a source that goes before has given one";
	return at_ms < held->at_ms ? "a later value is there" : NULL;
}
