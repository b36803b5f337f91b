/* Keys and secrets of webhooks, and the monitoring of those that go out. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/id.h"
#include "event/event.h"
#include "expr/extract.h"
#include "store/calls.h"
#include "webhook/outgoing.h"
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
	json_object_set(doc, x->incoming ? "previous_key" : "previous_secret", json_object_get(doc, x->incoming ? "key" : "secret"));
	json_object_set_new(doc, x->incoming ? "previous_key_expires_at" : "previous_secret_expires_at", json_string(until));
	char *secret = x->incoming ? crypto_random_token("iwk_") : signature_new_secret();
	char *sealed = secret ? crypto_seal(key, secret) : NULL;
	json_object_set_new(doc, x->incoming ? "key" : "secret", json_string(sealed ? sealed : ""));
	char *text = json_dumps(doc, JSON_COMPACT);
	ok = secret && sealed && text && store_exec(conn, "UPDATE resources SET doc = $1, lookup = $2, version = version + 1, updated_at = $3 WHERE id = $4 AND organization_id = $5", "ssiss",
		text, x->incoming ? crypto_keyed_hash(key, secret, hash) : NULL, now, r->params[0], r->organization->id) && api_audit(conn, r, x->incoming ? "rotate_key" : "rotate_secret", r->params[0]);
	r->secrets[0] = x->incoming ? "key" : "secret";
	r->secrets[1] = x->incoming ? "url" : NULL;
	if (ok)
		http_json(r, 200, json_pack("{s:s, s:s, s:s*, s:s}", "id", r->params[0], x->incoming ? "key" : "secret", secret, "url", x->incoming ? api_incoming_url(r, doc, secret) : NULL, x->incoming ? "previous_key_expires_at" : "previous_secret_expires_at", until));
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
	if (!read_overlap(r, x))
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
#define DELIVERIES(condition) "SELECT " DELIVERY_COLUMNS " FROM deliveries d WHERE organization_id = $1 AND id < $2 AND id >= $3 AND ($4 = '' OR status = $4) AND ($5 = '' OR webhook_id = $5) AND ($6 = '' OR event_type = $6) AND " condition " ORDER BY id DESC LIMIT $8"
#define SEARCHED_MAX 10000 /* one page looks so far back, the next further */

/* A LIKE pattern of texts that have this one, as JSON writes it. */
static char *search_pattern(const char *text)
{
	struct buf json = {0}, b = {0};
	buf_json_string(&json, text, strlen(text));
	buf_add_char(&b, '%');
	for (size_t i = 1; i + 1 < json.len; i++) {
		char c = json.data[i];
		if (c == '%' || c == '_' || c == '\\')
			buf_add_char(&b, '\\');
		buf_add_char(&b, c);
	}
	buf_add_char(&b, '%');
	buf_free(&json);
	return buf_take(&b);
}

enum http_result api_outgoing_requests(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	const char *cursor = http_query(r, "cursor"), *status = http_query(r, "status"), *webhook = http_query(r, "outgoing_webhook_id"), *type = http_query(r, "event_type"), *call = http_query(r, "call_id"), *search = http_query(r, "search");
	char first[ID_SIZE], last[ID_SIZE];
	int64_t from, to, limit = api_limit(r);
	if (!conn)
		return HTTP_REPLY;
	if (!api_query_time(r, "from", 0, &from) || !api_query_time(r, "to", INT64_C(1) << 46, &to))
		return http_problem(r, 400, "Unreadable parameter", "from and to must be times such as 2026-11-23T00:00:00Z");
	id_from_time("dlv", from, first);
	id_from_time("dlv", to, last);
	if (cursor && *cursor && strcmp(cursor, last) < 0)
		snprintf(last, sizeof last, "%s", cursor);
	search = search && *search ? search : NULL;
	struct store_rows *edge = search ? store_query(conn, "SELECT id FROM deliveries WHERE organization_id = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT 1 OFFSET $4", "sssi", r->organization->id, last, first, (int64_t)SEARCHED_MAX - 1) : NULL;
	bool further = rows_count(edge) == 1;
	if (further)
		snprintf(first, sizeof first, "%s", rows_text(edge, 0, 0));
	char *pattern = search ? search_pattern(search) : NULL;
	const char *organization = r->organization->id;
	status = status ? status : "";
	webhook = webhook ? webhook : "";
	type = type ? type : "";
	struct store_rows *rows = NULL;
	if (!search)
		rows = store_query(conn, call ? DELIVERIES("call_id = $7") : DELIVERIES("$7 = ''"), "sssssssi", organization, last, first, status, webhook, type, call ? call : "", limit + 1);
	else if (edge && pattern)
		rows = store_query(conn, DELIVERIES("(LOWER(payload) LIKE LOWER($7) ESCAPE '\\' OR EXISTS (SELECT 1 FROM delivery_attempts a WHERE a.delivery_id = d.id AND LOWER(a.doc) LIKE LOWER($7) ESCAPE '\\')) AND ($9 = '' OR call_id = $9)"),
				   "sssssssis", organization, last, first, status, webhook, type, pattern, limit + 1, call ? call : "");
	free(pattern);
	rows_free(edge);
	if (!rows)
		return http_problem(r, 503, "The database could not be read", "try again shortly");
	json_t *data = json_array();
	size_t n = rows_count(rows);
	for (size_t i = 0; i < n && i < (size_t)limit; i++)
		json_array_append_new(data, delivery_json(rows, i));
	api_list_answer(r, data, n > (size_t)limit ? rows_text(rows, (size_t)limit - 1, 0) : further ? first : NULL);
	rows_free(rows);
	return HTTP_REPLY;
}

enum http_result api_outgoing_request(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = store_query(conn, "SELECT " DELIVERY_COLUMNS ", payload, sequence FROM deliveries WHERE id = $1 AND organization_id = $2", "ss", r->params[0], r->organization->id);
	struct store_rows *attempts = store_query(conn, "SELECT attempt, at_ms, doc FROM delivery_attempts WHERE delivery_id = $1 AND organization_id = $2 ORDER BY attempt", "ss", r->params[0], r->organization->id);
	if (rows_count(rows) == 1) {
		json_t *out = delivery_json(rows, 0), *list = json_array();
		char *payload = event_payload(rows_text(rows, 0, 9), rows_int(rows, 0, 10));
		for (size_t i = 0; i < rows_count(attempts); i++) {
			char at[RFC3339_SIZE];
			json_t *a = json_loads(rows_text(attempts, i, 2), 0, NULL), *request = json_object_get(a, "request");
			if (json_object_get(request, "body_is_event")) {
				json_object_del(request, "body_is_event");
				json_object_set_new(request, "body", json_string(payload));
			}
			json_object_set_new(a, "attempt", json_integer((json_int_t)rows_int(attempts, i, 0)));
			json_object_set_new(a, "at", json_string(clock_rfc3339(rows_int(attempts, i, 1), at)));
			json_array_append_new(list, a);
		}
		json_object_set_new(out, "attempts", list);
		json_object_set_new(out, "event", json_loads(payload ? payload : "null", JSON_DECODE_ANY, NULL));
		free(payload);
		http_json(r, 200, out);
	} else {
		http_problem(r, 404, "There is no such request", "no outgoing request has the id %.60s", r->params[0]);
	}
	rows_free(rows);
	rows_free(attempts);
	return HTTP_REPLY;
}

static bool run_redeliver(struct store_conn *conn, struct http_request *r)
{
	struct store_rows *rows = store_query(conn, "UPDATE deliveries SET status = 'pending', next_attempt_at = $1, updated_at = $1 WHERE id = $2 AND organization_id = $3 RETURNING webhook_id", "iss", clock_now_ms(), r->params[0], r->organization->id);
	if (!rows)
		return false;
	if (rows_count(rows)) {
		event_touch(&r->touched, rows_text(rows, 0, 0));
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

/* What is to be sent again: NULL and 0 ask for nothing. */
struct again {
	const char *webhook_id, *status, *event_type, *call_id;
	int64_t since_ms, until_ms;
};

/* Those that failed or are dead; by status also others. Answers how many. */
static bool run_redeliver_all(struct store_conn *conn, struct http_request *r)
{
	const struct again *a = r->data;
	struct store_rows *rows = store_query(conn, "UPDATE deliveries SET status = 'pending', next_attempt_at = $1, updated_at = $1 WHERE organization_id = $2 AND created_at >= $3 AND created_at < $4 "
					      "AND ($5 = '' OR webhook_id = $5) AND (status = $6 OR ($6 = '' AND status IN ('failed', 'dead'))) AND ($7 = '' OR event_type = $7) AND ($8 = '' OR call_id = $8) RETURNING webhook_id",
					      "isiissss", clock_now_ms(), r->organization->id, a->since_ms, a->until_ms, a->webhook_id, a->status, a->event_type, a->call_id);
	if (!rows)
		return false;
	size_t n = rows_count(rows);
	for (size_t i = 0; i < n; i++)
		event_touch(&r->touched, rows_text(rows, i, 0));
	http_json(r, 202, json_pack("{s:I}", "redelivered", (json_int_t)n));
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

static void read_time(json_t *body, const char *name, bool required, int64_t *ms, struct errors *errors)
{
	json_t *given = json_object_get(body, name);
	const char *text = json_string_value(given);
	char pointer[20];
	snprintf(pointer, sizeof pointer, "/%s", name);
	if ((given || required) && (!text || !clock_parse_rfc3339(text, strlen(text), ms)))
		errors_add(errors, pointer, "must be a time such as 2026-11-23T08:00:00Z");
}

static const char *read_text(json_t *body, const char *name, struct errors *errors)
{
	json_t *given = json_object_get(body, name);
	char pointer[40];
	snprintf(pointer, sizeof pointer, "/%s", name);
	if (given && !json_is_string(given))
		errors_add(errors, pointer, "must be a text");
	return json_is_string(given) ? json_string_value(given) : "";
}

static enum http_result redeliver_all(struct http_request *r, const char *webhook_id)
{
	json_t *body = http_body_object(r);
	struct again *a = body ? arena_alloc(&r->arena, sizeof *a) : NULL;
	struct errors errors = {0};
	if (!a)
		return HTTP_REPLY;
	*a = (struct again){.until_ms = INT64_MAX};
	read_time(body, "since", true, &a->since_ms, &errors);
	read_time(body, "until", false, &a->until_ms, &errors);
	a->webhook_id = webhook_id ? webhook_id : read_text(body, "outgoing_webhook_id", &errors);
	a->status = read_text(body, "status", &errors);
	a->event_type = read_text(body, "event_type", &errors);
	a->call_id = read_text(body, "call_id", &errors);
	if (*a->status && strcmp(a->status, "delivered") != 0 && strcmp(a->status, "failed") != 0 && strcmp(a->status, "dead") != 0)
		errors_add(&errors, "/status", "must be delivered, failed or dead");
	if (errors_any(&errors))
		return http_invalid(r, &errors);
	r->data = a;
	r->run = run_redeliver_all;
	return http_write(r);
}

enum http_result api_redeliver_since(struct http_request *r)
{
	return is_outgoing(r) ? redeliver_all(r, r->params[0]) : HTTP_REPLY;
}

enum http_result api_redeliver_matching(struct http_request *r)
{
	return redeliver_all(r, NULL);
}

/* ---- how it goes ---- */

#define LATELY_MS (24 * 3600 * INT64_C(1000))
#define LATENCIES_MAX 500
#define STATISTICS_POINTS_MAX 2000

static int by_time(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Of the last tries that were answered. null when there was none. */
static json_t *latency_json(struct store_conn *conn, const struct http_request *r)
{
	struct store_rows *rows = store_query(conn, "SELECT a.doc FROM deliveries d JOIN delivery_attempts a ON a.delivery_id = d.id WHERE d.webhook_id = $1 AND d.organization_id = $2 ORDER BY d.created_at DESC LIMIT $3", "ssi", r->params[0], r->organization->id, (int64_t)LATENCIES_MAX);
	double times[LATENCIES_MAX];
	size_t n = 0;
	for (size_t i = 0; i < rows_count(rows) && n < LATENCIES_MAX; i++) {
		json_t *doc = json_loads(rows_text(rows, i, 0), 0, NULL);
		if (json_is_object(json_object_get(doc, "response")))
			times[n++] = json_number_value(json_object_get(json_object_get(doc, "timings_ms"), "total"));
		json_decref(doc);
	}
	rows_free(rows);
	qsort(times, n, sizeof *times, by_time);
	return n ? json_pack("{s:f, s:f, s:f}", "p50", times[n / 2], "p95", times[n * 95 / 100], "p99", times[n * 99 / 100]) : json_null();
}

enum http_result api_webhook_health(struct http_request *r)
{
	struct store_conn *conn = is_outgoing(r) ? http_reader(r) : NULL;
	if (!conn)
		return HTTP_REPLY;
	char failing[RFC3339_SIZE], disabled[RFC3339_SIZE], oldest[RFC3339_SIZE];
	struct store_rows *lately = store_query(conn, "SELECT status, COUNT(*) FROM deliveries WHERE webhook_id = $1 AND organization_id = $2 AND created_at >= $3 GROUP BY status", "ssi", r->params[0], r->organization->id, clock_now_ms() - LATELY_MS);
	struct store_rows *waiting = store_query(conn, "SELECT COUNT(*), MIN(created_at) FROM deliveries WHERE webhook_id = $1 AND organization_id = $2 AND status IN ('pending', 'failed')", "ss", r->params[0], r->organization->id);
	struct store_rows *state = store_query(conn, "SELECT failing_since, disabled_at, reason FROM webhook_failures WHERE webhook_id = $1 AND organization_id = $2", "ss", r->params[0], r->organization->id);
	static const char *const statuses[] = {"pending", "failed", "delivered", "dead"};
	json_t *counts = json_object();
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		json_object_set_new(counts, statuses[i], json_integer(0));
	for (size_t i = 0; i < rows_count(lately); i++)
		json_object_set_new(counts, rows_text(lately, i, 0), json_integer((json_int_t)rows_int(lately, i, 1)));
	json_int_t good = json_integer_value(json_object_get(counts, "delivered")), bad = json_integer_value(json_object_get(counts, "dead")) + json_integer_value(json_object_get(counts, "failed"));
	int64_t oldest_ms = rows_int(waiting, 0, 1), failing_ms = rows_int(state, 0, 0), disabled_ms = rows_int(state, 0, 1);
	http_json(r, 200, json_pack("{s:I, s:s?, s:o, s:o, s:o, s:s?, s:s?, s:s?}", "backlog", (json_int_t)rows_int(waiting, 0, 0), "oldest_waiting_at", oldest_ms ? clock_rfc3339(oldest_ms, oldest) : NULL,
				    "last_24_hours", counts, "success_rate", good + bad ? json_real((double)good / (double)(good + bad)) : json_null(), "latency_ms", latency_json(conn, r),
				    "failing_since", failing_ms ? clock_rfc3339(failing_ms, failing) : NULL, "disabled_at", disabled_ms ? clock_rfc3339(disabled_ms, disabled) : NULL, "reason", rows_text(state, 0, 2)));
	rows_free(lately);
	rows_free(waiting);
	rows_free(state);
	return HTTP_REPLY;
}

/* One interval of the statistics. */
static json_t *point_json(const struct store_rows *rows, size_t i)
{
	char at[RFC3339_SIZE];
	uint64_t answered = (uint64_t)rows_int(rows, i, 4), buckets[DELIVERY_BUCKETS];
	int64_t good = rows_int(rows, i, 1), tries = good + rows_int(rows, i, 2) + rows_int(rows, i, 3);
	for (size_t k = 0; k < DELIVERY_BUCKETS; k++)
		buckets[k] = (uint64_t)rows_int(rows, i, 6 + k);
	json_t *latency = answered ? json_pack("{s:f, s:f, s:f}", "p50", statistics_percentile_ms(answered, buckets, 50), "p95", statistics_percentile_ms(answered, buckets, 95), "p99", statistics_percentile_ms(answered, buckets, 99)) : json_null();
	return json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:I}", "at", clock_rfc3339(rows_int(rows, i, 0), at), "delivered", (json_int_t)good, "failed", (json_int_t)rows_int(rows, i, 2), "dead", (json_int_t)rows_int(rows, i, 3),
			 "success_rate", tries ? json_real((double)good / (double)tries) : json_null(), "latency_ms", latency, "backlog", (json_int_t)rows_int(rows, i, 5));
}

enum http_result api_webhook_statistics(struct http_request *r)
{
	struct store_conn *conn = is_outgoing(r) ? http_reader(r) : NULL;
	const char *interval = http_query(r, "interval");
	int64_t from, to, now = clock_now_ms(), step = interval ? strtoll(interval, NULL, 10) * 1000 : INT64_C(3600000);
	if (!conn)
		return HTTP_REPLY;
	if (!api_query_time(r, "from", now - LATELY_MS, &from) || !api_query_time(r, "to", now, &to) || step < STATISTICS_STEP_MS || step % STATISTICS_STEP_MS || (to - from) / step > STATISTICS_POINTS_MAX)
		return http_problem(r, 400, "Unreadable parameter", "from and to must be times such as 2026-11-23T00:00:00Z, interval a multiple of 300 seconds, with no more than %d intervals between", STATISTICS_POINTS_MAX);
	struct store_rows *rows = store_query(conn, "SELECT at_ms / $5 * $5 AS at, SUM(delivered), SUM(failed), SUM(dead), SUM(answered), MAX(backlog), SUM(within_25), SUM(within_50), SUM(within_100), SUM(within_250), SUM(within_500), SUM(within_1000), SUM(within_2500), SUM(within_10000) "
						    "FROM webhook_statistics WHERE webhook_id = $1 AND organization_id = $2 AND at_ms >= $3 AND at_ms < $4 GROUP BY at ORDER BY at",
					      "ssiii", r->params[0], r->organization->id, from - from % STATISTICS_STEP_MS, to, step);
	if (!rows)
		return http_problem(r, 503, "The database could not be read", "try again shortly");
	json_t *data = json_array();
	for (size_t i = 0; i < rows_count(rows); i++)
		json_array_append_new(data, point_json(rows, i));
	rows_free(rows);
	return api_list_answer(r, data, NULL);
}

/* ---- a test ---- */

/* An event of the type about the call, as it would be sent. */
static char *make_event(const struct http_request *r, const struct event_type *type, const char *event_id, const struct call_log *call, int64_t now)
{
	struct buf e = {0};
	event_envelope(&e, r->organization, event_id, &(struct event){.type = type->type, .data = type->example, .call = type->has_call ? call : NULL}, true, now);
	return buf_take(&e);
}

static char *example_event(const struct http_request *r, const struct event_type *type, const char *event_id, int64_t now)
{
	bool over = type->moment == EVENT_ENDED || type->moment == EVENT_UNCONNECTED;
	bool connected = type->moment == EVENT_ENDED || type->moment == EVENT_CONNECTED;
	struct call_log example = {
		.id = "call_EXAMPLE", .caller_id = "+15125550100", .number = "+18005550100",
		.campaign_id = "cmp_EXAMPLE", .status = over ? "completed" : "active",
		.execution_mode = "routing_plan", .started_ms = now - 95000, .ended_ms = over ? now : 0,
		.currency = r->organization->currency, .tags = "{\"state\":\"TX\"}",
	};
	if (over) {
		example.disposition = connected ? "completed" : "no_answer";
		example.hangup_by = connected ? "caller" : "system";
	}
	if (connected) {
		example.answered_ms = example.connected_ms = now - 90000;
		example.converted = true;
		example.revenue_micros = 25000000;
		example.payout_micros = 18000000;
	}
	return make_event(r, type, event_id, &example, now);
}

static bool run_test(struct store_conn *conn, struct http_request *r)
{
	char event_id[ID_SIZE], delivery[ID_SIZE];
	const struct event_type *type = r->data;
	const struct config_outgoing *w = organization_find(r->organization, "outgoing_webhook", r->params[0]);
	int64_t now = clock_now_ms();
	struct store_batch *batch = store_batch_new();
	char *envelope = example_event(r, type, id_new("evt", event_id), now);
	if (batch && envelope)
		event_add_delivery(batch, r->organization, w, event_id, type->type, NULL, envelope, now, now - w->batch_ms, delivery, &r->touched); /* a batch does not wait with a test */
	bool ok = batch && envelope && store_batch_run(batch, conn);
	if (ok)
		http_json(r, 202, json_pack("{s:s, s:s}", "id", delivery, "status", "pending"));
	store_batch_free(batch);
	free(envelope);
	return ok;
}

/* call.completed where it takes that, else the first that it takes. */
static const struct event_type *example_type(const char *const *names, size_t count)
{
	const struct event_type *completed = event_type_find("call.completed");
	if (event_types_take(names, count, completed, event_type_newer(completed->type, 0)))
		return completed;
	for (const struct event_type *t = event_types; t->type; t++)
		if (event_types_take(names, count, t, event_type_newer(t->type, 0)))
			return t;
	return NULL;
}

static const struct event_type *example_type_of(json_t *types)
{
	const char *names[50]; /* the most that a webhook has */
	size_t count = 0, i;
	json_t *name;
	json_array_foreach(types, i, name)
		if (count < ARRAY_LEN(names))
			names[count++] = json_string_value(name);
	return example_type(names, count);
}

/* The webhook's own header of the name; NULL: it has none. */
static const char *header_of(json_t *doc, const char *wanted)
{
	const char *name;
	json_t *value;
	json_object_foreach(json_object_get(doc, "headers"), name, value)
		if (strcasecmp(name, wanted) == 0)
			return json_string_value(value);
	return NULL;
}

/* Is what the template makes of an example what it says that it is? XML's parser tells no more than that it is not. */
static void check_example(const struct outgoing_request *q, const char *type, struct errors *errors)
{
	json_error_t error;
	struct error why;
	json_t *json = q->context == TEMPLATE_JSON ? json_loads(q->body, JSON_DECODE_ANY, &error) : NULL;
	if (q->context == TEMPLATE_JSON && !json)
		errors_add(errors, "/body_template", 
			   "makes no JSON of an example event (%s), in line %d: %s; save it inactive to preview it", type, error.line, error.text);
	json_decref(json);
	bool xml_body = q->context == TEMPLATE_XML && !strstr(q->body, "<!DOCTYPE"); /* the parser refuses those */
	struct extract_answer *xml = xml_body ? extract_read(EXTRACT_XML, q->body, strlen(q->body), &why) : NULL;
	if (xml_body && !xml)
		errors_add(errors, "/body_template", 
			   "makes no well-formed XML of an example event (%s): %s; save it inactive to preview it", type, why.text);
	extract_answer_free(xml);
}

static void note_token(void *arg, const struct template_token *token)
{
	(void)token;
	*(bool *)arg = true;
}

/* A batch is an array, so its events must be JSON; and what is of one event only cannot be said of many. */
static void check_batch(const struct config_outgoing *w, const char *content_type, bool batch, struct errors *errors)
{
	bool token = false;
	if (batch && outgoing_context(w->body_template, content_type) != TEMPLATE_JSON)
		errors_add(errors, "/batch", 
			   "needs a JSON body: each event becomes an element of an array");
	template_each_token(w->url, strlen(w->url), TEMPLATE_URL, note_token, &token);
	if (batch && token)
		errors_add(errors, "/url", "a token speaks of one call, and a batch has events of many");
}

void api_check_outgoing(const struct http_request *r, json_t *doc, struct errors *errors)
{
	struct outgoing_request q = {0};
	const char *content_type = header_of(doc, "Content-Type"), *header[] = {"Content-Type", content_type};
	const struct config_outgoing w = {
		.id = "", .url = json_string_value(json_object_get(doc, "url")), .method = json_string_value(json_object_get(doc, "method")),
		.body_template = json_string_value(json_object_get(doc, "body_template")),
		.headers = header, .header_count = content_type ? 2 : 0,
	};
	const struct event_type *type = w.body_template && json_is_true(json_object_get(doc, "enabled")) ? example_type_of(json_object_get(doc, "event_types")) : NULL;
	char title[WORDS_SIZE];
	char *event = type ? example_event(r, type, "evt_EXAMPLE", clock_now_ms()) : NULL;
	check_batch(&w, content_type, json_is_object(json_object_get(doc, "batch")), errors);
	if (event && outgoing_build(&q, r->organization, &w, &(struct outgoing_event){.id = "", .payload = event}, 1, NULL, 0) && q.body)
		check_example(&q, event_type_title(type, title), errors);
	outgoing_request_free(&q);
	free(event);
}

/* {"event_type": "call.completed"}; without, one that the webhook takes. NULL after the answer was set. */
static const struct event_type *asked_type(struct http_request *r, const struct config_outgoing *w, json_t **body)
{
	struct errors errors = {0};
	*body = r->body_len ? http_body_object(r) : NULL;
	if (r->body_len && !*body)
		return NULL;
	json_t *name = json_object_get(*body, "event_type");
	const struct event_type *type = name ? event_type_find(json_string_value(name)) : example_type(w->event_types, w->event_type_count);
	if (!type) {
		errors_add(&errors, "/event_type", "is no event type: GET /event-types lists them");
		http_invalid(r, &errors);
	}
	return type;
}

enum http_result api_webhook_test(struct http_request *r)
{
	json_t *body;
	if (!is_outgoing(r))
		return HTTP_REPLY;
	const struct config_outgoing *w = organization_find(r->organization, "outgoing_webhook", r->params[0]);
	const struct event_type *type = asked_type(r, w, &body);
	if (!type)
		return HTTP_REPLY;
	if (!w->enabled)
		return http_problem(r, 409, "The outgoing webhook is disabled", "enable it first: nothing is sent while it is disabled");
	r->data = (void *)(uintptr_t)type;
	r->run = run_test;
	return http_write(r);
}

/* The request that an event about a past call, or an example, would be; nothing is sent. */
enum http_result api_webhook_preview(struct http_request *r)
{
	json_t *body;
	struct call_log log;
	struct outgoing_request q = {0};
	struct buf out = {0};
	char id[ID_SIZE];
	bool failed = false;
	int64_t now = clock_now_ms();
	if (!is_outgoing(r))
		return HTTP_REPLY;
	const struct config_outgoing *w = organization_find(r->organization, "outgoing_webhook", r->params[0]);
	const struct event_type *type = asked_type(r, w, &body);
	struct store_conn *conn = type ? http_reader(r) : NULL;
	if (!conn)
		return HTTP_REPLY;
	const char *call = json_string_value(json_object_get(body, "call_id"));
	if (call && !store_call_read(conn, r->organization->id, call, &r->arena, &log, &failed)) {
		struct errors errors = {0};
		errors_add(&errors, "/call_id", "there is no call with this id");
		return failed ? http_problem(r, 503, "The database is away", "try again shortly") : http_invalid(r, &errors);
	}
	id_new("evt", id);
	char *event = call ? make_event(r, type, id, &log, now) : example_event(r, type, id, now);
	if (event && outgoing_build(&q, r->organization, w, &(struct outgoing_event){.id = id, .payload = event}, 1, NULL, now)) {
		json_open(&out);
		json_str(&out, "method", w->method);
		json_str(&out, "url", q.url);
		outgoing_headers_json(&out, q.headers, false);
		json_str(&out, "body", q.body);
		json_close(&out);
		if (!out.failed)
			out.len = keys_mask(out.data, out.len); /* who looks may not change the call */
		http_text(r, 200, &out);
	} else {
		http_problem(r, 503, "Out of memory", "try again shortly");
	}
	outgoing_request_free(&q);
	free(event);
	return HTTP_REPLY;
}

enum http_result api_outgoing_presets(struct http_request *r)
{
	return api_list_answer(r, outgoing_presets(), NULL);
}

/* Each type with its schema and an example. */
enum http_result api_event_types(struct http_request *r)
{
	json_t *data = json_array();
	for (const struct event_type *t = event_types; t->type; t++) {
		char *example = example_event(r, t, "evt_EXAMPLE", 1768496400000);
		json_t *event = json_loads(example ? example : "null", JSON_DECODE_ANY, NULL);
		json_object_del(event, "test");
		if (t->has_call)
			json_object_set_new(event, "sequence", json_integer(1));
		char title[WORDS_SIZE];
		json_array_append_new(data, json_pack("{s:s, s:s, s:s, s:b, s:s?, s:o, s:o}",
						      "type", t->type,
						      "title", event_type_title(t, title),
						      "help", t->help,
						      "by_name", t->by_name,
						      "instead_of", t->instead_of,
						      "schema", event_type_schema(t),
						      "example", event));
		free(example);
	}
	return api_list_answer(r, data, NULL);
}
