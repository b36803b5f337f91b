#include "base/inflate.h"
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define CODINGS_MAX 3
#define BARE_DEFLATE (-MAX_WBITS)
#define ZLIB_OR_GZIP (MAX_WBITS + 32)

static enum inflate_result run(z_stream *z, struct buf *out)
{
	Bytef piece[16384];
	int code = Z_OK;
	while (code == Z_OK) {
		z->next_out = piece;
		z->avail_out = sizeof piece;
		code = inflate(z, Z_NO_FLUSH);
		size_t n = sizeof piece - z->avail_out;
		if (out->limit && out->len + n > out->limit)
			return INFLATE_TOO_LARGE;
		buf_add(out, piece, n);
		if (out->failed || code == Z_MEM_ERROR)
			return INFLATE_NO_MEMORY;
		if (code == Z_STREAM_END && z->avail_in &&
			z->next_in[0] == 0x1f) /* RFC 1952: members follow each other */
			code = inflateReset(z);
	}
	return code == Z_STREAM_END ? INFLATE_OK : INFLATE_BROKEN;
}

static enum inflate_result undo(int window, const char *bytes, size_t len, struct buf *out)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)len};
	if (len > UINT_MAX)
		return INFLATE_TOO_LARGE;
	if (inflateInit2(&z, window) != Z_OK)
		return INFLATE_NO_MEMORY;
	enum inflate_result result = run(&z, out);
	inflateEnd(&z);
	return result;
}

static bool is(const char *coding, size_t len, const char *name)
{
	return strlen(name) == len && strncasecmp(coding, name, len) == 0;
}

static enum inflate_result undo_one(
	const char *coding, size_t n, const char *bytes, size_t len, struct buf *out)
{
	bool deflate = is(coding, n, "deflate");
	if (is(coding, n, "identity")) {
		buf_add(out, bytes, len);
		return out->failed ? INFLATE_TOO_LARGE : INFLATE_OK;
	}
	if (!deflate && !is(coding, n, "gzip") && !is(coding, n, "x-gzip"))
		return INFLATE_UNKNOWN;
	enum inflate_result result = undo(ZLIB_OR_GZIP, bytes, len, out);
	if (!deflate || result != INFLATE_BROKEN)
		return result;
	buf_reset(out);
	return undo(BARE_DEFLATE, bytes, len, out);
}

/* The codings of the list, in its order. -1: more than there may be. */
static int split(const char *list, const char *names[CODINGS_MAX], size_t lens[CODINGS_MAX])
{
	int n = 0;
	while (*list) {
		list += strspn(list, ", \t");
		size_t len = strcspn(list, ", \t");
		if (len && n == CODINGS_MAX)
			return -1;
		if (len) {
			names[n] = list;
			lens[n++] = len;
		}
		list += len;
	}
	return n;
}

enum inflate_result inflate_body(
	const char *codings, const char *bytes, size_t len, struct buf *out)
{
	const char *names[CODINGS_MAX];
	size_t lens[CODINGS_MAX];
	struct buf before = {.limit = out->limit};
	int n = split(codings, names, lens);
	enum inflate_result result = n < 0 ? INFLATE_UNKNOWN : INFLATE_OK;
	if (!n)
		buf_add(out, bytes, len);
	for (int i = n - 1; i >= 0 && result == INFLATE_OK; i--) {
		result = undo_one(names[i], lens[i], bytes, len, out);
		if (!i || result != INFLATE_OK)
			break;
		buf_free(&before);
		before = *out;
		*out = (struct buf){.limit = before.limit};
		bytes = buf_text(&before);
		len = before.len;
	}
	buf_free(&before);
	return result;
}
