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

/* Tell it, once it is written. */
static bool emit(struct store_conn *conn, struct http_request *r, const struct call_log *was, const struct call_log *is)
{
	struct buf data = {0};
	write_event(&data, r, json_string_value(json_object_get(r->json, "note")), was, is);
	struct store_batch *batch = store_batch_new();
	if (batch)
		event_emit(batch, r->organization, &(struct event){"call.adjusted", buf_text(&data), is, NULL}, clock_now_ms(), &r->touched);
	bool ok = batch && store_batch_run(batch, conn);
	store_batch_free(batch);
	buf_free(&data);
	return ok;
}

static bool run(struct store_conn *conn, struct http_request *r)
{
	json_t *converted = json_object_get(r->json, "converted");
	const char *revenue = json_string_value(json_object_get(r->json, "revenue")), *payout = json_string_value(json_object_get(r->json, "payout"));
	struct call_outcome x = {.has_revenue = revenue, .has_payout = payout, .converted = json_is_boolean(converted) ? json_is_true(converted) : -1};
	struct call_log log, was;
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
	was = log;
	json_t *refused = json_array();
	bool ok = (!revenue || money_parse(revenue, &x.revenue_micros)) && (!payout || money_parse(payout, &x.payout_micros)) &&
		  event_apply_outcome(conn, r->organization, &log, &x, clock_now_ms(), refused, &r->arena, &r->touched) && api_audit(conn, r, "adjust", log.id) && emit(conn, r, &was, &log);
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
		json_array_append_new(data, json_pack("{s:s, s:s, s:O?, s:O?, s:O?}", "id", rows_text(rows, i, 0), "at", clock_rfc3339(rows_int(rows, i, 2), at), "by", json_object_get(payload, "by"),
						      "note", json_object_get(payload, "note"), "changes", json_object_get(payload, "changes")));
		json_decref(payload);
	}
	rows_free(rows);
	return api_list_answer(r, data, NULL);
}
