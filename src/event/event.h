/* event/event.h: telling what happened: a row in the event log, and one delivery for each
 * outgoing webhook that wants it, in the transaction of the change itself. */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include "config/config.h"
#include "model/call_log.h"

/* Which outgoing webhooks got new deliveries: told to the delivery thread after the commit. */
struct event_touched {
	char (*ids)[40];
	size_t count, capacity;
};
void event_touched_free(struct event_touched *t);

struct event {
	const char *type;
	const char *data;             /* members of the payload's data, as JSON without braces; "" for none */
	const struct call_log *call;  /* NULL: the event is about no call */
	struct expr_env *env;         /* for the webhooks' filters; NULL: no values */
};

/* Does the webhook want this event? Also asks its filter. */
bool event_wanted(const struct config_outgoing *w, const char *type, struct expr_env *env);

/* Add the event's statements to the batch. */
void event_emit(struct store_batch *batch, const struct organization *o, const struct event *event,
		int64_t now_ms, struct event_touched *touched);

/* A delivery of an envelope to one webhook, whatever it subscribes to (tests, redelivery of nothing). Writes its id. */
void event_add_delivery(struct store_batch *batch, const struct organization *o, const struct config_outgoing *w,
			const char *event_id, const char *type, const char *call_id, const char *envelope,
			int64_t now_ms, char delivery_id[40], struct event_touched *touched);

#endif
