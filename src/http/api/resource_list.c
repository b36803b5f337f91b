/* Configuration in lists: sorted, narrowed, paged; and what uses what. */
#include "http/api/api.h"
#include "base/id.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_SIZE 1024
#define CURSOR_CODING sodium_base64_VARIANT_URLSAFE_NO_PADDING

/*
 * ?sort=: a page goes on after the value that the last row was sorted by ($3) and its id ($4), so
 * that it does not matter what became of that row meanwhile. $4 is '' for the first page.
 */
#define LIST(condition, order) \
	"SELECT " RESOURCE_COLUMNS ", name FROM resources WHERE organization_id = $1 AND kind = $2 " \
	"AND ($4 = '' OR " condition ") AND LOWER(name) LIKE LOWER($5) ORDER BY " order " LIMIT $6"
#define NAME(compare) "(LOWER(name), id) " compare " (LOWER($3), $4)"
#define TIME(compare) "(updated_at, id) " compare " (CAST($3 AS BIGINT), $4)"
#define AGE(compare) "(id " compare " $4 AND $3 = '')" /* an id begins with the time of its making */

enum order_by { BY_ID, BY_NAME, BY_UPDATED_AT };

static const struct order {
	const char *name, *sql;
	enum order_by by;
} orders[] = {
	{"-created_at", LIST(AGE("<"), "id DESC"), BY_ID},
	{"created_at", LIST(AGE(">"), "id"), BY_ID},
	{"name", LIST(NAME(">"), "LOWER(name), id"), BY_NAME},
	{"-name", LIST(NAME("<"), "LOWER(name) DESC, id DESC"), BY_NAME},
	{"updated_at", LIST(TIME(">"), "updated_at, id"), BY_UPDATED_AT},
	{"-updated_at", LIST(TIME("<"), "updated_at DESC, id DESC"), BY_UPDATED_AT},
};

static const struct order *find_order(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(orders); i++)
		if (!name || strcmp(orders[i].name, name) == 0)
			return &orders[i];
	return NULL;
}

struct wanted {
	const struct resource_kind *kind;
	struct {
		const char *name, *value;
	} fields[8];
	size_t count;
};

/* ?FIELD=VALUE for the kind's own fields of one value. */
static void read_field(void *arg, const char *name, const char *value)
{
	struct wanted *w = arg;
	for (const struct field *f = w->kind->fields; f->name; f++)
		if (strcmp(f->name, name) == 0 && *value && w->count < ARRAY_LEN(w->fields)) {
			w->fields[w->count].name = f->name;
			w->fields[w->count++].value = value;
		}
}

static bool has_value(json_t *v, const char *text)
{
	size_t i;
	json_t *item;
	if (json_is_string(v))
		return strcmp(json_string_value(v), text) == 0;
	if (json_is_boolean(v))
		return strcmp(json_is_true(v) ? "true" : "false", text) == 0;
	if (json_is_integer(v))
		return json_integer_value(v) == strtoll(text, NULL, 10);
	json_array_foreach(v, i, item)
		if (has_value(item, text))
			return true;
	return false;
}

static bool is_wanted(const struct wanted *w, json_t *shown)
{
	for (size_t i = 0; i < w->count; i++)
		if (!has_value(json_object_get(shown, w->fields[i].name), w->fields[i].value))
			return false;
	return true;
}

/* Where a page ended. */
struct position {
	char id[ID_SIZE];
	char value[VALUE_SIZE]; /* what the row was sorted by; "" where the id says it */
};

static void position_of(const struct store_rows *rows, size_t row, enum order_by by, struct position *p)
{
	snprintf(p->id, sizeof p->id, "%s", rows_text(rows, row, 0));
	p->value[0] = '\0';
	if (by == BY_NAME)
		snprintf(p->value, sizeof p->value, "%s", rows_text(rows, row, 5));
	else if (by == BY_UPDATED_AT)
		snprintf(p->value, sizeof p->value, "%lld", (long long)rows_int(rows, row, 4));
}

/* The cursor of a position: its id, or "ID VALUE" in the letters that a URL takes (RFC 4648 section 5). */
static const char *write_cursor(struct http_request *r, const struct position *p, enum order_by by)
{
	char text[ID_SIZE + VALUE_SIZE + 1];
	if (by == BY_ID)
		return arena_strdup(&r->arena, p->id);
	size_t len = (size_t)snprintf(text, sizeof text, "%s %s", p->id, p->value);
	size_t size = sodium_base64_encoded_len(len, CURSOR_CODING);
	char *out = arena_alloc(&r->arena, size);
	return out ? sodium_bin2base64(out, size, (unsigned char *)text, len, CURSOR_CODING) : NULL;
}

static bool read_cursor(const char *text, enum order_by by, struct position *p)
{
	char plain[ID_SIZE + VALUE_SIZE + 1];
	size_t len = 0;
	*p = (struct position){.value = {by == BY_UPDATED_AT ? '0' : '\0'}};
	if (!text || !*text)
		return true;
	if (by == BY_ID)
		return snprintf(p->id, sizeof p->id, "%s", text) < (int)sizeof p->id;
	if (sodium_base642bin((unsigned char *)plain, sizeof plain - 1, text, strlen(text), NULL, &len, NULL,
			      CURSOR_CODING) != 0)
		return false;
	plain[len] = '\0';
	const char *space = memchr(plain, ' ', len);
	if (!space || space == plain || (size_t)(space - plain) >= sizeof p->id)
		return false;
	memcpy(p->id, plain, (size_t)(space - plain));
	snprintf(p->value, sizeof p->value, "%s", space + 1);
	return by != BY_UPDATED_AT || (*p->value && !p->value[strspn(p->value, "0123456789")]);
}

enum http_result api_resource_list(struct http_request *r)
{
	const struct resource_kind *kind = api_resource_kind(r);
	const char *cursor = http_query(r, "cursor"), *search = http_query(r, "search");
	const struct order *order = find_order(http_query(r, "sort"));
	struct wanted wanted = {.kind = kind};
	struct position last;
	char pattern[128];
	if (!order)
		return http_problem(r, 400, "Unreadable parameter", "sort must be name, created_at or updated_at, with - before it for the other way round");
	if (!read_cursor(cursor, order->by, &last))
		return http_problem(r, 400, "Unreadable parameter",
				    "cursor must be the next_cursor of a page with the same sort");
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	http_each_query(r, read_field, &wanted);
	snprintf(pattern, sizeof pattern, "%%%.100s%%", search ? search : "");
	int64_t limit = api_limit(r);
	json_t *data = json_array();
	bool more = true, ok = true;
	while (ok && more && json_array_size(data) < (size_t)limit) {
		struct store_rows *rows = store_query(conn, order->sql, "sssssi", r->organization->id, kind->kind,
						     last.value, last.id, pattern, limit + 1);
		size_t n = rows_count(rows);
		ok = rows != NULL;
		more = n > (size_t)limit;
		for (size_t i = 0; i < n && i < (size_t)limit && json_array_size(data) < (size_t)limit; i++) {
			json_t *shown = api_resource_json(r, kind, rows, i);
			if (is_wanted(&wanted, shown))
				json_array_append(data, shown);
			json_decref(shown);
			position_of(rows, i, order->by, &last);
			more |= json_array_size(data) == (size_t)limit && i + 1 < n;
		}
		rows_free(rows);
	}
	if (ok)
		return api_list_answer(r, data, more ? write_cursor(r, &last, order->by) : NULL);
	json_decref(data);
	return http_problem(r, 503, "The database could not be read", "try again shortly");
}

/* ---- what uses it ---- */

/* Documents that name an id: of resources, published versions and the organization. */
#define USERS_BY_ID \
	"SELECT id, kind, name FROM resources WHERE organization_id = $1 AND id <> $2 AND doc LIKE $3 UNION " \
	"SELECT r.id, r.kind, r.name FROM flow_versions v JOIN resources r ON r.id = v.flow_id AND r.organization_id = v.organization_id WHERE v.organization_id = $1 AND v.flow_id <> $2 AND v.document LIKE $3 " \
	"AND (r.doc LIKE '%\"published_version\":' || v.version || ',%' " \
	"OR r.doc LIKE '%\"published_version\":' || v.version || '}%') UNION " \
	"SELECT id, 'organization', name FROM organizations WHERE id = $1 AND doc LIKE $3 " \
	"ORDER BY 2, 3 LIMIT 20"
json_t *api_resource_users(struct store_conn *conn, const struct http_request *r, const struct resource_kind *kind, const char *id)
{
	char pattern[64];
	if (strcmp(kind->kind, "custom_tag") == 0)
		return api_tag_users(conn, r, id);
	snprintf(pattern, sizeof pattern, "%%\"%.40s\"%%", id);
	struct store_rows *rows = store_query(conn, USERS_BY_ID, "sss", r->organization->id, id, pattern);
	json_t *users = rows ? json_array() : NULL;
	for (size_t i = 0; i < rows_count(rows); i++)
		json_array_append_new(users, json_pack("{s:s, s:s, s:s}", "id", rows_text(rows, i, 0), "kind", rows_text(rows, i, 1), "name", rows_text(rows, i, 2)));
	rows_free(rows);
	return users;
}

enum http_result api_resource_usage(struct http_request *r)
{
	const struct resource_kind *kind = api_resource_kind(r);
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *row = store_query(conn, "SELECT name FROM resources WHERE id = $1 AND organization_id = $2 AND kind = $3", "sss", r->params[1], r->organization->id, kind->kind);
	bool found = rows_count(row) == 1;
	json_t *users = found ? api_resource_users(conn, r, kind, r->params[1]) : NULL;
	rows_free(row);
	if (users)
		return api_list_answer(r, users, NULL);
	if (!row || found)
		return http_problem(r, 503, "The database could not be read", "try again shortly");
	return http_problem(r, 404, "There is no such resource", "no %s has the id %.60s", kind->title, r->params[1]);
}
