/* A prompt's audio: uploaded in any usual format, kept as 8 kHz WAV. */
#include "http/api/api.h"
#include "http/work.h"
#include "base/clock.h"
#include "media/audio.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void prompt_path(const struct http_request *r, char *out, size_t size)
{
	snprintf(out, size, "%s/%.40s.wav", r->config->prompt_dir, r->params[0]);
}

static bool run_upload(struct store_conn *conn, struct http_request *r)
{
	struct store_rows *rows = store_query(conn, "SELECT doc FROM resources WHERE id = $1 AND organization_id = $2 AND kind = 'prompt'", "ss", r->params[0], r->organization->id);
	json_t *doc = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	json_object_set_new(doc, "has_audio", json_true());
	char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	bool ok = text && store_exec(conn, "UPDATE resources SET doc = $1, version = version + 1, updated_at = $2 WHERE id = $3 AND organization_id = $4", "siss", text, clock_now_ms(), r->params[0], r->organization->id) &&
		  api_audit(conn, r, "upload", r->params[0]);
	http_json(r, 200, json_pack("{s:s, s:b}", "id", r->params[0], "has_audio", 1));
	r->reload = true;
	free(text);
	json_decref(doc);
	rows_free(rows);
	return ok;
}

static bool is_prompt(struct http_request *r)
{
	if (organization_prompt(r->organization, r->params[0]))
		return true;
	http_problem(r, 404, "There is no such prompt", "no prompt has the id %.60s", r->params[0]);
	return false;
}

static enum http_result take_upload(struct http_request *r)
{
	char path[512], temporary[540];
	struct error err;
	prompt_path(r, path, sizeof path);
	snprintf(temporary, sizeof temporary, "%s.%d.upload", path, (int)(clock_monotonic_us() & 0xfffff));
	FILE *f = fopen(temporary, "wb");
	bool written = f && fwrite(r->body ? r->body : "", 1, r->body_len, f) == r->body_len;
	if (f && fclose(f) != 0)
		written = false;
	free(r->body); /* not in memory twice */
	r->body = NULL;
	r->body_len = 0;
	struct audio *audio = written ? audio_load(temporary, &err) : NULL;
	unlink(temporary);
	bool saved = audio && audio_save(temporary, audio->ulaw, audio->len, &err);
	if (saved && rename(temporary, path) != 0)
		saved = error_set(&err, "the audio could not be stored: is the disk full?");
	if (audio && !saved)
		unlink(temporary);
	audio_release(audio);
	if (!written)
		return http_problem(r, 507, "The audio could not be stored", "is the disk full?");
	if (!saved) {
		struct errors errors = {0};
		errors_add(&errors, "", "%s", err.text);
		return http_invalid(r, &errors);
	}
	snprintf(r->reload_id, sizeof r->reload_id, "%s", r->organization->id);
	r->run = run_upload;
	return http_write(r);
}

enum http_result api_prompt_upload(struct http_request *r)
{
	return is_prompt(r) ? http_work(r, take_upload) : HTTP_REPLY;
}

enum http_result api_prompt_audio(struct http_request *r)
{
	char path[512];
	if (!is_prompt(r))
		return HTTP_REPLY;
	prompt_path(r, path, sizeof path);
	if (!http_file(r, path, "audio/wav"))
		return http_problem(r, 404, "The prompt has no audio", "upload some with PUT, or it is spoken from its text");
	return HTTP_REPLY;
}
