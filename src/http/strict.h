/*
 * http/strict.h: requests that two programs may read differently are refused, because one hidden in
 * another would pass a proxy unseen (RFC 9112 sections 2.2, 3.2, 5.1, 5.2, 6.1 and 6.3).
 */
#ifndef HTTP_STRICT_H
#define HTTP_STRICT_H

#include <stdbool.h>

struct MHD_Connection;

/* Why the request's header section is refused; NULL: it is good. version: as libmicrohttpd gives it. */
const char *strict_problem(struct MHD_Connection *connection, const char *version);

/* Does libmicrohttpd have room for the arguments of this URI? It hangs when it has not. */
bool strict_uri_fits(const char *uri);

#endif
