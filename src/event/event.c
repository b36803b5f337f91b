#include "event/event.h"
#include "base/clock.h"
#include "base/id.h"
#include "event/values.h"
#include <stdlib.h>
#include <string.h>

void event_touched_free(struct event_touched *t)
{
	free(t->ids);
	for (struct feed_item *i = t->live, *next; i; i = next) {
		next = i->next;
		free(i);
	}
	*t = (struct event_touched){0};
}

void event_publish(struct event_touched *t)
{
	struct feed_item *i = t->live;
	t->live = t->live_last = NULL;
	for (struct feed_item *next; i; i = next) {
		next = i->next;
		feed_publish(i);
	}
}

static void add_live(struct event_touched *t, const struct organization *o, const char *id, const struct event *e, const char *envelope)
{
	struct feed_item *item = feed_item_new(o->feed, o->id, id, e->type, e->call ? e->call->id : NULL, envelope);
	if (!item)
		return;
	if (t->live)
		t->live_last->next = item;
	else
		t->live = item;
	t->live_last = item;
}

void event_touch(struct event_touched *t, const char *id)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->ids[i], id) == 0)
			return;
	if (t->count == t->capacity) {
		size_t capacity = t->capacity ? t->capacity * 2 : 4;
		char(*ids)[40] = realloc(t->ids, capacity * sizeof *ids);
		if (!ids)
			return; /* found all the same at the delivery thread's next look */
		t->ids = ids;
		t->capacity = capacity;
	}
	snprintf(t->ids[t->count++], sizeof t->ids[0], "%s", id);
}

bool event_type_matches(const char *pattern, const char *type)
{
	size_t n = strlen(pattern);
	if (strcmp(pattern, "*") == 0 || strcmp(pattern, type) == 0)
		return true;
	return n > 2 && pattern[n - 1] == '*' && pattern[n - 2] == '.' && strncmp(pattern, type, n - 1) == 0;
}

/* Before its filter is asked. */
static bool is_wanted(const struct config_outgoing *w, const struct event *e)
{
	bool type = false;
	for (size_t i = 0; i < w->event_type_count && !type; i++)
		type = event_type_matches(w->event_types[i], e->type);
	return w->enabled && type && config_takes_campaign(w->campaign_ids, w->campaign_count, e->call ? e->call->campaign_id : NULL);
}

/* The values that a filter asks for: the call's own while it lives, else those of its log. */
struct filter_values {
	struct event_values values;
	json_t *call;
	struct expr_env *env;
};

static struct expr_env *filter_env(struct filter_values *f, const struct organization *o, const struct event *e, int64_t now_ms)
{
	struct buf text = {0};
	if (e->env)
		return e->env;
	if (f->env)
		return f->env;
	if (e->call)
		call_log_json(&text, e->call);
	f->call = json_loadb(buf_text(&text), text.len, 0, NULL);
	event_values_read(&f->values, o, f->call, now_ms);
	buf_free(&text);
	return f->env = &f->values.env;
}

void event_add_delivery(struct store_batch *batch, const struct organization *o, const struct config_outgoing *w,
			const char *event_id, const char *type, const char *call_id, const char *envelope,
			int64_t now_ms, int64_t due_ms, char delivery_id[40], struct event_touched *touched)
{
	store_batch_add(batch, "INSERT INTO deliveries (id, organization_id, webhook_id, event_id, event_type, call_id, payload, status, attempt_count, next_attempt_at, created_at, updated_at, sequence) "
			       "VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', 0, $9, $8, $8, (SELECT sequence FROM call_events WHERE id = $4))",
			"sssssssii", id_new("dlv", delivery_id), o->id, w->id, event_id, type, call_id, envelope, now_ms, due_ms);
	event_touch(touched, w->id);
}

void event_envelope(struct buf *b, const struct organization *o, const char *id, const struct event *e, bool test, int64_t now_ms)
{
	char time[RFC3339_SIZE];
	json_open(b);
	json_str(b, "id", id);
	json_str(b, "type", e->type);
	json_str(b, "timestamp", clock_rfc3339(now_ms, time));
	json_str(b, "organization_id", o->id);
	if (test)
		json_bool(b, "test", true);
	json_key(b, "data");
	json_open(b);
	if (e->call) {
		json_key(b, "call");
		call_log_json(b, e->call);
	}
	if (*e->data) {
		json_item(b);
		buf_add_str(b, e->data);
	}
	json_close(b);
	json_close(b);
}

void event_emit(struct store_batch *batch, const struct organization *o, const struct event *e,
		int64_t now_ms, struct event_touched *touched)
{
	char id[ID_SIZE], delivery[ID_SIZE];
	struct filter_values values = {0};
	struct buf data = {0}, envelope = {0}; /* the envelope is written once, and only when somebody wants it */
	id_new("evt", id);
	buf_add_str(&data, "{");
	buf_add_str(&data, e->data);
	buf_add_str(&data, "}");
	store_batch_add(batch, "INSERT INTO call_events (id, organization_id, call_id, type, payload, created_at, sequence) VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN CAST($3 AS TEXT) IS NULL THEN NULL ELSE (SELECT COUNT(*) + 1 FROM call_events WHERE call_id = $3) END)",
			"sssssi", id, o->id, e->call ? e->call->id : NULL, e->type, buf_text(&data), now_ms);
	for (size_t i = 0; i < o->outgoing_count; i++) {
		const struct config_outgoing *w = &o->outgoing[i];
		if (!is_wanted(w, e) || (w->filter && !filter_match(w->filter, filter_env(&values, o, e, now_ms))))
			continue;
		if (!envelope.len)
			event_envelope(&envelope, o, id, e, false, now_ms);
		event_add_delivery(batch, o, w, id, e->type, e->call ? e->call->id : NULL, buf_text(&envelope), now_ms, now_ms, delivery, touched);
	}
	if (feed_listened(o->feed, o->id)) {
		if (!envelope.len)
			event_envelope(&envelope, o, id, e, false, now_ms);
		add_live(touched, o, id, e, buf_text(&envelope));
	}
	arena_free(&values.values.arena);
	json_decref(values.call);
	buf_free(&data);
	buf_free(&envelope);
}

char *event_payload(const char *envelope, int64_t sequence)
{
	struct buf b = {0};
	size_t n = strlen(envelope);
	buf_add(&b, envelope, sequence && n ? n - 1 : n);
	if (sequence && n)
		buf_printf(&b, ",\"sequence\":%lld}", (long long)sequence);
	return buf_take(&b);
}
