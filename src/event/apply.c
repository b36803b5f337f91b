#include "event/apply.h"
#include "store/totals.h"
#include <string.h>

#define TAGS_OF_CALL "SELECT tag_id, value FROM call_tags WHERE call_id = $1 AND organization_id = $2"

static const char *value_in(const struct store_rows *rows, const char *tag_id)
{
	for (size_t i = 0; i < rows_count(rows); i++)
		if (strcmp(rows_text(rows, i, 0), tag_id) == 0)
			return rows_text(rows, i, 1);
	return NULL;
}

/* An ended call is in the reports' sums already: with the values that its tags had. */
static bool move_totals(struct store_conn *conn, const struct organization *o, const struct call_log *log, const struct store_rows *before)
{
	if (strcmp(log->status, "active") == 0)
		return true;
	struct store_rows *now = store_query(conn, TAGS_OF_CALL, "ss", log->id, o->id);
	bool ok = now != NULL;
	for (size_t i = 0; ok && i < tag_set_count(o->tags); i++) {
		const struct tag_def *def = tag_set_get(o->tags, i);
		if (def->report)
			ok = totals_move(conn, log, def, value_in(before, def->id), value_in(now, def->id));
	}
	rows_free(now);
	return ok;
}

bool event_apply_tags(struct store_conn *conn, const struct crypto_key *key, const struct organization *o, struct call_log *log,
		      const struct tag_result *results, size_t count, const char *source, int64_t at_ms,
		      struct arena *arena, struct event_touched *touched)
{
	struct store_rows *before = store_query(conn, TAGS_OF_CALL, "ss", log->id, o->id);
	struct store_batch *tags = before ? store_batch_new() : NULL, *events = tags ? store_batch_new() : NULL;
	for (size_t i = 0; events && i < count; i++)
		if (results[i].value.kind != VALUE_NONE)
			store_call_tag(tags, key, o->id, log->id, tag_set_get(o->tags, results[i].slot), &results[i].value, source, at_ms);
	bool ok = events && store_batch_run(tags, conn) && move_totals(conn, o, log, before) && (log->tags = store_call_tags_json(conn, o->id, log->id, arena));
	for (size_t i = 0; ok && i < count; i++) {
		const struct tag_def *def = tag_set_get(o->tags, results[i].slot);
		struct buf data = {0};
		if (results[i].value.kind == VALUE_NONE)
			continue;
		store_call_tag_event(&data, def, &results[i].value, source);
		event_emit(events, o, &(struct event){value_in(before, def->id) ? "tag.changed" : "tag.set", buf_text(&data), log, NULL}, at_ms, touched);
		buf_free(&data);
	}
	ok = ok && store_batch_run(events, conn);
	store_batch_free(tags);
	store_batch_free(events);
	rows_free(before);
	return ok;
}
