/*
 * base/json_read.h: JSON as other systems really send it.
 *
 * Valid JSON is read by jansson. What jansson refuses is read again by a reader that repairs single
 * values, so that one damaged member does not cost the others:
 *
 *   byte order mark, UTF-16, Latin-1     decoded (base/charset.h)
 *   lone surrogate, \u0000, bad UTF-8    U+FFFD
 *   an escape that JSON does not have    its characters
 *   a control character in a string      itself
 *   an integer beyond 64 bits, 1e400     their digits, as a string
 *   NaN, Infinity, 007, +1512…           their characters, as a string
 *   a name twice in an object            the last value
 *   too many levels                      null
 *
 * A fault of structure (a missing quote, comma or bracket) is refused with its place. Pure.
 */
#ifndef BASE_JSON_READ_H
#define BASE_JSON_READ_H

#include "base/charset.h"
#include <jansson.h>

#define JSON_READ_DEPTH 256

/*
 * Any JSON value, or NULL: err says why and where, or that there is no memory.
 *
 * named  the encoding that the sender names; NULL: none
 * notes  an array that gets what was replaced and cannot be seen in the value (names that came
 *        twice, levels that were cut), by json_note(); NULL: nobody reads them
 */
json_t *json_read(const char *bytes, size_t len, const struct charset *named, json_t *notes,
	struct error *err) WARN_UNUSED;

/* Bytes of unknown encoding as a JSON string. NULL only without memory. */
json_t *json_read_text(const char *bytes, size_t len, const struct charset *named) WARN_UNUSED;

/*
 * Add {"field", "detail"}: what is wrong with one member. The field is its name, or its JSON
 * pointer when it is within another one. After JSON_NOTES_MAX of them no more are added, and the
 * last one says so.
 */
#define JSON_NOTES_MAX 50
void json_note(json_t *notes, const char *field, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
