#include "webhook/incoming.h"
#include "expr/pointer.h"
#include <string.h>
#include <strings.h>

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static bool decode(const char *text, size_t len, char *out, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		if (n + 1 >= size)
			return false;
		if (text[i] == '+') {
			out[n++] = ' ';
		} else if (text[i] == '%') {
			if (i + 2 >= len || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
				return false;
			out[n++] = (char)(hex(text[i + 1]) << 4 | hex(text[i + 2]));
			i += 2;
		} else {
			out[n++] = text[i];
		}
	}
	out[n] = '\0';
	return strlen(out) == n;
}

bool incoming_parse_form(const char *text, size_t len, json_t *into)
{
	char name[256], value[16384];
	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '&', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;
		const char *equals = memchr(text + at, '=', n);
		size_t name_len = equals ? (size_t)(equals - text) - at : n;
		if (n) {
			if (!decode(text + at, name_len, name, sizeof name) || !decode(equals ? equals + 1 : "", equals ? n - name_len - 1 : 0, value, sizeof value))
				return false;
			json_t *v = json_string(value); /* NULL when it is not UTF-8 */
			if (!v || json_object_set_new(into, name, v) != 0)
				return false;
		}
		at += n + 1;
	}
	return true;
}

const char *incoming_text(json_t *object, const char *name, struct arena *arena)
{
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value)
		if (strcasecmp(key, name) == 0 && !json_is_object(value) && !json_is_array(value) && !json_is_null(value))
			return json_leaf_value(value, arena).text;
	return NULL;
}

void incoming_remove(json_t *object, const char *name)
{
	const char *key;
	json_t *value;
	void *next;
	json_object_foreach_safe(object, next, key, value)
		if (strcasecmp(key, name) == 0)
			json_object_del(object, key);
}

/* Level by level would need a list: the depth is bounded, so this is. */
static const char *count(json_t *json, unsigned depth, size_t *members)
{
	const char *key, *wrong = NULL;
	json_t *item;
	size_t i;
	if (++*members > INCOMING_MEMBERS_MAX)
		return "at most 5000 values are taken";
	if (depth > INCOMING_DEPTH_MAX)
		return "objects and lists may be 32 deep within each other";
	if (json_is_object(json))
		json_object_foreach(json, key, item)
			if (!wrong)
				wrong = count(item, depth + 1, members);
	if (json_is_array(json))
		json_array_foreach(json, i, item)
			if (!wrong)
				wrong = count(item, depth + 1, members);
	return wrong;
}

const char *incoming_limit(json_t *data)
{
	size_t members = 0;
	return count(data, 0, &members);
}
