/* store/totals.h: ended calls added up by the half hour they began in, for reports. */
#ifndef STORE_TOTALS_H
#define STORE_TOTALS_H

#include "model/call_log.h"
#include "store/store.h"
#include "tags/tags.h"

#define TOTALS_HALF_HOUR_MS INT64_C(1800000)
#define TOTALS_KEY_MAX 64 /* characters of a tag's value that are told apart */

/* SQL: what an ended call `c` adds to the columns. */
#define TOTALS_CONNECTED "CASE WHEN c.connected_at IS NULL THEN 0 ELSE 1 END"
#define TOTALS_DURATION \
	"CASE WHEN c.answered_at IS NULL OR c.ended_at IS NULL THEN 0 " \
	"ELSE c.ended_at - c.answered_at END"
#define TOTALS_REVENUE "c.revenue + c.revenue_added"
#define TOTALS_PAYOUT "c.payout + c.payout_added"

/* A call that has ended, as its row and tags are by then. What has no tag in it is added up before the commit, for many calls at once. */
void totals_add(struct store_batch *batch, const char *organization_id, const char *call_id, const struct tag_set *tags);
/* One that ended before, in this moment. sign -1 takes it away: before its row and tags change, and 1 puts it in again. */
bool totals_count(struct store_conn *conn, const char *organization_id, const char *call_id, const struct tag_set *tags, int sign) WARN_UNUSED;
/*
 * Calls that are still active and have their end (ended_at), because their server has died.
 * node: "" for those that do not say whose they are.
 */
bool totals_add_interrupted(struct store_conn *conn, const char *node) WARN_UNUSED;
/* An ended call's value of a tag became another; NULL: there is none. */
bool totals_move(struct store_conn *conn, const struct call_log *call, const struct tag_def *tag, const char *from, const char *to) WARN_UNUSED;

#endif
