#include "event/change.h"
#include "base/clock.h"
#include "store/finals.h"
#include <string.h>

static const char *const sources[] = {
	[CHANGED_BY_WEBHOOK] = "incoming_webhook", [CHANGED_BY_API] = "api", [CHANGED_BY_FLOW] = "call_flow",
	[CHANGED_BY_RULE] = "rule", [CHANGED_BY_RECORDER] = "recording",
};

void change_money(struct buf *changes, const char *name, int64_t from, int64_t to)
{
	if (from == to)
		return;
	json_key(changes, name);
	json_open(changes);
	json_money(changes, "from", from);
	json_money(changes, "to", to);
	json_close(changes);
}

void change_text(struct buf *changes, const char *name, const char *from, const char *to)
{
	if (from == to || (from && to && strcmp(from, to) == 0))
		return;
	json_key(changes, name);
	json_open(changes);
	json_str(changes, "from", from);
	json_str(changes, "to", to);
	json_close(changes);
}

static void change_bool(struct buf *changes, const char *name, bool from, bool to)
{
	if (from == to)
		return;
	json_key(changes, name);
	json_open(changes);
	json_bool(changes, "from", from);
	json_bool(changes, "to", to);
	json_close(changes);
}

static void change_time(struct buf *changes, const char *name, int64_t from, int64_t to)
{
	if (from == to)
		return;
	json_key(changes, name);
	json_open(changes);
	json_time(changes, "from", from);
	json_time(changes, "to", to);
	json_close(changes);
}

void change_data(struct buf *data, enum change_source source, const char *by, const char *changes)
{
	json_str(data, "source", sources[source]);
	json_str(data, "by", by);
	json_key(data, "changes");
	buf_printf(data, "{%s}", changes);
}

/* One report, while it is put together. */
struct report {
	struct store_batch *events;
	const struct organization *o;
	const struct call_log *is;
	const struct change_cause *cause;
	struct event_touched *touched;
};

static void emit(const struct report *r, const char *type, enum change_source source, const char *note, const char *changes)
{
	struct buf data = {0};
	change_data(&data, source, r->cause->by, changes);
	if (note) {
		json_item(&data);
		buf_add_str(&data, note);
	}
	event_emit(r->events, r->o, &(struct event){.type = type, .data = buf_text(&data), .call = r->is},
		   clock_now_ms(), r->touched);
	buf_free(&data);
}

/* A correction is reported even where it changes nothing: its note says why it was made. */
static void report_adjustment(const struct report *r, const char *money, const char *converted)
{
	struct buf changes = {0}, note = {0};
	buf_add_str(&changes, money);
	if (*converted) {
		json_item(&changes);
		buf_add_str(&changes, converted);
	}
	json_str(&note, "note", r->cause->note);
	if (changes.len || r->cause->note)
		emit(r, "call.adjusted", r->cause->source, buf_text(&note), buf_text(&changes));
	buf_free(&changes);
	buf_free(&note);
}

static bool report_update(const struct report *r, struct store_conn *conn, const char *changes)
{
	bool waiting;
	if (!*changes || !event_is_asked_for(r->o, event_type_find("call.updated")))
		return true;
	if (!finals_is_waiting(conn, r->o->id, r->is->id, &waiting))
		return false;
	if (!waiting)
		emit(r, "call.updated", r->cause->source, NULL, changes);
	return true;
}

bool change_report(struct store_conn *conn, struct store_batch *events, const struct organization *o,
		   const struct call_log *was, const struct call_log *is, const char *more,
		   const struct change_cause *cause, struct event_touched *touched)
{
	const struct report r = {.events = events, .o = o, .is = is, .cause = cause, .touched = touched};
	bool ended = strcmp(was->status, "active") != 0;
	struct buf money = {0}, converted = {0}, all = {0};
	change_money(&money, "revenue", was->revenue_micros, is->revenue_micros);
	change_money(&money, "payout", was->payout_micros, is->payout_micros);
	change_bool(&converted, "converted", was->converted, is->converted);
	if (ended && !cause->money_by_rule)
		report_adjustment(&r, buf_text(&money), buf_text(&converted));
	if (money.len)
		emit(&r, "call.revenue_changed", cause->money_by_rule ? CHANGED_BY_RULE : cause->source, NULL, buf_text(&money));
	const char *const parts[] = {buf_text(&money), buf_text(&converted), more};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (*parts[i]) {
			json_item(&all);
			buf_add_str(&all, parts[i]);
		}
	change_text(&all, "disposition", was->disposition, is->disposition);
	change_text(&all, "publisher_id", was->publisher_id, is->publisher_id);
	if (was->converted && is->converted)
		change_time(&all, "converted_at", was->conversion_ms, is->conversion_ms);
	change_text(&all, "reason", was->reason, is->reason);
	change_text(&all, "payout_hold_reason", was->payout_hold_reason, is->payout_hold_reason);
	bool ok = !money.failed && !converted.failed && !all.failed && (!ended || report_update(&r, conn, buf_text(&all)));
	buf_free(&money);
	buf_free(&converted);
	buf_free(&all);
	return ok;
}

bool change_report_recording(struct store_conn *conn, struct store_batch *events, const struct organization *o,
			     const struct call_log *call, const char *recording_id, const char *from, const char *to,
			     const struct change_cause *cause, struct event_touched *touched)
{
	const struct report r = {.events = events, .o = o, .is = call, .cause = cause, .touched = touched};
	struct buf changes = {0};
	json_key(&changes, "recordings");
	json_open(&changes);
	change_text(&changes, recording_id, from, to);
	json_close(&changes);
	bool ended = strcmp(call->status, "active") != 0;
	bool ok = !changes.failed && (!ended || report_update(&r, conn, buf_text(&changes)));
	buf_free(&changes);
	return ok;
}
