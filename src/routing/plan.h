/* routing/plan.h: which targets a call is sent to, in what order, and why not the others. Pure. */
#ifndef ROUTING_PLAN_H
#define ROUTING_PLAN_H

#include "expr/filter.h"
#include "expr/schedule.h"
#include "expr/template.h"
#include "model/dtmf.h"

/* How many calls at most; 0: any number. */
struct route_caps {
	int hourly, daily, monthly, total; /* connected with it */
	int concurrency;                   /* at once, those that ring included */
};

/* Of a target's calls, or of those of one campaign, or publisher, or of both. */
struct route_limit {
	const char *campaign_id, *publisher_id; /* "": of all */
	struct route_caps caps;
};

struct route_target {
	/* what each is asked, thousands of a plan: in one cache line */
	const char *id;
	struct filter *filter;
	const struct schedule *schedule; /* NULL: always open */
	const struct zone *zone;         /* where its hours, days and months begin; NULL: UTC */
	struct route_limit *limits;
	size_t limit_count;
	int no_repeats_days; /* a caller is sent there once in so many; 0: always */
	bool enabled;
	/* what is asked of the one that is called */
	bool send_tags;
	bool srtp; /* its URI or phone gets encrypted audio; numbers are as their trunk says */
	struct named_templates headers; /* of the INVITE */
	enum dtmf_mode dtmf; /* of a SIP URI or a phone; a number has its trunk's */
	int timeout_seconds; /* 0: the plan's */
	const char *name, *buyer_id;
	const char *uri;               /* destination type sip */
	const char *number, *trunk_id; /* destination type number */
	const char *phone_username, *phone_password; /* destination type phone */
	const char *short_number;                    /* by which phones transfer calls there; or NULL */
	const char *transfer_trunk_id;               /* of numbers that it transfers calls to; or NULL */
	char accept_key;                 /* who answers presses it to take the call; 0: answering is enough */
	struct {                         /* what who answers hears first; prompt_id and text NULL: nothing */
		const char *prompt_id, *voice;
		const struct template *text;
	} whisper;
	int64_t revenue_micros;
	int revenue_once_days;     /* of a caller once in so many; 0: of each call */
	int revenue_after_seconds; /* due after so many seconds connected; 0: on connect; -1: when the call converts */
};

/* Buyers who are asked what they would pay, all at once; the best bid gets the call. */
struct rtb_target;
struct route_tree {
	const char *id, *name;
	bool enabled;
	int timeout_ms, max_attempts;
	int64_t minimum_micros; /* of a bid; -1: none */
	struct route_bidder {
		const struct rtb_target *target;
		struct filter *filter;
		int priority;
	} *bidders;
	size_t count;
};

struct route_plan;
struct route_entry {
	/* one of these, the others NULL */
	const struct route_target *target;
	const struct route_plan *group;    /* whose targets are tried in its place, by its own strategy */
	const struct route_tree *tree;
	struct filter *filter;
	int priority, weight;
	const struct schedule *schedule; /* NULL: always */
};

/* Among those of one priority; the next priority comes after them. */
enum route_strategy {
	ROUTE_IN_ORDER,    /* as given */
	ROUTE_ROUND_ROBIN, /* whose turn is longest ago first */
	ROUTE_WEIGHTED,    /* drawn, each as often as its weight says */
	ROUTE_AT_ONCE,     /* all ring at once */
	ROUTE_BEST,        /* the highest score first, but for calls that are sent by chance */
};
extern const char *const route_strategies[]; /* by enum route_strategy, NULL at the end */

struct route_plan {
	const char *id, *name;
	enum route_strategy strategy;
	struct route_entry *entries; /* by priority, then as given */
	size_t count;
	int timeout_seconds, max_attempts;
	int window_hours, explore_percent; /* ROUTE_BEST: what scores are made of, and how many calls go by chance */
	int wait_seconds;           /* for somebody to be free; 0: not */
	const char *wait_prompt_id; /* NULL: it rings */
	const struct route_plan *fallback; /* tried when nobody here took the call; or NULL */
};

enum route_verdict {
	ROUTE_ELIGIBLE,
	ROUTE_DISABLED,
	ROUTE_CLOSED, ROUTE_ENTRY_CLOSED,
	ROUTE_TARGET_FILTER, ROUTE_ENTRY_FILTER, ROUTE_TREE_FILTER,
	ROUTE_FILTERS_SPENT, /* the call's budget for filters is spent */
	ROUTE_REPEATED,
	ROUTE_AWAY,
	ROUTE_BUSY, ROUTE_HOUR_FULL, ROUTE_DAY_FULL, ROUTE_MONTH_FULL, ROUTE_TOTAL_FULL,
	ROUTE_OVER_ATTEMPTS,
};

struct route_input {
	struct expr_env *env;
	int64_t now_ms;
	uint64_t seed;         /* what draws are made of */
	const double *scores;  /* by entry, what a call brings in; NULL: no ROUTE_BEST */
	const uint64_t *turns; /* by entry, when the plan tried it last: grows with each try, 0: never; NULL: no round robin */
	/* Does it take another call? ROUTE_ELIGIBLE, or which limit is reached. Asked once of those that would be tried; with `all` of each. NULL: they do. */
	enum route_verdict (*room)(void *arg, const struct route_target *target);
	void *arg;
	bool all; /* judges each; else who comes after the last attempt is not looked at: ROUTE_OVER_ATTEMPTS */
	const struct route_target *first; /* comes before all others where it is eligible; or NULL */
};

struct route_candidate {
	const struct route_entry *entry;
	double key;   /* the lower, the earlier within its priority */
	int priority; /* INT_MIN: it is the input's first */
	uint8_t verdict; /* enum route_verdict */
	bool by_chance;  /* the key is, so that scores are learned */
};

#define ROUTE_CHAIN_MAX 5
/* The plan and those that it falls back on, each once. Returns how many. */
size_t route_plan_chain(const struct route_plan *plan, const struct route_plan *out[ROUTE_CHAIN_MAX]);

#define ROUTE_GROUPS_MAX 3 /* groups within groups; deeper ones are empty */
/* What turns and scores are kept by. */
const char *route_entry_id(const struct route_entry *e);
const char *route_entry_name(const struct route_entry *e);
/* What a call brings there, as the configuration says: of a group, the most; of a ring tree, the least that it takes. */
int64_t route_entry_revenue(const struct route_entry *e, int depth);

/* Sort entries once, after building: by priority, keeping the order given. */
void route_plan_sort(struct route_plan *plan);

/*
 * Judge the entries for this call, in the order they would be tried.
 * out: room for max candidates. Returns how many there are.
 */
size_t route_plan_judge(const struct route_plan *plan, const struct route_input *in, struct route_candidate *out, size_t max);
/* A target that is named without a plan. */
enum route_verdict route_target_judge(const struct route_target *target, struct expr_env *env, int64_t now_ms);

#define ROUTE_REASON_SIZE 80
/* Why one that is eligible comes where it comes, in words. Returns out. */
const char *route_reason(const struct route_plan *plan, const struct route_candidate *one, char out[ROUTE_REASON_SIZE]);

/* A filter did not pass: `otherwise`, unless it was not judged because the budget is spent. */
enum route_verdict route_filtered(const struct expr_env *env, enum route_verdict otherwise);

/* The verdict in words, for the call log. */
const char *route_verdict_text(enum route_verdict verdict);

#endif
