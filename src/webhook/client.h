/*
 * webhook/client.h: the delivery thread: every HTTP request that Strowger makes, on one
 * libcurl multi. Outgoing webhooks come from the database; http_request nodes from calls.
 */
#ifndef WEBHOOK_CLIENT_H
#define WEBHOOK_CLIENT_H

#include "config/config.h"
#include "event/event.h"
#include "webhook/statistics.h"

struct http_client;

/* retry_seconds: the waits after each failure, such as "5,300,1800"; after the last the delivery is dead.
 * give_up_ms: a webhook that took nothing for so long is disabled. */
#define RETRY_SECONDS "5,300,1800,7200,18000,36000,36000"
struct http_client *http_client_create(struct store *store, struct config_store *config, bool allow_private, const char *retry_seconds, int64_t give_up_ms, struct error *err) WARN_UNUSED;
/* End the thread; letters are still taken (and dropped) until http_client_free(). */
void http_client_stop(struct http_client *c);
void http_client_free(struct http_client *c);

/* No delivery is begun any more: another server does that. Requests of calls go on. Any thread. */
void http_client_hand_over(struct http_client *c);

/* There may be new deliveries for these webhooks. Any thread. */
void http_client_touch(struct http_client *c, const struct event_touched *touched);

/* Any thread. */
void http_client_each_webhook(struct http_client *c, void (*f)(void *arg, const struct delivery_counts *counts), void *arg);

/* The answer to http_client_request(); free() body and itself. */
struct http_answer {
	struct mail mail;
	uint64_t owner;
	unsigned number;
	enum flow_http_result result;
	int status;
	char *body;
	size_t body_len;
	char error[160];
};

/* Ask for one request; texts are copied. The answer goes to reply. 0: the queue is full. */
unsigned http_client_request(struct http_client *c, const char *method, const char *url, const char *body,
			     const char *const *headers, int timeout_ms, struct mailbox *reply, uint64_t owner);

#endif
