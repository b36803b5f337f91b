/* What buyers' answers to pings mean, what may be told to them, and who comes first. */
#include "test.h"
#include "rtb/target.h"

#define NOW INT64_C(1700000000000)

static struct arena arena;

static struct rtb_answer ask(const char *response, int status, const char *body)
{
	struct rtb_answer said;
	json_t *json = json_loads(response, 0, NULL);
	struct rtb_mapping *m = rtb_mapping_compile(json, "", NULL);
	assert_non_null(m);
	rtb_mapping_read(m, status, body, strlen(body), NOW, "US", &arena, &said);
	rtb_mapping_free(m);
	json_decref(json);
	return said;
}

static int64_t bid(const char *amount)
{
	char body[128];
	snprintf(body, sizeof body, "{\"b\":\"%s\"}", amount);
	struct rtb_answer said = ask("{\"format\":\"json\",\"bid\":\"/b\"}", 200, body);
	return said.accepted ? said.bid_micros : -1;
}

static void test_amounts_as_people_write_them(void **state)
{
	static const struct {
		const char *text;
		int64_t micros;
	} good[] = {{"12.5", 12500000}, {"$12.50", 12500000}, {"USD 1,250.00", 1250000000}, {"1,234,567", INT64_C(1234567000000)}, {".5", 500000}, {"7.", 7000000}, {"0", 0}, {"1.23456789", 1234568},
		   {"12 USD", 12000000}, {"1e3", 1000000000}, {"2.9999999999999996", 3000000}, {"EUR 1 234.50", 1234500000}};
	static const char *const bad[] = {"", "free", "-1", "$-1", "12,50", "1,2,3", "1234,567", "1,234,56", "1.2.3", "1e13", "USD \xe2\x88\x92" "5", "1,234.5,6", "99999999999999999999"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(bid(good[i].text), good[i].micros);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (bid(bad[i]) != -1)
			fail_msg("%s is taken for %lld", bad[i], (long long)bid(bad[i]));
}

static void test_the_ways_to_accept(void **state)
{
	static const char any[] = "{\"format\":\"json\",\"accepted\":\"/a\"}", listed[] = "{\"format\":\"json\",\"accepted\":\"/a\",\"accepted_values\":[\"Sold\",\"1\"]}";
	(void)state;
	assert_true(ask(any, 200, "{\"a\":true}").accepted && ask(any, 200, "{\"a\":\"yes\"}").accepted && ask(any, 201, "{\"a\":1}").accepted);
	assert_false(ask(any, 200, "{\"a\":false}").accepted || ask(any, 200, "{\"a\":\"Rejected\"}").accepted || ask(any, 200, "{\"a\":0}").accepted || ask(any, 200, "{\"a\":null}").accepted || ask(any, 200, "{}").accepted || ask(any, 200, "{\"a\":\"\"}").accepted);
	assert_true(ask(listed, 200, "{\"a\":\"SOLD\"}").accepted && ask(listed, 200, "{\"a\":1}").accepted);
	assert_false(ask(listed, 200, "{\"a\":true}").accepted || ask(listed, 200, "{}").accepted);
	assert_false(ask(any, 404, "{\"a\":true}").accepted || ask(any, 204, "").accepted || ask(any, 200, "").accepted);
}

static void test_where_and_until_when(void **state)
{
	static const char how[] = "{\"format\":\"text\",\"bid\":\"bid=(\\\\S+)\",\"destination\":\"to=(\\\\S+)\",\"duration\":\"for=(\\\\S+)\",\"expires\":\"until=(\\\\S+)\"}";
	(void)state;
	struct rtb_answer a = ask(how, 200, "bid=1 to=512-555-0100 for=90 until=30");
	assert_true(a.accepted);
	assert_string_equal(a.number, "+15125550100");
	assert_null(a.uri);
	assert_int_equal(a.duration_seconds, 90);
	assert_int_equal(a.expires_ms, NOW + 30000);
	a = ask(how, 200, "bid=1 to=SIP:buyer@example.com until=1700000020");
	assert_string_equal(a.uri, "SIP:buyer@example.com");
	assert_int_equal(a.duration_seconds, -1);
	assert_int_equal(a.expires_ms, NOW + 20000);
	assert_int_equal(ask(how, 200, "bid=1 until=1700000020000").expires_ms, NOW + 20000);
	assert_int_equal(ask(how, 200, "bid=1 until=2023-11-14T22:13:30Z").expires_ms, NOW + 10000);
	assert_int_equal(ask(how, 200, "bid=1 until=99999999").expires_ms, NOW + 86400000);
	static const char *const bad[] = {"bid=1 to=sip:", "bid=1 to=me", "bid=1 for=-1", "bid=1 for=86401", "bid=1 for=nan", "bid=1 until=soon", "bid=1 until=-5", "to=sip:a@b"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (ask(how, 200, bad[i]).accepted && ask(how, 200, bad[i]).expires_ms != NOW - 5000)
			fail_msg("%s is accepted", bad[i]);
}

static void test_xml_has_no_entities_and_is_bounded(void **state)
{
	static const char how[] = "{\"format\":\"xml\",\"bid\":\"//bid\",\"accepted\":\"count(//bid) > 0\"}";
	(void)state;
	assert_int_equal(ask(how, 200, "<a><bid>3.10</bid><bid>9</bid></a>").bid_micros, 3100000);
	assert_int_equal(ask(how, 200, "<a><bid><![CDATA[4]]></bid></a>").bid_micros, 4000000);
	assert_false(ask(how, 200, "<a/>").accepted);
	static const char *const bad[] = {"<!DOCTYPE a><a><bid>1</bid></a>", "<!DOCTYPE a [<!ENTITY b '1'>]><a><bid>&b;</bid></a>", "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a><bid>1</bid></a>", "<a><bid>1</a>", "", "1"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (ask(how, 200, bad[i]).accepted)
			fail_msg("%s is accepted", bad[i]);
	struct buf deep = {0};
	for (int i = 0; i < 10000; i++)
		buf_add_str(&deep, "<a>");
	assert_false(ask(how, 200, buf_text(&deep)).accepted);
	buf_reset(&deep);
	for (int i = 0; i < 10000; i++)
		buf_add_str(&deep, "[");
	assert_false(ask("{\"format\":\"json\",\"bid\":\"/b\"}", 200, buf_text(&deep)).accepted);
	buf_free(&deep);
	/* an expression that would take for ever is nothing */
	static const char slow[] = "{\"format\":\"xml\",\"bid\":\"//*[count(//*[count(//*[count(//*) > 1]) > 1]) > 1]\"}";
	struct buf wide = {0};
	buf_add_str(&wide, "<a>");
	for (int i = 0; i < 2000; i++)
		buf_add_str(&wide, "<b>1</b>");
	buf_add_str(&wide, "</a>");
	assert_false(ask(slow, 200, buf_text(&wide)).accepted);
	buf_free(&wide);
}

static void test_what_is_no_expression_says_so(void **state)
{
	json_t *response = json_pack("{s:s, s:s, s:s}", "format", "xml", "accepted", "//a[", "bid", "//b");
	struct errors errors = {0};
	(void)state;
	assert_null(rtb_mapping_compile(response, "/response", &errors));
	assert_int_equal(json_array_size(errors.list), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(errors.list, 0), "pointer")), "/response/accepted");
	errors_free(&errors);
	json_decref(response);
}

static void test_which_bids_count(void **state)
{
	struct rtb_target t = {.minimum_micros = 2000000, .maximum_micros = 5000000, .fixed_micros = -1, .expires_seconds = 60, .target = {.uri = "sip:a@b"}};
	struct rtb_answer a = {.accepted = true, .bid_micros = 2000000, .expires_ms = -1};
	(void)state;
	assert_null(rtb_judge(&t, -1, &a, NOW));
	assert_int_equal(a.expires_ms, NOW + 60000);
	assert_non_null(rtb_judge(&t, 2000001, &a, NOW));
	a.bid_micros = 1999999;
	assert_non_null(rtb_judge(&t, -1, &a, NOW));
	a.bid_micros = 5000001;
	assert_non_null(rtb_judge(&t, -1, &a, NOW));
	a.bid_micros = -1;
	assert_non_null(rtb_judge(&t, -1, &a, NOW));
	t.fixed_micros = 3000000;
	assert_null(rtb_judge(&t, -1, &a, NOW));
	assert_int_equal(a.bid_micros, 3000000);
	assert_non_null(rtb_judge(&t, -1, &a, a.expires_ms));
	t.minimum_micros = t.fixed_micros = 0;
	a.bid_micros = -1;
	assert_null(rtb_judge(&t, -1, &a, NOW));
	t.minimum_micros = -1;
	assert_string_equal(rtb_judge(&t, -1, &a, NOW), "its bid is nothing");
	t.fixed_micros = 1;
	a.bid_micros = -1;
	assert_null(rtb_judge(&t, -1, &a, NOW));
	t.target.uri = NULL;
	assert_non_null(rtb_judge(&t, -1, &a, NOW));
}

static void test_the_best_bid_comes_first(void **state)
{
	struct rtb_rank list[] = {{1, 1, 0}, {3, 2, 1}, {3, 1, 2}, {3, 1, 3}, {2, 0, 4}};
	static const size_t order[] = {2, 3, 1, 4, 0};
	(void)state;
	rtb_rank(list, ARRAY_LEN(list));
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		assert_int_equal(list[i].place, order[i]);
	rtb_rank(NULL, 0);
}

static int tag(void *arg, const char *name, size_t len)
{
	return tag_set_find(arg, name, len);
}

static void test_buyers_are_told_what_they_may_know(void **state)
{
	json_t *docs = json_pack("[{s:s, s:s}, {s:s, s:s, s:b}, {s:s, s:s, s:b}]", "id", "t1", "name", "zip", "id", "t2", "name", "ssn", "sensitive", 1, "id", "t3", "name", "bid", "sensitive", 1);
	struct tag_set *tags = tag_set_build(docs, "US", &arena);
	const char *may[] = {"t2"};
	struct value values[3] = {value_string("78701", 5), value_string("123-45", 6), value_string("secret", 6)}, call[CALL_FIELD_COUNT] = {0};
	call[CALL_CALLER_ID] = value_string("+15125550100", 12);
	const struct expr_scope scope = rtb_scope((struct expr_scope){.tag = tag, .arg = tags});
	json_t *doc = json_pack("{s:s, s:s, s:s, s:{s:s}}", "method", "POST", "url", "https://b/?c=[CALLER_ID]&z=[zip]&i=[RTB_REQUEST_ID]", "body", "s=[ssn]&b=[BID]", "headers", "Content-Type", "application/x-www-form-urlencoded");
	const struct value variables[RTB_VARIABLE_COUNT] = {[RTB_REQUEST_ID] = value_string("rtq 1", 5), [RTB_BID] = value_string("2.50", 4), [RTB_WINNING_BID] = {.text = ""}};
	struct expr_env env = {.tags = values, .tag_count = 3, .call = call}, seen;
	struct rtb_target t = {0};
	struct rtb_rendered out = {0};
	(void)state;
	assert_true(rtb_request_build(doc, &scope, &arena, &t.ping));
	assert_true(rtb_env(&t, tags, &env, true, variables, &arena, &seen) && rtb_render(&t.ping, &seen, &arena, &out));
	assert_string_equal(out.url, "https://b/?c=&z=78701&i=rtq%201");
	assert_string_equal(out.body, "s=&b=2.50"); /* a tag of that name is hidden */
	assert_string_equal(out.headers[0], "Content-Type: application/x-www-form-urlencoded");
	assert_null(out.headers[1]);
	t.sends_caller_number = true;
	t.sensitive_tag_ids = may;
	t.sensitive_count = 1;
	assert_true(rtb_env(&t, tags, &env, true, variables, &arena, &seen) && rtb_render(&t.ping, &seen, &arena, &out));
	assert_string_equal(out.url, "https://b/?c=%2B15125550100&z=78701&i=rtq%201");
	assert_string_equal(out.body, "s=123-45&b=2.50");
	assert_true(rtb_env(&t, tags, &env, false, variables, &arena, &seen) && rtb_render(&t.ping, &seen, &arena, &out));
	assert_string_equal(out.body, "s=&b=2.50");
	json_decref(doc);
	json_decref(docs);
}

static int cleanup(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_amounts_as_people_write_them),
		cmocka_unit_test(test_the_ways_to_accept),
		cmocka_unit_test(test_where_and_until_when),
		cmocka_unit_test(test_xml_has_no_entities_and_is_bounded),
		cmocka_unit_test(test_what_is_no_expression_says_so),
		cmocka_unit_test(test_which_bids_count),
		cmocka_unit_test(test_the_best_bid_comes_first),
		cmocka_unit_test(test_buyers_are_told_what_they_may_know),
	};
	return cmocka_run_group_tests(tests, NULL, cleanup);
}
