/* Publishers who ask before they send a call: would you take this caller, for how much, and on which number? */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/money.h"
#include "base/phone.h"
#include "call/bid.h"
#include "webhook/guard.h"
#include "webhook/incoming.h"
#include <stdlib.h>
#include <string.h>

#define BODY_SHOWN 4096 /* of one that could not be read */

struct asked {
	const struct config_inbound_rtb *endpoint;
	char id[ID_SIZE], caller_id[PHONE_SIZE], address[ADDRESS_SIZE];
	const char *status, *reason, *detail; /* reason NULL: there is a bid */
	int64_t now_ms, began_us;
	struct lease lease;
	struct bid bid;
	size_t count;
	struct tag_result *results;
	json_t *data, *unmatched, *errors; /* errors: of single members */
};

static const char *const caller_names[] = {"caller_id", "callerid", "cid"};

/* Whom it is about: taken out of the data. false: it is no number, and why says why. */
static bool read_caller(struct http_request *r, struct asked *a, struct error *why)
{
	const char *given = NULL;
	for (size_t i = 0; i < ARRAY_LEN(caller_names); i++) {
		const char *text = incoming_text(a->data, caller_names[i], &r->arena);
		given = given ? given : text && *text ? text : NULL;
		incoming_remove(a->data, caller_names[i]);
	}
	return !given || phone_read(given, r->organization->region, a->caller_id, why);
}

static void evaluate(struct http_request *r, struct asked *a)
{
	a->results = arena_alloc(&r->arena, (tag_set_count(r->organization->tags) + 1) * sizeof *a->results);
	a->count = a->results ? tags_evaluate(r->organization->tags, TAG_FROM_RTB, &(struct tag_data){.body = a->data}, &r->arena, a->results, a->unmatched) : 0;
}

/* ---- the decision ---- */

static void no_bid(struct asked *a, const char *reason, const char *detail)
{
	a->status = "no_bid";
	a->reason = reason;
	a->detail = detail;
}

/* Its tags as the call would begin with them, by slot. */
static struct value *tag_values(struct http_request *r, const struct asked *a)
{
	const struct organization *o = r->organization;
	size_t n = tag_set_count(o->tags);
	struct value *values = arena_alloc(&r->arena, (n + 1) * sizeof *values);
	for (size_t i = 0; values && i < n; i++) {
		const struct tag_def *def = tag_set_get(o->tags, i);
		const char *text = a->endpoint->campaign->tag_defaults && a->endpoint->campaign->tag_defaults[i] ? a->endpoint->campaign->tag_defaults[i] : def->default_text;
		values[i] = (struct value){.kind = VALUE_NONE};
		if (text)
			(void)!value_coerce_to(&def->type, text, strlen(text), &r->arena, &values[i], NULL);
	}
	for (size_t i = 0; values && i < a->count; i++)
		if (a->results[i].value.kind != VALUE_NONE)
			values[a->results[i].slot] = a->results[i].value;
	return values;
}

static bool reserve(struct http_request *r, struct asked *a)
{
	const struct config_inbound_rtb *e = a->endpoint;
	const struct lease_pool pool = {r->organization->id, e->id, e->numbers, e->number_count, (size_t)e->max_reservations, 0};
	a->lease = (struct lease){.at_ms = a->now_ms, .expires_ms = a->now_ms + e->allocation_seconds * INT64_C(1000), .kind = LEASE_CALLER, .tags = api_applied_json(r->organization, a->results, a->count)};
	memcpy(a->lease.id, a->id, sizeof a->id);
	snprintf(a->lease.pool_id, sizeof a->lease.pool_id, "%s", e->id);
	snprintf(a->lease.holder, sizeof a->lease.holder, "%s", *a->caller_id ? a->caller_id : a->id);
	snprintf(a->lease.caller_id, sizeof a->lease.caller_id, "%s", a->caller_id);
	snprintf(a->lease.publisher_id, sizeof a->lease.publisher_id, "%s", e->publisher_id);
	enum lease_result result = leases_lend(r->config->leases, &pool, &a->lease, a->now_ms);
	if (result == LEASE_NEW || result == LEASE_AGAIN)
		return true;
	lease_release(&a->lease);
	if (result == LEASE_FULL)
		no_bid(a, "too_many_reservations", "as many numbers are kept for callers as the endpoint may keep");
	else
		no_bid(a, "no_number", e->number_count ? "every number is kept for somebody" : "the campaign has no number to give out");
	return false;
}

/* As the call to the number will be judged. */
static void judge(struct http_request *r, struct asked *a)
{
	const struct config_inbound_rtb *e = a->endpoint;
	struct value call[CALL_FIELD_COUNT], *tags = tag_values(r, a);
	char started[RFC3339_SIZE];
	const char *publisher = organization_publisher_name(r->organization, e->publisher_id);
	const struct {
		enum call_field field;
		const char *text;
	} known[] = {
		{CALL_NUMBER, a->lease.number}, {CALL_CAMPAIGN_ID, e->campaign->id}, {CALL_CAMPAIGN_NAME, e->campaign->name}, {CALL_ORGANIZATION_ID, r->organization->id},
		{CALL_PUBLISHER_ID, e->publisher_id}, {CALL_PUBLISHER_NAME, publisher}, {CALL_STATUS, "active"}, {CALL_STARTED_AT, clock_rfc3339(a->now_ms, started)},
	};
	for (size_t i = 0; i < CALL_FIELD_COUNT; i++)
		call[i] = (struct value){.text = ""};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		call[known[i].field] = value_string(known[i].text, strlen(known[i].text));
	struct expr_budget budget = expr_budget_full(a->now_ms);
	struct expr_env env = {
		.call = call,
		.tags = tags,
		.tag_count = tag_set_count(r->organization->tags),
		.now_ms = a->now_ms,
		.budget = &budget,
	};
	if (!tags || !expr_set_caller(&env, call, a->caller_id, &r->arena)) {
		no_bid(a, "unavailable", "out of memory");
		return;
	}
	const struct bid_asked asked = {r->organization, e->campaign, e->publisher_id, a->caller_id, &env, tags, a->now_ms, r->config->capacity, r->config->phones, &r->arena};
	bid_decide(&asked, &a->bid);
	if (a->bid.reason)
		no_bid(a, a->bid.reason, a->bid.detail);
}

/* A number that is kept for the caller already stays so, whatever is said now; another one is kept until it is known that there is no bid. */
static void decide(struct http_request *r, struct asked *a)
{
	const struct config_inbound_rtb *e = a->endpoint;
	if (!e->enabled || !e->campaign || !e->publisher_id) {
		no_bid(a, "disabled", e->enabled ? "the endpoint's campaign or publisher is gone" : "the endpoint is disabled");
		return;
	}
	bool kept = *a->caller_id && leases_holds(r->config->leases, r->organization->id, e->id, a->caller_id, a->now_ms, a->lease.number);
	if (!kept && !reserve(r, a))
		return;
	judge(r, a);
	if (a->reason && !kept)
		leases_end(r->config->leases, r->organization->id, e->id, a->lease.holder, a->now_ms);
	if (!a->reason && (!kept || reserve(r, a)))
		a->status = "bid";
}

/* ---- the answer, and what is kept ---- */

static void answer(struct http_request *r, const struct asked *a)
{
	struct buf b = {0};
	char payout[MONEY_SIZE];
	json_open(&b);
	json_bool(&b, "success", !a->reason);
	json_str(&b, "request_id", a->id);
	json_str(&b, "inbound_rtb_id", a->endpoint->id);
	json_int(&b, "allocation_time_seconds", a->reason ? 0 : a->endpoint->allocation_seconds);
	if (a->reason) {
		json_str(&b, "reason", a->reason);
		json_str(&b, "detail", a->detail);
	}
	json_key(&b, "eligible_routes");
	buf_add_char(&b, '[');
	if (!a->reason) {
		json_open(&b);
		json_str(&b, "number", a->lease.number);
		json_str(&b, "payout", money_format(a->bid.payout_micros, payout));
		json_str(&b, "currency", r->organization->currency);
		json_int(&b, "duration", a->bid.after_seconds);
		json_str(&b, "payout_condition", bid_conditions[a->bid.condition]);
		json_int(&b, "payout_condition_duration", a->bid.after_seconds);
		json_close(&b);
	}
	buf_add_char(&b, ']');
	json_close(&b);
	http_text(r, 200, &b);
}

static char *document(const struct http_request *r, const struct asked *a)
{
	struct buf b = {0};
	bool sensitive = a->data && api_takes_sensitive(r->organization, a->results, a->count);
	char *sealed = sensitive ? api_sealed_data(r, a->data) : NULL;
	json_open(&b);
	json_str(&b, "method", r->method);
	json_str(&b, "address", a->address);
	if (sealed)
		json_str(&b, "sealed", sealed);
	else if (a->data && !sensitive)
		json_tree(&b, "data", a->data);
	if (!a->data && r->body) {
		json_key(&b, "body");
		buf_json_string(&b, r->body, r->body_len < BODY_SHOWN ? r->body_len : BODY_SHOWN);
	}
	if (!sensitive)
		json_tree(&b, "unmatched", a->unmatched);
	if (json_array_size(a->errors))
		json_tree(&b, "errors", a->errors);
	json_key(&b, "tags");
	api_results_json(&b, r->organization, a->results, a->count);
	json_str(&b, "detail", a->detail);
	json_str(&b, "target_id", a->bid.target ? a->bid.target->id : NULL);
	if (a->bid.passed_over)
		json_tree(&b, "passed_over", a->bid.passed_over);
	json_int(&b, "http_status", r->status);
	json_raw(&b, "answer", r->answer);
	json_key(&b, "latency_ms");
	buf_printf(&b, "%.3f", (double)(clock_monotonic_us() - a->began_us) / 1000);
	json_close(&b);
	free(sealed);
	return buf_take(&b);
}

/* The publisher is not kept waiting for the disk. */
static bool keep(struct http_request *r, const struct asked *a)
{
	bool bid = !a->reason;
	char *doc = document(r, a), *tags = bid ? api_waiting_text(r, a->results, a->count) : strdup("{}");
	struct store_batch *batch = doc && tags ? store_batch_new() : NULL;
	if (batch)
		store_batch_add(batch, "INSERT INTO rtb_requests (id, organization_id, direction, resource_id, campaign_id, publisher_id, caller_id, number, status, reason, amount, received_at, expires_at, holder, tags, doc) "
				       "VALUES ($1, $2, 'inbound', $3, $4, $5, $6, $7, $8, $9, $10, $11, NULLIF(CAST($12 AS BIGINT), 0), $13, $14, $15)", "sssssssssiiisss",
				a->id, r->organization->id, a->endpoint->id, a->endpoint->campaign ? a->endpoint->campaign->id : NULL, a->endpoint->publisher_id, *a->caller_id ? a->caller_id : NULL, bid ? a->lease.number : NULL, a->status, a->reason,
				bid ? a->bid.payout_micros : (int64_t)0, a->now_ms, bid ? a->lease.expires_ms : (int64_t)0, bid ? a->lease.holder : NULL, tags, doc);
	free(doc);
	free(tags);
	return api_keep(r, batch);
}

bool api_inbound_rtb_known(struct http_request *r)
{
	const struct config_inbound_rtb *endpoint;
	const struct organization *o =
		config_by_inbound_rtb(r->config->config, r->params[0], &endpoint);
	if (o)
		organization_release(o);
	return o != NULL;
}

enum http_result api_inbound_rtb(struct http_request *r)
{
	struct asked a = {.now_ms = clock_now_ms(), .began_us = clock_monotonic_us(), .status = "rejected"};
	r->organization = config_by_inbound_rtb(r->config->config, r->params[0], &a.endpoint);
	if (!r->organization)
		return http_problem(r, 404, "There is no such endpoint", "ask at the URL that the portal shows for the inbound RTB endpoint");
	if (r->head) /* asks whether the endpoint is there, not for a bid */
		return http_json(r, 200, json_object());
	struct error why;
	id_new("rtq", a.id);
	address_text((const struct sockaddr *)&r->sender, a.address);
	a.unmatched = json_array();
	a.errors = json_array();
	int wait = guard_take(r->config->guard, a.endpoint->id, a.endpoint->rate_per_minute, a.now_ms);
	if (wait) {
		snprintf(r->retry_after, sizeof r->retry_after, "%d", wait);
		a.reason = "throttled";
		http_problem(r, 429, "Too many requests", "this endpoint takes %d a minute", a.endpoint->rate_per_minute);
	} else if (http_body_refused(r) || !(a.data = api_read_data(r, a.errors))) {
		a.reason = "unreadable";
	} else if (!read_caller(r, &a, &why)) {
		struct errors errors = {0};
		a.reason = "invalid_caller_id";
		errors_add(&errors, "/caller_id", "%s", why.text);
		http_invalid(r, &errors);
	} else {
		evaluate(r, &a);
		decide(r, &a);
		answer(r, &a);
	}
	if (!keep(r, &a)) {
		if (!a.reason)
			leases_end(r->config->leases, r->organization->id, a.endpoint->id, a.lease.holder, a.now_ms);
		http_problem(r, 503, "The server is busy", "try again shortly");
	}
	json_decref(a.data);
	json_decref(a.unmatched);
	json_decref(a.errors);
	json_decref(a.bid.passed_over);
	return HTTP_REPLY;
}
