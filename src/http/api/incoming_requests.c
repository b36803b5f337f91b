/* Monitoring of data in: what came, what became of it, again against today's configuration, and what no tag takes. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/phone.h"
#include "event/apply.h"
#include "expr/pointer.h"
#include "webhook/guard.h"
#include "webhook/members.h"
#include <stdlib.h>
#include <string.h>

/* Of the document, also in the list. */
static const char *const listed[] = {"path", "address", "http_status", "latency_ms"};

static json_t *incoming_json(const struct store_rows *rows, size_t i, bool whole)
{
	char received[RFC3339_SIZE], expires[RFC3339_SIZE];
	int64_t expires_ms = rows_int(rows, i, 6);
	const char *webhook_id = id_is("iwh", rows_text(rows, i, 1)) ? rows_text(rows, i, 1) : NULL; /* NULL: it came by a call's key */
	json_t *out = json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s, s:s, s:s?}", "id", rows_text(rows, i, 0), "incoming_webhook_id", webhook_id, "unique_id", rows_text(rows, i, 2),
				"caller_id", rows_text(rows, i, 3), "call_id", rows_text(rows, i, 4), "status", rows_text(rows, i, 5), "received_at", clock_rfc3339(rows_int(rows, i, 7), received), "expires_at", expires_ms ? clock_rfc3339(expires_ms, expires) : NULL);
	json_t *doc = json_loads(rows_text(rows, i, 8), 0, NULL);
	bool sealed = json_is_string(json_object_get(doc, "sealed"));
	json_object_del(doc, "sealed");
	if (whole) {
		json_object_update_missing(out, doc);
		json_object_set_new(out, "data_sealed", json_boolean(sealed));
	} else {
		json_object_set_new(out, "error_count", json_integer((json_int_t)json_array_size(json_object_get(doc, "errors"))));
		for (size_t k = 0; k < ARRAY_LEN(listed); k++)
			json_object_set(out, listed[k], json_object_get(doc, listed[k]) ? json_object_get(doc, listed[k]) : json_null());
	}
	json_decref(doc);
	return out;
}

#define INCOMING_COLUMNS "id, webhook_id, unique_id, caller_id, call_id, status, expires_at, received_at, doc"
#define REQUESTS(condition) "SELECT " INCOMING_COLUMNS " FROM incoming_requests WHERE organization_id = $1 AND id < $2 AND id >= $3 AND ($4 = '' OR status = $4) AND " condition " ORDER BY id DESC LIMIT $6"

static const struct api_narrowing narrowings[] = {
	{"call_id", REQUESTS("call_id = $5")},
	{"caller_id", REQUESTS("caller_id = $5")},
	{"unique_id", REQUESTS("unique_id = $5")},
	{"incoming_webhook_id", REQUESTS("webhook_id = $5")},
	{NULL, REQUESTS("$5 = ''")},
};

enum http_result api_incoming_requests(struct http_request *r)
{
	return api_request_list(r, "req", narrowings, incoming_json);
}

enum http_result api_incoming_request(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = store_query(conn, "SELECT " INCOMING_COLUMNS " FROM incoming_requests WHERE id = $1 AND organization_id = $2", "ss", r->params[0], r->organization->id);
	if (rows_count(rows) == 1)
		http_json(r, 200, incoming_json(rows, 0, true));
	else
		http_problem(r, 404, "There is no such request", "no incoming request has the id %.60s", r->params[0]);
	rows_free(rows);
	return HTTP_REPLY;
}


enum http_result api_incoming_failures(struct http_request *r)
{
	return api_list_answer(r, guard_failures(r->config->guard, r->organization->id, config_organization_count(r->config->config) == 1), NULL);
}

/* ---- again ---- */

struct replay {
	json_t *data, *unmatched; /* freed by release_replay() */
	struct tag_result *results, *settled;
	size_t count;
	json_t *applied;
	char call_id[ID_SIZE];
	int64_t at_ms;
};

static void release_replay(struct http_request *r)
{
	struct replay *p = r->data;
	json_decref(p->data);
	json_decref(p->unmatched);
	json_decref(p->applied);
}

static void after_replay(struct http_request *r)
{
	struct replay *p = r->data;
	if (r->status == 200 && p->applied) {
		call_loop_apply_tags(r->config->calls, p->call_id, p->applied, p->at_ms);
		p->applied = NULL;
	}
	release_replay(r);
}

static void answer_replay(struct http_request *r, const struct replay *p, const struct tag_result *results, bool applied)
{
	struct buf b = {0};
	json_t *errors = json_array();
	json_open(&b);
	json_str(&b, "request_id", r->params[0]);
	json_str(&b, "call_id", *p->call_id ? p->call_id : NULL);
	json_bool(&b, "applied", applied);
	json_key(&b, "tags");
	json_open(&b);
	for (size_t i = 0; i < p->count; i++) {
		const struct tag_def *def = tag_set_get(r->organization->tags, results[i].slot);
		const struct value *v = &results[i].value;
		if (!tag_result_changes(&results[i])) {
			json_array_append_new(errors, json_pack("{s:s, s:s}", "tag", def->name, "detail", results[i].error));
			continue;
		}
		json_key(&b, def->name);
		if (v->kind == VALUE_NONE)
			buf_add_str(&b, "null");
		else
			value_json(&b, v->kind, v->text, v->len, def->sensitive);
	}
	json_close(&b);
	json_tree(&b, "unmatched", p->unmatched);
	json_tree(&b, "errors", errors);
	json_close(&b);
	json_decref(errors);
	http_text(r, 200, &b);
}

static bool run_replay(struct store_conn *conn, struct http_request *r)
{
	struct replay *p = r->data;
	struct call_log log;
	bool failed = false;
	if (!store_call_read(conn, r->organization->id, p->call_id, &r->arena, &log, &failed)) {
		if (!failed)
			http_problem(r, 409, "The request joined no call", "there is nothing to write its tags to");
		return !failed;
	}
	bool ok = event_apply_tags(conn, config_key(r->config->config), r->organization, &log, p->results, p->count, TAG_FROM_WEBHOOK, r->params[0], p->at_ms, p->settled, &r->arena, &r->touched) && api_audit(conn, r, "replay", r->params[0]);
	if (ok) {
		answer_replay(r, p, p->settled, true);
		json_decref(p->applied);
		p->applied = api_applied_json(r->organization, p->settled, p->count);
	}
	return ok;
}

/* What the request brought; NULL: it could not be read then. */
static json_t *stored_data(const struct http_request *r, json_t *doc)
{
	json_t *data = json_object_get(doc, "data");
	if (json_is_object(data))
		return json_incref(data);
	char *plain = crypto_open(config_key(r->config->config), json_string_value(json_object_get(doc, "sealed")));
	data = plain ? json_loads(plain, 0, NULL) : NULL;
	free(plain);
	return data;
}

/* false after an answer was set. */
static bool load_replay(struct http_request *r, struct replay *p)
{
	struct store_conn *conn = http_reader(r);
	size_t room = tag_set_count(r->organization->tags) + 1;
	if (!conn)
		return false;
	struct store_rows *rows = store_query(conn, "SELECT webhook_id, call_id, received_at, doc FROM incoming_requests WHERE id = $1 AND organization_id = $2", "ss", r->params[0], r->organization->id);
	bool found = rows_count(rows) == 1;
	json_t *doc = found ? json_loads(rows_text(rows, 0, 3), 0, NULL) : NULL, *headers = json_object_get(doc, "headers");
	const struct config_incoming *w = found ? organization_find(r->organization, "incoming_webhook", rows_text(rows, 0, 0)) : NULL;
	p->data = doc ? stored_data(r, doc) : NULL;
	p->unmatched = json_array();
	p->settled = arena_alloc(&r->arena, room * sizeof *p->settled);
	if (found) {
		snprintf(p->call_id, sizeof p->call_id, "%s", rows_text(rows, 0, 1) ? rows_text(rows, 0, 1) : "");
		p->at_ms = rows_int(rows, 0, 2);
	}
	if (p->data && p->settled)
		p->count = api_incoming_evaluate(r, w, api_incoming_type(json_string_value(json_object_get(doc, "path"))), p->data,
						 json_is_object(headers) ? headers : NULL, &p->results, p->unmatched);
	json_decref(doc);
	rows_free(rows);
	if (!found)
		http_problem(r, 404, "There is no such request", "no incoming request has the id %.60s", r->params[0]);
	else if (!p->data)
		http_problem(r, 409, "The request could not be read", "its body was refused: there is nothing to evaluate");
	return found && p->data;
}

enum http_result api_incoming_replay(struct http_request *r)
{
	json_t *body = r->body_len ? http_body_object(r) : NULL;
	if (r->body_len && !body)
		return HTTP_REPLY;
	struct replay *p = arena_alloc(&r->arena, sizeof *p);
	if (!p)
		return http_problem(r, 503, "Out of memory", "try again shortly");
	r->data = p;
	if (!load_replay(r, p)) {
		release_replay(r);
		return HTTP_REPLY;
	}
	if (!json_is_true(json_object_get(body, "apply"))) {
		answer_replay(r, p, p->results, false);
		release_replay(r);
		return HTTP_REPLY;
	}
	r->run = run_replay;
	r->after = after_replay;
	return http_write(r);
}

/* ---- fields that came and no tag takes ---- */

#define FIELDS_REQUESTS 500
#define FIELDS_MAX 200
#define FIELD_EXAMPLE 100

struct discovery {
	const struct http_request *r;
	const struct tag_mapping *mapping;
	json_t *found; /* by pointer */
	const char *at;
};

static void found_field(struct discovery *d, const char *pointer, json_t *leaf)
{
	json_t *f = json_object_get(d->found, pointer);
	char example[FIELD_EXAMPLE + 4];
	if (!f && json_object_size(d->found) < FIELDS_MAX) {
		struct value v = json_leaf_value(leaf, &((struct http_request *)(uintptr_t)d->r)->arena);
		snprintf(example, sizeof example, "%.*s", FIELD_EXAMPLE, v.text);
		bool top = !strchr(pointer + 1, '/');
		f = json_pack("{s:s, s:s?, s:s*, s:i, s:s}", "pointer", pointer, "parameter", top ? pointer + 1 : NULL, "example", example, "count", 0, "last_at", d->at);
		json_object_set_new(d->found, pointer, f ? f : json_null());
	}
	if (json_is_object(f))
		json_object_set_new(f, "count", json_integer(json_integer_value(json_object_get(f, "count")) + 1));
}

/* Does a tag take it, itself or as a member of "fields" or "custom_data"? */
static bool takes(const struct discovery *d, const char *pointer)
{
	static const char *const within[] = {"", "/fields", "/custom_data", "/fields/custom_data"};
	char whole[400];
	for (size_t i = 0; i < ARRAY_LEN(within); i++) {
		snprintf(whole, sizeof whole, "%s%s", within[i], pointer);
		if (tags_take(d->r->organization->tags, d->mapping, whole))
			return true;
	}
	return false;
}

static void walk(struct discovery *d, json_t *json, const char *pointer)
{
	const char *key;
	json_t *item;
	size_t i;
	char at[300];
	if (*pointer && takes(d, pointer))
		return;
	if (json_is_object(json)) {
		json_object_foreach(json, key, item) {
			if (strpbrk(key, "/~") || snprintf(at, sizeof at, "%s/%s", pointer, key) >= (int)sizeof at)
				continue;
			walk(d, item, at);
		}
	} else if (json_is_array(json)) {
		json_array_foreach(json, i, item)
			if (i < 3 && snprintf(at, sizeof at, "%s/%zu", pointer, i) < (int)sizeof at)
				walk(d, item, at);
	} else if (*pointer && !json_is_null(json)) {
		found_field(d, pointer, json);
	}
}

/* What a request brought for tags to take. */
static void discover(struct discovery *d, json_t *doc)
{
	struct arena arena = {0};
	struct incoming_members m = {0};
	const char *key;
	json_t *value, *data = json_object_get(doc, "data");
	unsigned type = api_incoming_type(json_string_value(json_object_get(doc, "path")));
	bool fills = type == INCOMING_CALL_DATA || type == INCOMING_UPDATE_TAGS;
	if (fills && json_is_object(data) && incoming_members_read(data, type, d->r->organization->tags, d->r->organization->region, &arena, &m)) {
		json_object_foreach(m.known, key, value)
			json_object_del(m.data, key);
		walk(d, m.data, "");
	}
	incoming_members_free(&m);
	arena_free(&arena);
}

enum http_result api_incoming_fields(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	const struct config_incoming *w = organization_find(r->organization, "incoming_webhook", r->params[0]);
	char at[RFC3339_SIZE];
	const char *key;
	json_t *f, *data = json_array();
	if (!conn || !w) {
		json_decref(data);
		return conn ? http_problem(r, 404, "There is no such webhook", "no incoming webhook has the id %.60s", r->params[0]) : HTTP_REPLY;
	}
	struct discovery d = {r, w->mapping, json_object(), at};
	struct store_rows *rows = store_query(conn, "SELECT doc, received_at FROM incoming_requests WHERE webhook_id = $1 AND organization_id = $2 ORDER BY id DESC LIMIT $3", "ssi", w->id, r->organization->id, (int64_t)FIELDS_REQUESTS);
	for (size_t i = 0; i < rows_count(rows); i++) {
		json_t *doc = json_loads(rows_text(rows, i, 0), 0, NULL);
		clock_rfc3339(rows_int(rows, i, 1), at);
		discover(&d, doc);
		json_decref(doc);
	}
	rows_free(rows);
	json_object_foreach(d.found, key, f)
		json_array_append(data, f);
	json_decref(d.found);
	return api_list_answer(r, data, NULL);
}
