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

/* What is left of an amount once it is known which of the caller's calls is paid for; `added` is beside it. once_days 0: whatever others are. */
static int64_t claim(const struct organization *o, struct call_log *log, enum callers_paid what, const char *id, int64_t micros, int64_t added, int once_days)
{
	log->not_paid_twice &= ~(1u << what);
	if (!(micros + added)) {
		callers_unpay(o->callers, what, id, log->caller_id, log->id);
		return micros;
	}
	if (callers_pay(o->callers, what, id, log->caller_id, log->id, log->started_ms, once_days))
		return micros;
	log->not_paid_twice |= 1u << what;
	return 0;
}

/* A call's money as the database has it, and what it is settled by. */
struct account {
	const struct config_campaign *campaign; /* NULL: none, nothing is due */
	const struct terms *terms;
	const struct route_target *target;
	struct route_target bidder; /* the target, where it pays what it bid */
	bool revenue_said, payout_said, converted_said;
	int64_t revenue, payout, revenue_added, payout_added, talked_ms;
};

/* What the buyer bid for the call is what it pays. false: the database failed. */
static bool read_bid(struct store_conn *conn, const struct organization *o, const struct call_log *log, struct account *a)
{
	const struct rtb_target *t = log->target_id ? organization_find(o, "rtb_target", log->target_id) : NULL;
	struct store_rows *r = t ? store_query(conn, "SELECT amount, doc FROM rtb_requests WHERE call_id = $1 AND organization_id = $2 AND resource_id = $3 AND status = 'won' ORDER BY id DESC LIMIT 1", "sss", log->id, o->id, log->target_id) : NULL;
	if (t && rows_count(r) == 1) {
		json_t *doc = json_loads(rows_text(r, 0, 1), 0, NULL), *seconds = json_object_get(doc, "duration_seconds");
		a->bidder = t->target;
		a->bidder.revenue_micros = rows_int(r, 0, 0);
		if (json_is_integer(seconds))
			a->bidder.revenue_after_seconds = (int)json_integer_value(seconds);
		a->target = &a->bidder;
		json_decref(doc);
	}
	bool ok = !t || r;
	rows_free(r);
	return ok;
}

static bool read_account(struct store_conn *conn, const struct organization *o, const struct call_log *log, struct account *a)
{
	*a = (struct account){.campaign = log->campaign_id ? organization_campaign(o, log->campaign_id) : NULL, .target = log->target_id ? organization_target(o, log->target_id) : NULL};
	if (!a->campaign)
		return true;
	if (!read_bid(conn, o, log, a))
		return false;
	struct store_rows *r = store_query(conn, "SELECT revenue_at, payout_at, converted_at, revenue, payout, revenue_added, payout_added FROM calls WHERE id = $1 AND organization_id = $2", "ss", log->id, o->id);
	bool found = rows_count(r) == 1;
	if (found) {
		a->terms = campaign_terms(a->campaign, log->publisher_id);
		a->revenue_said = rows_int(r, 0, 0);
		a->payout_said = rows_int(r, 0, 1);
		a->converted_said = rows_int(r, 0, 2);
		a->revenue = rows_int(r, 0, 3);
		a->payout = rows_int(r, 0, 4);
		a->revenue_added = rows_int(r, 0, 5);
		a->payout_added = rows_int(r, 0, 6);
		a->talked_ms = log->ended_ms ? log->talked_ms : log->connected_ms ? clock_now_ms() - log->connected_ms : 0;
	}
	rows_free(r);
	return found;
}

/* What the terms say of the call as it is: *converts by them, and the payout when it is `converted`. false: no memory. */
static bool ask_terms(const struct organization *o, const struct call_log *log, const struct account *a, bool converted, bool *converts, int64_t *due)
{
	struct event_values *values = calloc(1, sizeof *values);
	struct buf text = {0};
	bool by_filter = terms_by_filter(a->terms);
	if (by_filter)
		call_log_json(&text, log);
	json_t *call = by_filter ? json_loads(buf_text(&text), 0, NULL) : NULL;
	bool ok = values && (call || !by_filter);
	if (ok) {
		if (by_filter)
			event_values_read(values, o, call, log->started_ms);
		*converts = log->connected_ms && terms_convert(a->terms, a->talked_ms, &values->env);
		*due = converted || (*converts && !a->converted_said) ? terms_payout(a->terms, a->revenue + a->revenue_added, a->talked_ms, &values->env) : 0;
		arena_free(&values->arena);
	}
	json_decref(call);
	buf_free(&text);
	free(values);
	return ok;
}

/* Before a change: is the payout what today's terms say? Else they were others then, and it stays. */
static bool follows_terms(struct store_conn *conn, const struct organization *o, const struct call_log *log, bool *follows)
{
	struct account a;
	bool converts;
	int64_t due = 0;
	if (!read_account(conn, o, log, &a) || (a.campaign && !ask_terms(o, log, &a, log->converted, &converts, &due)))
		return false;
	*follows = !log->converted || a.payout == due || log->not_paid_twice & 1u << CALLERS_PAYOUT;
	return true;
}

static void settle_revenue(const struct organization *o, struct call_log *log, struct account *a, bool converted, bool was_converted)
{
	bool on_conversion = a->target && a->target->revenue_after_seconds < 0 && !a->revenue_said && converted != was_converted;
	if (on_conversion)
		a->revenue = claim(o, log, CALLERS_REVENUE, a->target->id, converted ? a->target->revenue_micros : 0, a->revenue_added, a->target->revenue_once_days);
	else if (a->target && (a->revenue || !(log->not_paid_twice & 1u << CALLERS_REVENUE)))
		a->revenue = claim(o, log, CALLERS_REVENUE, a->target->id, a->revenue, a->revenue_added, 0);
}

/* After a change, in the connection's transaction. *log becomes what the call is then; whether a live call converts by its terms
 * is for itself to say. was_converted, follows: before the change. false: the database failed. */
static bool settle(struct store_conn *conn, const struct organization *o, struct call_log *log, bool was_converted, bool follows, struct arena *arena)
{
	struct account a;
	bool failed, converts;
	int64_t due;
	if (!read_account(conn, o, log, &a) || (a.campaign && !ask_terms(o, log, &a, log->converted, &converts, &due)))
		return false;
	if (!a.campaign)
		return true;
	converts = converts && log->ended_ms && !a.converted_said && !log->converted;
	bool converted = log->converted || converts;
	settle_revenue(o, log, &a, converted, was_converted);
	/* What a webhook added where nothing was paid stands in its place. */
	if (!a.payout_said && (follows || converted != was_converted) && (a.payout || !a.payout_added)) {
		if (!ask_terms(o, log, &a, converted, &(bool){false}, &due)) /* of the revenue as it is now */
			return false;
		a.payout = due;
	}
	a.payout = claim(o, log, CALLERS_PAYOUT, a.campaign->id, a.payout, a.payout_added, a.payout_said ? 0 : a.campaign->payout_once_days);
	return store_exec(conn, "UPDATE calls SET revenue = $1, payout = $2, converted = $3, converted_at = CASE WHEN CAST($4 AS BIGINT) = 0 THEN converted_at ELSE CAST($4 AS BIGINT) END, not_paid_twice = $5 WHERE id = $6 AND organization_id = $7", "iiiiiss",
			  a.revenue, a.payout, (int64_t)converted, converts ? clock_now_ms() : 0, (int64_t)log->not_paid_twice, log->id, o->id) && store_call_read(conn, o->id, log->id, arena, log, &failed);
}

static bool pays_by_filter(const struct organization *o, const struct call_log *log)
{
	const struct config_campaign *campaign = log->campaign_id ? organization_campaign(o, log->campaign_id) : NULL;
	return campaign && terms_by_filter(campaign_terms(campaign, log->publisher_id));
}

/* ---- tags ---- */

static void change_tag_value(struct buf *changes, const char *key, const struct tag_def *def, const char *text)
{
	json_key(changes, key);
	if (text)
		value_json(changes, def->type.kind, text, strlen(text), def->sensitive);
	else
		buf_add_str(changes, "null");
}

/* call.updated's "tags": each tag that got another value. "" for none. */
static void change_tags(struct buf *changes, const struct organization *o, const struct tag_result *settled,
			const struct tag_held *held, size_t count)
{
	struct buf tags = {0};
	for (size_t i = 0; i < count; i++) {
		const struct tag_def *def = tag_set_get(o->tags, settled[i].slot);
		const char *to = settled[i].value.text, *from = held[i].text;
		if (settled[i].value.kind == VALUE_NONE || (from && strcmp(from, to) == 0))
			continue;
		json_key(&tags, def->name);
		json_open(&tags);
		change_tag_value(&tags, "from", def, from);
		change_tag_value(&tags, "to", def, to);
		json_close(&tags);
	}
	if (tags.len) {
		json_key(changes, "tags");
		buf_printf(changes, "{%s}", buf_text(&tags));
	}
	changes->failed |= tags.failed;
	buf_free(&tags);
}

static bool report_tags(struct store_conn *conn, struct store_batch *events, const struct organization *o,
			const struct call_log *was, const struct call_log *is, const struct buf *changes,
			enum tag_source source, const char *origin, struct event_touched *touched)
{
	const struct change_cause cause = {
		.source = source == TAG_FROM_API ? CHANGED_BY_API : CHANGED_BY_WEBHOOK,
		.by = origin,
		.money_by_rule = true,
	};
	return !changes->failed && change_report(conn, events, o, was, is, buf_text(changes), &cause, touched);
}

bool event_apply_tags(struct store_conn *conn, const struct crypto_key *key, const struct organization *o, struct call_log *log,
		      const struct tag_result *results, size_t count, enum tag_source source, const char *origin, int64_t at_ms,
		      struct tag_result *settled, struct arena *arena, struct event_touched *touched)
{
	struct store_rows *before = store_query(conn, "SELECT tag_id, value, sensitive, source, at_ms FROM call_tags WHERE call_id = $1 AND organization_id = $2", "ss", log->id, o->id);
	struct tag_held *held = arena_alloc(arena, (count + 1) * sizeof *held);
	struct store_batch *events = before && held ? store_batch_new() : NULL;
	const struct call_log was = *log;
	bool ok = events != NULL, ended = strcmp(log->status, "active") != 0, converted = log->converted, follows = true;
	bool settles = ended && pays_by_filter(o, log);
	ok = ok && (!settles || follows_terms(conn, o, log, &follows));
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
	ok = ok && (log->tags = store_call_tags_json(conn, o->id, log->id, arena)) && (!settles || (totals_count(conn, o->id, log->id, o->tags, -1) && settle(conn, o, log, converted, follows, arena) && totals_count(conn, o->id, log->id, o->tags, 1)));
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
	struct buf changes = {0};
	if (ok && ended)
		change_tags(&changes, o, settled, held, count);
	ok = ok && (!ended || report_tags(conn, events, o, &was, log, &changes, source, origin, touched)) &&
	     store_batch_run(events, conn);
	buf_free(&changes);
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

/* For the live call: its own call.revenue_changed goes on from there. */
static void keep_reported(struct call_outcome *x, const struct call_log *was, const struct call_log *is)
{
	x->revenue_reported = was->revenue_micros != is->revenue_micros;
	x->reported_revenue = is->revenue_micros;
	x->payout_reported = was->payout_micros != is->payout_micros;
	x->reported_payout = is->payout_micros;
}

bool event_apply_outcome(struct store_conn *conn, const struct organization *o, struct call_log *log, struct call_outcome *x,
			 const struct change_cause *cause, int64_t at_ms, json_t *refused, struct arena *arena,
			 struct event_touched *touched)
{
	const struct call_log was = *log;
	bool ended = strcmp(log->status, "active") != 0, converted = log->converted, follows = true, failed = false;
	struct store_rows *times = find_times(conn, log);
	struct store_batch *batch = rows_count(times) == 1 ? store_batch_new() : NULL, *events = batch ? store_batch_new() : NULL;
	bool ok = events != NULL;
	if (ok && (ok = follows_terms(conn, o, log, &follows))) {
		add_outcome(batch, log, x, at_ms, times, refused);
		ok = (!ended || totals_count(conn, o->id, log->id, o->tags, -1)) && store_batch_run(batch, conn) && store_call_read(conn, o->id, log->id, arena, log, &failed) &&
		     settle(conn, o, log, converted, follows, arena) && (!ended || totals_count(conn, o->id, log->id, o->tags, 1));
	}
	if (ok && log->converted && !converted)
		event_emit(events, o, &(struct event){"call.converted", "", log, NULL}, clock_now_ms(), touched);
	ok = ok && change_report(conn, events, o, &was, log, "", cause, touched) && store_batch_run(events, conn);
	keep_reported(x, &was, log);
	store_batch_free(batch);
	store_batch_free(events);
	rows_free(times);
	return ok;
}
