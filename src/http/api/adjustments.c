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

static void change_money(struct buf *b, const char *name, int64_t from, int64_t to)
{
	if (from == to)
		return;
	json_key(b, name);
	json_open(b);
	json_money(b, "from", from);
	json_money(b, "to", to);
	json_close(b);
}

/* The event's members: who, why, and what changed. */
static void write_event(struct buf *b, const struct http_request *r, const char *note, const struct call_log *was, const struct call_log *is)
{
	json_str(b, "by", r->actor);
	json_str(b, "note", note);
	json_key(b, "changes");
	json_open(b);
	change_money(b, "revenue", was->revenue_micros, is->revenue_micros);
	change_money(b, "payout", was->payout_micros, is->payout_micros);
	if (was->converted != is->converted) {
		json_key(b, "converted");
		json_open(b);
		json_bool(b, "from", was->converted);
		json_bool(b, "to", is->converted);
		json_close(b);
	}
	json_close(b);
}

static bool run(struct store_conn *conn, struct http_request *r)
{
	json_t *body = r->data, *refused = json_array(), *converted = json_object_get(body, "converted");
	const char *revenue = json_string_value(json_object_get(body, "revenue")), *payout = json_string_value(json_object_get(body, "payout"));
	struct call_outcome x = {.has_revenue = revenue, .has_payout = payout, .converted = json_is_boolean(converted) ? json_is_true(converted) : -1};
	struct call_log log, was;
	struct buf data = {0}, out = {0};
	bool failed, found = store_call_read(conn, r->organization->id, r->params[0], &r->arena, &log, &failed), ok = found;
	if (!found && !failed)
		http_problem(r, 404, "There is no such call", "no call has the id %.60s", r->params[0]);
	if (found && strcmp(log.status, "active") == 0) {
		http_problem(r, 409, "The call is live", "what it is worth can be adjusted once it is over");
		found = false;
	}
	if (found) {
		was = log;
		ok = (!revenue || money_parse(revenue, &x.revenue_micros)) && (!payout || money_parse(payout, &x.payout_micros)) &&
		     event_apply_outcome(conn, r->organization, &log, &x, clock_now_ms(), refused, &r->arena, &r->touched) && api_audit(conn, r, "adjust", log.id);
		write_event(&data, r, json_string_value(json_object_get(body, "note")), &was, &log);
		struct store_batch *batch = ok ? store_batch_new() : NULL;
		if (batch)
			event_emit(batch, r->organization, &(struct event){"call.adjusted", buf_text(&data), &log, NULL}, clock_now_ms(), &r->touched);
		ok = batch && store_batch_run(batch, conn);
		store_batch_free(batch);
		call_log_json(&out, &log);
		http_text(r, 200, &out);
	}
	buf_free(&data);
	json_decref(refused);
	return ok || (!found && !failed);
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
	r->data = body;
	r->run = run;
	return http_write(r);
}

enum http_result api_call_adjustments(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	struct store_rows *call = conn ? store_query(conn, "SELECT id FROM calls WHERE id = $1 AND organization_id = $2", "ss", r->params[0], r->organization->id) : NULL;
	struct store_rows *rows = call ? store_query(conn, "SELECT id, payload, created_at FROM call_events WHERE call_id = $1 AND organization_id = $2 AND type = 'call.adjusted' ORDER BY id", "ss", r->params[0], r->organization->id) : NULL;
	bool found = rows_count(call) == 1;
	rows_free(call);
	if (!rows)
		return conn ? http_problem(r, 503, "The database could not be read", "try again shortly") : HTTP_REPLY;
	json_t *data = json_array();
	for (size_t i = 0; i < rows_count(rows); i++) {
		char at[RFC3339_SIZE];
		json_t *payload = json_loads(rows_text(rows, i, 1), 0, NULL);
		json_array_append_new(data, json_pack("{s:s, s:s, s:O?, s:O?, s:O?}", "id", rows_text(rows, i, 0), "at", clock_rfc3339(rows_int(rows, i, 2), at), "by", json_object_get(payload, "by"),
						      "note", json_object_get(payload, "note"), "changes", json_object_get(payload, "changes")));
		json_decref(payload);
	}
	rows_free(rows);
	if (found)
		return api_list_answer(r, data, NULL);
	json_decref(data);
	return http_problem(r, 404, "There is no such call", "no call has the id %.60s", r->params[0]);
}
