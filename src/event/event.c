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

uint64_t event_types_asked_for(const struct organization *o)
{
	return o->named_types | feed_wanted(o->feed, o->id);
}

bool event_is_asked_for(const struct organization *o, const struct event_type *type)
{
	uint64_t asked_for = type->by_name ? event_types_asked_for(o) : 0;
	return !type->by_name || (asked_for && asked_for & event_type_bit(type));
}

/* The values that a filter asks for: the call's own while it lives, else those of its log. */
struct filter_values {
	struct event_values values;
	json_t *call;
	struct expr_env *env;
	struct expr_budget budget; /* of all webhooks' filters for one event */
	bool began;
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

/* One event under one name, while its statements are put together. */
struct emission {
	struct store_batch *batch;
	const struct organization *o;
	const struct event *event;
	const struct event_type *newer; /* of the same occurrence, or NULL */
	int64_t now_ms;
	struct event_touched *touched;
	char id[ID_SIZE];
	bool logged;
	struct filter_values values;
	struct buf envelope; /* written once, and only when somebody takes the event */
};

static const char *call_id(const struct event *e)
{
	return e->call ? e->call->id : NULL;
}

static void log_once(struct emission *m)
{
	struct buf data = {0};
	if (m->logged)
		return;
	m->logged = true;
	buf_add_char(&data, '{');
	buf_add_str(&data, m->event->data);
	buf_add_char(&data, '}');
	store_batch_add(m->batch,
			"INSERT INTO call_events (id, organization_id, call_id, type, payload, created_at, sequence) "
			"VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN CAST($3 AS TEXT) IS NULL THEN NULL "
			"ELSE (SELECT COUNT(*) + 1 FROM call_events WHERE call_id = $3) END)",
			"sssssi", m->id, m->o->id, call_id(m->event), m->event->type, buf_text(&data), m->now_ms);
	buf_free(&data);
}

static const char *envelope_of(struct emission *m)
{
	if (!m->envelope.len)
		event_envelope(&m->envelope, m->o, m->id, m->event, false, m->now_ms);
	return buf_text(&m->envelope);
}

/* Each event has a budget of its own: that a call's is spent takes no event from anybody. */
static bool passes(struct emission *m, const struct filter *filter)
{
	struct filter_values *v = &m->values;
	struct expr_env *env = filter_env(v, m->o, m->event, m->now_ms);
	struct expr_budget *of_call = env->budget;
	if (!v->began)
		v->budget = expr_budget_full(env->now_ms);
	v->began = true;
	env->budget = &v->budget;
	bool passes = filter_match(filter, env);
	env->budget = of_call;
	return passes;
}

static bool is_taken_by(struct emission *m, const struct event_type *type, const struct config_outgoing *w)
{
	if (!w->enabled || !event_types_take(w->event_types, w->event_type_count, type, m->newer) ||
	    !config_takes_campaign(w->campaign_ids, w->campaign_count, m->event->call ? m->event->call->campaign_id : NULL))
		return false;
	return !w->filter || passes(m, w->filter);
}

static void add_live(struct emission *m)
{
	const struct event *e = m->event;
	struct event_touched *t = m->touched;
	struct feed_item *item = feed_item_new(m->o->feed, m->o->id, m->id, e->type, call_id(e), envelope_of(m));
	if (!item)
		return;
	snprintf(item->newer, sizeof item->newer, "%s", m->newer ? m->newer->type : "");
	if (t->live)
		t->live_last->next = item;
	else
		t->live = item;
	t->live_last = item;
}

static void emit(struct emission *m, const struct event_type *type)
{
	char delivery[ID_SIZE];
	id_new("evt", m->id);
	if (!type->by_name)
		log_once(m);
	for (size_t i = 0; i < m->o->outgoing_count; i++) {
		const struct config_outgoing *w = &m->o->outgoing[i];
		if (!is_taken_by(m, type, w))
			continue;
		log_once(m);
		event_add_delivery(m->batch, m->o, w, m->id, type->type, call_id(m->event), envelope_of(m),
				   m->now_ms, m->now_ms, delivery, m->touched);
	}
	bool live = type->by_name ? feed_wanted(m->o->feed, m->o->id) & event_type_bit(type) : feed_listened(m->o->feed, m->o->id);
	if (live) {
		log_once(m);
		add_live(m);
	}
	arena_free(&m->values.values.arena);
	json_decref(m->values.call);
	buf_free(&m->envelope);
}

void event_emit_as(struct store_batch *batch, const struct organization *o, const struct event *e,
		   const struct event_type *newer, int64_t now_ms, struct event_touched *touched)
{
	const struct event_type *type = event_type_find(e->type);
	struct emission m = {.batch = batch, .o = o, .event = e, .newer = newer, .now_ms = now_ms, .touched = touched};
	if (!type)
		return;
	if (newer && event_is_asked_for(o, newer)) {
		struct event renamed = *e;
		renamed.type = newer->type;
		emit(&(struct emission){.batch = batch, .o = o, .event = &renamed, .now_ms = now_ms, .touched = touched}, newer);
	}
	if (event_is_asked_for(o, type))
		emit(&m, type);
}

void event_emit(struct store_batch *batch, const struct organization *o, const struct event *e,
		int64_t now_ms, struct event_touched *touched)
{
	const struct event_type *newer = event_types_asked_for(o) ? event_type_newer(e->type, 0) : NULL;
	event_emit_as(batch, o, e, newer, now_ms, touched);
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
