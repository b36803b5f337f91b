/* Custom tags: their names, which filters, templates and flows of the organization use. */
#include "base/clock.h"
#include "base/fold.h"
#include "base/id.h"
#include "config/tag_names.h"
#include "flow/flow.h"
#include "http/api/api.h"
#include <stdlib.h>
#include <string.h>

#define FORMER_MAX 20 /* as the field has it */

/* ---- names that are taken ---- */

bool api_tag_conflict(struct store_conn *conn, struct http_request *r, const char *name, const char *id, bool *failed)
{
	char wanted[FOLD_SIZE], other[FOLD_SIZE], detail[200];
	struct store_rows *rows = store_query(conn, "SELECT id, name FROM resources WHERE organization_id = $1 AND kind = 'custom_tag' ORDER BY id", "s", r->organization->id);
	const char *taken = NULL;
	*failed = !rows || !fold_name(name, strlen(name), wanted);
	for (size_t i = 0; i < rows_count(rows) && !*failed; i++) {
		const char *known = rows_text(rows, i, 1);
		bool same = fold_name(known, strlen(known), other) && strcmp(wanted, other) == 0;
		if (same && strcmp(rows_text(rows, i, 0), id) == 0) { /* it stays what it is, but for its case */
			taken = NULL;
			break;
		}
		if (same && !taken)
			taken = known;
	}
	if (taken) {
		struct errors errors = {0};
		errors_add(&errors, "/name", "is the name of the tag %.80s already: upper and lower case are the same", taken);
		snprintf(detail, sizeof detail, "the tag %.80s has the same name", taken);
		http_problem_errors(r, 409, "This is taken already", detail, &errors);
	}
	rows_free(rows);
	return taken != NULL;
}

/* ---- the organization's tags, as they are in this transaction ---- */

struct tag_sets {
	struct arena arena;
	json_t *docs; /* with their ids */
	struct tag_set *before, *after;
};

static json_t *read_tags(struct store_conn *conn, const struct http_request *r)
{
	struct store_rows *rows = store_query(conn, "SELECT id, doc FROM resources WHERE organization_id = $1 AND kind = 'custom_tag' ORDER BY id", "s", r->organization->id);
	json_t *docs = rows ? json_array() : NULL;
	for (size_t i = 0; i < rows_count(rows); i++) {
		json_t *doc = json_loads(rows_text(rows, i, 1), 0, NULL);
		json_object_set_new(doc, "id", json_string(rows_text(rows, i, 0)));
		json_array_append_new(docs, doc);
	}
	rows_free(rows);
	return docs;
}

static bool read_sets(struct store_conn *conn, const struct http_request *r, struct tag_sets *sets)
{
	*sets = (struct tag_sets){.docs = read_tags(conn, r)};
	sets->before = sets->docs ? tag_set_build(sets->docs, r->organization->region, &sets->arena) : NULL;
	return sets->before != NULL;
}

/* The set as it will be when the tag has this document. */
static bool replace_tag(struct tag_sets *sets, const struct http_request *r, const char *id, json_t *doc)
{
	json_t *old, *next = json_copy(doc);
	size_t i;
	json_object_set_new(next, "id", json_string(id));
	json_array_foreach(sets->docs, i, old)
		if (strcmp(json_string_value(json_object_get(old, "id")), id) == 0)
			json_array_set(sets->docs, i, next);
	json_decref(next);
	sets->after = tag_set_build(sets->docs, r->organization->region, &sets->arena);
	return sets->after != NULL;
}

/* And as it will be with another one. */
static bool add_tag(struct tag_sets *sets, const struct http_request *r, const char *id, json_t *doc)
{
	json_t *added = json_copy(doc);
	json_object_set_new(added, "id", json_string(id));
	json_array_append_new(sets->docs, added);
	sets->after = tag_set_build(sets->docs, r->organization->region, &sets->arena);
	return sets->after != NULL;
}

static void release_sets(struct tag_sets *sets)
{
	json_decref(sets->docs);
	arena_free(&sets->arena);
}

/* ---- documents that may name a tag ---- */

/* Every resource, and every published version that runs, whose text has the name, in any case. */
#define NAMING_RESOURCES "SELECT id, kind, name, doc FROM resources WHERE organization_id = $1 AND kind <> 'custom_tag' AND LOWER(doc) LIKE LOWER($2) ORDER BY kind, name, id"
#define NAMING_VERSIONS \
	"SELECT r.id, v.version, r.name, v.document, r.doc FROM flow_versions v JOIN resources r ON r.id = v.flow_id AND r.organization_id = v.organization_id WHERE v.organization_id = $1 AND LOWER(v.document) LIKE LOWER($2) " \
	"AND (r.doc LIKE '%\"published_version\":' || v.version || ',%' OR r.doc LIKE '%\"published_version\":' || v.version || '}%') ORDER BY r.name, r.id"

/* A pattern that finds at least all that name it. The database knows the case of ASCII letters only. */
static void pattern_of(const char *name, char out[160])
{
	bool ascii = fold_is_ascii(name, strlen(name));
	snprintf(out, 160, ascii ? "%%%.140s%%" : "%%", name);
}

typedef bool candidate_f(void *arg, const struct store_rows *rows, size_t row, bool published);

static bool each_candidate(struct store_conn *conn, const struct http_request *r, const char *name, candidate_f *f, void *arg)
{
	char pattern[160];
	pattern_of(name, pattern);
	struct store_rows *resources = store_query(conn, NAMING_RESOURCES, "ss", r->organization->id, pattern);
	struct store_rows *versions = store_query(conn, NAMING_VERSIONS, "ss", r->organization->id, pattern);
	bool ok = resources && versions;
	for (size_t i = 0; ok && i < rows_count(resources); i++)
		ok = f(arg, resources, i, false);
	for (size_t i = 0; ok && i < rows_count(versions); i++)
		ok = f(arg, versions, i, true);
	rows_free(resources);
	rows_free(versions);
	return ok;
}

/* Those of each name the tag has or had, and of another one; NULL: none. */
static bool each_candidate_of(struct store_conn *conn, const struct http_request *r, const struct tag_def *def, const char *other, candidate_f *f, void *arg)
{
	bool ok = each_candidate(conn, r, def->name, f, arg) && (!other || each_candidate(conn, r, other, f, arg));
	for (const char *const *name = def->former; ok && *name; name++)
		ok = each_candidate(conn, r, *name, f, arg);
	return ok;
}

/* ---- who uses it ---- */

struct users {
	const struct tag_set *tags;
	const char *tag_id;
	json_t *found; /* {"id": {"id","kind","name"}} */
};

static void add_user(struct users *u, const char *id, const char *kind, const char *name)
{
	if (!json_object_get(u->found, id))
		json_object_set_new(u->found, id, json_pack("{s:s, s:s, s:s}", "id", id, "kind", kind, "name", name));
}

static bool note_user(void *arg, const struct store_rows *rows, size_t i, bool published)
{
	struct users *u = arg;
	const char *kind = published ? "call_flow" : rows_text(rows, i, 1);
	if (json_object_get(u->found, rows_text(rows, i, 0)))
		return true;
	json_t *doc = json_loads(rows_text(rows, i, 3), 0, NULL);
	if (tag_names_uses(published ? FLOW_DOCUMENT : kind, doc, u->tags, u->tag_id))
		add_user(u, rows_text(rows, i, 0), kind, rows_text(rows, i, 2));
	json_decref(doc);
	return true;
}

/* Mappings, defaults and permissions have the tag's id. */
static bool note_users_by_id(struct store_conn *conn, const struct http_request *r, struct users *u)
{
	char pattern[64];
	snprintf(pattern, sizeof pattern, "%%\"%.40s\"%%", u->tag_id);
	struct store_rows *rows = store_query(conn, "SELECT id, kind, name FROM resources WHERE organization_id = $1 AND id <> $2 AND doc LIKE $3 ORDER BY kind, name", "sss", r->organization->id, u->tag_id, pattern);
	for (size_t i = 0; i < rows_count(rows); i++)
		add_user(u, rows_text(rows, i, 0), rows_text(rows, i, 1), rows_text(rows, i, 2));
	bool ok = rows != NULL;
	rows_free(rows);
	return ok;
}

json_t *api_tag_users(struct store_conn *conn, const struct http_request *r, const char *id)
{
	struct tag_sets sets;
	bool ok = read_sets(conn, r, &sets);
	int slot = ok ? tag_set_find_id(sets.before, id) : -1;
	struct users u = {.tags = sets.before, .tag_id = id, .found = json_object()};
	json_t *list = json_array(), *user;
	const char *key;
	if (slot >= 0)
		ok = each_candidate_of(conn, r, tag_set_get(sets.before, (size_t)slot), NULL, note_user, &u) && note_users_by_id(conn, r, &u);
	json_object_foreach(u.found, key, user)
		if (json_array_size(list) < API_USERS_MAX)
			json_array_append(list, user);
	json_decref(u.found);
	release_sets(&sets);
	if (ok)
		return list;
	json_decref(list);
	return NULL;
}

/* ---- another name ---- */

struct rename {
	struct http_request *r;
	struct tag_sets sets;
	const char *tag_id, *from, *to;
	json_t *seen;    /* {"id": true}, and "id version" of published ones */
	json_t *changes; /* {"id": {"kind","name","doc", "version": the document that is published}} */
	json_t *scripts;
	struct errors problems;
};

/* The organization with another set of tags, for compiling. */
struct other_tags {
	const struct organization *organization;
	const struct tag_set *tags;
};

static int find_tag(void *arg, const char *name, size_t len)
{
	return tag_set_find(((const struct other_tags *)arg)->tags, name, len);
}

static const struct value_type *tag_type(void *arg, size_t slot)
{
	return &tag_set_get(((const struct other_tags *)arg)->tags, slot)->type;
}

static const char *tag_name(void *arg, size_t slot)
{
	return tag_set_get(((const struct other_tags *)arg)->tags, slot)->name;
}

static bool exists(void *arg, const char *kind, const char *id)
{
	return organization_find(((const struct other_tags *)arg)->organization, kind, id) != NULL;
}

static const struct expr_list *find_list(void *arg, const char *id)
{
	return organization_find(((const struct other_tags *)arg)->organization, "list", id);
}

static bool compiles(const struct rename *n, json_t *document, const struct tag_set *tags, json_t *problems)
{
	struct other_tags other = {n->r->organization, tags};
	const struct flow_context context = {
		.tag = find_tag, .tag_type = tag_type, .tag_count = tag_set_count(tags), .exists = exists, .arg = &other,
		.list = find_list, .tag_name = tag_name, .region = n->r->organization->region,
		.stored = true,
	};
	struct flow *flow = flow_compile(document, &context, problems);
	flow_free(flow);
	return flow != NULL;
}

/* What is in the way, with whose document it is. */
static void add_problems(struct rename *n, const char *kind, const char *name, const char *id, json_t *list)
{
	json_t *problem;
	size_t i;
	json_array_foreach(list, i, problem) {
		const char *severity = json_string_value(json_object_get(problem, "severity"));
		if (!severity || strcmp(severity, "error") == 0)
			errors_add(&n->problems, "/name", "%s %s (%s) %s: %s", kind, name, id,
				   json_string_value(json_object_get(problem, "pointer")),
				   json_string_value(json_object_get(problem, "detail")));
	}
}

static bool has(json_t *list, json_t *wanted)
{
	json_t *item;
	size_t i;
	json_array_foreach(list, i, item)
		if (json_equal(item, wanted))
			return true;
	return false;
}

static void add_scripts(struct rename *n, const char *id, const char *name, json_t *scripts)
{
	json_t *script;
	size_t i;
	json_array_foreach(scripts, i, script) {
		json_object_set_new(script, "kind", json_string("call_flow"));
		json_object_set_new(script, "id", json_string(id));
		json_object_set_new(script, "name", json_string(name));
		if (!has(n->scripts, script)) /* draft and version have the same one */
			json_array_append(n->scripts, script);
	}
}

/* The change of a resource; doc: as it is, where nothing in it changes. */
static json_t *change_of(struct rename *n, const char *id, const char *kind, const char *name, json_t *doc)
{
	if (!json_object_get(n->changes, id))
		json_object_set_new(n->changes, id, json_pack("{s:s, s:s, s:O}", "kind", kind, "name", name, "doc", doc));
	return json_object_get(n->changes, id);
}

static bool is_new(struct rename *n, const char *id, bool published)
{
	char key[80];
	snprintf(key, sizeof key, "%s%s", id, published ? " published" : "");
	if (json_object_get(n->seen, key))
		return false;
	json_object_set_new(n->seen, key, json_true());
	return true;
}

static void rewrite_version(struct rename *n, const struct store_rows *rows, size_t i)
{
	const char *id = rows_text(rows, i, 0), *name = rows_text(rows, i, 2);
	json_t *document = json_loads(rows_text(rows, i, 3), 0, NULL), *doc = json_loads(rows_text(rows, i, 4), 0, NULL);
	json_t *before = json_deep_copy(document), *problems = json_array(), *scripts = json_array();
	struct errors errors = {0};
	bool runs = json_integer_value(json_object_get(doc, "published_version")) == rows_int(rows, i, 1);
	size_t changed = runs ? tag_names_rewrite(FLOW_DOCUMENT, document, n->sets.before, n->sets.after, n->tag_id, &errors, scripts) : 0;
	add_problems(n, "call_flow", name, id, errors.list);
	add_scripts(n, id, name, scripts);
	if (changed && !compiles(n, document, n->sets.after, problems) && compiles(n, before, n->sets.before, NULL))
		add_problems(n, "call_flow", name, id, problems);
	if (changed)
		json_object_set(change_of(n, id, "call_flow", name, doc), "version", document);
	errors_free(&errors);
	json_decref(scripts);
	json_decref(problems);
	json_decref(before);
	json_decref(doc);
	json_decref(document);
}

static void rewrite_resource(struct rename *n, const struct store_rows *rows, size_t i)
{
	const char *id = rows_text(rows, i, 0), *kind = rows_text(rows, i, 1), *name = rows_text(rows, i, 2);
	json_t *doc = json_loads(rows_text(rows, i, 3), 0, NULL);
	struct errors errors = {0};
	json_t *scripts = json_array();
	if (tag_names_rewrite(kind, doc, n->sets.before, n->sets.after, n->tag_id, &errors, scripts))
		json_object_set(change_of(n, id, kind, name, doc), "doc", doc);
	add_problems(n, kind, name, id, errors.list);
	add_scripts(n, id, name, scripts);
	errors_free(&errors);
	json_decref(scripts);
	json_decref(doc);
}

static bool rewrite(void *arg, const struct store_rows *rows, size_t i, bool published)
{
	struct rename *n = arg;
	if (!is_new(n, rows_text(rows, i, 0), published))
		return true;
	if (published)
		rewrite_version(n, rows, i);
	else
		rewrite_resource(n, rows, i);
	return true;
}

/* ---- writing it down ---- */

static bool publish(struct store_conn *conn, struct rename *n, const char *id, json_t *doc, json_t *document, int64_t *version)
{
	char note[200];
	struct store_rows *rows = store_query(conn, "SELECT COALESCE(MAX(version), 0) FROM flow_versions WHERE flow_id = $1", "s", id);
	*version = rows_int(rows, 0, 0) + 1;
	bool ok = rows != NULL;
	rows_free(rows);
	bool renamed = strcmp(n->from, n->to) != 0;
	snprintf(note, sizeof note, renamed ? "Tag %s renamed to %s" : "Former names of tag %s changed", n->from, n->to);
	json_object_set_new(doc, "published_version", json_integer(*version));
	char *text = json_dumps(document, JSON_COMPACT);
	ok = ok && text &&
	     store_exec(conn, "INSERT INTO flow_versions (flow_id, version, organization_id, note, document, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)", "sissssi",
			id, *version, n->r->organization->id, note, text, n->r->actor, clock_now_ms()) &&
	     api_audit(conn, n->r, "publish", id);
	free(text);
	return ok;
}

/* One document; adds to renamed what was done. */
static bool write_change(struct store_conn *conn, struct rename *n, const char *id, json_t *change, json_t *renamed)
{
	json_t *doc = json_object_get(change, "doc"), *document = json_object_get(change, "version");
	json_t *what = json_pack("{s:{s:s, s:s, s:s}}", "renamed_tag", "id", n->tag_id, "from", n->from, "to", n->to);
	json_t *done = json_pack("{s:O, s:s, s:O}", "kind", json_object_get(change, "kind"), "id", id, "name", json_object_get(change, "name"));
	int64_t version = 0;
	bool ok = !document || publish(conn, n, id, doc, document, &version);
	char *text = json_dumps(doc, JSON_COMPACT);
	ok = ok && text &&
	     store_exec(conn, "UPDATE resources SET doc = $1, version = version + 1, updated_at = $2 WHERE id = $3 AND organization_id = $4", "siss",
			text, clock_now_ms(), id, n->r->organization->id) &&
	     api_audit_changes(conn, n->r, "update", id, what);
	if (version)
		json_object_set_new(done, "version", json_integer(version));
	json_array_append_new(renamed, done);
	free(text);
	json_decref(what);
	return ok;
}

/* What was sent under the old name goes on to fill it. */
static void keep_former_name(json_t *doc, const char *from, const char *to)
{
	json_t *former = json_object_get(doc, "former_names"), *kept = json_array(), *name;
	size_t i;
	const struct tag_def next = {.name = to}, last = {.name = from};
	json_array_foreach(former, i, name) {
		const char *text = json_string_value(name);
		if (!tag_is_called(&next, text, strlen(text)) && !tag_is_called(&last, text, strlen(text)))
			json_array_append(kept, name);
	}
	if (!tag_is_called(&next, from, strlen(from)))
		json_array_append_new(kept, json_string(from));
	while (json_array_size(kept) > FORMER_MAX)
		json_array_remove(kept, 0);
	json_object_set_new(doc, "former_names", kept);
}

static bool write_changes(struct store_conn *conn, struct rename *n, json_t **report)
{
	json_t *renamed = json_array(), *change;
	const char *id;
	bool ok = true;
	json_object_foreach(n->changes, id, change)
		ok = ok && write_change(conn, n, id, change, renamed);
	json_decref(*report); /* of a run that was rolled back */
	*report = json_pack("{s:o, s:O}", "renamed", renamed, "scripts", n->scripts);
	return ok;
}

/* Rewrite what has the names; other: a further name whose meaning changes, or NULL. */
static bool settle_names(struct store_conn *conn, struct rename *n, const char *other, json_t **report, bool *refused)
{
	int slot = tag_set_find_id(n->sets.before, n->tag_id);
	n->seen = json_object();
	n->changes = json_object();
	n->scripts = json_array();
	bool ok = slot >= 0 && each_candidate_of(conn, n->r, tag_set_get(n->sets.before, (size_t)slot), other, rewrite, n);
	*refused = ok && errors_any(&n->problems);
	if (*refused)
		http_problem_errors(n->r, 409, "The tag cannot have this name", "see errors: each names what is in the way", &n->problems);
	else if (ok)
		ok = write_changes(conn, n, report);
	errors_free(&n->problems);
	json_decref(n->seen);
	json_decref(n->changes);
	json_decref(n->scripts);
	return ok;
}

bool api_tag_rename(struct store_conn *conn, struct http_request *r, const char *id, json_t *old, json_t *doc, json_t **report, bool *refused)
{
	struct rename n = {.r = r, .tag_id = id, .from = json_string_value(json_object_get(old, "name")), .to = json_string_value(json_object_get(doc, "name"))};
	json_t *former = json_object_get(old, "former_names");
	*refused = false;
	if (strcmp(n.from, n.to) != 0)
		keep_former_name(doc, n.from, n.to);
	else if (!json_array_size(former) || json_equal(former, json_object_get(doc, "former_names")))
		return true;
	bool ok = read_sets(conn, r, &n.sets) && replace_tag(&n.sets, r, id, doc) && settle_names(conn, &n, n.to, report, refused);
	release_sets(&n.sets);
	return ok;
}

bool api_tag_created(struct store_conn *conn, struct http_request *r, const char *id, json_t *doc, bool *refused)
{
	const char *name = json_string_value(json_object_get(doc, "name"));
	struct rename n = {.r = r, .from = name};
	json_t *report = NULL;
	*refused = false;
	bool ok = read_sets(conn, r, &n.sets);
	int slot = ok ? tag_set_find(n.sets.before, name, strlen(name)) : -1;
	if (slot >= 0) {
		const struct tag_def *def = tag_set_get(n.sets.before, (size_t)slot);
		n.tag_id = def->id;
		n.to = def->name;
		ok = add_tag(&n.sets, r, id, doc) && settle_names(conn, &n, NULL, &report, refused);
	}
	json_decref(report);
	release_sets(&n.sets);
	return ok;
}
