#include "call/policy.h"
#include "base/id.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

struct count {
	char organization_id[ID_SIZE];
	size_t calls;
	UT_hash_handle hh;
};

struct policies {
	struct count *counts; /* of organizations that have calls */
};

struct policies *policies_create(void)
{
	return calloc(1, sizeof(struct policies));
}

void policies_destroy(struct policies *p)
{
	struct count *c, *next;
	if (!p)
		return;
	HASH_ITER(hh, p->counts, c, next) {
		HASH_DEL(p->counts, c);
		free(c);
	}
	free(p);
}

static bool has_country(const struct dial_policy *policy, const struct organization *o, const char *country)
{
	if (!policy->countries[0])
		return strcasecmp(country, o->region) == 0;
	for (const char *const *c = policy->countries; *c; c++)
		if (strcasecmp(country, *c) == 0)
			return true;
	return false;
}

const char *policy_forbids_number(const struct organization *o, const char *e164)
{
	const struct dial_policy *policy = &o->dial_policy;
	struct phone_info info;
	if (!policy->numbers)
		return "the organization's dial policy lets no call go to other numbers";
	for (const char *const *p = policy->blocked_prefixes; *p; p++)
		if (strncmp(e164, *p, strlen(*p)) == 0)
			return "the organization's dial policy blocks numbers that begin so";
	phone_lookup(e164, &info);
	if (!has_country(policy, o, info.country))
		return "the organization's dial policy lets no call go to numbers of that country";
	return phone_cost(e164) > policy->max_cost ? "the organization's dial policy lets no call go to numbers that cost so much" : NULL;
}

const char *policy_forbids_uri(const struct organization *o)
{
	return o->dial_policy.uris ? NULL : "the organization's dial policy lets no call go to other addresses";
}

bool policy_enter(struct policies *p, const struct organization *o)
{
	struct count *c;
	HASH_FIND_STR(p->counts, o->id, c);
	if (c && o->dial_policy.max_calls && c->calls >= (size_t)o->dial_policy.max_calls)
		return false;
	if (!c) {
		if (!(c = calloc(1, sizeof *c)))
			return false;
		snprintf(c->organization_id, sizeof c->organization_id, "%s", o->id);
		HASH_ADD_STR(p->counts, organization_id, c);
	}
	c->calls++;
	return true;
}

void policy_leave(struct policies *p, const char *organization_id)
{
	struct count *c;
	HASH_FIND_STR(p->counts, organization_id, c);
	if (!c || --c->calls)
		return;
	HASH_DEL(p->counts, c);
	free(c);
}
