/* http/auth.h: who is asking: an API key, or a portal session with its CSRF header. */
#ifndef HTTP_AUTH_H
#define HTTP_AUTH_H

#include "http/server.h"

/* Fill organization, actor and role; false after a 401 or 403 was set as the answer. */
bool auth_check(struct http_request *r, enum role least);
enum role auth_role(const char *name);

/* End the user's sessions, or all but the one that asks (keep_own). In the writer's transaction. */
bool auth_end_sessions(struct store_conn *conn, struct http_request *r, const char *user_id,
		       bool keep_own) WARN_UNUSED;

/* Does an API key ask, which has no session? true: the answer is set. */
bool auth_is_key(struct http_request *r, const char *title);
/*
 * Is this attempt to guess a secret one too many, of an address (address_group()) or for an account?
 * true: the answer is set.
 */
bool auth_guesses_too_often(struct http_request *r, const char *group, const char *account,
			    const char *title);

/* POST, GET and DELETE /api/v1/session */
enum http_result auth_login(struct http_request *r);
enum http_result auth_session(struct http_request *r);
enum http_result auth_logout(struct http_request *r);
/* The e-mail address of the user whose session asks, in the arena. NULL: the answer is set. */
const char *auth_own_email(struct http_request *r);

/* PATCH /api/v1/session/password */
enum http_result auth_password(struct http_request *r);
/* GET and DELETE /api/v1/sessions, DELETE /api/v1/sessions/{id} */
enum http_result auth_sessions(struct http_request *r);
enum http_result auth_sessions_end(struct http_request *r);
enum http_result auth_session_end(struct http_request *r);
extern const struct field auth_password_fields[];

#endif
