/* Data in: /call-data, /update-tags, /update-revenue, /update-fields. Every request of a valid key is kept. */
#include "http/api/api.h"
#include "base/blank.h"
#include "base/clock.h"
#include "base/date_read.h"
#include "base/id.h"
#include "base/money.h"
#include "base/phone.h"
#include "event/apply.h"
#include "expr/pointer.h"
#include "tags/custom.h"
#include "webhook/header.h"
#include "webhook/incoming.h"
#include "webhook/guard.h"
#include "webhook/members.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX 50
#define HEADER_SHOWN 500
#define BODY_SHOWN 4096 /* of one that could not be read */
#define CALL_KEY_RATE 120 /* requests a minute with the key of one call */
#define DAY_MS INT64_C(86400000)
#define FUTURE_SLACK_MS 60000 /* of clocks that go before ours */

static const struct path {
	const char *path;
	unsigned type;
} paths[] = {
	{"/call-data", INCOMING_CALL_DATA},
	{"/update-tags", INCOMING_UPDATE_TAGS},
	{"/update-revenue", INCOMING_UPDATE_REVENUE},
	{"/update-fields", INCOMING_UPDATE_FIELDS},
};

unsigned api_incoming_type(const char *path)
{
	for (size_t i = 0; path && i < ARRAY_LEN(paths); i++)
		if (strcmp(path, paths[i].path) == 0)
			return paths[i].type;
	return 0;
}

/* What is wrong with a member, while others can be taken. */
struct wrong {
	enum incoming_member member;
	char detail[160];
};

struct incoming {
	const struct config_incoming *webhook; /* of a request by a call key alone: one made for it, whose id is the call's */
	unsigned type; /* of the path */
	char id[ID_SIZE], call_id[ID_SIZE], caller_id[PHONE_SIZE + 20], address[ADDRESS_SIZE];
	char key_call[ID_SIZE]; /* whose call key was sent, or "" */
	const char *named_call; /* the call that the request names, or NULL */
	const char *unique_id, *status;
	int64_t received_ms, at_ms; /* when it came, and when the sender says it was true */
	int64_t began_us;
	size_t count, live_calls;
	struct tag_result *results, *settled;
	struct call_outcome outcome, taken;
	bool has_outcome;
	struct incoming_members members;
	struct wrong wrong[MEMBER_COUNT];
	size_t wrong_count;
	const char *doc, *unmatched_text; /* of the request's arena; see begin_doc() */
	const char *custom_text; /* custom as it waits for a call, as far as a call has room for it; or NULL */
	const char *custom_stored; /* what a live call's custom data is by now, when it is another; or NULL */
	json_t *data, *headers, *unmatched, *errors, *refused, *values, *applied, *campaigns; /* freed by release() */
	json_t *custom;      /* fields that no tag takes; NULL: they are not kept */
	json_t *custom_over; /* what is not in custom_text, as errors */
};

static void release(struct incoming *in)
{
	json_t **owned[] = {&in->data, &in->headers, &in->unmatched, &in->errors, &in->refused,
			    &in->values, &in->applied, &in->campaigns, &in->custom, &in->custom_over};
	for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
		json_decref(*owned[i]);
		*owned[i] = NULL;
	}
	incoming_members_free(&in->members);
}

static void release_after(struct http_request *r)
{
	release(r->data);
}

/* Does it change a call that there is, and wait for none? */
static bool is_update(const struct incoming *in)
{
	return in->type != INCOMING_CALL_DATA;
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
	if (*in->key_call)
		json_bool(&b, "by_call_key", true);
	json_raw(&b, "unmatched", unmatched);
	json_tree(&b, "errors", in->errors);
	if (!b.failed)
		b.len = keys_mask(b.data, b.len); /* wherever a sender put one */
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

/* What waits for a call, for disk: tags by id, and custom data beside them. */
static char *waiting_text(const struct http_request *r, const struct incoming *in)
{
	struct buf b = {0};
	char *tags = api_waiting_text(r, in->results, in->count);
	if (!tags || !in->custom_text)
		return tags;
	buf_add(&b, tags, strlen(tags) - 1);
	json_raw(&b, WAITING_CUSTOM, in->custom_text);
	json_close(&b);
	free(tags);
	return buf_take(&b);
}

static bool insert(struct store_conn *conn, struct http_request *r, struct incoming *in, const struct tag_result *results)
{
	bool pending = strcmp(in->status, "pending") == 0, repeat = strcmp(in->status, "duplicate") == 0;
	char *values = pending ? waiting_text(r, in) : strdup("{}"), *doc = in->doc ? request_doc(r, in, results) : NULL;
	int64_t expires = pending ? in->received_ms + in->webhook->lifespan_seconds * 1000L : 0;
	char id[ID_SIZE];
	bool ok = values && doc && store_exec(conn, "INSERT INTO incoming_requests (id, organization_id, webhook_id, unique_id, caller_id, call_id, status, received_at, expires_at, tags, doc, path) "
					      "VALUES ($1, $2, $3, $4, $5, NULLIF($6, ''), $7, $8, NULLIF(CAST($9 AS BIGINT), 0), $10, $11, $12)", "sssssssiisss",
					      repeat ? id_new("req", id) : in->id, r->organization->id, in->webhook->id, repeat || r->status >= 400 ? NULL : in->unique_id,
					      *in->caller_id ? in->caller_id : NULL, in->call_id, in->status, in->received_ms, expires, values, doc, r->path);
	free(values);
	free(doc);
	return ok;
}

/* ---- the write ---- */

/* Everything but tags, unmatched and errors. */
static void open_answer(struct buf *b, const struct incoming *in)
{
	json_open(b);
	json_str(b, "request_id", in->id);
	json_str(b, "status", in->status);
	json_str(b, "call_id", *in->call_id ? in->call_id : NULL);
}

static void answer(struct http_request *r, const struct incoming *in, const struct tag_result *results)
{
	struct buf b = {0};
	json_t *errors = json_copy(in->errors);
	open_answer(&b, in);
	json_key(&b, "tags");
	json_open(&b);
	for (size_t i = 0; i < in->count; i++) {
		const struct tag_def *def = tag_set_get(r->organization->tags, results[i].slot);
		const struct value *v = &results[i].value;
		if (v->kind != VALUE_NONE) {
			json_key(&b, def->name);
			value_json(&b, v->kind, v->text, v->len, def->sensitive);
		} else if (tag_result_changes(&results[i])) {
			json_raw(&b, def->name, NULL);
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

/* Errors of the first request: those of its members, of tags that were good and not taken, and of what was refused. */
static json_t *first_errors(json_t *doc)
{
	json_t *errors = json_array(), *tag, *error;
	size_t i, k;
	json_array_extend(errors, json_object_get(doc, "errors"));
	json_array_foreach(json_object_get(doc, "tags"), i, tag) {
		json_t *name = json_object_get(tag, "tag"), *detail = json_object_get(tag, "error");
		bool there = !json_is_string(detail);
		json_array_foreach(errors, k, error)
			there |= json_equal(json_object_get(error, "tag"), name);
		if (!there)
			json_array_append_new(errors, json_pack("{s:O, s:O}", "tag", name, "detail", detail));
	}
	json_array_extend(errors, json_object_get(doc, "refused"));
	return errors;
}

/* What the first request came to, as it is stored. */
static void answer_repeat(struct http_request *r, const struct incoming *in, const char *stored)
{
	struct buf b = {0};
	json_t *doc = json_loads(stored, 0, NULL), *errors = first_errors(doc), *tag;
	size_t i;
	open_answer(&b, in);
	json_key(&b, "tags");
	json_open(&b);
	json_array_foreach(json_object_get(doc, "tags"), i, tag)
		if (!json_is_string(json_object_get(tag, "error")))
			json_tree(&b, json_string_value(json_object_get(tag, "tag")), json_object_get(tag, "value"));
	json_close(&b);
	json_tree(&b, "unmatched", json_object_get(doc, "unmatched"));
	json_tree(&b, "errors", errors);
	json_close(&b);
	json_decref(doc);
	json_decref(errors);
	http_text(r, 200, &b);
}

/* A repeat by unique_id changes nothing, and is answered with what the first became. Requests of before paths were
 * told apart have none. */
static bool is_repeat(struct store_conn *conn, struct http_request *r, struct incoming *in, bool *failed)
{
	struct store_rows *rows = store_query(conn, "SELECT id, call_id, doc FROM incoming_requests WHERE organization_id = $1 AND webhook_id = $2 AND unique_id = $3 AND path IN ($4, '')",
					      "ssss", r->organization->id, in->webhook->id, in->unique_id, r->path);
	*failed = !rows;
	bool found = rows_count(rows) > 0;
	if (found) {
		snprintf(in->id, sizeof in->id, "%s", rows_text(rows, 0, 0));
		snprintf(in->call_id, sizeof in->call_id, "%s", rows_text(rows, 0, 1) ? rows_text(rows, 0, 1) : "");
		in->status = "duplicate";
		answer_repeat(r, in, rows_text(rows, 0, 2));
	}
	rows_free(rows);
	return found;
}

#define CALLS_AT_ONCE 100

/* The newest call of the caller, in one of the webhook's campaigns, that is not too old. *failed: the database did. */
static bool find_newest(struct store_conn *conn, struct http_request *r, struct incoming *in, bool *failed)
{
	char since[ID_SIZE], before[ID_SIZE];
	size_t n = CALLS_AT_ONCE;
	bool found = false;
	id_from_time("call", in->received_ms - in->webhook->match_within_days * DAY_MS, since);
	id_from_time("call", INT64_C(1) << 46, before);
	while (!found && !*failed && n == CALLS_AT_ONCE) {
		struct store_rows *rows = store_query(conn, "SELECT id, campaign_id FROM calls WHERE organization_id = $1 AND caller_id = $2 AND id >= $3 AND id < $4 ORDER BY id DESC LIMIT $5",
						      "ssssi", r->organization->id, in->caller_id, since, before, (int64_t)CALLS_AT_ONCE);
		*failed = !rows;
		n = rows_count(rows);
		for (size_t i = 0; i < n && !found; i++) {
			snprintf(before, sizeof before, "%s", rows_text(rows, i, 0));
			found = config_takes_campaign(in->webhook->campaign_ids, in->webhook->campaign_count, rows_text(rows, i, 1));
		}
		rows_free(rows);
	}
	if (found)
		snprintf(in->call_id, sizeof in->call_id, "%s", before);
	return found;
}

enum found { FOUND_CALL, FOUND_NONE, FOUND_STARTING /* live, and not on disk yet */, FOUND_FAILED };

static enum found find_call(struct store_conn *conn, struct http_request *r, struct incoming *in, struct call_log *log)
{
	bool failed = false;
	in->call_id[0] = '\0';
	in->live_calls = 0;
	if (in->named_call)
		snprintf(in->call_id, sizeof in->call_id, "%s", in->named_call);
	else
		in->live_calls = registry_find(r->config->registry, r->organization->id, in->caller_id, in->campaigns, in->call_id);
	if (!*in->call_id && is_update(in))
		(void)find_newest(conn, r, in, &failed);
	bool found = *in->call_id && store_call_read(conn, r->organization->id, in->call_id, &r->arena, log, &failed) &&
		     config_takes_campaign(in->webhook->campaign_ids, in->webhook->campaign_count, log->campaign_id);
	if (found)
		return FOUND_CALL;
	in->call_id[0] = '\0'; /* data for a live call that is not written yet: the offer after the commit finds it */
	if (failed)
		return FOUND_FAILED;
	return in->live_calls && is_update(in) ? FOUND_STARTING : FOUND_NONE;
}

static void answer_no_call(struct http_request *r, const struct incoming *in, enum found found)
{
	if (found == FOUND_STARTING) {
		snprintf(r->retry_after, sizeof r->retry_after, "1");
		http_problem(r, 503, "The call is just beginning", "it is not on disk yet, and nothing was changed: send it again");
	} else if (in->named_call) {
		http_problem(r, 422, "There is no such call", "no call of this key's campaigns has this call_id");
	} else {
		http_problem(r, 422, "There is no such call", "the caller has no live call, and none of the last %d days: send the call_id", in->webhook->match_within_days);
	}
}

/* Is the call's key still good? */
static bool key_is_alive(const struct http_request *r, const struct incoming *in, const struct call_log *log)
{
	int64_t ended_ms = log->ended_ms ? log->ended_ms : log->started_ms; /* one whose server died has no end */
	return strcmp(log->status, "active") == 0 || in->received_ms < ended_ms + r->organization->call_key_days * DAY_MS;
}

/* Tags, money, course and custom data to the call's log. */
static bool apply(struct store_conn *conn, struct http_request *r, struct incoming *in, struct call_log *log)
{
	const struct change_cause cause = {.source = CHANGED_BY_WEBHOOK, .by = in->id};
	const char *before = log->custom_stored;
	if (in->count && !event_apply_tags(conn, config_key(r->config->config), r->organization, log, in->results, in->count, TAG_FROM_WEBHOOK, in->id, in->at_ms, in->settled, &r->arena, &r->touched))
		return false;
	if (in->has_outcome && !event_apply_outcome(conn, r->organization, log, &in->taken, &cause, in->at_ms, in->refused, &r->arena, &r->touched))
		return false;
	if (in->custom && !event_apply_custom_data(conn, r->organization, log, in->custom, in->id, in->at_ms, in->refused,
					      &r->arena, &r->touched))
		return false;
	bool live = strcmp(log->status, "active") == 0;
	bool changed = log->custom_stored && (!before || strcmp(before, log->custom_stored) != 0);
	in->custom_stored = live && changed ? log->custom_stored : NULL;
	return true;
}

static bool run_incoming(struct store_conn *conn, struct http_request *r)
{
	struct incoming *in = r->data;
	struct call_log log = {.status = ""};
	bool failed = false;
	json_array_clear(in->refused);
	r->retry_after[0] = '\0';
	in->custom_stored = NULL;
	if (!*in->key_call && in->unique_id && is_repeat(conn, r, in, &failed))
		return insert(conn, r, in, in->results);
	enum found found = failed ? FOUND_FAILED : find_call(conn, r, in, &log);
	if (found == FOUND_FAILED)
		return false;
	if (found != FOUND_CALL && (in->named_call || is_update(in))) {
		in->status = "rejected";
		answer_no_call(r, in, found);
		return insert(conn, r, in, in->results);
	}
	if (*in->key_call && !key_is_alive(r, in, &log)) {
		in->status = "rejected";
		http_problem(r, 401, "The call key has expired", "it is valid for %d days after the call's end", r->organization->call_key_days);
		return insert(conn, r, in, in->results);
	}
	if (*in->key_call && in->unique_id && is_repeat(conn, r, in, &failed))
		return insert(conn, r, in, in->results);
	bool matched = found == FOUND_CALL, settles = matched && in->count;
	in->status = matched ? "matched" : "pending";
	in->taken = in->outcome;
	if (failed || (matched && !apply(conn, r, in, &log)))
		return false;
	if (!matched)
		json_array_extend(in->refused, in->custom_over);
	answer(r, in, settles ? in->settled : in->results);
	json_decref(in->applied);
	in->applied = settles ? api_applied_json(r->organization, in->settled, in->count) : NULL;
	return insert(conn, r, in, settles ? in->settled : in->results);
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
	json_t *custom;  /* what its custom data is now, as it is stored; NULL: as it was */
	int tries;
};

/* The data's values as results. Returns how many. */
static size_t late_results(const struct late_job *l, struct arena *arena, struct tag_result *results)
{
	size_t n = 0;
	for (size_t i = 0; results && i < tag_set_count(l->organization->tags); i++) {
		const struct tag_def *def = tag_set_get(l->organization->tags, i);
		json_t *value = json_object_get(l->pending->tags, def->id);
		bool removes = json_is_null(value);
		results[n] = (struct tag_result){.slot = (uint16_t)i, .removes = removes};
		if (value && (removes || value_coerce_to(&def->type, json_string_value(value), json_string_length(value), arena, &results[n].value, NULL)))
			n++;
	}
	return n;
}

/* false: the database failed. */
static bool apply_late_custom_data(struct late_job *l, struct store_conn *conn, struct call_log *log, struct arena *arena)
{
	json_t *given = l->pending->custom ? json_loads(l->pending->custom, 0, NULL) : NULL, *refused = json_array();
	bool ok = !given || event_apply_custom_data(conn, l->organization, log, given, l->pending->request_id,
					       l->pending->at_ms, refused, arena, &l->touched);
	json_decref(l->custom);
	l->custom = ok && given && log->custom_stored ? json_loads(log->custom_stored, 0, NULL) : NULL;
	json_decref(given);
	json_decref(refused);
	return ok;
}

static bool run_late(struct store_job *job, struct store_conn *conn)
{
	struct late_job *l = (struct late_job *)job;
	struct arena arena = {0};
	struct call_log log = {.status = ""};
	bool failed, found = store_call_read(conn, l->organization->id, l->call_id, &arena, &log, &failed);
	bool ok = !failed;
	size_t count = tag_set_count(l->organization->tags), n = 0;
	struct tag_result *results = arena_alloc(&arena, (count + 1) * sizeof *results), *settled = arena_alloc(&arena, (count + 1) * sizeof *settled);
	if (found) {
		n = late_results(l, &arena, results);
		event_touched_free(&l->touched);
		ok = results && settled && apply_late_custom_data(l, conn, &log, &arena) && event_apply_tags(conn, config_key(l->config->config), l->organization, &log, results, n, TAG_FROM_WEBHOOK, l->pending->request_id, l->pending->at_ms, settled, &arena, &l->touched) &&
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
		if (l->custom)
			call_loop_apply_custom_data(l->config->calls, l->call_id, l->custom, l->pending->at_ms);
		l->custom = NULL;
		pending_free(l->pending);
	} else {
		offer(l->config, l->organization, l->caller_id, l->pending, l->tries);
	}
	json_decref(l->applied);
	json_decref(l->custom);
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
	p->custom = in->custom_text ? strdup(in->custom_text) : NULL;
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
	json_t *custom = matched && in->custom_stored ? json_loads(in->custom_stored, 0, NULL) : NULL;
	if (custom)
		call_loop_apply_custom_data(r->config->calls, in->call_id, custom, in->at_ms);
	if (in->status && strcmp(in->status, "pending") == 0 && r->status == 200)
		wait_for_call(r, in);
	release(in);
}

/* ---- who may send ---- */

static bool refuse(struct http_request *r, const struct config_incoming *w, const char *reason)
{
	char address[ADDRESS_SIZE];
	guard_failed(r->config->guard, w && r->organization ? r->organization->id : "", w ? w->id : "", address_text((const struct sockaddr *)&r->sender, address), reason, clock_now_ms());
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
static const struct config_incoming *find_webhook(struct http_request *r, const char *key, int64_t now_ms)
{
	char hash[CRYPTO_HASH_SIZE];
	const struct config_incoming *w = NULL;
	if (key)
		r->organization = config_by_webhook_key(r->config->config, crypto_keyed_hash(config_key(r->config->config), key, hash), &w);
	bool known = w != NULL, replaced = known && strcmp(hash, w->key_hash) != 0 && w->previous_expires_ms <= now_ms;
	if (known && w->enabled && !replaced)
		return w;
	(void)refuse(r, w, !key ? "no key" : replaced ? "a key that was replaced" : known ? "the webhook is disabled" : "unknown key");
	http_problem(r, 401, key ? "The key is not valid" : "The key is missing", "call the URL that the portal shows for the incoming webhook, with its ?key=");
	return NULL;
}

/* ---- the keys that a request shows ---- */

/* Members of a request that may be keys. */
static const char *const key_names[] = {"key", "moja_auth_key", "call_key"};

/* The webhook's key and that of a call; NULL: it was not sent. */
struct shown_keys {
	const char *webhook, *call;
};

/* The text without blanks around it, in the request's arena; NULL: there is nothing else. */
static const char *not_blank(struct http_request *r, const char *text)
{
	return is_blank_text(text) ? NULL : blank_trimmed(text, &r->arena);
}

/* The object "fields", by name without regard to case; NULL: there is none. */
static json_t *body_fields(json_t *data)
{
	const char *key;
	json_t *value;
	json_object_foreach(data, key, value)
		if (strcasecmp(key, "fields") == 0 && json_is_object(value))
			return value;
	return NULL;
}

/* "fields" that is a text of JSON with a key in it becomes the object, so that the key can be taken out. */
static void open_fields(struct http_request *r, json_t *data)
{
	const char *name;
	json_t *value;
	void *next;
	json_object_foreach_safe(data, next, name, value) {
		struct error why;
		bool text = strcasecmp(name, "fields") == 0 && json_is_string(value) &&
			*skip_blanks(json_string_value(value)) == '{';
		json_t *fields = text ? json_read(json_string_value(value), json_string_length(value), NULL, NULL, &why) : NULL;
		bool has_key = false;
		for (size_t i = 0; json_is_object(fields) && i < ARRAY_LEN(key_names); i++)
			has_key |= not_blank(r, incoming_text(fields, key_names[i], &r->arena)) != NULL;
		if (has_key)
			json_object_set(data, name, fields);
		json_decref(fields);
	}
}

/* A member of the request, at the top or inside "fields", in the request's arena. */
static const char *body_text(struct http_request *r, json_t *data, const char *name)
{
	const char *top = not_blank(r, incoming_text(data, name, &r->arena));
	return top ? top : not_blank(r, incoming_text(body_fields(data), name, &r->arena));
}

static void forget_member(json_t *data, const char *name)
{
	incoming_remove(data, name);
	incoming_remove(body_fields(data), name);
}

/* The token of RFC 6750 section 2.1, or NULL. */
static const char *bearer_token(struct http_request *r)
{
	const char *header = http_header(r, "Authorization");
	if (!header || strncasecmp(header, "Bearer ", 7) != 0)
		return NULL;
	return not_blank(r, header + 7);
}

static bool looks_like_call_key(const char *text)
{
	char organization_id[ID_SIZE], call_id[ID_SIZE];
	return text && call_key_parse(text, organization_id, call_id);
}

/* Of the URL: those that need no reading of the body. Beside a webhook's key, a call_key of another form is data. */
static struct shown_keys url_keys(struct http_request *r)
{
	const char *key = not_blank(r, http_query(r, "key")), *call = not_blank(r, http_query(r, "call_key"));
	key = key ? key : not_blank(r, http_query(r, "moja_auth_key"));
	return (struct shown_keys){.webhook = key, .call = !key || looks_like_call_key(call) ? call : NULL};
}

bool api_incoming_key_known(struct http_request *r)
{
	char hash[CRYPTO_HASH_SIZE];
	const struct crypto_key *key = config_key(r->config->config);
	const struct config_incoming *w = NULL;
	struct shown_keys keys = url_keys(r);
	if (!keys.webhook && !keys.call)
		keys.webhook = bearer_token(r);
	if (keys.call)
		return call_key_verify(key, keys.call);
	const struct organization *o = NULL;
	if (keys.webhook)
		o = config_by_webhook_key(r->config->config,
					  crypto_keyed_hash(key, keys.webhook, hash), &w);
	bool known = o && w && w->enabled;
	if (o)
		organization_release(o);
	return known;
}

/* Of the body and the headers, as far as the URL has none. What is a key is taken out of the data. */
static void body_keys(struct http_request *r, json_t *data, struct shown_keys *keys)
{
	open_fields(r, data);
	const char *call = body_text(r, data, "call_key"), *moja = body_text(r, data, "moja_auth_key");
	if (!keys->call && (!keys->webhook || looks_like_call_key(call)))
		keys->call = call;
	if (!keys->webhook)
		keys->webhook = moja ? moja : bearer_token(r);
	if (!keys->webhook && !keys->call && (keys->webhook = body_text(r, data, "key")))
		forget_member(data, "key");
	if (keys->call)
		forget_member(data, "call_key");
	forget_member(data, "moja_auth_key");
}

/* Whose call key is it? Beside a webhook's key, both count. false after a 401 was set. */
static bool take_call_key(struct http_request *r, struct incoming *in, const char *key)
{
	char organization_id[ID_SIZE];
	const char *title = "The call key is not valid";
	bool good = call_key_parse(key, organization_id, in->key_call) && call_key_verify(config_key(r->config->config), key);
	if (good && !r->organization)
		r->organization = config_organization(r->config->config, organization_id);
	if (!good || !r->organization || strcmp(r->organization->id, organization_id) != 0) {
		(void)refuse(r, in->webhook, "wrong call key");
		http_problem(r, 401, title, "send it as it was sent to you in place of [CALL_KEY]");
		return false;
	}
	if (r->organization->call_key_days == 0) {
		(void)refuse(r, in->webhook, "call keys are switched off");
		http_problem(r, 401, title, "the organization has switched call keys off");
		return false;
	}
	return true;
}

/* What stands for the webhook where only a call's key is shown. NULL: no memory. */
static const struct config_incoming *webhook_of_call(struct http_request *r, const char *call_id)
{
	struct config_incoming *w = arena_alloc(&r->arena, sizeof *w);
	if (w)
		*w = (struct config_incoming){
			.id = call_id, .name = "", .enabled = true, .keep_unmatched = true, .rate_per_minute = CALL_KEY_RATE,
			.types = INCOMING_CALL_DATA | INCOMING_UPDATE_TAGS | INCOMING_UPDATE_REVENUE | INCOMING_UPDATE_FIELDS,
			.match_within_days = MATCH_WITHIN_DAYS,
		};
	return w;
}

/* ---- may it send this? ---- */

static void count_data(void *arg, const char *name, const char *value)
{
	size_t *n = arg;
	bool is_key = false;
	(void)value;
	for (size_t i = 0; i < ARRAY_LEN(key_names); i++)
		is_key |= strcmp(key_names[i], name) == 0;
	*n += !is_key;
}

/* A HEAD, and a GET without data, ask whether the URL is good: nothing comes of them. */
static bool is_check(const struct http_request *r)
{
	size_t members = 0;
	if (r->head)
		return true;
	if (strcmp(r->method, "GET") != 0)
		return false;
	http_each_query(r, count_data, &members);
	return !members && !r->body_len;
}

/* May it send this, from there, with what it shows? false after the answer was set. */
static bool may_send(struct http_request *r, const struct config_incoming *w, unsigned type)
{
	bool check = is_check(r), get = strcmp(r->method, "GET") == 0;
	if (w->network_count && !network_has(w->networks, w->network_count, (const struct sockaddr *)&r->sender)) {
		http_problem(r, 403, "The address may not send here", "its incoming webhook lists the addresses that may");
		return refuse(r, w, "the address is not allowed");
	}
	if (w->hmac_secret && get && !check) {
		http_problem(r, 401, "A GET has no signature", "the signature is of the body, and a URL is not signed: send the values by POST, in the body");
		return refuse(r, w, "not signed");
	}
	if (w->hmac_secret && !check && !signature_fits(r, w)) {
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

/* ---- tags and custom data ---- */

static void tag_error(struct incoming *in, const char *tag, const char *detail)
{
	json_array_append_new(in->errors, json_pack("{s:s, s:s}", "tag", tag, "detail", detail));
}

/* Is the tag of the slot named by one of the results? */
static bool has_result(const struct incoming *in, int slot)
{
	for (size_t i = 0; i < in->count; i++)
		if (in->results[i].slot == slot)
			return true;
	return false;
}

/* The tag that "add" or "remove" calls so: -1 where data fills none of the name. */
static int find_named(const struct http_request *r, const struct incoming *in, const char *name)
{
	int slot = tag_set_find_data(r->organization->tags, in->webhook->mapping, name, strlen(name));
	return slot >= 0 && !tag_set_get(r->organization->tags, (size_t)slot)->archived ? slot : -1;
}

/* Tags that are set by name. */
static void evaluate_added(struct http_request *r, struct incoming *in)
{
	const char *name;
	json_t *value;
	json_object_foreach(in->members.add, name, value) {
		int slot = find_named(r, in, name);
		if (slot < 0) {
			json_array_append_new(in->unmatched, json_string(name));
			if (in->custom)
				json_object_set(in->custom, name, value);
		} else if (!has_result(in, slot)) {
			tags_evaluate_one(r->organization->tags, (uint16_t)slot, TAG_FROM_WEBHOOK, value, &r->arena, &in->results[in->count++]);
		}
	}
}

/* Tags that are removed by name. */
static void evaluate_removed(struct http_request *r, struct incoming *in)
{
	json_t *item;
	size_t i;
	json_array_foreach(in->members.remove, i, item) {
		int slot = find_named(r, in, json_string_value(item));
		if (slot < 0)
			tag_error(in, json_string_value(item), "there is no custom tag of this name");
		else if (!has_result(in, slot))
			in->results[in->count++] = (struct tag_result){.slot = (uint16_t)slot, .removes = true};
	}
}

/* Tags that data fills, beside those that are named. */
static void evaluate_data(struct http_request *r, struct incoming *in, json_t *headers)
{
	const struct tag_data data = {.body = in->members.data, .headers = headers, .mapping = in->webhook->mapping, .root = in->data};
	struct tag_result *found = arena_alloc(&r->arena, (tag_set_count(r->organization->tags) + 1) * sizeof *found);
	json_t *unmatched = json_array(), *name;
	size_t n = found ? tags_evaluate(r->organization->tags, TAG_FROM_WEBHOOK, &data, &r->arena, found, unmatched) : 0, i;
	for (i = 0; i < n; i++)
		if (!has_result(in, found[i].slot))
			in->results[in->count++] = found[i];
	json_array_foreach(unmatched, i, name)
		if (!json_object_get(in->members.known, json_string_value(name)))
			json_array_append(in->unmatched, name);
	json_decref(unmatched);
}

/* Does a tag take what is there? A pointer may lead there through what stands in the body by itself, too. */
static bool is_taken(const struct http_request *r, const struct incoming *in, const char *pointer)
{
	static const char *const within[] = {"", "/fields", "/custom_data", "/fields/custom_data"};
	char whole[400];
	for (size_t i = 0; i < ARRAY_LEN(within); i++) {
		snprintf(whole, sizeof whole, "%s%s", within[i], pointer);
		if (tags_take(r->organization->tags, in->webhook->mapping, whole))
			return true;
	}
	return false;
}

/* What no tag takes of an object or list that tags take something in. New reference; NULL: nothing. */
static json_t *untaken(const struct http_request *r, const struct incoming *in, json_t *json, const char *pointer)
{
	const char *key;
	json_t *item, *rest = NULL, *part;
	size_t i;
	char at[300];
	if (is_taken(r, in, pointer))
		return NULL;
	if (json_is_object(json)) {
		rest = json_object();
		json_object_foreach(json, key, item) {
			bool plain = !strpbrk(key, "/~") && snprintf(at, sizeof at, "%s/%s", pointer, key) < (int)sizeof at;
			if ((part = plain ? untaken(r, in, item, at) : json_incref(item)))
				json_object_set_new(rest, key, part);
		}
	} else if (json_is_array(json)) {
		rest = json_array();
		json_array_foreach(json, i, item) {
			bool plain = snprintf(at, sizeof at, "%s/%zu", pointer, i) < (int)sizeof at;
			if ((part = plain ? untaken(r, in, item, at) : json_incref(item)))
				json_array_append_new(rest, part);
		}
	} else {
		return json_incref(json);
	}
	if (json_object_size(rest) || json_array_size(rest))
		return rest;
	json_decref(rest);
	return NULL;
}

/* Fields that no tag takes: whole ones, which the answer names, and what is left of others. */
static void collect_custom_data(struct http_request *r, struct incoming *in, bool fills)
{
	json_t *name, *value;
	const char *key;
	size_t i;
	char pointer[300];
	json_array_foreach(in->unmatched, i, name)
		if ((value = json_object_get(in->members.data, json_string_value(name))))
			json_object_set(in->custom, json_string_value(name), value);
	if (!fills)
		return;
	json_object_foreach(in->members.data, key, value) {
		bool tree = json_is_object(value) || json_is_array(value), plain = tree && !strpbrk(key, "/~") && strlen(key) < sizeof pointer - 1;
		if (!plain || json_object_get(in->custom, key))
			continue;
		snprintf(pointer, sizeof pointer, "/%s", key);
		json_t *rest = untaken(r, in, value, pointer);
		if (rest)
			json_object_set_new(in->custom, key, rest);
	}
}

/* Beside a sensitive value nothing of a request is shown: nor are its other fields. */
static void mask_custom_data(struct http_request *r, struct incoming *in)
{
	const char *key;
	json_t *value;
	void *next;
	if (!api_takes_sensitive(r->organization, in->results, in->count))
		return;
	json_object_foreach_safe(in->custom, next, key, value)
		if (!json_is_null(value))
			json_object_set_new(in->custom, key, json_string(CUSTOM_DATA_MASK));
}

/* A field may have the key by which the request came, or another's, in its text. */
static void mask_keys(struct incoming *in)
{
	char *text = json_dumps(in->custom, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0;
	json_t *masked = text && keys_mask(text, len) < len ? json_loads(text, 0, NULL) : NULL;
	free(text);
	if (!masked)
		return;
	json_decref(in->custom);
	in->custom = masked;
}

/* What a call that has none yet can keep of it, should it wait for one. */
static void bound_custom_data(struct http_request *r, struct incoming *in)
{
	json_t *stored = json_object();
	if (custom_data_merge(stored, in->custom, in->at_ms, in->custom_over)) {
		char *text = custom_data_text(stored);
		in->custom_text = arena_strdup(&r->arena, text);
		free(text);
	}
	json_decref(stored);
}

static void evaluate(struct http_request *r, struct incoming *in, json_t *headers)
{
	bool fills = in->type == INCOMING_CALL_DATA || in->type == INCOMING_UPDATE_TAGS;
	size_t room = tag_set_count(r->organization->tags) + 1;
	const char *name;
	json_t *value;
	in->results = arena_alloc(&r->arena, room * sizeof *in->results);
	in->settled = arena_alloc(&r->arena, room * sizeof *in->settled);
	in->custom = in->webhook->keep_unmatched ? json_object() : NULL;
	in->count = 0;
	if (in->results && in->settled) {
		evaluate_added(r, in);
		evaluate_removed(r, in);
		if (fills)
			evaluate_data(r, in, headers);
	}
	json_object_foreach(in->members.data, name, value)
		if (!fills && !json_object_get(in->members.known, name))
			json_array_append_new(in->unmatched, json_string(name));
	for (size_t i = 0; i < in->count; i++)
		if (in->results[i].error)
			tag_error(in, tag_set_get(r->organization->tags, in->results[i].slot)->name, in->results[i].error);
	json_array_extend(in->errors, in->members.errors);
	in->values = api_applied_json(r->organization, in->results, in->count);
	if (!in->custom)
		return;
	collect_custom_data(r, in, fills);
	if (!json_object_size(in->custom)) {
		json_decref(in->custom);
		in->custom = NULL;
		return;
	}
	mask_custom_data(r, in);
	mask_keys(in);
	if (!is_update(in) && !in->named_call)
		bound_custom_data(r, in);
}

/* ---- control members ---- */

static const struct incoming_given *given(const struct incoming *in, enum incoming_member m)
{
	return &in->members.given[m];
}

/* The member's name as it was sent, or else the one that counts first. */
static const char *sent_name(const struct incoming *in, enum incoming_member m)
{
	return given(in, m)->name ? given(in, m)->name : incoming_member_name(m);
}

/* Where the member stands, as a JSON pointer into the request. */
static const char *pointer_of(const struct incoming *in, enum incoming_member m, char pointer[120])
{
	snprintf(pointer, 120, "%s/%.100s", given(in, m)->in_fields ? "/fields" : "", sent_name(in, m));
	return pointer;
}

/* The member is not taken; others are. */
static void PRINTF_LIKE(3, 4) add_wrong(struct incoming *in, enum incoming_member m, const char *fmt, ...)
{
	struct wrong *w = &in->wrong[in->wrong_count];
	va_list ap;
	if (in->wrong_count == MEMBER_COUNT)
		return;
	in->wrong_count++;
	w->member = m;
	va_start(ap, fmt);
	vsnprintf(w->detail, sizeof w->detail, fmt, ap);
	va_end(ap);
}

/* Without this member nothing of the request can be taken. */
static void fail(struct errors *errors, const struct incoming *in, enum incoming_member m, const char *detail)
{
	char pointer[120];
	errors_add(errors, pointer_of(in, m, pointer), "%s", detail);
}

#define UNIQUE_ID_MAX 200 /* bytes */
#define ERRORS_MAX 100 /* that an answer names */
#define SINGLE_VALUE "must be a single value"

/* The member's text; NULL: it was not sent, or is no single value, which is then an error. */
static const char *text_of(struct incoming *in, enum incoming_member m)
{
	const struct incoming_given *g = given(in, m);
	if (g->name && !g->text)
		add_wrong(in, m, SINGLE_VALUE);
	return g->text;
}

/* false: the member was not sent, or is not a date and time: an error is added, which `then` ends. */
static bool read_time(struct http_request *r, struct incoming *in, enum incoming_member m,
	const char *then, int64_t *ms)
{
	const char *text = text_of(in, m);
	enum date_order order = date_order_of(r->organization->region);
	struct error why;
	if (!text)
		return false;
	if (date_read(text, strlen(text), order, ms, &why))
		return true;
	add_wrong(in, m, "%s%s", why.text, then);
	return false;
}

static void read_timestamp(struct http_request *r, struct incoming *in)
{
	int64_t at_ms;
	if (!read_time(r, in, MEMBER_TIMESTAMP, ": the time of arrival is used", &at_ms))
		return;
	if (at_ms > in->received_ms + FUTURE_SLACK_MS)
		add_wrong(in, MEMBER_TIMESTAMP, "is in the future: the time of arrival is used");
	in->at_ms = at_ms < in->received_ms ? at_ms : in->received_ms;
}

/* The header's text; in quotes, as a structured field (RFC 9651 section 3.3.3), what is between them. */
static const char *idempotency_key(struct http_request *r)
{
	const char *header = not_blank(r, http_header(r, "Idempotency-Key"));
	size_t n = header ? strlen(header) : 0;
	if (n < 2 || header[0] != '"' || header[n - 1] != '"')
		return header;
	return not_blank(r, arena_strndup(&r->arena, header + 1, n - 2));
}

static const char *read_unique_id(struct http_request *r, struct incoming *in)
{
	const struct incoming_given *g = given(in, MEMBER_UNIQUE_ID);
	const char *header = idempotency_key(r);
	const char *why = header ? tags_unreplaced(header, strlen(header), &r->arena) : NULL;
	if (why && !g->name) {
		add_wrong(in, MEMBER_UNIQUE_ID, "%s", why);
		return NULL;
	}
	const char *id = g->name ? g->text : arena_strdup(&r->arena, header);
	if (g->name && !g->text)
		add_wrong(in, MEMBER_UNIQUE_ID, "%s: the request is taken without it", SINGLE_VALUE);
	if (!id || strlen(id) <= UNIQUE_ID_MAX)
		return id;
	add_wrong(in, MEMBER_UNIQUE_ID, "is longer than %d bytes: the request is taken without it",
		UNIQUE_ID_MAX);
	return NULL;
}

/* Why neither a call nor a caller is known; unread: why the caller's number could not be read. */
static const char *missing_call(const struct incoming_given *caller, const struct error *unread)
{
	if (caller->text)
		return unread->text;
	if (caller->unreplaced)
		return caller->unreplaced;
	return caller->name ? SINGLE_VALUE : "caller_id or call_id is required";
}

/* Which call it is about. */
static void read_call(struct http_request *r, struct incoming *in, struct errors *errors)
{
	const struct incoming_given *call = given(in, MEMBER_CALL_ID), *caller = given(in, MEMBER_CALLER_ID);
	struct error why;
	bool readable = caller->text && phone_read(caller->text, r->organization->region, in->caller_id, &why);
	in->named_call = *in->key_call ? in->key_call : call->text;
	if (call->name && !call->text)
		fail(errors, in, MEMBER_CALL_ID, SINGLE_VALUE);
	else if (call->text && strlen(call->text) >= sizeof in->call_id)
		fail(errors, in, MEMBER_CALL_ID, "is too long");
	else if (*in->key_call && call->text && strcmp(call->text, in->key_call) != 0)
		fail(errors, in, MEMBER_CALL_ID, "is another call than the call_key's");
	if (!call->name && !in->named_call && !readable)
		fail(errors, in, MEMBER_CALLER_ID, missing_call(caller, &why));
}

/* The members every path has. */
static bool read_common(struct http_request *r, struct incoming *in, struct errors *errors)
{
	in->unique_id = read_unique_id(r, in);
	read_call(r, in, errors);
	read_timestamp(r, in);
	return !errors_any(errors);
}

static bool read_money(struct http_request *r, struct incoming *in, enum incoming_member m, int64_t *micros)
{
	const char *text = text_of(in, m);
	struct error why;
	if (!text)
		return false;
	if (!money_read(text, strlen(text), r->organization->currency, micros, &why)) {
		add_wrong(in, m, "%s", why.text);
		return false;
	}
	if (*micros < 0 && !in->outcome.add) {
		add_wrong(in, m, "can only be negative with the mode add");
		return false;
	}
	return true;
}

/* Revenue and payout, and how they are meant. */
static void read_amounts(struct http_request *r, struct incoming *in)
{
	struct call_outcome *x = &in->outcome;
	const char *mode = text_of(in, MEMBER_MODE), *currency = text_of(in, MEMBER_CURRENCY), *own = r->organization->currency;
	size_t wrong = in->wrong_count;
	x->add = mode && strcasecmp(mode, "add") == 0;
	if (mode && !x->add && strcasecmp(mode, "replace") != 0)
		add_wrong(in, MEMBER_MODE, "must be replace or add");
	if (currency && own && strcasecmp(currency, own) != 0)
		add_wrong(in, MEMBER_CURRENCY, "must be the organization's, %s", own);
	if (in->wrong_count == wrong) {
		x->has_revenue = read_money(r, in, MEMBER_REVENUE, &x->revenue_micros);
		x->has_payout = read_money(r, in, MEMBER_PAYOUT, &x->payout_micros);
		return;
	}
	for (enum incoming_member m = MEMBER_REVENUE; m <= MEMBER_PAYOUT; m++)
		if (given(in, m)->name)
			add_wrong(in, m, "is not taken: see %s", incoming_member_name(in->wrong[wrong].member));
}

static void read_conversion(struct http_request *r, struct incoming *in)
{
	struct call_outcome *x = &in->outcome;
	const char *converted = text_of(in, MEMBER_CONVERTED);
	int64_t at_ms;
	bool flag = false;
	x->converted = -1;
	if (converted && value_parse_boolean(converted, strlen(converted), &flag))
		x->converted = flag;
	else if (converted)
		add_wrong(in, MEMBER_CONVERTED, "must be true or false");
	if (!read_time(r, in, MEMBER_CONVERTED_AT, "", &at_ms))
		return;
	if (at_ms > in->received_ms + FUTURE_SLACK_MS)
		add_wrong(in, MEMBER_CONVERTED_AT, "is in the future");
	else if (x->converted == 0)
		add_wrong(in, MEMBER_CONVERTED_AT, "goes with converted: true");
	else
		x->conversion_ms = at_ms > 0 ? at_ms : 1; /* before any call */
}

/* A text, or null, which clears it. */
static enum outcome_text read_reason(struct incoming *in, enum incoming_member m, char out[OUTCOME_REASON_SIZE])
{
	const char *text = text_of(in, m);
	if (text && strlen(text) >= OUTCOME_REASON_SIZE) {
		add_wrong(in, m, "must have at most %d bytes", OUTCOME_REASON_SIZE - 1);
		return OUTCOME_TEXT_UNSAID;
	}
	if (text) {
		snprintf(out, OUTCOME_REASON_SIZE, "%s", text);
		return OUTCOME_TEXT_SET;
	}
	return given(in, m)->is_null && !given(in, m)->name ? OUTCOME_TEXT_CLEARED : OUTCOME_TEXT_UNSAID;
}

/* What the call is: only of /update-fields. */
static void read_fields(struct http_request *r, struct incoming *in)
{
	struct call_outcome *x = &in->outcome;
	const char *disposition = text_of(in, MEMBER_DISPOSITION), *publisher = text_of(in, MEMBER_PUBLISHER_ID);
	if (disposition && strlen(disposition) >= sizeof x->disposition)
		add_wrong(in, MEMBER_DISPOSITION, "must have 1 to %d bytes", OUTCOME_DISPOSITION_SIZE - 1);
	else if (disposition)
		snprintf(x->disposition, sizeof x->disposition, "%s", disposition);
	if (publisher && !organization_publisher_name(r->organization, publisher))
		add_wrong(in, MEMBER_PUBLISHER_ID, "there is no publisher with this id");
	else if (publisher)
		snprintf(x->publisher_id, sizeof x->publisher_id, "%s", publisher);
}

static bool says_something(const struct call_outcome *x)
{
	return x->has_revenue || x->has_payout || x->converted >= 0 || x->conversion_ms || *x->disposition || *x->publisher_id ||
	       x->has_reason != OUTCOME_TEXT_UNSAID || x->has_hold != OUTCOME_TEXT_UNSAID;
}

static void read_outcome(struct http_request *r, struct incoming *in)
{
	read_amounts(r, in);
	read_conversion(r, in);
	in->outcome.has_reason = read_reason(in, MEMBER_REASON, in->outcome.reason);
	in->outcome.has_hold = read_reason(in, MEMBER_HOLD_REASON, in->outcome.hold);
	if (in->type == INCOMING_UPDATE_FIELDS)
		read_fields(r, in);
	in->has_outcome = says_something(&in->outcome);
}

/* Is there anything to be done? Else each member's error is the answer, or what there should be. */
static void require_something(struct incoming *in, struct errors *errors)
{
	static const char *const wanted[] = {
		[INCOMING_UPDATE_REVENUE] = "revenue, payout or converted is required",
		[INCOMING_UPDATE_FIELDS] = "disposition, converted, revenue, payout, reason, publisher_id or tags is required",
	};
	bool fills = in->type == INCOMING_CALL_DATA || in->type == INCOMING_UPDATE_TAGS;
	char pointer[120];
	json_t *told;
	/* what a member that counts as absent is reported for is nothing that was asked for */
	size_t of_absent = json_array_size(in->members.errors), i;
	if (fills || in->has_outcome || in->count || json_array_size(in->errors) > of_absent)
		return;
	json_array_foreach(in->members.errors, i, told) {
		snprintf(pointer, sizeof pointer, "/%s", json_string_value(json_object_get(told, "field")));
		errors_add(errors, pointer, "%s", json_string_value(json_object_get(told, "detail")));
	}
	for (i = 0; i < in->wrong_count; i++)
		if (in->wrong[i].member != MEMBER_TIMESTAMP && in->wrong[i].member != MEMBER_UNIQUE_ID)
			fail(errors, in, in->wrong[i].member, in->wrong[i].detail);
	if (!errors_any(errors))
		fail(errors, in, in->type == INCOMING_UPDATE_REVENUE ? MEMBER_REVENUE : MEMBER_DISPOSITION, wanted[in->type]);
}

static void name_wrong(struct incoming *in)
{
	for (size_t i = 0; i < in->wrong_count; i++)
		json_array_append_new(in->errors, json_pack("{s:s, s:s}", "field", sent_name(in, in->wrong[i].member), "detail", in->wrong[i].detail));
}

/* The tokens in what no tag takes, each by its path: "lead/state". */
static void find_unreplaced(struct http_request *r, struct incoming *in, json_t *json, const char *path)
{
	char at[300];
	const char *key, *why;
	json_t *item;
	size_t i;
	if (json_array_size(in->errors) >= ERRORS_MAX)
		return;
	json_object_foreach(json, key, item)
		if (snprintf(at, sizeof at, "%s/%s", path, key) < (int)sizeof at)
			find_unreplaced(r, in, item, at);
	json_array_foreach(json, i, item)
		if (snprintf(at, sizeof at, "%s/%zu", path, i) < (int)sizeof at)
			find_unreplaced(r, in, item, at);
	why = json_is_string(json) ? tags_unreplaced(json_string_value(json), json_string_length(json), &r->arena) : NULL;
	if (why)
		json_array_append_new(in->errors, json_pack("{s:s, s:s}", "field", path, "detail", why));
}

static void name_unreplaced(struct http_request *r, struct incoming *in)
{
	json_t *name;
	size_t i;
	json_array_foreach(in->unmatched, i, name) {
		const char *key = json_string_value(name);
		find_unreplaced(r, in, json_object_get(in->members.data, key), key);
	}
}

/* Control members, tags and custom data. */
static void read_members(struct http_request *r, struct incoming *in, json_t *headers, struct errors *errors)
{
	if (!incoming_members_read(in->data, in->type, r->organization->tags, r->organization->region, &r->arena, &in->members)) {
		errors_add(errors, "", "out of memory");
		return;
	}
	if (!read_common(r, in, errors))
		return;
	if (in->type == INCOMING_UPDATE_REVENUE || in->type == INCOMING_UPDATE_FIELDS)
		read_outcome(r, in);
	evaluate(r, in, headers);
	require_something(in, errors);
	name_wrong(in);
	name_unreplaced(r, in);
}

/* ---- the request ---- */

static struct incoming *begin(struct http_request *r, unsigned type, int64_t now_ms)
{
	struct incoming *in = arena_alloc(&r->arena, sizeof *in);
	if (!in)
		return NULL;
	*in = (struct incoming){.type = type, .received_ms = now_ms, .at_ms = now_ms, .began_us = clock_monotonic_us(), .outcome.converted = -1};
	id_new("req", in->id);
	address_text((const struct sockaddr *)&r->sender, in->address);
	in->unmatched = json_array();
	in->errors = json_array();
	in->refused = json_array();
	in->campaigns = json_array();
	in->custom_over = json_array();
	return in;
}

size_t api_incoming_evaluate(struct http_request *r, const struct config_incoming *webhook, unsigned type, json_t *data, json_t *headers,
			     struct tag_result **results, json_t *unmatched)
{
	struct config_incoming *w = arena_alloc(&r->arena, sizeof *w);
	struct incoming *in = begin(r, type ? type : INCOMING_CALL_DATA, clock_now_ms());
	if (!w || !in)
		return 0;
	*w = webhook ? *webhook : (struct config_incoming){.id = ""};
	w->keep_unmatched = false;
	in->webhook = w;
	in->data = json_incref(data);
	if (incoming_members_read(data, in->type, r->organization->tags, r->organization->region, &r->arena, &in->members))
		evaluate(r, in, headers);
	json_array_extend(unmatched, in->unmatched);
	*results = in->results;
	size_t count = in->results ? in->count : 0;
	release(in);
	return count;
}

/* Who sends: by the keys of the URL, or else of the body and the headers, which is then read. false after the answer was set. */
static bool find_sender(struct http_request *r, struct incoming *in)
{
	struct shown_keys keys = url_keys(r);
	if (!keys.webhook && !keys.call) {
		bool refused = http_body_refused(r);
		if (!refused && (in->data = api_read_data(r, in->errors)))
			body_keys(r, in->data, &keys);
		else
			keys.webhook = bearer_token(r);
		if (refused && !keys.webhook) /* the key may be in the body, which was not read */
			return refuse(r, NULL, "no key");
	}
	if (!keys.call && !(in->webhook = find_webhook(r, keys.webhook, in->received_ms)))
		return false;
	if (keys.call && keys.webhook && !(in->webhook = find_webhook(r, keys.webhook, in->received_ms)))
		return false;
	if (keys.call && !take_call_key(r, in, keys.call))
		return false;
	if (!in->webhook && !(in->webhook = webhook_of_call(r, in->key_call))) {
		http_problem(r, 503, "Out of memory", "try again shortly");
		return false;
	}
	return true;
}

/* Once the sender is known: a call's key may be in the body beside the webhook's in the URL. */
static bool read_data(struct http_request *r, struct incoming *in)
{
	struct shown_keys keys = url_keys(r);
	bool known = *in->key_call != '\0';
	if (!in->data && !http_body_refused(r))
		in->data = api_read_data(r, in->errors);
	if (!in->data)
		return false;
	keys.webhook = keys.webhook ? keys.webhook : ""; /* it is found already */
	body_keys(r, in->data, &keys);
	return known || !keys.call || take_call_key(r, in, keys.call);
}

static bool has_place(struct http_request *r, const struct incoming *in)
{
	int wait = guard_take(r->config->guard, in->webhook->id, in->webhook->rate_per_minute, in->received_ms);
	if (!wait)
		return true;
	snprintf(r->retry_after, sizeof r->retry_after, "%d", wait);
	http_problem(r, 429, "Too many requests", "%s takes %d a minute", *in->webhook->name ? "this incoming webhook" : "a call key", in->webhook->rate_per_minute);
	return false;
}

static void list_campaigns(struct incoming *in)
{
	for (size_t i = 0; i < in->webhook->campaign_count; i++)
		json_array_append_new(in->campaigns, json_string(in->webhook->campaign_ids[i]));
}

/* Write it, or that it was refused. */
static enum http_result take(struct http_request *r, struct incoming *in)
{
	struct header_list headers = {json_object(), json_object(), in->webhook->hmac_header};
	struct errors errors = {0};
	http_each_header(r, add_header, &headers);
	in->headers = headers.shown;
	bool good = may_send(r, in->webhook, in->type) && read_data(r, in);
	if (good)
		read_members(r, in, headers.all, &errors);
	json_decref(headers.all);
	if (errors_any(&errors))
		http_invalid(r, &errors);
	else if (good) {
		begin_doc(r, in);
		r->data = in;
		r->run = run_incoming;
		r->after = after_incoming;
		return http_write(r);
	}
	return reject(r, in);
}

enum http_result api_incoming_hook(struct http_request *r)
{
	unsigned type = api_incoming_type(r->path);
	struct incoming *in = begin(r, type, clock_now_ms());
	if (!in)
		return http_problem(r, 503, "Out of memory", "try again shortly");
	if (!find_sender(r, in) || !has_place(r, in)) {
		release(in);
		return HTTP_REPLY;
	}
	if (is_check(r)) {
		if (may_send(r, in->webhook, type))
			http_json(r, 200, json_pack("{s:s}", "status", "ok"));
		release(in);
		return HTTP_REPLY;
	}
	list_campaigns(in);
	return take(r, in);
}
