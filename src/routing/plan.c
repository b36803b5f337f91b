#include "routing/plan.h"
#include <math.h>
#include <stdlib.h>

const char *const route_strategies[] = {"priority", "round_robin", "weighted", "simultaneous", NULL};

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

static bool is_open(const struct schedule *schedule, int64_t now_ms)
{
	return !schedule || schedule_at(schedule, schedule_zone(schedule), now_ms, NULL) == SCHEDULE_OPEN;
}

enum route_verdict route_target_judge(const struct route_target *t, struct expr_env *env, int64_t now_ms)
{
	return !t->enabled ? ROUTE_DISABLED : !is_open(t->schedule, now_ms) ? ROUTE_CLOSED : !filter_match(t->filter, env) ? ROUTE_TARGET_FILTER : ROUTE_ELIGIBLE;
}

static enum route_verdict judge(const struct route_entry *e, const struct route_input *in, const struct route_state *state)
{
	enum route_verdict v = route_target_judge(e->target, in->env, in->now_ms);
	if (v != ROUTE_ELIGIBLE)
		return v;
	if (!is_open(e->schedule, in->now_ms))
		return ROUTE_ENTRY_CLOSED;
	if (!filter_match(e->filter, in->env))
		return ROUTE_ENTRY_FILTER;
	return state ? state->room : ROUTE_ELIGIBLE;
}

/* splitmix64 (Steele, Lea and Flood, 2014): from a seed as many numbers as are wanted, here above 0 and at most 1. */
static double draw(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (double)(((z ^ (z >> 31)) >> 11) + 1) * 0x1p-53;
}

/* Weighted without putting back: each waits for an exponentially distributed time (Efraimidis and Spirakis, 2006). */
static double key_of(const struct route_plan *plan, const struct route_entry *e, const struct route_state *state, uint64_t *seed)
{
	if (plan->strategy == ROUTE_WEIGHTED)
		return e->weight > 0 ? -log(draw(seed)) / e->weight : INFINITY;
	return plan->strategy == ROUTE_ROUND_ROBIN && state ? (double)state->turn : 0;
}

static int compare(const void *a, const void *b)
{
	const struct route_candidate *x = a, *y = b;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	if (x->key < y->key || x->key > y->key)
		return x->key < y->key ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

size_t route_plan_judge(const struct route_plan *plan, const struct route_input *in, struct route_candidate *out, size_t max)
{
	size_t n = plan->count < max ? plan->count : max;
	uint64_t seed = in->seed;
	int eligible = 0;
	for (size_t i = 0; i < n; i++) {
		const struct route_entry *e = &plan->entries[i];
		const struct route_state *state = in->states ? &in->states[i] : NULL;
		enum route_verdict v = judge(e, in, state);
		out[i] = (struct route_candidate){e->target, v, e->priority, i, v == ROUTE_ELIGIBLE ? key_of(plan, e, state, &seed) : 0};
	}
	if (plan->strategy == ROUTE_ROUND_ROBIN || plan->strategy == ROUTE_WEIGHTED)
		qsort(out, n, sizeof *out, compare);
	for (size_t i = 0; i < n; i++)
		if (out[i].verdict == ROUTE_ELIGIBLE && eligible++ >= plan->max_attempts)
			out[i].verdict = ROUTE_OVER_ATTEMPTS;
	return n;
}

const char *route_verdict_text(enum route_verdict verdict)
{
	static const char *const texts[] = {
		[ROUTE_ELIGIBLE] = "eligible",
		[ROUTE_DISABLED] = "the target is disabled",
		[ROUTE_CLOSED] = "the target is closed now",
		[ROUTE_ENTRY_CLOSED] = "the plan does not send calls there now",
		[ROUTE_TARGET_FILTER] = "the call does not pass the target's filter",
		[ROUTE_ENTRY_FILTER] = "the call does not pass the plan entry's filter",
		[ROUTE_BUSY] = "as many calls are with the target as may be at once",
		[ROUTE_HOUR_FULL] = "the target has its calls of this hour",
		[ROUTE_DAY_FULL] = "the target has its calls of this day",
		[ROUTE_MONTH_FULL] = "the target has its calls of this month",
		[ROUTE_TOTAL_FULL] = "the target has all its calls",
		[ROUTE_OVER_ATTEMPTS] = "the plan's attempts were used up before it",
	};
	return texts[verdict];
}
