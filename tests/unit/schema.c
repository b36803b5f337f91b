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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_errors_point_at_the_field), cmocka_unit_test(test_every_kind_has_a_json_schema)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
