/* rtb/target.h: buyers who are asked what they pay for a call, and the requests that are made to them. Pure. */
#ifndef RTB_TARGET_H
#define RTB_TARGET_H

#include "expr/token.h"
#include "model/rtb_target.h"
#include "routing/plan.h"
#include "rtb/mapping.h"
#include "tags/tags.h"

struct rtb_request {
	const char *method; /* NULL: there is none */
	const struct template *url, *body; /* body NULL: none */
	size_t header_count;
	struct named_template headers[RTB_HEADERS_MAX + 1]; /* with a Content-Type that is not given */
};

struct rtb_target {
	struct route_target target; /* first, so that it is a target; its revenue is that of its bid */
	struct rtb_request ping, win, loss;
	bool sends_caller_number;
	const char **sensitive_tag_ids; /* that it may have the values of */
	size_t sensitive_count;
	struct rtb_mapping *mapping;
	int64_t minimum_micros, maximum_micros, fixed_micros; /* -1: none */
	int expires_seconds;
};

/* The scope with what requests name beside tags and fields of calls: rtb_tokens, as variables. */
struct expr_scope rtb_scope(struct expr_scope scope);

/* Build from a document in the arena. NULL or no object: there is none. false: no memory. */
bool rtb_request_build(json_t *doc, const struct expr_scope *scope, struct arena *arena, struct rtb_request *out) WARN_UNUSED;

/* What the target may know of a call. shows_sensitive false: as it is kept, without any sensitive value. false: no memory. */
bool rtb_env(const struct rtb_target *t, const struct tag_set *tags, const struct expr_env *call, bool shows_sensitive, const struct value variables[RTB_VARIABLE_COUNT], struct arena *arena, struct expr_env *out) WARN_UNUSED;

/* Ready to be sent; texts live in the arena. */
struct rtb_rendered {
	const char *method, *url, *body; /* body NULL: none */
	const char *headers[RTB_HEADERS_MAX + 2]; /* "Name: value", NULL-terminated */
};
bool rtb_render(const struct rtb_request *request, struct expr_env *env, struct arena *arena, struct rtb_rendered *out) WARN_UNUSED;

/* Why an answer is no bid of this target after all; NULL: it is one. Its bid is filled in where it is the fixed one. */
const char *rtb_judge(const struct rtb_target *t, int64_t minimum_micros, struct rtb_answer *answer, int64_t now_ms);

/* A bid among others, for the order: higher ones first, of equal ones the lower priority, then the earlier place. */
struct rtb_rank {
	int64_t bid_micros;
	int priority;
	size_t place;
};
void rtb_rank(struct rtb_rank *list, size_t n);

#endif
