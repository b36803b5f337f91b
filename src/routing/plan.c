#include "routing/plan.h"

void route_plan_sort(struct route_plan *plan)
{
	/* Insertion sort: stable, and plans come nearly sorted. */
	for (size_t i = 1; i < plan->count; i++) {
		struct route_entry e = plan->entries[i];
		size_t at = i;
		for (; at > 0 && plan->entries[at - 1].priority > e.priority; at--)
			plan->entries[at] = plan->entries[at - 1];
		plan->entries[at] = e;
	}
}

size_t route_plan_judge(const struct route_plan *plan, struct expr_env *env, struct route_candidate *out, size_t max)
{
	size_t n = 0;
	int eligible = 0;
	for (size_t i = 0; i < plan->count && n < max; i++) {
		const struct route_entry *e = &plan->entries[i];
		enum route_verdict v = !e->target->enabled ? ROUTE_DISABLED :
			!filter_match(e->target->filter, env) ? ROUTE_TARGET_FILTER :
			!filter_match(e->filter, env) ? ROUTE_ENTRY_FILTER :
			eligible >= plan->max_attempts ? ROUTE_OVER_ATTEMPTS : ROUTE_ELIGIBLE;
		eligible += v == ROUTE_ELIGIBLE;
		out[n++] = (struct route_candidate){e->target, v};
	}
	return n;
}

const char *route_verdict_text(enum route_verdict verdict)
{
	static const char *const texts[] = {
		[ROUTE_ELIGIBLE] = "eligible",
		[ROUTE_DISABLED] = "the target is disabled",
		[ROUTE_TARGET_FILTER] = "the call does not pass the target's filter",
		[ROUTE_ENTRY_FILTER] = "the call does not pass the plan entry's filter",
		[ROUTE_OVER_ATTEMPTS] = "the plan's attempts were used up before it",
	};
	return texts[verdict];
}
