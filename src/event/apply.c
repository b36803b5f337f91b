#include "event/apply.h"
#include "base/clock.h"
#include "event/values.h"
#include "store/totals.h"
#include "tags/custom.h"
#include <stdlib.h>
#include <string.h>

/* What the call has of a tag, opened where it is sealed. */
static struct tag_held held_in(const struct store_rows *rows, const char *tag_id, const struct crypto_key *key, struct arena *arena)
{
	for (size_t i = 0; i < rows_count(rows); i++) {
		if (strcmp(rows_text(rows, i, 0), tag_id) != 0)
			continue;
		const char *text = rows_text(rows, i, 1); /* NULL: it was removed then */
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
	if (batch && w->value)
		store_call_tag(batch, key, log->organization_id, log->id, w, true);
	else if (batch)
		store_call_tag_remove(batch, log->organization_id, log->id, w);
	const char *now = w->value ? w->value->text : NULL;
	bool ok = batch && store_batch_run(batch, conn) && (!ended || !w->def->report || totals_move(conn, log, w->def, w->previous, now));
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
	return store_exec(conn, "UPDATE calls SET revenue = $1, payout = $2, converted = $3, converted_at = CASE WHEN CAST($4 AS BIGINT) = 0 THEN converted_at ELSE CAST($4 AS BIGINT) END, "
				"conversion_at = CASE WHEN CAST($4 AS BIGINT) = 0 THEN conversion_at ELSE CAST($4 AS BIGINT) END, not_paid_twice = $5 WHERE id = $6 AND organization_id = $7", "iiiiiss",
			  a.revenue, a.payout, (int64_t)converted, converts ? clock_now_ms() : 0, (int64_t)log->not_paid_twice, log->id, o->id) && store_call_read(conn, o->id, log->id, arena, log, &failed);
}

static bool pays_by_filter(const struct organization *o, const struct call_log *log)
{
	const struct config_campaign *campaign = log->campaign_id ? organization_campaign(o, log->campaign_id) : NULL;
	return campaign && terms_by_filter(campaign_terms(campaign, log->publisher_id));
}

/* ---- an ended call whose terms ask for what changes ---- */

struct resettling {
	bool settles, follows, converted;
};

/* Before the change. false: the database failed. */
static bool begin_resettling(struct store_conn *conn, const struct organization *o, const struct call_log *log, struct resettling *s)
{
	*s = (struct resettling){.settles = strcmp(log->status, "active") != 0 && pays_by_filter(o, log), .follows = true, .converted = log->converted};
	return !s->settles || follows_terms(conn, o, log, &s->follows);
}

/* After it. false: the database failed. */
static bool end_resettling(struct store_conn *conn, const struct organization *o, struct call_log *log, const struct resettling *s, struct arena *arena)
{
	return !s->settles || (totals_count(conn, o->id, log->id, o->tags, -1) && settle(conn, o, log, s->converted, s->follows, arena) &&
			       totals_count(conn, o->id, log->id, o->tags, 1));
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

/* call.updated's "tags": each tag that got another value, or none any more. "" for none. */
static void change_tags(struct buf *changes, const struct tag_result *settled, const struct tag_write *writes,
			size_t count)
{
	struct buf tags = {0};
	for (size_t i = 0; i < count; i++) {
		if (!tag_result_changes(&settled[i]))
			continue;
		const struct tag_def *def = writes[i].def;
		const char *to = writes[i].value ? writes[i].value->text : NULL, *from = writes[i].previous;
		if (from == to || (from && to && strcmp(from, to) == 0))
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

static bool report_changes(struct store_conn *conn, struct store_batch *events, const struct organization *o,
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

/* What the call has of its tags, and when tags that it has not were removed. */
static struct store_rows *find_held(struct store_conn *conn, const struct organization *o, const struct call_log *log)
{
	return store_query(conn, "SELECT tag_id, value, sensitive, source, at_ms, 0 FROM call_tags WHERE call_id = $1 AND organization_id = $2 "
				 "UNION ALL SELECT tag_id, NULL, 0, source, at_ms, 1 FROM call_tag_removals WHERE call_id = $1 AND organization_id = $2 ORDER BY 6",
			   "ss", log->id, o->id);
}

/* Settle one result against what is held, and write it. settled: it, or with the error why it is not taken. */
static bool apply_one(struct store_conn *conn, const struct crypto_key *key, const struct call_log *log, struct tag_write *w,
		      const struct tag_held *held, struct tag_result *settled, struct arena *arena)
{
	bool ended = strcmp(log->status, "active") != 0;
	w->previous = held->text;
	if (settled->removes) {
		settled->error = tag_settle_removal(w->def, held, w->source, w->at_ms);
	} else {
		settled->error = tag_settle(w->def, held, w->source, w->at_ms, &settled->value, arena);
		w->value = &settled->value;
	}
	if (settled->error)
		settled->value.kind = VALUE_NONE;
	return settled->error || write_one(conn, key, log, w, ended);
}

/* Emit what became of the tag; what removes nothing is no event. */
static void emit_tag(struct store_batch *events, const struct organization *o, const struct call_log *log, const struct tag_write *w, struct event_touched *touched)
{
	struct buf data = {0};
	const char *type = w->previous ? "tag.changed" : "tag.set";
	if (!w->value && !w->previous)
		return;
	store_call_tag_event(&data, w);
	event_emit(events, o, &(struct event){w->value ? type : "tag.removed", buf_text(&data), log, NULL}, clock_now_ms(), touched);
	buf_free(&data);
}

bool event_apply_tags(struct store_conn *conn, const struct crypto_key *key, const struct organization *o, struct call_log *log,
		      const struct tag_result *results, size_t count, enum tag_source source, const char *origin, int64_t at_ms,
		      struct tag_result *settled, struct arena *arena, struct event_touched *touched)
{
	struct store_rows *before = find_held(conn, o, log);
	struct tag_write *writes = arena_alloc(arena, (count + 1) * sizeof *writes);
	struct store_batch *events = before && writes ? store_batch_new() : NULL;
	const struct call_log was = *log;
	struct resettling again;
	bool ended = strcmp(log->status, "active") != 0;
	bool ok = events && begin_resettling(conn, o, log, &again);
	for (size_t i = 0; ok && i < count; i++) {
		const struct tag_def *def = tag_set_get(o->tags, results[i].slot);
		settled[i] = results[i];
		if (!tag_result_changes(&results[i]))
			continue;
		struct tag_held held = held_in(before, def->id, key, arena);
		writes[i] = (struct tag_write){.def = def, .source = source, .origin = origin, .at_ms = at_ms};
		ok = apply_one(conn, key, log, &writes[i], &held, &settled[i], arena);
	}
	ok = ok && (log->tags = store_call_tags_json(conn, o->id, log->id, arena)) && end_resettling(conn, o, log, &again, arena);
	for (size_t i = 0; ok && i < count; i++)
		if (tag_result_changes(&settled[i]))
			emit_tag(events, o, log, &writes[i], touched);
	if (ok && log->converted && !again.converted)
		event_emit(events, o, &(struct event){"call.converted", "", log, NULL}, clock_now_ms(), touched);
	struct buf changes = {0};
	if (ok && ended)
		change_tags(&changes, settled, writes, count);
	ok = ok && (!ended || report_changes(conn, events, o, &was, log, &changes, source, origin, touched)) &&
	     store_batch_run(events, conn);
	buf_free(&changes);
	store_batch_free(events);
	rows_free(before);
	return ok;
}

/* ---- custom data ---- */

/* Merge into what is stored. *changed: something is to be written, then *log has it. false: no memory. */
static bool merge_custom_data(struct call_log *log, json_t *given, int64_t at_ms, json_t *refused, struct arena *arena, bool *changed)
{
	json_t *stored = log->custom_stored ? json_loads(log->custom_stored, 0, NULL) : json_object();
	*changed = custom_data_merge(stored, given, at_ms, refused);
	if (*changed) {
		char *text = json_dumps(stored, JSON_COMPACT), *shown = custom_data_text(stored);
		log->custom_stored = arena_strdup(arena, text);
		log->custom_data = arena_strdup(arena, shown);
		free(text);
		free(shown);
	}
	bool ok = stored && (!*changed || (log->custom_stored && log->custom_data));
	json_decref(stored);
	return ok;
}

static void change_json(struct buf *changes, const char *key, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	changes->failed |= value && !text;
	json_raw(changes, key, text ? text : "null");
	free(text);
}

static void change_field(struct buf *changes, const char *name, json_t *from, json_t *to)
{
	if (from == to || (from && to && json_equal(from, to)))
		return;
	json_key(changes, name);
	json_open(changes);
	change_json(changes, "from", from);
	change_json(changes, "to", to);
	json_close(changes);
}

/* call.updated's "custom_data": each field that got another value, or none any more. "" for none. */
static void change_custom_data(struct buf *changes, const struct call_log *was, const struct call_log *is)
{
	struct buf fields = {0};
	const char *name;
	json_t *value;
	json_t *from = was->custom_data ? json_loads(was->custom_data, 0, NULL) : json_object();
	json_t *to = json_loads(is->custom_data, 0, NULL);
	changes->failed |= !from || !to;
	json_object_foreach(to, name, value)
		change_field(&fields, name, json_object_get(from, name), value);
	json_object_foreach(from, name, value)
		if (!json_object_get(to, name))
			change_field(&fields, name, value, NULL);
	if (fields.len) {
		json_key(changes, "custom_data");
		buf_printf(changes, "{%s}", buf_text(&fields));
	}
	changes->failed |= fields.failed;
	buf_free(&fields);
	json_decref(from);
	json_decref(to);
}

bool event_apply_custom_data(struct store_conn *conn, const struct organization *o, struct call_log *log, json_t *given,
			     const char *origin, int64_t at_ms, json_t *refused, struct arena *arena,
			     struct event_touched *touched)
{
	const struct call_log was = *log;
	bool ended = strcmp(log->status, "active") != 0;
	struct resettling again;
	bool changed, ok = merge_custom_data(log, given, at_ms, refused, arena, &changed);
	if (!ok || !changed)
		return ok;
	struct store_batch *batch = store_batch_new(), *events = batch ? store_batch_new() : NULL;
	if (events)
		store_call_custom_data(batch, o->id, log->id, log->custom_stored);
	ok = events && begin_resettling(conn, o, log, &again) && store_batch_run(batch, conn) && end_resettling(conn, o, log, &again, arena);
	if (ok && log->converted && !again.converted)
		event_emit(events, o, &(struct event){"call.converted", "", log, NULL}, clock_now_ms(), touched);
	struct buf changes = {0};
	if (ok && ended)
		change_custom_data(&changes, &was, log);
	ok = ok && (!ended || report_changes(conn, events, o, &was, log, &changes, TAG_FROM_WEBHOOK, origin, touched)) &&
	     store_batch_run(events, conn);
	buf_free(&changes);
	store_batch_free(batch);
	store_batch_free(events);
	return ok;
}

/* ---- money and course ---- */

static void PRINTF_LIKE(3, 4) refuse(json_t *refused, const char *field, const char *fmt, ...)
{
	char detail[200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	json_array_append_new(refused, json_pack("{s:s, s:s}", "field", field, "detail", detail));
}

#define LATER_VALUE "a later value is there"

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

/* When what webhooks replaced was said. */
enum said { SAID_REVENUE, SAID_PAYOUT, SAID_CONVERTED, SAID_DISPOSITION, SAID_REASON, SAID_HOLD };

static struct store_rows *find_times(struct store_conn *conn, const struct call_log *log)
{
	return store_query(conn, "SELECT revenue_at, payout_at, converted_at, disposition_at, reason_at, payout_hold_at "
				 "FROM calls WHERE id = $1 AND organization_id = $2", "ss", log->id, log->organization_id);
}

/* Whether it converted, and when. What is refused is taken out of the outcome, which has the time in the end. */
static void add_conversion(struct store_batch *batch, const struct call_log *log, struct call_outcome *x, int64_t at_ms, const struct store_rows *times, json_t *refused)
{
	char began[RFC3339_SIZE];
	bool later = rows_int(times, 0, SAID_CONVERTED) > at_ms;
	if (x->conversion_ms && x->conversion_ms < log->started_ms) {
		refuse(refused, "converted_at", "is before the call, which began at %s", clock_rfc3339(log->started_ms, began));
		x->conversion_ms = 0;
	}
	if (x->converted >= 0 && later)
		refuse(refused, "converted", LATER_VALUE);
	if (x->conversion_ms && (later || (x->converted < 0 && !log->converted))) {
		refuse(refused, "converted_at", later ? LATER_VALUE : "the call has not converted");
		x->conversion_ms = 0;
	}
	if (later)
		x->converted = -1;
	if (x->converted < 0 && !x->conversion_ms)
		return;
	if (!x->conversion_ms)
		x->conversion_ms = log->converted && log->conversion_ms ? log->conversion_ms : at_ms > log->started_ms ? at_ms : log->started_ms;
	bool converted = x->converted < 0 ? log->converted : x->converted;
	store_batch_add(batch, "UPDATE calls SET converted = $1, converted_at = $2, conversion_at = NULLIF(CAST($3 AS BIGINT), 0) WHERE id = $4 AND organization_id = $5",
			"iiiss", (int64_t)converted, at_ms, converted ? x->conversion_ms : 0, log->id, log->organization_id);
}

/* The reason, or that of the payout's hold. */
static void add_reason(struct store_batch *batch, const struct call_log *log, bool hold, struct call_outcome *x, int64_t at_ms, const struct store_rows *times, json_t *refused)
{
	static const char *const update[] = {"UPDATE calls SET reason = $1, reason_at = $2 WHERE id = $3 AND organization_id = $4",
					     "UPDATE calls SET payout_hold_reason = $1, payout_hold_at = $2 WHERE id = $3 AND organization_id = $4"};
	enum outcome_text *said = hold ? &x->has_hold : &x->has_reason;
	if (*said && rows_int(times, 0, hold ? SAID_HOLD : SAID_REASON) > at_ms) {
		refuse(refused, hold ? "payout_hold_reason" : "reason", LATER_VALUE);
		*said = OUTCOME_TEXT_UNSAID;
	}
	if (*said)
		store_batch_add(batch, update[hold], "siss", *said == OUTCOME_TEXT_CLEARED ? NULL : hold ? x->hold : x->reason, at_ms, log->id, log->organization_id);
}

static void add_outcome(struct store_batch *batch, const struct call_log *log, struct call_outcome *x, int64_t at_ms, const struct store_rows *times, json_t *refused)
{
	if (x->has_revenue && !(x->has_revenue = add_money(batch, log, false, x->add, x->revenue_micros, at_ms, rows_int(times, 0, SAID_REVENUE))))
		refuse(refused, "revenue", LATER_VALUE);
	if (x->has_payout && !(x->has_payout = add_money(batch, log, true, x->add, x->payout_micros, at_ms, rows_int(times, 0, SAID_PAYOUT))))
		refuse(refused, "payout", LATER_VALUE);
	add_conversion(batch, log, x, at_ms, times, refused);
	if (*x->disposition && rows_int(times, 0, SAID_DISPOSITION) > at_ms) {
		refuse(refused, "disposition", LATER_VALUE);
		*x->disposition = '\0';
	}
	if (*x->disposition)
		store_batch_add(batch, "UPDATE calls SET disposition = $1, disposition_at = $2 WHERE id = $3 AND organization_id = $4", "siss", x->disposition, at_ms, log->id, log->organization_id);
	if (*x->publisher_id)
		store_batch_add(batch, "UPDATE calls SET publisher_id = $1 WHERE id = $2 AND organization_id = $3", "sss", x->publisher_id, log->id, log->organization_id);
	add_reason(batch, log, false, x, at_ms, times, refused);
	add_reason(batch, log, true, x, at_ms, times, refused);
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
