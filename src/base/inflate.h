/* base/inflate.h: content codings of HTTP messages (RFC 9110 section 8.4.1), by zlib. Pure. */
#ifndef BASE_INFLATE_H
#define BASE_INFLATE_H

#include "base/buf.h"

enum inflate_result {
	INFLATE_OK,
	INFLATE_UNKNOWN,   /* a coding other than gzip, deflate and identity */
	INFLATE_BROKEN,    /* the bytes are not of that coding, or end too early */
	INFLATE_TOO_LARGE, /* more than out->limit comes out */
	INFLATE_NO_MEMORY,
};

/*
 * Undo the codings of a Content-Encoding header, the last one first. "deflate" is the zlib format,
 * or, as some senders have it, the bare DEFLATE stream (RFC 1951).
 *
 * out   its limit bounds the result, and each step on the way; free it in any case
 */
enum inflate_result inflate_body(
	const char *codings, const char *bytes, size_t len, struct buf *out) WARN_UNUSED;

#endif
