/* base/buf.h: a growable byte buffer, and JSON written into it without a tree. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/result.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Always NUL-terminated once anything was written. `failed` is set when memory
 * or the limit ran out; later writes do nothing, so one check at the end is enough. Laid over an
 * array (data, its cap, and a limit of one less) it does not grow, and is not freed. */
struct buf {
	char *data;
	size_t len, cap;
	size_t limit; /* 0: no limit */
	bool failed;
};

void buf_free(struct buf *b);
void buf_reset(struct buf *b);
/* Room for so many bytes at once, where it is known how much will come. */
bool buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_str(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_add_int(struct buf *b, int64_t n);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The text so far; never NULL. Owned by the buffer. */
const char *buf_text(const struct buf *b);
/* Give the text away (free() it), leaving the buffer empty. NULL when it failed. */
char *buf_take(struct buf *b);

/* A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void buf_json_string(struct buf *b, const char *s, size_t len);

/*
 * Members of an object, in the order written: `json_open(b)`, members, `json_close(b)`.
 * A comma is put wherever the last byte asks for one.
 */
void json_open(struct buf *b);
/* The comma before an array's next element, where one is due. */
void json_item(struct buf *b);
void json_close(struct buf *b);
void json_key(struct buf *b, const char *key);
void json_str(struct buf *b, const char *key, const char *value); /* NULL value: null */
void json_int(struct buf *b, const char *key, int64_t value);
void json_bool(struct buf *b, const char *key, bool value);
void json_time(struct buf *b, const char *key, int64_t ms); /* RFC 3339, or null for 0 */
void json_money(struct buf *b, const char *key, int64_t micros);
void json_raw(struct buf *b, const char *key, const char *json); /* NULL: null */
void json_tree(struct buf *b, const char *key, const json_t *json); /* NULL: null */

#endif
