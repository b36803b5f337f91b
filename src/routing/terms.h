/* routing/terms.h: when a call converts, what its publisher gets for it, and what carriers take. Pure; money in millionths. */
#ifndef ROUTING_TERMS_H
#define ROUTING_TERMS_H

#include "expr/filter.h"

/* An amount, or a share of the revenue. */
struct terms_pay {
	int64_t micros;
	int64_t percent; /* in millionths, at most 100000000; 0: the amount */
};

/* What is paid instead from so long a conversation on, and for calls that pass. */
struct terms_tier {
	int after_seconds;
	const struct filter *filter; /* NULL: all pass */
	struct terms_pay pay;
};

/* A campaign's, or of one publisher in it. */
struct terms {
	const char *publisher_id;  /* NULL: of all that have none of their own */
	bool enabled;              /* its calls are taken */
	int converts_after_seconds; /* connected; -1: by no rule */
	const struct filter *converts_filter; /* and passing; NULL: all pass */
	struct terms_pay pay;
	const struct terms_tier *tiers; /* the last that applies, applies */
	size_t tier_count;
};

/* Does a call convert that was connected for so long? */
bool terms_convert(const struct terms *terms, int64_t talked_ms, struct expr_env *env);
/* Does anything of it ask a filter? Else env may be empty. */
bool terms_by_filter(const struct terms *terms);
/* What the publisher gets for a converted call. */
int64_t terms_payout(const struct terms *terms, int64_t revenue_micros, int64_t talked_ms, struct expr_env *env);
/* When, in seconds connected, something of it changes next; -1: it does not. */
int terms_next_seconds(const struct terms *terms, int64_t talked_ms);

/* What a carrier takes. */
struct terms_rate {
	int64_t micros_per_minute;
	int minimum_seconds, increment_seconds;
};
/* Of a call that was answered for so long; not at all: 0. A begun increment is a whole one. */
int64_t terms_cost(const struct terms_rate *rate, int64_t answered_ms);

#endif
