#include "base/blank.h"

/* The character at text, of up to three bytes; *len its bytes. 0: another, or none. */
static unsigned character_at(const char *text, size_t *len)
{
	const unsigned char *c = (const unsigned char *)text;
	*len = c[0] < 0x80 ? 1 : c[0] < 0xe0 ? 2 : 3;
	if (*len == 1)
		return c[0];
	if (c[0] < 0xc2 || c[0] > 0xef || (c[1] & 0xc0) != 0x80)
		return 0;
	if (*len == 2)
		return (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu);
	if ((c[2] & 0xc0) != 0x80)
		return 0;
	return (c[0] & 0x0fu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
}

size_t blank_len(const char *text)
{
	size_t len;
	unsigned c = character_at(text, &len);
	bool white = c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xa0 || c == 0x1680 ||
		     (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
		     c == 0x205f || c == 0x3000;
	bool unseen = c == 0x180e || (c >= 0x200b && c <= 0x200d) || c == 0x2060 || c == 0xfeff;
	return white || unseen ? len : 0;
}

const char *skip_blanks(const char *text)
{
	for (size_t n; (n = blank_len(text));)
		text += n;
	return text;
}

bool is_blank_text(const char *text)
{
	return !text || !*skip_blanks(text);
}

size_t trimmed_len(const char *text)
{
	size_t end = 0;
	for (const char *p = text; *p;) {
		size_t n = blank_len(p);
		p += n ? n : 1;
		if (!n)
			end = (size_t)(p - text);
	}
	return end;
}

const char *blank_trimmed(const char *text, struct arena *arena)
{
	text = skip_blanks(text);
	return arena_strndup(arena, text, trimmed_len(text));
}
