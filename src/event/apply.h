/* event/apply.h: tags, money and course that come to a call's log from outside the call: written and told of. */
#ifndef EVENT_APPLY_H
#define EVENT_APPLY_H

#include "event/change.h"
#include "store/calls.h"

/*
 * Write the results that have a value to the call's tags, and remove the tags that results remove, as far as each tag's
 * rule for repeats lets them, and emit tag.set, tag.changed or tag.removed for each, in the connection's transaction.
 * log->tags becomes what the tags are now. An ended call whose terms have filters is settled anew.
 *
 * origin   the request or user they came by
 * settled  as many as results: what was written, or with the error why it was not
 */
bool event_apply_tags(struct store_conn *conn, const struct crypto_key *key, const struct organization *o, struct call_log *log,
		      const struct tag_result *results, size_t count, enum tag_source source, const char *origin, int64_t at_ms,
		      struct tag_result *settled, struct arena *arena, struct event_touched *touched) WARN_UNUSED;

/*
 * Add fields that no tag takes to the call's custom data (tags/custom.h), in the connection's transaction.
 * log->custom_data and log->custom_stored become what it is now. An ended call whose terms have filters is
 * settled anew.
 *
 * given    {"name": value}; null takes a field out
 * origin   the request it came with: call.updated names it
 * refused  an array that gets {"field","detail"} of what was not taken
 */
bool event_apply_custom_data(struct store_conn *conn, const struct organization *o, struct call_log *log, json_t *given,
			     const char *origin, int64_t at_ms, json_t *refused, struct arena *arena,
			     struct event_touched *touched) WARN_UNUSED;

/* What a webhook says of a call's money and course. */
#define OUTCOME_DISPOSITION_SIZE 65
#define OUTCOME_REASON_SIZE 256
enum outcome_text { OUTCOME_TEXT_UNSAID, OUTCOME_TEXT_SET, OUTCOME_TEXT_CLEARED };
struct call_outcome {
	bool has_revenue, has_payout, add; /* add: to what is there, else in its place */
	int64_t revenue_micros, payout_micros;
	int converted; /* -1: nothing is said */
	int64_t conversion_ms; /* when it converted; 0: nothing is said */
	char disposition[OUTCOME_DISPOSITION_SIZE]; /* "": nothing is said */
	char publisher_id[40];                   /* "": nothing is said */
	enum outcome_text has_reason, has_hold;
	char reason[OUTCOME_REASON_SIZE]; /* why the call was paid, or not */
	char hold[OUTCOME_REASON_SIZE];   /* why its payout is held back */
	/* out: what the call is worth by now, where call.revenue_changed has reported that */
	bool revenue_reported, payout_reported;
	int64_t reported_revenue, reported_payout;
};
/*
 * Write the outcome to the call's log, in the connection's transaction: what was said later than at_ms stays. What is
 * due by its campaign's terms is settled anew where nothing else said what it is; a call that converts by it is told as
 * call.converted. Reports follow, and so do the events of change_report().
 *
 * outcome  in: what was said; out: what of it was taken, for the live call
 * refused  an array that gets {"field","detail"} of what was not
 * log      becomes what the call is now
 * cause    who said it
 */
bool event_apply_outcome(struct store_conn *conn, const struct organization *o, struct call_log *log, struct call_outcome *outcome,
			 const struct change_cause *cause, int64_t at_ms, json_t *refused, struct arena *arena,
			 struct event_touched *touched) WARN_UNUSED;

#endif
