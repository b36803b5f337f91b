/* The phone of a target. */
#include "http/api/api.h"
#include "base/clock.h"
#include "routing/plan.h"

enum http_result api_target_phone(struct http_request *r)
{
	const struct route_target *target = organization_find(r->organization, "target", r->params[0]);
	struct phone p;
	char since[RFC3339_SIZE], until[RFC3339_SIZE];
	if (!target)
		return http_problem(r, 404, "Not found", "there is no target %s", r->params[0]);
	if (!target->phone_username)
		return http_problem(r, 404, "Not found", "the destination of %s is no phone", target->name);
	if (!phones_find(r->config->phones, target->id, clock_now_ms(), &p))
		return http_json(r, 200, json_pack("{s:s, s:b, s:n, s:n, s:n, s:n, s:n}", "username", target->phone_username, "registered", 0, "contact", "address", "user_agent", "registered_at", "expires_at"));
	return http_json(r, 200, json_pack("{s:s, s:b, s:s, s:s, s:s, s:s, s:s}", "username", target->phone_username, "registered", 1, "contact", p.contact, "address", p.address, "user_agent", p.user_agent,
					   "registered_at", clock_rfc3339(p.registered_ms, since), "expires_at", clock_rfc3339(p.expires_ms, until)));
}
