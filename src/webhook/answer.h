/* webhook/answer.h: the body of another system's HTTP answer as text. Pure. */
#ifndef WEBHOOK_ANSWER_H
#define WEBHOOK_ANSWER_H

#include "base/buf.h"
#include "base/result.h"
#include <stdbool.h>

/*
 * Turn the body into UTF-8 without a byte order mark. Its encoding is that of its byte order mark,
 * else of the Content-Type's charset, else of its XML declaration (RFC 7303 section 3); where none
 * is named it is guessed (base/charset.h).
 *
 * content_type  the answer's header; NULL: it has none
 *
 * false: no memory; the body is as it was.
 */
bool answer_decode(const char *content_type, struct buf *body) WARN_UNUSED;

#endif
