#include "webhook/answer.h"
#include "base/charset.h"
#include "base/mime.h"
#include <string.h>

/* The encoding that an XML declaration names (XML 1.0 section 4.3.3), or NULL. */
static const struct charset *declared(const char *text, size_t len)
{
	static const char start[] = "<?xml", name[] = "encoding";
	if (len < sizeof start || memcmp(text, start, sizeof start - 1) != 0)
		return NULL;
	const char *end = memchr(text, '>', len);
	const char *open = end ? memmem(text, (size_t)(end - text), name, sizeof name - 1) : NULL;
	while (open && open < end && *open != '"' && *open != '\'')
		open++;
	if (!open || open == end)
		return NULL;
	const char *label = open + 1, *close = memchr(label, *open, (size_t)(end - label));
	return close ? charset_find(label, (size_t)(close - label)) : NULL;
}

bool answer_decode(const char *content_type, struct buf *body)
{
	bool unknown;
	struct buf decoded = {0};
	const char *bytes = buf_text(body), *text;
	const struct charset *named = mime_charset(content_type, &unknown);
	if (!named)
		named = declared(bytes, body->len);
	size_t len = charset_text(named, bytes, body->len, &decoded, &text);
	if (len == (size_t)-1) {
		buf_free(&decoded);
		return false;
	}
	if (text < bytes || text > bytes + body->len) {
		buf_free(body);
		*body = decoded;
		return true;
	}
	if (text > bytes) { /* a byte order mark */
		memmove(body->data, text, len);
		body->len = len;
		body->data[len] = '\0';
	}
	return true;
}
