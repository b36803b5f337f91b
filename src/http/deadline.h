/* http/deadline.h: how long a client may take over sending a request. libmicrohttpd only ends connections that are
 * silent; these also end one that sends a byte now and then (slow loris). */
#ifndef HTTP_DEADLINE_H
#define HTTP_DEADLINE_H

#include <stddef.h>
#include <stdint.h>

struct deadlines;
struct deadline; /* of one connection */

/*
 * seconds: for the headers, and again for the body. Each KiB of a body that comes gives it a second
 * more, but never more than `seconds` from now: a body of which less comes is closed.
 */
struct deadlines *deadlines_create(int seconds);
void deadlines_destroy(struct deadlines *d);

/* A connection's beginning and end. NULL when memory is short: such a connection has no deadline. */
struct deadline *deadline_new(struct deadlines *d, int socket, int64_t now_ms);
void deadline_free(struct deadlines *d, struct deadline *c);

/* The headers have come; bytes of the body have come; the request is whole; it was answered. */
void deadline_headers(const struct deadlines *d, struct deadline *c, int64_t now_ms);
void deadline_body(const struct deadlines *d, struct deadline *c, size_t bytes, int64_t now_ms);
void deadline_none(struct deadline *c);
void deadline_next(const struct deadlines *d, struct deadline *c, int64_t now_ms);

/* Shut down the connections that are late. Any thread. */
void deadlines_enforce(struct deadlines *d, int64_t now_ms);

#endif
