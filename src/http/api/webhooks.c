/* Webhooks in (/call-data and its like) and the monitoring of both directions. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/phone.h"
#include "event/apply.h"
#include "webhook/incoming.h"
#include "webhook/signature.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- data in ---- */

struct incoming {
	const struct config_incoming *webhook;
	char id[ID_SIZE], call_id[ID_SIZE], caller_id[PHONE_SIZE + 20];
	const char *named_call; /* the call_id that was sent, or NULL */
	const char *unique_id, *status;
	int64_t at_ms;
	size_t count;
	struct tag_result *results;
	json_t *unmatched, *errors, *values, *campaigns; /* freed by release() */
	char *doc;
};

static void release(struct incoming *in)
{
	json_decref(in->unmatched);
	json_decref(in->errors);
	json_decref(in->values);
	json_decref(in->campaigns);
	free(in->doc);
	in->unmatched = in->errors = in->values = in->campaigns = NULL;
	in->doc = NULL;
}

static void answer(struct http_request *r, struct incoming *in, const char *status)
{
	json_t *tags = json_object();
	for (size_t i = 0; i < in->count; i++) {
		const struct tag_def *def = tag_set_get(r->organization->tags, in->results[i].slot);
		const struct value *v = &in->results[i].value;
		if (v->kind == VALUE_NONE)
			continue;
		json_object_set_new(tags, def->name, def->sensitive ? json_string("********") : v->kind == VALUE_NUMBER ? json_loads(v->text, JSON_DECODE_ANY, NULL) : v->kind == VALUE_BOOLEAN ? json_boolean(v->number != 0) : json_stringn_nocheck(v->text, v->len));
	}
	http_json(r, 200, json_pack("{s:s, s:s, s:s?, s:o, s:O, s:O}", "request_id", in->id, "status", status, "call_id", *in->call_id ? in->call_id : NULL,
				    "tags", tags, "unmatched", in->unmatched, "errors", in->errors));
}

/* A repeat by unique_id changes nothing, and is answered with what the first became. */
static bool duplicate(struct store_conn *conn, struct http_request *r, struct incoming *in, bool *failed)
{
	struct store_rows *rows = store_query(conn, "SELECT id, call_id FROM incoming_requests WHERE organization_id = $1 AND webhook_id = $2 AND unique_id = $3", "sss", r->organization->id, in->webhook->id, in->unique_id);
	*failed = !rows;
	bool found = rows_count(rows) == 1;
	if (found) {
		snprintf(in->id, sizeof in->id, "%s", rows_text(rows, 0, 0));
		snprintf(in->call_id, sizeof in->call_id, "%s", rows_text(rows, 0, 1) ? rows_text(rows, 0, 1) : "");
		in->status = "duplicate";
	}
	rows_free(rows);
	return found;
}

static bool campaign_fits(const struct config_incoming *w, const char *campaign_id)
{
	for (size_t i = 0; campaign_id && i < w->campaign_count; i++)
		if (strcmp(w->campaign_ids[i], campaign_id) == 0)
			return true;
	return w->campaign_count == 0;
}

static bool insert(struct store_conn *conn, struct http_request *r, struct incoming *in)
{
	char *values = json_dumps(in->values, JSON_COMPACT);
	int64_t expires = strcmp(in->status, "pending") == 0 ? in->at_ms + in->webhook->lifespan_seconds * 1000L : 0;
	bool ok = values && store_exec(conn, "INSERT INTO incoming_requests (id, organization_id, webhook_id, unique_id, caller_id, call_id, status, received_at, expires_at, tags, doc) "
				       "VALUES ($1, $2, $3, $4, $5, NULLIF($6, ''), $7, $8, NULLIF(CAST($9 AS BIGINT), 0), $10, $11)", "sssssssiiss",
				       in->id, r->organization->id, in->webhook->id, in->unique_id, *in->caller_id ? in->caller_id : NULL, in->call_id, in->status, in->at_ms, expires, values, in->doc);
	free(values);
	return ok;
}

static bool run_incoming(struct store_conn *conn, struct http_request *r)
{
	struct incoming *in = r->data;
	struct call_log log;
	bool failed = false, found = false;
	if (in->unique_id && duplicate(conn, r, in, &failed)) {
		answer(r, in, "duplicate");
		return true;
	}
	if (failed)
		return false;
	in->call_id[0] = '\0';
	if (in->named_call)
		snprintf(in->call_id, sizeof in->call_id, "%s", in->named_call);
	else
		(void)registry_find(r->config->registry, r->organization->id, in->caller_id, in->campaigns, in->call_id);
	if (*in->call_id)
		found = store_call_read(conn, r->organization->id, in->call_id, &r->arena, &log, &failed) && campaign_fits(in->webhook, log.campaign_id);
	if (failed)
		return false;
	if (!found && (in->named_call || !(in->webhook->types & INCOMING_CALL_DATA))) {
		in->call_id[0] = '\0';
		in->status = "rejected";
		http_problem(r, 422, "There is no such call", in->named_call ? "no call of this key's campaigns has this call_id" : "the caller has no live call");
		return insert(conn, r, in);
	}
	if (!found)
		in->call_id[0] = '\0'; /* not written yet: the offer after the commit finds it */
	in->status = found ? "matched" : "pending";
	if (!insert(conn, r, in) || (found && !event_apply_tags(conn, config_key(r->config->config), r->organization, &log, in->results, in->count, "incoming_webhook", in->at_ms, &r->arena, &r->touched)))
		return false;
	answer(r, in, in->status);
	return true;
}

/* ---- pending data whose call began while it was being written ---- */

struct late_job {
	struct store_job job;
	const struct http_config *config;
	const struct organization *organization; /* held */
	struct pending *pending;
	char caller_id[PHONE_SIZE + 20], call_id[ID_SIZE];
	struct event_touched touched;
	int tries;
};

static bool run_late(struct store_job *job, struct store_conn *conn)
{
	struct late_job *l = (struct late_job *)job;
	struct arena arena = {0};
	struct call_log log;
	bool failed, found = store_call_read(conn, l->organization->id, l->call_id, &arena, &log, &failed);
	bool ok = !failed;
	if (found) {
		size_t count = tag_set_count(l->organization->tags), n = 0;
		struct tag_result *results = arena_alloc(&arena, (count + 1) * sizeof *results);
		for (size_t i = 0; results && i < count; i++) {
			const struct tag_def *def = tag_set_get(l->organization->tags, i);
			json_t *value = json_object_get(l->pending->tags, def->id);
			results[n] = (struct tag_result){.slot = (uint16_t)i};
			if (value && value_coerce(def->kind, json_string_value(value), json_string_length(value), &arena, &results[n].value, NULL))
				n++;
		}
		event_touched_free(&l->touched);
		ok = results && event_apply_tags(conn, config_key(l->config->config), l->organization, &log, results, n, "incoming_webhook", l->pending->at_ms, &arena, &l->touched) &&
		     store_exec(conn, "UPDATE incoming_requests SET status = 'matched', call_id = $1 WHERE id = $2 AND organization_id = $3", "sss", l->call_id, l->pending->request_id, l->organization->id);
	}
	arena_free(&arena);
	l->tries += found ? 100 : 1;
	return ok;
}

static void offer(const struct http_config *config, const struct organization *o, const char *caller_id, struct pending *p, int tries);

static void late_done(struct store_job *job, bool committed)
{
	struct late_job *l = (struct late_job *)job;
	if (committed && l->tries >= 100) {
		event_publish(&l->touched);
		http_client_touch(l->config->client, &l->touched);
		call_loop_apply_tags(l->config->calls, l->call_id, json_deep_copy(l->pending->tags), l->pending->at_ms);
		pending_free(l->pending);
	} else {
		offer(l->config, l->organization, l->caller_id, l->pending, l->tries);
	}
	event_touched_free(&l->touched);
	organization_release(l->organization);
	free(l);
}

static void offer(const struct http_config *config, const struct organization *o, const char *caller_id, struct pending *p, int tries)
{
	static const struct store_job functions = {.run = run_late, .done = late_done};
	char call_id[40];
	if (!registry_offer(config->registry, o->id, caller_id, p, call_id, clock_now_ms()))
		return;
	struct late_job *l = tries < 50 ? calloc(1, sizeof *l) : NULL;
	if (!l) { /* it stays pending on disk, and is found again at the next start */
		pending_free(p);
		return;
	}
	l->job = functions;
	l->config = config;
	l->organization = o;
	organization_hold(o);
	l->pending = p;
	l->tries = tries;
	snprintf(l->caller_id, sizeof l->caller_id, "%s", caller_id);
	memcpy(l->call_id, call_id, sizeof l->call_id);
	store_submit_accepted(config->store, &l->job);
}

static void after_incoming(struct http_request *r)
{
	struct incoming *in = r->data;
	if (in->status && strcmp(in->status, "matched") == 0) {
		call_loop_apply_tags(r->config->calls, in->call_id, json_deep_copy(in->values), in->at_ms);
	} else if (in->status && strcmp(in->status, "pending") == 0 && r->status == 200) {
		struct pending *p = calloc(1, sizeof *p);
		if (p) {
			memcpy(p->request_id, in->id, sizeof p->request_id);
			p->at_ms = in->at_ms;
			p->expires_ms = in->at_ms + in->webhook->lifespan_seconds * 1000L;
			p->tags = json_incref(in->values);
			p->campaigns = json_incref(in->campaigns);
			offer(r->config, r->organization, in->caller_id, p, 0);
		}
	}
	release(in);
}

/* ---- reading the request ---- */

static void add_query(void *arg, const char *name, const char *value)
{
	if (strcmp(name, "key") != 0 && !json_object_get(arg, name))
		json_object_set_new(arg, name, json_string(value));
}

/* Body and query as one object; the body's members win. NULL after an answer was set. */
static json_t *read_data(struct http_request *r)
{
	const char *type = http_header(r, "Content-Type");
	bool form = type && strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0;
	json_t *data = NULL;
	size_t blank = r->body ? strspn(r->body, " \t\r\n") : 0;
	if (!r->body || blank == r->body_len) {
		data = json_object();
	} else if (form && r->body[blank] != '{') { /* curl -d sends JSON under the form's name */
		data = json_object();
		if (!incoming_parse_form(r->body, r->body_len, data)) {
			json_decref(data);
			http_problem(r, 400, "The body is not a form", "percent-encode it as application/x-www-form-urlencoded, in UTF-8");
			return NULL;
		}
	} else {
		json_t *body = http_body_object(r);
		data = body ? json_incref(body) : NULL;
	}
	if (data)
		http_each_query(r, add_query, data);
	return data;
}

static const struct config_incoming *authenticate(struct http_request *r)
{
	char hash[CRYPTO_HASH_SIZE];
	const struct config_incoming *w = NULL;
	const char *key = http_query(r, "key");
	if (key)
		r->organization = config_by_webhook_key(r->config->config, crypto_keyed_hash(config_key(r->config->config), key, hash), &w);
	if (!w || !w->enabled) {
		http_problem(r, 401, key ? "The key is not valid" : "The key is missing", "call the URL that the portal shows for the incoming webhook, with its ?key=");
		return NULL;
	}
	unsigned type = strcmp(r->path, "/update-tags") == 0 ? INCOMING_UPDATE_TAGS : INCOMING_CALL_DATA;
	if (!(w->types & type)) {
		http_problem(r, 403, "The key may not do this", "its incoming webhook does not have the type of %s", r->path);
		return NULL;
	}
	return w;
}

static void remove_any_case(json_t *object, const char *name)
{
	const char *key;
	json_t *value;
	void *next;
	json_object_foreach_safe(object, next, key, value)
		if (strcasecmp(key, name) == 0)
			json_object_del(object, key);
}

static void evaluate(struct http_request *r, struct incoming *in, json_t *data)
{
	in->results = arena_alloc(&r->arena, (tag_set_count(r->organization->tags) + 1) * sizeof *in->results);
	in->unmatched = json_array();
	in->errors = json_array();
	in->values = json_object();
	in->campaigns = json_array();
	for (size_t i = 0; i < in->webhook->campaign_count; i++)
		json_array_append_new(in->campaigns, json_string(in->webhook->campaign_ids[i]));
	in->count = in->results ? tags_evaluate(r->organization->tags, TAG_FROM_WEBHOOK, data, &r->arena, in->results, in->unmatched) : 0;
	json_t *outcomes = json_array();
	for (size_t i = 0; i < in->count; i++) {
		const struct tag_def *def = tag_set_get(r->organization->tags, in->results[i].slot);
		const struct value *v = &in->results[i].value;
		if (in->results[i].error)
			json_array_append_new(in->errors, json_pack("{s:s, s:s}", "tag", def->name, "detail", in->results[i].error));
		else
			json_object_set_new(in->values, def->id, json_stringn_nocheck(v->text, v->len));
		json_array_append_new(outcomes, json_pack("{s:s, s:s?, s:s?}", "tag", def->name, "value", in->results[i].error ? NULL : def->sensitive ? "********" : v->text, "error", in->results[i].error));
	}
	/* The body is kept for monitoring, but not what a sensitive tag took from it. */
	bool sensitive = false;
	for (size_t i = 0; i < in->count; i++)
		sensitive |= tag_set_get(r->organization->tags, in->results[i].slot)->sensitive;
	json_t *doc = json_pack("{s:s, s:s, s:s?, s:O?, s:o, s:O, s:O}", "method", r->method, "path", r->path, "content_type", http_header(r, "Content-Type"), "data", sensitive ? NULL : data, "tags", outcomes, "unmatched", in->unmatched, "errors", in->errors);
	in->doc = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
}

enum http_result api_incoming_hook(struct http_request *r)
{
	const struct config_incoming *w = authenticate(r);
	json_t *data = w ? read_data(r) : NULL;
	struct incoming *in = data ? arena_alloc(&r->arena, sizeof *in) : NULL;
	if (!in) {
		json_decref(data);
		return HTTP_REPLY;
	}
	in->webhook = w;
	in->at_ms = clock_now_ms();
	id_new("req", in->id);
	in->named_call = incoming_text(data, "call_id", &r->arena);
	in->unique_id = incoming_text(data, "unique_id", &r->arena);
	if (!in->unique_id && http_header(r, "Idempotency-Key"))
		in->unique_id = arena_strdup(&r->arena, http_header(r, "Idempotency-Key"));
	const char *caller = incoming_text(data, "caller_id", &r->arena);
	bool readable = caller && phone_normalize(caller, r->organization->region, in->caller_id);
	bool too_long = (in->unique_id && strlen(in->unique_id) > 200) || (in->named_call && strlen(in->named_call) >= sizeof in->call_id);
	if ((!in->named_call && !readable) || too_long) {
		struct errors errors = {0};
		if (too_long)
			errors_add(&errors, in->named_call && strlen(in->named_call) >= sizeof in->call_id ? "/call_id" : "/unique_id", "is too long");
		else
			errors_add(&errors, "/caller_id", caller ? "is not a phone number" : "caller_id or call_id is required");
		json_decref(data);
		return http_invalid(r, &errors);
	}
	remove_any_case(data, "call_id");
	remove_any_case(data, "caller_id");
	remove_any_case(data, "unique_id");
	evaluate(r, in, data);
	json_decref(data);
	r->data = in;
	r->run = run_incoming;
	r->after = after_incoming;
	return http_write(r);
}

/* ---- keys and secrets ---- */

static bool rotate(struct store_conn *conn, struct http_request *r)
{
	bool incoming = strstr(r->path, "/incoming-webhooks/") != NULL;
	char hash[CRYPTO_HASH_SIZE];
	const struct crypto_key *key = config_key(r->config->config);
	struct store_rows *rows = store_query(conn, "SELECT doc FROM resources WHERE id = $1 AND organization_id = $2 AND kind = $3", "sss", r->params[0], r->organization->id, incoming ? "incoming_webhook" : "outgoing_webhook");
	json_t *doc = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	bool ok = rows != NULL;
	rows_free(rows);
	if (!doc) {
		http_problem(r, 404, "There is no such webhook", "no webhook has the id %.60s", r->params[0]);
		return ok;
	}
	char *secret = incoming ? crypto_random_token("iwk_") : signature_new_secret();
	char *sealed = secret ? crypto_seal(key, secret) : NULL;
	json_object_set_new(doc, incoming ? "key" : "secret", json_string(sealed ? sealed : ""));
	char *text = json_dumps(doc, JSON_COMPACT);
	ok = secret && sealed && text && store_exec(conn, "UPDATE resources SET doc = $1, lookup = $2, version = version + 1, updated_at = $3 WHERE id = $4 AND organization_id = $5", "ssiss",
		text, incoming ? crypto_keyed_hash(key, secret, hash) : NULL, clock_now_ms(), r->params[0], r->organization->id) && api_audit(conn, r, incoming ? "rotate_key" : "rotate_secret", r->params[0]);
	if (ok)
		http_json(r, 200, json_pack("{s:s, s:s}", "id", r->params[0], incoming ? "key" : "secret", secret));
	r->reload = ok;
	free(text);
	free(sealed);
	free(secret);
	json_decref(doc);
	return ok;
}

enum http_result api_rotate_key(struct http_request *r)
{
	snprintf(r->reload_id, sizeof r->reload_id, "%s", r->organization->id);
	r->run = rotate;
	return http_write(r);
}

enum http_result api_rotate_secret(struct http_request *r)
{
	return api_rotate_key(r);
}

/* ---- monitoring: incoming ---- */

static json_t *incoming_json(const struct store_rows *rows, size_t i, bool whole)
{
	char received[RFC3339_SIZE], expires[RFC3339_SIZE];
	int64_t expires_ms = rows_int(rows, i, 6);
	json_t *out = json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s, s:s, s:s?}", "id", rows_text(rows, i, 0), "incoming_webhook_id", rows_text(rows, i, 1), "unique_id", rows_text(rows, i, 2),
				"caller_id", rows_text(rows, i, 3), "call_id", rows_text(rows, i, 4), "status", rows_text(rows, i, 5), "received_at", clock_rfc3339(rows_int(rows, i, 7), received), "expires_at", expires_ms ? clock_rfc3339(expires_ms, expires) : NULL);
	json_t *doc = json_loads(rows_text(rows, i, 8), 0, NULL);
	if (whole)
		json_object_update_missing(out, doc);
	else
		json_object_set_new(out, "error_count", json_integer((json_int_t)json_array_size(json_object_get(doc, "errors"))));
	json_decref(doc);
	return out;
}

#define INCOMING_COLUMNS "id, webhook_id, unique_id, caller_id, call_id, status, expires_at, received_at, doc"
#define INCOMING(condition) "SELECT " INCOMING_COLUMNS " FROM incoming_requests WHERE organization_id = $1 AND id < $2 AND ($3 = '' OR status = $3) AND ($4 = '' OR webhook_id = $4) AND " condition " ORDER BY id DESC LIMIT $6"

enum http_result api_incoming_requests(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	const char *cursor = http_query(r, "cursor"), *status = http_query(r, "status"), *webhook = http_query(r, "incoming_webhook_id"), *call = http_query(r, "call_id");
	if (!conn)
		return HTTP_REPLY;
	int64_t limit = api_limit(r);
	struct store_rows *rows = store_query(conn, call ? INCOMING("call_id = $5") : INCOMING("$5 = ''"), "sssssi", r->organization->id, cursor ? cursor : "zzzz", status ? status : "", webhook ? webhook : "", call ? call : "", limit + 1);
	json_t *data = json_array();
	size_t n = rows_count(rows);
	for (size_t i = 0; i < n && i < (size_t)limit; i++)
		json_array_append_new(data, incoming_json(rows, i, false));
	api_list_answer(r, data, n > (size_t)limit ? rows_text(rows, (size_t)limit - 1, 0) : NULL);
	rows_free(rows);
	return HTTP_REPLY;
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

/* ---- monitoring: outgoing ---- */

static json_t *delivery_json(const struct store_rows *rows, size_t i)
{
	char created[RFC3339_SIZE], next[RFC3339_SIZE];
	int64_t next_ms = rows_int(rows, i, 7);
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:I, s:s?, s:s}", "id", rows_text(rows, i, 0), "outgoing_webhook_id", rows_text(rows, i, 1), "event_id", rows_text(rows, i, 2),
			 "event_type", rows_text(rows, i, 3), "call_id", rows_text(rows, i, 4), "status", rows_text(rows, i, 5), "attempt_count", (json_int_t)rows_int(rows, i, 6),
			 "next_attempt_at", next_ms ? clock_rfc3339(next_ms, next) : NULL, "created_at", clock_rfc3339(rows_int(rows, i, 8), created));
}

#define DELIVERY_COLUMNS "id, webhook_id, event_id, event_type, call_id, status, attempt_count, next_attempt_at, created_at"
#define DELIVERIES(condition) "SELECT " DELIVERY_COLUMNS " FROM deliveries WHERE organization_id = $1 AND id < $2 AND ($3 = '' OR status = $3) AND ($4 = '' OR webhook_id = $4) AND " condition " ORDER BY id DESC LIMIT $6"

enum http_result api_outgoing_requests(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	const char *cursor = http_query(r, "cursor"), *status = http_query(r, "status"), *webhook = http_query(r, "outgoing_webhook_id"), *call = http_query(r, "call_id");
	if (!conn)
		return HTTP_REPLY;
	int64_t limit = api_limit(r);
	struct store_rows *rows = store_query(conn, call ? DELIVERIES("call_id = $5") : DELIVERIES("$5 = ''"), "sssssi", r->organization->id, cursor ? cursor : "zzzz", status ? status : "", webhook ? webhook : "", call ? call : "", limit + 1);
	json_t *data = json_array();
	size_t n = rows_count(rows);
	for (size_t i = 0; i < n && i < (size_t)limit; i++)
		json_array_append_new(data, delivery_json(rows, i));
	api_list_answer(r, data, n > (size_t)limit ? rows_text(rows, (size_t)limit - 1, 0) : NULL);
	rows_free(rows);
	return HTTP_REPLY;
}

enum http_result api_outgoing_request(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = store_query(conn, "SELECT " DELIVERY_COLUMNS ", payload FROM deliveries WHERE id = $1 AND organization_id = $2", "ss", r->params[0], r->organization->id);
	struct store_rows *attempts = store_query(conn, "SELECT attempt, at_ms, doc FROM delivery_attempts WHERE delivery_id = $1 AND organization_id = $2 ORDER BY attempt", "ss", r->params[0], r->organization->id);
	if (rows_count(rows) == 1) {
		json_t *out = delivery_json(rows, 0), *list = json_array();
		for (size_t i = 0; i < rows_count(attempts); i++) {
			char at[RFC3339_SIZE];
			json_t *a = json_loads(rows_text(attempts, i, 2), 0, NULL);
			json_object_set_new(a, "attempt", json_integer((json_int_t)rows_int(attempts, i, 0)));
			json_object_set_new(a, "at", json_string(clock_rfc3339(rows_int(attempts, i, 1), at)));
			json_array_append_new(list, a);
		}
		json_object_set_new(out, "attempts", list);
		json_object_set_new(out, "event", json_loads(rows_text(rows, 0, 9), 0, NULL));
		http_json(r, 200, out);
	} else {
		http_problem(r, 404, "There is no such request", "no outgoing request has the id %.60s", r->params[0]);
	}
	rows_free(rows);
	rows_free(attempts);
	return HTTP_REPLY;
}

static void touch(struct http_request *r, const char *webhook_id)
{
	r->touched.ids = calloc(1, sizeof *r->touched.ids);
	if (r->touched.ids)
		snprintf(r->touched.ids[r->touched.count++], sizeof *r->touched.ids, "%s", webhook_id);
}

static bool run_redeliver(struct store_conn *conn, struct http_request *r)
{
	struct store_rows *rows = store_query(conn, "UPDATE deliveries SET status = 'pending', next_attempt_at = $1, updated_at = $1 WHERE id = $2 AND organization_id = $3 RETURNING webhook_id", "iss", clock_now_ms(), r->params[0], r->organization->id);
	if (!rows)
		return false;
	if (rows_count(rows)) {
		touch(r, rows_text(rows, 0, 0));
		http_json(r, 202, json_pack("{s:s, s:s}", "id", r->params[0], "status", "pending"));
	} else {
		http_problem(r, 404, "There is no such request", "no outgoing request has the id %.60s", r->params[0]);
	}
	rows_free(rows);
	return true;
}

enum http_result api_redeliver_one(struct http_request *r)
{
	r->run = run_redeliver;
	return http_write(r);
}

static bool run_redeliver_since(struct store_conn *conn, struct http_request *r)
{
	struct store_rows *rows = store_query(conn, "UPDATE deliveries SET status = 'pending', next_attempt_at = $1, updated_at = $1 WHERE webhook_id = $2 AND organization_id = $3 AND status IN ('failed', 'dead') AND created_at >= $4 RETURNING id", "issi",
					      clock_now_ms(), r->params[0], r->organization->id, *(int64_t *)r->data);
	if (!rows)
		return false;
	touch(r, r->params[0]);
	http_json(r, 202, json_pack("{s:I}", "redelivered", (json_int_t)rows_count(rows)));
	rows_free(rows);
	return true;
}

static bool is_outgoing(struct http_request *r)
{
	if (organization_find(r->organization, "outgoing_webhook", r->params[0]))
		return true;
	http_problem(r, 404, "There is no such webhook", "no outgoing webhook has the id %.60s", r->params[0]);
	return false;
}

enum http_result api_redeliver_since(struct http_request *r)
{
	json_t *body = is_outgoing(r) ? http_body_object(r) : NULL;
	int64_t *since = body ? arena_alloc(&r->arena, sizeof *since) : NULL;
	const char *text = json_string_value(json_object_get(body, "since"));
	if (!since)
		return HTTP_REPLY;
	if (!text || !clock_parse_rfc3339(text, strlen(text), since)) {
		struct errors errors = {0};
		errors_add(&errors, "/since", "must be a time such as 2026-11-23T08:00:00Z");
		return http_invalid(r, &errors);
	}
	r->data = since;
	r->run = run_redeliver_since;
	return http_write(r);
}

static bool run_test(struct store_conn *conn, struct http_request *r)
{
	char event_id[ID_SIZE], delivery[ID_SIZE], time[RFC3339_SIZE];
	struct buf e = {0};
	int64_t now = clock_now_ms();
	struct store_batch *batch = store_batch_new();
	const struct config_outgoing *w = organization_find(r->organization, "outgoing_webhook", r->params[0]);
	struct call_log example = {
		.id = "call_EXAMPLE", .caller_id = "+15125550100", .number = "+18005550100", .campaign_id = "cmp_EXAMPLE", .status = "completed", .disposition = "completed",
		.execution_mode = "routing_plan", .hangup_by = "caller", .started_ms = now - 95000, .answered_ms = now - 90000, .connected_ms = now - 90000, .ended_ms = now,
		.converted = true, .revenue_micros = 25000000, .payout_micros = 18000000, .tags = "{\"state\":\"TX\"}",
	};
	if (!batch)
		return false;
	json_open(&e);
	json_str(&e, "id", id_new("evt", event_id));
	json_str(&e, "type", "call.completed");
	json_str(&e, "timestamp", clock_rfc3339(now, time));
	json_str(&e, "organization_id", r->organization->id);
	json_bool(&e, "test", true);
	json_key(&e, "data");
	json_open(&e);
	json_key(&e, "call");
	call_log_json(&e, &example);
	json_close(&e);
	json_close(&e);
	event_add_delivery(batch, r->organization, w, event_id, "call.completed", NULL, buf_text(&e), now, delivery, &r->touched);
	bool ok = store_batch_run(batch, conn);
	http_json(r, 202, json_pack("{s:s, s:s}", "id", delivery, "status", "pending"));
	store_batch_free(batch);
	buf_free(&e);
	return ok;
}

enum http_result api_webhook_test(struct http_request *r)
{
	if (!is_outgoing(r))
		return HTTP_REPLY;
	r->run = run_test;
	return http_write(r);
}
