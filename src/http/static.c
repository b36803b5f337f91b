#include "http/static.h"
#include "http/fields.h"
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const struct static_file *find(const char *path)
{
	for (const struct static_file *f = static_files; f->path; f++)
		if (strcmp(f->path, path) == 0)
			return f;
	return NULL;
}

static bool in_docs(const char *path)
{
	return strncmp(path, "/docs", 5) == 0 && (path[5] == '/' || !path[5]);
}

/* /docs/quick-start is quick-start.html, /docs/nodes is nodes/index.html. */
static const struct static_file *find_page(const char *path)
{
	char file[300];
	size_t n = strlen(path);
	if (n > 200)
		return NULL;
	n -= n > 1 && path[n - 1] == '/';
	snprintf(file, sizeof file, "%.*s.html", (int)n, path);
	const struct static_file *f = find(file);
	snprintf(file, sizeof file, "%.*s/index.html", (int)n, path);
	return f ? f : find(file);
}

bool static_has(const char *path)
{
	return find(path) || strcmp(path, "/") == 0 || (in_docs(path) && find_page(path));
}

/* The content of a file, which is kept with gzip, as it was before. NULL without memory. */
static char *inflated(const struct static_file *f, size_t *len)
{
	z_stream z = {.next_in = (unsigned char *)(uintptr_t)f->data, .avail_in = (unsigned)f->len};
	const unsigned char *end = (const unsigned char *)f->data + f->len;
	/* RFC 1952 section 2.3.1: the last four bytes are the size, the least significant first */
	uint32_t size = (uint32_t)end[-4] | (uint32_t)end[-3] << 8 | (uint32_t)end[-2] << 16 | (uint32_t)end[-1] << 24;
	char *out = malloc(size + (size_t)1);
	bool ok = out && inflateInit2(&z, 16 + MAX_WBITS) == Z_OK;
	if (ok) {
		z.next_out = (unsigned char *)out;
		z.avail_out = size + 1;
		ok = inflate(&z, Z_FINISH) == Z_STREAM_END;
		*len = z.total_out;
		inflateEnd(&z);
	}
	if (ok)
		return out;
	free(out);
	return NULL;
}

static char *content(const struct http_request *r, const struct static_file *f, size_t *len)
{
	if (!r->is_gzip)
		return inflated(f, len);
	char *copy = malloc(f->len);
	if (copy)
		memcpy(copy, f->data, f->len);
	*len = f->len;
	return copy;
}

bool static_serve(struct http_request *r)
{
	const struct static_file *f = find(r->path);
	if (!f && in_docs(r->path))
		f = find_page(r->path);
	else if (!f && strncmp(r->path, "/api/", 5) != 0 && strncmp(r->path, "/assets/", 8) != 0)
		f = find("/index.html"); /* the portal's own router knows the path */
	if (!f)
		return false;
	r->is_gzip = accepts_gzip(http_header(r, "Accept-Encoding"));
	r->answer = content(r, f, &r->answer_len);
	if (!r->answer)
		return false;
	r->content_type = f->type;
	r->status = 200;
	r->is_file = true;
	return true;
}

void static_headers(const struct http_request *r, struct MHD_Response *response)
{
	if (!r->is_file) {
		MHD_add_response_header(response, "Cache-Control", r->cache ? r->cache : "no-store");
		return;
	}
	if (r->is_gzip)
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	MHD_add_response_header(response, "Vary", "Accept-Encoding");
	MHD_add_response_header(response, "Cache-Control", strncmp(r->path, "/assets/", 8) == 0 ? "public, max-age=31536000, immutable" : "no-cache");
	char policy[640];
	const char *websocket = r->config->websocket;
	snprintf(policy, sizeof policy, "default-src 'none'; script-src 'self'; connect-src 'self'%s%s; font-src 'self'; media-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'", websocket ? " " : "", websocket ? websocket : "");
	MHD_add_response_header(response, "Content-Security-Policy", policy);
	MHD_add_response_header(response, "Referrer-Policy", "same-origin");
}
