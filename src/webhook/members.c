#include "webhook/members.h"
#include "base/blank.h"
#include "base/phone.h"
#include "config/config.h"
#include "expr/pointer.h"
#include "webhook/incoming.h"
#include <string.h>
#include <strings.h>

#define NAMES_MAX 3
#define ALL (INCOMING_CALL_DATA | INCOMING_UPDATE_TAGS | INCOMING_UPDATE_REVENUE | INCOMING_UPDATE_FIELDS)
#define MONEY (INCOMING_UPDATE_REVENUE | INCOMING_UPDATE_FIELDS)
#define FILLS_TAGS (INCOMING_CALL_DATA | INCOMING_UPDATE_TAGS)
#define TAKES_TAGS (FILLS_TAGS | INCOMING_UPDATE_FIELDS)

/* The first name is the member's own, which is never data. */
static const struct {
	const char *names[NAMES_MAX + 1];
	unsigned types;
} table[MEMBER_COUNT] = {
	[MEMBER_CALL_ID] = {{"call_id", "call_log_id", "callId"}, ALL},
	[MEMBER_CALLER_ID] = {{"caller_id", "phone_number", "phone"}, ALL},
	[MEMBER_UNIQUE_ID] = {{"unique_id", "transaction_id"}, ALL},
	[MEMBER_TIMESTAMP] = {{"timestamp"}, ALL},
	[MEMBER_MODE] = {{"mode"}, MONEY},
	[MEMBER_CURRENCY] = {{"currency"}, MONEY},
	[MEMBER_REVENUE] = {{"revenue", "revenue_paid_out"}, MONEY},
	[MEMBER_PAYOUT] = {{"payout", "publisher_payout", "publisher_paid_out"}, MONEY},
	[MEMBER_CONVERTED] = {{"converted"}, MONEY},
	[MEMBER_CONVERTED_AT] = {{"converted_at", "call_converted_at"}, MONEY},
	[MEMBER_REASON] = {{"reason"}, MONEY},
	[MEMBER_HOLD_REASON] = {{"payout_hold_reason", "no_payout_reason"}, MONEY},
	[MEMBER_DISPOSITION] = {{"disposition"}, INCOMING_UPDATE_FIELDS},
	[MEMBER_PUBLISHER_ID] = {{"publisher_id"}, INCOMING_UPDATE_FIELDS},
};

/* Members that others stand in. */
enum container { FIELDS, CUSTOM_DATA, TAGS, ADD, REMOVE, CONTAINER_COUNT };
static const struct {
	const char *name;
	unsigned types;
} containers[CONTAINER_COUNT] = {
	[FIELDS] = {"fields", ALL},
	[CUSTOM_DATA] = {"custom_data", ALL},
	[TAGS] = {"tags", TAKES_TAGS},
	[ADD] = {"add", TAKES_TAGS},
	[REMOVE] = {"remove", TAKES_TAGS},
};

/* Where members may stand: the top, what its names with brackets make, and what is inside "fields" of both. */
#define PLACES_MAX 4

struct reading {
	struct incoming_members *m;
	unsigned type;
	const struct tag_set *set;
	const char *region;
	struct arena *arena;
	json_t *places[PLACES_MAX];
	size_t place_count, outer_count; /* the first ones are not inside "fields" */
	json_t *chosen[MEMBER_COUNT];
};

const char *incoming_member_name(enum incoming_member member)
{
	return table[member].names[0];
}

/* ---- texts and objects ---- */

static bool same(const char *a, const char *b, size_t len)
{
	return strlen(a) == len && strncasecmp(a, b, len) == 0;
}

static bool is_blank(json_t *json)
{
	if (json_is_string(json))
		return is_blank_text(json_string_value(json));
	/* PHP and others write an empty list for what is not there */
	return json_is_null(json) || (json_is_array(json) && !json_array_size(json)) ||
	       (json_is_object(json) && !json_object_size(json));
}

/* A member by name: the one written just so, or else the first without regard to case. */
static json_t *find(json_t *object, const char *name, const char **key)
{
	const char *k;
	json_t *value = json_object_get(object, name);
	*key = name;
	if (value)
		return value;
	json_object_foreach(object, k, value) {
		*key = k;
		if (strcasecmp(k, name) == 0)
			return value;
	}
	return NULL;
}

/* Lives as long as the result. Takes the reference; NULL without memory. */
static json_t *own(struct reading *r, json_t *json)
{
	return json && json_array_append_new(r->m->owned, json) == 0 ? json : NULL;
}

/* A text of JSON over the limits of a request stays a text. */
static bool is_within_limits(json_t *tree)
{
	json_t *holder = json_pack("{s:O}", "tree", tree), *notes = json_array();
	if (holder && notes)
		incoming_limit(holder, notes);
	bool within = holder && notes && !json_array_size(notes);
	json_decref(holder);
	json_decref(notes);
	return within;
}

/* An object or list itself, or what a text of JSON is one of: forms and URLs have texts only. Borrowed; NULL: it is neither. */
static json_t *tree_of(struct reading *r, json_t *json)
{
	const char *text = json_is_string(json) ? skip_blanks(json_string_value(json)) : "";
	if (json_is_object(json) || json_is_array(json))
		return json;
	struct error why;
	json_t *tree = *text == '{' || *text == '[' ? json_read(text, strlen(text), NULL, NULL, &why) : NULL;
	if (tree && !is_within_limits(tree)) {
		json_decref(tree);
		tree = NULL;
	}
	return tree ? own(r, tree) : NULL;
}

static void fail(struct reading *r, const char *field, const char *detail)
{
	json_array_append_new(r->m->errors, json_pack("{s:s, s:s}", "field", field, "detail", detail));
}

/* ---- containers ---- */

static bool is_container(const struct reading *r, enum container c)
{
	const char *name = containers[c].name;
	bool own_tag = r->type & FILLS_TAGS && r->set && tag_set_find(r->set, name, strlen(name)) >= 0;
	return containers[c].types & r->type && !own_tag;
}

static int container_of(const struct reading *r, const char *name, size_t len)
{
	for (int c = 0; c < CONTAINER_COUNT; c++)
		if (same(containers[c].name, name, len) && is_container(r, (enum container)c))
			return c;
	return -1;
}

/* "tags[add][plan]" = "gold" becomes {"tags": {"add": {"plan": "gold"}}}, as forms and URLs write it; "remove[]" and
 * "remove[0]" have the names of tags as values. */
static void add_bracketed(json_t *into, const char *key, json_t *value)
{
	char name[256];
	size_t n = strcspn(key, "[");
	for (const char *p = key; n < sizeof name;) {
		snprintf(name, sizeof name, "%.*s", (int)n, p);
		p += n + (p == key ? 0 : 1);
		bool last = *p != '[' || !strchr(p, ']');
		if (last) {
			json_object_set(into, name, value);
			return;
		}
		json_t *inner = json_object_get(into, name);
		if (!json_is_object(inner)) {
			inner = json_object();
			json_object_set_new(into, name, inner);
		}
		into = inner;
		p++;
		n = strcspn(p, "]");
	}
}

static bool is_bracketed(const struct reading *r, const char *key)
{
	size_t n = strcspn(key, "[");
	return key[n] && container_of(r, key, n) >= 0;
}

static void add_places(struct reading *r, json_t *body)
{
	const char *key;
	json_t *value, *bracketed = NULL;
	json_object_foreach(body, key, value)
		if (is_bracketed(r, key) && (bracketed || (bracketed = own(r, json_object()))))
			add_bracketed(bracketed, key, value);
	r->places[r->place_count++] = body;
	if (bracketed)
		r->places[r->place_count++] = bracketed;
	r->outer_count = r->place_count;
	for (size_t i = 0; i < r->outer_count && is_container(r, FIELDS); i++) {
		json_t *fields = tree_of(r, find(r->places[i], containers[FIELDS].name, &key));
		if (json_is_object(fields))
			r->places[r->place_count++] = fields;
	}
}

/* ---- tags that are added and removed ---- */

static void add_tag(struct reading *r, const char *name, json_t *value)
{
	if (!r->m->add)
		r->m->add = json_object();
	if (!json_object_get(r->m->add, name))
		json_object_set(r->m->add, name, value);
}

static void add_tags(struct reading *r, json_t *object)
{
	const char *name;
	json_t *value;
	json_object_foreach(object, name, value)
		add_tag(r, name, value);
}

/* "plan=gold" or "plan:gold". */
static void add_pair(struct reading *r, const char *text, size_t len)
{
	char *pair = arena_strndup(r->arena, text, len);
	size_t n = pair ? strcspn(pair, "=:") : 0;
	if (!pair || !*skip_blanks(pair))
		return;
	if (!n || !pair[n]) {
		fail(r, "add", "must be an object of tags and values, or name=value");
		return;
	}
	pair[n] = '\0';
	const char *name = blank_trimmed(pair, r->arena), *value = blank_trimmed(pair + n + 1, r->arena);
	json_t *json = value ? own(r, json_string(value)) : NULL;
	if (name && json)
		add_tag(r, name, json);
}

/* {"name": "plan", "value": "gold"}, {"plan": "gold"} or a pair. */
static void add_item(struct reading *r, json_t *item)
{
	static const char *const names[] = {"name", "key", "tag"};
	const char *key;
	json_t *value = find(item, "value", &key), *name = NULL;
	for (size_t i = 0; value && !name && i < ARRAY_LEN(names); i++)
		name = find(item, names[i], &key);
	if (json_is_string(name))
		add_tag(r, json_string_value(name), value);
	else if (json_is_object(item))
		add_tags(r, item);
	else if (json_is_string(item))
		add_pair(r, json_string_value(item), json_string_length(item));
	else
		fail(r, "add", "must be an object of tags and values, or name=value");
}

/* Each part between commas. */
static void each_part(struct reading *r, const char *text, void (*f)(struct reading *r, const char *text, size_t len))
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, ",");
		f(r, p, n);
		p += n + (p[n] != '\0');
	}
}

static void read_add(struct reading *r, json_t *given)
{
	json_t *tree = tree_of(r, given), *item;
	size_t i;
	if (json_is_object(tree))
		add_tags(r, tree);
	else if (json_is_array(tree))
		json_array_foreach(tree, i, item)
			add_item(r, item);
	else if (json_is_string(given))
		each_part(r, json_string_value(given), add_pair);
	else
		fail(r, "add", "must be an object of tags and values");
}

static void remove_name(struct reading *r, const char *text, size_t len)
{
	const char *copy = arena_strndup(r->arena, text, len), *name = copy ? blank_trimmed(copy, r->arena) : NULL;
	if (!name || !*name)
		return;
	if (!r->m->remove)
		r->m->remove = json_array();
	json_array_append_new(r->m->remove, json_string(name));
}

static void remove_item(struct reading *r, json_t *item)
{
	if (json_is_string(item))
		remove_name(r, json_string_value(item), json_string_length(item));
	else if (!json_is_null(item))
		fail(r, "remove", "must be names of tags");
}

static bool is_number(const char *text)
{
	return text[strspn(text, "0123456789")] == '\0';
}

/* {"plan": true}; what has false stays. Of "remove[0]" the value is the name. */
static void remove_members(struct reading *r, json_t *object)
{
	const char *name;
	json_t *value;
	json_object_foreach(object, name, value) {
		if (is_number(name))
			remove_item(r, value);
		else if (!json_is_false(value))
			remove_name(r, name, strlen(name));
	}
}

static void read_remove(struct reading *r, json_t *given)
{
	json_t *tree = tree_of(r, given), *item;
	size_t i;
	if (json_is_object(tree))
		remove_members(r, tree);
	else if (json_is_array(tree))
		json_array_foreach(tree, i, item)
			remove_item(r, item);
	else if (json_is_string(given))
		each_part(r, json_string_value(given), remove_name);
	else
		fail(r, "remove", "must be names of tags, in a list or with commas between them");
}

/* Does a text name nothing but tags? Else it is a field of a lead that is called so. */
static bool names_tags(const struct reading *r, const char *text)
{
	bool any = false;
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, ",");
		const char *part = arena_strndup(r->arena, p, n), *name = part ? blank_trimmed(part, r->arena) : NULL;
		if (!name || tag_set_find(r->set, name, strlen(name)) < 0)
			return false;
		any = true;
		p += n + (p[n] != '\0');
	}
	return any;
}

/* Is it meant as tags that are added or removed? Leads have fields called "add", too. */
static bool changes_tags(struct reading *r, enum container c, json_t *given)
{
	if (r->type != INCOMING_CALL_DATA || tree_of(r, given))
		return true;
	return c == REMOVE && json_is_string(given) && r->set && names_tags(r, json_string_value(given));
}

static void read_tag_change(struct reading *r, enum container c, json_t *given)
{
	if (!given || is_blank(given) || !changes_tags(r, c, given))
		return;
	if (c == ADD)
		read_add(r, given);
	else
		read_remove(r, given);
}

/* "tags" with "add" or "remove" in it, which need no further names. */
static json_t *tag_changes(struct reading *r, json_t *place)
{
	const char *key;
	json_t *tags = is_container(r, TAGS) ? tree_of(r, find(place, containers[TAGS].name, &key)) : NULL;
	return json_is_object(tags) && (find(tags, "add", &key) || find(tags, "remove", &key)) ? tags : NULL;
}

static void read_tag_changes(struct reading *r, json_t *place)
{
	static const enum container both[] = {ADD, REMOVE};
	char dotted[32];
	const char *key;
	json_t *tags = tag_changes(r, place);
	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		const char *name = containers[both[i]].name;
		snprintf(dotted, sizeof dotted, "tags.%s", name);
		read_tag_change(r, both[i], tags ? find(tags, name, &key) : NULL);
		if (is_container(r, both[i]) && containers[TAGS].types & r->type)
			read_tag_change(r, both[i], find(place, dotted, &key));
		if (is_container(r, both[i]))
			read_tag_change(r, both[i], find(place, name, &key));
	}
}

/* ---- control members ---- */

/* Why it is no value: a token that the sender did not replace. NULL: it is one. */
static const char *unreplaced(const struct reading *r, json_t *json)
{
	const char *text = json_string_value(json);
	return text ? tags_unreplaced(text, strlen(text), r->arena) : NULL;
}

static bool is_phone(const struct reading *r, const char *text)
{
	char e164[PHONE_SIZE];
	return text && phone_read(text, r->region, e164, NULL);
}

/* phones: only what can be read as a telephone number. */
static bool choose(struct reading *r, enum incoming_member member, const char *name, bool phones)
{
	struct incoming_given *given = &r->m->given[member];
	for (size_t i = 0; i < r->place_count; i++) {
		const char *key;
		json_t *json = find(r->places[i], name, &key);
		given->is_null |= json_is_null(json);
		if (!json || is_blank(json))
			continue;
		const char *why = unreplaced(r, json);
		if (why) {
			given->unreplaced = why;
			continue;
		}
		bool single = !json_is_object(json) && !json_is_array(json);
		const char *text = single ? blank_trimmed(json_leaf_value(json, r->arena).text, r->arena) : NULL;
		if (phones && !is_phone(r, text))
			continue;
		*given = (struct incoming_given){.name = key, .in_fields = i >= r->outer_count};
		given->text = text;
		r->chosen[member] = json;
		return true;
	}
	return false;
}

static bool choose_named(struct reading *r, enum incoming_member member, bool phones)
{
	for (const char *const *name = table[member].names; *name; name++)
		if (choose(r, member, *name, phones))
			return true;
	return false;
}

/* A caller's number that cannot be read does not hide one that can, under another name. */
static void choose_all(struct reading *r)
{
	for (enum incoming_member m = 0; m < MEMBER_COUNT; m++) {
		if (!(table[m].types & r->type))
			continue;
		if (m != MEMBER_CALLER_ID || !choose_named(r, m, true))
			choose_named(r, m, false);
	}
}

/* Which member is called so: its own name has the place 0. -1: none of the path's. */
static int member_of(unsigned type, const char *name, size_t len, size_t *place)
{
	for (int m = 0; m < MEMBER_COUNT; m++)
		for (size_t i = 0; table[m].types & type && table[m].names[i]; i++)
			if (same(table[m].names[i], name, len)) {
				*place = i;
				return m;
			}
	return -1;
}

bool incoming_is_control(const char *name, size_t len, unsigned type)
{
	size_t place;
	for (size_t c = 0; c < CONTAINER_COUNT; c++)
		if (containers[c].types & type && same(containers[c].name, name, len))
			return true;
	return member_of(type, name, len, &place) >= 0;
}

/* ---- data ---- */

static void add_data(struct reading *r, const char *key, json_t *value, bool inner)
{
	const char *other;
	if (!inner || !find(r->m->data, key, &other))
		json_object_set(r->m->data, key, value);
}

/* A control member's name: what of it is data. */
static void add_control(
	struct reading *r, int member, size_t place, const char *key, json_t *value, bool inner)
{
	const char *why = unreplaced(r, value);
	if (r->chosen[member] == value && place > 0) { /* a tag may take it, too */
		add_data(r, key, value, inner);
		json_object_set_new(r->m->known, key, json_true());
	} else if (why) {
		fail(r, key, why);
	} else if (!is_blank(value) && r->chosen[member] != value && !json_equal(r->chosen[member], value)) {
		add_data(r, key, value, inner);
	}
}

/* What "tags" has beside what is added and removed. */
static void add_rest_of_tags(struct reading *r, const char *key, json_t *tags, bool inner)
{
	const char *name;
	json_t *value, *rest = own(r, json_object());
	json_object_foreach(tags, name, value)
		if (strcasecmp(name, "add") != 0 && strcasecmp(name, "remove") != 0)
			json_object_set(rest, name, value);
	if (json_object_size(rest))
		add_data(r, key, rest, inner);
}

static bool is_dotted(const char *key)
{
	return strcasecmp(key, "tags.add") == 0 || strcasecmp(key, "tags.remove") == 0;
}

/* true: the container's members were read, or it is blank. */
static bool is_read(struct reading *r, int c, json_t *value)
{
	if (is_blank(value))
		return true;
	if (c == FIELDS || c == CUSTOM_DATA)
		return json_is_object(tree_of(r, value));
	return changes_tags(r, (enum container)c, value);
}

/* "Fields" beside "fields": find() sees one of them. */
static bool is_hidden(json_t *object, int container, json_t *value)
{
	const char *key;
	return container >= 0 && find(object, containers[container].name, &key) != value;
}

static void add_place(struct reading *r, json_t *object, bool inner)
{
	const char *key;
	json_t *value, *tags = tag_changes(r, object);
	json_object_foreach(object, key, value) {
		size_t place = 0, len = strlen(key);
		int member = member_of(r->type, key, len, &place), c = member < 0 ? container_of(r, key, len) : -1;
		if (member >= 0)
			add_control(r, member, place, key, value, inner);
		else if (is_hidden(object, c, value) && !is_blank(value))
			fail(r, key, "is there in another case, too: only that one was read");
		else if (c == TAGS && tags)
			add_rest_of_tags(r, key, tags, inner);
		else if (c >= 0 && c != TAGS && is_read(r, c, value))
			continue;
		else if (is_bracketed(r, key) || (is_dotted(key) && containers[TAGS].types & r->type))
			continue;
		else
			add_data(r, key, value, inner);
	}
}

static void add_custom_data(struct reading *r, json_t *place)
{
	const char *key;
	json_t *value, *custom = is_container(r, CUSTOM_DATA) ? tree_of(r, find(place, containers[CUSTOM_DATA].name, &key)) : NULL;
	if (json_is_object(custom))
		json_object_foreach(custom, key, value)
			add_data(r, key, value, true);
}

bool incoming_members_read(json_t *body, unsigned type, const struct tag_set *set, const char *region,
	struct arena *arena, struct incoming_members *out)
{
	struct reading r = {.m = out, .type = type, .set = set, .region = region, .arena = arena};
	*out = (struct incoming_members){.data = json_object(), .known = json_object(), .errors = json_array(), .owned = json_array()};
	if (!out->data || !out->known || !out->errors || !out->owned)
		return false;
	add_places(&r, body);
	choose_all(&r);
	for (size_t i = 0; i < r.place_count; i++) {
		read_tag_changes(&r, r.places[i]);
		add_place(&r, r.places[i], i > 0);
	}
	for (size_t i = 0; i < r.place_count; i++)
		add_custom_data(&r, r.places[i]);
	return true;
}

void incoming_members_free(struct incoming_members *m)
{
	json_t **trees[] = {&m->data, &m->known, &m->add, &m->remove, &m->errors, &m->owned};
	for (size_t i = 0; i < ARRAY_LEN(trees); i++) {
		json_decref(*trees[i]);
		*trees[i] = NULL;
	}
}
