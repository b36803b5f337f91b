#include "test.h"
#include "tags/tags.h"

static struct tag_set *build(struct arena *arena)
{
	json_t *docs = json_loads("[{\"id\":\"tag_1\",\"name\":\"state\",\"type\":\"string\",\"sources\":[{\"kind\":\"incoming_webhook\",\"parameter\":\"region\"},{\"kind\":\"incoming_webhook\",\"pointer\":\"/lead/0/st\"}]},"
				  "{\"id\":\"tag_2\",\"name\":\"Score\",\"type\":\"number\",\"sources\":[{\"kind\":\"sip_header\",\"parameter\":\"X-Score\"}]}]", 0, NULL);
	struct tag_set *set = tag_set_build(docs, "US", arena);
	json_decref(docs);
	return set;
}

static void test_listed_sources_come_before_the_name_and_types_are_checked(void **state)
{
	struct arena arena = {0};
	struct tag_result r[2];
	struct tag_set *set = build(&arena);
	(void)state;
	json_t *data = json_loads("{\"lead\":[{\"st\":\"OK\"}],\"REGION\":\"TX\",\"state\":\"CA\",\"sCORE\":\"ten\",\"extra\":1}", 0, NULL), *unmatched = json_array();
	assert_int_equal(tags_evaluate(set, TAG_FROM_WEBHOOK, &(struct tag_data){.body = data}, &arena, r, unmatched), 2);
	assert_int_equal(r[0].slot, 0);
	assert_string_equal(r[0].value.text, "TX");
	assert_int_equal(r[1].slot, 1);
	assert_int_equal(r[1].value.kind, VALUE_NONE);
	assert_non_null(r[1].error);
	assert_string_equal(json_string_value(json_array_get(unmatched, json_array_size(unmatched) - 1)), "extra");
	json_decref(data);
	json_decref(unmatched);
	arena_free(&arena);
}

static void test_a_source_of_another_kind_is_not_read(void **state)
{
	struct arena arena = {0};
	struct tag_result r[2];
	struct tag_set *set = build(&arena);
	(void)state;
	json_t *data = json_loads("{\"x-score\":\"7\"}", 0, NULL);
	assert_int_equal(tags_evaluate(set, TAG_FROM_WEBHOOK, &(struct tag_data){.body = data}, &arena, r, NULL), 0);
	assert_int_equal(tags_evaluate(set, TAG_FROM_SIP_HEADER, &(struct tag_data){.body = data}, &arena, r, NULL), 1);
	assert_true(r[0].value.number == 7);
	json_decref(data);
	arena_free(&arena);
}

static void test_an_older_write_does_not_replace_a_newer_one(void **state)
{
	struct value tags[1] = {{0}};
	(void)state;
	assert_true(tag_apply(tags, 0, value_string("new", 3), 2000));
	assert_false(tag_apply(tags, 0, value_string("old", 3), 1000));
	assert_string_equal(tags[0].text, "new");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listed_sources_come_before_the_name_and_types_are_checked), cmocka_unit_test(test_a_source_of_another_kind_is_not_read),
		cmocka_unit_test(test_an_older_write_does_not_replace_a_newer_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
