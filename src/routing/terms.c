#include "routing/terms.h"

#define WHOLE INT64_C(100000000) /* 100 % */

bool terms_convert(const struct terms *t, int64_t talked_ms, struct expr_env *env)
{
	return t->converts_after_seconds >= 0 && talked_ms >= t->converts_after_seconds * INT64_C(1000) && filter_match(t->converts_filter, env);
}

bool terms_by_filter(const struct terms *t)
{
	for (size_t i = 0; i < t->tier_count; i++)
		if (t->tiers[i].filter)
			return true;
	return t->converts_filter;
}

/* Rounded to the nearest millionth, half away from zero; in two parts, for the product of both would not fit. */
static int64_t share(int64_t micros, int64_t percent)
{
	int64_t whole = micros / WHOLE * percent, rest = micros % WHOLE * percent;
	return whole + (rest + (rest < 0 ? -WHOLE : WHOLE) / 2) / WHOLE;
}

int64_t terms_payout(const struct terms *t, int64_t revenue_micros, int64_t talked_ms, struct expr_env *env)
{
	const struct terms_pay *pay = &t->pay;
	for (size_t i = t->tier_count; i > 0; i--) {
		const struct terms_tier *tier = &t->tiers[i - 1];
		if (talked_ms < tier->after_seconds * INT64_C(1000) || !filter_match(tier->filter, env))
			continue;
		pay = &tier->pay;
		break;
	}
	return pay->percent ? share(revenue_micros, pay->percent) : pay->micros;
}

int terms_next_seconds(const struct terms *t, int64_t talked_ms)
{
	int next = t->converts_after_seconds >= 0 && talked_ms < t->converts_after_seconds * INT64_C(1000) ? t->converts_after_seconds : -1;
	for (size_t i = 0; i < t->tier_count; i++) {
		int after = t->tiers[i].after_seconds;
		if (talked_ms < after * INT64_C(1000) && (next < 0 || after < next))
			next = after;
	}
	return next;
}

int64_t terms_cost(const struct terms_rate *r, int64_t answered_ms)
{
	int64_t seconds = (answered_ms + 999) / 1000;
	if (answered_ms <= 0 || !r->micros_per_minute)
		return 0;
	if (seconds < r->minimum_seconds)
		seconds = r->minimum_seconds;
	if (r->increment_seconds > 1)
		seconds = (seconds + r->increment_seconds - 1) / r->increment_seconds * r->increment_seconds;
	return (r->micros_per_minute * seconds + 30) / 60;
}
