#include "base/mime.h"
#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

const char *mime_type(const char *content_type, char out[MIME_TYPE_SIZE])
{
	const char *from = content_type ? content_type : "";
	while (is_blank(*from))
		from++;
	size_t len = strcspn(from, ";,");
	while (len && is_blank(from[len - 1]))
		len--;
	if (len >= MIME_TYPE_SIZE)
		len = 0;
	for (size_t i = 0; i < len; i++)
		out[i] = (char)(from[i] >= 'A' && from[i] <= 'Z' ? from[i] + 32 : from[i]);
	out[len] = '\0';
	return out;
}

/* What is at `at`, a token or a quoted string, appended to out unless that is NULL; where it ends.
 */
static size_t read_value(const char *value, size_t len, size_t at, struct buf *out)
{
	if (at < len && value[at] == '"') {
		for (at++; at < len && value[at] != '"'; at++) {
			/* Browsers write "C:\x": a backslash quotes only what needs it. */
			if (value[at] == '\\' && at + 1 < len &&
				(value[at + 1] == '"' || value[at + 1] == '\\'))
				at++;
			if (out)
				buf_add_char(out, value[at]);
		}
		return at < len ? at + 1 : len;
	}
	size_t end = at;
	while (end < len && value[end] != ';' && !is_blank(value[end]))
		end++;
	if (out)
		buf_add(out, value + at, end - at);
	return end;
}

bool mime_parameter(const char *value, size_t len, const char *name, struct buf *out)
{
	size_t wanted = strlen(name), at = 0;
	while (at < len && value[at] != ';')
		at++;
	while (at < len) {
		while (at < len && (value[at] == ';' || is_blank(value[at])))
			at++;
		size_t start = at;
		while (at < len && value[at] != '=' && value[at] != ';')
			at++;
		size_t end = at;
		while (end > start && is_blank(value[end - 1]))
			end--;
		if (at >= len || value[at] == ';')
			continue;
		for (at++; at < len && is_blank(value[at]); at++)
			;
		bool found = end - start == wanted && strncasecmp(value + start, name, wanted) == 0;
		at = read_value(value, len, at, found ? out : NULL);
		if (found)
			return true;
		while (at < len && value[at] != ';')
			at++;
	}
	return false;
}

const struct charset *mime_charset(const char *content_type, bool *unknown)
{
	char room[64];
	struct buf label = {.data = room, .cap = sizeof room, .limit = sizeof room - 1};
	*unknown = false;
	if (!content_type || !mime_parameter(content_type, strlen(content_type), "charset", &label))
		return NULL;
	const struct charset *found = label.failed ? NULL : charset_find(room, label.len);
	*unknown = !found && label.len;
	return found;
}
