#include "base/buf.h"
#include "base/charset.h"
#include "base/clock.h"
#include "base/money.h"
#include <stdlib.h>
#include <string.h>

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.limit = b->limit};
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

static bool grow(struct buf *b, size_t more)
{
	if (b->failed)
		return false;
	if (more > SIZE_MAX / 4 || (b->limit && b->len + more > b->limit)) {
		b->failed = true;
		return false;
	}
	size_t need = b->len + more + 1, cap = b->cap ? b->cap * 2 : 128;
	while (cap < need)
		cap *= 2;
	char *data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

bool buf_reserve(struct buf *b, size_t more)
{
	bool fits = more < b->cap - b->len && !b->failed && (!b->limit || b->len + more <= b->limit);
	return fits || grow(b, more);
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	if (!buf_reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_add_char(struct buf *b, char c)
{
	if (!buf_reserve(b, 1))
		return;
	b->data[b->len++] = c;
	b->data[b->len] = '\0';
}

void buf_add_int(struct buf *b, int64_t n)
{
	char digits[24];
	size_t at = sizeof digits;
	uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;
	do
		digits[--at] = (char)('0' + rest % 10);
	while (rest /= 10);
	if (n < 0)
		digits[--at] = '-';
	buf_add(b, digits + at, sizeof digits - at);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[256];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if ((size_t)n < sizeof small) {
		buf_add(b, small, (size_t)n);
		return;
	}
	if (!buf_reserve(b, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *buf_take(struct buf *b)
{
	if (b->failed || !buf_reserve(b, 0)) {
		buf_free(b);
		return NULL;
	}
	b->data[b->len] = '\0';
	char *text = b->data;
	*b = (struct buf){.limit = b->limit};
	return text;
}

/* What is the same within quotes: ASCII but for controls, quotes and backslash. */
static const bool is_plain[256] = {[0x20 ... '"' - 1] = true, ['"' + 1 ... '\\' - 1] = true, ['\\' + 1 ... 0x7f] = true};

/* The rest of a string, from where it is not plain any more. */
static void add_escaped(struct buf *b, const char *s, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p = (const unsigned char *)s;
	size_t start = 0, i = 0;
	while (i < len) {
		unsigned char c = p[i];
		size_t n = is_plain[c] ? 1 : c >= 0x80 ? utf8_length(p + i, len - i) : 0;
		if (n) {
			i += n;
			continue;
		}
		buf_add(b, s + start, i - start);
		if (c == '"' || c == '\\') {
			buf_add_char(b, '\\');
			buf_add_char(b, (char)c);
		} else if (c == '\n') {
			buf_add_str(b, "\\n");
		} else if (c < 0x20) {
			char esc[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
			buf_add(b, esc, sizeof esc);
		} else {
			buf_add_str(b, "\xef\xbf\xbd");
		}
		start = ++i;
	}
	buf_add(b, s + start, len - start);
	buf_add_char(b, '"');
}

void buf_json_string(struct buf *b, const char *s, size_t len)
{
	if (!buf_reserve(b, len + 2))
		return;
	char *out = b->data + b->len;
	size_t n = 0;
	*out++ = '"';
	for (; n < len && is_plain[(unsigned char)s[n]]; n++)
		out[n] = s[n];
	b->len += 1 + n;
	if (n < len) {
		out[n] = '\0';
		add_escaped(b, s + n, len - n);
		return;
	}
	memcpy(out + n, "\"", 2);
	b->len++;
}

void json_item(struct buf *b)
{
	if (b->len && b->data[b->len - 1] != '{' && b->data[b->len - 1] != '[' && b->data[b->len - 1] != ':' && b->data[b->len - 1] != ',')
		buf_add_char(b, ',');
}

void json_open(struct buf *b)
{
	json_item(b);
	buf_add_char(b, '{');
}

void json_close(struct buf *b)
{
	buf_add_char(b, '}');
}

void json_key(struct buf *b, const char *key)
{
	json_item(b);
	buf_json_string(b, key, strlen(key));
	buf_add_char(b, ':');
}

void json_str(struct buf *b, const char *key, const char *value)
{
	json_key(b, key);
	if (value)
		buf_json_string(b, value, strlen(value));
	else
		buf_add_str(b, "null");
}

void json_int(struct buf *b, const char *key, int64_t value)
{
	json_key(b, key);
	buf_add_int(b, value);
}

void json_bool(struct buf *b, const char *key, bool value)
{
	json_key(b, key);
	buf_add_str(b, value ? "true" : "false");
}

void json_time(struct buf *b, const char *key, int64_t ms)
{
	char text[RFC3339_SIZE];
	json_str(b, key, ms ? clock_rfc3339(ms, text) : NULL);
}

void json_money(struct buf *b, const char *key, int64_t micros)
{
	char text[MONEY_SIZE];
	json_str(b, key, money_format(micros, text));
}

void json_raw(struct buf *b, const char *key, const char *json)
{
	json_key(b, key);
	buf_add_str(b, json ? json : "null");
}

void json_tree(struct buf *b, const char *key, const json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	json_raw(b, key, text);
	free(text);
}
