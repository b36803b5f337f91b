/*
 * http/second_factor.h: the second factor of a user: a one-time password (RFC 6238), or one of ten
 * recovery codes, each of which is taken once.
 */
#ifndef HTTP_SECOND_FACTOR_H
#define HTTP_SECOND_FACTOR_H

#include "base/crypto.h"
#include "http/server.h"

enum factor_result {
	FACTOR_PASSED, /* the code is used up */
	FACTOR_NONE,   /* the user has no second factor */
	FACTOR_NEEDED, /* there is no code */
	FACTOR_WRONG,
	FACTOR_FAILED, /* the database, or memory */
};

/* In the writer's transaction. code: as it was typed; NULL or "": there is none. */
enum factor_result second_factor_check(struct store_conn *conn, const struct crypto_key *key,
				       const char *user_id, const char *code, int64_t now_ms);
/* Has the user one? false, too, when the database cannot be read, with *failed. */
bool second_factor_is_set(struct store_conn *conn, const char *user_id, bool *failed);
/* Must the organization's users have one? */
bool second_factor_is_required(struct store_conn *conn, const char *organization_id, bool *failed);

/* POST and DELETE /api/v1/session/totp */
enum http_result second_factor_post(struct http_request *r);
enum http_result second_factor_delete(struct http_request *r);
/* DELETE /api/v1/users/{id}/totp: of a user who lost it */
enum http_result second_factor_reset(struct http_request *r);
extern const struct field second_factor_fields[];

#endif
