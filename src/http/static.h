/* http/static.h: the portal's files, inside the binary. */
#ifndef HTTP_STATIC_H
#define HTTP_STATIC_H

#include "http/server.h"

struct MHD_Response;

struct static_file {
	const char *path, *type;
	const unsigned char *data; /* gzip */
	size_t len;
};
extern const struct static_file static_files[]; /* made by the build from portal/dist; ends with a NULL path */

/* Is there a file of the portal or of the documentation at this path? */
bool static_has(const char *path);
/* Answer with a file, or with the portal's page for a path of its own. false: neither. */
bool static_serve(struct http_request *r);
/* Headers of every answer that depend on what it is. */
void static_headers(const struct http_request *r, struct MHD_Response *response);

#endif
