/* RTB targets without a call: the ping that one would get, and what its answer would mean. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/money.h"
#include "webhook/answer.h"
#include <string.h>

const struct field api_mapping_fields[] = {
	{"response", FIELD_OBJECT, FIELD_REQUIRED, .fields = rtb_response_fields, .help = "How the answer is read, as an RTB target has it."},
	{"status", FIELD_INTEGER, .min = 100, .max = 599, .initial = "200", .help = "The answer's HTTP status."},
	{"body", FIELD_STRING, .max = EXTRACT_SIZE_MAX, .initial = "\"\"", .help = "The answer."},
	{0},
};

static void add_found(json_t *out, const char *name, const struct value *v)
{
	json_object_set_new(out, name, v->kind == VALUE_NONE ? json_null() : json_string(v->text));
}

static json_t *answer_json(const struct rtb_answer *a)
{
	char bid[MONEY_SIZE], expires[RFC3339_SIZE];
	json_t *found = json_object();
	add_found(found, "accepted", &a->found.accepted);
	add_found(found, "bid", &a->found.bid);
	add_found(found, "destination", &a->found.destination);
	add_found(found, "duration", &a->found.duration);
	add_found(found, "expires", &a->found.expires);
	add_found(found, "reason", &a->found.reason);
	return json_pack("{s:b, s:s?, s:s?, s:s?, s:o, s:s?, s:o}", "accepted", a->accepted, "detail", a->why, "bid", a->accepted && a->bid_micros >= 0 ? money_format(a->bid_micros, bid) : NULL,
			 "destination", !a->accepted ? NULL : a->uri ? a->uri : a->number, "duration_seconds", a->accepted && a->duration_seconds >= 0 ? json_integer(a->duration_seconds) : json_null(),
			 "expires_at", a->accepted && a->expires_ms >= 0 ? clock_rfc3339(a->expires_ms, expires) : NULL, "found", found);
}

enum http_result api_test_mapping(struct http_request *r)
{
	struct errors errors = {0};
	struct rtb_answer said;
	json_t *body = http_body_object(r);
	if (!body)
		return HTTP_REPLY;
	schema_check(api_mapping_fields, body, "", &(struct schema_context){0}, &errors);
	struct rtb_mapping *m = errors_any(&errors) ? NULL : rtb_mapping_compile(json_object_get(body, "response"), "/response", &errors);
	if (errors_any(&errors))
		return http_invalid(r, &errors);
	if (!m)
		return http_problem(r, 503, "Out of memory", "try again shortly");
	json_t *text = json_object_get(body, "body");
	struct buf answer = {0}; /* decoded as a target's is */
	buf_add(&answer, json_string_value(text), json_string_length(text));
	bool decoded = !answer.failed && answer_decode(NULL, &answer);
	if (decoded)
		rtb_mapping_read(m, (int)json_integer_value(json_object_get(body, "status")), buf_text(&answer), answer.len, clock_now_ms(), r->organization->region, &r->arena, &said);
	json_t *shown = decoded ? answer_json(&said) : NULL;
	rtb_mapping_free(m);
	buf_free(&answer);
	return shown ? http_json(r, 200, shown) : http_problem(r, 503, "Out of memory", "try again shortly");
}

enum http_result api_ping_preview(struct http_request *r)
{
	struct errors errors = {0};
	struct api_asked a = {0};
	struct rtb_rendered out;
	struct expr_env env;
	char id[ID_SIZE];
	json_t *body = r->body_len ? http_body_object(r) : (r->json = json_object());
	const struct rtb_target *t = body ? organization_find(r->organization, "rtb_target", r->params[0]) : NULL;
	if (!t)
		return body ? http_problem(r, 404, "Not found", "there is no RTB target %s", r->params[0]) : HTTP_REPLY;
	schema_check(api_explain_fields, body, "", &(struct schema_context){0}, &errors);
	api_read_asked(r, body, &a, &errors);
	id_new("rtq", id);
	const struct value variables[RTB_VARIABLE_COUNT] = {[RTB_REQUEST_ID] = value_string(id, strlen(id)), [RTB_BID] = {.text = ""}, [RTB_WINNING_BID] = {.text = ""}};
	bool ok = !errors_any(&errors) && t->ping.method && rtb_env(t, r->organization->tags, &a.env, true, variables, &r->arena, &env) && rtb_render(&t->ping, &env, &r->arena, &out);
	if (a.held)
		organization_release(a.held);
	if (errors_any(&errors))
		return http_invalid(r, &errors);
	if (!ok)
		return http_problem(r, 422, "It cannot be made", "the request would be longer than 64 KiB");
	json_t *headers = json_array();
	for (size_t i = 0; out.headers[i]; i++)
		json_array_append_new(headers, json_string(out.headers[i]));
	return http_json(r, 200, json_pack("{s:s, s:s, s:o, s:s?}", "method", out.method, "url", out.url, "headers", headers, "body", out.body));
}
