/* What was recorded of a call. */
#include "http/api/api.h"
#include "http/work.h"
#include "base/clock.h"
#include "media/audio.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROW "SELECT id, kind, status, format FROM recordings WHERE call_id = $1 AND organization_id = $2 AND ($3 = '' OR id = $3) ORDER BY CASE WHEN status = 'ready' THEN 0 ELSE 1 END, id DESC LIMIT 1"

static void path_of(const struct http_request *r, const struct store_rows *rows, char *out, size_t size)
{
	snprintf(out, size, "%s/%.40s.%.8s", r->config->recording_dir, rows_text(rows, 0, 0), rows_text(rows, 0, 3));
}

/* The one that is asked for with ?recording_id=, or the newest that is ready. */
static struct store_rows *find(struct store_conn *conn, const struct http_request *r)
{
	const char *id = http_query(r, "recording_id");
	return store_query(conn, ROW, "sss", r->params[0], r->organization->id, id ? id : "");
}

static enum http_result missing(struct http_request *r)
{
	return http_problem(r, 404, "There is no such recording", "nothing was recorded of the call %.60s, or it was deleted", r->params[0]);
}

static enum http_result answer_file(struct http_request *r, const char *path)
{
	snprintf(r->disposition, sizeof r->disposition, "inline; filename=\"%.60s\"", strrchr(path, '/') + 1);
	return http_file(r, path, strcmp(strrchr(path, '.'), ".opus") == 0 ? "audio/ogg" : "audio/wav") ? HTTP_REPLY : missing(r);
}

/* The recording that is asked for, once it is whole, to `answer`. */
static enum http_result with_recording(struct http_request *r, enum http_result (*answer)(struct http_request *r, const char *path))
{
	struct store_conn *conn = http_reader(r);
	struct store_rows *rows = conn ? find(conn, r) : NULL;
	char path[600];
	if (!conn)
		return HTTP_REPLY;
	const char *status = rows_count(rows) == 1 ? rows_text(rows, 0, 2) : NULL;
	if (!status) {
		missing(r);
	} else if (strcmp(status, "recording") == 0) {
		snprintf(r->retry_after, sizeof r->retry_after, "10");
		http_problem(r, 409, "The recording goes on", "it can be fetched when recording.ready or voicemail.received is told");
	} else {
		path_of(r, rows, path, sizeof path);
		answer(r, path);
	}
	rows_free(rows);
	return HTTP_REPLY;
}

#define POINTS_MAX 4000

static enum http_result answer_peaks(struct http_request *r, const char *path)
{
	const char *text = http_query(r, "points");
	long points = text ? strtol(text, NULL, 10) : 800;
	int channels;
	double seconds;
	struct buf b = {0};
	if (points < 1 || points > POINTS_MAX)
		return http_problem(r, 400, "Unreadable parameter", "points must be 1 to %d", POINTS_MAX);
	float *peaks = audio_peaks(path, config_key(r->config->config), (size_t)points, &channels, &seconds);
	if (!peaks)
		return missing(r);
	json_open(&b);
	json_key(&b, "duration_seconds");
	buf_printf(&b, "%.3f", seconds);
	json_key(&b, "channels");
	buf_add_char(&b, '[');
	for (int c = 0; c < channels; c++) {
		buf_add_str(&b, c ? ",[" : "[");
		for (long i = 0; i < points; i++)
			buf_printf(&b, i ? ",%.3f" : "%.3f", (double)peaks[c * points + i]);
		buf_add_char(&b, ']');
	}
	buf_add_char(&b, ']');
	json_close(&b);
	free(peaks);
	return http_text(r, 200, &b);
}

enum http_result api_recording_get(struct http_request *r)
{
	return with_recording(r, answer_file);
}

/* All of the file is decoded: hours of Opus take seconds. */
static enum http_result read_peaks(struct http_request *r)
{
	return with_recording(r, answer_peaks);
}

enum http_result api_recording_peaks(struct http_request *r)
{
	return http_work(r, read_peaks);
}

static bool report_deleted(struct store_conn *conn, struct http_request *r, const char *id, const char *status)
{
	const struct change_cause cause = {.source = CHANGED_BY_API, .by = r->actor};
	struct call_log log;
	bool failed = false;
	struct store_batch *events = store_batch_new();
	bool found = events && store_call_read(conn, r->organization->id, r->params[0], &r->arena, &log, &failed);
	bool ok = events && !failed;
	if (found)
		ok = change_report_recording(conn, events, r->organization, &log, id, status, "deleted", &cause, &r->touched) &&
		     store_batch_run(events, conn);
	store_batch_free(events);
	return ok;
}

static bool run_delete(struct store_conn *conn, struct http_request *r)
{
	struct store_rows *rows = find(conn, r);
	const char *id = rows_count(rows) == 1 ? rows_text(rows, 0, 0) : NULL;
	char path[600];
	bool ok = rows != NULL;
	if (ok && !id)
		missing(r);
	else if (ok && strcmp(rows_text(rows, 0, 2), "recording") == 0)
		http_problem(r, 409, "The recording goes on", "stop it, or hang up the call, first");
	else if (ok) {
		ok = store_exec(conn, "DELETE FROM recordings WHERE id = $1 AND organization_id = $2", "ss", id, r->organization->id) &&
		     api_audit(conn, r, "delete_recording", id) && report_deleted(conn, r, id, rows_text(rows, 0, 2));
		path_of(r, rows, path, sizeof path);
		r->data = arena_strdup(&r->arena, path);
		r->status = 204;
	}
	rows_free(rows);
	return ok;
}

/* The row first: a file without a row is nobody's, a row without its file is an error. */
static void after_delete(struct http_request *r)
{
	if (r->status == 204 && r->data)
		unlink(r->data);
}

enum http_result api_recording_delete(struct http_request *r)
{
	r->run = run_delete;
	r->after = after_delete;
	return http_write(r);
}
