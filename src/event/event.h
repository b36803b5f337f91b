/* event/event.h: telling what happened: a row in the event log, and one delivery for each
 * outgoing webhook that wants it, in the transaction of the change itself. */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include "base/feed.h"
#include "config/config.h"
#include "model/call_log.h"
#include "model/resource.h"

/* What is told after the commit: to the delivery thread, which outgoing webhooks got new deliveries;
 * to those that listen live, the events. */
struct event_touched {
	char (*ids)[40];
	size_t count, capacity;
	struct feed_item *live, *live_last;
};
/* The webhook has something to deliver. */
void event_touch(struct event_touched *t, const char *webhook_id);
void event_touched_free(struct event_touched *t);
/* After the commit. */
void event_publish(struct event_touched *t);

struct event {
	const char *type;
	const char *data;             /* members of the payload's data, as JSON without braces; "" for none */
	const struct call_log *call;  /* NULL: the event is about no call */
	struct expr_env *env;         /* for the webhooks' filters; NULL: the values that the call log says */
};

/* The types sent by name only that somebody asks for, outgoing webhooks and live listeners: bits of event_type_bit(). */
uint64_t event_types_asked_for(const struct organization *o);
/* Would an event of this type go to anybody? Always true of types that wildcards take, for they are in the call's log. */
bool event_is_asked_for(const struct organization *o, const struct event_type *type);

/* Write the event as it is told. test: it did not happen, and says so. */
void event_envelope(struct buf *b, const struct organization *o, const char *id, const struct event *event, bool test, int64_t now_ms);

/*
 * Add the event's statements to the batch: under the newer name of its type, too, if that is asked for. A type that is sent
 * by name only is not even logged while nobody asks for it.
 */
void event_emit(struct store_batch *batch, const struct organization *o, const struct event *event,
		int64_t now_ms, struct event_touched *touched);
/* The same, with the newer name of the occurrence given; NULL: it has none. */
void event_emit_as(struct store_batch *batch, const struct organization *o, const struct event *event,
		   const struct event_type *newer, int64_t now_ms, struct event_touched *touched);

/* A delivery of an envelope to one webhook, whatever it subscribes to (tests, redelivery of nothing). due_ms: when it may be sent. Writes its id. */
void event_add_delivery(struct store_batch *batch, const struct organization *o, const struct config_outgoing *w,
			const char *event_id, const char *type, const char *call_id, const char *envelope,
			int64_t now_ms, int64_t due_ms, char delivery_id[40], struct event_touched *touched);

/* The envelope as it is sent: with its place in its call, where it has one (0: none). free() it. */
char *event_payload(const char *envelope, int64_t sequence);

#endif
