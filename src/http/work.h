/*
 * http/work.h: requests whose handling takes longer than an HTTP thread may be held, on threads of
 * their own. Organizations take turns, and each has one request at a time there, so that one that
 * sends many delays nobody but itself. See docs/decisions/0020.
 */
#ifndef HTTP_WORK_H
#define HTTP_WORK_H

#include "http/server.h"

#define WORK_WAITING_MAX 4 /* requests of one kind and organization that wait behind the one that runs */

struct http_work *http_work_create(struct error *err) WARN_UNUSED;
/* What runs is waited for; what waits, and what comes from now on, is answered with 503. */
void http_work_stop(struct http_work *work);
/* Frees a stopped one. NULL is fine. */
void http_work_destroy(struct http_work *work);

/*
 * Run `handle` on another thread, with the connection suspended meanwhile. It sets the answer and
 * returns HTTP_REPLY, or returns what http_write() returned.
 *
 * The request needs an organization. Answers 429 with Retry-After when too many of its requests
 * wait already.
 */
enum http_result http_work(struct http_request *r, enum http_result (*handle)(struct http_request *r));

#endif
