/* Call flows: checking, publishing, versions. */
#include "http/api/api.h"
#include "http/work.h"
#include "base/clock.h"
#include "base/id.h"
#include <stdlib.h>
#include <string.h>

struct flow *api_flow_compile(const struct http_request *r, json_t *document,
			      struct script_budget *budget, json_t *problems)
{
	struct flow_context context = organization_flow_context(r->organization, NULL, 0);
	struct flow_scripts scripts = script_flow_scripts(budget);
	context.scripts = &scripts;
	return flow_compile(document, &context, problems);
}

/* Compile for the problems alone. Does it compile? */
static bool check(const struct http_request *r, json_t *document, json_t *problems)
{
	struct script_budget budget;
	script_budget_begin(&budget, r->config->scripts, r->organization->id);
	struct flow *flow = api_flow_compile(r, document, &budget, problems);
	flow_free(flow);
	return flow != NULL;
}

enum http_result api_flow_has_errors(struct http_request *r, json_t *problems)
{
	http_json(r, 422, json_pack("{s:s, s:s, s:i, s:s, s:O, s:O}", "type", "about:blank", "title", "The flow has errors", "status", 422, "detail", "mend what has severity error first", "errors", problems, "problems", problems));
	r->content_type = "application/problem+json";
	return HTTP_REPLY;
}

enum http_result api_node_types(struct http_request *r)
{
	return api_list_answer(r, flow_node_types_json(), NULL);
}

struct store_rows *api_flow_find(struct store_conn *conn, const struct http_request *r)
{
	return store_query(conn, "SELECT doc, version, name FROM resources WHERE id = $1 AND organization_id = $2 AND kind = 'call_flow'", "ss", r->params[0], r->organization->id);
}

json_t *api_flow_version_document(struct store_conn *conn, const struct http_request *r, int64_t version, bool *failed)
{
	struct store_rows *rows = store_query(conn, "SELECT document FROM flow_versions WHERE flow_id = $1 AND version = $2 AND organization_id = $3", "sis", r->params[0], version, r->organization->id);
	json_t *document = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	*failed = !rows;
	rows_free(rows);
	return document;
}

enum http_result api_flow_version_missing(struct http_request *r, int64_t version)
{
	return http_problem(r, 404, "There is no such version", "the call flow has no version %lld", (long long)version);
}

enum http_result api_flow_missing(struct http_request *r)
{
	return http_problem(r, 404, "There is no such call flow", "no call flow has the id %.60s", r->params[0]);
}

static enum http_result check_flow(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = api_flow_find(conn, r);
	json_t *doc = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL, *problems = json_array();
	json_t *sent = r->body_len ? http_body_object(r) : NULL;
	if (!doc) {
		api_flow_missing(r);
	} else if (!r->body_len || sent) {
		bool ok = check(r, json_object_get(sent, "nodes") ? sent : json_object_get(doc, "draft"), problems);
		http_json(r, 200, json_pack("{s:b, s:O}", "ok", ok, "problems", problems));
	}
	json_decref(problems);
	json_decref(doc);
	rows_free(rows);
	return HTTP_REPLY;
}

enum http_result api_flow_check(struct http_request *r)
{
	return http_work(r, check_flow);
}

/* The document that becomes the next version, and why. */
struct publication {
	const char *note;
	int64_t rollback_to; /* 0: the draft */
	/* what was compiled before the transaction, which only compares: borrowed from the request's JSON */
	int64_t resource_version;
	json_t *compiled; /* NULL: there was no such document */
	json_t *problems;
	bool ok;
};

static bool publish(struct store_conn *conn, struct http_request *r, json_t *doc, json_t *document, const char *note)
{
	struct store_rows *rows = store_query(conn, "SELECT COALESCE(MAX(version), 0) FROM flow_versions WHERE flow_id = $1", "s", r->params[0]);
	if (!rows)
		return false;
	int64_t version = rows_int(rows, 0, 0) + 1, now = clock_now_ms();
	rows_free(rows);
	json_object_set_new(doc, "published_version", json_integer(version));
	char *text = json_dumps(document, JSON_COMPACT), *changed = json_dumps(doc, JSON_COMPACT);
	bool ok = text && changed &&
		store_exec(conn, "INSERT INTO flow_versions (flow_id, version, organization_id, note, document, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)", "sissssi",
			   r->params[0], version, r->organization->id, note, text, r->actor, now) &&
		store_exec(conn, "UPDATE resources SET doc = $1, version = version + 1, updated_at = $2 WHERE id = $3 AND organization_id = $4", "siss", changed, now, r->params[0], r->organization->id) &&
		api_audit(conn, r, "publish", r->params[0]);
	free(text);
	free(changed);
	if (ok) {
		http_json(r, 200, json_pack("{s:s, s:I, s:s}", "id", r->params[0], "version", (json_int_t)version, "note", note));
		r->reload = true;
	}
	return ok;
}

/*
 * The document to be published. NULL: there is none, or, with *failed, the database could not be read.
 * New reference.
 */
static json_t *wanted_document(struct store_conn *conn, const struct http_request *r, json_t *doc,
			       bool *failed)
{
	const struct publication *p = r->data;
	*failed = false;
	if (doc && p->rollback_to)
		return api_flow_version_document(conn, r, p->rollback_to, failed);
	return json_incref(json_object_get(doc, "draft"));
}

/* Has the draft been changed since it was compiled? true: a 409 was set. */
static bool draft_changed(struct http_request *r, int64_t found, json_t *document)
{
	const struct publication *p = r->data;
	if (p->compiled && (p->resource_version == found || json_equal(p->compiled, document)))
		return false;
	http_problem(r, 409, "The flow was changed meanwhile",
		     "its draft was saved while this one was being checked: publish again");
	return true;
}

static bool run_publish(struct store_conn *conn, struct http_request *r)
{
	const struct publication *p = r->data;
	struct store_rows *rows = api_flow_find(conn, r);
	int64_t found = rows_count(rows) == 1 ? rows_int(rows, 0, 1) : 0;
	json_t *doc = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	bool failed;
	json_t *document = wanted_document(conn, r, doc, &failed);
	bool ok = rows && !failed;
	if (ok && !doc)
		api_flow_missing(r);
	else if (ok && api_changed_meanwhile(r, found))
		;
	else if (ok && !document)
		api_flow_version_missing(r, p->rollback_to);
	else if (ok && draft_changed(r, found, document))
		;
	else if (ok && !p->ok)
		api_flow_has_errors(r, p->problems);
	else if (ok && (ok = publish(conn, r, doc, document, p->note)))
		api_set_etag(r, found + 1);
	json_decref(document);
	json_decref(doc);
	rows_free(rows);
	return ok;
}

/*
 * Compiling takes long where a flow has many scripts, and the writer is everybody's: it is done here,
 * before the transaction. What is missing is answered there, after a repeated Idempotency-Key was
 * looked for.
 */
static enum http_result compile_and_publish(struct http_request *r)
{
	struct publication *p = r->data;
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = api_flow_find(conn, r);
	json_t *doc = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	bool failed;
	p->compiled = wanted_document(conn, r, doc, &failed);
	p->resource_version = doc ? rows_int(rows, 0, 1) : 0;
	json_decref(doc);
	rows_free(rows);
	p->problems = json_array();
	p->ok = p->compiled && check(r, p->compiled, p->problems);
	if (!r->json)
		r->json = json_object();
	json_object_set_new(r->json, "problems", p->problems); /* both are freed with it */
	if (p->compiled)
		json_object_set_new(r->json, "compiled", p->compiled);
	return http_write(r);
}

static enum http_result start_publish(struct http_request *r, bool rollback)
{
	struct publication *p = arena_alloc(&r->arena, sizeof *p);
	json_t *body = r->body_len ? http_body_object(r) : NULL;
	if (!p || (r->body_len && !body))
		return HTTP_REPLY;
	const char *note = json_string_value(json_object_get(body, "note"));
	p->rollback_to = rollback ? json_integer_value(json_object_get(body, "version")) : 0;
	p->note = note ? note : rollback ? "rolled back" : "";
	if (rollback && p->rollback_to < 1) {
		struct errors errors = {0};
		errors_add(&errors, "/version", "must be the number of a published version");
		return http_invalid(r, &errors);
	}
	r->data = p;
	r->run = run_publish;
	snprintf(r->reload_id, sizeof r->reload_id, "%s", r->organization->id);
	return http_work(r, compile_and_publish);
}

enum http_result api_flow_publish(struct http_request *r)
{
	return start_publish(r, false);
}

enum http_result api_flow_rollback(struct http_request *r)
{
	return start_publish(r, true);
}

static json_t *version_json(const struct store_rows *rows, size_t i, bool with_document)
{
	char time[RFC3339_SIZE];
	json_t *v = json_pack("{s:I, s:s, s:s, s:s}", "version", (json_int_t)rows_int(rows, i, 0), "note", rows_text(rows, i, 1), "created_by", rows_text(rows, i, 2), "created_at", clock_rfc3339(rows_int(rows, i, 3), time));
	if (with_document)
		json_object_set_new(v, "document", json_loads(rows_text(rows, i, 4), 0, NULL));
	return v;
}

enum http_result api_flow_versions(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	struct store_rows *rows = conn ? store_query(conn, "SELECT version, note, created_by, created_at FROM flow_versions WHERE flow_id = $1 AND organization_id = $2 ORDER BY version DESC LIMIT 200", "ss", r->params[0], r->organization->id) : NULL;
	struct store_rows *flow = conn ? api_flow_find(conn, r) : NULL;
	if (conn && rows_count(flow) == 0) {
		api_flow_missing(r);
	} else if (conn) {
		json_t *data = json_array();
		for (size_t i = 0; i < rows_count(rows); i++)
			json_array_append_new(data, version_json(rows, i, false));
		api_list_answer(r, data, NULL);
	}
	rows_free(rows);
	rows_free(flow);
	return HTTP_REPLY;
}

enum http_result api_flow_version(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = store_query(conn, "SELECT version, note, created_by, created_at, document FROM flow_versions WHERE flow_id = $1 AND organization_id = $2 AND version = $3", "ssi",
					      r->params[0], r->organization->id, (int64_t)strtoll(r->params[1], NULL, 10));
	if (rows_count(rows) == 1)
		http_json(r, 200, version_json(rows, 0, true));
	else
		http_problem(r, 404, "There is no such version", "the call flow has no version %.20s", r->params[1]);
	rows_free(rows);
	return HTTP_REPLY;
}
