/* store/finals.h: calls that are over, and whose call.final is still to come. */
#ifndef STORE_FINALS_H
#define STORE_FINALS_H

#include "store/store.h"

#define FINALS_RECORDING_MS INT64_C(600000) /* how long a final that is due waits for a recording */

/* A call that has just ended. due_ms: when its final is due. */
void finals_add(struct store_batch *batch, const char *organization_id, const char *call_id, int64_t due_ms);
/* Calls that are still active, whose server has died: looked at as soon as can be. node: "" for those that have none. */
bool finals_add_interrupted(struct store_conn *conn, const char *node, int64_t now_ms) WARN_UNUSED;

/* Is any due? Reads the first entry of an index. */
bool finals_any(struct store_conn *conn, int64_t now_ms);
/* Those that are due, longest first: call_id, organization_id, waits_until. NULL: the database failed. */
struct store_rows *finals_due(struct store_conn *conn, int64_t now_ms, int64_t limit);
/* Look at the call again then. */
bool finals_wait(struct store_conn *conn, const char *call_id, int64_t due_ms, int64_t until_ms) WARN_UNUSED;
/* The final is sent, or will never be. *taken: by this caller, and not by another server before. */
bool finals_take(struct store_conn *conn, const char *call_id, bool *taken) WARN_UNUSED;

/* Is the call's final still to come? */
bool finals_is_waiting(struct store_conn *conn, const char *organization_id, const char *call_id, bool *waiting) WARN_UNUSED;

#endif
