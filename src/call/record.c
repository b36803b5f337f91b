/* Recordings: of the call, and of what a caller leaves as voicemail. */
#include "call/internal.h"
#include "base/log.h"
#include "store/calls.h"
#include <stdlib.h>
#include <string.h>

/* What outlives the call: its file may be closed after everything else. */
struct kept {
	struct store_job job;
	const struct call_loop *loop;
	char id[ID_SIZE], call_id[ID_SIZE], organization_id[ID_SIZE];
	bool voicemail;
	struct recorded result;
	const struct organization *organization; /* held while the job runs */
	struct event_touched touched;
};

static void emit_stored(struct kept *k, struct store_batch *batch, const struct call_log *log)
{
	const char *type = k->voicemail ? "voicemail.received" : "recording.ready";
	struct buf data = {0};
	json_str(&data, "recording_id", k->id);
	json_int(&data, "duration_seconds", (k->result.duration_ms + 500) / 1000);
	json_key(&data, "path");
	buf_printf(&data, "\"/api/v1/calls/%s/recording?recording_id=%s\"", k->call_id, k->id);
	event_emit(batch, k->organization, &(struct event){.type = type, .data = buf_text(&data), .call = log}, clock_now_ms(), &k->touched);
	buf_free(&data);
}

/* The events about a recording that is kept. Nothing without a call. */
static bool report_kept(struct kept *k, struct store_conn *conn, struct store_batch *batch)
{
	static const struct change_cause cause = {.source = CHANGED_BY_RECORDER};
	struct arena arena = {0};
	struct call_log log;
	bool failed = false, ok = true;
	if (store_call_read(conn, k->organization_id, k->call_id, &arena, &log, &failed)) {
		if (k->result.ok)
			emit_stored(k, batch, &log);
		ok = change_report_recording(conn, batch, k->organization, &log, k->id, "recording",
					     k->result.ok ? "ready" : "failed", &cause, &k->touched);
	}
	arena_free(&arena);
	return ok && !failed;
}

static bool store_result(struct store_job *job, struct store_conn *conn)
{
	struct kept *k = (struct kept *)job;
	event_touched_free(&k->touched);
	bool ok = !k->result.kept ? store_exec(conn, "DELETE FROM recordings WHERE id = $1 AND organization_id = $2", "ss", k->id, k->organization_id) :
			store_exec(conn, "UPDATE recordings SET status = $1, duration_ms = $2, bytes = $3 WHERE id = $4 AND organization_id = $5", "siiss",
				   k->result.ok ? "ready" : "failed", k->result.duration_ms, k->result.bytes, k->id, k->organization_id);
	struct store_batch *batch = ok ? store_batch_new() : NULL;
	ok = batch && (!k->result.kept || !k->organization || report_kept(k, conn, batch)) && store_batch_run(batch, conn);
	store_batch_free(batch);
	return ok;
}

static void result_stored(struct store_job *job, bool committed)
{
	struct kept *k = (struct kept *)job;
	if (!committed)
		log_error(k->call_id, "the recording is on disk, but could not be written into the call log");
	else {
		event_publish(&k->touched);
		http_client_touch(k->loop->config.http, &k->touched);
	}
	if (k->organization)
		organization_release(k->organization);
	event_touched_free(&k->touched);
	free(k);
}

/* A recorder's thread. */
static void file_closed(void *arg, const struct recorded *result)
{
	struct kept *k = arg;
	k->result = *result;
	k->organization = config_organization(k->loop->config.config, k->organization_id);
	store_submit_accepted(k->loop->config.store, &k->job);
}

static struct kept *new_kept(const struct call_loop *loop, const char *id, const char *organization_id, const char *call_id, bool voicemail)
{
	struct kept *k = calloc(1, sizeof *k);
	if (!k)
		return NULL;
	static const struct store_job functions = {.run = store_result, .done = result_stored};
	k->job = functions;
	k->loop = loop;
	k->voicemail = voicemail;
	snprintf(k->id, sizeof k->id, "%s", id);
	snprintf(k->organization_id, sizeof k->organization_id, "%s", organization_id);
	snprintf(k->call_id, sizeof k->call_id, "%s", call_id);
	return k;
}

static void path_of(const struct call_loop *loop, const char *id, const char *suffix, char *out, size_t size)
{
	snprintf(out, size, "%s/%s.%s", loop->config.recording_dir, id, suffix);
}

bool record_start(struct call *c, bool voicemail)
{
	struct store_batch *batch = log_batch(c);
	const struct organization *o = c->organization;
	const struct recording_format format = {voicemail ? 1 : 2, o->recording_opus, o->recording_encryption ? config_key(c->loop->config.config) : NULL};
	const char *suffix = format.opus ? "opus" : "wav";
	char path[600], id[ID_SIZE];
	id_new("rec", id);
	path_of(c->loop, id, suffix, path, sizeof path);
	struct kept *k = batch && (voicemail || !c->recording_id[0]) ? new_kept(c->loop, id, o->id, c->id, voicemail) : NULL;
	struct recording *r = !k ? NULL : recording_new(c->loop->config.recorder, path, &format, file_closed, k);
	if (!r) {
		free(k);
		return false;
	}
	snprintf(c->recording_id, sizeof c->recording_id, "%s", k->id);
	store_batch_add(batch, "INSERT INTO recordings (id, organization_id, call_id, kind, status, started_at, format, encrypted) VALUES ($1, $2, $3, $4, 'recording', $5, $6, $7)", "ssssisi",
			k->id, o->id, c->id, voicemail ? "voicemail" : "call", clock_now_ms(), suffix, (int64_t)o->recording_encryption);
	negotiate_speak(c);
	media_record(c->end, r, !voicemail && c->campaign && c->campaign->recording_beep);
	return true;
}

void record_stop(struct call *c, bool keep)
{
	if (!c->recording_id[0])
		return;
	media_record_stop(c->end, keep);
	c->recording_id[0] = '\0';
}

void record_perform(struct call *c, enum flow_record action)
{
	if (action == RECORD_START)
		(void)!record_start(c, false);
	else if (action == RECORD_STOP)
		record_stop(c, true);
	else if (c->recording_id[0])
		media_record_pause(c->end, action == RECORD_PAUSE);
}

void record_recover(struct call_loop *loop)
{
	struct store_conn *conn = store_reader(loop->config.store);
	struct store_rows *rows = conn ? store_query(conn, "SELECT id, organization_id, call_id, kind, format FROM recordings r WHERE status = 'recording' AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.id = r.call_id AND c.status = 'active')", "") : NULL;
	for (size_t i = 0; rows && i < rows_count(rows); i++) {
		struct kept *k = new_kept(loop, rows_text(rows, i, 0), rows_text(rows, i, 1), rows_text(rows, i, 2), strcmp(rows_text(rows, i, 3), "voicemail") == 0);
		char path[600];
		if (!k)
			break;
		path_of(loop, k->id, rows_text(rows, i, 4), path, sizeof path);
		if (!recording_recover(loop->config.recorder, path, config_key(loop->config.config), file_closed, k))
			free(k);
	}
	rows_free(rows);
}
