#include "store/finals.h"

#define INSERT "INSERT INTO call_finals (call_id, organization_id, due_at, waits_until) "

void finals_add(struct store_batch *batch, const char *organization_id, const char *call_id, int64_t due_ms)
{
	store_batch_add(batch, INSERT "VALUES ($1, $2, $3, $4) ON CONFLICT (call_id) DO NOTHING", "ssii",
			call_id, organization_id, due_ms, due_ms + FINALS_RECORDING_MS);
}

bool finals_add_interrupted(struct store_conn *conn, const char *node, int64_t now_ms)
{
	return store_exec(conn,
			  INSERT "SELECT id, organization_id, CAST($1 AS BIGINT), 0 FROM calls "
				 "WHERE status = 'active' AND COALESCE(node, '') = $2 ON CONFLICT (call_id) DO NOTHING",
			  "is", now_ms, node);
}

bool finals_any(struct store_conn *conn, int64_t now_ms)
{
	struct store_rows *rows = store_query(conn, "SELECT 1 FROM call_finals WHERE due_at <= $1 LIMIT 1", "i", now_ms);
	bool any = rows_count(rows) == 1;
	rows_free(rows);
	return any;
}

struct store_rows *finals_due(struct store_conn *conn, int64_t now_ms, int64_t limit)
{
	return store_query(conn,
			   "SELECT call_id, organization_id, waits_until FROM call_finals "
			   "WHERE due_at <= $1 ORDER BY due_at LIMIT $2",
			   "ii", now_ms, limit);
}

bool finals_wait(struct store_conn *conn, const char *call_id, int64_t due_ms, int64_t until_ms)
{
	return store_exec(conn, "UPDATE call_finals SET due_at = $1, waits_until = $2 WHERE call_id = $3", "iis",
			  due_ms, until_ms, call_id);
}

bool finals_take(struct store_conn *conn, const char *call_id, bool *taken)
{
	struct store_rows *rows = store_query(conn, "DELETE FROM call_finals WHERE call_id = $1 RETURNING call_id", "s", call_id);
	bool ok = rows != NULL;
	*taken = rows_count(rows) == 1;
	rows_free(rows);
	return ok;
}

bool finals_is_waiting(struct store_conn *conn, const char *organization_id, const char *call_id, bool *waiting)
{
	struct store_rows *rows = store_query(conn, "SELECT 1 FROM call_finals WHERE call_id = $1 AND organization_id = $2", "ss",
					      call_id, organization_id);
	bool ok = rows != NULL;
	*waiting = rows_count(rows) == 1;
	rows_free(rows);
	return ok;
}
