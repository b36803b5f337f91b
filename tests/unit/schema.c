#include "test.h"
#include "flow/flow.h"
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

/* ---- words for people ---- */

static void says(const char *name, const char *title)
{
	char out[WORDS_SIZE];
	assert_string_equal(words_title(name, out), title);
}

static void test_names_become_words(void **state)
{
	char out[WORDS_SIZE];
	(void)state;
	says("execution_mode", "Execution mode");
	says("routing_plan_id", "Routing plan");
	says("target_ids", "Targets");
	says("options_interval_seconds", "Options interval (s)");
	says("timeout_ms", "Timeout (ms)");
	says("once_days", "Once (days)");
	says("payout_percent", "Payout (%)");
	says("created_at", "Created");
	says("sip_uris", "SIP URIs");
	says("hmac_secret", "HMAC secret");
	says("max_calls", "Max. calls");
	says("id", "ID");
	says("at", "At");
	says("seconds", "Seconds");
	says("e164", "E.164");
	says("json", "JSON");
	says("GET", "GET");
	says("1", "1");
	says("#", "#");
	says("call.completed", "Call completed");
	says("flow.node_failed", "Flow node failed");
	says("inbound_rtb", "Inbound RTB");
	says("", "");
	says("a_very_long_name_that_goes_on_and_on_beyond_what_anybody_would_call_a_field_and_is_cut",
	     "A very long name that goes on and on beyond what anybody would call a field and");
	assert_string_equal(words_lower("rtb_target", out), "RTB target");
	assert_string_equal(words_lower("routing_plan", out), "routing plan");
	assert_string_equal(words_singular("Branches", out), "Branch");
	assert_string_equal(words_singular("Entries", out), "Entry");
	assert_string_equal(words_singular("Sources", out), "Source");
	assert_string_equal(words_singular("Boxes", out), "Box");
	assert_string_equal(words_singular("Address", out), "Address");
}

/* Not an API name: no underscore, and it begins like a sentence. */
static void assert_words(const char *where, const char *text)
{
	bool upper = text && text[0] >= 'A' && text[0] <= 'Z', one = text && text[0] && !text[1];
	bool figure = text && text[0] >= '0' && text[0] <= '9';
	if (!text || !*text || strchr(text, '_') || !(upper || figure || one))
		fail_msg("%s: \"%s\" is not for people", where, text ? text : "");
}

static void assert_titles(json_t *schema, const char *where)
{
	const char *name, *value;
	json_t *property, *item;
	size_t i;
	json_object_foreach(json_object_get(schema, "properties"), name, property) {
		char at[256], value_at[320];
		snprintf(at, sizeof at, "%s.%s", where, name);
		assert_words(at, json_string_value(json_object_get(property, "title")));
		json_t *element = json_object_get(property, "items") ? json_object_get(property, "items") : property;
		json_t *labels = json_object_get(element, "x-labels");
		if (element != property && json_object_get(element, "properties"))
			assert_words(at, json_string_value(json_object_get(element, "title")));
		json_array_foreach(json_object_get(element, "enum"), i, item) {
			if (json_is_null(item))
				continue;
			value = json_string_value(item);
			snprintf(value_at, sizeof value_at, "%s=%s", at, value);
			assert_words(value_at, json_string_value(json_object_get(labels, value)));
		}
		assert_titles(element, at);
	}
}

static void test_every_field_of_every_kind_has_a_title_and_every_value_a_label(void **state)
{
	(void)state;
	for (size_t i = 0; resource_kinds[i]; i++) {
		json_t *schema = schema_json(resource_kinds[i]->fields);
		assert_titles(schema, resource_kinds[i]->kind);
		json_decref(schema);
	}
}

static void test_every_field_of_every_node_type_has_a_title_and_every_value_a_label(void **state)
{
	json_t *types = flow_node_types_json(), *type;
	size_t i;
	(void)state;
	assert_true(json_array_size(types) > 20);
	json_array_foreach(types, i, type)
		assert_titles(json_object_get(type, "config_schema"),
			      json_string_value(json_object_get(type, "type")));
	json_decref(types);
}

static void test_labels_name_values_that_exist(void **state)
{
	(void)state;
	for (size_t i = 0; resource_kinds[i]; i++)
		for (const struct field *f = resource_kinds[i]->fields; f->name; f++)
			for (const struct label *l = f->labels; l && l->value; l++) {
				bool found = false;
				for (size_t k = 0; f->choices[k]; k++)
					found |= strcmp(f->choices[k], l->value) == 0;
				if (!found)
					fail_msg("%s.%s has no value %s", resource_kinds[i]->kind, f->name,
						 l->value);
			}
}

static json_t *property(const char *kind, const char *name)
{
	json_t *schema = schema_json(resource_kind_by_name(kind)->fields);
	json_t *found = json_incref(json_object_get(json_object_get(schema, "properties"), name));
	json_decref(schema);
	return found;
}

static const char *label(json_t *property, const char *value)
{
	json_t *items = json_object_get(property, "items");
	json_t *labels = json_object_get(items ? items : property, "x-labels");
	return json_string_value(json_object_get(labels, value));
}

static void test_forms_say_targets_days_and_modes(void **state)
{
	(void)state;
	json_t *mode = property("campaign", "execution_mode"), *entries = property("routing_plan", "entries");
	json_t *types = property("incoming_webhook", "types"), *schedule = property("target", "schedule");
	json_t *weekly = json_object_get(json_object_get(schedule, "properties"), "weekly");
	assert_string_equal(label(mode, "routing_plan"), "Routing Plan");
	assert_string_equal(label(mode, "call_flow"), "Call Flow");
	assert_string_equal(label(types, "update_tags"), "Tag updates");
	assert_string_equal(json_string_value(json_object_get(types, "title")), "Accepts");
	assert_string_equal(json_string_value(json_object_get(json_object_get(entries, "items"), "title")), "Target");
	assert_string_equal(json_string_value(json_object_get(json_object_get(weekly, "items"), "x-title-by")), "day");
	json_decref(mode);
	json_decref(entries);
	json_decref(types);
	json_decref(schedule);
}

static json_t *errors_of(const char *kind, const char *text)
{
	struct errors errors = {0};
	struct schema_context context = {0};
	json_t *doc = json_loads(text, 0, NULL);
	schema_check(resource_kind_by_name(kind)->fields, doc, "", &context, &errors);
	if (!errors_any(&errors) && resource_kind_by_name(kind)->check)
		resource_kind_by_name(kind)->check(doc, &errors);
	json_decref(doc);
	return errors.list;
}

/* A detail stands after a title, in a sentence of its own: no API names, and no capital. */
static void test_details_of_errors_are_words(void **state)
{
	static const char *const wrong[][2] = {
		{"campaign", "{}"},
		{"campaign", "{\"name\":\"A\",\"payout\":\"1\",\"payout_percent\":\"2\",\"payout_tiers\":[{}]}"},
		{"campaign", "{\"name\":\"A\",\"execution_mode\":\"call_flow\"}"},
		{"campaign", "{\"name\":\"A\",\"routing_plan_id\":7}"},
		{"routing_plan", "{\"name\":\"A\",\"entries\":[{},{\"target_id\":\"a\",\"ring_tree_id\":\"b\"}]}"},
		{"outgoing_webhook", "{\"name\":\"A\",\"url\":\"http://x\",\"event_types\":[\"*\"],\"authentication\":"
				     "{\"username\":\"a\",\"token_url\":\"http://x\",\"bearer_token\":\"b\"}}"},
		{"target", "{\"name\":\"A\",\"destination\":{\"type\":\"number\"},\"limits\":[{}],\"whisper\":{}}"},
		{"rtb_target", "{\"name\":\"A\",\"request\":{\"url\":\"ftp://example\"},\"response\":{},"
			       "\"destination\":{\"type\":\"answer\"}}"},
		{"trunk", "{\"name\":\"A\",\"inbound\":{\"username\":\"a\"},\"outbound\":{\"register\":true}}"},
		{"custom_tag", "{\"name\":\"a]\",\"sources\":[{\"kind\":\"dni\",\"header\":\"x\"}],\"on_repeat\":\"append\",\"type\":\"enum\"}"},
		{"user", "{\"email\":\"nobody\"}"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		json_t *list = errors_of(wrong[i][0], wrong[i][1]), *error;
		size_t k;
		assert_true(json_array_size(list) > 0);
		json_array_foreach(list, k, error) {
			const char *detail = json_string_value(json_object_get(error, "detail"));
			bool upper = detail[0] >= 'A' && detail[0] <= 'Z';
			if (strchr(detail, '_') || upper)
				fail_msg("%s: %s", wrong[i][0], detail);
		}
		json_decref(list);
	}
}

static void test_a_null_in_a_map_removes_the_member(void **state)
{
	struct errors errors = {0};
	struct schema_context context = {0};
	json_t *doc = json_loads("{\"name\":\"A\",\"url\":\"http://x\",\"event_types\":[\"*\"],"
				 "\"headers\":{\"X-A\":\"1\",\"X-B\":null}}", 0, NULL);
	(void)state;
	schema_check(resource_kind_by_name("outgoing_webhook")->fields, doc, "", &context, &errors);
	assert_false(errors_any(&errors));
	assert_int_equal(json_object_size(json_object_get(doc, "headers")), 1);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_point_at_the_field),
		cmocka_unit_test(test_every_kind_has_a_json_schema),
		cmocka_unit_test(test_an_occurrence_is_sent_under_the_names_that_are_listed_else_under_the_old_one),
		cmocka_unit_test(test_a_wildcard_takes_no_name_that_is_sent_by_name_only),
		cmocka_unit_test(test_every_event_type_says_when_it_is_sent_and_its_example_has_what_its_schema_asks),
		cmocka_unit_test(test_names_become_words),
		cmocka_unit_test(test_every_field_of_every_kind_has_a_title_and_every_value_a_label),
		cmocka_unit_test(test_every_field_of_every_node_type_has_a_title_and_every_value_a_label),
		cmocka_unit_test(test_labels_name_values_that_exist),
		cmocka_unit_test(test_forms_say_targets_days_and_modes),
		cmocka_unit_test(test_details_of_errors_are_words),
		cmocka_unit_test(test_a_null_in_a_map_removes_the_member),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
