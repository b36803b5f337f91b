#include "model/schema.h"
#include "base/clock.h"
#include "base/money.h"
#include "base/network.h"
#include "base/zone.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define POINTER_SIZE 256
#define ERRORS_MAX 100

void errors_add(struct errors *errors, const char *pointer, const char *fmt, ...)
{
	char detail[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	if (!errors->list)
		errors->list = json_array();
	if (json_array_size(errors->list) < ERRORS_MAX)
		json_array_append_new(errors->list, json_pack("{s:s, s:s}", "pointer", pointer, "detail", detail));
}

void errors_free(struct errors *errors)
{
	json_decref(errors->list);
	errors->list = NULL;
}

static bool is_url(const char *s)
{
	size_t n = strncasecmp(s, "https://", 8) == 0 ? 8 : strncasecmp(s, "http://", 7) == 0 ? 7 : 0;
	return n && s[n] && s[n] != '/' && !strpbrk(s, " \t\r\n");
}

bool schema_is_sip_uri(const char *s)
{
	size_t n = strncasecmp(s, "sips:", 5) == 0 ? 5 : strncasecmp(s, "sip:", 4) == 0 ? 4 : 0;
	return n && s[n] && !strpbrk(s, " \t\r\n<>\"");
}

/* Does the text look like the pattern, where 0 stands for a digit? */
static bool looks_like(const char *s, const char *pattern)
{
	for (; *s && *pattern; s++, pattern++)
		if (*pattern == '0' ? *s < '0' || *s > '9' : *s != *pattern)
			return false;
	return !*s && !*pattern;
}

static bool is_time_of_day(const char *s)
{
	int h = 0, m = 0;
	return looks_like(s, "00:00") && sscanf(s, "%d:%d", &h, &m) == 2 && m < 60 && (h < 24 || (h == 24 && m == 0));
}

static bool is_date(const char *s)
{
	int64_t ms;
	return looks_like(s, "0000-00-00") && clock_parse_rfc3339(s, 10, &ms);
}

static bool is_name(const char *s)
{
	return *s && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == strlen(s);
}

/* RFC 6901 §3: empty, or '/' first; '~' only as ~0 or ~1. */
static bool is_pointer(const char *s)
{
	if (*s && *s != '/')
		return false;
	for (; *s; s++)
		if (*s == '~' && s[1] != '0' && s[1] != '1')
			return false;
	return true;
}

struct at {
	const struct schema_context *context;
	struct errors *errors;
	const char *pointer;
};

/* Code points of a text in UTF-8. */
static size_t characters(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* A URL whose path and parameters may have tokens; their defaults may have blanks. */
static bool is_http_template(const char *url)
{
	size_t scheme = 0;
	bool blank = false, token = false;
	if (strncasecmp(url, "https://", 8) == 0)
		scheme = 8;
	else if (strncasecmp(url, "http://", 7) == 0)
		scheme = 7;
	for (const char *p = url; *p; p++) {
		token = (token || *p == '[') && *p != ']';
		blank |= !token && strchr(" \t\r\n", *p);
	}
	return scheme && url[scheme] && !strchr("/?#", url[scheme]) && !blank;
}

static void check_string(const struct field *f, json_t *v, const struct at *at)
{
	const char *s = json_string_value(v);
	long long max = f->max ? f->max : f->type == FIELD_TEMPLATE ? 65536 : 2048;
	size_t len = s ? json_string_length(v) : 0;
	int64_t ms;
	if (!s) {
		errors_add(at->errors, at->pointer, "must be a string");
		return;
	}
	if (strlen(s) != len) {
		errors_add(at->errors, at->pointer, "must not contain the NUL character");
		return;
	}
	if (f->flags & FIELD_CHARACTERS)
		len = characters(s);
	if ((long long)len < f->min)
		errors_add(at->errors, at->pointer, f->min == 1 ? "must not be empty" : "must have at least %lld characters", f->min);
	else if ((long long)len > max)
		errors_add(at->errors, at->pointer, "must have at most %lld characters", max);
	else if ((f->type == FIELD_URL && !is_url(s)) ||
		 ((f->flags & FIELD_HTTP) && !is_http_template(s)))
		errors_add(at->errors, at->pointer, "must be an http:// or https:// URL");
	else if (f->type == FIELD_SIP_URI && !schema_is_sip_uri(s))
		errors_add(at->errors, at->pointer, "must be a SIP URI such as sip:agent@pbx.example.com");
	else if (f->type == FIELD_POINTER && !is_pointer(s))
		errors_add(at->errors, at->pointer, "must be a JSON pointer such as /contact/state");
	else if (f->type == FIELD_TIME_OF_DAY && !is_time_of_day(s))
		errors_add(at->errors, at->pointer, "must be a time such as 09:30 (24:00 ends a day)");
	else if (f->type == FIELD_DATE && !is_date(s))
		errors_add(at->errors, at->pointer, "must be a date such as 2026-12-25");
	else if (f->type == FIELD_DATETIME && !clock_parse_rfc3339(s, len, &ms))
		errors_add(at->errors, at->pointer, "must be a time such as 2026-11-23T14:00:00Z");
	else if (f->type == FIELD_TIME_ZONE && !zone_find(s))
		errors_add(at->errors, at->pointer, "must be a time zone's IANA name, such as America/Chicago");
	else if ((f->type == FIELD_NAME || f->type == FIELD_VARIABLE) && !is_name(s))
		errors_add(at->errors, at->pointer, "may only have letters, digits, '_', '-' and '.'");
	else if (f->type == FIELD_TEMPLATE && at->context->template_text)
		at->context->template_text(at->context->arg, s, at->pointer, at->errors);
	else if (f->type == FIELD_E164 && at->context->e164) {
		char out[32];
		if (at->context->e164(at->context->arg, s, out, sizeof out))
			json_string_set(v, out);
		else
			errors_add(at->errors, at->pointer, "must be a phone number such as +15125550100");
	}
}

static void check_money(const struct field *f, json_t *v, const struct at *at)
{
	int64_t micros;
	if (!json_is_string(v) || !money_parse(json_string_value(v), &micros))
		errors_add(at->errors, at->pointer, "must be a decimal amount in a string, such as \"12.50\"");
	else if (micros < 0)
		errors_add(at->errors, at->pointer, "must not be negative");
	else if (f->max && micros > f->max * 1000000)
		errors_add(at->errors, at->pointer, "must be at most %lld", f->max);
}

static void check_enum(const struct field *f, json_t *v, const struct at *at)
{
	const char *s = json_string_value(v);
	char list[256] = "";
	for (size_t i = 0; f->choices[i]; i++) {
		if (s && strcmp(s, f->choices[i]) == 0)
			return;
		size_t n = strlen(list);
		snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", f->choices[i]);
	}
	errors_add(at->errors, at->pointer, "must be one of: %s", list);
}

static void check_map(json_t *v, const struct at *at)
{
	const char *key;
	json_t *item;
	if (!json_is_object(v)) {
		errors_add(at->errors, at->pointer, "must be an object of strings");
		return;
	}
	void *next;
	json_object_foreach_safe(v, next, key, item) {
		char pointer[POINTER_SIZE];
		snprintf(pointer, sizeof pointer, "%s/%s", at->pointer, key);
		if (json_is_null(item)) /* removed by a merge patch (RFC 7396) */
			json_object_del(v, key);
		else if (!json_is_string(item))
			errors_add(at->errors, pointer, "must be a string");
		else if (at->context->template_text)
			at->context->template_text(at->context->arg, json_string_value(item), pointer, at->errors);
	}
}

static void check_id(const struct field *f, json_t *v, const struct at *at)
{
	char kind[WORDS_SIZE];
	const char *id = json_string_value(v);
	words_lower(f->kind, kind);
	if (!id)
		errors_add(at->errors, at->pointer, "must be the id of a %s", kind);
	else if (at->context->exists && !at->context->exists(at->context->arg, f->kind, id))
		errors_add(at->errors, at->pointer, "there is no %s with id %.60s", kind, id);
}

static void check_value(const struct field *f, json_t *v, const struct at *at)
{
	switch (f->type) {
	case FIELD_INTEGER:
		if (!json_is_integer(v))
			errors_add(at->errors, at->pointer, "must be a whole number");
		else if ((f->min || f->max) && (json_integer_value(v) < f->min || json_integer_value(v) > f->max))
			errors_add(at->errors, at->pointer, "must be between %lld and %lld", f->min, f->max);
		return;
	case FIELD_BOOLEAN:
		if (!json_is_boolean(v))
			errors_add(at->errors, at->pointer, "must be true or false");
		return;
	case FIELD_MONEY:
		check_money(f, v, at);
		return;
	case FIELD_ENUM:
		check_enum(f, v, at);
		return;
	case FIELD_OBJECT:
		if (!json_is_object(v))
			errors_add(at->errors, at->pointer, "must be an object");
		else
			schema_check(f->fields, v, at->pointer, at->context, at->errors);
		return;
	case FIELD_MAP:
		check_map(v, at);
		return;
	case FIELD_FILTER:
		if (!json_is_object(v))
			errors_add(at->errors, at->pointer, "must be a filter such as {\"match\":\"all\",\"rules\":[]}");
		else if (at->context->filter)
			at->context->filter(at->context->arg, v, at->pointer, at->errors);
		return;
	case FIELD_ID:
		check_id(f, v, at);
		return;
	case FIELD_ANY:
		return;
	default:
		check_string(f, v, at);
	}
}

static void check_field(const struct field *f, json_t *v, const struct at *at)
{
	if (!(f->flags & FIELD_LIST)) {
		check_value(f, v, at);
		return;
	}
	if (!json_is_array(v)) {
		errors_add(at->errors, at->pointer, "must be an array");
		return;
	}
	size_t n = json_array_size(v), max = f->max ? (size_t)f->max : 1000;
	if (n < (size_t)f->min)
		errors_add(at->errors, at->pointer, "must have at least %lld element%s", f->min, f->min == 1 ? "" : "s");
	if (n > max) {
		errors_add(at->errors, at->pointer, "must have at most %zu elements", max);
		return;
	}
	struct field element = *f;
	element.flags &= ~(unsigned)FIELD_LIST;
	element.min = (f->type == FIELD_STRING || f->type == FIELD_NAME || f->type == FIELD_VARIABLE) && !(f->flags & FIELD_EMPTY_TEXTS) ? 1 : 0;
	element.max = 0;
	for (size_t i = 0; i < n; i++) {
		char pointer[POINTER_SIZE];
		snprintf(pointer, sizeof pointer, "%s/%zu", at->pointer, i);
		check_value(&element, json_array_get(v, i), &(struct at){at->context, at->errors, pointer});
	}
}

static const struct field *find(const struct field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

void schema_check(const struct field *fields, json_t *object, const char *pointer,
		  const struct schema_context *context, struct errors *errors)
{
	const char *key;
	json_t *value;
	char at[POINTER_SIZE];
	json_object_foreach(object, key, value) {
		snprintf(at, sizeof at, "%s/%s", pointer, key);
		const struct field *f = find(fields, key);
		if (!f)
			errors_add(errors, at, "is not a known field");
		else if (f->flags & FIELD_READ_ONLY)
			errors_add(errors, at, "is read-only");
	}
	for (const struct field *f = fields; f->name; f++) {
		if (f->flags & FIELD_READ_ONLY)
			continue;
		snprintf(at, sizeof at, "%s/%s", pointer, f->name);
		value = json_object_get(object, f->name);
		if (json_is_null(value)) {
			if (!(f->flags & FIELD_REQUIRED)) /* null clears: back to the default */
				json_object_del(object, f->name);
			value = NULL;
		}
		if (!value && f->initial && !(f->flags & FIELD_REQUIRED)) { /* an object's members have defaults of their own */
			json_object_set_new(object, f->name, json_loads(f->initial, JSON_DECODE_ANY, NULL));
			value = json_object_get(object, f->name);
		}
		if (value) {
			check_field(f, value, &(struct at){context, errors, at});
		} else if (f->flags & FIELD_REQUIRED) {
			errors_add(errors, at, "is required");
		} else {
			json_object_set_new(object, f->name, json_null());
		}
	}
}

const char *schema_title(const struct field *f, char out[WORDS_SIZE])
{
	return f->title ? f->title : words_title(f->name, out);
}

const char *schema_item_title(const struct field *f, char out[WORDS_SIZE])
{
	char title[WORDS_SIZE];
	return f->item ? f->item : words_singular(schema_title(f, title), out);
}

const char *schema_label(const struct field *f, const char *value, char out[WORDS_SIZE])
{
	for (const struct label *l = f->labels; l && l->value; l++)
		if (strcmp(l->value, value) == 0)
			return l->text;
	return words_title(value, out);
}

static void enum_schema(const struct field *f, json_t *s)
{
	json_t *values = json_array(), *labels = json_object();
	char label[WORDS_SIZE];
	for (size_t i = 0; f->choices[i]; i++) {
		json_array_append_new(values, json_string(f->choices[i]));
		json_object_set_new(labels, f->choices[i],
				    json_string(schema_label(f, f->choices[i], label)));
	}
	json_object_set_new(s, "type", json_string("string"));
	json_object_set_new(s, "enum", values);
	json_object_set_new(s, "x-labels", labels);
}

static json_t *value_schema(const struct field *f)
{
	static const char *const formats[] = {
		[FIELD_ID] = "id", [FIELD_E164] = "e164", [FIELD_URL] = "uri", [FIELD_SIP_URI] = "sip-uri",
		[FIELD_POINTER] = "json-pointer", [FIELD_TIME_OF_DAY] = "time-of-day", [FIELD_DATE] = "date", [FIELD_DATETIME] = "date-time",
		[FIELD_TIME_ZONE] = "time-zone", [FIELD_TEMPLATE] = "template", [FIELD_NAME] = "name", [FIELD_MONEY] = "decimal", [FIELD_SCRIPT] = "javascript", [FIELD_TAG] = "tag", [FIELD_VARIABLE] = "variable",
		[FIELD_EVENT_TYPE] = "event-type",
		[FIELD_ANY] = NULL,
	};
	json_t *s = json_object();
	switch (f->type) {
	case FIELD_INTEGER:
		json_object_set_new(s, "type", json_string("integer"));
		if ((f->min || f->max) && !(f->flags & FIELD_LIST)) {
			json_object_set_new(s, "minimum", json_integer(f->min));
			json_object_set_new(s, "maximum", json_integer(f->max));
		}
		return s;
	case FIELD_BOOLEAN:
		json_object_set_new(s, "type", json_string("boolean"));
		return s;
	case FIELD_ENUM:
		enum_schema(f, s);
		return s;
	case FIELD_OBJECT:
		json_decref(s);
		return schema_json(f->fields);
	case FIELD_MAP:
		json_object_set_new(s, "type", json_string("object"));
		json_object_set_new(s, "additionalProperties", json_pack("{s:s}", "type", "string"));
		return s;
	case FIELD_FILTER:
		json_object_set_new(s, "$ref", json_string("#/components/schemas/Filter"));
		return s;
	case FIELD_ANY:
		return s;
	default:
		json_object_set_new(s, "type", json_string("string"));
		if (formats[f->type])
			json_object_set_new(s, "format", json_string(formats[f->type]));
		if (f->kind)
			json_object_set_new(s, "x-kind", json_string(f->kind));
		if (f->flags & FIELD_LIST)
			return s;
		if (f->min)
			json_object_set_new(s, "minLength", json_integer(f->min));
		if (f->max)
			json_object_set_new(s, "maxLength", json_integer(f->max));
		return s;
	}
}

json_t *schema_json(const struct field *fields)
{
	json_t *properties = json_object(), *required = json_array();
	char title[WORDS_SIZE];
	for (const struct field *f = fields; f->name; f++) {
		json_t *s = value_schema(f);
		if (f->flags & FIELD_LIST) {
			if (f->type == FIELD_OBJECT || f->type == FIELD_ID)
				json_object_set_new(s, "title",
						    json_string(schema_item_title(f, title)));
			if (f->item_by)
				json_object_set_new(s, "x-title-by", json_string(f->item_by));
			s = json_pack("{s:s, s:o}", "type", "array", "items", s);
			if (f->min)
				json_object_set_new(s, "minItems", json_integer(f->min));
			if (f->max)
				json_object_set_new(s, "maxItems", json_integer(f->max));
		}
		bool nullable = !(f->flags & FIELD_REQUIRED) && !f->initial;
		if (nullable && json_is_string(json_object_get(s, "type")))
			json_object_set_new(s, "type", json_pack("[s, s]", json_string_value(json_object_get(s, "type")), "null"));
		if (nullable && json_object_get(s, "enum"))
			json_array_append_new(json_object_get(s, "enum"), json_null());
		json_object_set_new(s, "title", json_string(schema_title(f, title)));
		if (f->help)
			json_object_set_new(s, "description", json_string(f->help));
		const char *is = f->only ? strchr(f->only, '=') : NULL;
		if (is)
			json_object_set_new(s, "x-only", json_pack("{s:s%, s:s}", "field", f->only, (size_t)(is - f->only), "value", is + 1));
		if (f->initial)
			json_object_set_new(s, "default", json_loads(f->initial, JSON_DECODE_ANY, NULL));
		if (f->flags & FIELD_READ_ONLY)
			json_object_set_new(s, "readOnly", json_true());
		if (f->flags & FIELD_SECRET)
			json_object_set_new(s, "writeOnly", json_true());
		if (f->flags & FIELD_REQUIRED)
			json_array_append_new(required, json_string(f->name));
		json_object_set_new(properties, f->name, s);
	}
	json_t *out = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
	if (json_array_size(required))
		json_object_set(out, "required", required);
	json_decref(required);
	return out;
}

void schema_check_networks(json_t *list, const char *pointer, struct errors *errors)
{
	json_t *address;
	size_t i;
	json_array_foreach(list, i, address) {
		struct network network;
		char at[POINTER_SIZE];
		snprintf(at, sizeof at, "%s/%zu", pointer, i);
		if (!network_parse(json_string_value(address), &network))
			errors_add(errors, at, "must be an IP address or network such as 203.0.113.0/24");
	}
}
