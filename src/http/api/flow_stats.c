/* The numbers of a call flow's nodes. Read from the traces when asked for: a call that runs pays nothing for them. */
#include "flow/stats.h"
#include "http/api/api.h"
#include "http/work.h"
#include <stdlib.h>
#include <string.h>

#define CALLS_MAX 10000 /* the newest of the period; more would hold up the thread that answers */
#define CALLS_A_QUERY 500

struct window {
	int64_t version, from, to;
	char last[40]; /* the id before which the next query looks */
	size_t calls;
};

/* Count up to CALLS_A_QUERY further calls. Returns how many there were, or -1. */
static int add_calls(struct http_request *r, struct store_conn *conn, struct window *w, struct flow_stats *stats)
{
	struct store_rows *rows = store_query(conn,
		"SELECT c.id, t.entries FROM (SELECT id FROM calls WHERE organization_id = $1 AND call_flow_id = $2 AND flow_version = $3 AND id < $4 AND started_at >= $5 AND started_at < $6 ORDER BY id DESC LIMIT $7) c "
		"LEFT JOIN call_trace t ON t.call_id = c.id ORDER BY c.id DESC, t.piece",
		"ssisiii", r->organization->id, r->params[0], w->version, w->last, w->from, w->to, (int64_t)CALLS_A_QUERY);
	if (!rows)
		return -1;
	int calls = 0;
	for (size_t i = 0; i < rows_count(rows); calls++) {
		json_t *trace = json_array();
		snprintf(w->last, sizeof w->last, "%s", rows_text(rows, i, 0));
		for (; i < rows_count(rows) && strcmp(rows_text(rows, i, 0), w->last) == 0; i++) {
			json_t *piece = rows_text(rows, i, 1) ? json_loads(rows_text(rows, i, 1), 0, NULL) : NULL;
			json_array_extend(trace, piece);
			json_decref(piece);
		}
		flow_stats_add(stats, trace);
		json_decref(trace);
	}
	rows_free(rows);
	return calls;
}

static enum http_result count(struct http_request *r)
{
	struct window w = {.last = "zzzz"};
	const char *version = http_query(r, "version");
	if (!api_query_time(r, "from", 0, &w.from) || !api_query_time(r, "to", INT64_C(1) << 60, &w.to))
		return http_problem(r, 400, "Unreadable parameter", "from and to must be times such as 2026-11-23T00:00:00Z");
	if (version && (w.version = strtoll(version, NULL, 10)) < 1)
		return http_problem(r, 400, "Unreadable parameter", "version must be the number of a published version");
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = api_flow_find(conn, r);
	json_t *doc = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	rows_free(rows);
	if (!doc)
		return api_flow_missing(r);
	if (!version)
		w.version = json_integer_value(json_object_get(doc, "published_version"));
	json_decref(doc);
	struct flow_stats *stats = flow_stats_new();
	int n = CALLS_A_QUERY;
	for (; stats && n == CALLS_A_QUERY && w.calls < CALLS_MAX; w.calls += n > 0 ? (size_t)n : 0)
		n = add_calls(r, conn, &w, stats);
	if (!stats || n < 0) {
		flow_stats_free(stats);
		return http_problem(r, 503, "The database could not be read", "try again shortly");
	}
	json_t *answer = flow_stats_json(stats);
	json_object_set_new(answer, "version", json_integer(w.version));
	json_object_set_new(answer, "truncated", json_boolean(w.calls >= CALLS_MAX));
	flow_stats_free(stats);
	return http_json(r, 200, answer);
}

/* It reads the traces of thousands of calls. */
enum http_result api_flow_stats(struct http_request *r)
{
	return http_work(r, count);
}
