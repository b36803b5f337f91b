#include "expr/value.h"
#include "base/clock.h"
#include "base/phone.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void trim(const char **text, size_t *len)
{
	while (*len && (**text == ' ' || **text == '\t' || **text == '\n' || **text == '\r')) {
		(*text)++;
		(*len)--;
	}
	while (*len && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t' || (*text)[*len - 1] == '\n' || (*text)[*len - 1] == '\r'))
		(*len)--;
}

bool value_parse_number(const char *text, size_t len, double *out)
{
	char copy[64], *end;
	trim(&text, &len);
	if (!len || len >= sizeof copy)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!strchr("0123456789+-.eE", text[i]) || !text[i])
			return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	*out = strtod(copy, &end);
	return *end == '\0' && end != copy && isfinite(*out);
}

bool value_parse_boolean(const char *text, size_t len, bool *out)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1", "n", "y", "f", "t"};
	trim(&text, &len);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strlen(words[i]) == len && strncasecmp(words[i], text, len) == 0) {
			*out = i & 1;
			return true;
		}
	}
	return false;
}

size_t value_format_number(double n, char out[VALUE_NUMBER_SIZE])
{
	int len = 0;
	if (n == floor(n) && fabs(n) < 1e15)
		return (size_t)snprintf(out, VALUE_NUMBER_SIZE, "%lld", (long long)n);
	for (int precision = 15; precision <= 17; precision++) {
		len = snprintf(out, VALUE_NUMBER_SIZE, "%.*g", precision, n);
		if (strtod(out, NULL) == n)
			break;
	}
	return (size_t)len;
}

bool value_coerce(enum value_kind kind, const char *text, size_t len, struct arena *arena,
		  struct value *out, struct error *err)
{
	char canonical[VALUE_NUMBER_SIZE + RFC3339_SIZE];
	const char *from = text;
	size_t n = len;
	struct value v = {.kind = kind};
	bool flag;
	int64_t ms;
	switch (kind) {
	case VALUE_STRING:
		break;
	case VALUE_NUMBER:
		if (!value_parse_number(text, len, &v.number))
			return error_set(err, "'%.*s' is not a number", (int)(len < 60 ? len : 60), text);
		n = value_format_number(v.number, canonical);
		from = canonical;
		break;
	case VALUE_BOOLEAN:
		if (!value_parse_boolean(text, len, &flag))
			return error_set(err, "'%.*s' is neither true nor false", (int)(len < 60 ? len : 60), text);
		v.number = flag;
		from = flag ? "true" : "false";
		n = strlen(from);
		break;
	case VALUE_DATETIME:
		trim(&text, &len);
		if (value_parse_number(text, len, &v.number) && v.number >= 0 && v.number < 4e12)
			v.number = v.number < 1e11 ? v.number * 1000 : v.number; /* Unix seconds or milliseconds */
		else if (clock_parse_rfc3339(text, len, &ms))
			v.number = (double)ms;
		else
			return error_set(err, "'%.*s' is not a date and time (RFC 3339, or Unix seconds)", (int)(len < 60 ? len : 60), text);
		from = clock_rfc3339((int64_t)v.number, canonical);
		n = strlen(canonical);
		break;
	default:
		return error_set(err, "a value needs a type");
	}
	v.text = arena_strndup(arena, from, n);
	v.len = (uint32_t)n;
	if (!v.text)
		return error_set(err, "out of memory");
	*out = v;
	return true;
}

static bool read_phone(const struct value_type *type, const char *text, size_t len, struct arena *arena, struct value *out, struct error *err)
{
	char given[64], number[PHONE_SIZE];
	snprintf(given, sizeof given, "%.*s", (int)(len < sizeof given ? len : 0), text);
	if (!phone_normalize(given, type->region, number))
		return error_set(err, "'%.*s' is not a phone number", (int)(len < 60 ? len : 60), text);
	return value_coerce(VALUE_STRING, number, strlen(number), arena, out, err);
}

static bool read_choice(const struct value_type *type, const char *text, size_t len, struct arena *arena, struct value *out, struct error *err)
{
	size_t count = 0;
	trim(&text, &len);
	for (const char *const *choice = type->choices; *choice; choice++, count++)
		if (strlen(*choice) == len && strncasecmp(*choice, text, len) == 0)
			return value_coerce(VALUE_STRING, *choice, len, arena, out, err);
	return error_set(err, "'%.*s' is none of the tag's %zu choices", (int)(len < 60 ? len : 60), text, count);
}

const struct value_type value_type_string = {.kind = VALUE_STRING, .name = "string"};

bool value_coerce_to(const struct value_type *type, const char *text, size_t len, struct arena *arena,
		     struct value *out, struct error *err)
{
	if (type->region)
		return read_phone(type, text, len, arena, out, err);
	if (type->choices)
		return read_choice(type, text, len, arena, out, err);
	return value_coerce(type->kind, text, len, arena, out, err);
}

static const char *const kind_names[] = {[VALUE_NONE] = "none", [VALUE_STRING] = "string", [VALUE_NUMBER] = "number", [VALUE_BOOLEAN] = "boolean", [VALUE_DATETIME] = "datetime"};

void value_json(struct buf *b, enum value_kind kind, const char *text, size_t len, bool sensitive)
{
	if (sensitive)
		buf_add_str(b, "\"********\"");
	else if (kind == VALUE_NUMBER || kind == VALUE_BOOLEAN)
		buf_add(b, text, len);
	else
		buf_json_string(b, text, len);
}

const char *value_kind_name(enum value_kind kind)
{
	return kind_names[kind];
}

enum value_kind value_kind_from(const char *name)
{
	for (int i = VALUE_STRING; i <= VALUE_DATETIME; i++)
		if (name && strcmp(name, kind_names[i]) == 0)
			return (enum value_kind)i;
	return VALUE_NONE;
}
