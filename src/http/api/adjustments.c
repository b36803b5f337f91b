/* What a finished call is worth, corrected by a person: who did it, why, and what it was before stay with the call. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/money.h"
#include "event/apply.h"
#include <string.h>

const struct field api_adjustment_fields[] = {
	{"revenue", FIELD_MONEY, .help = "What the buyer pays for it."},
	{"payout", FIELD_MONEY, .help = "What the publisher gets for it."},
	{"converted", FIELD_BOOLEAN, .help = "Whether it counts as converted."},
	{"note", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 500, .help = "Why."},
	{0},
};

static bool run(struct store_conn *conn, struct http_request *r)
{
	json_t *converted = json_object_get(r->json, "converted");
	const char *revenue = json_string_value(json_object_get(r->json, "revenue")), *payout = json_string_value(json_object_get(r->json, "payout"));
	struct call_outcome x = {.has_revenue = revenue, .has_payout = payout, .converted = json_is_boolean(converted) ? json_is_true(converted) : -1};
	struct call_log log;
	struct buf out = {0};
	bool failed;
	if (!store_call_read(conn, r->organization->id, r->params[0], &r->arena, &log, &failed)) {
		if (!failed)
			api_no_call(r);
		return !failed;
	}
	if (strcmp(log.status, "active") == 0) {
		http_problem(r, 409, "The call is live", "what it is worth can be adjusted once it is over");
		return true;
	}
	const struct change_cause cause = {
		.source = CHANGED_BY_API,
		.by = r->actor,
		.note = json_string_value(json_object_get(r->json, "note")),
	};
	json_t *refused = json_array();
	bool ok = (!revenue || money_parse(revenue, &x.revenue_micros)) && (!payout || money_parse(payout, &x.payout_micros)) &&
		  event_apply_outcome(conn, r->organization, &log, &x, &cause, clock_now_ms(), refused, &r->arena, &r->touched) &&
		  api_audit(conn, r, "adjust", log.id);
	json_decref(refused);
	call_log_json(&out, &log);
	http_text(r, 200, &out);
	return ok;
}

enum http_result api_call_adjust(struct http_request *r)
{
	struct errors errors = {0};
	struct schema_context context = {0};
	json_t *body = http_body_object(r);
	if (!body)
		return HTTP_REPLY;
	schema_check(api_adjustment_fields, body, "", &context, &errors);
	if (!errors_any(&errors) && !json_is_string(json_object_get(body, "revenue")) && !json_is_string(json_object_get(body, "payout")) && !json_is_boolean(json_object_get(body, "converted")))
		errors_add(&errors, "/revenue", "revenue, payout or converted is required");
	if (errors_any(&errors))
		return http_invalid(r, &errors);
	r->run = run;
	return http_write(r);
}

enum http_result api_call_adjustments(struct http_request *r)
{
	struct call_log log;
	if (!api_read_call(r, &log))
		return HTTP_REPLY;
	struct store_rows *rows = store_query(http_reader(r), "SELECT id, payload, created_at FROM call_events WHERE call_id = $1 AND organization_id = $2 AND type = 'call.adjusted' ORDER BY id", "ss", log.id, r->organization->id);
	if (!rows)
		return http_problem(r, 503, "The database could not be read", "try again shortly");
	json_t *data = json_array();
	for (size_t i = 0; i < rows_count(rows); i++) {
		char at[RFC3339_SIZE];
		json_t *payload = json_loads(rows_text(rows, i, 1), 0, NULL);
		json_array_append_new(data, json_pack("{s:s, s:s, s:O?, s:O?, s:O?, s:O?}", "id", rows_text(rows, i, 0),
						      "at", clock_rfc3339(rows_int(rows, i, 2), at),
						      "source", json_object_get(payload, "source"),
						      "by", json_object_get(payload, "by"),
						      "note", json_object_get(payload, "note"),
						      "changes", json_object_get(payload, "changes")));
		json_decref(payload);
	}
	rows_free(rows);
	return api_list_answer(r, data, NULL);
}
