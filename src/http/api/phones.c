/* The phone of a target. */
#include "http/api/api.h"
#include "base/clock.h"
#include "routing/plan.h"

static json_t *device_json(const struct phone *p)
{
	char since[RFC3339_SIZE], until[RFC3339_SIZE];
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "contact", p->contact, "address", p->address, "user_agent",
		p->user_agent, "registered_at", clock_rfc3339(p->registered_ms, since), "expires_at",
		clock_rfc3339(p->expires_ms, until));
}

enum http_result api_target_phone(struct http_request *r)
{
	static const char *const members[] = {"contact", "address", "user_agent", "registered_at", "expires_at"};
	const struct route_target *target = organization_find(r->organization, "target", r->params[0]);
	struct phone devices[PHONE_DEVICES_MAX];
	if (!target)
		return http_problem(r, 404, "Not found", "there is no target %s", r->params[0]);
	if (!target->phone_username)
		return http_problem(r, 404, "Not found", "the destination of %s is no phone", target->name);
	size_t n = phones_find(r->config->phones, target->id, clock_now_ms(), devices, PHONE_DEVICES_MAX);
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, device_json(&devices[i]));
	json_t *out = json_pack("{s:s, s:b}", "username", target->phone_username, "registered", n > 0);
	json_t *newest = json_array_get(list, 0);
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		json_object_set_new(out, members[i], newest ? json_incref(json_object_get(newest, members[i])) : json_null());
	json_object_set_new(out, "devices", list);
	return http_json(r, 200, out);
}
