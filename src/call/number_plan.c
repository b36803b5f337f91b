#include "call/number_plan.h"
#include "call/policy.h"
#include "base/phone.h"
#include <string.h>

static struct number_plan refused(int status, const char *why)
{
	return (struct number_plan){.kind = PLAN_REFUSED, .status = status, .why = why};
}

static bool is_own_number(struct config_store *config, const struct organization *o,
			  const char *e164)
{
	const struct config_number *number;
	const struct organization *owner = config_by_number(config, e164, &number);
	bool own = owner && strcmp(owner->id, o->id) == 0;
	if (owner)
		organization_release(owner);
	return own;
}

/* The trunk that the target names for this, or the only one with a gateway; NULL: there is none. */
static const struct config_trunk *trunk_of(const struct organization *o,
					   const struct route_target *by)
{
	const struct config_trunk *only = NULL;
	if (by->transfer_trunk_id)
		only = organization_trunk(o, by->transfer_trunk_id);
	for (size_t i = 0; !by->transfer_trunk_id && i < o->trunk_count; i++) {
		const struct config_trunk *t = &o->trunks[i];
		if (t->gateway_count && only)
			return NULL;
		if (t->gateway_count)
			only = t;
	}
	return only && only->gateway_count ? only : NULL;
}

struct number_plan number_plan_read(struct config_store *config, const struct organization *o,
				    const struct route_target *by, const char *dialled)
{
	struct number_plan p = {.kind = PLAN_TARGET};
	p.target = *dialled ? organization_extension(o, dialled) : NULL;
	if (p.target)
		return p.target->enabled ? p : refused(480, "it is disabled");
	if (!*dialled || !phone_normalize(dialled, o->region, p.e164))
		return refused(404, "it is no target's short number or user name, and no phone number");
	p.kind = is_own_number(config, o, p.e164) ? PLAN_OWN_NUMBER : PLAN_NUMBER;
	if (p.kind == PLAN_OWN_NUMBER)
		return p;
	p.trunk = trunk_of(o, by);
	if (!p.trunk)
		return refused(403, "the target has no trunk for telephone numbers");
	const char *why = policy_forbids_number(o, p.e164);
	return why ? refused(403, why) : p;
}
