/* The call log. */
#include "http/api/api.h"
#include "base/clock.h"
#include "event/apply.h"
#include <stdlib.h>
#include <string.h>

static enum http_result database_error(struct http_request *r)
{
	snprintf(r->retry_after, sizeof r->retry_after, "5");
	return http_problem(r, 503, "The database could not be read", "try again shortly");
}

enum http_result api_no_call(struct http_request *r)
{
	return http_problem(r, 404, "There is no such call", "no call has the id %.60s", r->params[0]);
}

bool api_query_time(const struct http_request *r, const char *name, int64_t none, int64_t *out)
{
	const char *text = http_query(r, name);
	*out = none;
	return !text || clock_parse_rfc3339(text, strlen(text), out);
}

bool api_read_call(struct http_request *r, struct call_log *log)
{
	struct store_conn *conn = http_reader(r);
	bool failed = false;
	if (!conn)
		return false;
	if (store_call_read(conn, r->organization->id, r->params[0], &r->arena, log, &failed))
		return true;
	if (failed)
		database_error(r);
	else
		api_no_call(r);
	return false;
}

enum http_result api_call_get(struct http_request *r)
{
	struct call_log log;
	struct buf out = {0};
	if (!api_read_call(r, &log))
		return HTTP_REPLY;
	call_log_json(&out, &log);
	return http_text(r, 200, &out);
}

/* {"tag id": [what it was, oldest first]}, from the call's events. names gets {"tag id": its name then}.
 * NULL: the database could not be read. */
static json_t *read_history(struct http_request *r, const char *call_id, json_t *names)
{
	struct store_rows *rows = store_query(http_reader(r), "SELECT payload, id FROM call_events WHERE call_id = $1 AND organization_id = $2 "
							      "AND type IN ('tag.set', 'tag.changed', 'tag.removed') ORDER BY COALESCE(sequence, 0), id",
					      "ss", call_id, r->organization->id);
	json_t *history = rows ? json_object() : NULL;
	for (size_t i = 0; i < rows_count(rows); i++) {
		json_t *payload = json_loads(rows_text(rows, i, 0), 0, NULL), *tag = json_incref(json_object_get(payload, "tag"));
		const char *id = json_string_value(json_object_get(tag, "id"));
		json_t *list = id ? json_object_get(history, id) : NULL;
		if (id && !list)
			json_object_set_new(history, id, list = json_array());
		if (id)
			json_object_set(names, id, json_object_get(tag, "name"));
		json_object_set_new(tag, "event_id", json_string(rows_text(rows, i, 1)));
		json_array_append(list, tag);
		json_decref(payload);
		json_object_del(tag, "id");
		json_object_del(tag, "name");
		json_decref(tag);
	}
	rows_free(rows);
	return history;
}

static void write_history(struct buf *out, json_t *list)
{
	char *text = json_dumps(list, JSON_COMPACT);
	json_raw(out, "history", text ? text : "[]");
	free(text);
}

static void write_tag(struct buf *out, const struct store_rows *rows, size_t i, json_t *history)
{
	const char *value = rows_text(rows, i, 2);
	json_open(out);
	json_str(out, "tag_id", rows_text(rows, i, 6));
	json_str(out, "name", rows_text(rows, i, 0));
	json_str(out, "type", rows_text(rows, i, 1));
	json_key(out, "value");
	value_json(out, value_kind_from(rows_text(rows, i, 1)), value, strlen(value), rows_int(rows, i, 3) != 0);
	json_bool(out, "sensitive", rows_int(rows, i, 3) != 0);
	json_str(out, "source", rows_text(rows, i, 4));
	json_str(out, "origin", rows_text(rows, i, 7));
	json_time(out, "set_at", rows_int(rows, i, 5));
	write_history(out, json_object_get(history, rows_text(rows, i, 6)));
	json_close(out);
}

/* A tag that the call had: what its last event says of its removal. */
static void write_removed(struct buf *out, const struct organization *o, const char *tag_id, const char *name_then, json_t *list)
{
	json_t *last = json_array_get(list, json_array_size(list) - 1);
	int slot = tag_set_find_id(o->tags, tag_id);
	const struct tag_def *def = slot >= 0 ? tag_set_get(o->tags, (size_t)slot) : NULL;
	json_open(out);
	json_str(out, "tag_id", tag_id);
	json_str(out, "name", def ? def->name : name_then);
	json_str(out, "type", def ? def->type.name : "string");
	json_str(out, "value", NULL);
	json_bool(out, "removed", true);
	json_bool(out, "sensitive", def && def->sensitive);
	json_str(out, "source", json_string_value(json_object_get(last, "source")));
	json_str(out, "origin", json_string_value(json_object_get(last, "origin")));
	json_str(out, "set_at", json_string_value(json_object_get(last, "set_at")));
	write_history(out, list);
	json_close(out);
}

enum http_result api_call_tags(struct http_request *r)
{
	struct call_log log;
	struct buf out = {0};
	const char *tag_id;
	json_t *list, *names;
	if (!api_read_call(r, &log))
		return HTTP_REPLY;
	struct store_rows *rows = store_query(http_reader(r), "SELECT COALESCE(r.name, t.name), t.kind, t.value, t.sensitive, t.source, t.at_ms, t.tag_id, t.origin FROM call_tags t LEFT JOIN resources r ON r.id = t.tag_id AND r.organization_id = t.organization_id WHERE t.call_id = $1 AND t.organization_id = $2 ORDER BY 1", "ss", log.id, r->organization->id);
	names = json_object();
	json_t *history = rows ? read_history(r, log.id, names) : NULL;
	if (!history) {
		rows_free(rows);
		json_decref(names);
		return database_error(r);
	}
	json_open(&out);
	json_raw(&out, "tags", log.tags);
	json_key(&out, "data");
	buf_add_char(&out, '[');
	for (size_t i = 0; i < rows_count(rows); i++) {
		write_tag(&out, rows, i, history);
		json_object_del(names, rows_text(rows, i, 6));
	}
	json_object_foreach(history, tag_id, list)
		if (json_object_get(names, tag_id)) /* it has the tag no more */
			write_removed(&out, r->organization, tag_id, json_string_value(json_object_get(names, tag_id)), list);
	buf_add_str(&out, "]}");
	json_decref(history);
	json_decref(names);
	rows_free(rows);
	return http_text(r, 200, &out);
}

static bool run_reveal(struct store_conn *conn, struct http_request *r)
{
	char what[200];
	snprintf(what, sizeof what, "%.60s/tags/%s", r->params[0], (const char *)r->data);
	r->secrets[0] = "value";
	return api_audit(conn, r, "reveal_tag", what);
}

enum http_result api_call_tag_reveal(struct http_request *r)
{
	json_t *body = http_body_object(r);
	const char *name = json_string_value(json_object_get(body, "name"));
	struct store_conn *conn = body ? http_reader(r) : NULL;
	int slot = name ? tag_set_find(r->organization->tags, name, strlen(name)) : -1;
	struct errors errors = {0};
	if (!conn)
		return HTTP_REPLY;
	if (slot < 0) {
		errors_add(&errors, "/name", name ? "there is no custom tag of this name" : "is required: the tag's name");
		return http_invalid(r, &errors);
	}
	const struct tag_def *def = tag_set_get(r->organization->tags, (size_t)slot);
	struct store_rows *rows = store_query(conn, "SELECT value, sensitive FROM call_tags WHERE call_id = $1 AND tag_id = $2 AND organization_id = $3", "sss", r->params[0], def->id, r->organization->id);
	bool found = rows_count(rows) == 1, sealed = found && rows_int(rows, 0, 1);
	char *plain = sealed ? crypto_open(config_key(r->config->config), rows_text(rows, 0, 0)) : NULL;
	if (!found)
		http_problem(r, 404, "There is no such value", "the call has no value of %.60s", def->name);
	else if (sealed && !plain)
		http_problem(r, 500, "The value cannot be opened", "it was sealed with another key: is secret.key the one of this database?");
	else
		http_json(r, 200, json_pack("{s:s, s:s}", "name", def->name, "value", sealed ? plain : rows_text(rows, 0, 0)));
	free(plain);
	rows_free(rows);
	if (r->status != 200)
		return HTTP_REPLY;
	r->data = (void *)(uintptr_t)def->name;
	r->run = run_reveal;
	return http_write(r);
}

struct tag_patch {
	size_t count;
	struct tag_result *results, *settled;
	json_t *by_id; /* for the live call */
	int64_t at_ms;
};

static bool run_tags(struct store_conn *conn, struct http_request *r)
{
	struct tag_patch *p = r->data;
	bool failed;
	struct call_log log;
	if (!store_call_read(conn, r->organization->id, r->params[0], &r->arena, &log, &failed)) {
		if (!failed)
			api_no_call(r);
		return !failed;
	}
	bool ok = event_apply_tags(conn, config_key(r->config->config), r->organization, &log, p->results, p->count, TAG_FROM_API, r->actor, p->at_ms, p->settled, &r->arena, &r->touched) &&
		  api_audit(conn, r, "set_tags", log.id);
	struct buf out = {0};
	json_open(&out);
	json_raw(&out, "tags", log.tags);
	json_close(&out);
	http_text(r, 200, &out);
	return ok;
}

static void after_tags(struct http_request *r)
{
	struct tag_patch *p = r->data;
	if (r->status == 200)
		call_loop_apply_tags(r->config->calls, r->params[0], p->by_id, p->at_ms);
	else
		json_decref(p->by_id);
}

enum http_result api_call_tags_patch(struct http_request *r)
{
	json_t *body = http_body_object(r), *unmatched = json_array(), *item;
	struct errors errors = {0};
	struct tag_patch *p = body ? arena_alloc(&r->arena, sizeof *p) : NULL;
	size_t i;
	if (!p) {
		json_decref(unmatched);
		return HTTP_REPLY;
	}
	p->results = arena_alloc(&r->arena, (tag_set_count(r->organization->tags) + 1) * sizeof *p->results);
	p->settled = arena_alloc(&r->arena, (tag_set_count(r->organization->tags) + 1) * sizeof *p->settled);
	p->at_ms = clock_now_ms();
	p->by_id = json_object();
	size_t n = p->results && p->settled ? tags_evaluate(r->organization->tags, TAG_FROM_API, &(struct tag_data){.body = body}, &r->arena, p->results, unmatched) : 0;
	char pointer[100];
	json_array_foreach(unmatched, i, item) {
		snprintf(pointer, sizeof pointer, "/%.80s", json_string_value(item));
		errors_add(&errors, pointer, "there is no custom tag of this name");
	}
	for (i = 0; i < n; i++) {
		const struct tag_def *def = tag_set_get(r->organization->tags, p->results[i].slot);
		snprintf(pointer, sizeof pointer, "/%s", def->name);
		if (p->results[i].error)
			errors_add(&errors, pointer, "%s", p->results[i].error);
		else
			json_object_set_new(p->by_id, def->id, p->results[i].removes ? json_null() : json_string(p->results[i].value.text));
	}
	json_decref(unmatched);
	if (errors_any(&errors)) {
		json_decref(p->by_id);
		return http_invalid(r, &errors);
	}
	p->count = n;
	r->data = p;
	r->run = run_tags;
	r->after = after_tags;
	return http_write(r);
}

enum http_result api_call_events(struct http_request *r)
{
	struct call_log log;
	struct buf out = {0};
	if (!api_read_call(r, &log))
		return HTTP_REPLY;
	struct store_rows *rows = store_query(http_reader(r), "SELECT id, type, payload, created_at, sequence FROM call_events WHERE call_id = $1 AND organization_id = $2 ORDER BY COALESCE(sequence, 0), id", "ss", log.id, r->organization->id);
	buf_add_str(&out, "{\"data\":[");
	for (size_t i = 0; i < rows_count(rows); i++) {
		json_open(&out);
		json_str(&out, "id", rows_text(rows, i, 0));
		json_str(&out, "type", rows_text(rows, i, 1));
		json_time(&out, "timestamp", rows_int(rows, i, 3));
		json_raw(&out, "sequence", rows_text(rows, i, 4));
		json_raw(&out, "data", rows_text(rows, i, 2));
		json_close(&out);
	}
	buf_add_str(&out, "],\"next_cursor\":null}");
	rows_free(rows);
	return http_text(r, 200, &out);
}

enum http_result api_call_trace(struct http_request *r)
{
	struct call_log log;
	struct buf out = {0};
	if (!api_read_call(r, &log))
		return HTTP_REPLY;
	struct store_rows *rows = store_query(http_reader(r), "SELECT entries FROM call_trace WHERE call_id = $1 AND organization_id = $2 ORDER BY piece", "ss", log.id, r->organization->id);
	json_open(&out);
	json_str(&out, "call_id", log.id);
	json_str(&out, "call_flow_id", log.call_flow_id);
	json_int(&out, "flow_version", log.flow_version);
	json_key(&out, "data");
	buf_add_char(&out, '[');
	for (size_t i = 0; i < rows_count(rows); i++) {
		const char *piece = rows_text(rows, i, 0);
		size_t n = strlen(piece);
		if (n > 2) {
			json_item(&out);
			buf_add(&out, piece + 1, n - 2);
		}
	}
	buf_add_str(&out, "]}");
	rows_free(rows);
	return http_text(r, 200, &out);
}

enum http_result api_call_hangup(struct http_request *r)
{
	struct call_log log;
	if (!api_read_call(r, &log))
		return HTTP_REPLY;
	if (strcmp(log.status, "active") != 0)
		return http_problem(r, 409, "The call is over", "it ended: %s", log.disposition ? log.disposition : log.status);
	call_loop_hangup(r->config->calls, log.id);
	return http_json(r, 202, json_pack("{s:s, s:s}", "id", log.id, "status", "hanging_up"));
}
