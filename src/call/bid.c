#include "call/bid.h"
#include "call/screen.h"
#include <string.h>

#define JUDGED_MAX 10000 /* entries of plans that are looked at; then no further group is */

const char *const bid_conditions[] = {"connect", "duration", "conversion"};

struct search {
	const struct bid_asked *asked;
	struct bid *out;
	struct capacity_call as;
	struct capacity_asked capacity;
	const struct route_target *busy; /* the first that would take it if it had fewer calls; or NULL */
	size_t judged;
};

const char *bid_unreachable(const struct organization *o, struct phones *phones, const struct route_target *t, int64_t now_ms)
{
	if (t->phone_username)
		return phones_count_of(phones, t->id, now_ms) ? NULL : "its phone is not registered";
	const struct config_trunk *trunk = t->uri ? NULL : organization_trunk(o, t->trunk_id);
	return t->uri || (trunk && trunk->gateway_count) ? NULL : "its trunk has no outbound gateway";
}

static void pass_over(struct search *s, const char *id, const char *name, const char *why)
{
	if (json_array_size(s->out->passed_over) < BID_PASSED_MAX)
		json_array_append_new(s->out->passed_over, json_pack("{s:s?, s:s, s:s}", "target_id", id, "target_name", name, "reason", why));
}

/* Would it be called? */
static bool takes(struct search *s, const struct route_target *t)
{
	const char *why = bid_unreachable(s->asked->organization, s->asked->phones, t, s->asked->now_ms);
	if (why)
		pass_over(s, t->id, t->name, why);
	return !why;
}

/* Its targets are not asked: the first that would be, at the least that its bid is to be. */
static const struct route_target *by_tree(struct search *s, const struct route_tree *tree)
{
	for (size_t i = 0; tree && tree->enabled && i < tree->count; i++) {
		const struct rtb_target *asked = tree->bidders[i].target;
		const struct route_target *t = &asked->target;
		enum route_verdict v = capacity_judge_bidder(&s->capacity, &tree->bidders[i], s->asked->env);
		if (v != ROUTE_ELIGIBLE) {
			pass_over(s, t->id, t->name, route_verdict_text(v));
			continue;
		}
		struct route_target *least = arena_alloc(s->asked->arena, sizeof *least);
		if (!least)
			return NULL;
		*least = *t;
		least->revenue_micros = asked->minimum_micros > tree->minimum_micros ? asked->minimum_micros : tree->minimum_micros;
		least->revenue_micros = least->revenue_micros > 0 ? least->revenue_micros : 0;
		return least;
	}
	return NULL;
}

/* The target that the plan would call first; NULL: none. */
static const struct route_target *first_of(struct search *s, const struct route_plan *plan, int depth)
{
	const struct route_target *found = NULL;
	struct capacity_judged judged;
	capacity_judge(&s->capacity, plan, s->asked->env, s->asked->now_ms, false, &judged);
	s->judged += judged.count;
	for (size_t i = 0; i < judged.count && !found; i++) {
		const struct route_candidate *one = &judged.list[i];
		const struct route_entry *e = one->entry;
		if (one->verdict != ROUTE_ELIGIBLE)
			pass_over(s, e->target ? e->target->id : NULL, route_entry_name(e), route_verdict_text(one->verdict));
		else if (e->tree)
			found = by_tree(s, e->tree);
		else if (e->target)
			found = takes(s, e->target) ? e->target : NULL;
		else if (depth < ROUTE_GROUPS_MAX && s->judged < JUDGED_MAX)
			found = first_of(s, e->group, depth + 1);
		if (!s->busy && e->target && (one->verdict == ROUTE_BUSY || one->verdict == ROUTE_AWAY))
			s->busy = e->target;
	}
	capacity_judged_free(&judged);
	return found;
}

/* By a plan and those that it falls back on, or while it waits until somebody is free. */
static const struct route_target *by_plan(struct search *s, const struct route_plan *plan)
{
	const struct route_plan *plans[ROUTE_CHAIN_MAX];
	const struct route_target *found = NULL;
	size_t n = route_plan_chain(plan, plans);
	s->busy = NULL;
	for (size_t i = 0; i < n && !found; i++)
		found = first_of(s, plans[i], 0);
	return found || !plan || !plan->wait_seconds ? found : s->busy;
}

static const struct route_target *by_name(struct search *s, const char *const *ids)
{
	for (size_t i = 0; ids && ids[i]; i++) {
		const struct route_target *t = organization_target(s->asked->organization, ids[i]);
		enum route_verdict v = t ? route_target_judge(t, s->asked->env, s->asked->now_ms) : ROUTE_DISABLED;
		v = v == ROUTE_ELIGIBLE ? capacity_room(&s->capacity, t) : v;
		if (v == ROUTE_ELIGIBLE && takes(s, t))
			return t;
		if (t && v != ROUTE_ELIGIBLE)
			pass_over(s, t->id, t->name, route_verdict_text(v));
	}
	return NULL;
}

static const struct flow *find_flow(void *arg, const char *id)
{
	return organization_flow(arg, id);
}

/* What a flow waits for: another input, or, with *ends, that somebody takes the call or nobody does. */
static struct flow_input go_on(struct search *s, const struct flow_effect *e, bool *ends, bool *taken)
{
	const struct flow_dial *d = &e->u.dial;
	if (e->kind == FLOW_EFFECT_PLAY)
		return (struct flow_input){.kind = FLOW_INPUT_PLAYED, .u.played_ok = true};
	if (e->kind == FLOW_EFFECT_DIAL) {
		const struct route_plan *plan = d->routing_plan_id ? organization_plan(s->asked->organization, d->routing_plan_id) : NULL;
		s->out->target = plan ? by_plan(s, plan) : d->ring_tree_id ? by_tree(s, organization_tree(s->asked->organization, d->ring_tree_id)) : by_name(s, d->target_ids);
		*taken = s->out->target || d->uri || d->number;
		*ends = *taken;
		return (struct flow_input){.kind = FLOW_INPUT_DIAL_ENDED, .u.dial = DIAL_NO_TARGET};
	}
	*ends = true;
	*taken = e->kind != FLOW_EFFECT_VOICEMAIL; /* the caller, a script or another server decides, on the call */
	return (struct flow_input){.kind = FLOW_INPUT_CONTINUE};
}

/* The flow up to where somebody would be called. What it sends, sets and records is not done. */
static bool by_flow(struct search *s, const struct flow *flow)
{
	struct flow_state state = {0};
	struct flow_input input = {.kind = FLOW_INPUT_START};
	bool ends = false, taken = false;
	if (!flow_state_init(&state, flow, s->asked->arena, s->asked->env, s->asked->tags))
		return false;
	state.find = find_flow;
	state.find_arg = (void *)(uintptr_t)s->asked->organization;
	while (!ends) {
		struct flow_effects out;
		const struct flow_effect *waiting = NULL;
		enum flow_result r = flow_step(&state, &input, s->asked->now_ms, &out);
		for (size_t i = 0; i < out.count && r != FLOW_ERR_INPUT; i++)
			if (flow_effect_waits(out.list[i].kind))
				waiting = &out.list[i];
		if (r == FLOW_ERR_INPUT || state.finished || (r != FLOW_MORE && !waiting))
			break;
		input = waiting ? go_on(s, waiting, &ends, &taken) : (struct flow_input){.kind = FLOW_INPUT_CONTINUE};
	}
	return taken;
}

static void refuse(struct bid *out, const char *reason, const char *detail)
{
	out->reason = reason;
	out->detail = detail;
}

/* What the publisher gets, and when it is due: the first that is more than nothing. */
static void price(const struct bid_asked *asked, const struct terms *terms, struct bid *out)
{
	const struct route_target *t = out->target;
	int64_t revenue = t ? t->revenue_micros : 0;
	int after = terms->converts_after_seconds > 0 ? terms->converts_after_seconds : 0;
	bool by_revenue = t && terms_payout(terms, revenue, after * INT64_C(1000), asked->env) != terms_payout(terms, 0, after * INT64_C(1000), asked->env);
	if (by_revenue && t->revenue_after_seconds > after)
		after = t->revenue_after_seconds;
	for (int next = after; next >= 0 && !out->payout_micros; next = terms_next_seconds(terms, next * INT64_C(1000))) {
		out->payout_micros = terms_payout(terms, revenue, next * INT64_C(1000), asked->env);
		after = out->payout_micros ? next : after;
	}
	out->condition = terms->converts_after_seconds < 0 ? BID_CONVERSION : after ? BID_DURATION : BID_CONNECT;
	out->after_seconds = out->condition == BID_DURATION ? after : 0;
}

void bid_decide(const struct bid_asked *asked, struct bid *out)
{
	const struct config_campaign *c = asked->campaign;
	const struct terms *terms = campaign_terms(c, asked->publisher_id);
	struct search s = {.asked = asked, .out = out, .as = {asked->organization->id, c->id, asked->publisher_id}};
	s.capacity = capacity_ask(asked->capacity, asked->organization, c, &s.as, asked->caller_id, asked->now_ms, asked->now_ms);
	*out = (struct bid){.passed_over = json_array()};
	const struct screened screened = screen_caller(asked->organization, c, asked->caller_id, false, false, asked->now_ms);
	if (!c->enabled || !terms->enabled) {
		refuse(out, "disabled", c->enabled ? "the publisher is switched off in the campaign" : "the campaign is disabled");
		return;
	}
	if (*asked->caller_id && screened.disposition) { /* one that is not told is looked at when it calls */
		refuse(out, screened.disposition, screened.why);
		return;
	}
	if (c->payout_once_days && callers_paid_at(asked->organization->callers, CALLERS_PAYOUT, c->id, asked->caller_id) > asked->now_ms - c->payout_once_days * INT64_C(86400000)) {
		refuse(out, "duplicate", "a call of this caller was paid for before");
		return;
	}
	const char *problem = campaign_flow_problem(c);
	if (problem && !c->plan) { /* as the call would be */
		refuse(out, "no_target", problem);
		return;
	}
	bool runs_flow = c->call_flow_mode && !problem, taken;
	if (runs_flow)
		taken = by_flow(&s, c->flow->flow);
	else
		taken = (out->target = by_plan(&s, c->plan)) != NULL;
	if (taken)
		price(asked, terms, out);
	else
		refuse(out, "no_target", runs_flow ? "the call flow would send the call to nobody"
						   : "no target takes the call");
}
