#include "call/final.h"
#include "base/clock.h"
#include "base/log.h"
#include "event/event.h"
#include "store/calls.h"
#include "store/finals.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE 200         /* calls of one job: the writer has others to serve */
#define LOOK_AGAIN_MS 2000  /* at a call whose recording is not stored yet */

struct finals {
	struct store_job job; /* at most one at a time */
	struct store *store;
	struct config_store *config;
	struct http_client *client;
	struct event_touched touched;
	bool more; /* there may be more that are due */
	_Atomic bool busy, stop;
};

bool final_is_asked_for(const struct organization *o)
{
	static const char *const names[] = {"call.final", "call.updated"};
	uint64_t asked_for = event_types_asked_for(o);
	return asked_for && asked_for & event_types_named(names, ARRAY_LEN(names));
}

/* ---- one call ---- */

enum recording_state { RECORDING_NONE, RECORDING_STORED, RECORDING_FAILED, RECORDING_PENDING };
static const char *const recording_states[] = {"none", "stored", "failed", "pending"};

/* The worst of the call's recordings. false: the database failed. */
static bool read_recordings(struct store_conn *conn, const struct call_log *log, enum recording_state *out)
{
	struct store_rows *rows = store_query(conn, "SELECT DISTINCT status FROM recordings WHERE call_id = $1 AND organization_id = $2",
					      "ss", log->id, log->organization_id);
	bool ok = rows != NULL;
	*out = RECORDING_NONE;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const char *status = rows_text(rows, i, 0);
		enum recording_state state = RECORDING_PENDING;
		if (strcmp(status, "ready") == 0)
			state = RECORDING_STORED;
		else if (strcmp(status, "failed") == 0)
			state = RECORDING_FAILED;
		if (state > *out)
			*out = state;
	}
	rows_free(rows);
	return ok;
}

static int64_t due_ms(const struct organization *o, const struct call_log *log)
{
	const struct config_campaign *campaign = log->campaign_id ? organization_campaign(o, log->campaign_id) : NULL;
	return log->ended_ms + (campaign ? campaign->final_after_seconds : FINAL_AFTER_SECONDS) * INT64_C(1000);
}

static bool send_final(struct finals *f, struct store_conn *conn, const struct organization *o, const struct call_log *log,
		 enum recording_state recording, int64_t now_ms)
{
	struct store_batch *batch = store_batch_new();
	struct buf data = {0};
	bool taken = false, ok = batch && finals_take(conn, log->id, &taken);
	json_str(&data, "recording", recording_states[recording]);
	if (ok && taken)
		event_emit(batch, o, &(struct event){.type = "call.final", .data = buf_text(&data), .call = log}, now_ms, &f->touched);
	ok = ok && !data.failed && store_batch_run(batch, conn);
	store_batch_free(batch);
	buf_free(&data);
	return ok;
}

/* What the server that died did not send. */
static bool send_end(struct finals *f, struct store_conn *conn, const struct organization *o,
		     const struct call_log *log, int64_t now_ms)
{
	struct store_batch *batch = store_batch_new();
	bool ok = batch != NULL;
	if (ok && !log->answered_ms)
		event_emit(batch, o, &(struct event){.type = "call.failed", .data = "", .call = log},
			   now_ms, &f->touched);
	if (ok)
		event_emit(batch, o, &(struct event){.type = "call.completed", .data = "", .call = log},
			   now_ms, &f->touched);
	ok = ok && store_batch_run(batch, conn);
	store_batch_free(batch);
	return ok;
}

/* until_ms 0: the call was interrupted, and its end was not sent yet. */
static bool settle(struct finals *f, struct store_conn *conn, const struct organization *o, const struct call_log *log,
		   int64_t until_ms, int64_t now_ms)
{
	enum recording_state recording;
	int64_t due = until_ms ? now_ms : due_ms(o, log);
	if (!until_ms && !send_end(f, conn, o, log, now_ms))
		return false;
	if (!until_ms)
		until_ms = due + FINALS_RECORDING_MS;
	if (due > now_ms)
		return finals_wait(conn, log->id, due, until_ms);
	if (!read_recordings(conn, log, &recording))
		return false;
	if (recording == RECORDING_PENDING && now_ms < until_ms)
		return finals_wait(conn, log->id, now_ms + LOOK_AGAIN_MS, until_ms);
	return send_final(f, conn, o, log, recording, now_ms);
}

static bool settle_row(struct finals *f, struct store_conn *conn, const struct store_rows *rows, size_t i, int64_t now_ms)
{
	struct arena arena = {0};
	struct call_log log;
	bool failed = false, taken, ok;
	const char *call_id = rows_text(rows, i, 0);
	const struct organization *o = config_organization(f->config, rows_text(rows, i, 1));
	bool found = o && store_call_read(conn, o->id, call_id, &arena, &log, &failed);
	if (found)
		ok = settle(f, conn, o, &log, rows_int(rows, i, 2), now_ms);
	else
		ok = !failed && finals_take(conn, call_id, &taken); /* it is gone */
	if (o)
		organization_release(o);
	arena_free(&arena);
	return ok;
}

/* ---- the job ---- */

static bool run(struct store_job *job, struct store_conn *conn)
{
	struct finals *f = (struct finals *)job;
	int64_t now = clock_now_ms();
	struct store_rows *rows = finals_due(conn, now, AT_ONCE);
	bool ok = rows != NULL;
	event_touched_free(&f->touched);
	for (size_t i = 0; ok && i < rows_count(rows); i++)
		ok = settle_row(f, conn, rows, i, now);
	f->more = rows_count(rows) == AT_ONCE;
	rows_free(rows);
	return ok;
}

static void done(struct store_job *job, bool committed)
{
	struct finals *f = (struct finals *)job;
	if (committed) {
		event_publish(&f->touched);
		http_client_touch(f->client, &f->touched);
	} else {
		log_error(NULL, "call.final could not be written; it is tried again");
	}
	event_touched_free(&f->touched);
	if (committed && f->more && !f->stop)
		store_submit_accepted(f->store, &f->job);
	else
		f->busy = false;
}

void finals_look(struct finals *f)
{
	struct store_conn *conn = f->busy || f->stop ? NULL : store_reader(f->store);
	if (!conn || !finals_any(conn, clock_now_ms()))
		return;
	f->busy = true;
	store_submit_accepted(f->store, &f->job);
}

void finals_stop(struct finals *f)
{
	if (f)
		f->stop = true;
}

struct finals *finals_create(struct store *store, struct config_store *config, struct http_client *client)
{
	static const struct store_job functions = {.run = run, .done = done};
	struct finals *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->job = functions;
	f->store = store;
	f->config = config;
	f->client = client;
	return f;
}

void finals_destroy(struct finals *f)
{
	if (!f)
		return;
	event_touched_free(&f->touched);
	free(f);
}
