#include "event/event.h"
#include "base/clock.h"
#include "base/id.h"
#include <stdlib.h>
#include <string.h>

void event_touched_free(struct event_touched *t)
{
	free(t->ids);
	*t = (struct event_touched){0};
}

static void touch(struct event_touched *t, const char *id)
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

static bool type_matches(const char *pattern, const char *type)
{
	size_t n = strlen(pattern);
	if (strcmp(pattern, "*") == 0 || strcmp(pattern, type) == 0)
		return true;
	return n > 2 && pattern[n - 1] == '*' && pattern[n - 2] == '.' && strncmp(pattern, type, n - 1) == 0;
}

bool event_wanted(const struct config_outgoing *w, const char *type, struct expr_env *env)
{
	struct expr_env none = {0};
	if (!w->enabled)
		return false;
	for (size_t i = 0; i < w->event_type_count; i++)
		if (type_matches(w->event_types[i], type))
			return filter_match(w->filter, env ? env : &none);
	return false;
}

void event_add_delivery(struct store_batch *batch, const struct organization *o, const struct config_outgoing *w,
			const char *event_id, const char *type, const char *call_id, const char *envelope,
			int64_t now_ms, char delivery_id[40], struct event_touched *touched)
{
	store_batch_add(batch, "INSERT INTO deliveries (id, organization_id, webhook_id, event_id, event_type, call_id, payload, status, attempt_count, next_attempt_at, created_at, updated_at) "
			       "VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', 0, $8, $8, $8)",
			"sssssssi", id_new("dlv", delivery_id), o->id, w->id, event_id, type, call_id, envelope, now_ms);
	touch(touched, w->id);
}

void event_emit(struct store_batch *batch, const struct organization *o, const struct event *e,
		int64_t now_ms, struct event_touched *touched)
{
	char id[ID_SIZE], time[RFC3339_SIZE], delivery[ID_SIZE];
	struct buf data = {0}, envelope = {0};
	id_new("evt", id);
	buf_add_str(&data, "{");
	buf_add_str(&data, e->data);
	buf_add_str(&data, "}");
	store_batch_add(batch, "INSERT INTO call_events (id, organization_id, call_id, type, payload, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
			"sssssi", id, o->id, e->call ? e->call->id : NULL, e->type, buf_text(&data), now_ms);
	for (size_t i = 0; i < o->outgoing_count; i++) {
		const struct config_outgoing *w = &o->outgoing[i];
		if (!event_wanted(w, e->type, e->env))
			continue;
		if (!envelope.len) { /* written once, and only when somebody wants it */
			json_open(&envelope);
			json_str(&envelope, "id", id);
			json_str(&envelope, "type", e->type);
			json_str(&envelope, "timestamp", clock_rfc3339(now_ms, time));
			json_str(&envelope, "organization_id", o->id);
			json_key(&envelope, "data");
			json_open(&envelope);
			if (e->call) {
				json_key(&envelope, "call");
				call_log_json(&envelope, e->call);
			}
			if (*e->data) {
				json_item(&envelope);
				buf_add_str(&envelope, e->data);
			}
			json_close(&envelope);
			json_close(&envelope);
		}
		event_add_delivery(batch, o, w, id, e->type, e->call ? e->call->id : NULL, buf_text(&envelope), now_ms, delivery, touched);
	}
	buf_free(&data);
	buf_free(&envelope);
}
