/* store/calls.h: the call log in the database: one call's row read back, and its tags written. */
#ifndef STORE_CALLS_H
#define STORE_CALLS_H

#include "base/arena.h"
#include "base/crypto.h"
#include "model/call_log.h"
#include "store/store.h"
#include "tags/tags.h"

/* The columns that store_call_row() reads, in its order. */
#define CALL_COLUMNS "id, organization_id, campaign_id, publisher_id, caller_id, number, status, disposition, execution_mode, call_flow_id, flow_version, " \
		     "target_id, started_at, answered_at, connected_at, ended_at, converted, revenue + revenue_added, payout + payout_added, doc, cost, talked_ms, not_paid_twice, " \
		     "reason, payout_hold_reason, conversion_at"
/* Fill a log from a row; what is not a column lives in the arena. */
void store_call_row(const struct store_rows *rows, size_t row, struct arena *arena, struct call_log *out);
/* The call's tags as a JSON object, sensitive ones masked; in the arena. NULL on a database error. */
const char *store_call_tags_json(struct store_conn *conn, const char *organization_id, const char *call_id, struct arena *arena);
/* One whole call. false: there is none (or the database failed: *failed). */
bool store_call_read(struct store_conn *conn, const char *organization_id, const char *call_id, struct arena *arena,
		     struct call_log *out, bool *failed) WARN_UNUSED;

/* One value of one tag, as it is written to a call. */
struct tag_write {
	const struct tag_def *def;
	const struct value *value; /* NULL: the tag is removed */
	enum tag_source source;
	const char *origin;   /* the request, node or user it came by, or NULL */
	const char *previous; /* the text it replaces, or NULL */
	int64_t at_ms;
};
/* Write it: whatever is there when it was settled against that (tag_settle()), else unless something later is. */
void store_call_tag(struct store_batch *batch, const struct crypto_key *key, const char *organization_id, const char *call_id,
		    const struct tag_write *write, bool settled);
/* Remove it from the call, and remember when: a value that was sent before does not come back. */
void store_call_tag_remove(struct store_batch *batch, const char *organization_id, const char *call_id, const struct tag_write *write);
/* What the call's custom data is from now on, as it is stored (tags/custom.h). */
void store_call_custom_data(struct store_batch *batch, const char *organization_id, const char *call_id, const char *stored);
/* The data of tag.set, tag.changed and tag.removed: a call's events are the history of its tags. */
void store_call_tag_event(struct buf *b, const struct tag_write *write);

#endif
