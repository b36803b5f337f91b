#include "tags/custom.h"
#include <string.h>

/* Bytes of compact JSON, with the comma or brace before it. */
static size_t member_size(const char *name, json_t *value)
{
	json_t *text = json_string(name);
	size_t size = json_dumpb(text, NULL, 0, JSON_ENCODE_ANY) + json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) + 2;
	json_decref(text);
	return size;
}

static size_t stored_size(json_t *stored)
{
	const char *name;
	json_t *item;
	size_t size = 1;
	json_object_foreach(stored, name, item)
		size += member_size(name, json_object_get(item, "v"));
	return size;
}

json_t *custom_data_shown(json_t *stored)
{
	const char *name;
	json_t *item, *shown = json_object();
	json_object_foreach(stored, name, item)
		if (json_object_set(shown, name, json_object_get(item, "v")) != 0) {
			json_decref(shown);
			return NULL;
		}
	return shown;
}

char *custom_data_text(json_t *stored)
{
	json_t *shown = custom_data_shown(stored);
	char *text = shown ? json_dumps(shown, JSON_COMPACT) : NULL;
	json_decref(shown);
	return text;
}

static void refuse(json_t *refused, const char *name, const char *detail)
{
	if (refused)
		json_array_append_new(refused, json_pack("{s:s, s:s}", "field", name, "detail", detail));
}

bool custom_data_merge(json_t *stored, json_t *given, int64_t at_ms, json_t *refused)
{
	const char *name;
	json_t *value;
	bool changed = false;
	size_t size = stored_size(stored);
	json_object_foreach(given, name, value) {
		json_t *there = json_object_get(stored, name);
		size_t before = there ? member_size(name, json_object_get(there, "v")) : 0;
		size_t after = json_is_null(value) ? 0 : member_size(name, value);
		if (json_integer_value(json_object_get(there, "at")) > at_ms) {
			refuse(refused, name, "a later value is there");
		} else if (!after) {
			changed |= json_object_del(stored, name) == 0;
			size -= before;
		} else if (size - before + after > CUSTOM_DATA_MAX) {
			refuse(refused, name, "is not kept: a call's custom data may have 64 KB");
		} else if (json_object_set_new(stored, name, json_pack("{s:O, s:I}", "v", value, "at", (json_int_t)at_ms)) == 0) {
			changed = true;
			size += after - before;
		}
	}
	return changed;
}
