/* Callers who are refused before anything is done for them. */
#include "call/internal.h"
#include "base/log.h"
#include "call/screen.h"
#include <string.h>

static bool is_on(const struct expr_list *const *lists, size_t count, const char *caller_id)
{
	for (size_t i = 0; i < count; i++)
		if (expr_list_has(lists[i], caller_id, strlen(caller_id)))
			return true;
	return false;
}

/* Is the caller known, and on an allow list? */
static bool is_allowed(const struct config_screening *s, const char *caller_id, bool withheld)
{
	return caller_id[0] == '+' && !withheld && is_on(s->allowed, s->allowed_count, caller_id);
}

static bool begins_as(const struct config_screening *s, const char *caller_id)
{
	for (size_t i = 0; i < s->prefix_count; i++)
		if (strncmp(caller_id, s->prefixes[i], strlen(s->prefixes[i])) == 0)
			return true;
	return false;
}

/* NULL: by nothing of it. */
static const char *refused(const struct config_campaign *campaign, const char *caller_id,
			   bool withheld)
{
	const struct config_screening *s = &campaign->screening;
	bool known = caller_id[0] == '+' && !withheld;
	if (is_allowed(s, caller_id, withheld))
		return NULL;
	if (s->only_allowed)
		return "the caller is on none of the campaign's allow lists";
	if (!known)
		return s->anonymous ? "the caller is anonymous" : NULL;
	if (is_on(s->blocked, s->blocked_count, caller_id))
		return "the caller is on a block list";
	if (begins_as(s, caller_id))
		return "the caller's number begins with a blocked prefix";
	return NULL;
}

static bool calls_too_often(const struct organization *o, const struct config_campaign *campaign,
			    const char *caller_id, bool counts)
{
	const struct config_screening *s = &campaign->screening;
	bool (*ask)(struct callers *, const char *, const char *, int, int, int64_t) =
		counts ? callers_take : callers_would_take;
	return s->max_calls && !ask(o->callers, campaign->id, caller_id, s->max_calls,
				    s->max_calls_seconds, clock_monotonic_ms());
}

struct screened screen_caller(const struct organization *o, const struct config_campaign *campaign,
			      const char *caller_id, bool withheld, bool counts, int64_t now_ms)
{
	const struct config_screening *s = &campaign->screening;
	const char *why = refused(campaign, caller_id, withheld);
	if (why)
		return (struct screened){"blocked", why};
	int64_t since = campaign_duplicates_since(campaign, now_ms);
	if (campaign->duplicates == DUPLICATES_BLOCK &&
	    callers_in_campaign(o->callers, campaign->id, caller_id, NULL) >= since)
		return (struct screened){
			"duplicate",
			"the caller was connected with a target of this campaign before"};
	/* last, so that only a call that is taken counts */
	bool known = caller_id[0] == '+' && !withheld;
	if (known && !is_allowed(s, caller_id, withheld) &&
	    calls_too_often(o, campaign, caller_id, counts))
		return (struct screened){"blocked", "the caller calls too often"};
	return (struct screened){NULL, NULL};
}

/* What only the call itself tells; NULL: nothing to refuse it for. */
static const char *refused_as_call(struct call *c)
{
	const struct config_screening *s = &c->campaign->screening;
	const char *attested = c->carrier.attestation;
	if (is_allowed(s, c->caller_id, c->withheld))
		return NULL;
	if (s->attestation && !attested)
		return "the carrier attests nothing of the caller's number";
	if (s->attestation && *attested > s->attestation)
		return "the carrier attests too little of the caller's number";
	if (s->filter && !filter_match(s->filter, &c->env))
		return "the call does not match the campaign's screening filter";
	return NULL;
}

static struct screened screen(struct call *c)
{
	const char *why = refused_as_call(c);
	if (why)
		return (struct screened){"blocked", why};
	return screen_caller(c->organization, c->campaign, c->caller_id, c->withheld, true,
		c->started_ms);
}

bool screen_refuses(struct call *c)
{
	const struct screened s = screen(c);
	if (!s.disposition)
		return false;
	c->hangup_reason = s.why;
	c->fallback_reason = NULL; /* neither the flow nor the plan was asked for */
	log_info(c->id, "refused: %s", s.why);
	call_end(c, 603, s.disposition, "system");
	return true;
}
