/* webhook/outgoing.h: the request that an outgoing webhook makes of an event. */
#ifndef WEBHOOK_OUTGOING_H
#define WEBHOOK_OUTGOING_H

#include "base/buf.h"
#include "config/config.h"
#include <curl/curl.h>

struct outgoing_request {
	char *url, *body; /* no body: a GET */
	struct curl_slist *headers;
	bool body_is_event; /* the payload, but for values of sensitive tags */
	bool has_sensitive; /* it must not be kept as it is sent */
};

/* token: of OAuth 2.0, or NULL where there is none (yet). payload: the envelope. sensitive: values by tag name that take the place of the masked ones, or NULL.
 * false: no memory. Free it either way. */
bool outgoing_build(struct outgoing_request *q, const struct organization *o, const struct config_outgoing *w,
		    const char *payload, json_t *sensitive, const char *token, const char *event_id, int64_t now_ms) WARN_UNUSED;
void outgoing_request_free(struct outgoing_request *q);

void outgoing_add_header(struct curl_slist **headers, const char *name, const char *value);
/* The member "headers": {name: value}; those that prove who sends are masked; all that were made from templates, where one says so. */
void outgoing_headers_json(struct buf *b, const struct curl_slist *headers, bool has_sensitive);

#endif
