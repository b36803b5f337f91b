#include "test.h"
#include "flow/simulate.h"
#include <stdio.h>

/* tag 0: state, tag 1: score (a number), tag 2: card (sensitive) */
static const char *const names[] = {"state", "score", "card"};

static int find_tag(void *arg, const char *name, size_t len)
{
	(void)arg;
	for (int i = 0; i < 3; i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return i;
	return -1;
}

static const struct value_type *type_of(void *arg, size_t slot)
{
	static const struct value_type number = {.kind = VALUE_NUMBER, .name = "number"};
	(void)arg;
	return slot == 1 ? &number : &value_type_string;
}

static struct flow_tag tag_at(void *arg, size_t slot)
{
	return (struct flow_tag){names[slot], type_of(arg, slot), slot == 2};
}

static const struct flow_context context = {.tag = find_tag, .tag_type = type_of, .tag_count = 3};

static const char document[] =
	"{\"nodes\":[{\"id\":\"s\",\"type\":\"start\"},"
	"{\"id\":\"ask\",\"type\":\"gather\",\"config\":{\"prompt\":{\"text\":\"Your zip code?\"},\"min_digits\":5,\"max_digits\":5,\"tries\":2,\"save_to\":{\"variable\":\"zip\"}}},"
	"{\"id\":\"crm\",\"type\":\"http_request\",\"config\":{\"url\":\"https://crm.example/?zip=[zip]\",\"save\":[{\"pointer\":\"/score\",\"tag\":\"score\"}]}},"
	"{\"id\":\"good\",\"type\":\"condition\",\"config\":{\"branches\":[{\"port\":\"yes\",\"filter\":{\"rules\":[{\"field\":\"tag.score\",\"op\":\"greater_or_equal\",\"value\":80},{\"field\":\"tag.state\",\"op\":\"equals\",\"value\":\"TX\"}]}}]}},"
	"{\"id\":\"mark\",\"type\":\"set_tag\",\"config\":{\"assignments\":[{\"tag\":\"state\",\"value\":\"[state]-[zip]\"},{\"tag\":\"score\",\"value\":\"many\"}]}},"
	"{\"id\":\"buyer\",\"type\":\"dial\",\"config\":{\"to\":{\"routing_plan_id\":\"pln_1\"}}},"
	"{\"id\":\"bye\",\"type\":\"hangup\",\"config\":{}}],"
	"\"edges\":[{\"from\":\"s\",\"port\":\"next\",\"to\":\"ask\"},{\"from\":\"ask\",\"port\":\"next\",\"to\":\"crm\"},{\"from\":\"crm\",\"port\":\"success\",\"to\":\"good\"},"
	"{\"from\":\"good\",\"port\":\"yes\",\"to\":\"mark\"},{\"from\":\"mark\",\"port\":\"next\",\"to\":\"buyer\"},{\"from\":\"buyer\",\"port\":\"completed\",\"to\":\"bye\"},{\"from\":\"buyer\",\"port\":\"busy\",\"to\":\"bye\"}]}";

static struct flow *compile(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	struct flow *flow = flow_compile(json, &context, NULL);
	json_decref(json);
	assert_non_null(flow);
	return flow;
}

static json_t *simulate(const char *text, const char *script)
{
	struct flow *flow = compile(text);
	struct flow_world world = {.flow = flow, .tag_count = 3, .tag = tag_at};
	json_t *json = json_loads(script, 0, NULL), *report;
	struct errors errors = {0};
	struct schema_context none = {0};
	assert_non_null(json);
	schema_check(flow_simulate_fields, json, "", &none, &errors);
	assert_false(errors_any(&errors));
	report = flow_simulate(&world, json);
	assert_non_null(report);
	json_decref(json);
	flow_free(flow);
	return report;
}

/* "s>next ask>next …" */
static const char *path(json_t *report)
{
	static char text[1000];
	json_t *step;
	size_t i;
	text[0] = '\0';
	json_array_foreach(json_object_get(report, "steps"), i, step) {
		const char *port = json_string_value(json_object_get(step, "port"));
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s>%s", i ? " " : "", json_string_value(json_object_get(step, "node")), port ? port : "");
	}
	return text;
}

static const char *text_at(json_t *report, size_t step, const char *a, const char *b, const char *c)
{
	static char number[40];
	json_t *json = json_object_get(json_object_get(json_object_get(json_array_get(json_object_get(report, "steps"), step), a), b), c);
	if (!json_is_number(json))
		return json_is_string(json) ? json_string_value(json) : "";
	snprintf(number, sizeof number, "%g", json_number_value(json));
	return number;
}

static void test_simulation_takes_the_answers_in_their_order(void **state)
{
	json_t *r = simulate(document, "{\"at\":\"2026-11-23T14:00:00Z\",\"tags\":{\"state\":\"TX\",\"card\":\"4111\"},\"digits\":[\"12\",\"78701\"],\"http\":[{\"body\":{\"score\":91}}],\"dial\":[{\"outcome\":\"completed\",\"duration_seconds\":90}]}");
	(void)state;
	assert_string_equal(path(r), "s>next ask>next crm>success good>yes mark>next buyer>completed bye>");
	assert_string_equal(json_string_value(json_object_get(r, "ended")), "hangup");
	assert_string_equal(text_at(r, 2, "before", "variables", "zip"), "78701");
	assert_string_equal(text_at(r, 2, "before", "tags", "score"), "");
	assert_string_equal(text_at(r, 2, "after", "tags", "score"), "91");
	assert_string_equal(text_at(r, 2, "after", "tags", "card"), "********");
	assert_string_equal(text_at(r, 4, "after", "tags", "state"), "TX-78701");
	assert_string_equal(text_at(r, 4, "after", "tags", "score"), "91"); /* "many" is no number */
	json_t *mark = json_array_get(json_object_get(r, "steps"), 4), *ask = json_array_get(json_object_get(r, "steps"), 1);
	assert_non_null(strstr(json_string_value(json_object_get(mark, "detail")), "keeps what it had"));
	assert_int_equal(json_array_size(json_object_get(ask, "inputs")), 2);
	assert_int_equal(json_array_size(json_object_get(ask, "effects")), 2);
	json_decref(r);
}

static void test_simulation_without_answers_still_ends(void **state)
{
	json_t *r = simulate(document, "{}");
	(void)state;
	assert_string_equal(path(r), "s>next ask>no_input");
	json_decref(r);
	r = simulate(document, "{\"digits\":[\"78701\"]}");
	assert_string_equal(path(r), "s>next ask>next crm>failure");
	json_decref(r);
	r = simulate("{\"nodes\":[{\"id\":\"s\",\"type\":\"start\"},{\"id\":\"p\",\"type\":\"play\",\"config\":{\"prompt\":{\"text\":\"x\"}}}],\"edges\":[{\"from\":\"s\",\"port\":\"next\",\"to\":\"p\"},{\"from\":\"p\",\"port\":\"next\",\"to\":\"p\"}]}", "{}");
	assert_string_equal(json_string_value(json_object_get(r, "ended")), "step_limit");
	assert_int_equal(json_array_size(json_object_get(r, "steps")), SIMULATE_STEPS_TOLD);
	assert_true(json_is_true(json_object_get(r, "truncated")));
	json_decref(r);
}

static const char *after_five(void *budget)
{
	int *asked = budget;
	return ++*asked > 5 ? "five steps are enough" : NULL;
}

static void test_a_run_ends_where_its_budget_does_and_says_so(void **state)
{
	struct flow *flow = compile(
		"{\"nodes\":[{\"id\":\"s\",\"type\":\"start\"},{\"id\":\"p\",\"type\":\"play\",\"config\":"
		"{\"prompt\":{\"text\":\"x\"}}}],\"edges\":[{\"from\":\"s\",\"port\":\"next\",\"to\":\"p\"},"
		"{\"from\":\"p\",\"port\":\"next\",\"to\":\"p\"}]}");
	int asked = 0;
	struct flow_world world = {
		.flow = flow, .tag_count = 3, .tag = tag_at, .spent = after_five, .budget = &asked};
	json_t *script = json_pack("{s:s, s:s}", "caller_id", "+15125550142", "number", "+18005550100");
	json_t *r = flow_simulate(&world, script);
	(void)state;
	assert_string_equal(json_string_value(json_object_get(r, "ended")), "budget");
	assert_string_equal(json_string_value(json_object_get(r, "ended_at")), "p");
	assert_string_equal(json_string_value(json_object_get(r, "ended_why")), "five steps are enough");
	assert_true(json_array_size(json_object_get(r, "steps")) > 0);
	json_decref(r);
	json_decref(script);
	flow_free(flow);
}

static const char trace[] =
	"[{\"kind\":\"input\",\"input\":\"start\",\"at\":\"2026-11-23T14:00:00.000Z\",\"tags\":{\"state\":\"OK\"}},{\"kind\":\"step\",\"node\":\"s\",\"port\":\"next\"},"
	"{\"kind\":\"input\",\"input\":\"digits\",\"at\":\"2026-11-23T14:00:05.000Z\",\"digits\":\"78701\",\"finished\":false},{\"kind\":\"step\",\"node\":\"ask\",\"port\":\"next\"},"
	"{\"kind\":\"input\",\"input\":\"webhook_data\",\"at\":\"2026-11-23T14:00:05.100Z\",\"tags\":{\"state\":\"TX\"}},"
	"{\"kind\":\"input\",\"input\":\"http\",\"at\":\"2026-11-23T14:00:05.200Z\",\"outcome\":\"answered\",\"status\":200,\"body\":\"{\\\"score\\\":85}\"},"
	"{\"kind\":\"step\",\"node\":\"crm\",\"port\":\"success\"},{\"kind\":\"step\",\"node\":\"good\",\"port\":\"yes\"},{\"kind\":\"step\",\"node\":\"mark\",\"port\":\"next\"},"
	"{\"kind\":\"input\",\"input\":\"dial_ended\",\"at\":\"2026-11-23T14:01:00.000Z\",\"outcome\":\"busy\"},{\"kind\":\"step\",\"node\":\"buyer\",\"port\":\"busy\"},{\"kind\":\"step\",\"node\":\"bye\",\"port\":null}]";

static json_t *replay(const char *text, const char *recorded)
{
	struct flow *flow = compile(text);
	struct flow_world world = {.flow = flow, .tag_count = 3, .tag = tag_at};
	json_t *json = json_loads(recorded, 0, NULL), *call = json_pack("{s:s, s:s, s:s}", "id", "call_1", "caller_id", "+15125550142", "number", "+18005550100");
	json_t *report = flow_replay(&world, call, json);
	assert_non_null(report);
	json_decref(json);
	json_decref(call);
	flow_free(flow);
	return report;
}

static void test_replay_on_the_same_flow_is_the_same(void **state)
{
	json_t *r = replay(document, trace);
	(void)state;
	assert_string_equal(path(r), "s>next ask>next crm>success good>yes mark>next buyer>busy bye>");
	assert_true(json_is_true(json_object_get(r, "same")));
	json_decref(r);
}

static char *changed(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	assert_non_null(at);
	char *out = malloc(strlen(text) + strlen(to) + 1);
	sprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return out;
}

static void test_replay_tells_where_another_flow_parts(void **state)
{
	char *stricter = changed(document, "\"value\":80", "\"value\":90"), *longer = changed(document, "\"port\":\"busy\",\"to\":\"bye\"", "\"port\":\"busy\",\"to\":\"ask\"");
	char *sensitive = changed(trace, "\"digits\":\"78701\"", "\"digits\":\"(sensitive)\""), *shorter = changed(document, ",{\"from\":\"buyer\",\"port\":\"busy\",\"to\":\"bye\"}", "");
	(void)state;
	json_t *r = replay(stricter, trace), *parts = json_object_get(r, "parts");
	assert_true(json_is_false(json_object_get(r, "same")));
	assert_int_equal(json_integer_value(json_object_get(parts, "step")), 3);
	assert_string_equal(json_string_value(json_object_get(json_object_get(parts, "recorded"), "port")), "yes");
	assert_string_equal(json_string_value(json_object_get(json_object_get(parts, "now"), "port")), "else");
	json_decref(r);
	r = replay(longer, trace); /* it asks again, where the call was over */
	assert_true(json_is_null(json_object_get(json_object_get(r, "parts"), "recorded")) || json_is_false(json_object_get(r, "same")));
	json_decref(r);
	r = replay(shorter, trace);
	assert_string_equal(json_string_value(json_object_get(json_object_get(r, "parts"), "why")), "the flow ends here");
	json_decref(r);
	r = replay(document, sensitive);
	assert_non_null(strstr(json_string_value(json_object_get(json_object_get(r, "parts"), "why")), "sensitive"));
	json_decref(r);
	free(stricter);
	free(longer);
	free(shorter);
	free(sensitive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simulation_takes_the_answers_in_their_order), cmocka_unit_test(test_simulation_without_answers_still_ends), cmocka_unit_test(test_a_run_ends_where_its_budget_does_and_says_so),
		cmocka_unit_test(test_replay_on_the_same_flow_is_the_same), cmocka_unit_test(test_replay_tells_where_another_flow_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
