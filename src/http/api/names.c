/* The names of objects by their ids, of any kind: what lists and pickers show instead of ids. */
#include "http/api/api.h"
#include <string.h>

#define NAMES_MAX 100

/* false: the database could not be read. An id of another organization, or of nothing, adds nothing. */
static bool add_name(struct store_conn *conn, const struct http_request *r, const char *id, json_t *data)
{
	struct store_rows *rows = store_query(
		conn, "SELECT id, kind, name FROM resources WHERE id = $1 AND organization_id = $2",
		"ss", id, r->organization->id);
	bool ok = rows != NULL;
	if (rows_count(rows) == 1)
		json_array_append_new(data, json_pack("{s:s, s:s, s:s}", "id", rows_text(rows, 0, 0),
						      "kind", rows_text(rows, 0, 1), "name",
						      rows_text(rows, 0, 2)));
	rows_free(rows);
	return ok;
}

enum http_result api_names(struct http_request *r)
{
	const char *ids = http_query(r, "ids");
	struct store_conn *conn;
	size_t count = 0;
	for (const char *c = ids; c && *c; c++)
		count += *c == ',';
	if (!ids || !*ids || count >= NAMES_MAX)
		return http_problem(r, 400, "Unreadable parameter",
				    "ids must have 1 to %d ids, separated by commas", NAMES_MAX);
	conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	json_t *data = json_array();
	for (const char *at = ids; *at;) {
		char id[64];
		size_t len = strcspn(at, ",");
		snprintf(id, sizeof id, "%.*s", (int)(len < sizeof id ? len : 0), at);
		if (*id && !add_name(conn, r, id, data)) {
			json_decref(data);
			return http_problem(r, 503, "The database could not be read", "try again shortly");
		}
		at += len + (at[len] == ',');
	}
	return api_list_answer(r, data, NULL);
}
