/* Pools of numbers for landing pages: who has which number now, how much of a pool was used, and whether snippets are installed. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/id.h"
#include <string.h>

static const struct config_pool *find_pool(struct http_request *r)
{
	const struct config_pool *pool = organization_find(r->organization, "number_pool", r->params[0]);
	if (!pool)
		http_problem(r, 404, "Not found", "there is no number pool %.60s", r->params[0]);
	return pool;
}

static json_t *lease_json(const struct store_rows *rows, size_t i, bool whole)
{
	(void)whole; /* there is no more of it */
	char started[RFC3339_SIZE], expires[RFC3339_SIZE], visitor[9];
	snprintf(visitor, sizeof visitor, "%s", rows_text(rows, i, 3)); /* whoever has all of it is the visitor */
	json_t *doc = json_loads(rows_text(rows, i, 9), 0, NULL);
	json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:s, s:s, s:I, s:s?, s:o}", "id", rows_text(rows, i, 0), "dni_snippet_id", rows_text(rows, i, 1), "number", rows_text(rows, i, 2), "visitor", visitor, "origin", rows_text(rows, i, 4),
				"state", rows_int(rows, i, 6) > clock_now_ms() ? "lent" : "cooling_down", "started_at", clock_rfc3339(rows_int(rows, i, 5), started), "expires_at", clock_rfc3339(rows_int(rows, i, 6), expires), "calls", (json_int_t)rows_int(rows, i, 7), "call_id", rows_text(rows, i, 8), "visit", doc ? doc : json_object());
	return out;
}

enum http_result api_pool_leases(struct http_request *r)
{
	const struct config_pool *pool = find_pool(r);
	struct store_conn *conn = pool ? http_reader(r) : NULL;
	const char *cursor = http_query(r, "cursor");
	int64_t limit = api_limit(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = store_query(conn, "SELECT id, snippet_id, number, visitor, origin, started_at, expires_at, calls, call_id, doc FROM dni_leases WHERE pool_id = $1 AND organization_id = $2 AND expires_at + grace_ms > $3 AND id < $4 ORDER BY id DESC LIMIT $5",
					      "ssisi", pool->id, r->organization->id, clock_now_ms(), cursor && *cursor ? cursor : "lse_~", limit + 1);
	return api_page_answer(r, rows, limit, lease_json);
}

#define HOUR_MS INT64_C(3600000)
#define ADVICE_HOURS (7 * 24)

/* A fifth more than the most that were lent at once; half as many again where visitors got none, for then nobody knows how many were wanted. */
static int64_t advised(const struct config_pool *pool, int64_t peak, int64_t dry)
{
	int64_t used = dry && (int64_t)pool->number_count > peak ? (int64_t)pool->number_count : peak;
	return dry ? (used * 3 + 1) / 2 : (used * 6 + 4) / 5;
}

enum http_result api_pool_statistics(struct http_request *r)
{
	const struct config_pool *pool = find_pool(r);
	struct store_conn *conn = pool ? http_reader(r) : NULL;
	int64_t now = clock_now_ms(), from, to, peak = 0, dry = 0, leases = 0;
	char at[RFC3339_SIZE];
	if (!conn)
		return HTTP_REPLY;
	if (!api_query_time(r, "from", now - ADVICE_HOURS * HOUR_MS, &from) || !api_query_time(r, "to", now, &to))
		return http_problem(r, 400, "Unreadable parameter", "from and to must be times such as 2026-11-23T00:00:00Z");
	struct store_rows *rows = store_query(conn, "SELECT hour, peak, leases, dry FROM pool_hours WHERE pool_id = $1 AND organization_id = $2 AND hour >= $3 AND hour <= $4 ORDER BY hour LIMIT 10000", "ssii", pool->id, r->organization->id, from / HOUR_MS, to / HOUR_MS);
	if (!rows)
		return http_problem(r, 503, "The database could not be read", "try again shortly");
	json_t *data = json_array();
	for (size_t i = 0; i < rows_count(rows); i++) {
		peak = rows_int(rows, i, 1) > peak ? rows_int(rows, i, 1) : peak;
		leases += rows_int(rows, i, 2);
		dry += rows_int(rows, i, 3);
		json_array_append_new(data, json_pack("{s:s, s:I, s:I, s:I}", "from", clock_rfc3339(rows_int(rows, i, 0) * HOUR_MS, at), "peak", (json_int_t)rows_int(rows, i, 1), "leases", (json_int_t)rows_int(rows, i, 2), "dry", (json_int_t)rows_int(rows, i, 3)));
	}
	rows_free(rows);
	return http_json(r, 200, json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "numbers", (json_int_t)pool->number_count, "in_use", (json_int_t)leases_count(r->config->leases, r->organization->id, pool->id), "peak", (json_int_t)peak, "leases", (json_int_t)leases, "dry", (json_int_t)dry,
					   "advised_numbers", leases || dry ? json_integer(advised(pool, peak, dry)) : json_null(), "data", data));
}

/* Which pages asked by the snippet in the last seven days, and when. */
enum http_result api_snippet_pages(struct http_request *r)
{
	char since[ID_SIZE], at[RFC3339_SIZE];
	const struct config_dni *snippet = organization_find(r->organization, "dni_snippet", r->params[0]);
	struct store_conn *conn = snippet ? http_reader(r) : NULL;
	if (!snippet)
		return http_problem(r, 404, "Not found", "there is no DNI snippet %.60s", r->params[0]);
	if (!conn)
		return HTTP_REPLY;
	id_from_time("lse", clock_now_ms() - ADVICE_HOURS * HOUR_MS, since);
	struct store_rows *rows = store_query(conn, "SELECT COALESCE(origin, ''), MAX(started_at), COUNT(*) FROM dni_leases WHERE snippet_id = $1 AND organization_id = $2 AND id >= $3 GROUP BY 1 ORDER BY 2 DESC LIMIT 100", "sss", snippet->id, r->organization->id, since);
	if (!rows)
		return http_problem(r, 503, "The database could not be read", "try again shortly");
	json_t *data = json_array();
	for (size_t i = 0; i < rows_count(rows); i++)
		json_array_append_new(data, json_pack("{s:s, s:s, s:I}", "origin", rows_text(rows, i, 0), "last_at", clock_rfc3339(rows_int(rows, i, 1), at), "leases", (json_int_t)rows_int(rows, i, 2)));
	rows_free(rows);
	return api_list_answer(r, data, NULL);
}
