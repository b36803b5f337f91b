/* What a trunk is doing now. */
#include "http/api/api.h"
#include "base/clock.h"

static json_t *time_or_null(int64_t ms)
{
	char text[RFC3339_SIZE];
	return ms ? json_string(clock_rfc3339(ms, text)) : json_null();
}

static json_t *number_or_null(int n, bool known)
{
	return known ? json_integer(n) : json_null();
}

static json_t *direction_json(const struct trunk_status *s, enum trunk_direction d, const struct trunk_limits *limits)
{
	return json_pack("{s:I, s:I, s:o, s:o}", "calls", (json_int_t)s->calls[d], "refused", (json_int_t)s->refused[d],
			 "max_calls", number_or_null(limits->calls, limits->calls > 0), "max_calls_per_second", number_or_null(limits->calls_per_second, limits->calls_per_second > 0));
}

enum http_result api_trunk_status(struct http_request *r)
{
	const struct config_trunk *trunk = organization_trunk(r->organization, r->params[0]);
	struct trunk_status s;
	if (!trunk)
		return http_problem(r, 404, "Not found", "there is no trunk %s", r->params[0]);
	trunk_status(r->config->trunks, trunk->id, &s);
	json_t *gateways = json_array();
	for (size_t i = 0; i < s.gateway_count; i++)
		json_array_append_new(gateways, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "uri", s.gateways[i].uri, "state", gateway_states[s.gateways[i].state],
			"sip_status", number_or_null(s.gateways[i].sip_status, s.gateways[i].sip_status > 0), "latency_ms", number_or_null(s.gateways[i].latency_ms, s.gateways[i].latency_ms >= 0),
			"checked_at", time_or_null(s.gateways[i].checked_ms), "registration_status", number_or_null(s.gateways[i].registration_status, s.gateways[i].registration_status > 0),
			"registered_until", time_or_null(s.gateways[i].registered_until_ms),
			"problem", *s.gateways[i].problem ? json_string(s.gateways[i].problem) : json_null()));
	return http_json(r, 200, json_pack("{s:o, s:o, s:o}", "inbound", direction_json(&s, TRUNK_IN, &trunk->in), "outbound", direction_json(&s, TRUNK_OUT, &trunk->out), "gateways", gateways));
}
