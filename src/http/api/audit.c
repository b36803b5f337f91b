/*
 * The audit log: who did what, from where. A change of a resource has the changed fields as they
 * were and as they are; secrets are "***".
 */
#include "http/api/api.h"
#include "base/id.h"
#include <stdlib.h>
#include <string.h>

#define SECRET "***"
#define VALUE_MAX 4096 /* bytes of JSON of one field's value; the size of longer ones is kept */

static const struct field *field_named(const struct field *fields, const char *name)
{
	for (const struct field *f = fields; f && f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static bool is_nothing(const json_t *value)
{
	return !value || json_is_null(value);
}

/* The value without its secrets. New reference; f NULL: it is of no table. */
static json_t *without_secrets(const struct field *f, json_t *value)
{
	json_t *copy = json_deep_copy(value), *member;
	const char *name;
	if (f && f->flags & FIELD_SECRET) {
		json_decref(copy);
		return is_nothing(value) ? json_null() : json_string(SECRET);
	}
	if (f && f->fields && json_is_object(value))
		json_object_foreach(value, name, member)
			json_object_set_new(copy, name,
					    without_secrets(field_named(f->fields, name), member));
	return copy;
}

/* As without_secrets(), and no longer than the log may get. */
static json_t *shown(const struct field *f, json_t *value)
{
	json_t *copy = is_nothing(value) ? json_null() : without_secrets(f, value);
	size_t len = json_dumpb(copy, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
	if (len <= VALUE_MAX)
		return copy;
	json_decref(copy);
	return json_pack("{s:I}", "omitted_bytes", (json_int_t)len);
}

static void differ(const struct field *fields, json_t *old, json_t *now, json_t *before, json_t *after);

static void add_field(const struct field *f, const char *name, json_t *old, json_t *now, json_t *before,
		      json_t *after)
{
	bool same = (is_nothing(old) && is_nothing(now)) || json_equal(old, now);
	if (same || (f && f->flags & FIELD_READ_ONLY && !(f->flags & FIELD_SECRET)))
		return;
	if (json_is_object(old) && json_is_object(now) && f && f->fields) {
		json_t *was = json_object(), *is = json_object();
		differ(f->fields, old, now, was, is);
		json_object_set_new(before, name, was);
		json_object_set_new(after, name, is);
		return;
	}
	json_object_set_new(before, name, shown(f, old));
	json_object_set_new(after, name, shown(f, now));
}

/* The members that are not the same in both. */
static void differ(const struct field *fields, json_t *old, json_t *now, json_t *before, json_t *after)
{
	const char *name;
	json_t *value;
	json_object_foreach(old, name, value)
		add_field(field_named(fields, name), name, value, json_object_get(now, name), before,
			  after);
	json_object_foreach(now, name, value)
		if (!json_object_get(old, name))
			add_field(field_named(fields, name), name, NULL, value, before, after);
}

json_t *api_audit_difference(const struct field *fields, json_t *old, json_t *now)
{
	json_t *before = json_object(), *after = json_object();
	differ(fields, old, now, before, after);
	if (!old) {
		json_decref(before);
		before = json_null();
	}
	if (!now) {
		json_decref(after);
		after = json_null();
	}
	return json_pack("{s:o, s:o}", "before", before, "after", after);
}

bool api_audit_write(struct store_conn *conn, const struct http_request *r, const char *action,
		     const char *resource_id, json_t *doc)
{
	char id[ID_SIZE], address[ADDRESS_SIZE];
	json_t *all = doc ? json_copy(doc) : json_object();
	if (r->sender.ss_family)
		json_object_set_new(all, "address",
			json_string(address_text((const struct sockaddr *)&r->sender, address)));
	char *text = json_dumps(all, JSON_COMPACT);
	bool ok = text && store_exec(conn,
		"INSERT INTO audit (id, organization_id, actor, action, resource_id, doc, created_at) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7)", "ssssssi", id_new("aud", id),
		r->organization->id, r->actor, action, resource_id, text, clock_now_ms());
	free(text);
	json_decref(all);
	return ok;
}

bool api_audit(struct store_conn *conn, const struct http_request *r, const char *action,
	       const char *resource_id)
{
	return api_audit_write(conn, r, action, resource_id, NULL);
}

bool api_audit_changes(struct store_conn *conn, const struct http_request *r, const char *action,
		       const char *resource_id, json_t *changes)
{
	json_t *doc = json_pack("{s:O*}", "changes", changes);
	bool ok = doc && api_audit_write(conn, r, action, resource_id, doc);
	json_decref(doc);
	return ok;
}

static json_t *row_json(const struct store_rows *rows, size_t i)
{
	char time[RFC3339_SIZE];
	json_t *doc = json_loads(rows_text(rows, i, 5), 0, NULL); /* has a deleted resource, too */
	json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}",
		"id", rows_text(rows, i, 0),
		"actor", rows_text(rows, i, 1),
		"action", rows_text(rows, i, 2),
		"resource", rows_text(rows, i, 3),
		"resource_id", rows_text(rows, i, 3),
		"created_at", clock_rfc3339(rows_int(rows, i, 4), time));
	static const char *const more[] = {"before", "after", "changes", "address"};
	for (size_t k = 0; k < ARRAY_LEN(more); k++) {
		json_t *value = json_object_get(doc, more[k]);
		if (value)
			json_object_set(row, more[k], value);
	}
	json_decref(doc);
	return row;
}

enum http_result api_audit_log(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	const char *cursor = http_query(r, "cursor");
	if (!conn)
		return HTTP_REPLY;
	int64_t limit = api_limit(r);
	struct store_rows *rows = store_query(conn,
		"SELECT id, actor, action, resource_id, created_at, doc FROM audit WHERE organization_id = $1 "
		"AND id < $2 ORDER BY id DESC LIMIT $3",
		"ssi", r->organization->id, cursor ? cursor : "zzzz", limit + 1);
	if (!rows)
		return http_problem(r, 503, "The database could not be read", "try again shortly");
	json_t *data = json_array();
	size_t n = rows_count(rows), shown_count = n < (size_t)limit ? n : (size_t)limit;
	for (size_t i = 0; i < shown_count; i++)
		json_array_append_new(data, row_json(rows, i));
	const char *next = n > (size_t)limit ? rows_text(rows, (size_t)limit - 1, 0) : NULL;
	api_list_answer(r, data, next);
	rows_free(rows);
	return HTTP_REPLY;
}
