/*
 * call/capacity.h: how many calls each target has and had, against its limits, and whose turn it is in each plan. It outlives
 * the configuration's snapshots: a target is found by its id. What was connected is on disk (target_calls), in the
 * transaction that tells of the connection. Any thread; times are wall clock milliseconds.
 */
#ifndef CALL_CAPACITY_H
#define CALL_CAPACITY_H

#include "config/config.h"
#include "routing/plan.h"
#include "store/store.h"

struct capacity;

/* With what is on disk. NULL: out of memory, or the database cannot be read. */
struct capacity *capacity_create(struct store *store, struct config_store *config, int64_t now_ms, struct error *err) WARN_UNUSED;
void capacity_destroy(struct capacity *c);

/* A call, as limits tell calls apart; no publisher: "". */
struct capacity_call {
	const char *organization_id, *campaign_id, *publisher_id;
};

/* Is there room for one more? ROUTE_ELIGIBLE, or which limit is reached. When there is, the call counts as one that is on, and against each cap, until it is connected or has left. */
enum route_verdict capacity_enter(struct capacity *c, const struct route_target *target, const struct capacity_call *call, int64_t now_ms) WARN_UNUSED;
/* It talks: it is one of this hour's, day's, month's. To be written with `batch`. */
void capacity_connected(struct capacity *c, const struct route_target *target, const struct capacity_call *call, int64_t now_ms, struct store_batch *batch);
/* Another server is active from now on: it is told of calls that are connected later. Any thread. */
void capacity_hand_over(struct capacity *c);
/* Count what servers that have handed over connected since the last time. One thread. */
void capacity_read_late(struct capacity *c, struct store_conn *conn, struct config_store *config);
void capacity_leave(struct capacity *c, const struct route_target *target, const struct capacity_call *call, bool connected);

/* The plan tries the target, or the group, now. */
void capacity_take_turn(struct capacity *c, const char *plan_id, const char *entry_id);

/* When the plan tried each of its entries last. */
void capacity_turns(struct capacity *c, const struct route_plan *plan, uint64_t *out);
/* What a call that the plan sends to the target, or the group, brings in, in millionths. */
void capacity_score(struct capacity *c, const char *plan_id, const char *entry_id, double score);
/* Of each entry; of those that were not scored yet, what the target says it pays. */
void capacity_scores(struct capacity *c, const struct route_plan *plan, double *out);

/* For struct route_input: arg is a struct capacity_asked. Room for one more, of this caller. */
struct capacity_asked {
	struct capacity *capacity;
	const struct capacity_call *call;
	int64_t now_ms;
	struct callers *callers;  /* NULL: the caller is nobody */
	const char *caller_id;
	const struct route_target *first; /* to which the campaign sends the caller again; or NULL */
	int64_t not_since_ms; /* who was connected with the target by a call that began then or later is not sent there again; 0: by the target's own rule alone */
};
/* Of a call that began then; campaign NULL: of none. */
struct capacity_asked capacity_ask(struct capacity *c, const struct organization *o, const struct config_campaign *campaign, const struct capacity_call *call,
				   const char *caller_id, int64_t began_ms, int64_t now_ms);
/* Is the caller not to be sent there again? */
bool capacity_repeats(const struct capacity_asked *asked, const struct route_target *target);
enum route_verdict capacity_room(void *arg, const struct route_target *target);

/* A plan's entries, judged for a call by the counters as they are. */
struct capacity_judged {
	struct route_candidate *list; /* in the order they would be tried */
	double *scores;               /* by entry, of ROUTE_BEST; else NULL */
	size_t count;
};
/* all: room is asked of each, and nobody comes first by chance: to explain, not to call. at_ms: when hours are looked at. Without memory there are none. */
void capacity_judge(struct capacity_asked *asked, const struct route_plan *plan, struct expr_env *env, int64_t at_ms, bool all, struct capacity_judged *out);
void capacity_judged_free(struct capacity_judged *j);
/* Would one of a ring tree be asked? */
enum route_verdict capacity_judge_bidder(struct capacity_asked *asked, const struct route_bidder *bidder, struct expr_env *env);


/* Somebody said whether the target takes calls now; on disk it is kept by the caller (target_availability). At first it does. */
void capacity_set_available(struct capacity *c, const char *target_id, bool available);
bool capacity_available(struct capacity *c, const char *target_id);

struct capacity_use {
	int concurrency, hourly, daily, monthly;
	int64_t total;
};
/* What counts against that limit of the target now. */
struct capacity_use capacity_use(struct capacity *c, const struct route_target *target, const struct route_limit *limit, int64_t now_ms);

#endif
