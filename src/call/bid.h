/*
 * call/bid.h: would a campaign take this caller now, who would get the call, and what would be paid for it? By the rules
 * that the call itself will meet, its plan's or its flow's; nobody is called, and nothing is counted or told. Any thread.
 */
#ifndef CALL_BID_H
#define CALL_BID_H

#include "call/capacity.h"
#include "call/phones.h"

struct bid_asked {
	const struct organization *organization;
	const struct config_campaign *campaign;
	const char *publisher_id; /* "": none */
	const char *caller_id;    /* E.164; "": not told */
	struct expr_env *env;     /* the call's fields, and its tags */
	struct value *tags;       /* the same tags: a flow writes them */
	int64_t now_ms;
	struct capacity *capacity;
	struct phones *phones;
	struct arena *arena;      /* whose texts the answer has */
};

enum bid_condition { BID_CONNECT, BID_DURATION, BID_CONVERSION };
extern const char *const bid_conditions[]; /* by the enum: when the payout is due */

struct bid {
	const char *reason, *detail; /* reason NULL: the call is taken; else a word for programs, and why in words */
	const struct route_target *target; /* who would get it first; NULL: it depends on what the caller does, or goes to a number */
	int64_t payout_micros;
	enum bid_condition condition;
	int after_seconds; /* connected, on BID_DURATION */
	json_t *passed_over; /* [{"target_id","target_name","reason"}], the first BID_PASSED_MAX; new reference */
};
#define BID_PASSED_MAX 20

void bid_decide(const struct bid_asked *asked, struct bid *out);

/* What keeps a target from being called though it takes calls; NULL: nothing. */
const char *bid_unreachable(const struct organization *o, struct phones *phones, const struct route_target *target, int64_t now_ms);

#endif
