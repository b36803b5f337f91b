/* Configuration: list, create, read, change, delete: the same for every kind. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/phone.h"
#include "event/values.h"
#include "expr/document.h"
#include "http/fields.h"
#include "http/key_use.h"
#include "model/user.h"
#include "webhook/signature.h"
#include <stdlib.h>
#include <string.h>

#define MASK "********"

const struct resource_kind *api_resource_kind(const struct http_request *r)
{
	return resource_kind_by_path(r->params[0], strlen(r->params[0]));
}

int64_t api_limit(const struct http_request *r)
{
	const char *text = http_query(r, "limit");
	long n = text ? strtol(text, NULL, 10) : 50;
	return n < 1 ? 1 : n > API_LIMIT_MAX ? API_LIMIT_MAX : n;
}

enum http_result api_list_answer(struct http_request *r, json_t *data, const char *next_cursor)
{
	return http_json(r, 200, json_pack("{s:o, s:s?}", "data", data, "next_cursor", next_cursor));
}

/* ---- documents in and out ---- */

/* Secrets inside objects and lists: masked, or (sealing) encrypted. */
static void each_secret(const struct field *fields, json_t *doc, void (*f)(json_t *object, const struct field *field, void *arg), void *arg)
{
	for (const struct field *field = fields; field->name; field++) {
		json_t *v = json_object_get(doc, field->name);
		if (field->flags & FIELD_SECRET)
			f(doc, field, arg);
		else if (field->type == FIELD_OBJECT && json_is_object(v))
			each_secret(field->fields, v, f, arg);
	}
}

static void mask(json_t *object, const struct field *field, void *arg)
{
	(void)arg;
	if (json_is_string(json_object_get(object, field->name)))
		json_object_set_new(object, field->name, json_string(MASK));
}

static void seal(json_t *object, const struct field *field, void *arg)
{
	const char *plain = json_string_value(json_object_get(object, field->name));
	if (!plain || (field->flags & FIELD_READ_ONLY) || strncmp(plain, "v1:", 3) == 0)
		return;
	char *sealed = crypto_seal(arg, plain);
	json_object_set_new(object, field->name, json_string(sealed ? sealed : ""));
	free(sealed);
}

const char *api_incoming_url(struct http_request *r, json_t *webhook, const char *key)
{
	static const char *const types[][2] = {{"call_data", "call-data"}, {"update_tags", "update-tags"}, {"update_revenue", "update-revenue"}, {"update_fields", "update-fields"}};
	const char *type = json_string_value(json_array_get(json_object_get(webhook, "types"), 0)), *path = types[0][1];
	char url[400];
	for (size_t i = 0; type && i < ARRAY_LEN(types); i++)
		if (strcmp(type, types[i][0]) == 0)
			path = types[i][1];
	snprintf(url, sizeof url, "%s://%.200s/%s?key=%s", r->secure ? "https" : "http", r->host ? r->host : r->config->address, path, key);
	return arena_strdup(&r->arena, url);
}

/* Where publishers ask, or a landing page's script is; NULL: it is none of these. */
static json_t *public_url(const struct http_request *r, const struct resource_kind *kind, const char *id)
{
	char url[400];
	bool rtb = strcmp(kind->kind, "inbound_rtb") == 0;
	if (!rtb && strcmp(kind->kind, "dni_snippet") != 0)
		return NULL;
	snprintf(url, sizeof url, rtb ? "%s://%.200s/inbound_rtb/%s" : "%s://%.200s/dni/%s.js", r->secure ? "https" : "http", r->host ? r->host : r->config->address, id);
	return json_string(url);
}

/* Why a campaign's call flow cannot run, and what calls do instead; NULL: nothing is wrong. */
static json_t *execution_warning(const struct http_request *r, json_t *campaign)
{
	const char *mode = json_string_value(json_object_get(campaign, "execution_mode"));
	const char *flow_id = json_string_value(json_object_get(campaign, "call_flow_id"));
	const char *plan_id = json_string_value(json_object_get(campaign, "routing_plan_id"));
	if (!mode || strcmp(mode, "call_flow") != 0)
		return NULL;
	const char *why = organization_flow_problem(r->organization, flow_id);
	const struct route_plan *plan = organization_plan(r->organization, plan_id);
	if (!why)
		return NULL;
	if (plan)
		return json_sprintf("%s. Calls run the routing plan %s instead.", why, plan->name);
	return json_sprintf("%s. Calls are refused until the call flow runs, or the campaign has a "
			    "routing plan to run instead.", why);
}

/* What the document of an API key does not have. */
static void add_last_use(const struct http_request *r, const char *id, json_t *doc)
{
	char address[ADDRESS_SIZE], time[RFC3339_SIZE];
	int64_t at_ms;
	if (!key_uses_get(r->config->key_uses, id, &at_ms, address))
		return;
	json_object_set_new(doc, "last_used_at", json_string(clock_rfc3339(at_ms, time)));
	json_object_set_new(doc, "last_used_from", json_string(address));
}

json_t *api_resource_json(struct http_request *r, const struct resource_kind *kind, const struct store_rows *rows, size_t row)
{
	char time[RFC3339_SIZE];
	json_t *doc = json_loads(rows_text(rows, row, 1), 0, NULL), *out = json_object();
	json_object_set_new(out, "id", json_string(rows_text(rows, row, 0)));
	const char *sealed = json_string_value(json_object_get(doc, "key"));
	char *key = r->shows_key && strcmp(kind->kind, "incoming_webhook") == 0 ? crypto_open(config_key(r->config->config), sealed) : NULL;
	each_secret(kind->fields, doc, mask, NULL);
	if (key) {
		json_object_set_new(doc, "key", json_string(key));
		json_object_set_new(doc, "url", json_string(api_incoming_url(r, doc, key)));
	}
	free(key);
	json_t *url = public_url(r, kind, rows_text(rows, row, 0));
	if (url)
		json_object_set_new(doc, "url", url);
	if (strcmp(kind->kind, "api_key") == 0)
		add_last_use(r, rows_text(rows, row, 0), doc);
	json_t *warning = strcmp(kind->kind, "campaign") == 0 ? execution_warning(r, doc) : NULL;
	if (warning)
		json_object_set_new(doc, "execution_warning", warning);
	for (const struct field *f = kind->fields; f->name; f++) { /* in the table's order */
		json_t *v = json_object_get(doc, f->name);
		json_object_set(out, f->name, v ? v : json_null());
	}
	json_object_set_new(out, "created_at", json_string(clock_rfc3339(rows_int(rows, row, 3), time)));
	json_object_set_new(out, "updated_at", json_string(clock_rfc3339(rows_int(rows, row, 4), time)));
	json_decref(doc);
	return out;
}

void api_set_etag(struct http_request *r, int64_t version)
{
	snprintf(r->etag, sizeof r->etag, "\"%lld\"", (long long)version);
}

bool api_changed_meanwhile(struct http_request *r, int64_t version)
{
	char etag[sizeof r->etag];
	snprintf(etag, sizeof etag, "\"%lld\"", (long long)version);
	if (!r->if_match || etag_matches(r->if_match, etag, ETAG_STRONG))
		return false;
	api_set_etag(r, version);
	http_problem(r, 412, "Somebody changed it meanwhile",
		     "If-Match must name the current ETag, %s: fetch it again, and apply your change "
		     "to that", etag);
	return true;
}

/* ---- checks ---- */

static bool exists(void *arg, const char *kind, const char *id)
{
	return organization_find(arg, kind, id) != NULL;
}

static bool normalize(void *arg, const char *text, char *out, size_t size)
{
	char number[PHONE_SIZE];
	if (!phone_normalize(text, ((const struct organization *)arg)->region, number) || strlen(number) >= size)
		return false;
	memcpy(out, number, strlen(number) + 1);
	return true;
}

struct filter_at {
	struct errors *errors;
	const char *pointer;
};

static void filter_error(void *arg, const char *pointer, const char *detail)
{
	struct filter_at *at = arg;
	char full[400];
	snprintf(full, sizeof full, "%s%s", at->pointer, pointer);
	errors_add(at->errors, full, "%s", detail);
}

static void check_filter(void *arg, json_t *json, const char *pointer, struct errors *errors)
{
	struct arena arena = {0};
	struct expr_scope scope = organization_scope(arg);
	struct filter_at at = {errors, pointer};
	filter_free(filter_compile(json, &scope, &arena, filter_error, &at));
	arena_free(&arena);
}

/* ---- templates ---- */

struct template_check {
	const struct expr_scope *scope;
	struct errors *errors;
	const char *pointer;
	bool fixes_host; /* a URL's host is the same for every call */
};

static void unknown_token(void *arg, const char *name, size_t len)
{
	struct template_check *c = arg;
	if (expr_is_call_key(name, len))
		errors_add(c->errors, c->pointer,
			   "[CALL_KEY] is only for requests: of outgoing webhooks, RTB targets and http_request nodes");
	else
		errors_add(c->errors, c->pointer, "[%.*s] is neither a tag nor a system token",
			   (int)(len < 80 ? len : 80), name);
}

static void check_token(void *arg, const struct template_token *token)
{
	struct template_check *c = arg;
	if (token->in_host && c->fixes_host)
		errors_add(c->errors, c->pointer, "[%.*s] would decide which server is asked: tokens may stand in path and parameters",
			   (int)(token->len < 80 ? token->len : 80), token->name);
}

static void check_template(void *arg, const struct document_template *t)
{
	struct template_check *c = arg;
	struct arena arena = {0};
	const char *text = json_string_value(t->text);
	c->pointer = t->pointer;
	if (!template_compile(text, json_string_length(t->text), t->context, c->scope, &arena, unknown_token, c))
		errors_add(c->errors, t->pointer, "out of memory");
	template_each_token(text, json_string_length(t->text), t->context, check_token, c);
	arena_free(&arena);
}

static void check_place(void *arg, const struct walk_place *place)
{
	document_templates(place, check_template, arg);
}

/* A call flow's templates are checked with the flow, and a saved view has none. */
static void check_templates(const struct organization *o, const struct resource_kind *kind, json_t *doc, struct errors *errors)
{
	struct event_names event;
	struct expr_scope scope = organization_scope(o);
	bool rtb = strcmp(kind->kind, "rtb_target") == 0, outgoing = strcmp(kind->kind, "outgoing_webhook") == 0;
	event_names_read(&event, o, NULL, NULL);
	if (rtb)
		scope = rtb_scope(scope);
	if (outgoing)
		scope = event_scope(&event);
	struct template_check c = {.scope = &scope, .errors = errors, .fixes_host = rtb || outgoing};
	if (strcmp(kind->kind, "saved_view") != 0)
		walk_fields(kind->fields, doc, "", check_place, &c);
}

/* What a campaign's tags begin with must be of their types. */
static void check_tag_defaults(struct http_request *r, json_t *list, struct errors *errors)
{
	json_t *item;
	size_t i;
	char pointer[48];
	json_array_foreach(list, i, item) {
		const char *id = json_string_value(json_object_get(item, "tag_id")), *text = json_string_value(json_object_get(item, "value"));
		int slot = tag_set_find_id(r->organization->tags, id);
		struct value v;
		struct error err;
		snprintf(pointer, sizeof pointer, "/tag_defaults/%zu/value", i);
		if (slot >= 0 && !value_coerce_to(&tag_set_get(r->organization->tags, (size_t)slot)->type, text, strlen(text), &r->arena, &v, &err))
			errors_add(errors, pointer, "%s", err.text);
	}
}

static bool check_document(struct http_request *r, const struct resource_kind *kind, json_t *doc, struct errors *errors)
{
	bool rtb = strcmp(kind->kind, "rtb_target") == 0;
	struct schema_context context = {
		.exists = exists, .e164 = normalize, .filter = check_filter, .arg = (void *)(uintptr_t)r->organization};
	schema_check(kind->fields, doc, "", &context, errors);
	check_templates(r->organization, kind, doc, errors);
	if (!errors_any(errors) && kind->check)
		kind->check(doc, errors);
	if (!errors_any(errors) && strcmp(kind->kind, "outgoing_webhook") == 0)
		api_check_outgoing(r, doc, errors);
	if (!errors_any(errors) && strcmp(kind->kind, "campaign") == 0)
		check_tag_defaults(r, json_object_get(doc, "tag_defaults"), errors);
	if (!errors_any(errors) && rtb)
		rtb_mapping_free(rtb_mapping_compile(json_object_get(doc, "response"), "/response", errors));
	const char *name = strcmp(kind->kind, "custom_tag") == 0 ? json_string_value(json_object_get(doc, "name")) : NULL;
	if ((rtb || strcmp(kind->kind, "outgoing_webhook") == 0) && json_array_size(json_object_get(doc, "sensitive_tag_ids")) && r->role < ROLE_ADMIN)
		errors_add(errors, "/sensitive_tag_ids", "only owner and admin may change %s that is sent sensitive values", rtb ? "an RTB target" : "a webhook");
	if (name && expr_is_reserved(name, strlen(name)))
		errors_add(errors, "/name", "is the name of a system tag, which nothing can overwrite");
	return !errors_any(errors);
}

/* A read-only field sent back as it was answered is no error: people edit what they got. */
static void drop_read_only(const struct field *fields, json_t *body)
{
	static const char *const own[] = {"id", "created_at", "updated_at", "organization_id"};
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		json_object_del(body, own[i]);
	for (const struct field *f = fields; f->name; f++)
		if (f->flags & FIELD_READ_ONLY)
			json_object_del(body, f->name);
}

static bool is_user(const struct resource_kind *kind)
{
	return strcmp(kind->kind, "user") == 0;
}

bool api_resource_allowed(struct http_request *r, const struct resource_kind *kind)
{
	if (is_user(kind) && !r->by_session) {
		http_problem(r, 403, "API keys do not change users",
			     "sign in with POST /api/v1/session, or to the portal, as owner or admin");
		return false;
	}
	if (!kind->admin_only || r->role >= ROLE_ADMIN)
		return true;
	http_problem(r, 403, "Your role does not allow this", "only owner and admin change %s", kind->path);
	return false;
}

static bool is_owner(const struct resource_kind *kind, const json_t *doc)
{
	const char *role = json_string_value(json_object_get(doc, "role"));
	return is_user(kind) && role && strcmp(role, "owner") == 0;
}

/* Only owners make, change and delete owners. before, after: the documents, or NULL. true: a 403 was set. */
static bool owners_refused(struct http_request *r, const struct resource_kind *kind,
			   const json_t *before, const json_t *after)
{
	if (r->role >= ROLE_OWNER || (!is_owner(kind, before) && !is_owner(kind, after)))
		return false;
	http_problem(r, 403, "Only an owner may do this",
		     "only owners create, change and delete users of the role owner");
	return true;
}

/* An organization without an owner could not get one again. true: a 409 was set, or *failed. */
static bool last_owner_refused(struct store_conn *conn, struct http_request *r,
			       const struct resource_kind *kind, const char *id, const json_t *before,
			       const json_t *after, bool *failed)
{
	if (!is_owner(kind, before) || is_owner(kind, after))
		return false;
	struct store_rows *rows = store_query(conn,
		"SELECT doc FROM resources WHERE organization_id = $1 AND kind = 'user' AND id <> $2",
		"ss", r->organization->id, id);
	bool other = false;
	for (size_t i = 0; !other && i < rows_count(rows); i++) {
		json_t *doc = json_loads(rows_text(rows, i, 0), 0, NULL);
		other = is_owner(kind, doc);
		json_decref(doc);
	}
	*failed = !rows;
	rows_free(rows);
	if (!other && !*failed)
		http_problem(r, 409, "This is the last owner", "make another user an owner first");
	return !other;
}

/* ---- what some kinds make themselves ---- */

/* Keys and secrets: made here, answered once, kept sealed or hashed. shown: what the answer reveals. */
static void make_secrets(const struct resource_kind *kind, const struct crypto_key *key, json_t *doc, json_t *shown)
{
	char hash[CRYPTO_HASH_SIZE];
	if (strcmp(kind->kind, "incoming_webhook") == 0) {
		char *token = crypto_random_token("iwk_"), *sealed = token ? crypto_seal(key, token) : NULL;
		json_object_set_new(doc, "key", json_string(sealed ? sealed : ""));
		free(token);
		free(sealed);
	} else if (strcmp(kind->kind, "outgoing_webhook") == 0) {
		char *secret = signature_new_secret(), *sealed = secret ? crypto_seal(key, secret) : NULL;
		json_object_set_new(doc, "secret", json_string(sealed ? sealed : ""));
		json_object_set_new(shown, "secret", json_string(secret ? secret : ""));
		free(secret);
		free(sealed);
	} else if (strcmp(kind->kind, "api_key") == 0) {
		char *token = crypto_random_token("sk_");
		json_object_set_new(doc, "key", json_string(token ? crypto_keyed_hash(key, token, hash) : ""));
		json_object_set_new(shown, "key", json_string(token ? token : ""));
		free(token);
	}
}

/* The password that the request sets for a user, or NULL: a masked one keeps the stored hash. */
static const char *password_of(const struct resource_kind *kind, const json_t *body)
{
	const char *password = json_string_value(json_object_get(body, "password"));
	if (!is_user(kind) || !password || strcmp(password, MASK) == 0)
		return NULL;
	return password;
}

/* password: the one that the request sets, or NULL. */
static bool check_password(const struct resource_kind *kind, const json_t *doc, const char *password,
			   struct errors *errors)
{
	if (password && is_user(kind))
		user_password_check(password, json_string_value(json_object_get(doc, "email")), errors);
	return !errors_any(errors);
}

#define LOOKUP_SIZE 256 /* for a keyed hash, or an e-mail address */

/* What must be unique over all organizations: kept in the lookup column. */
static const char *lookup_of(const struct resource_kind *kind, const struct crypto_key *key, json_t *doc, char hash[LOOKUP_SIZE])
{
	const char *value = kind->lookup ? json_string_value(json_object_get(doc, kind->lookup)) : NULL;
	if (value && is_user(kind)) {
		snprintf(hash, LOOKUP_SIZE, "%s", value);
		user_email_lower(hash);
		return hash;
	}
	if (!value || strcmp(kind->kind, "incoming_webhook") != 0)
		return value;
	char *plain = crypto_open(key, value);
	const char *lookup = plain ? crypto_keyed_hash(key, plain, hash) : NULL;
	free(plain);
	return lookup;
}

static const char *name_of(json_t *doc)
{
	static const char *const keys[] = {"name", "number", "email"};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (json_is_string(json_object_get(doc, keys[i])))
			return json_string_value(json_object_get(doc, keys[i]));
	return "";
}

bool api_resource_insert(struct store_conn *conn, const struct crypto_key *key, const char *organization_id,
			 const struct resource_kind *kind, json_t *doc, const char *id, int64_t now)
{
	char hash[LOOKUP_SIZE];
	if (!is_user(kind))
		each_secret(kind->fields, doc, seal, (void *)(uintptr_t)key);
	char *text = json_dumps(doc, JSON_COMPACT);
	bool ok = text && store_exec(conn, "INSERT INTO resources (id, organization_id, kind, name, lookup, doc, version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7)",
				     "ssssssi", id, organization_id, kind->kind, name_of(doc), lookup_of(kind, key, doc, hash), text, now);
	free(text);
	return ok;
}

/* Has another target the short number? */
static bool short_number_is_taken(const struct organization *o, const struct resource_kind *kind, json_t *doc, const char *id)
{
	const char *number = json_string_value(json_object_get(doc, "short_number"));
	const struct route_target *t = number && strcmp(kind->kind, "target") == 0 ? organization_extension(o, number) : NULL;
	return t && t->short_number && strcmp(t->short_number, number) == 0 && strcmp(t->id, id) != 0;
}

static bool refuse_as_taken(struct http_request *r, const char *field)
{
	struct errors errors = {0};
	char pointer[64];
	snprintf(pointer, sizeof pointer, "/%s", field);
	errors_add(&errors, pointer, "is taken already");
	http_problem_errors(r, 409, "This is taken already", "another one has the same", &errors);
	return true;
}

/* Taken already? The answer is set. */
static bool conflict(struct store_conn *conn, struct http_request *r, const struct resource_kind *kind, json_t *doc, const char *id, bool *failed)
{
	const char *unique = kind->unique ? json_string_value(json_object_get(doc, kind->unique)) : NULL;
	char lower[LOOKUP_SIZE];
	const char *lookup = kind->lookup && strcmp(kind->lookup, "key") != 0 ? json_string_value(json_object_get(doc, kind->lookup)) : NULL;
	if (lookup && is_user(kind))
		lookup = lookup_of(kind, NULL, doc, lower);
	if (strcmp(kind->kind, "custom_tag") == 0)
		return api_tag_conflict(conn, r, unique, id, failed);
	struct store_rows *rows = unique ? store_query(conn, "SELECT id FROM resources WHERE organization_id = $1 AND kind = $2 AND name = $3 AND id <> $4", "ssss", r->organization->id, kind->kind, unique, id) :
				  lookup ? store_query(conn, "SELECT id FROM resources WHERE kind = $1 AND lookup = $2 AND id <> $3", "sss", kind->kind, lookup, id) : NULL;
	*failed = (unique || lookup) && !rows;
	bool taken = rows_count(rows) > 0;
	rows_free(rows);
	if (taken)
		return refuse_as_taken(r, unique ? kind->unique : kind->lookup);
	return short_number_is_taken(r->organization, kind, doc, id) && refuse_as_taken(r, "short_number");
}

/* ---- requests ---- */

struct change {
	const struct resource_kind *kind;
	json_t *doc, *shown; /* freed by release_change() */
	char id[ID_SIZE];
};

static void release_change(struct http_request *r)
{
	struct change *c = r->data;
	json_decref(c->doc);
	json_decref(c->shown);
	c->doc = c->shown = NULL;
}

static bool answer_row(struct store_conn *conn, struct http_request *r, struct change *c, int status)
{
	struct store_rows *rows = store_query(conn, "SELECT " RESOURCE_COLUMNS " FROM resources WHERE id = $1 AND organization_id = $2", "ss", c->id, r->organization->id);
	if (rows_count(rows) != 1) {
		rows_free(rows);
		return false;
	}
	json_t *out = api_resource_json(r, c->kind, rows, 0);
	if (c->shown)
		json_object_update(out, c->shown);
	api_set_etag(r, rows_int(rows, 0, 2));
	http_json(r, status, out);
	rows_free(rows);
	return true;
}

/* What a new object's answer shows this once. */
static void name_secrets(struct http_request *r, const struct resource_kind *kind)
{
	bool incoming = strcmp(kind->kind, "incoming_webhook") == 0;
	if (incoming || strcmp(kind->kind, "api_key") == 0)
		r->secrets[0] = "key";
	else if (strcmp(kind->kind, "outgoing_webhook") == 0)
		r->secrets[0] = "secret";
	if (incoming)
		r->secrets[1] = "url"; /* has the key */
}

static bool audit_created(struct store_conn *conn, struct http_request *r, const struct change *c)
{
	json_t *row = api_audit_difference(c->kind->fields, NULL, c->doc);
	bool ok = row && api_audit_write(conn, r, "create", c->id, row);
	json_decref(row);
	return ok;
}

static bool run_create(struct store_conn *conn, struct http_request *r)
{
	struct change *c = r->data;
	bool failed = false;
	if (conflict(conn, r, c->kind, c->doc, c->id, &failed))
		return !failed;
	bool refused = false;
	if (!failed && strcmp(c->kind->kind, "custom_tag") == 0)
		failed = !api_tag_created(conn, r, c->id, c->doc, &refused);
	if (refused)
		return true;
	r->shows_key = true; /* whoever makes it is shown it */
	name_secrets(r, c->kind);
	if (failed || !api_resource_insert(conn, config_key(r->config->config), r->organization->id, c->kind, c->doc, c->id, clock_now_ms()) ||
	    !audit_created(conn, r, c) || !answer_row(conn, r, c, 201))
		return false;
	snprintf(r->location, sizeof r->location, "/api/v1/%s/%s", c->kind->path, c->id);
	r->reload = true;
	return true;
}

static struct change *new_change(struct http_request *r, const struct resource_kind *kind)
{
	struct change *c = arena_alloc(&r->arena, sizeof *c);
	if (c) {
		c->kind = kind;
		snprintf(r->reload_id, sizeof r->reload_id, "%s", r->organization->id);
		r->data = c;
		r->after = release_change;
		r->cleanup = release_change;
	} else {
		http_problem(r, 500, "Out of memory", "try again shortly");
	}
	return c;
}

/* A user's password is hashed, whatever it looks like, and never sealed. */
static enum http_result create_hashed(struct http_request *r)
{
	struct change *c = r->data;
	json_object_set_new(c->doc, "password", json_string(r->password_hash));
	return http_write(r);
}

enum http_result api_resource_create(struct http_request *r)
{
	const struct resource_kind *kind = api_resource_kind(r);
	json_t *body = http_body_object(r);
	struct errors errors = {0};
	if (!body)
		return HTTP_REPLY;
	drop_read_only(kind->fields, body);
	struct change *c = new_change(r, kind);
	if (!c)
		return HTTP_REPLY;
	c->doc = json_incref(body);
	if (check_document(r, kind, c->doc, &errors))
		check_password(kind, c->doc, password_of(kind, c->doc), &errors);
	if (errors_any(&errors)) {
		release_change(r);
		return http_invalid(r, &errors);
	}
	if (owners_refused(r, kind, NULL, c->doc)) {
		release_change(r);
		return HTTP_REPLY;
	}
	c->shown = json_object();
	make_secrets(kind, config_key(r->config->config), c->doc, c->shown);
	if (strcmp(kind->kind, "call_flow") == 0)
		json_object_set_new(c->doc, "published_version", json_null());
	id_new(kind->prefix, c->id);
	r->run = run_create;
	const char *password = password_of(kind, c->doc);
	r->hashed = create_hashed;
	return password ? http_hash(r, password, NULL) : http_write(r);
}

/* ---- a campaign once more ---- */

const struct field api_clone_fields[] = {
	{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "The copy's name."},
	{"webhooks", FIELD_BOOLEAN, .initial = "true", .help = "Webhooks that name the campaign shall name the copy, too."},
	{0},
};

static bool join_webhook(struct store_conn *conn, struct http_request *r, const char *webhook_id, const char *text, const char *from, const char *id)
{
	json_t *doc = json_loads(text, 0, NULL), *ids = json_object_get(doc, "campaign_ids"), *item;
	bool named = false, ok = true;
	size_t i;
	json_array_foreach(ids, i, item)
		named = named || strcmp(json_string_value(item), from) == 0;
	if (named) {
		json_array_append_new(ids, json_string(id));
		char *changed = json_dumps(doc, JSON_COMPACT);
		ok = changed && store_exec(conn, "UPDATE resources SET doc = $1, version = version + 1, updated_at = $2 WHERE id = $3 AND organization_id = $4", "siss", changed, clock_now_ms(), webhook_id, r->organization->id) &&
		     api_audit(conn, r, "update", webhook_id);
		free(changed);
	}
	json_decref(doc);
	return ok;
}

static bool join_webhooks(struct store_conn *conn, struct http_request *r, const char *from, const char *id)
{
	char pattern[64];
	snprintf(pattern, sizeof pattern, "%%\"%.40s\"%%", from);
	struct store_rows *rows = store_query(conn, "SELECT id, doc FROM resources WHERE organization_id = $1 AND kind IN ('incoming_webhook', 'outgoing_webhook') AND doc LIKE $2", "ss", r->organization->id, pattern);
	bool ok = rows != NULL;
	for (size_t i = 0; ok && i < rows_count(rows); i++)
		ok = join_webhook(conn, r, rows_text(rows, i, 0), rows_text(rows, i, 1), from, id);
	rows_free(rows);
	return ok;
}

static bool run_clone(struct store_conn *conn, struct http_request *r)
{
	struct change *c = r->data;
	struct store_rows *rows = store_query(conn, "SELECT doc FROM resources WHERE id = $1 AND organization_id = $2 AND kind = 'campaign'", "ss", r->params[0], r->organization->id);
	bool failed = !rows, found = rows_count(rows) == 1;
	json_decref(c->doc);
	c->doc = found ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	rows_free(rows);
	if (!found && !failed)
		http_problem(r, 404, "Not found", "there is no campaign %.60s", r->params[0]);
	if (!found)
		return !failed;
	json_object_set(c->doc, "name", json_object_get(r->json, "name"));
	if (conflict(conn, r, c->kind, c->doc, c->id, &failed) || failed)
		return !failed;
	if (!api_resource_insert(conn, config_key(r->config->config), r->organization->id, c->kind, c->doc, c->id, clock_now_ms()) || !api_audit(conn, r, "create", c->id) ||
	    (!json_is_false(json_object_get(r->json, "webhooks")) && !join_webhooks(conn, r, r->params[0], c->id)) || !answer_row(conn, r, c, 201))
		return false;
	snprintf(r->location, sizeof r->location, "/api/v1/campaigns/%s", c->id);
	r->reload = true;
	return true;
}

enum http_result api_campaign_clone(struct http_request *r)
{
	struct errors errors = {0};
	json_t *body = http_body_object(r);
	if (!body)
		return HTTP_REPLY;
	schema_check(api_clone_fields, body, "", &(struct schema_context){0}, &errors);
	if (errors_any(&errors))
		return http_invalid(r, &errors);
	struct change *c = new_change(r, resource_kind_by_name("campaign"));
	if (!c)
		return HTTP_REPLY;
	id_new(c->kind->prefix, c->id);
	r->run = run_clone;
	return http_write(r);
}

/* The key of an incoming webhook is shown to those who may change it, and each time is kept in the audit log. */
static bool run_reveal(struct store_conn *conn, struct http_request *r)
{
	struct change *c = r->data;
	struct store_rows *rows = store_query(conn, "SELECT id FROM resources WHERE id = $1 AND organization_id = $2 AND kind = $3", "sss", c->id, r->organization->id, c->kind->kind);
	bool found = rows_count(rows) == 1, ok = rows != NULL;
	rows_free(rows);
	if (ok && !found) {
		http_problem(r, 404, "There is no such resource", "no %s has the id %.60s", c->kind->title, c->id);
		return true;
	}
	r->shows_key = true;
	return ok && api_audit(conn, r, "reveal_key", c->id) && answer_row(conn, r, c, 200);
}

enum http_result api_resource_get(struct http_request *r)
{
	const struct resource_kind *kind = api_resource_kind(r);
	const char *reveal = http_query(r, "reveal");
	if (strcmp(kind->kind, "incoming_webhook") == 0 && r->role >= ROLE_MANAGER && !(reveal && strcmp(reveal, "false") == 0)) {
		struct change *c = new_change(r, kind);
		if (!c)
			return HTTP_REPLY;
		snprintf(c->id, sizeof c->id, "%s", r->params[1]);
		r->run = run_reveal;
		return http_write(r);
	}
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = store_query(conn, "SELECT " RESOURCE_COLUMNS " FROM resources WHERE id = $1 AND organization_id = $2 AND kind = $3", "sss", r->params[1], r->organization->id, kind->kind);
	if (!rows)
		return http_problem(r, 503, "The database could not be read", "try again shortly");
	if (rows_count(rows) == 1) {
		api_set_etag(r, rows_int(rows, 0, 2));
		http_json(r, 200, api_resource_json(r, kind, rows, 0));
	} else {
		http_problem(r, 404, "There is no such resource", "no %s has the id %.60s", kind->title, r->params[1]);
	}
	rows_free(rows);
	return HTTP_REPLY;
}

/* RFC 7396 */
static void merge(json_t *target, json_t *patch)
{
	const char *key;
	json_t *value;
	json_object_foreach(patch, key, value) {
		json_t *old = json_object_get(target, key);
		if (json_is_object(value) && json_is_object(old))
			merge(old, value);
		else
			json_object_set(target, key, value); /* null stays: the check puts the default in */
	}
}

/* What must not be lost by a masked value that is sent back. */
static void keep_secrets(const struct field *fields, json_t *doc, json_t *old)
{
	for (const struct field *f = fields; f->name; f++) {
		json_t *v = json_object_get(doc, f->name), *o = json_object_get(old, f->name);
		if (f->flags & FIELD_SECRET && o && (f->flags & FIELD_READ_ONLY || (json_is_string(v) && strcmp(json_string_value(v), MASK) == 0)))
			json_object_set(doc, f->name, o);
		else if (f->flags & FIELD_READ_ONLY && o)
			json_object_set(doc, f->name, o);
		else if (f->type == FIELD_OBJECT && json_is_object(v) && json_is_object(o))
			keep_secrets(f->fields, v, o);
	}
}

/* What was changed; of a tag that was renamed also what else was changed by that. */
static bool audit_update(struct store_conn *conn, const struct http_request *r, const struct change *c, json_t *old, json_t *doc)
{
	json_t *renamed = json_object_get(c->shown, "renamed");
	json_t *row = api_audit_difference(c->kind->fields, old, doc);
	if (renamed)
		json_object_set_new(row, "changes",
			json_pack("{s:{s:O, s:O}, s:O}", "name", "from", json_object_get(old, "name"),
				  "to", json_object_get(doc, "name"), "renamed", renamed));
	bool ok = row && api_audit_write(conn, r, "update", c->id, row);
	json_decref(row);
	return ok;
}

static bool run_patch(struct store_conn *conn, struct http_request *r)
{
	struct change *c = r->data;
	struct errors errors = {0};
	char hash[LOOKUP_SIZE];
	bool failed = false;
	struct store_rows *rows = store_query(conn, "SELECT " RESOURCE_COLUMNS " FROM resources WHERE id = $1 AND organization_id = $2 AND kind = $3", "sss", c->id, r->organization->id, c->kind->kind);
	if (!rows)
		return false;
	int64_t version = rows_int(rows, 0, 2);
	json_t *old = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 1), 0, NULL) : NULL;
	rows_free(rows);
	if (!old) {
		http_problem(r, 404, "There is no such resource", "no %s has the id %.60s", c->kind->title, c->id);
		return true;
	}
	if (api_changed_meanwhile(r, version)) {
		json_decref(old);
		return true;
	}
	json_t *doc = json_deep_copy(old);
	merge(doc, c->doc);
	json_t *published = json_incref(json_object_get(doc, "published_version"));
	drop_read_only(c->kind->fields, doc);
	bool valid = check_document(r, c->kind, doc, &errors) &&
		     check_password(c->kind, doc, password_of(c->kind, c->doc), &errors);
	if (valid)
		keep_secrets(c->kind->fields, doc, old);
	if (published)
		json_object_set(doc, "published_version", published);
	json_decref(published);
	bool ok = true, refused = false;
	if (!valid) {
		http_invalid(r, &errors);
	} else if (owners_refused(r, c->kind, old, doc) ||
		   last_owner_refused(conn, r, c->kind, c->id, old, doc, &failed)) {
		/* the answer is set */
	} else if (!conflict(conn, r, c->kind, doc, c->id, &failed) && !failed) {
		if (strcmp(c->kind->kind, "custom_tag") == 0)
			ok = api_tag_rename(conn, r, c->id, old, doc, &c->shown, &refused);
		if (refused) {
			json_decref(doc);
			json_decref(old);
			return ok;
		}
		if (r->password_hash) {
			json_object_set_new(doc, "password", json_string(r->password_hash));
			ok = ok && auth_end_sessions(conn, r, c->id, true);
		}
		if (!is_user(c->kind))
			each_secret(c->kind->fields, doc, seal, (void *)(uintptr_t)config_key(r->config->config));
		char *text = json_dumps(doc, JSON_COMPACT);
		ok = ok && text && store_exec(conn, "UPDATE resources SET name = $1, lookup = $2, doc = $3, version = version + 1, updated_at = $4 WHERE id = $5 AND organization_id = $6", "sssiss",
					name_of(doc), lookup_of(c->kind, config_key(r->config->config), doc, hash), text, clock_now_ms(), c->id, r->organization->id) &&
		     audit_update(conn, r, c, old, doc) && answer_row(conn, r, c, 200);
		free(text);
		r->reload = true;
	}
	json_decref(doc);
	json_decref(old);
	return ok && !failed;
}

static void touch_after(struct http_request *r)
{
	struct change *c = r->data;
	if (strcmp(c->kind->kind, "outgoing_webhook") == 0) { /* enabled again: what waited goes out */
		struct event_touched touched = {.ids = &c->id, .count = 1};
		http_client_touch(r->config->client, &touched);
	}
	release_change(r);
}

enum http_result api_resource_patch(struct http_request *r)
{
	const struct resource_kind *kind = api_resource_kind(r);
	json_t *body = http_body_object(r);
	struct change *c = body ? new_change(r, kind) : NULL;
	if (!c)
		return HTTP_REPLY;
	drop_read_only(kind->fields, body);
	const char *password = password_of(kind, body);
	if (!password && is_user(kind)) /* sent back masked, as it was answered */
		json_object_del(body, "password");
	c->doc = json_incref(body);
	snprintf(c->id, sizeof c->id, "%s", r->params[1]);
	r->run = run_patch;
	r->after = touch_after;
	r->hashed = http_write;
	return password ? http_hash(r, password, NULL) : http_write(r);
}

/* What was deleted stays in the audit log, so that it can be put back. */
static bool delete_kept(struct store_conn *conn, const struct http_request *r, const struct change *c,
			const struct store_rows *row, json_t *old)
{
	json_t *kept = api_audit_difference(c->kind->fields, old, NULL);
	json_t *whole = json_pack("{s:s, s:s, s:s?, s:s, s:I, s:I}",
		"kind", rows_text(row, 0, 0),
		"name", rows_text(row, 0, 1),
		"lookup", rows_text(row, 0, 2),
		"doc", rows_text(row, 0, 3),
		"version", (json_int_t)rows_int(row, 0, 4),
		"created_at", (json_int_t)rows_int(row, 0, 5));
	json_object_update(kept, whole);
	bool ok = kept && whole && api_audit_write(conn, r, "delete", c->id, kept) &&
		  store_exec(conn, "DELETE FROM resources WHERE id = $1 AND organization_id = $2", "ss",
			     c->id, r->organization->id);
	json_decref(whole);
	json_decref(kept);
	return ok;
}

/* A custom tag that calls have values of would leave them without a name: it is archived. */
static bool has_values(struct store_conn *conn, struct http_request *r, const struct change *c, bool *failed)
{
	if (strcmp(c->kind->kind, "custom_tag") != 0)
		return false;
	struct store_rows *rows = store_query(conn, "SELECT call_id FROM call_tags WHERE tag_id = $1 AND organization_id = $2 LIMIT 1", "ss", c->id, r->organization->id);
	bool found = rows_count(rows) == 1;
	*failed = !rows;
	rows_free(rows);
	if (found)
		http_problem(r, 409, "Calls have values of it", "archive the tag instead: data does not fill it any more, and what calls have stays readable");
	return found;
}

static bool run_delete(struct store_conn *conn, struct http_request *r)
{
	bool failed = false;
	struct change *c = r->data;
	struct store_rows *row = store_query(conn, "SELECT kind, name, lookup, doc, version, created_at FROM resources WHERE id = $1 AND organization_id = $2 AND kind = $3", "sss", c->id, r->organization->id, c->kind->kind);
	bool found = rows_count(row) == 1;
	json_t *old = found ? json_loads(rows_text(row, 0, 3), 0, NULL) : NULL;
	json_t *users = found ? api_resource_users(conn, r, c->kind, c->id) : NULL, *user;
	bool ok = row && (!found || users);
	if (ok && !found) {
		http_problem(r, 404, "There is no such resource", "no %s has the id %.60s", c->kind->title, c->id);
	} else if (ok && (api_changed_meanwhile(r, rows_int(row, 0, 4)) ||
			  owners_refused(r, c->kind, old, NULL) ||
			  last_owner_refused(conn, r, c->kind, c->id, old, NULL, &failed))) {
		ok = !failed; /* the answer is set */
	} else if (ok && json_array_size(users)) {
		struct errors errors = {0};
		size_t i;
		json_array_foreach(users, i, user)
			errors_add(&errors, "", "%s %s (%s) uses it", json_string_value(json_object_get(user, "kind")), json_string_value(json_object_get(user, "name")), json_string_value(json_object_get(user, "id")));
		http_problem_errors(r, 409, "It is in use", "see errors: each names what uses it", &errors);
	} else if (ok && !has_values(conn, r, c, &failed)) {
		ok = !failed && delete_kept(conn, r, c, row, old) &&
		     (!is_user(c->kind) || auth_end_sessions(conn, r, c->id, false));
		r->status = 204;
		r->reload = true;
	}
	json_decref(old);
	json_decref(users);
	rows_free(row);
	return ok;
}

enum http_result api_resource_delete(struct http_request *r)
{
	const struct resource_kind *kind = api_resource_kind(r);
	struct change *c = new_change(r, kind);
	if (!c)
		return HTTP_REPLY;
	snprintf(c->id, sizeof c->id, "%s", r->params[1]);
	r->run = run_delete;
	return http_write(r);
}

/* The row that was deleted, as it was. false: the database refused. */
static bool put_back(struct store_conn *conn, struct http_request *r, struct change *c, json_t *kept)
{
	const char *lookup = json_string_value(json_object_get(kept, "lookup"));
	struct errors errors = {0};
	bool failed = false;
	struct store_rows *taken = lookup ? store_query(conn, "SELECT id FROM resources WHERE kind = $1 AND lookup = $2", "ss", c->kind->kind, lookup) : NULL;
	bool is_taken = rows_count(taken) > 0;
	rows_free(taken);
	c->doc = json_loads(json_string_value(json_object_get(kept, "doc")), 0, NULL);
	if (is_taken) {
		http_problem(r, 409, "It is taken", "another one took its place meanwhile");
		return true;
	}
	if (owners_refused(r, c->kind, NULL, c->doc))
		return true;
	drop_read_only(c->kind->fields, c->doc);
	if (!check_document(r, c->kind, c->doc, &errors)) {
		http_problem_errors(r, 409, "What it needs is gone", "see errors: each names what it refers to", &errors);
		return true;
	}
	if (conflict(conn, r, c->kind, c->doc, c->id, &failed))
		return !failed;
	bool refused = false;
	if (!failed && strcmp(c->kind->kind, "custom_tag") == 0)
		failed = !api_tag_created(conn, r, c->id, c->doc, &refused);
	if (refused)
		return true;
	r->reload = true;
	snprintf(r->location, sizeof r->location, "/api/v1/%s/%s", c->kind->path, c->id);
	return !failed && store_exec(conn, "INSERT INTO resources (id, organization_id, kind, name, lookup, doc, version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", "ssssssiii", c->id, r->organization->id, c->kind->kind,
				     json_string_value(json_object_get(kept, "name")), lookup, json_string_value(json_object_get(kept, "doc")), json_integer_value(json_object_get(kept, "version")) + 1, json_integer_value(json_object_get(kept, "created_at")), clock_now_ms()) &&
	       api_audit(conn, r, "restore", c->id) && answer_row(conn, r, c, 201);
}

static bool run_restore(struct store_conn *conn, struct http_request *r)
{
	struct change *c = r->data;
	struct store_rows *row = store_query(conn, "SELECT doc FROM audit WHERE organization_id = $1 AND resource_id = $2 AND action = 'delete' ORDER BY id DESC LIMIT 1", "ss", r->organization->id, c->id);
	struct store_rows *there = store_query(conn, "SELECT id FROM resources WHERE id = $1", "s", c->id);
	json_t *kept = rows_count(row) == 1 && !rows_count(there) ? json_loads(rows_text(row, 0, 0), 0, NULL) : NULL;
	const char *kind = json_string_value(json_object_get(kept, "kind"));
	bool ok = row && there;
	if (ok && kind && strcmp(kind, c->kind->kind) == 0)
		ok = put_back(conn, r, c, kept);
	else if (ok)
		http_problem(r, 404, "Nothing was deleted there", "no %s with the id %.60s was deleted, or it is back already", c->kind->title, c->id);
	json_decref(kept);
	rows_free(row);
	rows_free(there);
	return ok;
}

enum http_result api_resource_restore(struct http_request *r)
{
	const struct resource_kind *kind = api_resource_kind(r);
	struct change *c = new_change(r, kind);
	if (!c)
		return HTTP_REPLY;
	snprintf(c->id, sizeof c->id, "%s", r->params[1]);
	r->run = run_restore;
	return http_write(r);
}
