/*
 * base/charset.h: text in any encoding to UTF-8, as the WHATWG Encoding Standard decodes it.
 *
 * Whatever cannot be decoded becomes U+FFFD, and so does NUL: the result is valid UTF-8 that C
 * strings, JSON and both databases can hold. Pure, thread-safe.
 */
#ifndef BASE_CHARSET_H
#define BASE_CHARSET_H

#include "base/buf.h"
#include <stdbool.h>
#include <stddef.h>

struct charset; /* one encoding; lives for ever */

/*
 * The encoding of a label such as "ISO-8859-1", which the standard reads as windows-1252
 * (section 4.2, "get an encoding"): without regard to case and to blanks around it. NULL: no such
 * label, which UTF-7 and the standard's "replacement" encodings are.
 */
const struct charset *charset_find(const char *label, size_t len);
const struct charset *charset_utf8(void);
bool charset_is_utf8(const struct charset *c);
bool charset_is_utf16(const struct charset *c);

/*
 * The encoding that a text is in: that of its byte order mark, else UTF-16 when its first character
 * is ASCII and has a NUL beside it (RFC 4627 section 3), else `named`. NULL: nothing tells, it is
 * to be guessed; so it is when UTF-16 is named and the text has no NUL.
 *
 * named  what the sender says; NULL: nothing
 * *mark  the length of the byte order mark, 0 to 3
 */
const struct charset *charset_settle(
	const struct charset *named, const char *bytes, size_t len, size_t *mark);
/*
 * The encoding of text whose sender does not name one: UTF-8 where it is valid, has a multi-byte
 * character or an encoded surrogate, or only ends within one; else windows-1252.
 */
const struct charset *charset_guess(const char *bytes, size_t len);

/* Length of the UTF-8 sequence at s, or 0 when it is malformed (RFC 3629 section 4). */
size_t utf8_length(const unsigned char *s, size_t left);
/* At most max of the bytes, without a character's half at the end. */
size_t utf8_cut(const char *text, size_t len, size_t max);
/* Is all of it UTF-8 without a NUL? */
bool utf8_is_clean(const char *bytes, size_t len);

/* Append the bytes to `out` as UTF-8. */
void charset_decode(const struct charset *from, const char *bytes, size_t len, struct buf *out);

/*
 * Text of a sender as UTF-8, without its byte order mark.
 *
 * named    the encoding that the sender names; NULL: none, it is guessed
 * out      used only when the text must be changed
 * *result  the text: bytes themselves, or out's
 *
 * Returns its length, or (size_t)-1 without memory.
 */
size_t charset_text(const struct charset *named, const char *bytes, size_t len, struct buf *out,
	const char **result);

#endif
