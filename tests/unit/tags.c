#include "test.h"
#include "tags/custom.h"
#include "tags/tags.h"
#include <string.h>

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

static void test_a_parameter_with_brackets_is_a_member_within_another(void **state)
{
	static const char *const sources[][2] = {
		{"lead[state]", "{\"lead\":{\"state\":\"TX\"}}"},
		{"lead[state]", "{\"lead[state]\":\"TX\"}"},
		{"a[b][c]", "{\"a\":{\"b\":{\"c\":\"TX\"}}}"},
		{"a[b/c]", "{\"a\":{\"b/c\":\"TX\"}}"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		struct arena arena = {0};
		struct tag_result r[1];
		json_t *docs = json_pack("[{s:s, s:s, s:s, s:[{s:s, s:s}]}]", "id", "tag_1", "name", "t",
					 "type", "string", "sources", "kind", "incoming_webhook",
					 "parameter", sources[i][0]);
		json_t *data = json_loads(sources[i][1], 0, NULL);
		struct tag_set *set = tag_set_build(docs, "US", &arena);
		struct tag_data body = {.body = data};
		assert_int_equal(tags_evaluate(set, TAG_FROM_WEBHOOK, &body, &arena, r, NULL), 1);
		assert_string_equal(r[0].value.text, "TX");
		json_decref(docs);
		json_decref(data);
		arena_free(&arena);
	}
}

static const char *settle(enum tag_repeat repeat, const char *held, enum tag_source had, int64_t held_ms, const char *text, enum tag_source source, int64_t at_ms, const char **why)
{
	static struct arena arena;
	struct tag_def def = {.type = value_type_string, .repeat = repeat, .ranks = {1, 0, 255, 255}};
	struct value v = value_string(text, strlen(text));
	*why = tag_settle(&def, &(struct tag_held){held, had, held_ms}, source, at_ms, &v, &arena);
	return *why ? held : v.text;
}

static void test_which_of_several_values_stays(void **state)
{
	static const struct {
		enum tag_repeat repeat;
		const char *held;
		enum tag_source had;
		int64_t held_ms;
		const char *text;
		enum tag_source source;
		int64_t at_ms;
		const char *stays;
	} cases[] = {
		{TAG_REPEAT_LAST, NULL, TAG_FROM_DEFAULT, 0, "b", TAG_FROM_WEBHOOK, 1, "b"},
		{TAG_REPEAT_LAST, "a", TAG_FROM_WEBHOOK, 2, "b", TAG_FROM_WEBHOOK, 1, "a"},
		{TAG_REPEAT_LAST, "a", TAG_FROM_WEBHOOK, 2, "b", TAG_FROM_WEBHOOK, 2, "b"},
		{TAG_REPEAT_FIRST, "a", TAG_FROM_WEBHOOK, 2, "b", TAG_FROM_WEBHOOK, 3, "a"},
		{TAG_REPEAT_FIRST, "a", TAG_FROM_WEBHOOK, 2, "b", TAG_FROM_WEBHOOK, 1, "b"},
		{TAG_REPEAT_FIRST, "a", TAG_FROM_DEFAULT, 0, "b", TAG_FROM_WEBHOOK, 3, "b"},
		{TAG_REPEAT_FIRST, "a", TAG_FROM_WEBHOOK, 2, "b", TAG_FROM_API, 3, "b"},
		{TAG_REPEAT_APPEND, "a", TAG_FROM_WEBHOOK, 2, "b", TAG_FROM_WEBHOOK, 1, "a, b"},
		{TAG_REPEAT_APPEND, "a, b", TAG_FROM_WEBHOOK, 2, "b", TAG_FROM_WEBHOOK, 3, "a, b"},
		{TAG_REPEAT_APPEND, "ab", TAG_FROM_WEBHOOK, 2, "b", TAG_FROM_WEBHOOK, 3, "ab, b"},
		{TAG_REPEAT_APPEND, "a, b", TAG_FROM_WEBHOOK, 2, "c", TAG_FROM_FLOW, 3, "c"},
		{TAG_REPEAT_PRECEDENCE, "a", TAG_FROM_WEBHOOK, 2, "b", TAG_FROM_DNI, 1, "b"},
		{TAG_REPEAT_PRECEDENCE, "a", TAG_FROM_DNI, 2, "b", TAG_FROM_WEBHOOK, 3, "a"},
		{TAG_REPEAT_PRECEDENCE, "a", TAG_FROM_WEBHOOK, 2, "b", TAG_FROM_SIP_HEADER, 3, "a"},
		{TAG_REPEAT_PRECEDENCE, "a", TAG_FROM_DNI, 2, "b", TAG_FROM_DNI, 3, "b"},
		{TAG_REPEAT_PRECEDENCE, "a", TAG_FROM_FLOW, 2, "b", TAG_FROM_DNI, 3, "a"},
		{TAG_REPEAT_PRECEDENCE, "a", TAG_FROM_DNI, 2, "b", TAG_FROM_FLOW, 3, "b"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *why, *stays = settle(cases[i].repeat, cases[i].held, cases[i].had, cases[i].held_ms, cases[i].text, cases[i].source, cases[i].at_ms, &why);
		if (strcmp(stays, cases[i].stays) != 0)
			fail_msg("case %zu: %s stays, not %s (%s)", i, stays, cases[i].stays, why ? why : "taken");
	}
}

static void test_a_list_of_texts_has_an_end(void **state)
{
	char full[1999];
	const char *why;
	(void)state;
	memset(full, 'x', sizeof full - 1);
	full[sizeof full - 1] = '\0';
	settle(TAG_REPEAT_APPEND, full, TAG_FROM_WEBHOOK, 1, "more", TAG_FROM_WEBHOOK, 2, &why);
	assert_string_equal(why, "the list is full");
}

static void test_a_mapping_goes_before_what_the_tag_lists_and_headers_are_a_source(void **state)
{
	struct arena arena = {0};
	struct tag_result r[2];
	struct tag_set *set = build(&arena);
	json_t *data = json_loads("{\"region\":\"TX\",\"state\":\"CA\",\"deep\":{\"st\":\"NY\"}}", 0, NULL), *headers = json_loads("{\"x-score\":\"9\"}", 0, NULL);
	json_t *list = json_loads("[{\"tag_id\":\"tag_1\",\"pointer\":\"/deep/st\"},{\"tag_id\":\"tag_2\",\"header\":\"X-Score\"}]", 0, NULL);
	struct tag_mapping *mapping = tag_mapping_build(set, list, &arena);
	(void)state;
	assert_int_equal(tags_evaluate(set, TAG_FROM_WEBHOOK, &(struct tag_data){.body = data, .headers = headers, .mapping = mapping}, &arena, r, NULL), 2);
	assert_string_equal(r[0].value.text, "NY");
	assert_string_equal(r[1].value.text, "9");
	json_object_del(json_object_get(data, "deep"), "st");
	assert_int_equal(tags_evaluate(set, TAG_FROM_WEBHOOK, &(struct tag_data){.body = data, .mapping = mapping}, &arena, r, NULL), 0);
	assert_true(tags_take(set, mapping, "/deep/st"));
	assert_false(tags_take(set, mapping, "/region"));
	assert_true(tags_take(set, NULL, "/region"));
	assert_true(tags_take(set, NULL, "/REGION/deeper"));
	assert_false(tags_take(set, NULL, "/regional"));
	json_decref(data);
	json_decref(headers);
	json_decref(list);
	arena_free(&arena);
}

static void test_null_removes_a_tag_that_no_other_source_gives_a_value(void **state)
{
	static const struct {
		const char *body;
		enum tag_source source;
		bool removes;
		const char *text; /* NULL: none */
	} cases[] = {
		{"{\"state\":null}", TAG_FROM_WEBHOOK, true, NULL},
		{"{\"REGION\":null}", TAG_FROM_WEBHOOK, true, NULL},
		{"{\"lead\":[{\"st\":null}]}", TAG_FROM_WEBHOOK, true, NULL},
		{"{\"region\":null,\"state\":\"TX\"}", TAG_FROM_WEBHOOK, false, "TX"},
		{"{\"region\":\"OK\",\"state\":null}", TAG_FROM_WEBHOOK, false, "OK"},
		{"{\"state\":null}", TAG_FROM_API, true, NULL},
		{"{\"state\":null}", TAG_FROM_RTB, false, NULL},
	};
	struct arena arena = {0};
	struct tag_set *set = build(&arena);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tag_result r[2];
		json_t *body = json_loads(cases[i].body, 0, NULL), *unmatched = json_array();
		assert_int_equal(tags_evaluate(set, cases[i].source, &(struct tag_data){.body = body}, &arena, r, unmatched), 1);
		assert_int_equal(r[0].removes, cases[i].removes);
		assert_int_equal(tag_result_changes(&r[0]), cases[i].removes || cases[i].text);
		if (cases[i].text)
			assert_string_equal(r[0].value.text, cases[i].text);
		assert_int_equal(json_array_size(unmatched), 0);
		json_decref(body);
		json_decref(unmatched);
	}
	arena_free(&arena);
}

static void test_a_removal_settles_by_time_and_rank(void **state)
{
	static const struct tag_def last = {.repeat = TAG_REPEAT_LAST}, ranked = {.repeat = TAG_REPEAT_PRECEDENCE, .ranks = {1, 0, 255, 255}};
	const struct tag_held webhook = {"a", TAG_FROM_WEBHOOK, 5}, dni = {"a", TAG_FROM_DNI, 5}, removed = {.at_ms = 5};
	struct value v = value_string("b", 1);
	(void)state;
	assert_null(tag_settle_removal(&last, &webhook, TAG_FROM_WEBHOOK, 5));
	assert_non_null(tag_settle_removal(&last, &webhook, TAG_FROM_WEBHOOK, 4));
	assert_non_null(tag_settle_removal(&ranked, &dni, TAG_FROM_WEBHOOK, 6));
	assert_null(tag_settle_removal(&ranked, &webhook, TAG_FROM_DNI, 6));
	assert_null(tag_settle_removal(&ranked, &dni, TAG_FROM_API, 6));
	assert_string_equal(tag_settle(&last, &removed, TAG_FROM_WEBHOOK, 4, &v, NULL), "it was removed later");
	assert_null(tag_settle(&last, &removed, TAG_FROM_WEBHOOK, 5, &v, NULL));
}

static void merge(json_t *stored, const char *given, int64_t at_ms, json_t *refused)
{
	json_t *json = json_loads(given, 0, NULL);
	(void)custom_data_merge(stored, json, at_ms, refused);
	json_decref(json);
}

static void test_custom_data_is_merged_by_time_and_has_an_end(void **state)
{
	json_t *stored = json_object(), *refused = json_array();
	(void)state;
	merge(stored, "{\"a\":1,\"b\":\"two\",\"c\":{\"d\":[]}}", 10, refused);
	merge(stored, "{\"a\":2,\"c\":null}", 11, refused);
	assert_int_equal(json_array_size(refused), 0);
	merge(stored, "{\"a\":3}", 9, refused);
	assert_int_equal(json_array_size(refused), 1);
	char *text = custom_data_text(stored);
	assert_string_equal(text, "{\"a\":2,\"b\":\"two\"}");
	free(text);
	char *large = calloc(1, CUSTOM_DATA_MAX + 1);
	memset(large, 'x', CUSTOM_DATA_MAX);
	json_t *given = json_pack("{s:s, s:i}", "large", large, "z", 1);
	assert_true(custom_data_merge(stored, given, 12, refused));
	assert_null(json_object_get(stored, "large"));
	assert_non_null(json_object_get(stored, "z"));
	json_decref(given);
	for (size_t n = CUSTOM_DATA_MAX; n > CUSTOM_DATA_MAX - 64; n--) { /* whatever fits, the whole is no larger */
		json_t *whole = json_object();
		large[n] = '\0';
		given = json_pack("{s:s}", "l", large);
		bool fits = custom_data_merge(whole, given, 1, NULL);
		text = custom_data_text(whole);
		assert_int_equal(fits, n + strlen("{\"l\":\"\"}") <= CUSTOM_DATA_MAX);
		assert_true(strlen(text) <= CUSTOM_DATA_MAX);
		free(text);
		json_decref(given);
		json_decref(whole);
	}
	free(large);
	json_decref(stored);
	json_decref(refused);
}

static void test_a_text_of_tokens_alone_is_no_value(void **state)
{
	static const char *const tokens[] = {
		"[ZIP]", "[zip|none]", "[zip|]", "[a.b-c:d_1]", " [ZIP]\n", "{{zip}}", "{{ zip }}",
		"{{1__zip}}", "{{{zip}}}", "{{lead.First Name:default=x}}", "{{a}} {{b}}",
		"[a][b]", "[a], [b]", "{{stra\xc3\x9f" "e}}",
	};
	static const char *const values[] = {
		"", " ", "-", "x", "[]", "[1]", "[ a ]", "[a", "a]", "[a|", "[a,b]", "[\"a\"]", "{}",
		"{{}}", "{{ }}", "{{a}", "{a}}", "{{a}}}", "{{{{a}}}}", "{{a\nb}}", "{\"a\":{\"b\":1}}",
		"Dear {{name}}", "{{name}}!", "[a] b", ",[a]",
	};
	struct arena arena = {0};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tokens); i++)
		if (!tags_unreplaced(tokens[i], strlen(tokens[i]), &arena))
			fail_msg("a value: %s", tokens[i]);
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		if (tags_unreplaced(values[i], strlen(values[i]), &arena))
			fail_msg("a token: %s", values[i]);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_text_of_tokens_alone_is_no_value),
		cmocka_unit_test(test_a_parameter_with_brackets_is_a_member_within_another),
		cmocka_unit_test(test_listed_sources_come_before_the_name_and_types_are_checked), cmocka_unit_test(test_a_source_of_another_kind_is_not_read),
		cmocka_unit_test(test_which_of_several_values_stays), cmocka_unit_test(test_a_list_of_texts_has_an_end),
		cmocka_unit_test(test_a_mapping_goes_before_what_the_tag_lists_and_headers_are_a_source),
		cmocka_unit_test(test_null_removes_a_tag_that_no_other_source_gives_a_value),
		cmocka_unit_test(test_a_removal_settles_by_time_and_rank),
		cmocka_unit_test(test_custom_data_is_merged_by_time_and_has_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
