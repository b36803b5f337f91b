#include "test.h"
#include "flow/flow.h"
#include <stdio.h>

/* tag 0: state, tag 1: zip */
static int find_tag(void *arg, const char *name, size_t len)
{
	(void)arg;
	return len == 5 && memcmp(name, "state", 5) == 0 ? 0 : len == 3 && memcmp(name, "zip", 3) == 0 ? 1 : -1;
}

static const char *tag_name(void *arg, size_t slot)
{
	(void)arg;
	return slot ? "zip" : "state";
}

/* Code with a '!' is wrong. */
static bool check_script(void *arg, const char *code, struct error *why)
{
	(void)arg;
	return !strchr(code, '!') || error_set(why, "SyntaxError: Unexpected token '!' (line 1, column %d)", (int)(strchr(code, '!') - code) + 1);
}

static const struct flow_scripts scripts = {check_script, NULL, NULL};
static const struct flow_context context = {.tag = find_tag, .tag_count = 2, .tag_name = tag_name, .scripts = &scripts};

struct run {
	struct arena arena;
	struct expr_env env;
	struct value tags[2], call[CALL_FIELD_COUNT];
	struct flow *flow;
	struct flow_state state;
	struct flow_effects out;
};

static struct flow *compile(const char *nodes, const char *edges, const char *rest, json_t *problems)
{
	char text[8000];
	snprintf(text, sizeof text, "{\"nodes\":[{\"id\":\"s\",\"type\":\"start\"}%s],\"edges\":[%s]%s}", nodes, edges, rest);
	json_t *doc = json_loads(text, 0, NULL);
	assert_non_null(doc);
	struct flow *f = flow_compile(doc, &context, problems);
	json_decref(doc);
	return f;
}

static enum flow_result begin(struct run *r, const char *nodes, const char *edges, const char *rest)
{
	memset(r, 0, sizeof *r);
	r->flow = compile(nodes, edges, rest, NULL);
	assert_non_null(r->flow);
	r->env = (struct expr_env){.tags = r->tags, .tag_count = 2, .call = r->call};
	assert_true(flow_state_init(&r->state, r->flow, &r->arena, &r->env, r->tags));
	return flow_step(&r->state, &(struct flow_input){.kind = FLOW_INPUT_START}, 1000, &r->out);
}

static void end(struct run *r)
{
	flow_free(r->flow);
	arena_free(&r->arena);
}

static const struct flow_effect *find(const struct run *r, enum flow_effect_kind kind)
{
	for (size_t i = 0; i < r->out.count; i++)
		if (r->out.list[i].kind == kind)
			return &r->out.list[i];
	return NULL;
}

static bool has_problem(const char *nodes, const char *edges, const char *code)
{
	json_t *problems = json_array(), *p;
	size_t i;
	bool found = false;
	flow_free(compile(nodes, edges, "", problems));
	json_array_foreach(problems, i, p)
		found |= strcmp(json_string_value(json_object_get(p, "code")), code) == 0;
	json_decref(problems);
	return found;
}

#define MENU ",{\"id\":\"m\",\"type\":\"menu\",\"config\":{\"prompt\":{\"text\":\"hi\"},\"tries\":2,\"options\":[{\"key\":\"1\",\"port\":\"one\"}]}}"
#define HTTP ",{\"id\":\"r\",\"type\":\"http_request\",\"config\":{\"method\":\"POST\",\"url\":\"http://crm/?c=[state|a b]\",\"body\":\"{\\\"s\\\":[state]}\",\"save\":[{\"pointer\":\"/lead/state\",\"tag\":\"state\"},{\"pointer\":\"/lead/id\",\"variable\":\"lead\"}]}}"
#define HANGUP ",{\"id\":\"h\",\"type\":\"hangup\",\"config\":{\"cause\":\"busy\"}}"

static struct flow_input digits(const char *text)
{
	return (struct flow_input){.kind = FLOW_INPUT_DIGITS, .u.digits.text = text};
}

static void test_menu_goes_by_the_key_and_asks_again(void **state)
{
	struct run r;
	struct flow_input none = digits(""), one = digits("1");
	(void)state;
	assert_int_equal(begin(&r, MENU HANGUP, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"m\"},{\"from\":\"m\",\"port\":\"one\",\"to\":\"h\"}", ""), FLOW_OK);
	assert_string_equal(find(&r, FLOW_EFFECT_COLLECT)->u.collect.prompt.text, "hi");
	assert_int_equal(flow_step(&r.state, &none, 2000, &r.out), FLOW_OK);
	assert_non_null(find(&r, FLOW_EFFECT_COLLECT));
	assert_int_equal(flow_step(&r.state, &one, 3000, &r.out), FLOW_FINISHED);
	assert_string_equal(find(&r, FLOW_EFFECT_HANGUP)->u.hangup.cause, "busy");
	assert_int_equal(flow_step(&r.state, &one, 4000, &r.out), FLOW_ERR_INPUT);
	end(&r);
}

static void test_menu_leaves_by_no_input_and_invalid(void **state)
{
	static const char *const keys[] = {"", "9"}, *const ports[] = {"no_input", "invalid"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct run r;
		struct flow_input in = digits(keys[i]);
		(void)!begin(&r, MENU, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"m\"}", "");
		(void)!flow_step(&r.state, &in, 2000, &r.out);
		assert_int_equal(flow_step(&r.state, &in, 3000, &r.out), FLOW_FINISHED);
		const struct flow_effect *t = find(&r, FLOW_EFFECT_TRACE);
		assert_string_equal(flow_port_name(r.flow, t->node, (unsigned)t->u.trace.port), ports[i]);
		end(&r);
	}
}

static void test_gather_keeps_fitting_digits(void **state)
{
	struct run r;
	struct flow_input bad = digits("12"), good = digits("78701");
	(void)state;
	(void)!begin(&r, ",{\"id\":\"g\",\"type\":\"gather\",\"config\":{\"min_digits\":5,\"max_digits\":5,\"pattern\":\"7[0-9]+\",\"save_to\":{\"tag\":\"zip\"}}}", "{\"from\":\"s\",\"port\":\"next\",\"to\":\"g\"}", "");
	assert_int_equal(flow_step(&r.state, &bad, 2000, &r.out), FLOW_OK);
	assert_int_equal(flow_step(&r.state, &good, 3000, &r.out), FLOW_FINISHED);
	assert_string_equal(r.tags[1].text, "78701");
	assert_int_equal(find(&r, FLOW_EFFECT_SET_TAG)->u.tag.slot, 1);
	end(&r);
}

static void test_condition_takes_the_first_true_branch(void **state)
{
	struct run r;
	(void)state;
	(void)!begin(&r, ",{\"id\":\"t\",\"type\":\"set_tag\",\"config\":{\"assignments\":[{\"tag\":\"state\",\"value\":\"TX\"}]}},{\"id\":\"c\",\"type\":\"condition\",\"config\":{\"branches\":[{\"port\":\"ok\",\"filter\":{\"rules\":[{\"field\":\"tag.state\",\"op\":\"equals\",\"value\":\"OK\"}]}},{\"port\":\"tx\",\"filter\":{\"rules\":[{\"field\":\"tag.state\",\"op\":\"equals\",\"value\":\"TX\"}]}}]}}" HANGUP,
		     "{\"from\":\"s\",\"port\":\"next\",\"to\":\"t\"},{\"from\":\"t\",\"port\":\"next\",\"to\":\"c\"},{\"from\":\"c\",\"port\":\"tx\",\"to\":\"h\"}", "");
	assert_string_equal(find(&r, FLOW_EFFECT_HANGUP)->u.hangup.cause, "busy");
	end(&r);
}


/* Which way a call with this id and caller goes through split "x", 70 to 30. */
static const char *split_way(const char *call_id, const char *caller, bool sticky)
{
	static struct run r;
	char node[200];
	snprintf(node, sizeof node, ",{\"id\":\"x\",\"type\":\"split\",\"config\":{\"sticky\":%s,\"shares\":[{\"port\":\"a\",\"weight\":70},{\"port\":\"none\",\"weight\":0},{\"port\":\"b\",\"weight\":30}]}}", sticky ? "true" : "false");
	memset(&r, 0, sizeof r);
	r.flow = compile(node, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"x\"}", "", NULL);
	assert_non_null(r.flow);
	r.call[CALL_ID] = value_string(call_id, strlen(call_id));
	r.call[CALL_CALLER_ID] = value_string(caller, strlen(caller));
	r.env = (struct expr_env){.tags = r.tags, .tag_count = 2, .call = r.call};
	assert_true(flow_state_init(&r.state, r.flow, &r.arena, &r.env, r.tags));
	assert_int_equal(flow_step(&r.state, &(struct flow_input){.kind = FLOW_INPUT_START}, 1000, &r.out), FLOW_FINISHED);
	const struct flow_effect *e = &r.out.list[1];
	assert_int_equal(e->kind, FLOW_EFFECT_TRACE);
	static char way[8];
	snprintf(way, sizeof way, "%s", flow_port_name(r.flow, e->node, (unsigned)e->u.trace.port));
	end(&r);
	return way;
}

static void test_split_keeps_the_weights_and_a_sticky_caller(void **state)
{
	int a = 0;
	char id[40], caller[20];
	(void)state;
	for (int i = 0; i < 2000; i++) {
		snprintf(id, sizeof id, "call_%d", i);
		const char *way = split_way(id, "+15125550100", false);
		assert_true(*way == 'a' || *way == 'b');
		a += *way == 'a';
	}
	assert_in_range(a, 1300, 1500); /* 1400, and five times its standard deviation */
	for (int i = 0; i < 20; i++) {
		snprintf(caller, sizeof caller, "+1512555%04d", i);
		char first = *split_way("call_1", caller, true);
		assert_int_equal(*split_way("call_2", caller, true), first);
	}
}

static const char *hours_way(const char *weekly, const char *holidays, const char *callers_zone, const char **detail)
{
	static struct run r;
	char node[600];
	snprintf(node, sizeof node, ",{\"id\":\"b\",\"type\":\"business_hours\",\"config\":{\"callers_time_zone\":%s,\"schedule\":{\"time_zone\":\"America/New_York\",\"weekly\":[%s],\"holidays\":[%s]}}}", callers_zone ? "true" : "false", weekly, holidays);
	memset(&r, 0, sizeof r);
	r.flow = compile(node, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"b\"}", "", NULL);
	assert_non_null(r.flow);
	r.env = (struct expr_env){.tags = r.tags, .tag_count = 2, .call = r.call, .zone = callers_zone ? zone_find(callers_zone) : NULL};
	assert_true(flow_state_init(&r.state, r.flow, &r.arena, &r.env, r.tags));
	assert_int_equal(flow_step(&r.state, &(struct flow_input){.kind = FLOW_INPUT_START}, 1795442400000, &r.out), FLOW_FINISHED); /* Mon 2026-11-23 14:00 UTC */
	const struct flow_effect *e = &r.out.list[1];
	static char way[12], said[80];
	snprintf(way, sizeof way, "%s", flow_port_name(r.flow, e->node, (unsigned)e->u.trace.port));
	snprintf(said, sizeof said, "%s", e->u.trace.detail);
	*detail = said;
	end(&r);
	return way;
}

static void test_business_hours_leave_open_closed_and_holiday(void **state)
{
	const char *said, *mornings = "{\"day\":\"mon\",\"open\":\"09:00\",\"close\":\"12:00\"}";
	(void)state;
	assert_string_equal(hours_way(mornings, "", NULL, &said), "open");
	assert_string_equal(said, "Mon 09:00 in America/New_York");
	assert_string_equal(hours_way(mornings, "", "America/Chicago", &said), "closed");
	assert_string_equal(said, "Mon 08:00 in America/Chicago");
	assert_string_equal(hours_way(mornings, "", "", &said), "open"); /* a caller of no known zone */
	assert_string_equal(hours_way("", "", NULL, &said), "closed");
	assert_string_equal(hours_way(mornings, "{\"date\":\"2026-11-23\",\"name\":\"Opening day\"}", NULL, &said), "holiday");
	assert_string_equal(said, "Mon 09:00 in America/New_York: Opening day");
	assert_true(has_problem(",{\"id\":\"b\",\"type\":\"business_hours\",\"config\":{\"schedule\":{\"time_zone\":\"Mars/Olympus\",\"weekly\":[]}}}", "", "config"));
	assert_true(has_problem(",{\"id\":\"b\",\"type\":\"business_hours\",\"config\":{\"schedule\":{\"time_zone\":\"UTC\",\"weekly\":[{\"day\":\"mon\",\"open\":\" 9:00\",\"close\":\"12:00\"}]}}}", "", "config"));
	assert_true(has_problem(",{\"id\":\"b\",\"type\":\"business_hours\",\"config\":{\"schedule\":{\"time_zone\":\"UTC\",\"weekly\":[]}}}", "", "never_open"));
	assert_true(has_problem(
		",{\"id\":\"b\",\"type\":\"business_hours\",\"config\":{\"schedule\":{"
		"\"time_zone\":\"UTC\","
		"\"weekly\":[{\"day\":\"mon\",\"open\":\"09:00\",\"close\":\"12:00\"}],"
		"\"holidays\":[{\"date\":\"2026-11-23\",\"close\":\"12:00\"}]}}}", "", "config"));
}

static void test_variables_are_set_and_written_by_debug(void **state)
{
	struct run r;
	(void)state;
	enum flow_result result = begin(&r,
		",{\"id\":\"v\",\"type\":\"set_variable\",\"config\":{\"assignments\":[{\"variable\":\"who\",\"value\":\"Ann\"},{\"variable\":\"line\",\"value\":\"[who] calls\"}]}}"
		",{\"id\":\"d\",\"type\":\"debug\",\"config\":{\"message\":\"seen: [line] [who|nobody]\"}}",
		"{\"from\":\"s\",\"port\":\"next\",\"to\":\"v\"},{\"from\":\"v\",\"port\":\"next\",\"to\":\"d\"}", "");
	assert_int_equal(result, FLOW_FINISHED);
	bool seen = false;
	for (size_t i = 0; i < r.out.count; i++)
		if (r.out.list[i].kind == FLOW_EFFECT_TRACE && r.out.list[i].u.trace.detail)
			seen |= strcmp(r.out.list[i].u.trace.detail, "seen: Ann calls Ann") == 0;
	assert_true(seen);
	assert_null(find(&r, FLOW_EFFECT_SET_TAG));
	end(&r);
}

static void test_go_to_goes_on_at_the_node_it_names(void **state)
{
	struct run r;
	(void)state;
	assert_int_equal(begin(&r, ",{\"id\":\"g\",\"type\":\"go_to\",\"config\":{\"node\":\"h\"}}" HANGUP, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"g\"}", ""), FLOW_FINISHED);
	assert_non_null(find(&r, FLOW_EFFECT_HANGUP));
	assert_string_equal(find(&r, FLOW_EFFECT_HANGUP)->u.hangup.cause, "busy");
	end(&r);
	assert_true(has_problem(",{\"id\":\"g\",\"type\":\"go_to\",\"config\":{\"node\":\"nowhere\"}}", "{\"from\":\"s\",\"port\":\"next\",\"to\":\"g\"}", "go_to"));
	assert_true(has_problem(",{\"id\":\"g\",\"type\":\"go_to\",\"config\":{\"node\":\"g\"}}", "{\"from\":\"s\",\"port\":\"next\",\"to\":\"g\"}", "loop"));
}

static struct flow *inner;
static int depth_seen;

static const struct flow *find_inner(void *arg, const char *id)
{
	(void)arg;
	return strcmp(id, "flow_inner") == 0 ? inner : NULL;
}

/* Runs an outer flow whose node c runs `nodes` as a flow of its own; answers the way c was left by ("" when it was not). */
static const char *within(const char *nodes, const char *edges, const char *rest, const char *id, struct run *r)
{
	static char way[16];
	char call[200];
	inner = compile(nodes, edges, rest, NULL);
	assert_non_null(inner);
	memset(r, 0, sizeof *r);
	snprintf(call, sizeof call, ",{\"id\":\"v\",\"type\":\"set_variable\",\"config\":{\"assignments\":[{\"variable\":\"Who\",\"value\":\"Ann\"},{\"variable\":\"a\",\"value\":\"mine\"}]}},{\"id\":\"c\",\"type\":\"call_flow\",\"config\":{\"call_flow_id\":\"%s\"}}", id);
	r->flow = compile(call, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"v\"},{\"from\":\"v\",\"port\":\"next\",\"to\":\"c\"}", "", NULL);
	assert_non_null(r->flow);
	r->env = (struct expr_env){.tags = r->tags, .tag_count = 2, .call = r->call};
	assert_true(flow_state_init(&r->state, r->flow, &r->arena, &r->env, r->tags));
	r->state.find = find_inner;
	struct flow_input in = {.kind = FLOW_INPUT_START};
	way[0] = '\0';
	depth_seen = 0;
	for (enum flow_result result = FLOW_MORE; result == FLOW_MORE; in.kind = FLOW_INPUT_CONTINUE) {
		result = flow_step(&r->state, &in, 1000, &r->out);
		for (size_t i = 0; i < r->out.count; i++) {
			const struct flow_effect *e = &r->out.list[i];
			depth_seen = e->depth > depth_seen ? e->depth : depth_seen;
			if (e->kind == FLOW_EFFECT_TRACE && e->flow == r->flow && strcmp(flow_node_id(e->flow, e->node), "c") == 0)
				snprintf(way, sizeof way, "%s", flow_port_name(e->flow, e->node, (unsigned)e->u.trace.port));
		}
	}
	return way;
}

static void test_a_flow_within_a_flow_comes_back_with_shared_variables(void **state)
{
	struct run r;
	const char *set = ",{\"id\":\"i\",\"type\":\"set_variable\",\"config\":{\"assignments\":[{\"variable\":\"who\",\"value\":\"[who] Lee\"},{\"variable\":\"b\",\"value\":\"[a|its own]\"}]}}", *edge = "{\"from\":\"s\",\"port\":\"next\",\"to\":\"i\"}";
	(void)state;
	assert_null(compile(set, edge, "", NULL)); /* [a] is nothing in there */
	set = ",{\"id\":\"i\",\"type\":\"set_variable\",\"config\":{\"assignments\":[{\"variable\":\"who\",\"value\":\"[who] Lee\"},{\"variable\":\"b\",\"value\":\"x\"}]}}";
	assert_string_equal(within(set, edge, "", "flow_inner", &r), "next");
	assert_int_equal(depth_seen, 1);
	assert_int_equal(flow_variable_count(r.flow), 2);
	assert_string_equal(r.state.variables[0].text, "mine");
	assert_string_equal(r.state.variables[1].text, "Ann Lee");
	assert_true(r.state.finished);
	flow_free(inner);
	end(&r);
	assert_string_equal(within(HANGUP, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"h\"}", "", "flow_inner", &r), ""); /* the call is over */
	assert_true(r.state.finished);
	flow_free(inner);
	end(&r);
	assert_string_equal(within("", "", "", "flow_none", &r), "failed");
	flow_free(inner);
	end(&r);
	/* it runs itself, down to the limit, and every level fails upwards */
	assert_string_equal(within(",{\"id\":\"c\",\"type\":\"call_flow\",\"config\":{\"call_flow_id\":\"flow_inner\"}}", "{\"from\":\"s\",\"port\":\"next\",\"to\":\"c\"}", "", "flow_inner", &r), "failed");
	assert_int_equal(depth_seen, FLOW_DEPTH_MAX);
	assert_int_equal(r.state.depth, 0);
	flow_free(inner);
	end(&r);
}

static void test_a_failure_within_a_flow_runs_its_fallback_or_fails_it(void **state)
{
	struct run r;
	struct flow_input failed = {.kind = FLOW_INPUT_HTTP, .u.http = {HTTP_FAILED, 0, "", 0, "x"}}, over = {.kind = FLOW_INPUT_DIAL_ENDED, .u.dial = DIAL_COMPLETED};
	(void)state;
	assert_string_equal(within(HTTP, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"r\"}", "", "flow_inner", &r), "");
	assert_int_equal(flow_step(&r.state, &failed, 2000, &r.out), FLOW_FINISHED);
	const struct flow_effect *last = &r.out.list[r.out.count - 2];
	assert_int_equal(last->depth, 0);
	assert_string_equal(flow_port_name(last->flow, last->node, (unsigned)last->u.trace.port), "failed");
	flow_free(inner);
	end(&r);
	(void)within(HTTP, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"r\"}", ",\"fallback\":{\"routing_plan_id\":\"pln_1\"}", "flow_inner", &r);
	assert_int_equal(flow_step(&r.state, &failed, 2000, &r.out), FLOW_OK);
	assert_string_equal(find(&r, FLOW_EFFECT_DIAL)->u.dial.routing_plan_id, "pln_1");
	assert_int_equal(flow_step(&r.state, &over, 3000, &r.out), FLOW_FINISHED);
	flow_free(inner);
	end(&r);
}

static void test_wait_plays_for_its_time_and_goes_on(void **state)
{
	struct run r;
	(void)state;
	(void)!begin(&r, ",{\"id\":\"w\",\"type\":\"wait\",\"config\":{\"seconds\":7,\"prompt\":{\"text\":\"Hold.\"}}}" HANGUP, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"w\"},{\"from\":\"w\",\"port\":\"next\",\"to\":\"h\"}", "");
	const struct flow_effect *e = find(&r, FLOW_EFFECT_PLAY);
	assert_int_equal(e->u.play.for_ms, 7000);
	assert_string_equal(e->u.play.prompt.text, "Hold.");
	assert_int_equal(flow_step(&r.state, &(struct flow_input){.kind = FLOW_INPUT_PLAYED, .u.played_ok = false}, 9000, &r.out), FLOW_FINISHED);
	assert_non_null(find(&r, FLOW_EFFECT_HANGUP));
	end(&r);
}

static void test_events_and_outcomes_are_told_with_their_values(void **state)
{
	struct run r;
	(void)state;
	(void)!begin(&r, ",{\"id\":\"v\",\"type\":\"set_variable\",\"config\":{\"assignments\":[{\"variable\":\"bid\",\"value\":\"12.5\"},{\"variable\":\"quote\",\"value\":\"say \\\"hi\\\"\"}]}}"
		     ",{\"id\":\"e\",\"type\":\"send_event\",\"config\":{\"name\":\"lead\",\"fields\":[{\"name\":\"bid\",\"value\":\"[bid]\"},{\"name\":\"text\",\"value\":\"[quote]\"}]}}"
		     ",{\"id\":\"o\",\"type\":\"set_outcome\",\"config\":{\"converted\":true,\"revenue\":\"[bid]\",\"payout\":\"[quote]\",\"disposition\":\"sold\"}}",
		     "{\"from\":\"s\",\"port\":\"next\",\"to\":\"v\"},{\"from\":\"v\",\"port\":\"next\",\"to\":\"e\"},{\"from\":\"e\",\"port\":\"next\",\"to\":\"o\"}", "");
	const struct flow_effect *e = find(&r, FLOW_EFFECT_EVENT), *o = find(&r, FLOW_EFFECT_OUTCOME);
	assert_string_equal(e->u.event.name, "lead");
	assert_string_equal(e->u.event.fields, "{\"bid\":\"12.5\",\"text\":\"say \\\"hi\\\"\"}");
	assert_int_equal(o->u.outcome.converted, 1);
	assert_int_equal(o->u.outcome.revenue_micros, 12500000);
	assert_int_equal(o->u.outcome.payout_micros, -1); /* no amount: told in the trace, and left */
	assert_string_equal(o->u.outcome.disposition, "sold");
	assert_non_null(strstr(r.out.list[r.out.count - 2].u.trace.detail, "is no amount"));
	end(&r);
	assert_true(has_problem(",{\"id\":\"o\",\"type\":\"set_outcome\",\"config\":{}}", "{\"from\":\"s\",\"port\":\"next\",\"to\":\"o\"}", "outcome"));
}

static void test_http_request_saves_parts_of_the_answer(void **state)
{
	struct run r;
	const char *body = "{\"lead\":{\"state\":\"TX\",\"id\":7}}";
	struct flow_input in = {.kind = FLOW_INPUT_HTTP, .u.http = {HTTP_ANSWERED, 200, body, strlen(body), NULL}};
	(void)state;
	(void)!begin(&r, HTTP, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"r\"}", "");
	assert_string_equal(find(&r, FLOW_EFFECT_HTTP)->u.http.url, "http://crm/?c=a%20b");
	assert_string_equal(find(&r, FLOW_EFFECT_HTTP)->u.http.body, "{\"s\":null}");
	assert_int_equal(flow_step(&r.state, &in, 2000, &r.out), FLOW_FINISHED);
	assert_string_equal(r.tags[0].text, "TX");
	assert_int_equal((int)r.state.variables[0].number, 7);
	end(&r);
}

static const char *trace_of_answer(struct run *r, const char *body)
{
	struct flow_input in = {.kind = FLOW_INPUT_HTTP,
		.u.http = {.result = HTTP_ANSWERED, .status = 200, .body = body, .body_len = strlen(body)}};
	(void)!begin(r, HTTP, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"r\"}", "");
	assert_int_equal(flow_step(&r->state, &in, 2000, &r->out), FLOW_FINISHED);
	return find(r, FLOW_EFFECT_TRACE)->u.trace.detail;
}

static void test_http_request_says_what_cannot_be_read(void **state)
{
	struct run r;
	(void)state;
	assert_string_equal(trace_of_answer(&r, "\xef\xbb\xbf{\"lead\":{\"state\":\"TX\",\"id\":7}}"),
		"status 200, 2 of 2 values saved");
	assert_string_equal(r.tags[0].text, "TX");
	end(&r);
	assert_string_equal(trace_of_answer(&r, "{\"lead\":{\"state\":\"\\ud83d\",\"id\":98765432109876543210}}"),
		"status 200, 2 of 2 values saved");
	assert_string_equal(r.tags[0].text, "\xef\xbf\xbd");
	assert_string_equal(r.state.variables[0].text, "98765432109876543210");
	end(&r);
	assert_string_equal(trace_of_answer(&r, "{\"lead\":{\"id\":7}}"),
		"status 200, 1 of 2 values saved; not in the answer: /lead/state");
	end(&r);
	assert_non_null(strstr(trace_of_answer(&r, "<html>no</html>"),
		"status 200, 0 of 2 values saved: the answer is not JSON: "));
	end(&r);
}

static void test_http_request_is_sent_again_where_it_may_go_better(void **state)
{
	struct run r;
	const char *body = "{\"lead\":{\"state\":\"TX\"}}";
	struct flow_input busy = {.kind = FLOW_INPUT_HTTP, .u.http = {HTTP_ANSWERED, 503, "", 0, NULL}}, down = {.kind = FLOW_INPUT_HTTP, .u.http = {HTTP_TIMED_OUT, 0, "", 0, NULL}};
	struct flow_input good = {.kind = FLOW_INPUT_HTTP, .u.http = {HTTP_ANSWERED, 200, body, strlen(body), NULL}}, no = {.kind = FLOW_INPUT_HTTP, .u.http = {HTTP_ANSWERED, 404, "", 0, NULL}};
	const char *node = ",{\"id\":\"r\",\"type\":\"http_request\",\"config\":{\"url\":\"http://crm/\",\"retries\":2,\"save\":[{\"pointer\":\"/lead/state\",\"tag\":\"state\"}]}}", *edge = "{\"from\":\"s\",\"port\":\"next\",\"to\":\"r\"}";
	(void)state;
	(void)!begin(&r, node, edge, "");
	assert_int_equal(flow_step(&r.state, &busy, 2000, &r.out), FLOW_OK);
	assert_non_null(find(&r, FLOW_EFFECT_HTTP));
	assert_int_equal(flow_step(&r.state, &down, 3000, &r.out), FLOW_OK);
	assert_int_equal(flow_step(&r.state, &good, 4000, &r.out), FLOW_FINISHED);
	assert_string_equal(r.tags[0].text, "TX");
	end(&r);
	(void)!begin(&r, node, edge, "");
	(void)!flow_step(&r.state, &busy, 2000, &r.out);
	(void)!flow_step(&r.state, &busy, 3000, &r.out);
	assert_int_equal(flow_step(&r.state, &down, 4000, &r.out), FLOW_FINISHED);
	assert_string_equal(flow_port_name(r.flow, find(&r, FLOW_EFFECT_TRACE)->node, (unsigned)find(&r, FLOW_EFFECT_TRACE)->u.trace.port), "timeout");
	end(&r);
	(void)!begin(&r, node, edge, "");
	assert_int_equal(flow_step(&r.state, &no, 2000, &r.out), FLOW_FINISHED); /* it was understood */
	end(&r);
}

#define SCRIPT ",{\"id\":\"j\",\"type\":\"javascript\",\"config\":{\"code\":\"return {}\",\"ports\":[\"good\"],\"variables\":[\"tier\"]}}"

/* How the script's node is left when it returns that, or fails for that reason; detail: what the trace says. */
static const char *script_port(struct run *r, const char *result, const char *error, const char *log, const char **detail)
{
	if (r->flow)
		end(r);
	(void)!begin(r, SCRIPT, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"j\"}", "");
	struct flow_input in = {.kind = FLOW_INPUT_SCRIPT, .u.script = {result != NULL, result, log, error}};
	assert_int_equal(flow_step(&r->state, &in, 2000, &r->out), FLOW_FINISHED);
	const struct flow_effect *t = find(r, FLOW_EFFECT_TRACE);
	*detail = t->u.trace.detail ? t->u.trace.detail : "";
	return flow_port_name(r->flow, t->node, (unsigned)t->u.trace.port);
}

static void test_javascript_returns_a_port_and_values(void **state)
{
	struct run r;
	const char *detail;
	(void)state;
	memset(&r, 0, sizeof r);
	assert_int_equal(begin(&r, SCRIPT, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"j\"}", ""), FLOW_OK);
	const struct flow_script *s = &find(&r, FLOW_EFFECT_SCRIPT)->u.script;
	assert_string_equal(s->code, "return {}");
	assert_int_equal(s->timeout_ms, 1000);
	json_t *given = json_loads(s->arguments, 0, NULL);
	assert_true(json_is_object(json_object_get(given, "call")) && json_is_object(json_object_get(given, "tags")) && json_is_object(json_object_get(given, "vars")) && json_is_object(json_object_get(given, "number")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(given, "time"), "now")), "1970-01-01T00:00:01.000Z");
	json_decref(given);
	assert_string_equal(script_port(&r, "{}", NULL, NULL, &detail), "next");
	assert_string_equal(detail, "");
	assert_string_equal(script_port(&r, "{\"port\":\"good\",\"tags\":{\"State\":\"TX\",\"zip\":null},\"vars\":{\"tier\":{\"a\":[1]}}}", NULL, "one\ntwo", &detail), "good");
	assert_string_equal(detail, "one\ntwo");
	assert_string_equal(r.tags[0].text, "TX");
	assert_int_equal(r.tags[1].kind, VALUE_NONE);
	assert_string_equal(r.state.variables[0].text, "{\"a\":[1]}");
	end(&r);
}

static void test_javascript_errors_say_what_to_do(void **state)
{
	static const struct {
		const char *result, *error, *detail;
	} wrong[] = {
		{NULL, "TypeError: x (line 1, column 2)", "TypeError: x (line 1, column 2)"}, {NULL, NULL, "could not be run"}, {"[]", NULL, "returns an object"}, {"nonsense", NULL, "returns an object"},
		{"{\"prot\":\"good\"}", NULL, "not prot"}, {"{\"port\":\"bad\"}", NULL, "has no port bad"}, {"{\"port\":5}", NULL, "must be a text"}, {"{\"tags\":{\"nope\":1}}", NULL, "no tag named nope"},
		{"{\"tags\":[]}", NULL, "tags must be"}, {"{\"vars\":5}", NULL, "vars must be"}, {"{\"tags\":{\"state\":\"TX\"},\"vars\":{\"nope\":1}}", NULL, "variable nope is unknown"},
	};
	struct run r;
	const char *detail;
	(void)state;
	memset(&r, 0, sizeof r);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_string_equal(script_port(&r, wrong[i].result, wrong[i].error, NULL, &detail), "error");
		assert_non_null(strstr(detail, wrong[i].detail));
		assert_int_equal(r.tags[0].kind, VALUE_NONE); /* all or nothing */
	}
	assert_string_equal(script_port(&r, NULL, "Error: late", "said", &detail), "error");
	assert_string_equal(detail, "Error: late\nsaid");
	end(&r);
	assert_true(has_problem(",{\"id\":\"j\",\"type\":\"javascript\",\"config\":{\"code\":\"let !\"}}", "{\"from\":\"s\",\"port\":\"next\",\"to\":\"j\"}", "script"));
	assert_true(has_problem(",{\"id\":\"j\",\"type\":\"javascript\",\"config\":{\"code\":\"x\",\"ports\":[\"error\"]}}", "{\"from\":\"s\",\"port\":\"next\",\"to\":\"j\"}", "port_name"));
}

static void test_unconnected_failure_port_runs_the_fallback(void **state)
{
	struct run r;
	struct flow_input in = {.kind = FLOW_INPUT_HTTP, .u.http = {HTTP_TIMED_OUT, 0, "", 0, NULL}}, over = {.kind = FLOW_INPUT_DIAL_ENDED, .u.dial = DIAL_COMPLETED};
	(void)state;
	(void)!begin(&r, HTTP, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"r\"}", ",\"fallback\":{\"routing_plan_id\":\"pln_1\"}");
	assert_int_equal(flow_step(&r.state, &in, 2000, &r.out), FLOW_OK);
	assert_string_equal(find(&r, FLOW_EFFECT_DIAL)->u.dial.routing_plan_id, "pln_1");
	assert_int_equal(flow_step(&r.state, &over, 3000, &r.out), FLOW_FINISHED);
	end(&r);
}

static void test_dial_leaves_by_its_outcome(void **state)
{
	static const char *const ports[] = {"completed", "no_answer", "busy", "failed", "no_target"};
	(void)state;
	for (int o = DIAL_COMPLETED; o <= DIAL_NO_TARGET; o++) {
		struct run r;
		struct flow_input in = {.kind = FLOW_INPUT_DIAL_ENDED, .u.dial = (enum flow_dial_outcome)o};
		(void)!begin(&r, ",{\"id\":\"d\",\"type\":\"dial\",\"config\":{\"to\":{\"routing_plan_id\":\"pln_1\"}}}", "{\"from\":\"s\",\"port\":\"next\",\"to\":\"d\"}", "");
		assert_int_equal(flow_step(&r.state, &in, 2000, &r.out), FLOW_FINISHED);
		const struct flow_effect *t = find(&r, FLOW_EFFECT_TRACE);
		assert_string_equal(flow_port_name(r.flow, t->node, (unsigned)t->u.trace.port), ports[o]);
		end(&r);
	}
}

/* The tags that examples name; only their being there matters. */
static int any_name(void *arg, const char *name, size_t len)
{
	static const char *const tags[] = {"score", "lead_score", "zip"};
	(void)arg;
	for (int i = 0; i < 3; i++)
		if (strlen(tags[i]) == len && memcmp(tags[i], name, len) == 0)
			return i;
	return -1;
}

static void test_every_node_type_has_an_example_that_compiles(void **state)
{
	static const struct flow_context names = {.tag = any_name, .tag_count = 3};
	json_t *types = flow_node_types_json(), *type;
	size_t i;
	(void)state;
	json_array_foreach(types, i, type) {
		json_t *problems = json_array(), *name = json_object_get(type, "type");
		bool start = strcmp(json_string_value(name), "start") == 0;
		json_t *doc = json_pack("{s:[{s:s, s:s}, {s:s, s:O, s:O}], s:[{s:s, s:s, s:s}]}", "nodes", "id", start ? "other" : "start", "type", start ? "hangup" : "start",
					"id", "x", "type", name, "config", json_object_get(type, "example"), "edges", "from", start ? "x" : "start", "port", "next", "to", start ? "other" : "x");
		struct flow *flow = flow_compile(doc, &names, problems);
		bool loop = strcmp(json_string_value(name), "go_to") == 0; /* start, and back to it */
		if (!flow && !loop)
			fail_msg("%s: %s", json_string_value(name), json_dumps(problems, JSON_COMPACT));
		flow_free(flow);
		json_decref(doc);
		json_decref(problems);
	}
	json_decref(types);
}

static void test_wrong_input_changes_nothing(void **state)
{
	struct run r;
	struct flow_input in = digits("1"), played = {.kind = FLOW_INPUT_PLAYED, .u.played_ok = true};
	(void)state;
	(void)!begin(&r, ",{\"id\":\"p\",\"type\":\"play\",\"config\":{\"prompt\":{\"text\":\"x\"}}}", "{\"from\":\"s\",\"port\":\"next\",\"to\":\"p\"}", "");
	assert_int_equal(flow_step(&r.state, &in, 2000, &r.out), FLOW_ERR_INPUT);
	assert_int_equal(flow_step(&r.state, &played, 3000, &r.out), FLOW_FINISHED);
	end(&r);
}

static void test_static_checks_find_what_is_wrong(void **state)
{
	(void)state;
	assert_true(has_problem(",{\"id\":\"x\",\"type\":\"nonsense\"}", "", "node_type"));
	assert_true(has_problem(",{\"id\":\"s\",\"type\":\"hangup\"}", "", "node_id"));
	assert_true(has_problem(",{\"id\":\"t\",\"type\":\"start\"}", "", "start"));
	assert_true(has_problem(HANGUP, "", "unreachable"));
	assert_true(has_problem("", "", "unconnected_port"));
	assert_true(has_problem("", "{\"from\":\"s\",\"port\":\"next\",\"to\":\"nowhere\"}", "edge"));
	assert_true(has_problem(HANGUP, "{\"from\":\"s\",\"port\":\"nope\",\"to\":\"h\"}", "edge"));
	assert_true(has_problem(",{\"id\":\"d\",\"type\":\"dial\",\"config\":{\"to\":{}}}", "", "dial_target"));
	assert_true(has_problem(",{\"id\":\"t\",\"type\":\"set_tag\",\"config\":{\"assignments\":[{\"tag\":\"nope\",\"value\":\"x\"}]}}", "", "unknown_tag"));
	assert_true(has_problem(",{\"id\":\"p\",\"type\":\"play\",\"config\":{\"prompt\":{\"text\":\"[nope]\"}}}", "", "unknown_token"));
	assert_true(has_problem(",{\"id\":\"t\",\"type\":\"set_tag\",\"config\":{\"assignments\":[{\"tag\":\"zip\",\"value\":\"x\"}]}}", "{\"from\":\"s\",\"port\":\"next\",\"to\":\"t\"},{\"from\":\"t\",\"port\":\"next\",\"to\":\"t\"}", "loop"));
	assert_false(has_problem(MENU, "{\"from\":\"s\",\"port\":\"next\",\"to\":\"m\"},{\"from\":\"m\",\"port\":\"one\",\"to\":\"m\"}", "loop"));
}

/* The first problem of this code. New reference; NULL: there is none. */
static json_t *problem(const char *nodes, const char *edges, const char *code)
{
	json_t *problems = json_array(), *found = NULL, *p;
	size_t i;
	flow_free(compile(nodes, edges, "", problems));
	json_array_foreach(problems, i, p)
		if (!found && strcmp(json_string_value(json_object_get(p, "code")), code) == 0)
			found = json_incref(p);
	json_decref(problems);
	return found;
}

/* There is such a problem, and this member of the first one contains the text. */
static void assert_problem(const char *nodes, const char *edges, const char *code,
			   const char *member, const char *text)
{
	json_t *p = problem(nodes, edges, code);
	assert_non_null(p);
	if (!strstr(json_string_value(json_object_get(p, member)), text))
		fail_msg("%s: %s", text, json_dumps(p, JSON_COMPACT));
	json_decref(p);
}

/* A menu of two options; the first has this label, the second none. */
static const char *labelled(const char *label)
{
	static char node[2000];
	snprintf(node, sizeof node, ",{\"id\":\"m\",\"type\":\"menu\",\"config\":{"
		 "\"prompt\":{\"text\":\"hi\"},\"options\":["
		 "{\"key\":\"1\",\"port\":\"option_1\",\"label\":\"%s\"},"
		 "{\"key\":\"2\",\"port\":\"two\"}]}}", label);
	return node;
}

#define TO_M "{\"from\":\"s\",\"port\":\"next\",\"to\":\"m\"}"
#define FROM_M(port) ",{\"from\":\"m\",\"port\":\"" port "\",\"to\":\"m\"}"
#define M_LOOPS FROM_M("option_1")

static void test_problems_name_a_port_by_its_label(void **state)
{
	(void)state;
	assert_problem(labelled("New York"), TO_M, "unconnected_port", "detail",
		       "port \"New York\" is not connected");
	assert_problem(labelled("New York"), TO_M M_LOOPS M_LOOPS, "edge", "detail",
		       "port \"New York\" has two edges");
	assert_problem(labelled("New York"), TO_M M_LOOPS, "unconnected_port", "detail",
		       "port \"two\" is not connected"); /* without a label: its id */
	assert_problem(labelled("  "), TO_M, "unconnected_port", "detail", "port \"option 1\" is not");
	/* edges go on to name the id */
	assert_problem(labelled("New York"), TO_M FROM_M("New York"), "edge", "detail",
		       "there is no port \"New York\": remove this edge");
	assert_problem(labelled("New York"), TO_M FROM_M("gone"), "edge", "pointer", "/edges/1");
}

static void test_every_list_that_makes_ports_takes_labels(void **state)
{
	static const char *const nodes[] = {
		",{\"id\":\"m\",\"type\":\"condition\",\"config\":{\"branches\":["
		"{\"port\":\"b\",\"label\":\"N\u00fcrnberg\",\"filter\":{\"rules\":[]}}]}}",
		",{\"id\":\"m\",\"type\":\"split\",\"config\":{\"shares\":["
		"{\"port\":\"b\",\"label\":\"N\u00fcrnberg\",\"weight\":1}]}}",
	};
	json_t *types = flow_node_types_json(), *type;
	size_t i;
	(void)state;
	for (i = 0; i < ARRAY_LEN(nodes); i++)
		assert_problem(nodes[i], TO_M, "unconnected_port", "detail", "\"N\u00fcrnberg\"");
	json_array_foreach(types, i, type) {
		const char *list = json_string_value(json_object_get(type, "ports_from"));
		json_t *schema = json_object_get(type, "config_schema"), *one = NULL;
		json_t *properties = json_object_get(schema, "properties");
		if (list)
			one = json_object_get(json_object_get(properties, list), "items");
		json_t *members = json_object_get(one, "properties");
		json_t *most = json_object_get(json_object_get(members, "label"), "maxLength");
		if (members)
			assert_int_equal(json_integer_value(most), 60);
	}
	json_decref(types);
}

static void test_a_label_has_at_most_60_characters_of_any_script(void **state)
{
	char text[400] = "";
	(void)state;
	for (int i = 0; i < 60; i++)
		strcat(text, "\xe6\x9d\xb1"); /* U+6771, three bytes */
	assert_null(problem(labelled(text), TO_M, "config"));
	assert_problem(labelled(text), TO_M, "unconnected_port", "detail", text);
	strcat(text, "x");
	assert_problem(labelled(text), TO_M, "config", "pointer",
		       "/nodes/1/config/options/0/label");
	assert_problem(labelled(text), TO_M, "config", "detail", "at most 60 characters");
}

static void test_options_that_share_a_port_have_its_first_label(void **state)
{
	static const char node[] =
		",{\"id\":\"m\",\"type\":\"menu\",\"config\":{"
		"\"prompt\":{\"text\":\"hi\"},\"options\":["
		"{\"key\":\"1\",\"port\":\"a\"},{\"key\":\"2\",\"port\":\"a\",\"label\":\"Sales\"},"
		"{\"key\":\"3\",\"port\":\"a\",\"label\":\"More\"}]}}";
	(void)state;
	assert_problem(node, TO_M, "unconnected_port", "detail", "port \"Sales\" is not connected");
}

static void test_a_port_named_like_an_own_one_is_pointed_at(void **state)
{
	(void)state;
	assert_problem(",{\"id\":\"m\",\"type\":\"split\",\"config\":{\"shares\":["
		       "{\"port\":\"a\",\"weight\":1}]}},"
		       "{\"id\":\"n\",\"type\":\"condition\",\"config\":{\"branches\":["
		       "{\"port\":\"else\",\"filter\":{\"rules\":[]}}]}}", TO_M,
		       "port_name", "pointer", "/nodes/2/config/branches/0/port");
	assert_problem(",{\"id\":\"m\",\"type\":\"javascript\",\"config\":{"
		       "\"code\":\"x\",\"ports\":[\"a\",\"error\"]}}",
		       TO_M, "port_name", "pointer", "/nodes/1/config/ports/1");
}

/* A text that is cut within a character must not lose the problem that quotes it. */
static void test_a_problem_that_cuts_a_character_is_told_all_the_same(void **state)
{
	char edge[400] = TO_M ",{\"from\":\"m\",\"port\":\"x";
	(void)state;
	for (int i = 0; i < 60; i++)
		strcat(edge, "\xc3\xa4"); /* the 64th byte is the first of two */
	strcat(edge, "\",\"to\":\"m\"}");
	assert_problem(labelled("a"), edge, "edge", "detail", "there is no port \"x\xc3\xa4");
}

static void test_a_long_chain_comes_in_pieces_and_loses_nothing(void **state)
{
	char nodes[7000] = "", edges[7000] = "{\"from\":\"s\",\"port\":\"next\",\"to\":\"t0\"}";
	struct run r;
	size_t set = 0;
	(void)state;
	for (int i = 0; i < 40; i++) {
		size_t n = strlen(nodes), e = strlen(edges);
		snprintf(nodes + n, sizeof nodes - n, ",{\"id\":\"t%d\",\"type\":\"set_tag\",\"config\":{\"assignments\":[{\"tag\":\"zip\",\"value\":\"%d\"}]}}", i, i);
		if (i)
			snprintf(edges + e, sizeof edges - e, ",{\"from\":\"t%d\",\"port\":\"next\",\"to\":\"t%d\"}", i - 1, i);
	}
	enum flow_result result = begin(&r, nodes, edges, "");
	for (;;) {
		for (size_t i = 0; i < r.out.count; i++)
			set += r.out.list[i].kind == FLOW_EFFECT_SET_TAG;
		if (result != FLOW_MORE)
			break;
		result = flow_step(&r.state, &(struct flow_input){.kind = FLOW_INPUT_CONTINUE}, 2000, &r.out);
	}
	assert_int_equal(result, FLOW_FINISHED);
	assert_int_equal(set, 40);
	assert_string_equal(r.tags[1].text, "39");
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_menu_goes_by_the_key_and_asks_again), cmocka_unit_test(test_menu_leaves_by_no_input_and_invalid),
		cmocka_unit_test(test_gather_keeps_fitting_digits), cmocka_unit_test(test_condition_takes_the_first_true_branch),
		cmocka_unit_test(test_split_keeps_the_weights_and_a_sticky_caller), cmocka_unit_test(test_business_hours_leave_open_closed_and_holiday), cmocka_unit_test(test_variables_are_set_and_written_by_debug),
		cmocka_unit_test(test_go_to_goes_on_at_the_node_it_names), cmocka_unit_test(test_wait_plays_for_its_time_and_goes_on),
		cmocka_unit_test(test_a_flow_within_a_flow_comes_back_with_shared_variables), cmocka_unit_test(test_a_failure_within_a_flow_runs_its_fallback_or_fails_it), cmocka_unit_test(test_events_and_outcomes_are_told_with_their_values),
		cmocka_unit_test(test_http_request_saves_parts_of_the_answer),
		cmocka_unit_test(test_http_request_says_what_cannot_be_read), cmocka_unit_test(test_http_request_is_sent_again_where_it_may_go_better), cmocka_unit_test(test_javascript_returns_a_port_and_values), cmocka_unit_test(test_javascript_errors_say_what_to_do), cmocka_unit_test(test_unconnected_failure_port_runs_the_fallback),
		cmocka_unit_test(test_dial_leaves_by_its_outcome), cmocka_unit_test(test_wrong_input_changes_nothing), cmocka_unit_test(test_every_node_type_has_an_example_that_compiles),
		cmocka_unit_test(test_static_checks_find_what_is_wrong),
		cmocka_unit_test(test_problems_name_a_port_by_its_label),
		cmocka_unit_test(test_every_list_that_makes_ports_takes_labels),
		cmocka_unit_test(test_a_label_has_at_most_60_characters_of_any_script),
		cmocka_unit_test(test_options_that_share_a_port_have_its_first_label),
		cmocka_unit_test(test_a_port_named_like_an_own_one_is_pointed_at),
		cmocka_unit_test(test_a_problem_that_cuts_a_character_is_told_all_the_same),
		cmocka_unit_test(test_a_long_chain_comes_in_pieces_and_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
