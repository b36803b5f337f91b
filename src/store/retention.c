#include "store/retention.h"
#include "base/id.h"
#include "base/log.h"
#include <stdlib.h>

#define AT_ONCE 5000
#define DAY_MS INT64_C(86400000)

int64_t retention_days(json_t *organization, const char *name, int64_t initial)
{
	json_t *days = json_object_get(organization, name);
	return json_is_integer(days) ? json_integer_value(days) : initial;
}

static bool delete_old(struct store_conn *conn, const char *organization_id, json_t *doc, int64_t now_ms)
{
	char before[ID_SIZE], calls_before[ID_SIZE], rtb_before[ID_SIZE], leases_before[ID_SIZE];
	int64_t since = now_ms - retention_days(doc, "incoming_retention_days", RETENTION_DAYS) * DAY_MS;
	id_from_time("req", since, before);
	id_from_time("lse", since, leases_before);
	id_from_time("rtq", since, rtb_before);
	id_from_time("call", now_ms - retention_days(doc, "sip_retention_days", SIP_RETENTION_DAYS) * DAY_MS, calls_before);
	return store_exec(conn, "DELETE FROM call_sip WHERE organization_id = $1 AND call_id IN (SELECT call_id FROM call_sip WHERE organization_id = $1 AND call_id < $2 ORDER BY call_id LIMIT $3)", "ssi", organization_id, calls_before, (int64_t)AT_ONCE) &&
	       store_exec(conn, "DELETE FROM incoming_requests WHERE id IN (SELECT id FROM incoming_requests WHERE organization_id = $1 AND id < $2 AND status <> 'pending' ORDER BY id LIMIT $3)", "ssi", organization_id, before, (int64_t)AT_ONCE) &&
	       store_exec(conn, "DELETE FROM rtb_requests WHERE id IN (SELECT id FROM rtb_requests WHERE organization_id = $1 AND id < $2 AND status <> 'bid' ORDER BY id LIMIT $3)", "ssi", organization_id, rtb_before, (int64_t)AT_ONCE) &&
	       store_exec(conn, "DELETE FROM dni_leases WHERE id IN (SELECT id FROM dni_leases WHERE organization_id = $1 AND id < $2 AND expires_at < $3 ORDER BY id LIMIT $4)", "ssii", organization_id, leases_before, now_ms - DAY_MS, (int64_t)AT_ONCE);
}

bool retention_run(struct store_conn *conn, int64_t now_ms)
{
	struct store_rows *rows = store_query(conn, "SELECT id, doc FROM organizations", "");
	bool ok = rows && store_exec(conn, "UPDATE incoming_requests SET status = 'expired' WHERE status = 'pending' AND expires_at <= $1", "i", now_ms) &&
		  store_exec(conn, "UPDATE rtb_requests SET status = 'expired' WHERE status = 'bid' AND expires_at <= $1", "i", now_ms);
	for (size_t i = 0; ok && i < rows_count(rows); i++) {
		json_t *doc = json_loads(rows_text(rows, i, 1), 0, NULL);
		ok = delete_old(conn, rows_text(rows, i, 0), doc, now_ms);
		json_decref(doc);
	}
	rows_free(rows);
	ok = ok && store_exec(conn, "DELETE FROM nodes WHERE seen_at < $1", "i", now_ms - 7 * DAY_MS);
	ok = ok && store_exec(conn, "DELETE FROM late_target_calls WHERE at_ms < $1", "i", now_ms - 2 * DAY_MS);
	return ok && store_exec(conn, "DELETE FROM pool_hours WHERE hour < $1", "i", (now_ms - RETENTION_DAYS * DAY_MS) / 3600000) && store_exec(conn, "DELETE FROM webhook_statistics WHERE at_ms < $1", "i", now_ms - RETENTION_DAYS * DAY_MS);
}

struct retention_job {
	struct store_job job;
	int64_t now_ms;
};

static bool run(struct store_job *job, struct store_conn *conn)
{
	return retention_run(conn, ((struct retention_job *)job)->now_ms);
}

static void done(struct store_job *job, bool committed)
{
	if (!committed)
		log_warn(NULL, "old requests could not be deleted; it is tried again");
	free(job);
}

void retention_start(struct store *store, int64_t now_ms)
{
	static const struct store_job functions = {.run = run, .done = done};
	struct retention_job *job = calloc(1, sizeof *job);
	if (!job)
		return;
	job->job = functions;
	job->now_ms = now_ms;
	if (!store_submit(store, &job->job))
		free(job);
}
