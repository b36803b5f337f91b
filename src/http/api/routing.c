/* Routing plans without a call: who would get it; and what targets have of their limits. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/money.h"
#include "base/phone.h"
#include "call/bid.h"
#include <stdlib.h>
#include <string.h>

const struct field api_explain_fields[] = {
	{"caller_id", FIELD_STRING, .max = 40, .help = "The caller's number."},
	{"number", FIELD_STRING, .max = 40, .help = "The number called: its campaign and publisher are the call's."},
	{"tags", FIELD_ANY, .help = "Custom tags by name."},
	{"at", FIELD_DATETIME, .help = "When; empty: now. Caps are as they are now."},
	{0},
};

void api_read_asked(struct http_request *r, json_t *body, struct api_asked *a, struct errors *errors)
{
	char number[PHONE_SIZE], caller[PHONE_SIZE];
	const char *at = json_string_value(json_object_get(body, "at")), *from = json_string_value(json_object_get(body, "caller_id"));
	size_t tags = tag_set_count(r->organization->tags);
	struct value *values = arena_alloc(&r->arena, (tags + 1) * sizeof *values);
	const char *called = json_string_value(json_object_get(body, "number"));
	bool readable = called && phone_normalize(called, r->organization->region, number);
	json_t *given = json_object_get(body, "tags");
	a->now_ms = a->at_ms = clock_now_ms();
	if (given && !json_is_null(given) && !json_is_object(given))
		errors_add(errors, "/tags", "must be an object");
	if (at && !clock_parse_rfc3339(at, strlen(at), &a->at_ms))
		errors_add(errors, "/at", "must be a time such as 2026-11-26T14:00:00Z");
	for (size_t i = 0; i < CALL_FIELD_COUNT; i++)
		a->call[i] = (struct value){.text = ""};
	if (values)
		api_read_tags(r, given, values, errors);
	api_number_fields(r, readable ? number : "", a->call, &a->held);
	if (from && phone_normalize(from, r->organization->region, caller))
		from = arena_strdup(&r->arena, caller);
	a->env = (struct expr_env){
		.call = a->call,
		.tags = values,
		.tag_count = values ? tags : 0,
		.now_ms = a->at_ms,
		.budget = &a->budget,
	};
	a->budget = expr_budget_full(a->at_ms);
	if (!expr_set_caller(&a->env, a->call, from ? from : "", &r->arena))
		a->env.tag_count = 0;
	const struct value *campaign = &a->call[CALL_CAMPAIGN_ID], *publisher = &a->call[CALL_PUBLISHER_ID];
	a->as = (struct capacity_call){r->organization->id, campaign->text ? campaign->text : "", publisher->text ? publisher->text : ""};
}

static const char *const verdict_names[] = {
	[ROUTE_ELIGIBLE] = "eligible", [ROUTE_DISABLED] = "disabled", [ROUTE_CLOSED] = "closed", [ROUTE_ENTRY_CLOSED] = "entry_closed", [ROUTE_TARGET_FILTER] = "target_filter", [ROUTE_ENTRY_FILTER] = "entry_filter", [ROUTE_TREE_FILTER] = "tree_filter",
	[ROUTE_FILTERS_SPENT] = "filters_spent",
	[ROUTE_REPEATED] = "repeated", [ROUTE_AWAY] = "unavailable", [ROUTE_BUSY] = "busy", [ROUTE_HOUR_FULL] = "hourly_cap", [ROUTE_DAY_FULL] = "daily_cap", [ROUTE_MONTH_FULL] = "monthly_cap", [ROUTE_TOTAL_FULL] = "total_cap", [ROUTE_OVER_ATTEMPTS] = "over_attempts",
};

/* How often it comes first among those of its priority that could be called: 0 to 1. */
static double share_of(const struct route_candidate *list, size_t n, const struct route_candidate *one)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		if (list[i].priority == one->priority && (list[i].verdict == ROUTE_ELIGIBLE || list[i].verdict == ROUTE_OVER_ATTEMPTS))
			sum += list[i].entry->weight;
	return sum > 0 ? one->entry->weight / sum : 0;
}

#define EXPLAINED_MAX 5000 /* entries; then no further group is looked into */

static bool explain_plan(struct http_request *r, const struct route_plan *plan, struct api_asked *a, int depth, int *order, json_t *data)
{
	struct capacity_asked asked = capacity_ask(r->config->capacity, r->organization, organization_campaign(r->organization, a->as.campaign_id), &a->as, a->call[CALL_CALLER_ID].text, a->now_ms, a->now_ms);
	char score[MONEY_SIZE], chosen[ROUTE_REASON_SIZE];
	struct capacity_judged judged;
	capacity_judge(&asked, plan, &a->env, a->at_ms, true, &judged);
	const struct route_candidate *list = judged.list;
	bool ok = list != NULL;
	for (size_t i = 0; ok && i < judged.count; i++) {
		bool eligible = list[i].verdict == ROUTE_ELIGIBLE;
		const struct route_entry *e = list[i].entry;
		const struct route_target *t = e->target;
		const struct route_tree *tree = e->tree;
		if (eligible && e->group) {
			ok = depth >= ROUTE_GROUPS_MAX || json_array_size(data) >= EXPLAINED_MAX || explain_plan(r, e->group, a, depth + 1, order, data);
			continue;
		}
		const char *why = eligible && tree ? NULL : eligible ? bid_unreachable(r->organization, r->config->phones, t, a->now_ms) : route_verdict_text(list[i].verdict);
		json_t *item = json_pack("{s:s, s:s, s:s?, s:s?, s:s, s:i, s:s, s:s?}", "routing_plan_id", plan->id, "routing_plan_name", plan->name, "target_id", t ? t->id : NULL, "ring_tree_id", tree ? tree->id : NULL, "target_name", route_entry_name(e),
					 "priority", e->priority, "verdict", why && eligible ? "unreachable" : verdict_names[list[i].verdict], "reason", why);
		json_object_set_new(item, "order", why ? json_null() : json_integer(++*order));
		json_object_set_new(item, "chosen", why ? json_null() : json_string(route_reason(plan, &list[i], chosen)));
		if (plan->strategy == ROUTE_WEIGHTED)
			json_object_set_new(item, "share", why ? json_integer(0) : json_real(share_of(list, judged.count, &list[i])));
		if (plan->strategy == ROUTE_BEST)
			json_object_set_new(item, "score", json_string(money_format((int64_t)(judged.scores ? judged.scores[e - plan->entries] : 0), score)));
		json_array_append_new(data, item);
	}
	capacity_judged_free(&judged);
	return ok;
}

enum http_result api_plan_explain(struct http_request *r)
{
	struct errors errors = {0};
	struct schema_context context = {0};
	struct api_asked a = {0};
	json_t *body = r->body_len ? http_body_object(r) : (r->json = json_object()), *data = json_array();
	const struct route_plan *plan = body ? organization_plan(r->organization, r->params[0]) : NULL, *plans[ROUTE_CHAIN_MAX];
	if (!plan) {
		json_decref(data);
		return body ? http_problem(r, 404, "Not found", "there is no routing plan %s", r->params[0]) : HTTP_REPLY;
	}
	schema_check(api_explain_fields, body, "", &context, &errors);
	api_read_asked(r, body, &a, &errors);
	bool ok = !errors_any(&errors);
	int order = 0;
	size_t n = route_plan_chain(plan, plans);
	for (size_t i = 0; ok && i < n; i++)
		ok = explain_plan(r, plans[i], &a, 0, &order, data);
	if (a.held)
		organization_release(a.held);
	if (ok)
		return http_json(r, 200, json_pack("{s:s, s:o}", "strategy", route_strategies[plan->strategy], "data", data));
	json_decref(data);
	return errors_any(&errors) ? http_invalid(r, &errors) : http_problem(r, 503, "Out of memory", "try again");
}

/* ---- capacity ---- */

static json_t *used(int64_t calls, int limit)
{
	return json_pack("{s:I, s:o}", "used", (json_int_t)calls, "limit", limit ? json_integer(limit) : json_null());
}

enum http_result api_target_capacity(struct http_request *r)
{
	static const struct route_limit all = {"", "", {0}};
	const struct route_target *t = organization_target(r->organization, r->params[0]);
	if (!t)
		return http_problem(r, 404, "Not found", "there is no target %s", r->params[0]);
	json_t *data = json_array();
	bool has_own = t->limit_count && !*t->limits[0].campaign_id && !*t->limits[0].publisher_id;
	for (size_t i = 0; i < t->limit_count + !has_own; i++) {
		const struct route_limit *l = has_own ? &t->limits[i] : i ? &t->limits[i - 1] : &all;
		struct capacity_use use = capacity_use(r->config->capacity, t, l, clock_now_ms());
		json_array_append_new(data, json_pack("{s:s?, s:s?, s:o, s:o, s:o, s:o, s:o}", "campaign_id", *l->campaign_id ? l->campaign_id : NULL, "publisher_id", *l->publisher_id ? l->publisher_id : NULL,
						     "concurrency", used(use.concurrency, l->caps.concurrency), "hourly", used(use.hourly, l->caps.hourly), "daily", used(use.daily, l->caps.daily), "monthly", used(use.monthly, l->caps.monthly),
						     "total", used(use.total, l->caps.total)));
	}
	return http_json(r, 200, json_pack("{s:s, s:b, s:o}", "time_zone", t->zone ? zone_name(t->zone) : "UTC", "available", capacity_available(r->config->capacity, t->id), "data", data));
}

/* ---- availability ---- */

const struct field api_availability_fields[] = {
	{"available", FIELD_BOOLEAN, FIELD_REQUIRED, .help = "Whether it takes calls now."},
	{0},
};

static bool run_availability(struct store_conn *conn, struct http_request *r)
{
	bool available = json_is_true(json_object_get(r->json, "available"));
	http_json(r, 200, json_pack("{s:s, s:b}", "target_id", r->params[0], "available", available));
	return store_exec(conn, "INSERT INTO target_availability (target_id, organization_id, available, changed_at) VALUES ($1, $2, $3, $4) ON CONFLICT (target_id) DO UPDATE SET available = excluded.available, changed_at = excluded.changed_at",
			  "ssii", r->params[0], r->organization->id, (int64_t)available, clock_now_ms()) && api_audit(conn, r, available ? "set_available" : "set_unavailable", r->params[0]);
}

static void after_availability(struct http_request *r)
{
	if (r->status != 200)
		return;
	capacity_set_available(r->config->capacity, r->params[0], json_is_true(json_object_get(r->json, "available")));
	call_loop_look_for_room(r->config->calls);
}

enum http_result api_target_availability(struct http_request *r)
{
	struct errors errors = {0};
	json_t *body = http_body_object(r);
	if (!body)
		return HTTP_REPLY;
	if (!organization_target(r->organization, r->params[0]))
		return http_problem(r, 404, "Not found", "there is no target %s", r->params[0]);
	schema_check(api_availability_fields, body, "", &(struct schema_context){0}, &errors);
	if (errors_any(&errors))
		return http_invalid(r, &errors);
	r->run = run_availability;
	r->after = after_availability;
	return http_write(r);
}
