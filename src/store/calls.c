#include "store/calls.h"
#include "tags/custom.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *doc_text(struct arena *arena, json_t *doc, const char *name)
{
	return arena_strdup(arena, json_string_value(json_object_get(doc, name)));
}

void store_call_row(const struct store_rows *r, size_t i, struct arena *arena, struct call_log *out)
{
	json_t *doc = json_loads(rows_text(r, i, 19) ? rows_text(r, i, 19) : "{}", 0, NULL);
	char *attempts = json_dumps(json_object_get(doc, "attempts"), JSON_COMPACT), *quality = json_dumps(json_object_get(doc, "quality"), JSON_COMPACT | JSON_REAL_PRECISION(6));
	*out = (struct call_log){
		.id = rows_text(r, i, 0), .organization_id = rows_text(r, i, 1), .campaign_id = rows_text(r, i, 2), .publisher_id = rows_text(r, i, 3),
		.caller_id = rows_text(r, i, 4), .number = rows_text(r, i, 5), .status = rows_text(r, i, 6), .disposition = rows_text(r, i, 7),
		.execution_mode = rows_text(r, i, 8), .call_flow_id = rows_text(r, i, 9), .flow_version = (int)rows_int(r, i, 10),
		.target_id = rows_text(r, i, 11), .started_ms = rows_int(r, i, 12), .answered_ms = rows_int(r, i, 13), .connected_ms = rows_int(r, i, 14),
		.ended_ms = rows_int(r, i, 15), .converted = rows_int(r, i, 16) != 0, .revenue_micros = rows_int(r, i, 17), .payout_micros = rows_int(r, i, 18), .cost_micros = rows_int(r, i, 20), .talked_ms = rows_int(r, i, 21), .not_paid_twice = (unsigned)rows_int(r, i, 22),
		.reason = rows_text(r, i, 23), .payout_hold_reason = rows_text(r, i, 24), .conversion_ms = rows_int(r, i, 25),
		.attempts = arena_strdup(arena, attempts),
		.quality = arena_strdup(arena, quality),
		.hangup_by = doc_text(arena, doc, "hangup_by"),
		.hangup_reason = doc_text(arena, doc, "hangup_reason"),
		.trunk_id = doc_text(arena, doc, "trunk_id"),
		.sip_call_id = doc_text(arena, doc, "sip_call_id"),
		.currency = doc_text(arena, doc, "currency"),
		.fallback_reason = doc_text(arena, doc, "fallback_reason"),
		.carrier = {
			.attestation = doc_text(arena, doc, "attestation"),
			.verstat = doc_text(arena, doc, "verstat"),
			.rn = doc_text(arena, doc, "rn"),
			.cpc = doc_text(arena, doc, "cpc"),
			.oli = doc_text(arena, doc, "oli"),
		},
	};
	free(attempts);
	free(quality);
	json_decref(doc);
}

const char *store_call_tags_json(struct store_conn *conn, const char *organization_id, const char *call_id, struct arena *arena)
{
	struct store_rows *rows = store_query(conn, "SELECT COALESCE(r.name, t.name), t.kind, t.value, t.sensitive FROM call_tags t LEFT JOIN resources r ON r.id = t.tag_id AND r.organization_id = t.organization_id WHERE t.call_id = $1 AND t.organization_id = $2 ORDER BY 1", "ss", call_id, organization_id);
	struct buf b = {0};
	if (!rows)
		return NULL;
	json_open(&b);
	for (size_t i = 0; i < rows_count(rows); i++) {
		const char *value = rows_text(rows, i, 2);
		json_key(&b, rows_text(rows, i, 0));
		value_json(&b, value_kind_from(rows_text(rows, i, 1)), value, strlen(value), rows_int(rows, i, 3) != 0);
	}
	json_close(&b);
	rows_free(rows);
	const char *text = b.failed ? NULL : arena_strdup(arena, buf_text(&b));
	buf_free(&b);
	return text;
}

/* NULL on a database error. */
static const char *recordings_json(struct store_conn *conn, const char *organization_id, const char *call_id, struct arena *arena)
{
	struct store_rows *rows = store_query(conn, "SELECT id, kind, status, started_at, duration_ms, format, encrypted FROM recordings WHERE call_id = $1 AND organization_id = $2 ORDER BY id", "ss", call_id, organization_id);
	struct buf b = {0};
	if (!rows)
		return NULL;
	buf_add_char(&b, '[');
	for (size_t i = 0; i < rows_count(rows); i++) {
		json_open(&b);
		json_str(&b, "id", rows_text(rows, i, 0));
		json_str(&b, "kind", rows_text(rows, i, 1));
		json_str(&b, "status", rows_text(rows, i, 2));
		json_time(&b, "started_at", rows_int(rows, i, 3));
		json_int(&b, "duration_seconds", (rows_int(rows, i, 4) + 500) / 1000);
		json_str(&b, "format", rows_text(rows, i, 5));
		json_bool(&b, "encrypted", rows_int(rows, i, 6) != 0);
		json_close(&b);
	}
	buf_add_char(&b, ']');
	rows_free(rows);
	const char *text = b.failed ? NULL : arena_strdup(arena, buf_text(&b));
	buf_free(&b);
	return text;
}

#define CUSTOM_DATA_COLUMN 26 /* behind CALL_COLUMNS */

/* Fills in custom_stored and custom_data; false: no memory. */
static bool read_custom_data(const char *stored, struct arena *arena, struct call_log *log)
{
	log->custom_data = "{}";
	if (!stored)
		return true;
	json_t *json = json_loads(stored, 0, NULL);
	char *text = custom_data_text(json);
	log->custom_stored = arena_strdup(arena, stored);
	log->custom_data = arena_strdup(arena, text);
	json_decref(json);
	free(text);
	return log->custom_data && log->custom_stored;
}

bool store_call_read(struct store_conn *conn, const char *organization_id, const char *call_id, struct arena *arena,
		     struct call_log *out, bool *failed)
{
	struct store_rows *rows = store_query(conn, "SELECT " CALL_COLUMNS ", (SELECT data FROM call_custom_data d WHERE d.call_id = calls.id AND d.organization_id = calls.organization_id) "
						    "FROM calls WHERE id = $1 AND organization_id = $2", "ss", call_id, organization_id);
	*failed = !rows;
	bool found = rows_count(rows) == 1;
	if (found) {
		struct call_log row;
		store_call_row(rows, 0, arena, &row);
		/* the row's texts outlive the result */
		const char **texts[] = {&row.id, &row.organization_id, &row.campaign_id, &row.publisher_id, &row.caller_id, &row.number, &row.status, &row.disposition, &row.execution_mode, &row.call_flow_id, &row.target_id, &row.reason, &row.payout_hold_reason};
		for (size_t i = 0; i < ARRAY_LEN(texts); i++)
			*texts[i] = arena_strdup(arena, *texts[i]);
		row.tags = store_call_tags_json(conn, organization_id, call_id, arena);
		row.recordings = recordings_json(conn, organization_id, call_id, arena);
		*failed = !row.tags || !row.recordings || !read_custom_data(rows_text(rows, 0, CUSTOM_DATA_COLUMN), arena, &row);
		*out = row;
	}
	rows_free(rows);
	return found && !*failed;
}

#define INSERT_TAG "INSERT INTO call_tags (call_id, tag_id, organization_id, name, kind, value, sensitive, number, source, at_ms, origin) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) " \
		   "ON CONFLICT (call_id, tag_id) DO UPDATE SET name = excluded.name, kind = excluded.kind, value = excluded.value, sensitive = excluded.sensitive, number = excluded.number, source = excluded.source, at_ms = excluded.at_ms, origin = excluded.origin"

void store_call_tag(struct store_batch *batch, const struct crypto_key *key, const char *organization_id, const char *call_id,
		    const struct tag_write *w, bool settled)
{
	char number[VALUE_NUMBER_SIZE] = "";
	if (w->value->kind == VALUE_NUMBER || w->value->kind == VALUE_DATETIME)
		value_format_number(w->value->number, number);
	char *sealed = w->def->sensitive ? crypto_seal(key, w->value->text) : NULL;
	store_batch_add(batch, settled ? INSERT_TAG : INSERT_TAG " WHERE excluded.at_ms >= call_tags.at_ms", "ssssssissis", call_id, w->def->id, organization_id, w->def->name, w->def->type.name,
			w->def->sensitive ? sealed : w->value->text, (int64_t)w->def->sensitive, *number && !w->def->sensitive ? number : NULL, tag_source_name(w->source), w->at_ms, w->origin);
	free(sealed);
}

void store_call_tag_remove(struct store_batch *batch, const char *organization_id, const char *call_id, const struct tag_write *w)
{
	store_batch_add(batch, "DELETE FROM call_tags WHERE call_id = $1 AND tag_id = $2 AND organization_id = $3", "sss",
			call_id, w->def->id, organization_id);
	store_batch_add(batch, "INSERT INTO call_tag_removals (call_id, tag_id, organization_id, source, at_ms) VALUES ($1, $2, $3, $4, $5) "
			       "ON CONFLICT (call_id, tag_id) DO UPDATE SET source = excluded.source, at_ms = excluded.at_ms", "ssssi",
			call_id, w->def->id, organization_id, tag_source_name(w->source), w->at_ms);
}

void store_call_custom_data(struct store_batch *batch, const char *organization_id, const char *call_id, const char *stored)
{
	store_batch_add(batch, "INSERT INTO call_custom_data (call_id, organization_id, data) VALUES ($1, $2, $3) "
			       "ON CONFLICT (call_id) DO UPDATE SET data = excluded.data", "sss", call_id, organization_id, stored);
}

void store_call_tag_event(struct buf *b, const struct tag_write *w)
{
	json_key(b, "tag");
	json_open(b);
	json_str(b, "id", w->def->id);
	json_str(b, "name", w->def->name);
	json_key(b, "value");
	if (w->value)
		value_json(b, w->value->kind, w->value->text, w->value->len, w->def->sensitive);
	else
		buf_add_str(b, "null");
	json_key(b, "previous");
	if (w->previous)
		value_json(b, w->def->type.kind, w->previous, strlen(w->previous), w->def->sensitive);
	else
		buf_add_str(b, "null");
	json_str(b, "source", tag_source_name(w->source));
	json_str(b, "origin", w->origin);
	json_time(b, "set_at", w->at_ms);
	json_close(b);
}
