#include "test.h"
#include "base/public.h"
#include "webhook/answer.h"
#include "webhook/guard.h"
#include "config/config.h"
#include "webhook/members.h"
#include "webhook/signature.h"
#include "webhook/statistics.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static bool is_public(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return address_is_public((struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return address_is_public((struct sockaddr *)&v6);
}

static void test_ports_of_other_protocols_are_refused(void **state)
{
	const struct {
		int port;
		bool allowed;
	} ports[] = {{80, true}, {443, true}, {8080, true}, {49152, true}, {25, false}, {22, false}, {53, false}, {5060, false}, {6667, false}, {0, false}};
	(void)state;
	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
		struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)ports[i].port)};
		struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)ports[i].port)};
		assert_int_equal(address_port_is_allowed((struct sockaddr *)&v4), ports[i].allowed);
		assert_int_equal(address_port_is_allowed((struct sockaddr *)&v6), ports[i].allowed);
	}
}

static void test_a_webhook_has_a_minutes_worth_at_once_and_then_its_rate(void **state)
{
	struct guard *g = guard_create();
	(void)state;
	for (int i = 0; i < 60; i++)
		assert_int_equal(guard_take(g, "iwh_1", 60, 1000), 0);
	assert_int_equal(guard_take(g, "iwh_1", 60, 1000), 2);
	assert_int_equal(guard_take(g, "iwh_2", 60, 1000), 0);
	assert_int_equal(guard_take(g, "iwh_1", 60, 2000), 0);
	assert_true(guard_take(g, "iwh_1", 60, 2000) > 0);
	assert_int_equal(guard_take(g, "iwh_3", 0, 2000), 0);
	guard_destroy(g);
}

static void test_failures_are_counted_by_address_and_the_oldest_make_room(void **state)
{
	struct guard *g = guard_create();
	char address[32];
	(void)state;
	guard_failed(g, "org_1", "iwh_1", "10.0.0.1", "wrong signature", 1);
	guard_failed(g, "org_1", "iwh_1", "10.0.0.1", "wrong signature", 2);
	guard_failed(g, "", "", "10.0.0.2", "unknown key", 3);
	json_t *list = guard_failures(g, "org_1", false);
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "count")), 2);
	json_decref(list);
	list = guard_failures(g, "org_2", true);
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
	for (int i = 0; i < GUARD_ADDRESSES_MAX; i++) {
		snprintf(address, sizeof address, "10.1.%d.%d", i / 256, i % 256);
		guard_failed(g, "org_2", "iwh_2", address, "wrong password", 4);
	}
	list = guard_failures(g, "org_1", true);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	assert_int_equal(guard_failure_count(g), 3 + GUARD_ADDRESSES_MAX);
	guard_destroy(g);
}

static void test_only_public_addresses_pass(void **state)
{
	static const char *const private[] = {"127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
					      "::1", "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1", "2001:db8::1"};
	static const char *const public[] = {"8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1", "::ffff:8.8.8.8"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(private); i++)
		if (is_public(private[i]))
			fail_msg("%s passes", private[i]);
	for (size_t i = 0; i < ARRAY_LEN(public); i++)
		if (!is_public(public[i]))
			fail_msg("%s does not pass", public[i]);
}

/* The example of the Standard Webhooks specification's own libraries. */
static void test_signature_is_the_standards(void **state)
{
	char out[SIGNATURE_SIZE];
	(void)state;
	assert_true(signature_make("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}", 20, out));
	assert_string_equal(out, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	assert_false(signature_make("plain", "id", 1, "", 0, out));
}

static void test_percentiles_are_taken_from_the_buckets(void **state)
{
	struct delivery_counts n = {0};
	(void)state;
	assert_true(statistics_percentile_ms(0, n.buckets, 50) < 0);
	for (int i = 0; i < 90; i++)
		delivery_counts_answer(&n, 0.03);
	for (int i = 0; i < 9; i++)
		delivery_counts_answer(&n, 0.4);
	delivery_counts_answer(&n, 60);
	double p50 = statistics_percentile_ms(n.answered, n.buckets, 50), p95 = statistics_percentile_ms(n.answered, n.buckets, 95);
	assert_true(p50 > 25 && p50 < 50);
	assert_true(p95 > 250 && p95 < 500);
	assert_true(statistics_percentile_ms(n.answered, n.buckets, 99) <= 500);
	assert_true(statistics_percentile_ms(n.answered, n.buckets, 100) == 10000); /* no more is known of it */
}

static void test_control_members_by_name_place_and_path(void **state)
{
	static const struct {
		unsigned type;
		const char *body;
		enum incoming_member member;
		const char *text, *data; /* text NULL: it was not sent */
	} cases[] = {
		{INCOMING_CALL_DATA, "{\"call_log_id\":\" c \",\"x\":1}", MEMBER_CALL_ID, "c", "{\"call_log_id\":\" c \",\"x\":1}"},
		{INCOMING_CALL_DATA, "{\"call_id\":\"\",\"callid\":\"c\"}", MEMBER_CALL_ID, "c", "{\"callid\":\"c\"}"},
		{INCOMING_CALL_DATA, "{\"call_id\":\" \\u00a0\\t\"}", MEMBER_CALL_ID, NULL, "{}"},
		{INCOMING_CALL_DATA, "{\"phone\":1,\"caller_id\":2}", MEMBER_CALLER_ID, "2", "{\"phone\":1}"},
		{INCOMING_CALL_DATA, "{\"fields\":{\"caller_id\":2,\"x\":3}}", MEMBER_CALLER_ID, "2", "{\"x\":3}"},
		{INCOMING_CALL_DATA, "{\"caller_id\":1,\"fields\":{\"caller_id\":2}}", MEMBER_CALLER_ID, "1", "{\"caller_id\":2}"},
		{INCOMING_CALL_DATA, "{\"caller_id\":1,\"fields\":{\"caller_id\":1}}", MEMBER_CALLER_ID, "1", "{}"},
		{INCOMING_CALL_DATA, "{\"revenue\":5}", MEMBER_REVENUE, NULL, "{\"revenue\":5}"},
		{INCOMING_CALL_DATA, "{\"custom_data\":{\"a\":1,\"caller_id\":7},\"a\":2}", MEMBER_CALLER_ID, NULL, "{\"a\":2,\"caller_id\":7}"},
		{INCOMING_CALL_DATA, "{\"custom_data\":\"{\\\"a\\\":1}\"}", MEMBER_CALLER_ID, NULL, "{\"a\":1}"},
		{INCOMING_CALL_DATA, "{\"custom_data\":\"text\",\"fields\":[1]}", MEMBER_CALLER_ID, NULL, "{\"custom_data\":\"text\",\"fields\":[1]}"},
		{INCOMING_UPDATE_REVENUE, "{\"revenue\":5,\"revenue_paid_out\":6}", MEMBER_REVENUE, "5", "{\"revenue_paid_out\":6}"},
		{INCOMING_UPDATE_REVENUE, "{\"revenue\":null,\"revenue_paid_out\":6}", MEMBER_REVENUE, "6", "{\"revenue_paid_out\":6}"},
		{INCOMING_UPDATE_REVENUE, "{\"disposition\":\"x\",\"add\":{\"a\":1}}", MEMBER_DISPOSITION, NULL, "{\"disposition\":\"x\",\"add\":{\"a\":1}}"},
		{INCOMING_UPDATE_FIELDS, "{\"publisher_paid_out\":\"3\"}", MEMBER_PAYOUT, "3", "{\"publisher_paid_out\":\"3\"}"},
		{INCOMING_UPDATE_FIELDS, "{\"tags\":{\"add\":{\"a\":1},\"other\":2}}", MEMBER_REASON, NULL, "{\"tags\":{\"other\":2}}"},
		{INCOMING_UPDATE_FIELDS, "{\"fields[reason]\":\"sold\"}", MEMBER_REASON, "sold", "{}"},
	};
	struct arena arena = {0};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct incoming_members m;
		json_t *body = json_loads(cases[i].body, 0, NULL);
		assert_non_null(body);
		assert_true(incoming_members_read(body, cases[i].type, NULL, "US", &arena, &m));
		const char *text = m.given[cases[i].member].text;
		char *data = json_dumps(m.data, JSON_COMPACT);
		if ((text != NULL) != (cases[i].text != NULL) || (text && strcmp(text, cases[i].text) != 0) || strcmp(data, cases[i].data) != 0)
			fail_msg("case %zu: '%s', data %s", i, text ? text : "(none)", data);
		free(data);
		incoming_members_free(&m);
		json_decref(body);
	}
	arena_free(&arena);
}

static void test_call_keys_are_of_one_call_and_are_masked(void **state)
{
	struct crypto_key key, other;
	char one[CALL_KEY_SIZE], two[CALL_KEY_SIZE], org[ID_SIZE], call[ID_SIZE], organization_id[ID_SIZE], call_id[ID_SIZE];
	(void)state;
	memset(&key, 1, sizeof key);
	memset(&other, 2, sizeof other);
	id_new("org", org);
	id_new("call", call);
	assert_true(call_key_make(&key, org, call, one));
	assert_int_equal(strlen(one), CALL_KEY_SIZE - 1);
	assert_true(call_key_parse(one, organization_id, call_id));
	assert_string_equal(organization_id, org);
	assert_string_equal(call_id, call);
	assert_true(call_key_verify(&key, one));
	assert_false(call_key_verify(&other, one));
	for (size_t i = 0; i < CALL_KEY_SIZE - 1; i++) {
		memcpy(two, one, sizeof two);
		two[i] = two[i] == 'A' ? 'B' : 'A';
		assert_false(call_key_verify(&key, two));
	}
	assert_false(call_key_make(&key, "org_EXAMPLE", call, two));
	assert_false(call_key_parse("ck_", organization_id, call_id));
	char text[400];
	int n = snprintf(text, sizeof text, "k=%s&%s, ck_short iwk_short, iwk_%043d", one, one, 0);
	size_t masked = keys_mask(text, (size_t)n);
	assert_int_equal(masked, strlen(text));
	assert_string_equal(text, "k=********&********, ck_short iwk_short, ********");
}

static void test_an_answer_becomes_utf8_by_its_mark_its_type_its_declaration_or_a_guess(void **state)
{
	static const char utf16[] = "\xff\xfe{\0" "1\0" "}\0";
	const struct {
		const char *type, *body;
		size_t len;
		const char *text;
	} cases[] = {
		{NULL, "plain", 5, "plain"},
		{NULL, "\xef\xbb\xbf{\"a\":1}", 10, "{\"a\":1}"},
		{"application/json", utf16, sizeof utf16 - 1, "{1}"},
		{"text/plain; charset=ISO-8859-1", "caf\xe9", 4, "caf\xc3\xa9"},
		{"text/plain", "caf\xe9", 4, "caf\xc3\xa9"},
		{"text/plain; charset=\"windows-1251\"", "\xc4\xe0", 2, "\xd0\x94\xd0\xb0"},
		{"text/xml", "<?xml version='1.0' encoding='windows-1251'?><a>\xc4</a>", 53,
		 "<?xml version='1.0' encoding='windows-1251'?><a>\xd0\x94</a>"},
		{"text/xml; charset=utf-8", "<?xml encoding=\"latin1\"?>\xc3\xa9", 27,
		 "<?xml encoding=\"latin1\"?>\xc3\xa9"},
		{"text/xml", "<?xml encoding=\"UTF-16\"?>x", 26, "<?xml encoding=\"UTF-16\"?>x"},
		{"text/xml", "<?xml encoding=\"", 16, "<?xml encoding=\""},
		{NULL, "a\0b", 3, "a\xef\xbf\xbd" "b"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf body = {0};
		buf_add(&body, cases[i].body, cases[i].len);
		assert_true(answer_decode(cases[i].type, &body));
		assert_string_equal(buf_text(&body), cases[i].text);
		assert_int_equal(body.len, strlen(cases[i].text));
		buf_free(&body);
	}
	struct buf empty = {0};
	assert_true(answer_decode("text/plain", &empty));
	assert_int_equal(empty.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_an_answer_becomes_utf8_by_its_mark_its_type_its_declaration_or_a_guess),
		cmocka_unit_test(test_control_members_by_name_place_and_path),
		cmocka_unit_test(test_call_keys_are_of_one_call_and_are_masked),
		cmocka_unit_test(test_only_public_addresses_pass),
		cmocka_unit_test(test_ports_of_other_protocols_are_refused),
		cmocka_unit_test(test_a_webhook_has_a_minutes_worth_at_once_and_then_its_rate),
		cmocka_unit_test(test_failures_are_counted_by_address_and_the_oldest_make_room),
		cmocka_unit_test(test_signature_is_the_standards),
		cmocka_unit_test(test_percentiles_are_taken_from_the_buckets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
