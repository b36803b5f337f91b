/*
 * event/change.h: what has changed about a call, and the events that report it: call.adjusted, call.revenue_changed and
 * call.updated.
 */
#ifndef EVENT_CHANGE_H
#define EVENT_CHANGE_H

#include "event/event.h"

enum change_source { CHANGED_BY_WEBHOOK, CHANGED_BY_API, CHANGED_BY_FLOW, CHANGED_BY_RULE, CHANGED_BY_RECORDER };

struct change_cause {
	enum change_source source;
	const char *by;   /* id of the request, user or API key; NULL: none */
	const char *note; /* why, in a person's words; NULL: nobody said */
	bool money_by_rule; /* what else changed made a rule change the money */
};

/* Members of an object of changes, "name":{"from":…,"to":…}: those that differ. */
void change_money(struct buf *changes, const char *name, int64_t from, int64_t to);
void change_text(struct buf *changes, const char *name, const char *from, const char *to); /* NULL: null */

/* The data of an event that reports changes: source, by, changes. */
void change_data(struct buf *data, enum change_source source, const char *by, const char *changes);

/*
 * Report a change to a call in the connection's transaction: call.adjusted of a finished call that somebody outside
 * revalued, call.revenue_changed, call.updated of one whose call.final was sent.
 *
 * events  the statements are added to it, to be run in the same transaction
 * was, is the call before and after
 * more    further members of call.updated's changes, such as "tags":{…}; "" for none
 */
bool change_report(struct store_conn *conn, struct store_batch *events, const struct organization *o,
		   const struct call_log *was, const struct call_log *is, const char *more,
		   const struct change_cause *cause, struct event_touched *touched) WARN_UNUSED;

/* Likewise for one of the call's recordings: a status of it, or "deleted". */
bool change_report_recording(struct store_conn *conn, struct store_batch *events, const struct organization *o,
			     const struct call_log *call, const char *recording_id, const char *from, const char *to,
			     const struct change_cause *cause, struct event_touched *touched) WARN_UNUSED;

#endif
