/* webhook/outgoing.h: the request that an outgoing webhook makes of an event. */
#ifndef WEBHOOK_OUTGOING_H
#define WEBHOOK_OUTGOING_H

#include "base/buf.h"
#include "config/config.h"
#include "expr/template.h"
#include <curl/curl.h>

struct outgoing_request {
	char id[96];      /* webhook-id: the event's and the webhook's; of a batch another one when it has other events */
	char *url, *body; /* no body: a GET */
	struct curl_slist *headers;
	enum template_context context; /* what the body is */
	bool body_is_event; /* the payload, or an array of them, but for values of sensitive tags */
	bool has_sensitive; /* it must not be kept as it is sent */
};

struct outgoing_event {
	const char *id, *payload; /* the envelope */
	json_t *sensitive;        /* values by tag name that take the place of the masked ones, or NULL */
	size_t at, len;           /* set by outgoing_build(): its part of the body */
};

/* count: 1, or what a batch has. token: of OAuth 2.0, or NULL where there is none (yet). false: no memory. Free it either way. */
bool outgoing_build(struct outgoing_request *q, const struct organization *o, const struct config_outgoing *w,
		    struct outgoing_event *events, size_t count, const char *token, int64_t now_ms) WARN_UNUSED;
void outgoing_request_free(struct outgoing_request *q);

/* What the webhook's body is; content_type: what its own headers say, or NULL. */
enum template_context outgoing_context(const char *body_template, const char *content_type);

void outgoing_add_header(struct curl_slist **headers, const char *name, const char *value);
/* The member "headers": {name: value}; those that prove who sends are masked; all that were made from templates, where one says so. */
void outgoing_headers_json(struct buf *b, const struct curl_slist *headers, bool has_sensitive);

#endif
