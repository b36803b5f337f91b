/* Data in: /call-data, /update-tags, /update-revenue, /update-fields. Every request of a valid key is kept. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/money.h"
#include "base/phone.h"
#include "event/apply.h"
#include "webhook/header.h"
#include "webhook/incoming.h"
#include "webhook/guard.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX 50
#define HEADER_SHOWN 500
#define BODY_SHOWN 4096 /* of one that could not be read */

static const struct path {
	const char *path;
	unsigned type;
} paths[] = {{"/call-data", INCOMING_CALL_DATA}, {"/update-tags", INCOMING_UPDATE_TAGS}, {"/update-revenue", INCOMING_UPDATE_REVENUE}, {"/update-fields", INCOMING_UPDATE_FIELDS}};

struct incoming {
	const struct config_incoming *webhook;
	unsigned type; /* of the path */
	char id[ID_SIZE], call_id[ID_SIZE], caller_id[PHONE_SIZE + 20], address[ADDRESS_SIZE];
	const char *named_call; /* the call_id that was sent, or NULL */
	const char *unique_id, *status;
	int64_t received_ms, at_ms; /* when it came, and when the sender says it was true */
	int64_t began_us;
	size_t count, live_calls;
	struct tag_result *results, *settled;
	struct call_outcome outcome, taken;
	bool has_outcome;
	const char *doc, *unmatched_text; /* of the request's arena; see begin_doc() */
	json_t *data, *headers, *unmatched, *errors, *refused, *values, *applied, *campaigns; /* freed by release() */
};

static void release(struct incoming *in)
{
	json_t **owned[] = {&in->data, &in->headers, &in->unmatched, &in->errors, &in->refused, &in->values, &in->applied, &in->campaigns};
	for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
		json_decref(*owned[i]);
		*owned[i] = NULL;
	}
}

static void release_after(struct http_request *r)
{
	release(r->data);
}

/* ---- what is kept of a request ---- */

/* What the writer need not do: the request's document, as far as the write changes nothing of it. */
static void begin_doc(struct http_request *r, struct incoming *in)
{
	struct buf b = {0};
	bool sensitive = api_takes_sensitive(r->organization, in->results, in->count);
	char *sealed = sensitive ? api_sealed_data(r, in->data) : NULL, *unmatched = json_dumps(in->unmatched, JSON_COMPACT);
	const char *content_type = http_header(r, "Content-Type");
	json_open(&b);
	json_str(&b, "method", r->method);
	json_str(&b, "path", r->path);
	json_str(&b, "address", in->address);
	json_str(&b, "content_type", content_type);
	if (sealed)
		json_str(&b, "sealed", sealed);
	if (!sensitive)
		json_tree(&b, "headers", in->headers);
	if (!sensitive && in->data)
		json_tree(&b, "data", in->data);
	if (!in->data && r->body) { /* it could not be read */
		json_key(&b, "body");
		buf_json_string(&b, r->body, r->body_len < BODY_SHOWN ? r->body_len : BODY_SHOWN);
	}
	json_raw(&b, "unmatched", unmatched);
	json_tree(&b, "errors", in->errors);
	in->doc = b.failed ? NULL : arena_strdup(&r->arena, buf_text(&b));
	in->unmatched_text = arena_strdup(&r->arena, unmatched ? unmatched : "[]");
	buf_free(&b);
	free(sealed);
	free(unmatched);
}

/* r->answer is set: what was answered is kept, too. */
static char *request_doc(const struct http_request *r, const struct incoming *in, const struct tag_result *results)
{
	struct buf b = {0};
	buf_add_str(&b, in->doc);
	json_key(&b, "tags");
	api_results_json(&b, r->organization, results, in->count);
	json_tree(&b, "refused", in->refused);
	json_int(&b, "http_status", r->status);
	json_int(&b, "live_calls", (int64_t)in->live_calls);
	json_raw(&b, "problem", r->status >= 400 ? r->answer : NULL);
	json_key(&b, "latency_ms");
	buf_printf(&b, "%.3f", (double)(clock_monotonic_us() - in->began_us) / 1000);
	json_close(&b);
	return buf_take(&b);
}

static bool insert(struct store_conn *conn, struct http_request *r, struct incoming *in, const struct tag_result *results)
{
	bool pending = strcmp(in->status, "pending") == 0, repeat = strcmp(in->status, "duplicate") == 0;
	char *values = pending ? api_waiting_text(r, in->results, in->count) : strdup("{}"), *doc = in->doc ? request_doc(r, in, results) : NULL;
	int64_t expires = pending ? in->received_ms + in->webhook->lifespan_seconds * 1000L : 0;
	char id[ID_SIZE];
	bool ok = values && doc && store_exec(conn, "INSERT INTO incoming_requests (id, organization_id, webhook_id, unique_id, caller_id, call_id, status, received_at, expires_at, tags, doc) "
					      "VALUES ($1, $2, $3, $4, $5, NULLIF($6, ''), $7, $8, NULLIF(CAST($9 AS BIGINT), 0), $10, $11)", "sssssssiiss",
					      repeat ? id_new("req", id) : in->id, r->organization->id, in->webhook->id, repeat || r->status >= 400 ? NULL : in->unique_id, *in->caller_id ? in->caller_id : NULL, in->call_id, in->status, in->received_ms, expires, values, doc);
	free(values);
	free(doc);
	return ok;
}

/* ---- the write ---- */

static void answer(struct http_request *r, const struct incoming *in, const struct tag_result *results)
{
	struct buf b = {0};
	json_t *errors = json_copy(in->errors);
	json_open(&b);
	json_str(&b, "request_id", in->id);
	json_str(&b, "status", in->status);
	json_str(&b, "call_id", *in->call_id ? in->call_id : NULL);
	json_key(&b, "tags");
	json_open(&b);
	for (size_t i = 0; i < in->count; i++) {
		const struct tag_def *def = tag_set_get(r->organization->tags, results[i].slot);
		const struct value *v = &results[i].value;
		if (v->kind != VALUE_NONE) {
			json_key(&b, def->name);
			value_json(&b, v->kind, v->text, v->len, def->sensitive);
		} else if (!in->results[i].error && results[i].error) { /* it was good, but is not taken */
			json_array_append_new(errors, json_pack("{s:s, s:s}", "tag", def->name, "detail", results[i].error));
		}
	}
	json_close(&b);
	json_array_extend(errors, in->refused);
	json_raw(&b, "unmatched", in->unmatched_text);
	json_tree(&b, "errors", errors);
	if (in->live_calls > 1)
		json_int(&b, "live_calls", (int64_t)in->live_calls);
	json_close(&b);
	json_decref(errors);
	http_text(r, 200, &b);
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

static bool find_call(struct store_conn *conn, struct http_request *r, struct incoming *in, struct call_log *log, bool *failed)
{
	in->call_id[0] = '\0';
	in->live_calls = 0;
	if (in->named_call)
		snprintf(in->call_id, sizeof in->call_id, "%s", in->named_call);
	else
		in->live_calls = registry_find(r->config->registry, r->organization->id, in->caller_id, in->campaigns, in->call_id);
	bool found = *in->call_id && store_call_read(conn, r->organization->id, in->call_id, &r->arena, log, failed) && config_takes_campaign(in->webhook->campaign_ids, in->webhook->campaign_count, log->campaign_id);
	if (!found)
		in->call_id[0] = '\0'; /* not written yet: the offer after the commit finds it */
	return found;
}

static bool run_incoming(struct store_conn *conn, struct http_request *r)
{
	struct incoming *in = r->data;
	struct call_log log;
	bool failed = false;
	json_array_clear(in->refused);
	if (in->unique_id && duplicate(conn, r, in, &failed)) {
		answer(r, in, in->results);
		return insert(conn, r, in, in->results);
	}
	bool found = !failed && find_call(conn, r, in, &log, &failed), keeps = in->type == INCOMING_CALL_DATA || (in->type == INCOMING_UPDATE_TAGS && in->webhook->types & INCOMING_CALL_DATA);
	if (failed)
		return false;
	if (!found && (in->named_call || !keeps)) {
		in->status = "rejected";
		http_problem(r, 422, "There is no such call", in->named_call ? "no call of this key's campaigns has this call_id" : "the caller has no live call: send the call_id");
		return insert(conn, r, in, in->results);
	}
	in->status = found ? "matched" : "pending";
	in->taken = in->outcome;
	if (found && in->count && !event_apply_tags(conn, config_key(r->config->config), r->organization, &log, in->results, in->count, TAG_FROM_WEBHOOK, in->id, in->at_ms, in->settled, &r->arena, &r->touched))
		return false;
	if (found && in->has_outcome && !event_apply_outcome(conn, r->organization, &log, &in->taken, &(struct change_cause){.source = CHANGED_BY_WEBHOOK, .by = in->id}, in->at_ms, in->refused, &r->arena, &r->touched))
		return false;
	answer(r, in, found && in->count ? in->settled : in->results);
	json_decref(in->applied);
	in->applied = found && in->count ? api_applied_json(r->organization, in->settled, in->count) : NULL;
	return insert(conn, r, in, found && in->count ? in->settled : in->results);
}

/* The answer is set: only what came is kept. */
static bool run_rejected(struct store_conn *conn, struct http_request *r)
{
	return insert(conn, r, r->data, ((struct incoming *)r->data)->results);
}

static enum http_result reject(struct http_request *r, struct incoming *in)
{
	in->status = "rejected";
	begin_doc(r, in);
	r->data = in;
	r->run = run_rejected;
	r->after = release_after;
	return http_write(r);
}

/* ---- pending data whose call began while it was being written ---- */

struct late_job {
	struct store_job job;
	const struct http_config *config;
	const struct organization *organization; /* held */
	struct pending *pending;
	char caller_id[PHONE_SIZE + 20], call_id[ID_SIZE];
	struct event_touched touched;
	json_t *applied; /* by tag id: what the call has now */
	int tries;
};

static bool run_late(struct store_job *job, struct store_conn *conn)
{
	struct late_job *l = (struct late_job *)job;
	struct arena arena = {0};
	struct call_log log;
	bool failed, found = store_call_read(conn, l->organization->id, l->call_id, &arena, &log, &failed);
	bool ok = !failed;
	size_t count = tag_set_count(l->organization->tags), n = 0;
	struct tag_result *results = arena_alloc(&arena, (count + 1) * sizeof *results), *settled = arena_alloc(&arena, (count + 1) * sizeof *settled);
	if (found) {
		for (size_t i = 0; results && i < count; i++) {
			const struct tag_def *def = tag_set_get(l->organization->tags, i);
			json_t *value = json_object_get(l->pending->tags, def->id);
			results[n] = (struct tag_result){.slot = (uint16_t)i};
			if (value && value_coerce_to(&def->type, json_string_value(value), json_string_length(value), &arena, &results[n].value, NULL))
				n++;
		}
		event_touched_free(&l->touched);
		ok = results && settled && event_apply_tags(conn, config_key(l->config->config), l->organization, &log, results, n, TAG_FROM_WEBHOOK, l->pending->request_id, l->pending->at_ms, settled, &arena, &l->touched) &&
		     store_exec(conn, "UPDATE incoming_requests SET status = 'matched', call_id = $1 WHERE id = $2 AND organization_id = $3", "sss", l->call_id, l->pending->request_id, l->organization->id);
	}
	json_decref(l->applied);
	l->applied = found && ok ? api_applied_json(l->organization, settled, n) : NULL;
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
		call_loop_apply_tags(l->config->calls, l->call_id, l->applied, l->pending->at_ms);
		l->applied = NULL;
		pending_free(l->pending);
	} else {
		offer(l->config, l->organization, l->caller_id, l->pending, l->tries);
	}
	json_decref(l->applied);
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


static void wait_for_call(struct http_request *r, struct incoming *in)
{
	struct pending *p = calloc(1, sizeof *p);
	if (!p)
		return;
	memcpy(p->request_id, in->id, sizeof p->request_id);
	p->at_ms = in->at_ms;
	p->expires_ms = in->received_ms + in->webhook->lifespan_seconds * 1000L;
	p->tags = json_incref(in->values);
	p->campaigns = json_incref(in->campaigns);
	offer(r->config, r->organization, in->caller_id, p, 0);
}

static void after_incoming(struct http_request *r)
{
	struct incoming *in = r->data;
	bool matched = in->status && strcmp(in->status, "matched") == 0;
	if (matched && in->applied) {
		call_loop_apply_tags(r->config->calls, in->call_id, in->applied, in->at_ms);
		in->applied = NULL;
	}
	if (matched && in->has_outcome)
		call_loop_apply_outcome(r->config->calls, in->call_id, &in->taken);
	if (in->status && strcmp(in->status, "pending") == 0 && r->status == 200)
		wait_for_call(r, in);
	release(in);
}

/* ---- who may send ---- */

static bool refuse(struct http_request *r, const struct config_incoming *w, const char *reason)
{
	char address[ADDRESS_SIZE];
	guard_failed(r->config->guard, w ? r->organization->id : "", w ? w->id : "", address_text((const struct sockaddr *)&r->sender, address), reason, clock_now_ms());
	return false;
}

/* In constant time: both are hashed with a key first. */
static bool same_secret(const struct http_request *r, const char *a, const char *b)
{
	char x[CRYPTO_HASH_SIZE], y[CRYPTO_HASH_SIZE];
	const struct crypto_key *key = config_key(r->config->config);
	return strcmp(crypto_keyed_hash(key, a, x), crypto_keyed_hash(key, b, y)) == 0;
}

static bool signature_is_of(const struct http_request *r, const struct config_incoming *w,
			    const char *body, size_t len)
{
	unsigned char mac[32];
	char hex[65];
	const char *given = http_header(r, w->hmac_header);
	crypto_hmac_sha256(w->hmac_secret, strlen(w->hmac_secret), body ? body : "", len, mac);
	for (size_t i = 0; i < sizeof mac; i++)
		snprintf(hex + i * 2, 3, "%02x", mac[i]);
	char *base64 = crypto_base64(mac, sizeof mac), lower[65];
	if (given && strncasecmp(given, "sha256=", 7) == 0)
		given += 7;
	size_t n = given ? strlen(given) : 0;
	for (size_t i = 0; n == 64 && i <= n; i++)
		lower[i] = (char)(given[i] >= 'A' && given[i] <= 'F' ? given[i] + 32 : given[i]);
	bool ok = given && base64 && ((n == 64 && same_secret(r, lower, hex)) || same_secret(r, given, base64));
	free(base64);
	return ok;
}

/* A sender signs its body before or after it compresses it. */
static bool signature_fits(const struct http_request *r, const struct config_incoming *w)
{
	return signature_is_of(r, w, r->body, r->body_len) ||
	       (r->coded && signature_is_of(r, w, r->coded, r->coded_len));
}

static bool password_fits(const struct http_request *r, const struct config_incoming *w)
{
	const char *header = http_header(r, "Authorization");
	size_t len = 0;
	unsigned char *pair = header && strncasecmp(header, "Basic ", 6) == 0 ? crypto_unbase64(header + 6, &len) : NULL;
	char given[400], wanted[400];
	snprintf(given, sizeof given, "%.*s", pair && len < sizeof given ? (int)len : 0, pair ? (const char *)pair : "");
	snprintf(wanted, sizeof wanted, "%s:%s", w->username, w->password);
	free(pair);
	return same_secret(r, given, wanted);
}

/* The webhook of the key. NULL after a 401 was set. */
static const struct config_incoming *find_webhook(struct http_request *r, int64_t now_ms)
{
	char hash[CRYPTO_HASH_SIZE];
	const struct config_incoming *w = NULL;
	const char *key = http_query(r, "key");
	if (key)
		r->organization = config_by_webhook_key(r->config->config, crypto_keyed_hash(config_key(r->config->config), key, hash), &w);
	bool known = w != NULL, replaced = known && strcmp(hash, w->key_hash) != 0 && w->previous_expires_ms <= now_ms;
	if (known && w->enabled && !replaced)
		return w;
	(void)refuse(r, w, !key ? "no key" : replaced ? "a key that was replaced" : known ? "the webhook is disabled" : "unknown key");
	http_problem(r, 401, key ? "The key is not valid" : "The key is missing", "call the URL that the portal shows for the incoming webhook, with its ?key=");
	return NULL;
}

/* May it send this, from there, with what it shows? false after the answer was set. */
static bool may_send(struct http_request *r, const struct config_incoming *w, unsigned type)
{
	if (w->network_count && !network_has(w->networks, w->network_count, (const struct sockaddr *)&r->sender)) {
		http_problem(r, 403, "The address may not send here", "its incoming webhook lists the addresses that may");
		return refuse(r, w, "the address is not allowed");
	}
	if (w->hmac_secret && !signature_fits(r, w)) {
		http_problem(r, 401, "The signature does not fit", "send the HMAC-SHA256 of the body, made with the webhook's secret, in %s", w->hmac_header);
		return refuse(r, w, "wrong signature");
	}
	if (w->username && !password_fits(r, w)) {
		http_problem(r, 401, "The user name or the password is wrong", "send the webhook's by basic authentication");
		return refuse(r, w, "wrong password");
	}
	if (!(w->types & type)) {
		http_problem(r, 403, "The key may not do this", "its incoming webhook does not have the type of %s", r->path);
		return refuse(r, w, "the type is not allowed");
	}
	return true;
}

/* ---- reading the request ---- */

struct header_list {
	json_t *all, *shown;
	const char *hmac_header;
};

static void add_header(void *arg, const char *name, const char *value)
{
	struct header_list *h = arg;
	char lower[100], shown[HEADER_SHOWN + 1];
	size_t n = 0;
	bool hide = header_is_secret(name) || (h->hmac_header && strcasecmp(name, h->hmac_header) == 0);
	for (; name[n] && n + 1 < sizeof lower; n++)
		lower[n] = (char)(name[n] >= 'A' && name[n] <= 'Z' ? name[n] + 32 : name[n]);
	lower[n] = '\0';
	if (json_object_size(h->all) == HEADERS_MAX)
		return;
	snprintf(shown, sizeof shown, "%s", hide ? "********" : value);
	json_object_set_new(h->shown, lower, json_read_text(shown, strlen(shown), NULL));
	if (!hide)
		json_object_set_new(h->all, lower, json_read_text(value, strlen(value), NULL));
}

static void evaluate(struct http_request *r, struct incoming *in, json_t *headers)
{
	size_t room = tag_set_count(r->organization->tags) + 1;
	in->results = arena_alloc(&r->arena, room * sizeof *in->results);
	in->settled = arena_alloc(&r->arena, room * sizeof *in->settled);
	bool tags = in->type == INCOMING_CALL_DATA || in->type == INCOMING_UPDATE_TAGS;
	in->count = 0;
	if (tags && in->results && in->settled) {
		in->count = tags_evaluate(r->organization->tags, TAG_FROM_WEBHOOK, &(struct tag_data){in->data, headers, in->webhook->mapping}, &r->arena, in->results, in->unmatched);
		for (size_t i = 0; i < in->count; i++)
			if (in->results[i].error)
				json_array_append_new(in->errors, json_pack("{s:s, s:s}", "tag", tag_set_get(r->organization->tags, in->results[i].slot)->name, "detail", in->results[i].error));
	}
	in->values = api_applied_json(r->organization, in->results, in->count);
}

/* The members every path has. They are no tags: they are taken out of the data. */
static bool read_common(struct http_request *r, struct incoming *in, struct errors *errors)
{
	struct arena *arena = &r->arena;
	const char *caller = incoming_text(in->data, "caller_id", arena), *sent = incoming_text(in->data, "timestamp", arena);
	in->named_call = incoming_text(in->data, "call_id", arena);
	in->unique_id = incoming_text(in->data, "unique_id", arena);
	if (!in->unique_id && http_header(r, "Idempotency-Key"))
		in->unique_id = arena_strdup(arena, http_header(r, "Idempotency-Key"));
	struct error why;
	bool readable = caller && phone_read(caller, r->organization->region, in->caller_id, &why);
	if (in->named_call && strlen(in->named_call) >= sizeof in->call_id)
		errors_add(errors, "/call_id", "is too long");
	if (in->unique_id && strlen(in->unique_id) > 200)
		errors_add(errors, "/unique_id", "is too long");
	if (!in->named_call && !readable)
		errors_add(errors, "/caller_id", "%s", caller ? why.text : "caller_id or call_id is required");
	struct value at;
	if (sent && value_coerce(VALUE_DATETIME, sent, strlen(sent), arena, &at, NULL))
		in->at_ms = (int64_t)at.number < in->received_ms ? (int64_t)at.number : in->received_ms;
	else if (sent)
		json_array_append_new(in->errors, json_pack("{s:s, s:s}", "field", "timestamp", "detail", "is no date and time: the time of arrival counts"));
	static const char *const own[] = {"call_id", "caller_id", "unique_id", "timestamp"};
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		incoming_remove(in->data, own[i]);
	return !errors_any(errors);
}

static void read_money(struct http_request *r, struct incoming *in, const char *name, bool *has, int64_t *micros, struct errors *errors)
{
	const char *text = incoming_text(in->data, name, &r->arena);
	char pointer[40];
	snprintf(pointer, sizeof pointer, "/%s", name);
	struct error why;
	*has = text && money_read(text, strlen(text), r->organization->currency, micros, &why);
	if (text && !*has)
		errors_add(errors, pointer, "%s", why.text);
	if (*has && *micros < 0 && !in->outcome.add)
		errors_add(errors, pointer, "can only be negative with the mode add");
	incoming_remove(in->data, name);
}

static void read_converted(struct http_request *r, struct incoming *in, struct errors *errors)
{
	const char *text = incoming_text(in->data, "converted", &r->arena);
	bool flag;
	in->outcome.converted = -1;
	if (text && value_parse_boolean(text, strlen(text), &flag))
		in->outcome.converted = flag;
	else if (text)
		errors_add(errors, "/converted", "must be true or false");
	incoming_remove(in->data, "converted");
}

static void read_revenue(struct http_request *r, struct incoming *in, struct errors *errors)
{
	struct call_outcome *x = &in->outcome;
	const char *mode = incoming_text(in->data, "mode", &r->arena), *currency = incoming_text(in->data, "currency", &r->arena);
	x->add = mode && strcasecmp(mode, "add") == 0;
	if (mode && !x->add && strcasecmp(mode, "replace") != 0)
		errors_add(errors, "/mode", "must be replace or add");
	if (currency && r->organization->currency && strcasecmp(currency, r->organization->currency) != 0)
		errors_add(errors, "/currency", "must be the organization's, %s", r->organization->currency);
	incoming_remove(in->data, "mode");
	incoming_remove(in->data, "currency");
	read_money(r, in, "revenue", &x->has_revenue, &x->revenue_micros, errors);
	read_money(r, in, "payout", &x->has_payout, &x->payout_micros, errors);
	read_converted(r, in, errors);
	if (!errors_any(errors) && !x->has_revenue && !x->has_payout && x->converted < 0)
		errors_add(errors, "/revenue", "revenue, payout or converted is required");
}

static void read_fields(struct http_request *r, struct incoming *in, struct errors *errors)
{
	struct call_outcome *x = &in->outcome;
	const char *disposition = incoming_text(in->data, "disposition", &r->arena), *publisher = incoming_text(in->data, "publisher_id", &r->arena);
	read_converted(r, in, errors);
	if (disposition && (!*disposition || strlen(disposition) >= sizeof x->disposition))
		errors_add(errors, "/disposition", "must have 1 to %d bytes", OUTCOME_DISPOSITION_SIZE - 1);
	else if (disposition)
		snprintf(x->disposition, sizeof x->disposition, "%s", disposition);
	if (publisher && !organization_publisher_name(r->organization, publisher))
		errors_add(errors, "/publisher_id", "there is no publisher with this id");
	else if (publisher)
		snprintf(x->publisher_id, sizeof x->publisher_id, "%s", publisher);
	incoming_remove(in->data, "disposition");
	incoming_remove(in->data, "publisher_id");
	if (!errors_any(errors) && !*x->disposition && !*x->publisher_id && x->converted < 0)
		errors_add(errors, "/disposition", "disposition, converted or publisher_id is required");
}

/* What is left is of no use to these paths. */
static void name_unmatched(struct incoming *in)
{
	const char *name;
	json_t *value;
	json_object_foreach(in->data, name, value)
		json_array_append_new(in->unmatched, json_string(name));
}

static struct incoming *begin(struct http_request *r, const struct config_incoming *w, unsigned type, int64_t now_ms)
{
	struct incoming *in = arena_alloc(&r->arena, sizeof *in);
	if (!in)
		return NULL;
	*in = (struct incoming){.webhook = w, .type = type, .received_ms = now_ms, .at_ms = now_ms, .began_us = clock_monotonic_us(), .outcome.converted = -1};
	id_new("req", in->id);
	address_text((const struct sockaddr *)&r->sender, in->address);
	in->unmatched = json_array();
	in->errors = json_array();
	in->refused = json_array();
	in->campaigns = json_array();
	for (size_t i = 0; i < w->campaign_count; i++)
		json_array_append_new(in->campaigns, json_string(w->campaign_ids[i]));
	return in;
}

enum http_result api_incoming_hook(struct http_request *r)
{
	int64_t now = clock_now_ms();
	unsigned type = 0;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (strcmp(r->path, paths[i].path) == 0)
			type = paths[i].type;
	const struct config_incoming *w = find_webhook(r, now);
	if (!w)
		return HTTP_REPLY;
	int wait = guard_take(r->config->guard, w->id, w->rate_per_minute, now);
	if (wait) {
		snprintf(r->retry_after, sizeof r->retry_after, "%d", wait);
		return http_problem(r, 429, "Too many requests", "this incoming webhook takes %d a minute", w->rate_per_minute);
	}
	struct incoming *in = begin(r, w, type, now);
	struct header_list headers = {json_object(), json_object(), w->hmac_header};
	struct errors errors = {0};
	if (!in) {
		json_decref(headers.all);
		json_decref(headers.shown);
		return http_problem(r, 503, "Out of memory", "try again shortly");
	}
	http_each_header(r, add_header, &headers);
	in->headers = headers.shown;
	bool good = may_send(r, w, type) && !http_body_refused(r);
	good = good && (in->data = api_read_data(r, in->errors));
	if (good && read_common(r, in, &errors)) {
		if (type == INCOMING_UPDATE_REVENUE)
			read_revenue(r, in, &errors);
		else if (type == INCOMING_UPDATE_FIELDS)
			read_fields(r, in, &errors);
		in->has_outcome = type == INCOMING_UPDATE_REVENUE || type == INCOMING_UPDATE_FIELDS;
		if (in->has_outcome)
			name_unmatched(in);
		evaluate(r, in, headers.all);
	}
	json_decref(headers.all);
	if (good && !errors_any(&errors)) {
		begin_doc(r, in);
		r->data = in;
		r->run = run_incoming;
		r->after = after_incoming;
		return http_write(r);
	}
	if (errors_any(&errors))
		http_invalid(r, &errors);
	return reject(r, in);
}
