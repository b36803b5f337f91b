/* event/apply.h: tags that come to a call's log from outside the call: written and told of. */
#ifndef EVENT_APPLY_H
#define EVENT_APPLY_H

#include "event/event.h"
#include "store/calls.h"

/*
 * Write the results that have a value to the call's tags, and emit tag.set or tag.changed
 * for each, in the connection's transaction. log->tags becomes what the tags are now.
 */
bool event_apply_tags(struct store_conn *conn, const struct crypto_key *key, const struct organization *o, struct call_log *log,
		      const struct tag_result *results, size_t count, const char *source, int64_t at_ms,
		      struct arena *arena, struct event_touched *touched) WARN_UNUSED;

#endif
