#include "expr/pointer.h"
#include <stdlib.h>
#include <string.h>

/* One reference token, ~1 and ~0 undone; false when it does not fit. */
static bool token(const char **at, char *out, size_t size)
{
	size_t n = 0;
	const char *p = *at + 1;
	for (; *p && *p != '/'; p++) {
		char c = *p;
		if (c == '~' && (p[1] == '0' || p[1] == '1'))
			c = *++p == '0' ? '~' : '/';
		if (n + 1 >= size)
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	*at = p;
	return true;
}

json_t *json_pointer_get(json_t *value, const char *pointer)
{
	char key[256];
	while (value && *pointer == '/') {
		if (!token(&pointer, key, sizeof key))
			return NULL;
		if (json_is_object(value)) {
			value = json_object_get(value, key);
		} else if (json_is_array(value)) {
			char *end;
			unsigned long i = strtoul(key, &end, 10);
			if (*end || end == key || (key[0] == '0' && key[1]))
				return NULL;
			value = json_array_get(value, i);
		} else {
			return NULL;
		}
	}
	return *pointer ? NULL : value;
}

struct value json_leaf_value(json_t *leaf, struct arena *arena)
{
	struct value v = {.text = ""};
	char number[VALUE_NUMBER_SIZE];
	if (json_is_string(leaf)) {
		v.text = arena_strndup(arena, json_string_value(leaf), json_string_length(leaf));
		v.len = (uint32_t)json_string_length(leaf);
		v.kind = VALUE_STRING;
	} else if (json_is_number(leaf)) {
		size_t n = json_is_integer(leaf) ? (size_t)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(leaf)) : value_format_number(json_real_value(leaf), number);
		v.text = arena_strndup(arena, number, n);
		v.len = (uint32_t)n;
		v.number = json_number_value(leaf);
		v.kind = VALUE_NUMBER;
	} else if (json_is_boolean(leaf)) {
		v.text = json_is_true(leaf) ? "true" : "false";
		v.len = (uint32_t)strlen(v.text);
		v.number = json_is_true(leaf);
		v.kind = VALUE_BOOLEAN;
	} else if (json_is_object(leaf) || json_is_array(leaf)) {
		char *text = json_dumps(leaf, JSON_COMPACT);
		if (text) {
			v.text = arena_strdup(arena, text);
			v.len = (uint32_t)strlen(text);
			v.kind = VALUE_STRING;
		}
		free(text);
	}
	if (!v.text)
		v = (struct value){.text = ""};
	return v;
}
