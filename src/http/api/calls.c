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

static enum http_result no_call(struct http_request *r)
{
	return http_problem(r, 404, "There is no such call", "no call has the id %.60s", r->params[0]);
}

/* tag.NAME=V and tag.NAME_gte=V (gt, gte, lt, lte) to one condition on call_tags. */
struct tag_query {
	char name[70], op[4];
	const char *value;
};

struct call_query {
	struct tag_query tags[4];
	size_t count;
};

static void read_tag_query(void *arg, const char *name, const char *value)
{
	static const char *const suffixes[] = {"_gte", "_lte", "_gt", "_lt"};
	static const char *const ops[] = {">=", "<=", ">", "<"};
	struct call_query *q = arg;
	if (strncmp(name, "tag.", 4) != 0 || q->count == ARRAY_LEN(q->tags))
		return;
	struct tag_query *t = &q->tags[q->count++];
	snprintf(t->name, sizeof t->name, "%s", name + 4);
	snprintf(t->op, sizeof t->op, "=");
	t->value = value;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		size_t n = strlen(t->name), s = strlen(suffixes[i]);
		if (n <= s || strcmp(t->name + n - s, suffixes[i]) != 0)
			continue;
		t->name[n - s] = '\0';
		snprintf(t->op, sizeof t->op, "%s", ops[i]);
		return;
	}
}

/* Ids of the calls that have all the tags, newest first: each further tag is asked of those found so far. */
static bool passes_tags(struct store_conn *conn, const struct http_request *r, const struct call_query *q, const char *call_id)
{
	static const struct {
		const char *op, *sql;
	} by_op[] = {
		{"=", "SELECT 1 FROM call_tags WHERE call_id = $1 AND organization_id = $2 AND tag_id = $3 AND sensitive = 0 AND value = $4"},
		{">=", "SELECT 1 FROM call_tags WHERE call_id = $1 AND organization_id = $2 AND tag_id = $3 AND number >= CAST($4 AS DOUBLE PRECISION)"},
		{"<=", "SELECT 1 FROM call_tags WHERE call_id = $1 AND organization_id = $2 AND tag_id = $3 AND number <= CAST($4 AS DOUBLE PRECISION)"},
		{">", "SELECT 1 FROM call_tags WHERE call_id = $1 AND organization_id = $2 AND tag_id = $3 AND number > CAST($4 AS DOUBLE PRECISION)"},
		{"<", "SELECT 1 FROM call_tags WHERE call_id = $1 AND organization_id = $2 AND tag_id = $3 AND number < CAST($4 AS DOUBLE PRECISION)"},
	};
	for (size_t i = 0; i < q->count; i++) {
		const struct tag_query *t = &q->tags[i];
		int slot = tag_set_find(r->organization->tags, t->name, strlen(t->name));
		bool passes = false;
		for (size_t k = 0; slot >= 0 && k < ARRAY_LEN(by_op); k++) {
			if (strcmp(by_op[k].op, t->op) != 0)
				continue;
			struct store_rows *rows = store_query(conn, by_op[k].sql, "ssss", call_id, r->organization->id, tag_set_get(r->organization->tags, (size_t)slot)->id, t->value);
			passes = rows_count(rows) > 0;
			rows_free(rows);
		}
		if (!passes)
			return false;
	}
	return true;
}

bool api_query_time(const struct http_request *r, const char *name, int64_t none, int64_t *out)
{
	const char *text = http_query(r, name);
	*out = none;
	return !text || clock_parse_rfc3339(text, strlen(text), out);
}

static bool tag_numbers_are_numbers(struct http_request *r, const struct call_query *q)
{
	double n;
	for (size_t i = 0; i < q->count; i++) {
		if (strcmp(q->tags[i].op, "=") == 0 || value_parse_number(q->tags[i].value, strlen(q->tags[i].value), &n))
			continue;
		http_problem(r, 422, "A tag is compared with what is no number", "tag.%s needs a number, not '%.60s'", q->tags[i].name, q->tags[i].value);
		return false;
	}
	return true;
}

static void add_call(struct http_request *r, struct store_conn *conn, struct store_rows *rows, size_t i, bool tags, struct buf *out)
{
	struct call_log log;
	store_call_row(rows, i, &r->arena, &log);
	if (tags)
		log.tags = store_call_tags_json(conn, r->organization->id, log.id, &r->arena);
	call_log_json(out, &log);
}

#define SCAN_MAX 20000 /* calls looked at for one page of a tag query */

enum http_result api_call_list(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	struct call_query q = {0};
	const char *status = http_query(r, "status"), *campaign = http_query(r, "campaign_id"), *caller = http_query(r, "caller_id"), *cursor = http_query(r, "cursor");
	const char *include = http_query(r, "include");
	struct buf out = {0};
	char last[40] = "";
	http_each_query(r, read_tag_query, &q);
	if (!conn || !tag_numbers_are_numbers(r, &q))
		return HTTP_REPLY;
	int64_t limit = api_limit(r), found = 0, looked = 0;
	int64_t from, to;
	if (!api_query_time(r, "from", 0, &from) || !api_query_time(r, "to", INT64_C(1) << 60, &to))
		return http_problem(r, 400, "Unreadable parameter", "from and to must be times such as 2026-11-23T00:00:00Z");
	snprintf(last, sizeof last, "%s", cursor ? cursor : "zzzz");
	bool more = true, full = false;
	buf_add_str(&out, "{\"data\":[");
	while (more && !full && looked < SCAN_MAX) {
		struct store_rows *rows = store_query(conn, "SELECT " CALL_COLUMNS " FROM calls WHERE organization_id = $1 AND id < $2 AND ($3 = '' OR status = $3) AND ($4 = '' OR campaign_id = $4) "
						      "AND ($5 = '' OR caller_id = $5) AND started_at >= $6 AND started_at < $7 ORDER BY id DESC LIMIT $8", "sssssiii",
						      r->organization->id, last, status ? status : "", campaign ? campaign : "", caller ? caller : "", from, to, limit + 1);
		if (!rows) {
			buf_free(&out);
			return database_error(r);
		}
		size_t n = rows_count(rows);
		more = n > (size_t)limit;
		for (size_t i = 0; i < n; i++) {
			if (found == limit) {
				full = true;
				break;
			}
			if (i == (size_t)limit)
				break;
			const char *id = rows_text(rows, i, 0);
			if (passes_tags(conn, r, &q, id)) {
				add_call(r, conn, rows, i, include && strstr(include, "tags"), &out);
				found++;
			}
			snprintf(last, sizeof last, "%s", id);
		}
		looked += (int64_t)n;
		full |= found == limit && more;
		rows_free(rows);
	}
	buf_add_str(&out, "],\"next_cursor\":");
	if (more || full)
		buf_json_string(&out, last, strlen(last));
	else
		buf_add_str(&out, "null");
	buf_add_char(&out, '}');
	return http_text(r, 200, &out);
}

/* The call as it is in the log; false after an answer was set. */
static bool read_call(struct http_request *r, struct call_log *log)
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
		no_call(r);
	return false;
}

enum http_result api_call_get(struct http_request *r)
{
	struct call_log log;
	struct buf out = {0};
	if (!read_call(r, &log))
		return HTTP_REPLY;
	call_log_json(&out, &log);
	return http_text(r, 200, &out);
}

enum http_result api_call_tags(struct http_request *r)
{
	struct call_log log;
	struct buf out = {0};
	if (!read_call(r, &log))
		return HTTP_REPLY;
	struct store_rows *rows = store_query(http_reader(r), "SELECT name, kind, value, sensitive, source, at_ms, tag_id FROM call_tags WHERE call_id = $1 AND organization_id = $2 ORDER BY name", "ss", log.id, r->organization->id);
	json_open(&out);
	json_raw(&out, "tags", log.tags);
	json_key(&out, "data");
	buf_add_char(&out, '[');
	for (size_t i = 0; i < rows_count(rows); i++) {
		const char *value = rows_text(rows, i, 2);
		json_open(&out);
		json_str(&out, "tag_id", rows_text(rows, i, 6));
		json_str(&out, "name", rows_text(rows, i, 0));
		json_str(&out, "type", rows_text(rows, i, 1));
		json_key(&out, "value");
		store_call_tag_value(&out, value_kind_from(rows_text(rows, i, 1)), value, strlen(value), rows_int(rows, i, 3) != 0);
		json_str(&out, "source", rows_text(rows, i, 4));
		json_time(&out, "set_at", rows_int(rows, i, 5));
		json_close(&out);
	}
	buf_add_str(&out, "]}");
	rows_free(rows);
	return http_text(r, 200, &out);
}

struct tag_patch {
	size_t count;
	struct tag_result *results;
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
			no_call(r);
		return !failed;
	}
	bool ok = event_apply_tags(conn, config_key(r->config->config), r->organization, &log, p->results, p->count, "api", p->at_ms, &r->arena, &r->touched) &&
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
	p->at_ms = clock_now_ms();
	p->by_id = json_object();
	size_t n = p->results ? tags_evaluate(r->organization->tags, TAG_FROM_WEBHOOK, body, &r->arena, p->results, unmatched) : 0;
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
			json_object_set_new(p->by_id, def->id, json_string(p->results[i].value.text));
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
	if (!read_call(r, &log))
		return HTTP_REPLY;
	struct store_rows *rows = store_query(http_reader(r), "SELECT id, type, payload, created_at FROM call_events WHERE call_id = $1 AND organization_id = $2 ORDER BY id", "ss", log.id, r->organization->id);
	buf_add_str(&out, "{\"data\":[");
	for (size_t i = 0; i < rows_count(rows); i++) {
		json_open(&out);
		json_str(&out, "id", rows_text(rows, i, 0));
		json_str(&out, "type", rows_text(rows, i, 1));
		json_time(&out, "timestamp", rows_int(rows, i, 3));
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
	if (!read_call(r, &log))
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
	if (!read_call(r, &log))
		return HTTP_REPLY;
	if (strcmp(log.status, "active") != 0)
		return http_problem(r, 409, "The call is over", "it ended: %s", log.disposition ? log.disposition : log.status);
	call_loop_hangup(r->config->calls, log.id);
	return http_json(r, 202, json_pack("{s:s, s:s}", "id", log.id, "status", "hanging_up"));
}
