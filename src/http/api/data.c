/* Data that comes in from outside: read into one object, evaluated, as it is kept, and what is kept of it listed. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/phone.h"
#include "webhook/form.h"
#include "webhook/incoming.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

json_t *api_applied_json(const struct organization *o, const struct tag_result *results, size_t count)
{
	json_t *json = json_object();
	for (size_t i = 0; i < count; i++) {
		const struct value *v = &results[i].value;
		if (tag_result_changes(&results[i]))
			json_object_set_new(json, tag_set_get(o->tags, results[i].slot)->id,
					    v->kind == VALUE_NONE ? json_null() : json_stringn_nocheck(v->text, v->len));
	}
	return json;
}

bool api_takes_sensitive(const struct organization *o, const struct tag_result *results, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!results[i].removes && tag_set_get(o->tags, results[i].slot)->sensitive)
			return true;
	return false;
}

char *api_sealed_data(const struct http_request *r, json_t *data)
{
	char *text = json_dumps(data, JSON_COMPACT), *sealed = text ? crypto_seal(config_key(r->config->config), text) : NULL;
	free(text);
	return sealed;
}

char *api_waiting_text(const struct http_request *r, const struct tag_result *results, size_t count)
{
	struct buf b = {0};
	json_open(&b);
	for (size_t i = 0; i < count; i++) {
		const struct tag_def *def = tag_set_get(r->organization->tags, results[i].slot);
		const struct value *v = &results[i].value;
		if (!tag_result_changes(&results[i]))
			continue;
		json_key(&b, def->id);
		if (results[i].removes) {
			buf_add_str(&b, "null");
			continue;
		}
		if (!def->sensitive) {
			buf_json_string(&b, v->text, v->len);
			continue;
		}
		char *sealed = crypto_seal(config_key(r->config->config), v->text);
		json_open(&b);
		json_str(&b, "sealed", sealed);
		json_close(&b);
		free(sealed);
	}
	json_close(&b);
	return buf_take(&b);
}

void api_results_json(struct buf *b, const struct organization *o, const struct tag_result *results, size_t count)
{
	buf_add_char(b, '[');
	for (size_t i = 0; i < count; i++) {
		const struct tag_def *def = tag_set_get(o->tags, results[i].slot);
		json_item(b);
		json_open(b);
		json_str(b, "tag", def->name);
		json_key(b, "value");
		if (results[i].error || results[i].removes)
			buf_add_str(b, "null");
		else
			value_json(b, results[i].value.kind, results[i].value.text, results[i].value.len, def->sensitive);
		if (results[i].removes)
			json_bool(b, "removed", !results[i].error);
		json_str(b, "error", results[i].error);
		json_close(b);
	}
	buf_add_char(b, ']');
}

static void add_query(void *arg, const char *name, size_t name_len, const char *value,
		      size_t value_len)
{
	json_t *key = json_read_text(name, name_len, NULL);
	if (key && strcmp(json_string_value(key), "key") != 0)
		form_add(arg, json_string_value(key), json_read_text(value, value_len, NULL));
	json_decref(key);
}

static void add_missing(json_t *data, json_t *query)
{
	const char *name;
	json_t *value;
	json_object_foreach(query, name, value)
		if (!json_object_get(data, name))
			json_object_set_nocheck(data, name, value);
}

json_t *api_read_data(struct http_request *r, json_t *notes)
{
	struct error err;
	int status = 503;
	const char *body = r->body ? r->body : "", *type = http_header(r, "Content-Type");
	json_t *data = incoming_read(type, body, r->body_len, notes, &status, &err);
	json_t *query = data ? json_object() : NULL;
	if (!data) {
		http_problem(r, status, "The body cannot be read", "%s", err.text);
		return NULL;
	}
	http_each_query_bytes(r, add_query, query);
	add_missing(data, query);
	json_decref(query);
	incoming_limit(data, notes);
	return data;
}

enum http_result api_page_answer(struct http_request *r, struct store_rows *rows, int64_t limit, json_t *(*row)(const struct store_rows *rows, size_t i, bool whole))
{
	if (!rows)
		return http_problem(r, 503, "The database could not be read", "try again shortly");
	json_t *data = json_array();
	size_t n = rows_count(rows);
	for (size_t i = 0; i < n && i < (size_t)limit; i++)
		json_array_append_new(data, row(rows, i, false));
	api_list_answer(r, data, n > (size_t)limit ? rows_text(rows, (size_t)limit - 1, 0) : NULL);
	rows_free(rows);
	return HTTP_REPLY;
}

enum http_result api_request_list(struct http_request *r, const char *prefix, const struct api_narrowing *way, json_t *(*row)(const struct store_rows *rows, size_t i, bool whole))
{
	struct store_conn *conn = http_reader(r);
	const char *cursor = http_query(r, "cursor"), *status = http_query(r, "status"), *value = NULL;
	char first[ID_SIZE], last[ID_SIZE], caller[PHONE_SIZE];
	int64_t from, to, limit = api_limit(r);
	if (!conn)
		return HTTP_REPLY;
	if (!api_query_time(r, "from", 0, &from) || !api_query_time(r, "to", INT64_C(1) << 46, &to))
		return http_problem(r, 400, "Unreadable parameter", "from and to must be times such as 2026-11-23T00:00:00Z");
	while (way->name && (!(value = http_query(r, way->name)) || !*value))
		way++;
	if (way->name && strcmp(way->name, "caller_id") == 0 && phone_normalize(value, r->organization->region, caller))
		value = caller;
	id_from_time(prefix, from, first);
	id_from_time(prefix, to, last);
	struct store_rows *rows = store_query(conn, way->sql, "sssssi", r->organization->id, cursor && *cursor ? cursor : last, first, status ? status : "", way->name ? value : "", limit + 1);
	return api_page_answer(r, rows, limit, row);
}

/* ---- written without being waited for ---- */

struct kept {
	struct store_job job;
	struct store_batch *batch;
};

static bool run_kept(struct store_job *job, struct store_conn *conn)
{
	return store_batch_run(((struct kept *)job)->batch, conn);
}

static void kept_done(struct store_job *job, bool committed)
{
	(void)committed; /* the writer has said why not */
	store_batch_free(((struct kept *)job)->batch);
	free(job);
}

bool api_keep(struct http_request *r, struct store_batch *batch)
{
	static const struct store_job functions = {.run = run_kept, .done = kept_done};
	struct kept *k = batch ? calloc(1, sizeof *k) : NULL;
	if (k) {
		k->job = functions;
		k->batch = batch;
		if (store_submit(r->config->store, &k->job))
			return true;
	}
	store_batch_free(batch);
	free(k);
	return false;
}
