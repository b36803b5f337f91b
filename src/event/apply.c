#include "event/apply.h"
#include "base/clock.h"
#include "event/values.h"
#include "store/totals.h"
#include <stdlib.h>
#include <string.h>

/* What the call has of a tag, opened where it is sealed. */
static struct tag_held held_in(const struct store_rows *rows, const char *tag_id, const struct crypto_key *key, struct arena *arena)
{
	for (size_t i = 0; i < rows_count(rows); i++) {
		if (strcmp(rows_text(rows, i, 0), tag_id) != 0)
			continue;
		const char *text = rows_text(rows, i, 1);
		if (rows_int(rows, i, 2)) {
			char *plain = crypto_open(key, text);
			text = arena_strdup(arena, plain ? plain : "");
			free(plain);
		}
		return (struct tag_held){text, tag_source_from(rows_text(rows, i, 3)), rows_int(rows, i, 4)};
	}
	return (struct tag_held){0};
}

/* An ended call is in the reports' sums already: with the value that its tag had. */
static bool write_one(struct store_conn *conn, const struct crypto_key *key, const struct call_log *log, const struct tag_write *w, bool ended)
{
	struct store_batch *batch = store_batch_new();
	if (batch)
		store_call_tag(batch, key, log->organization_id, log->id, w, true);
	bool ok = batch && store_batch_run(batch, conn) && (!ended || !w->def->report || totals_move(conn, log, w->def, w->previous, w->value->text));
	store_batch_free(batch);
	return ok;
}

/* ---- what is due by the terms ---- */

/* In the connection's transaction. *log becomes what the call is then; whether a live call converts by its terms is for itself to say.
 * false: the database failed. */
static bool settle(struct store_conn *conn, const struct organization *o, struct call_log *log, struct arena *arena)
{
	const struct config_campaign *campaign = log->campaign_id ? organization_campaign(o, log->campaign_id) : NULL;
	const struct route_target *target = log->target_id ? organization_target(o, log->target_id) : NULL;
	struct store_rows *said = campaign ? store_query(conn, "SELECT revenue_at, payout_at, converted_at, revenue, payout, revenue_added, payout_added FROM calls WHERE id = $1 AND organization_id = $2", "ss", log->id, o->id) : NULL;
	struct buf text = {0};
	bool failed = false;
	if (!campaign)
		return true;
	if (rows_count(said) != 1) {
		rows_free(said);
		return false;
	}
	call_log_json(&text, log);
	json_t *call = json_loads(buf_text(&text), 0, NULL);
	struct event_values *values = arena_alloc(arena, sizeof *values);
	bool ok = call && values;
	if (ok) {
		const struct terms *terms = campaign_terms(campaign, log->publisher_id);
		int64_t revenue = rows_int(said, 0, 3), payout = rows_int(said, 0, 4), talked = log->ended_ms ? log->talked_ms : log->connected_ms ? clock_now_ms() - log->connected_ms : 0;
		*values = (struct event_values){0};
		event_values_read(values, o, call, log->started_ms);
		bool converts = log->ended_ms && !rows_int(said, 0, 2) && !log->converted && log->connected_ms && terms_convert(terms, talked, &values->env);
		bool converted = log->converted || converts;
		if (!rows_int(said, 0, 0) && target && target->revenue_after_seconds < 0)
			revenue = converted ? target->revenue_micros : 0;
		if (!rows_int(said, 0, 1) && (payout || !rows_int(said, 0, 6))) /* what a webhook added where nothing was paid stands in its place */
			payout = converted ? terms_payout(terms, revenue + rows_int(said, 0, 5), talked, &values->env) : 0;
		ok = store_exec(conn, "UPDATE calls SET revenue = $1, payout = $2, converted = $3, converted_at = CASE WHEN CAST($4 AS BIGINT) = 0 THEN converted_at ELSE CAST($4 AS BIGINT) END WHERE id = $5 AND organization_id = $6", "iiiiss",
				revenue, payout, (int64_t)converted, converts ? clock_now_ms() : 0, log->id, o->id) && store_call_read(conn, o->id, log->id, arena, log, &failed);
		arena_free(&values->arena);
	}
	json_decref(call);
	buf_free(&text);
	rows_free(said);
	return ok;
}

static bool pays_by_tags(const struct organization *o, const struct call_log *log)
{
	const struct config_campaign *campaign = log->campaign_id ? organization_campaign(o, log->campaign_id) : NULL;
	const struct terms *terms = campaign ? campaign_terms(campaign, log->publisher_id) : NULL;
	for (size_t i = 0; terms && i < terms->tier_count; i++)
		if (terms->tiers[i].filter)
			return true;
	return terms && terms->converts_filter;
}

/* An ended call is in the reports' sums: taken out before it changes, and put in again. */
static bool count_in_totals(struct store_conn *conn, const struct organization *o, const struct call_log *log, int sign)
{
	struct store_batch *batch = store_batch_new();
	if (batch)
		totals_add(batch, o->id, log->id, o->tags, sign);
	bool ok = batch && store_batch_run(batch, conn);
	store_batch_free(batch);
	return ok;
}

/* ---- tags ---- */

bool event_apply_tags(struct store_conn *conn, const struct crypto_key *key, const struct organization *o, struct call_log *log,
		      const struct tag_result *results, size_t count, enum tag_source source, const char *origin, int64_t at_ms,
		      struct tag_result *settled, struct arena *arena, struct event_touched *touched)
{
	struct store_rows *before = store_query(conn, "SELECT tag_id, value, sensitive, source, at_ms FROM call_tags WHERE call_id = $1 AND organization_id = $2", "ss", log->id, o->id);
	struct tag_held *held = arena_alloc(arena, (count + 1) * sizeof *held);
	struct store_batch *events = before && held ? store_batch_new() : NULL;
	bool ok = events != NULL, ended = strcmp(log->status, "active") != 0, converted = log->converted;
	for (size_t i = 0; ok && i < count; i++) {
		const struct tag_def *def = tag_set_get(o->tags, results[i].slot);
		settled[i] = results[i];
		if (results[i].value.kind == VALUE_NONE)
			continue;
		held[i] = held_in(before, def->id, key, arena);
		settled[i].error = tag_settle(def, &held[i], source, at_ms, &settled[i].value, arena);
		if (settled[i].error)
			settled[i].value.kind = VALUE_NONE;
		else
			ok = write_one(conn, key, log, &(struct tag_write){def, &settled[i].value, source, origin, held[i].text, at_ms}, ended);
	}
	ok = ok && (log->tags = store_call_tags_json(conn, o->id, log->id, arena)) && (!ended || !pays_by_tags(o, log) || (count_in_totals(conn, o, log, -1) && settle(conn, o, log, arena) && count_in_totals(conn, o, log, 1)));
	for (size_t i = 0; ok && i < count; i++) {
		struct buf data = {0};
		if (settled[i].value.kind == VALUE_NONE)
			continue;
		store_call_tag_event(&data, &(struct tag_write){tag_set_get(o->tags, settled[i].slot), &settled[i].value, source, origin, held[i].text, at_ms});
		event_emit(events, o, &(struct event){held[i].text ? "tag.changed" : "tag.set", buf_text(&data), log, NULL}, clock_now_ms(), touched);
		buf_free(&data);
	}
	if (ok && log->converted && !converted)
		event_emit(events, o, &(struct event){"call.converted", "", log, NULL}, clock_now_ms(), touched);
	ok = ok && store_batch_run(events, conn);
	store_batch_free(events);
	rows_free(before);
	return ok;
}

/* ---- money and course ---- */

static void refuse(json_t *refused, const char *field)
{
	json_array_append_new(refused, json_pack("{s:s, s:s}", "field", field, "detail", "a later value is there"));
}

/* Of revenue or payout: into its place, or beside it. false: what is there is later. */
static bool add_money(struct store_batch *batch, const struct call_log *log, bool payout, bool add, int64_t micros, int64_t at_ms, int64_t there_ms)
{
	static const char *const replace[] = {"UPDATE calls SET revenue = $1, revenue_added = 0, revenue_at = $2 WHERE id = $3 AND organization_id = $4",
					      "UPDATE calls SET payout = $1, payout_added = 0, payout_at = $2 WHERE id = $3 AND organization_id = $4"};
	static const char *const beside[] = {"UPDATE calls SET revenue_added = revenue_added + $1 WHERE id = $2 AND organization_id = $3",
					     "UPDATE calls SET payout_added = payout_added + $1 WHERE id = $2 AND organization_id = $3"};
	if (there_ms > at_ms)
		return false;
	if (add)
		store_batch_add(batch, beside[payout], "iss", micros, log->id, log->organization_id);
	else
		store_batch_add(batch, replace[payout], "iiss", micros, at_ms, log->id, log->organization_id);
	return true;
}

/* $at of what webhooks replaced: revenue, payout, converted, disposition. */
static struct store_rows *find_times(struct store_conn *conn, const struct call_log *log)
{
	return store_query(conn, "SELECT revenue_at, payout_at, converted_at, disposition_at FROM calls WHERE id = $1 AND organization_id = $2", "ss", log->id, log->organization_id);
}

static void add_outcome(struct store_batch *batch, const struct call_log *log, struct call_outcome *x, int64_t at_ms, const struct store_rows *times, json_t *refused)
{
	if (x->has_revenue && !(x->has_revenue = add_money(batch, log, false, x->add, x->revenue_micros, at_ms, rows_int(times, 0, 0))))
		refuse(refused, "revenue");
	if (x->has_payout && !(x->has_payout = add_money(batch, log, true, x->add, x->payout_micros, at_ms, rows_int(times, 0, 1))))
		refuse(refused, "payout");
	if (x->converted >= 0 && rows_int(times, 0, 2) > at_ms) {
		refuse(refused, "converted");
		x->converted = -1;
	}
	if (*x->disposition && rows_int(times, 0, 3) > at_ms) {
		refuse(refused, "disposition");
		*x->disposition = '\0';
	}
	if (x->converted >= 0)
		store_batch_add(batch, "UPDATE calls SET converted = $1, converted_at = $2 WHERE id = $3 AND organization_id = $4", "iiss", (int64_t)x->converted, at_ms, log->id, log->organization_id);
	if (*x->disposition)
		store_batch_add(batch, "UPDATE calls SET disposition = $1, disposition_at = $2 WHERE id = $3 AND organization_id = $4", "siss", x->disposition, at_ms, log->id, log->organization_id);
	if (*x->publisher_id)
		store_batch_add(batch, "UPDATE calls SET publisher_id = $1 WHERE id = $2 AND organization_id = $3", "sss", x->publisher_id, log->id, log->organization_id);
}

bool event_apply_outcome(struct store_conn *conn, const struct organization *o, struct call_log *log, struct call_outcome *x,
			 int64_t at_ms, json_t *refused, struct arena *arena, struct event_touched *touched)
{
	bool ended = strcmp(log->status, "active") != 0, converted = log->converted, failed = false;
	struct store_rows *times = find_times(conn, log);
	struct store_batch *batch = rows_count(times) == 1 ? store_batch_new() : NULL, *events = batch ? store_batch_new() : NULL;
	bool ok = events != NULL;
	if (ok) {
		add_outcome(batch, log, x, at_ms, times, refused);
		ok = (!ended || count_in_totals(conn, o, log, -1)) && store_batch_run(batch, conn) && store_call_read(conn, o->id, log->id, arena, log, &failed) &&
		     settle(conn, o, log, arena) && (!ended || count_in_totals(conn, o, log, 1));
	}
	if (ok && log->converted && !converted)
		event_emit(events, o, &(struct event){"call.converted", "", log, NULL}, clock_now_ms(), touched);
	ok = ok && store_batch_run(events, conn);
	store_batch_free(batch);
	store_batch_free(events);
	rows_free(times);
	return ok;
}
