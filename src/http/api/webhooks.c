/* Keys and secrets of webhooks, and the monitoring of those that go out. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/id.h"
#include "event/event.h"
#include "webhook/signature.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- keys and secrets ---- */

#define OVERLAP_SECONDS 86400 /* how long a replaced key still works, unless asked otherwise */
#define OVERLAP_MAX (30 * 86400)

struct rotation {
	bool incoming;
	int64_t overlap_seconds;
};

static bool rotate(struct store_conn *conn, struct http_request *r)
{
	const struct rotation *x = r->data;
	char hash[CRYPTO_HASH_SIZE], until[RFC3339_SIZE];
	const struct crypto_key *key = config_key(r->config->config);
	int64_t now = clock_now_ms();
	struct store_rows *rows = store_query(conn, "SELECT doc FROM resources WHERE id = $1 AND organization_id = $2 AND kind = $3", "sss", r->params[0], r->organization->id, x->incoming ? "incoming_webhook" : "outgoing_webhook");
	json_t *doc = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	bool ok = rows != NULL;
	rows_free(rows);
	if (!doc) {
		http_problem(r, 404, "There is no such webhook", "no webhook has the id %.60s", r->params[0]);
		return ok;
	}
	clock_rfc3339(now + x->overlap_seconds * 1000, until);
	if (x->incoming) {
		json_object_set(doc, "previous_key", json_object_get(doc, "key"));
		json_object_set_new(doc, "previous_key_expires_at", json_string(until));
	}
	char *secret = x->incoming ? crypto_random_token("iwk_") : signature_new_secret();
	char *sealed = secret ? crypto_seal(key, secret) : NULL;
	json_object_set_new(doc, x->incoming ? "key" : "secret", json_string(sealed ? sealed : ""));
	char *text = json_dumps(doc, JSON_COMPACT);
	ok = secret && sealed && text && store_exec(conn, "UPDATE resources SET doc = $1, lookup = $2, version = version + 1, updated_at = $3 WHERE id = $4 AND organization_id = $5", "ssiss",
		text, x->incoming ? crypto_keyed_hash(key, secret, hash) : NULL, now, r->params[0], r->organization->id) && api_audit(conn, r, x->incoming ? "rotate_key" : "rotate_secret", r->params[0]);
	if (ok)
		http_json(r, 200, json_pack("{s:s, s:s, s:s*, s:s*}", "id", r->params[0], x->incoming ? "key" : "secret", secret, "url", x->incoming ? api_incoming_url(r, doc, secret) : NULL, "previous_key_expires_at", x->incoming ? until : NULL));
	r->reload = ok;
	free(text);
	free(sealed);
	free(secret);
	json_decref(doc);
	return ok;
}

/* A body is not needed; {"overlap_seconds": 0} ends the old key at once. */
static bool read_overlap(struct http_request *r, struct rotation *x)
{
	json_t *body = r->body_len ? http_body_object(r) : NULL, *overlap = json_object_get(body, "overlap_seconds");
	struct errors errors = {0};
	if (r->body_len && !body)
		return false;
	x->overlap_seconds = overlap ? json_integer_value(overlap) : OVERLAP_SECONDS;
	if (!overlap || (json_is_integer(overlap) && x->overlap_seconds >= 0 && x->overlap_seconds <= OVERLAP_MAX))
		return true;
	errors_add(&errors, "/overlap_seconds", "must be between 0 and %d", OVERLAP_MAX);
	http_invalid(r, &errors);
	return false;
}

static enum http_result start_rotation(struct http_request *r, bool incoming)
{
	struct rotation *x = arena_alloc(&r->arena, sizeof *x);
	if (!x)
		return http_problem(r, 503, "Out of memory", "try again shortly");
	x->incoming = incoming;
	if (incoming && !read_overlap(r, x))
		return HTTP_REPLY;
	snprintf(r->reload_id, sizeof r->reload_id, "%s", r->organization->id);
	r->data = x;
	r->run = rotate;
	return http_write(r);
}

enum http_result api_rotate_key(struct http_request *r)
{
	return start_rotation(r, true);
}

enum http_result api_rotate_secret(struct http_request *r)
{
	return start_rotation(r, false);
}

/* ---- monitoring: outgoing ---- */

static json_t *delivery_json(const struct store_rows *rows, size_t i)
{
	char created[RFC3339_SIZE], next[RFC3339_SIZE];
	int64_t next_ms = rows_int(rows, i, 7);
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:I, s:s?, s:s}", "id", rows_text(rows, i, 0), "outgoing_webhook_id", rows_text(rows, i, 1), "event_id", rows_text(rows, i, 2),
			 "event_type", rows_text(rows, i, 3), "call_id", rows_text(rows, i, 4), "status", rows_text(rows, i, 5), "attempt_count", (json_int_t)rows_int(rows, i, 6),
			 "next_attempt_at", next_ms ? clock_rfc3339(next_ms, next) : NULL, "created_at", clock_rfc3339(rows_int(rows, i, 8), created));
}

#define DELIVERY_COLUMNS "id, webhook_id, event_id, event_type, call_id, status, attempt_count, next_attempt_at, created_at"
#define DELIVERIES(condition) "SELECT " DELIVERY_COLUMNS " FROM deliveries WHERE organization_id = $1 AND id < $2 AND ($3 = '' OR status = $3) AND ($4 = '' OR webhook_id = $4) AND " condition " ORDER BY id DESC LIMIT $6"

enum http_result api_outgoing_requests(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	const char *cursor = http_query(r, "cursor"), *status = http_query(r, "status"), *webhook = http_query(r, "outgoing_webhook_id"), *call = http_query(r, "call_id");
	if (!conn)
		return HTTP_REPLY;
	int64_t limit = api_limit(r);
	struct store_rows *rows = store_query(conn, call ? DELIVERIES("call_id = $5") : DELIVERIES("$5 = ''"), "sssssi", r->organization->id, cursor ? cursor : "zzzz", status ? status : "", webhook ? webhook : "", call ? call : "", limit + 1);
	json_t *data = json_array();
	size_t n = rows_count(rows);
	for (size_t i = 0; i < n && i < (size_t)limit; i++)
		json_array_append_new(data, delivery_json(rows, i));
	api_list_answer(r, data, n > (size_t)limit ? rows_text(rows, (size_t)limit - 1, 0) : NULL);
	rows_free(rows);
	return HTTP_REPLY;
}

enum http_result api_outgoing_request(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = store_query(conn, "SELECT " DELIVERY_COLUMNS ", payload FROM deliveries WHERE id = $1 AND organization_id = $2", "ss", r->params[0], r->organization->id);
	struct store_rows *attempts = store_query(conn, "SELECT attempt, at_ms, doc FROM delivery_attempts WHERE delivery_id = $1 AND organization_id = $2 ORDER BY attempt", "ss", r->params[0], r->organization->id);
	if (rows_count(rows) == 1) {
		json_t *out = delivery_json(rows, 0), *list = json_array();
		for (size_t i = 0; i < rows_count(attempts); i++) {
			char at[RFC3339_SIZE];
			json_t *a = json_loads(rows_text(attempts, i, 2), 0, NULL);
			json_object_set_new(a, "attempt", json_integer((json_int_t)rows_int(attempts, i, 0)));
			json_object_set_new(a, "at", json_string(clock_rfc3339(rows_int(attempts, i, 1), at)));
			json_array_append_new(list, a);
		}
		json_object_set_new(out, "attempts", list);
		json_object_set_new(out, "event", json_loads(rows_text(rows, 0, 9), 0, NULL));
		http_json(r, 200, out);
	} else {
		http_problem(r, 404, "There is no such request", "no outgoing request has the id %.60s", r->params[0]);
	}
	rows_free(rows);
	rows_free(attempts);
	return HTTP_REPLY;
}

static void touch(struct http_request *r, const char *webhook_id)
{
	r->touched.ids = calloc(1, sizeof *r->touched.ids);
	if (r->touched.ids)
		snprintf(r->touched.ids[r->touched.count++], sizeof *r->touched.ids, "%s", webhook_id);
}

static bool run_redeliver(struct store_conn *conn, struct http_request *r)
{
	struct store_rows *rows = store_query(conn, "UPDATE deliveries SET status = 'pending', next_attempt_at = $1, updated_at = $1 WHERE id = $2 AND organization_id = $3 RETURNING webhook_id", "iss", clock_now_ms(), r->params[0], r->organization->id);
	if (!rows)
		return false;
	if (rows_count(rows)) {
		touch(r, rows_text(rows, 0, 0));
		http_json(r, 202, json_pack("{s:s, s:s}", "id", r->params[0], "status", "pending"));
	} else {
		http_problem(r, 404, "There is no such request", "no outgoing request has the id %.60s", r->params[0]);
	}
	rows_free(rows);
	return true;
}

enum http_result api_redeliver_one(struct http_request *r)
{
	r->run = run_redeliver;
	return http_write(r);
}

static bool run_redeliver_since(struct store_conn *conn, struct http_request *r)
{
	struct store_rows *rows = store_query(conn, "UPDATE deliveries SET status = 'pending', next_attempt_at = $1, updated_at = $1 WHERE webhook_id = $2 AND organization_id = $3 AND status IN ('failed', 'dead') AND created_at >= $4 RETURNING id", "issi",
					      clock_now_ms(), r->params[0], r->organization->id, *(int64_t *)r->data);
	if (!rows)
		return false;
	touch(r, r->params[0]);
	http_json(r, 202, json_pack("{s:I}", "redelivered", (json_int_t)rows_count(rows)));
	rows_free(rows);
	return true;
}

static bool is_outgoing(struct http_request *r)
{
	if (organization_find(r->organization, "outgoing_webhook", r->params[0]))
		return true;
	http_problem(r, 404, "There is no such webhook", "no outgoing webhook has the id %.60s", r->params[0]);
	return false;
}

enum http_result api_redeliver_since(struct http_request *r)
{
	json_t *body = is_outgoing(r) ? http_body_object(r) : NULL;
	int64_t *since = body ? arena_alloc(&r->arena, sizeof *since) : NULL;
	const char *text = json_string_value(json_object_get(body, "since"));
	if (!since)
		return HTTP_REPLY;
	if (!text || !clock_parse_rfc3339(text, strlen(text), since)) {
		struct errors errors = {0};
		errors_add(&errors, "/since", "must be a time such as 2026-11-23T08:00:00Z");
		return http_invalid(r, &errors);
	}
	r->data = since;
	r->run = run_redeliver_since;
	return http_write(r);
}

static bool run_test(struct store_conn *conn, struct http_request *r)
{
	char event_id[ID_SIZE], delivery[ID_SIZE], time[RFC3339_SIZE];
	struct buf e = {0};
	int64_t now = clock_now_ms();
	struct store_batch *batch = store_batch_new();
	const struct config_outgoing *w = organization_find(r->organization, "outgoing_webhook", r->params[0]);
	struct call_log example = {
		.id = "call_EXAMPLE", .caller_id = "+15125550100", .number = "+18005550100", .campaign_id = "cmp_EXAMPLE", .status = "completed", .disposition = "completed",
		.execution_mode = "routing_plan", .hangup_by = "caller", .started_ms = now - 95000, .answered_ms = now - 90000, .connected_ms = now - 90000, .ended_ms = now,
		.converted = true, .revenue_micros = 25000000, .payout_micros = 18000000, .tags = "{\"state\":\"TX\"}",
	};
	if (!batch)
		return false;
	json_open(&e);
	json_str(&e, "id", id_new("evt", event_id));
	json_str(&e, "type", "call.completed");
	json_str(&e, "timestamp", clock_rfc3339(now, time));
	json_str(&e, "organization_id", r->organization->id);
	json_bool(&e, "test", true);
	json_key(&e, "data");
	json_open(&e);
	json_key(&e, "call");
	call_log_json(&e, &example);
	json_close(&e);
	json_close(&e);
	event_add_delivery(batch, r->organization, w, event_id, "call.completed", NULL, buf_text(&e), now, delivery, &r->touched);
	bool ok = store_batch_run(batch, conn);
	http_json(r, 202, json_pack("{s:s, s:s}", "id", delivery, "status", "pending"));
	store_batch_free(batch);
	buf_free(&e);
	return ok;
}

enum http_result api_webhook_test(struct http_request *r)
{
	if (!is_outgoing(r))
		return HTTP_REPLY;
	r->run = run_test;
	return http_write(r);
}
