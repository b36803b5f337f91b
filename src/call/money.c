/* What a call is worth: what its target earns, whether it converts, what its publisher gets. What a flow or a webhook said stands. */
#include "call/internal.h"

/* How long the caller talked with a target, the longest time. */
static int64_t talked(struct call *c)
{
	int64_t now = call_now_ms(c) - c->connected_ms;
	if (c->dial.connected && now > c->talked_ms)
		c->talked_ms = now;
	return c->talked_ms;
}

/* Is the call the one of this caller that is paid for? once_days 0: it is. */
static bool pays(struct call *c, enum callers_paid what, const char *id, int64_t amount, int once_days)
{
	struct callers *callers = c->organization->callers;
	bool paid = amount && callers_pay(callers, what, id, c->caller_id, c->id, c->started_ms, once_days);
	if (!amount)
		callers_unpay(callers, what, id, c->caller_id, c->id);
	c->not_paid_twice &= ~(1u << what);
	c->not_paid_twice |= amount && !paid ? 1u << what : 0;
	return paid;
}

static void earn(struct call *c, int64_t talked_ms)
{
	const struct route_target *t = c->target;
	bool on_conversion = t && t->revenue_after_seconds < 0;
	if (c->earned && on_conversion && !c->converted) { /* a webhook took the conversion back */
		c->earned = c->revenue_told = false;
		c->revenue_micros = 0;
		(void)pays(c, CALLERS_REVENUE, t->id, 0, 0);
	}
	if (c->revenue_told || !t || !(on_conversion ? c->converted : talked_ms >= t->revenue_after_seconds * INT64_C(1000)))
		return;
	c->earned = c->revenue_told = true;
	c->revenue_micros = pays(c, CALLERS_REVENUE, t->id, t->revenue_micros, t->revenue_once_days) ? t->revenue_micros : 0;
}

void money_earn(struct call *c)
{
	earn(c, talked(c));
}

/* When revenue and payout differ from what was reported last. */
static void report(struct call *c, enum change_source source)
{
	int64_t revenue = c->revenue_micros + c->revenue_added, payout = c->payout_micros + c->payout_added;
	struct buf changes = {0}, data = {0};
	change_money(&changes, "revenue", c->reported_revenue, revenue);
	change_money(&changes, "payout", c->reported_payout, payout);
	if (changes.len) {
		change_data(&data, source, NULL, buf_text(&changes));
		log_named_event(c, "call.revenue_changed", buf_text(&data));
	}
	c->reported_revenue = revenue;
	c->reported_payout = payout;
	buf_free(&changes);
	buf_free(&data);
}

void money_settle(struct call *c, enum change_source source)
{
	int64_t talked_ms = talked(c), revenue = c->revenue_micros, payout = c->payout_micros;
	log_course(c, call_now_ms(c));
	bool converts = !c->conversion_told && c->connected_ms && terms_convert(c->terms, talked_ms, &c->env);
	if (converts) {
		c->conversion_told = c->converted = true;
		c->converted_at = c->conversion_ms = call_now_ms(c);
	}
	earn(c, talked_ms);
	int64_t due = c->payout_told ? c->payout_micros : c->converted ? terms_payout(c->terms, c->revenue_micros + c->revenue_added, talked_ms, &c->env) : 0;
	c->payout_micros = pays(c, CALLERS_PAYOUT, c->campaign->id, due, c->payout_told ? 0 : c->campaign->payout_once_days) ? due : 0;
	if (c->revenue_told && !c->earned && c->target)
		(void)pays(c, CALLERS_REVENUE, c->target->id, c->revenue_micros + c->revenue_added, 0);
	if (converts || c->revenue_micros != revenue || c->payout_micros != payout)
		log_call_progress(c);
	if (converts)
		log_event(c, "call.converted", "");
	report(c, source);
}
