/* routing/plan.h: which targets a call is sent to, in what order, and why not the others. Pure. */
#ifndef ROUTING_PLAN_H
#define ROUTING_PLAN_H

#include "expr/filter.h"

struct route_target {
	const char *id, *name, *buyer_id;
	const char *uri;               /* destination type sip */
	const char *number, *trunk_id; /* destination type number */
	const char *phone_username, *phone_password; /* destination type phone */
	struct filter *filter;
	int timeout_seconds; /* 0: the plan's */
	bool enabled, send_tags;
	int64_t revenue_micros;
	int revenue_after_seconds; /* due after so many seconds connected; 0: on connect */
};

struct route_entry {
	const struct route_target *target;
	struct filter *filter;
	int priority;
};

struct route_plan {
	const char *id, *name;
	struct route_entry *entries; /* by priority, then as given */
	size_t count;
	int timeout_seconds, max_attempts;
};

enum route_verdict { ROUTE_ELIGIBLE, ROUTE_DISABLED, ROUTE_TARGET_FILTER, ROUTE_ENTRY_FILTER, ROUTE_OVER_ATTEMPTS };

struct route_candidate {
	const struct route_target *target;
	enum route_verdict verdict;
};

/* Sort entries once, after building: by priority, keeping the order given. */
void route_plan_sort(struct route_plan *plan);

/*
 * Judge every entry for this call, in the order they would be tried.
 * out: room for max candidates. Returns how many were judged.
 */
size_t route_plan_judge(const struct route_plan *plan, struct expr_env *env, struct route_candidate *out, size_t max);

/* The verdict in words, for the call log. */
const char *route_verdict_text(enum route_verdict verdict);

#endif
