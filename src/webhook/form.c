#include "webhook/form.h"
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* ---- names with brackets ---- */

struct path {
	size_t count;
	char *keys[FORM_LEVELS_MAX + 1]; /* into `copy`; "" is the end of a list */
	char *copy;
};

/* "a[b][]" to a, b, "". false: it is a plain name, or there is no memory. */
static bool split(const char *name, struct path *p)
{
	const char *bracket = strchr(name, '[');
	if (!bracket || bracket == name || name[strlen(name) - 1] != ']')
		return false;
	p->copy = strdup(name);
	if (!p->copy)
		return false;
	char *at = p->copy + (bracket - name);
	p->keys[0] = p->copy;
	p->count = 1;
	while (*at == '[' && p->count <= FORM_LEVELS_MAX) {
		char *end = strchr(at, ']');
		if (!end)
			break;
		*at = *end = '\0';
		p->keys[p->count++] = at + 1;
		at = end + 1;
	}
	return !*at && at > p->copy + (bracket - name);
}

/* The place of an array that the key is, its size for the end. -1: none that an array can have. */
static ssize_t place_in(json_t *array, const char *key)
{
	size_t size = json_array_size(array);
	char *end = NULL;
	if (!*key)
		return (ssize_t)size;
	unsigned long n = *key >= '0' && *key <= '9' ? strtoul(key, &end, 10) : size + 1;
	bool plain = n <= size && end && !*end && (key[0] != '0' || !key[1]);
	return plain ? (ssize_t)n : -1;
}

static json_t *get(json_t *list, const char *key)
{
	if (json_is_object(list))
		return json_object_get(list, key);
	ssize_t at = place_in(list, key);
	return at < 0 ? NULL : json_array_get(list, (size_t)at);
}

static void put(json_t *list, const char *key, json_t *value)
{
	char next[24];
	if (json_is_array(list)) {
		size_t at = (size_t)place_in(list, key);
		if (at < json_array_size(list))
			json_array_set_new(list, at, value);
		else
			json_array_append_new(list, value);
		return;
	}
	snprintf(next, sizeof next, "%zu", json_object_size(list));
	json_object_set_new_nocheck(list, *key ? key : next, value);
}

/* The list below `key` that can have a member `inner`: there, changed for it, or new. NULL: no
 * memory. */
static json_t *list_for(json_t *list, const char *key, const char *inner)
{
	json_t *there = get(list, key), *item;
	char name[24];
	size_t i;
	if (json_is_object(there) || (json_is_array(there) && place_in(there, inner) >= 0))
		return there;
	bool numbered = !*inner || strcmp(inner, "0") == 0;
	json_t *made = !json_is_array(there) && numbered ? json_array() : json_object();
	if (json_is_array(there)) {
		json_array_foreach(there, i, item)
		{
			snprintf(name, sizeof name, "%zu", i);
			json_object_set_nocheck(made, name, item);
		}
	}
	if (made)
		put(list, key, made);
	return made;
}

void form_add(json_t *into, const char *name, json_t *value)
{
	struct path p = {0};
	if (!value)
		return;
	if (split(name, &p)) {
		json_t *list = into;
		for (size_t i = 0; list && i + 1 < p.count; i++)
			list = list_for(list, p.keys[i], p.keys[i + 1]);
		if (list)
			put(list, p.keys[p.count - 1], value);
		else
			json_decref(value);
	} else {
		json_object_set_new_nocheck(into, name, value);
	}
	free(p.copy);
}

/* ---- application/x-www-form-urlencoded ---- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoded into out, which has room for len bytes; how many there are. */
static size_t percent_decode(const char *text, size_t len, char *out)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		char c = text[i] == '+' ? ' ' : text[i];
		int high = c == '%' && i + 2 < len ? hex(text[i + 1]) : -1;
		int low = high >= 0 ? hex(text[i + 2]) : -1;
		if (low >= 0) {
			c = (char)((unsigned)high << 4 | (unsigned)low);
			i += 2;
		}
		out[n++] = c;
	}
	return n;
}

/* The encoding that the form's own member _charset_ names (HTML section 4.10.18.6), or NULL. */
static const struct charset *own_charset(const char *text, size_t len)
{
	static const char name[] = "_charset_=";
	const char *end = text + len, *at = text;
	while ((at = memmem(at, (size_t)(end - at), name, strlen(name)))) {
		const char *value = at + strlen(name);
		const char *stop = memchr(value, '&', (size_t)(end - value));
		if (at == text || at[-1] == '&')
			return charset_find(value, (size_t)((stop ? stop : end) - value));
		at = value;
	}
	return NULL;
}

static void add_pair(json_t *into, const char *name, size_t name_len, const char *value,
	size_t value_len, const struct charset *named)
{
	json_t *key = json_read_text(name, name_len, named);
	if (key)
		form_add(into, json_string_value(key), json_read_text(value, value_len, named));
	json_decref(key);
}

static void read_pairs(const char *text, size_t len, const struct charset *named, json_t *into)
{
	char *room = malloc(len + 1); /* for the name and the value behind it */
	const struct charset *own = own_charset(text, len);
	named = own ? own : named;
	for (size_t at = 0; room && at < len;) {
		const char *end = memchr(text + at, '&', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;
		const char *equals = memchr(text + at, '=', n);
		size_t name = equals ? (size_t)(equals - text) - at : n;
		if (n) {
			size_t decoded = percent_decode(text + at, name, room);
			size_t value =
				equals ? percent_decode(equals + 1, n - name - 1, room + name) : 0;
			add_pair(into, room, decoded, room + name, value, named);
		}
		at += n + 1;
	}
	free(room);
}

/* One name=value a line; lines end with CRLF or LF. */
static void read_lines(const char *text, size_t len, const struct charset *named, json_t *into)
{
	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t whole = end ? (size_t)(end - text) - at : len - at;
		size_t n = whole && text[at + whole - 1] == '\r' ? whole - 1 : whole;
		const char *equals = memchr(text + at, '=', n);
		size_t name = equals ? (size_t)(equals - text) - at : n;
		if (n)
			add_pair(into, text + at, name, equals ? equals + 1 : "",
				equals ? n - name - 1 : 0, named);
		at += whole + 1;
	}
}

typedef void read_f(const char *text, size_t len, const struct charset *named, json_t *into);

/* UTF-16 is decoded as a whole; bytes of other encodings may be percent-encoded. */
static void read_decoded(
	read_f *read, const char *text, size_t len, const struct charset *named, json_t *into)
{
	struct buf decoded = {0};
	size_t mark;
	const struct charset *from = charset_settle(named, text, len, &mark);
	text += mark;
	len -= mark;
	if (!from || !charset_is_utf16(from)) {
		read(text, len, from, into);
		return;
	}
	charset_decode(from, text, len, &decoded);
	read(buf_text(&decoded), decoded.failed ? 0 : decoded.len, charset_utf8(), into);
	buf_free(&decoded);
}

void form_read(const char *text, size_t len, const struct charset *named, json_t *into)
{
	read_decoded(read_pairs, text, len, named, into);
}

void form_read_lines(const char *text, size_t len, const struct charset *named, json_t *into)
{
	read_decoded(read_lines, text, len, named, into);
}
