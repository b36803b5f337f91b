#include "webhook/incoming.h"
#include "base/mime.h"
#include "expr/pointer.h"
#include "webhook/form.h"
#include <string.h>
#include <strings.h>

/* ---- what a body is ---- */

enum format {
	FORMAT_UNKNOWN,
	FORMAT_JSON,
	FORMAT_FORM,
	FORMAT_LINES,
	FORMAT_MULTIPART,
	FORMAT_XML
};

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

static enum format format_by_type(const char *type)
{
	static const struct {
		const char *type;
		enum format format;
	} known[] = {
		{"application/json", FORMAT_JSON},
		{"text/json", FORMAT_JSON},
		{"application/x-www-form-urlencoded", FORMAT_FORM},
		{"application/xml", FORMAT_XML},
		{"text/xml", FORMAT_XML},
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(type, known[i].type) == 0)
			return known[i].format;
	if (strncmp(type, "multipart/", 10) == 0)
		return FORMAT_MULTIPART;
	if (ends_with(type, "+json"))
		return FORMAT_JSON;
	return ends_with(type, "+xml") ? FORMAT_XML : FORMAT_UNKNOWN;
}

struct body {
	const char *content_type, *bytes, *start; /* start: its first character that is not blank */
	size_t len, rest;                         /* rest: bytes from start */
	const struct charset *named;
	char type[MIME_TYPE_SIZE];
};

/* name=value before any blank: a form, whatever is said of it. */
static bool looks_like_form(const struct body *b)
{
	for (size_t i = 0; i < b->rest; i++) {
		unsigned char c = (unsigned char)b->start[i];
		if (c == '=')
			return i > 0;
		if (c <= ' ' || strchr("{}\"<>:,", c))
			return false;
	}
	return false;
}

static enum format format_by_look(const struct body *b)
{
	char first = b->rest ? *b->start : '\0';
	if (first == '{' || first == '[' || first == '"')
		return FORMAT_JSON;
	if (first == '<')
		return FORMAT_XML;
	if (b->rest > 2 && memcmp(b->start, "--", 2) == 0 &&
		strcasestr(b->start, "\nContent-Disposition:"))
		return FORMAT_MULTIPART;
	if (!looks_like_form(b))
		return FORMAT_UNKNOWN;
	bool lines = !memchr(b->start, '&', b->rest) && memchr(b->start, '\n', b->rest);
	return lines ? FORMAT_LINES : FORMAT_FORM;
}

/* What the body looks like goes before what its type says where that cannot be true. */
static enum format format_of(const struct body *b)
{
	enum format said = format_by_type(b->type), seen = format_by_look(b);
	if (seen == FORMAT_LINES && strcmp(b->type, "text/plain") != 0)
		seen = FORMAT_FORM;
	if (said == FORMAT_UNKNOWN || said == FORMAT_XML)
		return seen == FORMAT_UNKNOWN ? said : seen;
	bool brace = seen == FORMAT_JSON && *b->start == '{'; /* curl -d sends JSON as a form */
	if (said == FORMAT_FORM)
		return brace || seen == FORMAT_XML || seen == FORMAT_MULTIPART ? seen : said;
	if (said == FORMAT_JSON)
		return seen == FORMAT_UNKNOWN ? said : seen;
	return brace ? seen : said;
}

/* ---- reading ---- */

static json_t *refuse(int *status, int is, struct error *err, const char *why)
{
	*status = is;
	error_set(err, "%s", why);
	return NULL;
}

/* The object of a JSON body, or NULL. */
static json_t *one_object(json_t *json, const struct body *b, json_t *notes, struct error *err)
{
	/* JSON that was made twice is a string of it. */
	if (json_is_string(json)) {
		json_t *inner = json_read(
			json_string_value(json), json_string_length(json), NULL, notes, err);
		json_decref(json);
		json = inner;
		if (!json)
			return NULL;
	}
	if (json_is_object(json))
		return json;
	json_t *only = json_array_size(json) == 1 ? json_array_get(json, 0) : NULL;
	json_t *object = json_is_object(only) ? json_incref(only) : NULL;
	if (!object && json_is_array(json))
		error_set(err, "it is a list of %zu: send one object with each request",
			json_array_size(json));
	else if (!object)
		error_set(err, "it begins with '%.*s': send an object",
			(int)(b->rest < 20 ? b->rest : 20), b->start);
	json_decref(json);
	return object;
}

static json_t *read_json(const struct body *b, json_t *notes, int *status, struct error *err)
{
	json_t *json = json_read(b->bytes, b->len, b->named, notes, err);
	*status = 400;
	return json ? one_object(json, b, notes, err) : NULL;
}

/* A form whose only name is a JSON object: a sender that encodes its JSON as a form. */
static json_t *json_in_form(json_t *form, json_t *notes)
{
	struct error err;
	const char *name = json_object_iter_key(json_object_iter(form));
	if (json_object_size(form) != 1 || *name != '{')
		return form;
	json_t *inner = json_read(name, strlen(name), NULL, notes, &err);
	if (!json_is_object(inner)) {
		json_decref(inner);
		return form;
	}
	json_decref(form);
	return inner;
}

static json_t *read_form(
	const struct body *b, enum format format, json_t *notes, int *status, struct error *err)
{
	json_t *form = json_object();
	*status = 400;
	if (!form)
		return refuse(status, 503, err, "out of memory");
	if (format == FORMAT_FORM)
		form_read(b->bytes, b->len, b->named, form);
	else if (format == FORMAT_LINES)
		form_read_lines(b->bytes, b->len, b->named, form);
	else if (!form_read_multipart(
			 b->content_type, b->bytes, b->len, b->named, form, notes, err)) {
		json_decref(form);
		return NULL;
	}
	return format == FORMAT_FORM ? json_in_form(form, notes) : form;
}

/* Past the byte order mark and blanks, also those of UTF-16. */
static void find_start(struct body *b)
{
	size_t mark, at;
	(void)charset_settle(NULL, b->bytes, b->len, &mark);
	for (at = mark; at < b->len && strchr(" \t\r\n", b->bytes[at]); at++) /* NUL, too */
		;
	b->start = b->bytes + at;
	b->rest = b->len - at;
}

json_t *incoming_read(const char *content_type, const char *bytes, size_t len, json_t *notes,
	int *status, struct error *err)
{
	struct body b = {.content_type = content_type, .bytes = bytes, .len = len};
	bool unknown;
	mime_type(content_type, b.type);
	b.named = mime_charset(content_type, &unknown);
	find_start(&b);
	if (!b.rest)
		return json_object();
	if (unknown)
		json_note(notes, "",
			"the Content-Type names an unknown charset: the body was read as UTF-8");
	enum format format = format_of(&b);
	switch (format) {
	case FORMAT_JSON:
		return read_json(&b, notes, status, err);
	case FORMAT_FORM:
	case FORMAT_LINES:
	case FORMAT_MULTIPART:
		return read_form(&b, format, notes, status, err);
	case FORMAT_XML:
		return refuse(status, 415, err, "it is XML: send JSON or a form");
	default:
		break;
	}
	if (*b.type && strncmp(b.type, "text/", 5) != 0) {
		*status = 415;
		error_set(err, "its type is %.60s: send JSON or a form", b.type);
		return NULL;
	}
	return read_json(&b, notes, status, err);
}

/* ---- limits ---- */

struct limits {
	size_t members;
	bool deep;
};

/* The depth is bounded, so this may call itself. */
static void count(json_t *json, unsigned depth, struct limits *l)
{
	const char *key;
	json_t *item;
	size_t i;
	void *next;
	bool cut = depth >= INCOMING_DEPTH_MAX;
	l->members++;
	json_object_foreach_safe(json, next, key, item)
	{
		bool list = json_is_object(item) || json_is_array(item);
		l->deep = l->deep || (cut && list);
		if (cut && list)
			json_object_set_new_nocheck(json, key, json_null());
		else
			count(item, depth + 1, l);
	}
	json_array_foreach(json, i, item)
	{
		bool list = json_is_object(item) || json_is_array(item);
		l->deep = l->deep || (cut && list);
		if (cut && list)
			json_array_set_new(json, i, json_null());
		else
			count(item, depth + 1, l);
	}
}

void incoming_limit(json_t *data, json_t *notes)
{
	size_t members = 1;
	const char *key;
	json_t *item;
	void *next;
	json_object_foreach_safe(data, next, key, item)
	{
		struct limits l = {0};
		count(item, 1, &l);
		if (l.deep)
			json_note(notes, key,
				"has more than %d levels: the inner ones were left out",
				INCOMING_DEPTH_MAX);
		if (members + l.members <= INCOMING_MEMBERS_MAX) {
			members += l.members;
			continue;
		}
		json_note(notes, key, "was left out: a request has at most %d values",
			INCOMING_MEMBERS_MAX);
		json_object_del(data, key);
	}
}

/* ---- members by name ---- */

const char *incoming_text(json_t *object, const char *name, struct arena *arena)
{
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value) if (strcasecmp(key, name) == 0 &&
		!json_is_object(value) && !json_is_array(value) &&
		!json_is_null(value)) return json_leaf_value(value, arena)
		.text;
	return NULL;
}

void incoming_remove(json_t *object, const char *name)
{
	const char *key;
	json_t *value;
	void *next;
	json_object_foreach_safe(object, next, key, value) if (strcasecmp(key, name) == 0)
		json_object_del(object, key);
}
