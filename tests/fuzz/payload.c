/* The body of an incoming webhook: a form, or JSON whose values tags point at and take. */
#include "expr/pointer.h"
#include "fuzz.h"
#include "tags/custom.h"
#include "tags/tags.h"
#include "config/config.h"
#include "webhook/incoming.h"
#include "webhook/members.h"

/* Tags of every type, as if the pointer were each one's source. */
static void evaluate(json_t *body, const char *pointer, struct arena *arena)
{
	static const char *const types[] = {"string", "number", "boolean", "datetime", "phone", "enum"};
	json_t *docs = json_array(), *unmatched = json_array(), *mapping = json_array();
	struct tag_result results[ARRAY_LEN(types)];
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		json_array_append_new(docs, json_pack("{s:s, s:s, s:s, s:[s], s:s, s:[{s:s, s:s}]}", "id", types[i], "name", types[i], "type", types[i], "choices", "a", "on_repeat", "append", "sources", "kind", "incoming_webhook", i % 2 ? "pointer" : "parameter", *pointer ? pointer : "/x"));
	json_array_append_new(mapping, json_pack("{s:s, s:s}", "tag_id", "string", "pointer", *pointer ? pointer : "/x"));
	struct tag_set *set = tag_set_build(docs, "US", arena);
	struct tag_data data = {.body = body, .headers = body, .mapping = set ? tag_mapping_build(set, mapping, arena) : NULL};
	size_t n = set ? tags_evaluate(set, TAG_FROM_WEBHOOK, &data, arena, results, unmatched) : 0;
	for (size_t i = 0; i < n; i++)
		if (results[i].value.kind != VALUE_NONE)
			(void)tag_settle(tag_set_get(set, results[i].slot), &(struct tag_held){"a, b", TAG_FROM_WEBHOOK, 0}, TAG_FROM_WEBHOOK, 1, &results[i].value, arena);
	if (set)
		(void)tags_take(set, data.mapping, *pointer == '/' ? pointer : "/x");
	json_decref(docs);
	json_decref(unmatched);
	json_decref(mapping);
}

/* As each path reads the members. */
static void read_members(json_t *body, struct arena *arena)
{
	json_t *docs = json_pack("[{s:s, s:s}]", "id", "plan", "name", "plan");
	struct tag_set *set = tag_set_build(docs, "US", arena);
	for (unsigned type = INCOMING_CALL_DATA; set && type <= INCOMING_UPDATE_FIELDS; type *= 2) {
		struct incoming_members m;
		const char *name;
		json_t *value, *stored = json_object();
		bool read = incoming_members_read(body, type, set, "US", arena, &m);
		if (read)
			(void)custom_data_merge(stored, m.data, 1, m.errors);
		json_object_foreach(read ? m.data : NULL, name, value)
			(void)expr_custom_find(m.data, name, strlen(name));
		json_decref(stored);
		incoming_members_free(&m);
	}
	json_decref(docs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	/* The first line is also a Content-Type, and the rest a body of it. */
	char *whole = fuzz_text(data, size), *rest = strchr(whole, '\n');
	json_t *notes = json_array();
	struct error err;
	int status;
	if (rest) {
		*rest++ = '\0';
		size_t len = size - (size_t)(rest - whole);
		json_t *read = incoming_read(whole, rest, len, notes, &status, &err);
		if (read) {
			incoming_limit(read, notes);
			(void)incoming_text(read, "caller_id", &arena);
			read_members(read, &arena);
		}
		json_decref(read);
	}
	json_decref(notes);
	free(whole);
	/* The first line is a pointer into the rest. */
	const uint8_t *end = memchr(data, '\n', size);
	char *pointer = fuzz_text(data, end ? (size_t)(end - data) : 0);
	json_t *body = end ? json_loadb((const char *)end + 1, size - (size_t)(end - data) - 1, JSON_REJECT_DUPLICATES, NULL) : NULL;
	json_t *leaf = body ? json_pointer_get(body, pointer) : NULL;
	if (leaf)
		(void)json_leaf_value(leaf, &arena);
	if (body) { /* as the handler goes on */
		incoming_limit(body, NULL);
		(void)incoming_text(body, "caller_id", &arena);
		incoming_remove(body, "caller_id");
		if (json_is_object(body)) {
			evaluate(body, pointer, &arena);
			read_members(body, &arena);
		}
	}
	json_decref(body);
	free(pointer);
	arena_free(&arena);
	return 0;
}
