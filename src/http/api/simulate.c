/* Call flows without a phone: simulation, and replay of past calls. */
#include "http/api/api.h"
#include "http/work.h"
#include "base/clock.h"
#include "base/phone.h"
#include "flow/simulate.h"
#include "store/calls.h"
#include <stdlib.h>
#include <string.h>

static struct flow_tag tag_at(void *arg, size_t slot)
{
	const struct tag_def *def = tag_set_get(((const struct organization *)arg)->tags, slot);
	return (struct flow_tag){def->name, &def->type, def->sensitive};
}

static const struct flow *find_published(void *arg, const char *id)
{
	return organization_flow(arg, id);
}

/* The flow that the request is about: its own document, a version, or the draft. NULL: answered. */
static struct flow *find_flow(struct http_request *r, json_t *body, struct script_budget *budget)
{
	struct store_conn *conn = http_reader(r);
	json_int_t version = json_integer_value(json_object_get(body, "version"));
	json_t *given = json_object_get(body, "document"), *document = json_is_object(given) ? json_incref(given) : NULL, *problems = json_array();
	struct flow *flow = NULL;
	if (!conn) {
		json_decref(document);
		json_decref(problems);
		return NULL;
	}
	struct store_rows *rows = api_flow_find(conn, r);
	json_t *doc = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	rows_free(rows);
	bool failed;
	if (doc && !document)
		document = version ? api_flow_version_document(conn, r, version, &failed) : json_incref(json_object_get(doc, "draft"));
	if (!doc)
		api_flow_missing(r);
	else if (!document)
		api_flow_version_missing(r, version);
	else if (!(flow = api_flow_compile(r, document, budget, problems)))
		api_flow_has_errors(r, problems);
	json_decref(document);
	json_decref(problems);
	json_decref(doc);
	return flow;
}

static void set_text(struct value *call, enum call_field field, const char *text)
{
	call[field] = value_string(text, text ? strlen(text) : 0);
}

void api_number_fields(struct http_request *r, const char *number, struct value *call, const struct organization **held)
{
	const struct config_number *n = NULL;
	*held = config_by_number(r->config->config, number, &n);
	set_text(call, CALL_ORGANIZATION_ID, r->organization->id);
	if (!*held || strcmp((*held)->id, r->organization->id) != 0 || !n)
		return;
	set_text(call, CALL_PUBLISHER_ID, n->publisher_id);
	set_text(call, CALL_PUBLISHER_NAME, n->publisher_name);
	if (n->campaign) {
		set_text(call, CALL_CAMPAIGN_ID, n->campaign->id);
		set_text(call, CALL_CAMPAIGN_NAME, n->campaign->name);
	}
}

/* ---- simulate ---- */

static const char *normal(struct http_request *r, json_t *body, const char *key)
{
	char number[PHONE_SIZE];
	json_t *given = json_object_get(body, key);
	if (phone_normalize(json_string_value(given), r->organization->region, number))
		json_string_set(given, number);
	return json_string_value(given);
}

void api_read_tags(struct http_request *r, json_t *tags, struct value *values, struct errors *errors)
{
	const char *name;
	json_t *json;
	char at[120];
	json_object_foreach(tags, name, json) {
		int slot = tag_set_find(r->organization->tags, name, strlen(name));
		char *dumped = json_is_string(json) ? NULL : json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
		const char *text = arena_strdup(&r->arena, json_is_string(json) ? json_string_value(json) : dumped);
		struct value scratch;
		struct error why = {"must be a text, a number or a boolean"};
		free(dumped);
		snprintf(at, sizeof at, "/tags/%.100s", name);
		if (slot < 0)
			errors_add(errors, at, "there is no custom tag of this name");
		else if (json_is_object(json) || json_is_array(json) || !text || !value_coerce_to(&tag_set_get(r->organization->tags, (size_t)slot)->type, text, strlen(text), &r->arena, values ? &values[slot] : &scratch, &why))
			errors_add(errors, at, "%s", why.text);
	}
}

static void check_values(struct http_request *r, const struct flow *flow, json_t *body, struct errors *errors)
{
	const char *name;
	json_t *value;
	char at[120];
	api_read_tags(r, json_object_get(body, "tags"), NULL, errors);
	json_object_foreach(json_object_get(body, "variables"), name, value) {
		snprintf(at, sizeof at, "/variables/%.100s", name);
		if (flow_variable_find(flow, name, strlen(name)) < 0)
			errors_add(errors, at, "no node of the flow sets a variable of this name");
	}
}

static void check_script(json_t *body, struct errors *errors)
{
	char now[RFC3339_SIZE];
	json_t *at = json_object_get(body, "at");
	const char *const objects[] = {"tags", "variables", "custom_data", "document"};
	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		char pointer[16];
		snprintf(pointer, sizeof pointer, "/%s", objects[i]);
		json_t *json = json_object_get(body, objects[i]);
		if (json && !json_is_null(json) && !json_is_object(json))
			errors_add(errors, pointer, "must be an object");
	}
	if (!at || json_is_null(at))
		json_object_set_new(body, "at", json_string(clock_rfc3339(clock_now_ms(), now)));
}

static struct flow_world world_of(const struct http_request *r, const struct flow *flow,
				  const struct value *call, struct script_budget *budget)
{
	return (struct flow_world){
		.flow = flow,
		.tag_count = tag_set_count(r->organization->tags),
		.tag = tag_at,
		.arg = (void *)(uintptr_t)r->organization,
		.find = find_published,
		.call = call,
		.spent = script_budget_spent,
		.budget = budget,
	};
}

static enum http_result simulate(struct http_request *r)
{
	struct errors errors = {0};
	struct script_budget budget;
	struct schema_context context = {0};
	json_t *body = r->body_len ? http_body_object(r) : (r->json = json_object());
	if (!body)
		return HTTP_REPLY;
	schema_check(flow_simulate_fields, body, "", &context, &errors);
	check_script(body, &errors);
	if (errors_any(&errors))
		return http_invalid(r, &errors);
	script_budget_begin(&budget, r->config->scripts, r->organization->id);
	struct flow *flow = find_flow(r, body, &budget);
	if (!flow)
		return HTTP_REPLY;
	check_values(r, flow, body, &errors);
	if (errors_any(&errors)) {
		flow_free(flow);
		return http_invalid(r, &errors);
	}
	const struct organization *held;
	struct value call[CALL_FIELD_COUNT] = {0};
	normal(r, body, "caller_id");
	api_number_fields(r, normal(r, body, "number"), call, &held);
	struct flow_scripts scripts = script_flow_scripts(&budget);
	struct flow_world world = world_of(r, flow, call, &budget);
	world.scripts = &scripts;
	json_t *report = flow_simulate(&world, body);
	organization_release(held);
	flow_free(flow);
	return report ? http_json(r, 200, report) : http_problem(r, 503, "Out of memory", "try again");
}

enum http_result api_flow_simulate(struct http_request *r)
{
	return http_work(r, simulate);
}

/* ---- replay ---- */

const struct field api_replay_fields[] = {
	{"call_id", FIELD_STRING, FIELD_REQUIRED, .max = 40, .help = "The call log id of a call that ran a call flow."},
	{"version", FIELD_INTEGER, .min = 1, .max = 1000000000, .help = "A published version; empty: the draft."},
	{"document", FIELD_ANY, .help = "A flow document to be run instead of the draft."},
	{0},
};

static json_t *read_trace(struct http_request *r, const char *call_id)
{
	json_t *trace = json_array();
	struct store_rows *rows = store_query(http_reader(r), "SELECT entries FROM call_trace WHERE call_id = $1 AND organization_id = $2 ORDER BY piece", "ss", call_id, r->organization->id);
	for (size_t i = 0; i < rows_count(rows); i++) {
		json_t *piece = json_loads(rows_text(rows, i, 0), 0, NULL);
		json_array_extend(trace, piece);
		json_decref(piece);
	}
	rows_free(rows);
	return trace;
}

static json_t *call_json(const struct call_log *log)
{
	char started[RFC3339_SIZE], answered[RFC3339_SIZE];
	return json_pack("{s:s, s:s, s:s, s:s, s:s*}", "id", log->id, "caller_id", log->caller_id, "number", log->number, "started_at", clock_rfc3339(log->started_ms, started),
			 "answered_at", log->answered_ms ? clock_rfc3339(log->answered_ms, answered) : NULL);
}

static enum http_result replay(struct http_request *r)
{
	struct errors errors = {0};
	struct script_budget budget;
	struct schema_context context = {0};
	struct call_log log;
	bool failed;
	json_t *body = http_body_object(r);
	if (!body)
		return HTTP_REPLY;
	schema_check(api_replay_fields, body, "", &context, &errors);
	if (errors_any(&errors))
		return http_invalid(r, &errors);
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	if (!store_call_read(conn, r->organization->id, json_string_value(json_object_get(body, "call_id")), &r->arena, &log, &failed))
		errors_add(&errors, "/call_id", "there is no such call");
	else if (strcmp(log.execution_mode, "call_flow") != 0)
		errors_add(&errors, "/call_id", "this call ran a routing plan: it has no trace to be replayed");
	if (errors_any(&errors))
		return http_invalid(r, &errors);
	script_budget_begin(&budget, r->config->scripts, r->organization->id);
	struct flow *flow = find_flow(r, body, &budget);
	if (!flow)
		return HTTP_REPLY;
	const struct organization *held;
	struct value call[CALL_FIELD_COUNT] = {0};
	api_number_fields(r, log.number, call, &held);
	set_text(call, CALL_CAMPAIGN_ID, log.campaign_id);
	struct flow_world world = world_of(r, flow, call, &budget);
	json_t *about = call_json(&log), *trace = read_trace(r, log.id), *report = flow_replay(&world, about, trace);
	json_decref(about);
	json_decref(trace);
	organization_release(held);
	flow_free(flow);
	return report ? http_json(r, 200, report) : http_problem(r, 503, "Out of memory", "try again");
}

enum http_result api_flow_replay(struct http_request *r)
{
	return http_work(r, replay);
}
