/*
 * http/idempotency.h: Idempotency-Key on POST. A repeat of a request gets the answer of the first
 * one, and nothing is written again. A key stands for one method, path, body, actor and role: the
 * same key with anything else is refused. Only successful answers are kept, so that a corrected
 * request may use the key of the one that was refused. What an answer has of r->secrets is not kept.
 */
#ifndef HTTP_IDEMPOTENCY_H
#define HTTP_IDEMPOTENCY_H

#include "http/server.h"

/*
 * Read the header of an authenticated POST into r->idempotency_key and r->fingerprint. A blank
 * value counts as none. false: the answer is set (400, the key is too long).
 */
bool idempotency_begin(struct http_request *r) WARN_UNUSED;

/*
 * In the writer's transaction: was the key used already? true: the answer is set, either the
 * first one's or a 409. *failed: the database could not be read.
 */
bool idempotency_repeats(struct store_conn *conn, struct http_request *r, bool *failed) WARN_UNUSED;

/* In the same transaction, after the request was carried out. false: the database failed. */
bool idempotency_keep(struct store_conn *conn, const struct http_request *r) WARN_UNUSED;

#endif
