#include "routing/plan.h"
#include "base/money.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const route_strategies[] = {"priority", "round_robin", "weighted", "simultaneous", "best", NULL};

size_t route_plan_chain(const struct route_plan *plan, const struct route_plan *out[ROUTE_CHAIN_MAX])
{
	size_t n = 0;
	for (; plan && n < ROUTE_CHAIN_MAX; plan = plan->fallback) {
		for (size_t i = 0; i < n; i++)
			if (out[i] == plan)
				return n;
		out[n++] = plan;
	}
	return n;
}

const char *route_entry_id(const struct route_entry *e)
{
	return e->target ? e->target->id : e->tree ? e->tree->id : e->group->id;
}

const char *route_entry_name(const struct route_entry *e)
{
	return e->target ? e->target->name : e->tree ? e->tree->name : e->group->name;
}

int64_t route_entry_revenue(const struct route_entry *e, int depth)
{
	int64_t most = e->target ? e->target->revenue_micros : e->tree && e->tree->minimum_micros > 0 ? e->tree->minimum_micros : 0;
	for (size_t i = 0; e->group && depth < ROUTE_GROUPS_MAX && i < e->group->count; i++) {
		int64_t one = route_entry_revenue(&e->group->entries[i], depth + 1);
		most = one > most ? one : most;
	}
	return most;
}

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

enum route_verdict route_filtered(const struct expr_env *env, enum route_verdict otherwise)
{
	return filter_is_spent(env) ? ROUTE_FILTERS_SPENT : otherwise;
}

enum route_verdict route_target_judge(const struct route_target *t, struct expr_env *env, int64_t now_ms)
{
	if (!t->enabled)
		return ROUTE_DISABLED;
	if (!is_open(t->schedule, now_ms))
		return ROUTE_CLOSED;
	return filter_match(t->filter, env) ? ROUTE_ELIGIBLE : route_filtered(env, ROUTE_TARGET_FILTER);
}

static enum route_verdict room(const struct route_input *in, const struct route_target *target)
{
	return in->room && target ? in->room(in->arg, target) : ROUTE_ELIGIBLE;
}

static enum route_verdict judge(const struct route_entry *e, const struct route_input *in)
{
	enum route_verdict v = e->target ? route_target_judge(e->target, in->env, in->now_ms) : e->tree && !e->tree->enabled ? ROUTE_DISABLED : ROUTE_ELIGIBLE;
	if (v != ROUTE_ELIGIBLE)
		return v;
	if (!is_open(e->schedule, in->now_ms))
		return ROUTE_ENTRY_CLOSED;
	if (!filter_match(e->filter, in->env))
		return route_filtered(in->env, ROUTE_ENTRY_FILTER);
	return in->all ? room(in, e->target) : ROUTE_ELIGIBLE;
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
static double key_of(const struct route_plan *plan, const struct route_candidate *one, const struct route_input *in, uint64_t *seed)
{
	int weight = one->entry->weight;
	size_t entry = (size_t)(one->entry - plan->entries);
	if (plan->strategy == ROUTE_WEIGHTED)
		return weight > 0 ? -log(draw(seed)) / weight : INFINITY;
	if (plan->strategy == ROUTE_BEST)
		return one->by_chance ? draw(seed) : in->scores ? -in->scores[entry] : 0;
	return plan->strategy == ROUTE_ROUND_ROBIN && in->turns ? (double)in->turns[entry] : 0;
}

static bool is_before(const struct route_candidate *a, const struct route_candidate *b)
{
	return a->key < b->key || (a->key <= b->key && a->entry < b->entry);
}

/* Of one priority's the eligible ones with the lowest keys to the front, as many as are wanted, in their order. Returns how many. */
static size_t choose(struct route_candidate *list, size_t n, size_t wanted)
{
	size_t chosen = 0;
	for (size_t i = 0; i < n && wanted; i++) {
		if (list[i].verdict != ROUTE_ELIGIBLE || (chosen == wanted && !is_before(&list[i], &list[chosen - 1])))
			continue;
		size_t at = chosen < wanted ? chosen++ : chosen - 1;
		struct route_candidate one = list[i];
		list[i] = list[at];
		for (; at > 0 && is_before(&one, &list[at - 1]); at--)
			list[at] = list[at - 1];
		list[at] = one;
	}
	return chosen;
}

/* Likewise, and those that have room. */
static size_t choose_with_room(const struct route_input *in, struct route_candidate *list, size_t n, size_t wanted)
{
	for (size_t kept = 0;;) {
		size_t chosen = choose(list + kept, n - kept, wanted - kept), good = 0;
		for (size_t i = kept; i < kept + chosen; i++) {
			struct route_candidate one = list[i];
			one.verdict = in->all ? ROUTE_ELIGIBLE : room(in, one.entry->target);
			if (one.verdict == ROUTE_ELIGIBLE) { /* before those that have none */
				list[i] = list[kept + good];
				list[kept + good++] = one;
			} else {
				list[i] = one;
			}
		}
		kept += good;
		if (good == chosen)
			return kept;
	}
}

#define AHEAD 4

/* What judging the entries to come reads, and is in no cache yet where a plan has thousands: the target first, then what it points at. */
static void fetch_ahead(const struct route_candidate *list, size_t i, size_t n)
{
	const struct route_target *t = i + AHEAD * 2 < n ? list[i + AHEAD * 2].entry->target : NULL;
	if (t)
		__builtin_prefetch(t);
	t = i + AHEAD < n ? list[i + AHEAD].entry->target : NULL;
	if (!t)
		return;
	if (t->schedule)
		__builtin_prefetch(t->schedule);
	for (size_t line = 0; t->filter && line < 4; line++)
		__builtin_prefetch((const char *)t->filter + line * 64 - 128); /* its rules stand behind what they compare with */
}

/* Those of one priority, in an order that is drawn. Returns how many attempts that takes. */
static size_t drawn_order(const struct route_plan *plan, const struct route_input *in, struct route_candidate *list, size_t n, size_t attempts, uint64_t *seed)
{
	for (size_t i = 0; i < n; i++) {
		fetch_ahead(list, i, n);
		list[i].verdict = (uint8_t)judge(list[i].entry, in);
		if (list[i].verdict == ROUTE_ELIGIBLE)
			list[i].key = key_of(plan, &list[i], in, seed);
	}
	size_t chosen = choose_with_room(in, list, n, attempts);
	for (size_t i = chosen; i < n; i++)
		if (list[i].verdict == ROUTE_ELIGIBLE)
			list[i].verdict = ROUTE_OVER_ATTEMPTS;
	return chosen;
}

/* Likewise, in the order in which they are. */
static size_t given_order(const struct route_input *in, struct route_candidate *list, size_t n, size_t attempts)
{
	size_t chosen = 0;
	for (size_t i = 0; i < n && (chosen < attempts || in->all); i++) {
		fetch_ahead(list, i, n);
		enum route_verdict v = judge(list[i].entry, in);
		if (v == ROUTE_ELIGIBLE)
			v = chosen == attempts ? ROUTE_OVER_ATTEMPTS : in->all ? v : room(in, list[i].entry->target);
		list[i].verdict = (uint8_t)v;
		chosen += v == ROUTE_ELIGIBLE;
	}
	return chosen;
}

static void bring_first(const struct route_input *in, struct route_candidate *list, size_t n)
{
	size_t at = 0;
	while (at < n && (list[at].entry->target != in->first || judge(list[at].entry, in) != ROUTE_ELIGIBLE))
		at++;
	if (at == n)
		return;
	struct route_candidate one = list[at];
	one.priority = INT_MIN;
	memmove(list + 1, list, at * sizeof *list);
	list[0] = one;
}

size_t route_plan_judge(const struct route_plan *plan, const struct route_input *in, struct route_candidate *out, size_t max)
{
	size_t n = plan->count < max ? plan->count : max, attempts = (size_t)plan->max_attempts;
	bool drawn = plan->strategy == ROUTE_ROUND_ROBIN || plan->strategy == ROUTE_WEIGHTED || plan->strategy == ROUTE_BEST;
	uint64_t seed = in->seed;
	bool by_chance = plan->strategy == ROUTE_BEST && draw(&seed) * 100 <= plan->explore_percent;
	for (size_t i = 0; i < n; i++)
		out[i] = (struct route_candidate){&plan->entries[i], 0, plan->entries[i].priority, ROUTE_OVER_ATTEMPTS, by_chance};
	if (in->first)
		bring_first(in, out, n);
	for (size_t from = 0, to; from < n && (attempts || in->all); from = to) { /* who comes after the last attempt is not looked at */
		for (to = from + 1; to < n && out[to].priority == out[from].priority; to++)
			;
		attempts -= drawn ? drawn_order(plan, in, out + from, to - from, attempts, &seed) : given_order(in, out + from, to - from, attempts);
	}
	return n;
}

const char *route_reason(const struct route_plan *plan, const struct route_candidate *one, char out[ROUTE_REASON_SIZE])
{
	char score[MONEY_SIZE];
	if (one->priority == INT_MIN)
		snprintf(out, ROUTE_REASON_SIZE, "the caller was connected with it before");
	else if (plan->strategy == ROUTE_ROUND_ROBIN)
		snprintf(out, ROUTE_REASON_SIZE, one->key > 0 ? "its turn: its last call is the longest ago" : "its turn: it had no call yet");
	else if (plan->strategy == ROUTE_WEIGHTED)
		snprintf(out, ROUTE_REASON_SIZE, "drawn by its weight, %d", one->entry->weight);
	else if (plan->strategy == ROUTE_BEST && one->by_chance)
		snprintf(out, ROUTE_REASON_SIZE, "by chance, so that its score is learned");
	else if (plan->strategy == ROUTE_BEST)
		snprintf(out, ROUTE_REASON_SIZE, "its score: %s a call", money_format((int64_t)-one->key, score));
	else
		snprintf(out, ROUTE_REASON_SIZE, plan->strategy == ROUTE_AT_ONCE ? "all of priority %d ring at once" : "in the plan's order, priority %d", one->priority);
	return out;
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
		[ROUTE_TREE_FILTER] = "the call does not pass the ring tree's filter",
		[ROUTE_FILTERS_SPENT] = "the filters of this call take more computing than a call may use",
		[ROUTE_REPEATED] = "the caller was connected with the target before",
		[ROUTE_AWAY] = "the target is set unavailable",
		[ROUTE_BUSY] = "as many calls are with the target as may be at once",
		[ROUTE_HOUR_FULL] = "the target has its calls of this hour",
		[ROUTE_DAY_FULL] = "the target has its calls of this day",
		[ROUTE_MONTH_FULL] = "the target has its calls of this month",
		[ROUTE_TOTAL_FULL] = "the target has all its calls",
		[ROUTE_OVER_ATTEMPTS] = "the plan's attempts were used up before it",
	};
	return texts[verdict];
}
