#include "sip/body.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PARTS_MAX 16
#define BOUNDARY_MAX 70 /* RFC 2046 §5.1.1 */

static bool is_sdp(const char *type, size_t len)
{
	static const char sdp[] = "application/sdp";
	size_t n = sizeof sdp - 1;
	return len >= n && strncasecmp(type, sdp, n) == 0 && (len == n || strchr("; \t\r\n", type[n]));
}

/* "--" and the boundary parameter's value, unquoted. */
static bool read_boundary(const char *type, char out[BOUNDARY_MAX + 3])
{
	const char *at = strcasestr(type, "boundary");
	at = at ? at + 8 + strspn(at + 8, " \t") : "";
	if (*at != '=')
		return false;
	at += 1 + strspn(at + 1, " \t");
	bool quoted = *at == '"';
	size_t n = strcspn(at + quoted, quoted ? "\"" : "; \t\r\n");
	if (!n || n > BOUNDARY_MAX)
		return false;
	snprintf(out, BOUNDARY_MAX + 3, "--%.*s", (int)n, at + quoted);
	return true;
}

/* The next delimiter at the beginning of a line. NULL: none. */
static const char *find_delimiter(const char *from, const char *body, const char *end, const char *delimiter)
{
	size_t n = strlen(delimiter);
	for (const char *at = from; (at = memmem(at, (size_t)(end - at), delimiter, n)); at++)
		if (at == body || at[-1] == '\n')
			return at;
	return NULL;
}

/* What is in a part that is SDP. NULL: it is not. */
static const char *read_part(const char *at, const char *end, size_t *len)
{
	bool sdp = false;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t line = newline ? (size_t)(newline - at) : (size_t)(end - at);
		if (!newline)
			return NULL;
		if (line == 0 || (line == 1 && *at == '\r')) { /* the blank line after its headers */
			*len = (size_t)(end - newline - 1);
			return sdp ? newline + 1 : NULL;
		}
		if (line > 13 && strncasecmp(at, "Content-Type:", 13) == 0) {
			const char *value = at + 13;
			while (value < newline && (*value == ' ' || *value == '\t'))
				value++;
			sdp = is_sdp(value, (size_t)(newline - value));
		}
		at = newline + 1;
	}
	return NULL;
}

const char *sip_body_sdp(const char *type, const char *body, size_t len, size_t *sdp_len)
{
	char delimiter[BOUNDARY_MAX + 3];
	const char *end = body + len;
	*sdp_len = len;
	if (is_sdp(type, strlen(type)))
		return body;
	if (strncasecmp(type, "multipart/", 10) != 0 || !read_boundary(type, delimiter))
		return NULL;
	const char *part = find_delimiter(body, body, end, delimiter), *found = NULL;
	for (int i = 0; part && !found && i < PARTS_MAX; i++) {
		const char *line = memchr(part, '\n', (size_t)(end - part)), *next = line ? find_delimiter(line + 1, body, end, delimiter) : NULL;
		if (line)
			found = read_part(line + 1, next ? next : end, sdp_len);
		part = next;
	}
	return found;
}
