#include "test.h"
#include "model/resource.h"

static bool points_at(const char *kind, const char *json, const char *pointer)
{
	struct errors errors = {0};
	struct schema_context context = {0};
	json_t *doc = json_loads(json, 0, NULL), *e;
	const struct resource_kind *k = resource_kind_by_name(kind);
	bool found = false;
	size_t i;
	schema_check(k->fields, doc, "", &context, &errors);
	if (!errors_any(&errors) && k->check)
		k->check(doc, &errors);
	json_array_foreach(errors.list, i, e)
		found |= strcmp(json_string_value(json_object_get(e, "pointer")), pointer) == 0;
	if (!*pointer)
		found = !errors_any(&errors);
	errors_free(&errors);
	json_decref(doc);
	return found;
}

static void test_errors_point_at_the_field(void **state)
{
	(void)state;
	assert_true(points_at("campaign", "{\"name\":\"A\"}", ""));
	assert_true(points_at("campaign", "{}", "/name"));
	assert_true(points_at("campaign", "{\"name\":\"\"}", "/name"));
	assert_true(points_at("campaign", "{\"name\":\"A\",\"execution_mode\":\"magic\"}", "/execution_mode"));
	assert_true(points_at("campaign", "{\"name\":\"A\",\"execution_mode\":\"call_flow\"}", "/call_flow_id"));
	assert_true(points_at("campaign", "{\"name\":\"A\",\"colour\":1}", "/colour"));
	assert_true(points_at("campaign", "{\"name\":\"A\",\"milestones_seconds\":[1,\"2\"]}", "/milestones_seconds/1"));
	assert_true(points_at("campaign", "{\"name\":\"A\",\"payout\":\"1.2.3\"}", "/payout"));
	assert_true(points_at("target", "{\"name\":\"A\",\"destination\":{\"type\":\"sip\"}}", "/destination/uri"));
	assert_true(points_at("trunk", "{\"name\":\"A\",\"inbound\":{\"allowed_addresses\":[\"10.0.0.0/33\"]}}", "/inbound/allowed_addresses/0"));
	assert_true(points_at("custom_tag", "{\"name\":\"A\",\"sources\":[{\"kind\":\"dni\"}]}", "/sources/0"));
	assert_true(points_at("outgoing_webhook", "{\"name\":\"A\",\"url\":\"ftp://x\",\"event_types\":[\"call.*\"]}", "/url"));
	assert_true(points_at("outgoing_webhook", "{\"name\":\"A\",\"url\":\"http://x\",\"event_types\":[\"call.nope\"]}", "/event_types/0"));
	assert_true(points_at("outgoing_webhook", "{\"name\":\"A\",\"url\":\"http://x\",\"event_types\":[\"call.on_7_secs_mark\"]}", "/event_types/0"));
	assert_true(points_at("campaign", "{\"name\":\"A\",\"final_after_seconds\":86401}", "/final_after_seconds"));
	assert_true(points_at("campaign", "{\"name\":\"A\",\"final_after_seconds\":0}", ""));
}

static void test_every_kind_has_a_json_schema(void **state)
{
	(void)state;
	for (size_t i = 0; resource_kinds[i]; i++) {
		json_t *schema = schema_json(resource_kinds[i]->fields);
		assert_true(json_object_size(json_object_get(schema, "properties")) > 0);
		json_decref(schema);
	}
}

/* The names of one occurrence that a subscription is sent; newer "": it has one name. */
static void assert_sent(const char *const *names, size_t count, const char *type, int seconds, const char *expected)
{
	const struct event_type *newer = event_type_newer(type, seconds);
	char sent[160] = "";
	if (newer && event_types_take(names, count, newer, NULL))
		snprintf(sent, sizeof sent, "%s ", newer->type);
	if (event_types_take(names, count, event_type_find(type), newer))
		snprintf(sent + strlen(sent), sizeof sent - strlen(sent), "%s ", type);
	if (*sent)
		sent[strlen(sent) - 1] = '\0';
	assert_string_equal(sent, expected);
}
#define NAMES(...) (const char *const[]){__VA_ARGS__}, sizeof(const char *const[]){__VA_ARGS__} / sizeof(const char *)

static void test_an_occurrence_is_sent_under_the_names_that_are_listed_else_under_the_old_one(void **state)
{
	(void)state;
	assert_sent(NAMES("*"), "call.started", 0, "call.started");
	assert_sent(NAMES("call.*"), "call.started", 0, "call.started");
	assert_sent(NAMES("tag.*"), "call.started", 0, "");
	assert_sent(NAMES("call.incoming"), "call.started", 0, "call.incoming");
	assert_sent(NAMES("call.*", "call.incoming"), "call.started", 0, "call.incoming");
	assert_sent(NAMES("call.incoming", "*"), "call.started", 0, "call.incoming");
	assert_sent(NAMES("call.incoming", "call.started"), "call.started", 0, "call.incoming call.started");
	assert_sent(NAMES("*", "call.incoming", "call.started"), "call.started", 0, "call.incoming call.started");
	assert_sent(NAMES("*", "call.incoming"), "call.completed", 0, "call.completed");
	assert_sent(NAMES("*", "call.hangup"), "call.completed", 0, "call.hangup");
	assert_sent(NAMES("*", "call.hangup"), "call.failed", 0, "call.failed");
	assert_sent(NAMES("call.*", "call.failure"), "call.failed", 0, "call.failure");
	assert_sent(NAMES("call.*", "call.on_5_secs_mark"), "call.milestone", 5, "call.on_5_secs_mark");
	assert_sent(NAMES("call.*", "call.on_5_secs_mark"), "call.milestone", 15, "call.milestone");
	assert_sent(NAMES("call.*", "call.on_5_secs_mark"), "call.milestone", 7, "call.milestone");
	assert_sent(NAMES("call.milestone"), "call.milestone", 5, "call.milestone");
	assert_sent(NAMES("*", "call.revenue_changed"), "call.adjusted", 0, "call.adjusted");
}

static void test_a_wildcard_takes_no_name_that_is_sent_by_name_only(void **state)
{
	static const char *const by_name[] = {
		"call.incoming", "call.hangup", "call.failure", "call.revenue_changed", "call.final", "call.updated",
		"call.on_5_secs_mark", "call.on_10_secs_mark", "call.on_15_secs_mark", "call.on_20_secs_mark",
		"call.on_25_secs_mark", "call.on_30_secs_mark", "call.on_35_secs_mark", "call.on_40_secs_mark",
		"call.on_45_secs_mark", "call.on_50_secs_mark", "call.on_55_secs_mark", "call.on_60_secs_mark",
	};
	size_t count = 0, listed = sizeof by_name / sizeof *by_name;
	uint64_t seen = 0;
	(void)state;
	for (const struct event_type *t = event_types; t->type; t++) {
		assert_int_equal(event_types_take(NAMES("*"), t, NULL), !t->by_name);
		assert_int_equal(event_type_bit(t) != 0, t->by_name);
		assert_int_equal(event_type_bit(t) & seen, 0); /* a bit of its own: there are at most 64 */
		seen |= event_type_bit(t);
		count += t->by_name;
	}
	assert_int_equal(count, listed);
	assert_true(event_types_named(by_name, listed) == seen);
	assert_true(event_types_named(NAMES("*", "call.*", "call.completed", "call.nope")) == 0);
	for (size_t i = 0; i < listed; i++)
		assert_true(event_types_take(&by_name[i], 1, event_type_find(by_name[i]), NULL));
}

static void test_every_event_type_says_when_it_is_sent_and_its_example_has_what_its_schema_asks(void **state)
{
	(void)state;
	for (const struct event_type *t = event_types; t->type; t++) {
		char text[2048];
		assert_int_equal(strncmp(t->help, "Sent ", 5), 0);
		assert_true(t->help[strlen(t->help) - 1] == '.');
		assert_true(!t->instead_of || event_type_find(t->instead_of));
		snprintf(text, sizeof text, "{%s}", t->example);
		json_t *example = json_loads(text, 0, NULL), *schema = event_type_schema(t), *name;
		json_t *data = json_object_get(json_object_get(schema, "properties"), "data");
		size_t i;
		assert_non_null(example);
		json_array_foreach(json_object_get(data, "required"), i, name)
			assert_true(strcmp(json_string_value(name), "call") == 0 || json_object_get(example, json_string_value(name)));
		json_decref(example);
		json_decref(schema);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_point_at_the_field),
		cmocka_unit_test(test_every_kind_has_a_json_schema),
		cmocka_unit_test(test_an_occurrence_is_sent_under_the_names_that_are_listed_else_under_the_old_one),
		cmocka_unit_test(test_a_wildcard_takes_no_name_that_is_sent_by_name_only),
		cmocka_unit_test(test_every_event_type_says_when_it_is_sent_and_its_example_has_what_its_schema_asks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
