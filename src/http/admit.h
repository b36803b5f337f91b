/*
 * http/admit.h: what is decided about a request before its body is read: its key, session or role,
 * and how much it may send. A stranger's body takes little memory.
 */
#ifndef HTTP_ADMIT_H
#define HTTP_ADMIT_H

#include "http/body.h"
#include "http/server.h"

#define BODY_STRANGER_MAX ((size_t)64 * 1024) /* of a request that shows no key */
#define BODY_MAX ((size_t)256 * 1024)
#define BODY_FLOW_MAX ((size_t)1024 * 1024)
#define BODY_UPLOAD_MAX ((size_t)20 * 1024 * 1024)

/*
 * Check who asks, and set how much body is taken.
 *
 * route  of the request; NULL: there is none
 * body   max, stranger and state are set; BODY_UNWANTED: r has its answer already, or none is needed
 */
void admit(struct http_request *r, const struct http_route *route, struct body *body);

#endif
