/* Call flows as documents: export with the names of what they refer to, import by those names, and what two versions differ in. */
#include "flow/version.h"
#include "http/api/api.h"
#include <stdlib.h>
#include <string.h>

/* ---- export ---- */

struct naming {
	struct store_conn *conn;
	const char *organization_id;
	json_t *references; /* id: {kind, name} */
};

static void name_reference(void *arg, const char *pointer, const char *kind, json_t *value)
{
	struct naming *n = arg;
	const char *id = json_string_value(value);
	(void)pointer;
	struct store_rows *rows = store_query(n->conn, "SELECT name FROM resources WHERE id = $1 AND organization_id = $2 AND kind = $3", "sss", id, n->organization_id, kind);
	if (rows_count(rows) == 1)
		json_object_set_new(n->references, id, json_pack("{s:s, s:s}", "kind", kind, "name", rows_text(rows, 0, 0)));
	rows_free(rows);
}

enum http_result api_flow_export(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = api_flow_find(conn, r);
	json_t *doc = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL, *draft = json_object_get(doc, "draft");
	if (!doc) {
		api_flow_missing(r);
	} else {
		struct naming naming = {conn, r->organization->id, json_object()};
		json_t *out = json_pack("{s:s, s:s}", "schema", "strowger.flow/1", "name", rows_text(rows, 0, 2));
		flow_each_reference(draft, name_reference, &naming);
		if (json_is_string(json_object_get(doc, "description")))
			json_object_set(out, "description", json_object_get(doc, "description"));
		json_object_update_missing(out, draft);
		if (json_object_size(naming.references))
			json_object_set(out, "references", naming.references);
		json_decref(naming.references);
		free(r->answer);
		r->answer = json_dumps(out, JSON_INDENT(2) | JSON_SORT_KEYS);
		r->answer_len = r->answer ? strlen(r->answer) : 0;
		r->content_type = "application/json";
		r->status = 200;
		json_decref(out);
	}
	json_decref(doc);
	rows_free(rows);
	return HTTP_REPLY;
}

/* ---- import ---- */

struct resolving {
	struct http_request *r;
	struct store_conn *conn;
	json_t *references;
	struct errors errors;
};

static void resolve_reference(void *arg, const char *pointer, const char *kind, json_t *value)
{
	struct resolving *s = arg;
	const char *id = json_string_value(value), *organization = s->r->organization->id;
	json_t *reference = json_object_get(s->references, id);
	const char *name = json_string_value(json_object_get(reference, "name"));
	struct store_rows *rows = store_query(s->conn, "SELECT id FROM resources WHERE id = $1 AND organization_id = $2 AND kind = $3", "sss", id, organization, kind);
	bool here = rows_count(rows) == 1;
	rows_free(rows);
	if (here)
		return;
	rows = name ? store_query(s->conn, "SELECT id FROM resources WHERE name = $1 AND organization_id = $2 AND kind = $3 LIMIT 2", "sss", name, organization, kind) : NULL;
	if (rows_count(rows) == 1)
		json_string_set(value, rows_text(rows, 0, 0));
	else if (name)
		errors_add(&s->errors, pointer, "there is no %s named '%.100s'; make one, or change the document", kind, name);
	else
		errors_add(&s->errors, pointer, "there is no %s %.60s, and references names none", kind, id);
	rows_free(rows);
}

enum http_result api_flow_import(struct http_request *r)
{
	json_t *body = http_body_object(r);
	struct store_conn *conn = body ? http_reader(r) : NULL;
	if (!conn)
		return HTTP_REPLY;
	json_t *name = json_object_get(body, "name"), *draft = json_deep_copy(body);
	json_t *description = json_object_get(body, "description");
	struct resolving resolving = {.r = r, .conn = conn, .references = json_object_get(body, "references")};
	json_object_del(draft, "name");
	json_object_del(draft, "description");
	json_object_del(draft, "references");
	flow_each_reference(draft, resolve_reference, &resolving);
	if (errors_any(&resolving.errors)) {
		json_decref(draft);
		return http_invalid(r, &resolving.errors);
	}
	json_t *wrapped = json_pack("{s:O?, s:O*, s:o}", "name", name, "description", description,
				    "draft", draft);
	json_decref(r->json);
	r->json = wrapped;
	r->params[0] = "call-flows";
	return api_resource_create(r);
}

/* ---- what differs ---- */

/* ?name=: a version's number, or "draft" (the default). NULL: answered. */
static json_t *document_of(struct http_request *r, struct store_conn *conn, const char *name, json_t *doc)
{
	const char *wanted = http_query(r, name);
	char *end = NULL;
	if (!wanted || strcmp(wanted, "draft") == 0)
		return json_incref(json_object_get(doc, "draft"));
	long long version = strtoll(wanted, &end, 10);
	if (*end || end == wanted) {
		http_problem(r, 400, "Unreadable parameter", "%s must be a version's number or draft", name);
		return NULL;
	}
	bool failed;
	json_t *document = api_flow_version_document(conn, r, version, &failed);
	if (!document)
		api_flow_version_missing(r, version);
	return document;
}

/* What the document that was sent would change in a version or the draft. */
enum http_result api_flow_diff_document(struct http_request *r)
{
	json_t *body = http_body_object(r), *document = json_object_get(body, "document");
	struct store_conn *conn = body ? http_reader(r) : NULL;
	if (!conn)
		return HTTP_REPLY;
	if (!json_is_object(document)) {
		struct errors errors = {0};
		errors_add(&errors, "/document", "is required: a flow document");
		return http_invalid(r, &errors);
	}
	struct store_rows *rows = api_flow_find(conn, r);
	json_t *doc = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL, *from = NULL;
	rows_free(rows);
	if (!doc)
		api_flow_missing(r);
	else if ((from = document_of(r, conn, "from", doc)))
		http_json(r, 200, flow_diff(from, document));
	json_decref(from);
	json_decref(doc);
	return HTTP_REPLY;
}

enum http_result api_flow_diff(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = api_flow_find(conn, r);
	json_t *doc = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL, *from = NULL, *to = NULL;
	rows_free(rows);
	if (!doc)
		api_flow_missing(r);
	else if ((from = document_of(r, conn, "from", doc)) && (to = document_of(r, conn, "to", doc)))
		http_json(r, 200, flow_diff(from, to));
	json_decref(from);
	json_decref(to);
	json_decref(doc);
	return HTTP_REPLY;
}
