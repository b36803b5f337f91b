#include "sip/text.h"
#include <stdint.h>
#include <string.h>
#include <strings.h>

static const char *next_line(const char *at, const char *end)
{
	const char *lf = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
	return lf ? lf + 1 : end;
}

/* Where the line ends that is followed by the one at `next`: before its CRLF or LF. */
static const char *line_end(const char *at, const char *next)
{
	if (next > at && next[-1] == '\n')
		next--;
	if (next > at && next[-1] == '\r')
		next--;
	return next;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* One header: where its name and its value are. */
struct header {
	const char *name, *value;
	size_t name_len, value_len;
};

/* A set of letters, either case; others may be in it with them. */
#define LETTER(c) (UINT32_C(1) << ((c) & 0x1f))
#define ANY UINT32_MAX

/* The next header whose name begins so, from the line at `at` on, with the lines that continue it
 * (RFC 3261 §7.3.1), and where the one after it begins. false: the headers are over. */
static bool read_header(const char **at, const char *end, uint32_t first, struct header *h)
{
	const char *name = *at, *next, *stop;
	for (;; name = next) {
		next = next_line(name, end);
		stop = line_end(name, next);
		if (stop == name) {
			*at = name;
			return false;
		}
		if (first & LETTER(*name))
			break;
	}
	const char *colon = memchr(name, ':', (size_t)(stop - name));
	while (next < end && is_space(*next)) {
		const char *more = next;
		next = next_line(more, end);
		stop = line_end(more, next);
	}
	*at = next;
	*h = (struct header){name, stop, 0, 0};
	if (!colon)
		return true;
	h->name_len = (size_t)(colon - name);
	while (h->name_len && is_space(name[h->name_len - 1]))
		h->name_len--;
	h->value = colon + 1;
	while (h->value < stop && is_space(*h->value))
		h->value++;
	while (stop > h->value && is_space(stop[-1]))
		stop--;
	h->value_len = (size_t)(stop - h->value);
	return true;
}

static bool is_named(const struct header *h, const char *name, char compact)
{
	char first = (char)(h->name[0] | 0x20);
	if (compact && h->name_len == 1 && first == compact)
		return true;
	return first == (name[0] | 0x20) && h->name_len == strlen(name) && strncasecmp(h->name, name, h->name_len) == 0;
}

const char *sip_text_header(const char *text, size_t len, const char *name, char compact, size_t *n)
{
	const char *end = text + len, *at = next_line(text, end);
	struct header h;
	while (read_header(&at, end, LETTER(name[0]) | LETTER(compact ? compact : name[0]), &h)) {
		if (!is_named(&h, name, compact))
			continue;
		*n = h.value_len;
		return h.value;
	}
	return NULL;
}

/* The text is the caller's to change. */
static char *writable(char *text, const char *at)
{
	return text + (at - text);
}

/* Over all but what ends lines. */
static void cover(char *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (at[i] != '\r' && at[i] != '\n')
			at[i] = 'x';
}

/* response="…", wherever it is in the header. */
static void hide_response(char *value, size_t n)
{
	for (size_t i = 0; i + 10 < n; i++) {
		if (strncasecmp(value + i, "response=\"", 10) != 0 || (i && !is_space(value[i - 1]) && value[i - 1] != ',' && value[i - 1] != '\n'))
			continue;
		char *from = value + i + 10, *to = memchr(from, '"', n - i - 10);
		cover(from, to ? (size_t)(to - from) : n - i - 10);
		return;
	}
}

/* The keys of a=crypto (RFC 4568 section 9.1), each to its lifetime or the end of the parameter. */
static void hide_inline(char *line, size_t n)
{
	static const char inline_key[] = "inline:";
	size_t len = sizeof inline_key - 1;
	for (size_t i = 0; i + len < n; i++) {
		if (strncasecmp(line + i, inline_key, len) != 0)
			continue;
		size_t from = i + len, to = from;
		while (to < n && !is_space(line[to]) && line[to] != '|' && line[to] != ';')
			to++;
		cover(line + from, to - from);
		i = to;
	}
}

static bool begins(const char *line, size_t n, const char *with)
{
	return n >= strlen(with) && strncasecmp(line, with, strlen(with)) == 0;
}

/* Keys of media in an SDP, which may be a part of the body: also k= (RFC 4566) and RFC 4567's. */
static void hide_media_keys(char *body, const char *end)
{
	for (char *line = body, *next; line < end; line = next) {
		next = writable(body, next_line(line, end));
		size_t n = (size_t)(line_end(line, next) - line);
		if (begins(line, n, "a=crypto:"))
			hide_inline(line, n);
		else if (begins(line, n, "k="))
			cover(line + 2, n - 2);
		else if (begins(line, n, "a=key-mgmt:"))
			cover(line + 11, n - 11);
	}
}

static void hide_keys(char *body, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strchr("0123456789*#", body[i]) && body[i])
			body[i] = 'x';
}

void sip_text_hide(char *text, size_t len, bool (*hides)(void *arg, const char *name, size_t len), void *arg)
{
	const char *end = text + len, *at = next_line(text, end);
	bool keys = false;
	struct header h;
	while (read_header(&at, end, hides ? ANY : LETTER('a') | LETTER('p') | LETTER('c'), &h)) {
		char *value = writable(text, h.value);
		if (is_named(&h, "Authorization", 0) || is_named(&h, "Proxy-Authorization", 0))
			hide_response(value, h.value_len);
		else if (is_named(&h, "Content-Type", 'c'))
			keys = h.value_len >= 16 && strncasecmp(h.value, "application/dtmf", 16) == 0;
		else if (hides && hides(arg, h.name, h.name_len))
			cover(value, h.value_len);
	}
	at = next_line(at, end);
	if (keys)
		hide_keys(writable(text, at), (size_t)(end - at));
	else
		hide_media_keys(writable(text, at), end);
}
