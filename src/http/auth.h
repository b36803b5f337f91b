/* http/auth.h: who is asking: an API key, or a portal session with its CSRF header. */
#ifndef HTTP_AUTH_H
#define HTTP_AUTH_H

#include "http/server.h"

/* Fill organization, actor and role; false after a 401 or 403 was set as the answer. */
bool auth_check(struct http_request *r, enum role least);
enum role auth_role(const char *name);

/* POST, GET and DELETE /api/v1/session */
enum http_result auth_login(struct http_request *r);
enum http_result auth_session(struct http_request *r);
enum http_result auth_logout(struct http_request *r);

#endif
