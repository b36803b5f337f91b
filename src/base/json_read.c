#include "base/json_read.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTER_SIZE 256
#define TOKEN_MAX 4096 /* of a number */

/* Where a value stands: the names and indexes that lead to it. */
struct place {
	const struct place *up;
	const char *name; /* NULL: an element of an array */
	size_t index;
	unsigned depth;
};

struct reader {
	const char *text;
	size_t len, at;
	const struct charset *named; /* of the strings' bytes; NULL: each is guessed */
	json_t *notes;
	struct error *err;
};

/* ---- notes ---- */

void json_note(json_t *notes, const char *field, const char *fmt, ...)
{
	char detail[256];
	va_list ap;
	size_t n = json_array_size(notes);
	if (!notes || n > JSON_NOTES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	if (n == JSON_NOTES_MAX) {
		field = "";
		snprintf(detail, sizeof detail, "more members have errors: only %d are listed",
			JSON_NOTES_MAX);
	}
	json_t *name = json_read_text(field, strnlen(field, POINTER_SIZE), NULL);
	json_t *why = json_read_text(detail, strlen(detail), NULL);
	json_array_append_new(notes, json_pack("{s:o, s:o}", "field", name, "detail", why));
}

/* "/lead/0/state", or "state" for a member of the outermost object. */
static void write_place(const struct place *p, struct buf *out)
{
	if (p->up)
		write_place(p->up, out);
	if (!p->up)
		return;
	buf_add_char(out, '/');
	if (!p->name) {
		buf_add_int(out, (int64_t)p->index);
		return;
	}
	for (const char *c = p->name; *c; c++) {
		if (*c == '~' || *c == '/')
			buf_add_str(out, *c == '~' ? "~0" : "~1");
		else
			buf_add_char(out, *c);
	}
}

static void note(struct reader *r, const struct place *p, const char *detail)
{
	struct buf pointer = {.limit = POINTER_SIZE};
	if (!r->notes)
		return;
	if (p->depth == 1 && p->name) {
		json_note(r->notes, p->name, "%s", detail);
		return;
	}
	write_place(p, &pointer);
	json_note(r->notes, buf_text(&pointer), "%s", detail);
	buf_free(&pointer);
}

/* ---- errors ---- */

static json_t *fail(struct reader *r, size_t at, const char *what)
{
	size_t line = 1, column = 1;
	for (size_t i = 0; i < at; i++) {
		bool ends = r->text[i] == '\n';
		line += ends;
		if (ends)
			column = 1;
		else
			column += ((unsigned char)r->text[i] & 0xc0) != 0x80;
	}
	error_set(r->err, "%s (line %zu, column %zu)", what, line, column);
	return NULL;
}

/* ---- strings ---- */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

/* The code unit of \uXXXX at s; -1: it is none. */
static int code_unit(const char *s, size_t left)
{
	char digits[5] = "";
	if (left < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (int i = 0; i < 4; i++) {
		if (!is_hex(s[2 + i]))
			return -1;
		digits[i] = s[2 + i];
	}
	return (int)strtol(digits, NULL, 16);
}

static void add_code_point(struct buf *out, unsigned c)
{
	char utf8[4];
	size_t n = 0;
	if (!c || (c >= 0xd800 && c <= 0xdfff))
		c = 0xfffd;
	if (c < 0x80) {
		utf8[n++] = (char)c;
	} else if (c < 0x800) {
		utf8[n++] = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		utf8[n++] = (char)(0xe0 | c >> 12);
		utf8[n++] = (char)(0x80 | (c >> 6 & 63));
	} else {
		utf8[n++] = (char)(0xf0 | c >> 18);
		utf8[n++] = (char)(0x80 | (c >> 12 & 63));
		utf8[n++] = (char)(0x80 | (c >> 6 & 63));
	}
	if (c >= 0x80)
		utf8[n++] = (char)(0x80 | (c & 63));
	buf_add(out, utf8, n);
}

/* An escape at s, decoded; how many bytes it has. */
static size_t add_escape(struct buf *out, const char *s, size_t left)
{
	static const char from[] = "\"\\/bfnrt'", to[] = "\"\\/\b\f\n\r\t'";
	int unit = code_unit(s, left);
	if (unit >= 0xd800 && unit <= 0xdbff) {
		int low = code_unit(s + 6, left - 6);
		if (low >= 0xdc00 && low <= 0xdfff) {
			add_code_point(out,
				0x10000 + ((unsigned)(unit - 0xd800) << 10) +
					(unsigned)(low - 0xdc00));
			return 12;
		}
	}
	if (unit >= 0) {
		add_code_point(out, (unsigned)unit);
		return 6;
	}
	const char *known = left > 1 && s[1] ? strchr(from, s[1]) : NULL;
	if (known) {
		buf_add_char(out, to[known - from]);
		return 2;
	}
	buf_add_char(out, '\\');
	return 1;
}

json_t *json_read_text(const char *bytes, size_t len, const struct charset *named)
{
	struct buf out = {0};
	if (utf8_is_clean(bytes, len))
		return json_stringn_nocheck(bytes, len);
	charset_decode(named ? named : charset_guess(bytes, len), bytes, len, &out);
	json_t *text = out.failed ? NULL : json_stringn_nocheck(buf_text(&out), out.len);
	buf_free(&out);
	return text;
}

static json_t *decode_string(struct reader *r, const char *s, size_t len)
{
	const struct charset *from = r->named ? r->named : charset_guess(s, len);
	struct buf out = {0};
	for (size_t i = 0; i < len;) {
		const char *escape = memchr(s + i, '\\', len - i);
		size_t n = escape ? (size_t)(escape - s) - i : len - i;
		charset_decode(from, s + i, n, &out);
		i += n;
		if (escape)
			i += add_escape(&out, s + i, len - i);
	}
	json_t *text = out.failed ? NULL : json_stringn_nocheck(buf_text(&out), out.len);
	buf_free(&out);
	if (!text)
		error_set(r->err, "out of memory");
	return text;
}

static json_t *read_string(struct reader *r)
{
	size_t start = ++r->at;
	while (r->at < r->len && r->text[r->at] != '"')
		r->at += r->text[r->at] == '\\' && r->at + 1 < r->len ? 2 : 1;
	if (r->at >= r->len)
		return fail(r, start - 1, "a string has no end");
	return decode_string(r, r->text + start, r->at++ - start);
}

/* ---- numbers and words ---- */

static bool is_token(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '+' ||
		c == '-' || c == '.' || c == '_';
}

static size_t digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* As RFC 8259 section 6 writes numbers. */
static bool is_number(const char *s, bool *integer)
{
	s += *s == '-';
	size_t n = digits(s);
	if (!n || (*s == '0' && n > 1))
		return false;
	s += n;
	*integer = !*s;
	if (*s == '.') {
		n = digits(s + 1);
		s += n + 1;
		if (!n)
			return false;
	}
	if (*s == 'e' || *s == 'E') {
		s += s[1] == '+' || s[1] == '-' ? 2 : 1;
		n = digits(s);
		s += n;
		if (!n)
			return false;
	}
	return !*s;
}

/* What is not written as JSON writes it, but can only be meant as a value. */
static bool is_scalar(const char *s)
{
	const char *unsigned_part = s + (*s == '+' || *s == '-');
	if (strcmp(s, "NaN") == 0 || strcmp(unsigned_part, "Infinity") == 0)
		return true;
	unsigned_part += *unsigned_part == '.';
	return *unsigned_part >= '0' && *unsigned_part <= '9';
}

static json_t *token_value(const char *s, size_t len)
{
	bool integer = false;
	if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0)
		return json_boolean(*s == 't');
	if (strcmp(s, "null") == 0)
		return json_null();
	bool number = is_number(s, &integer);
	if (!number && !is_scalar(s))
		return NULL;
	errno = 0;
	long long whole = number && integer ? strtoll(s, NULL, 10) : 0;
	if (number && integer && !errno)
		return json_integer(whole);
	double real = number && !integer ? strtod(s, NULL) : HUGE_VAL;
	return isfinite(real) ? json_real(real) : json_stringn_nocheck(s, len);
}

static json_t *read_token(struct reader *r)
{
	size_t start = r->at;
	while (r->at < r->len && is_token(r->text[r->at]))
		r->at++;
	size_t len = r->at - start;
	if (start == r->len)
		return fail(r, start, "it ends where a value is expected");
	if (!len || len > TOKEN_MAX)
		return fail(r, start, len ? "a number is too long" : "a value is expected");
	char *token = strndup(r->text + start, len);
	json_t *value = token ? token_value(token, len) : NULL;
	if (!token)
		error_set(r->err, "out of memory");
	else if (!value)
		fail(r, start, "a value is expected; texts stand in quotes");
	free(token);
	return value;
}

/* ---- objects and arrays ---- */

static json_t *read_value(struct reader *r, const struct place *p);

static void skip_blank(struct reader *r)
{
	while (r->at < r->len && strchr(" \t\r\n", r->text[r->at]) && r->text[r->at])
		r->at++;
}

static bool next_is(struct reader *r, char c)
{
	skip_blank(r);
	if (r->at >= r->len || r->text[r->at] != c)
		return false;
	r->at++;
	return true;
}

static bool read_member(struct reader *r, json_t *object, const struct place *p)
{
	skip_blank(r);
	if (r->at >= r->len || r->text[r->at] != '"')
		return fail(r, r->at, "a name in quotes is expected") != NULL;
	json_t *name = read_string(r);
	if (!name)
		return false;
	const char *key = json_string_value(name);
	const struct place inner = {.up = p, .name = key, .depth = p->depth + 1};
	bool ok = next_is(r, ':');
	if (!ok)
		fail(r, r->at, "a colon is expected");
	json_t *value = ok ? read_value(r, &inner) : NULL;
	if (value && json_object_get(object, key))
		note(r, &inner, "came more than once: the last value was taken");
	ok = value && json_object_set_new_nocheck(object, key, value) == 0;
	if (value && !ok)
		error_set(r->err, "out of memory");
	json_decref(name);
	return ok;
}

static bool read_element(struct reader *r, json_t *array, const struct place *p)
{
	const struct place inner = {
		.up = p, .index = json_array_size(array), .depth = p->depth + 1};
	json_t *value = read_value(r, &inner);
	return value && json_array_append_new(array, value) == 0;
}

static void fail_in_list(struct reader *r, bool object)
{
	if (r->at == r->len)
		fail(r, r->at, "it ends within a list or an object");
	else
		fail(r, r->at, object ? "a comma or } is expected" : "a comma or ] is expected");
}

static json_t *read_list(struct reader *r, const struct place *p, bool object)
{
	char end = object ? '}' : ']';
	json_t *list = object ? json_object() : json_array();
	bool ok = list != NULL;
	r->at++;
	if (!ok)
		error_set(r->err, "out of memory");
	if (ok && next_is(r, end))
		return list;
	while (ok) {
		ok = object ? read_member(r, list, p) : read_element(r, list, p);
		if (!ok || next_is(r, end))
			break;
		ok = next_is(r, ',');
		if (!ok)
			fail_in_list(r, object);
	}
	if (ok)
		return list;
	json_decref(list);
	return NULL;
}

/* Past a list or object that is too deep, without reading it. */
static json_t *skip_list(struct reader *r, const struct place *p)
{
	size_t open = 0, start = r->at;
	for (; r->at < r->len; r->at++) {
		char c = r->text[r->at];
		if (c == '"') {
			json_t *text = read_string(r);
			if (!text)
				return NULL;
			json_decref(text);
			r->at--;
		}
		open += c == '{' || c == '[';
		open -= c == '}' || c == ']';
		if (open)
			continue;
		r->at++;
		note(r, p, "is within more than 256 lists and objects: it was left out");
		return json_null();
	}
	return fail(r, start, "it ends within a list or an object");
}

static json_t *read_value(struct reader *r, const struct place *p)
{
	skip_blank(r);
	char c = r->at < r->len ? r->text[r->at] : '\0';
	if (c == '"')
		return read_string(r);
	if (c != '{' && c != '[')
		return read_token(r);
	return p->depth < JSON_READ_DEPTH ? read_list(r, p, c == '{') : skip_list(r, p);
}

/* ---- the whole ---- */

static json_t *repair(struct reader *r)
{
	const struct place outermost = {0};
	json_t *value = read_value(r, &outermost);
	skip_blank(r);
	if (!value || r->at == r->len)
		return value;
	json_decref(value);
	return fail(r, r->at, "something follows the JSON");
}

json_t *json_read(const char *bytes, size_t len, const struct charset *named, json_t *notes,
	struct error *err)
{
	size_t flags = JSON_DECODE_ANY | (notes ? JSON_REJECT_DUPLICATES : 0), mark;
	json_t *value =
		!named || charset_is_utf8(named) ? json_loadb(bytes, len, flags, NULL) : NULL;
	if (value)
		return value;
	struct buf decoded = {0};
	struct reader r = {.notes = notes, .err = err};
	r.named = charset_settle(named, bytes, len, &mark);
	r.text = bytes + mark;
	r.len = len - mark;
	error_set(err, "out of memory");
	if (r.named && !charset_is_utf8(r.named)) {
		charset_decode(r.named, r.text, r.len, &decoded);
		r.text = buf_text(&decoded);
		r.len = decoded.len;
		r.named = charset_utf8();
	}
	value = decoded.failed ? NULL : repair(&r);
	buf_free(&decoded);
	return value;
}
