#include "expr/value.h"
#include "base/charset.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/phone.h"
#include <errno.h>
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

/* How much of a text an error shows: no half character, which JSON would not take. */
static int shown(const char *text, size_t len)
{
	return (int)utf8_cut(text, len, 60);
}

static bool keep(struct value v, const char *text, size_t len, struct arena *arena, struct value *out,
		 struct error *err)
{
	v.text = arena_strndup(arena, text, len);
	v.len = (uint32_t)len;
	if (!v.text)
		return error_set(err, "out of memory");
	*out = v;
	return true;
}

static bool read_datetime(const char *text, size_t len, enum date_order order, struct arena *arena,
			  struct value *out, struct error *err)
{
	char canonical[RFC3339_SIZE];
	struct error why;
	int64_t ms;
	trim(&text, &len);
	if (!date_read(text, len, order, &ms, &why))
		return error_set(err, "'%.*s' %s", shown(text, len), text, why.text);
	clock_rfc3339(ms, canonical);
	struct value v = {.kind = VALUE_DATETIME, .number = (double)ms};
	return keep(v, canonical, strlen(canonical), arena, out, err);
}

/* Its canonical text. false: an integer of more digits than 64 bits have, which would lose some. */
static bool format_number(const struct decimal *d, double n, char out[VALUE_NUMBER_SIZE])
{
	char *end;
	errno = 0;
	long long whole = d->integer ? strtoll(d->text, &end, 10) : 0;
	if (d->integer && errno)
		return false;
	if (d->integer)
		snprintf(out, VALUE_NUMBER_SIZE, "%lld", whole);
	else
		value_format_number(n, out);
	return true;
}

static bool read_number(const char *text, size_t len, struct arena *arena, struct value *out,
			struct error *err)
{
	char canonical[VALUE_NUMBER_SIZE];
	struct decimal d;
	struct error why;
	trim(&text, &len);
	if (!decimal_read_amount(text, len, "", &d, &why))
		return error_set(err, "'%.*s' %s", shown(text, len), text, why.text);
	double n = strtod(d.text, NULL);
	if (!isfinite(n))
		return error_set(err, "'%.*s' is larger than a number can be", shown(text, len), text);
	if (!format_number(&d, n, canonical))
		return error_set(err, "'%.*s' has more digits than a number keeps: a text keeps them",
				 shown(text, len), text);
	struct value v = {.kind = VALUE_NUMBER, .number = n};
	return keep(v, canonical, strlen(canonical), arena, out, err);
}

bool value_coerce(enum value_kind kind, const char *text, size_t len, struct arena *arena,
		  struct value *out, struct error *err)
{
	const char *from = text;
	size_t n = len;
	struct value v = {.kind = kind};
	bool flag;
	switch (kind) {
	case VALUE_STRING:
		break;
	case VALUE_NUMBER:
		return read_number(text, len, arena, out, err);
	case VALUE_BOOLEAN:
		if (!value_parse_boolean(text, len, &flag))
			return error_set(err, "'%.*s' is neither true nor false", shown(text, len), text);
		v.number = flag;
		from = flag ? "true" : "false";
		n = strlen(from);
		break;
	case VALUE_DATETIME:
		return read_datetime(text, len, DATE_ORDER_UNKNOWN, arena, out, err);
	default:
		return error_set(err, "a value needs a type");
	}
	return keep(v, from, n, arena, out, err);
}

static bool read_phone(const struct value_type *type, const char *text, size_t len, struct arena *arena, struct value *out, struct error *err)
{
	char given[256], number[PHONE_SIZE];
	struct error why;
	snprintf(given, sizeof given, "%.*s", (int)(len < sizeof given ? len : 0), text);
	if (!phone_read(given, type->region, number, &why))
		return error_set(err, "'%.*s' %s", shown(text, len), text, why.text);
	return value_coerce(VALUE_STRING, number, strlen(number), arena, out, err);
}

static bool read_choice(const struct value_type *type, const char *text, size_t len, struct arena *arena, struct value *out, struct error *err)
{
	size_t count = 0;
	trim(&text, &len);
	for (const char *const *choice = type->choices; *choice; choice++, count++)
		if (strlen(*choice) == len && strncasecmp(*choice, text, len) == 0)
			return value_coerce(VALUE_STRING, *choice, len, arena, out, err);
	return error_set(err, "'%.*s' is none of the tag's %zu choices", shown(text, len), text, count);
}

const struct value_type value_type_string = {.kind = VALUE_STRING, .name = "string"};

bool value_coerce_to(const struct value_type *type, const char *text, size_t len, struct arena *arena,
		     struct value *out, struct error *err)
{
	if (type->region)
		return read_phone(type, text, len, arena, out, err);
	if (type->choices)
		return read_choice(type, text, len, arena, out, err);
	if (type->kind == VALUE_DATETIME)
		return read_datetime(text, len, type->order, arena, out, err);
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
