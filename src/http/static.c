#include "http/static.h"
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

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

bool static_serve(struct http_request *r)
{
	const struct static_file *f = find(r->path);
	if (!f && in_docs(r->path))
		f = find_page(r->path);
	else if (!f && strncmp(r->path, "/api/", 5) != 0 && strncmp(r->path, "/assets/", 8) != 0)
		f = find("/index.html"); /* the portal's own router knows the path */
	if (!f || !(r->answer = malloc(f->len)))
		return false;
	memcpy(r->answer, f->data, f->len);
	r->answer_len = f->len;
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
	MHD_add_response_header(response, "Content-Encoding", "gzip");
	MHD_add_response_header(response, "Cache-Control", strncmp(r->path, "/assets/", 8) == 0 ? "public, max-age=31536000, immutable" : "no-cache");
	char policy[640];
	const char *websocket = r->config->websocket;
	snprintf(policy, sizeof policy, "default-src 'none'; script-src 'self'; connect-src 'self'%s%s; font-src 'self'; media-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'", websocket ? " " : "", websocket ? websocket : "");
	MHD_add_response_header(response, "Content-Security-Policy", policy);
	MHD_add_response_header(response, "Referrer-Policy", "same-origin");
}
