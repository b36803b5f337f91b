/* Callers who are refused before anything is done for them. */
#include "call/internal.h"
#include "base/log.h"
#include <string.h>

static bool is_on(const struct expr_list *const *lists, size_t count, const char *caller_id)
{
	for (size_t i = 0; i < count; i++)
		if (expr_list_has(lists[i], caller_id, strlen(caller_id)))
			return true;
	return false;
}

static bool begins_as(const struct config_screening *s, const char *caller_id)
{
	for (size_t i = 0; i < s->prefix_count; i++)
		if (strncmp(caller_id, s->prefixes[i], strlen(s->prefixes[i])) == 0)
			return true;
	return false;
}

/* Why the caller is refused; NULL: not. */
static const char *refused(const struct call *c)
{
	const struct config_screening *s = &c->campaign->screening;
	bool known = c->caller_id[0] == '+' && !c->withheld;
	if (known && is_on(s->allowed, s->allowed_count, c->caller_id))
		return NULL;
	if (s->only_allowed)
		return "the caller is on none of the campaign's allow lists";
	if (!known)
		return s->anonymous ? "the caller is anonymous" : NULL;
	if (is_on(s->blocked, s->blocked_count, c->caller_id))
		return "the caller is on a block list";
	if (begins_as(s, c->caller_id))
		return "the caller's number begins with a blocked prefix";
	if (s->max_calls && !callers_take(c->organization->callers, c->campaign->id, c->caller_id, s->max_calls, s->max_calls_seconds, c->started_ms))
		return "the caller calls too often";
	return NULL;
}

bool screen_refuses(struct call *c)
{
	const char *why = refused(c), *disposition = "blocked";
	if (!why && c->campaign->duplicates == DUPLICATES_BLOCK && callers_in_campaign(c->organization->callers, c->campaign->id, c->caller_id, NULL) >= campaign_duplicates_since(c->campaign, c->started_ms)) {
		why = "the caller was connected with a target of this campaign before";
		disposition = "duplicate";
	}
	if (!why)
		return false;
	c->hangup_reason = why;
	log_info(c->id, "refused: %s", why);
	call_end(c, 603, disposition, "system");
	return true;
}
