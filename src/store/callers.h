/*
 * store/callers.h: what is known of callers: with whom they were connected, which of their calls were paid for, how
 * often they call. Of a year, in memory, from the call log: the call path asks no database. Any thread; times are wall
 * clock milliseconds. Who hides the number is not known.
 */
#ifndef STORE_CALLERS_H
#define STORE_CALLERS_H

#include "store/store.h"

#define CALLERS_DAYS_MAX 365

struct callers;

/* With what the call log says. NULL: out of memory, or the database cannot be read. */
struct callers *callers_create(struct store *store, int64_t now_ms, struct error *err) WARN_UNUSED;
void callers_destroy(struct callers *c);

/* The caller of a campaign's call talks with the target. */
void callers_connected(struct callers *c, const char *campaign_id, const char *target_id, const char *caller_id, int64_t at_ms);
/* When a call began by which the caller was connected with the target last; 0: never. */
int64_t callers_with_target(struct callers *c, const char *target_id, const char *caller_id);
/* Likewise, with any target by a call of the campaign. target_id: room for 40 bytes, or NULL. */
int64_t callers_in_campaign(struct callers *c, const char *campaign_id, const char *caller_id, char *target_id);

enum callers_paid {
	CALLERS_PAYOUT,  /* id: of the campaign */
	CALLERS_REVENUE, /* id: of the target */
};
/* The call is the one that is paid for, unless another one is that began less than so many days before: then false. Asked again, it
 * still is. once_days 0: whatever others are. */
bool callers_pay(struct callers *c, enum callers_paid what, const char *id, const char *caller_id, const char *call_id, int64_t at_ms, int once_days);
/* When the call began that is paid for; 0: none is. */
int64_t callers_paid_at(struct callers *c, enum callers_paid what, const char *id, const char *caller_id);
/* It is not paid for after all. */
void callers_unpay(struct callers *c, enum callers_paid what, const char *id, const char *caller_id, const char *call_id);

/*
 * One more call of the caller to the campaign, unless it had `most` that were taken within so many
 * seconds: then false, also without memory. Exact, also for calls at the same moment. now_ms: of a
 * steady clock. Forgotten at a restart.
 */
bool callers_take(struct callers *c, const char *campaign_id, const char *caller_id, int most,
		  int seconds, int64_t now_ms);
/* Would it be taken? Nothing is counted. */
bool callers_would_take(struct callers *c, const char *campaign_id, const char *caller_id, int most,
			int seconds, int64_t now_ms);

#endif
