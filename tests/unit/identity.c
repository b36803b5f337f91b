#include "test.h"
#include "sip/identity.h"
#include <stdio.h>
#include <string.h>

#define NAMES_MAX 8

/* names: with blanks between. */
static bool fits(const char *names, const char *host)
{
	char text[400];
	const char *list[NAMES_MAX];
	size_t count = 0;
	snprintf(text, sizeof text, "%s", names);
	for (char *name = strtok(text, " "); name && count < NAMES_MAX; name = strtok(NULL, " "))
		list[count++] = name;
	return sip_identity_fits(list, count, host);
}

static void test_a_domain_is_named_by_an_equal_dns_name(void **state)
{
	(void)state;
	assert_true(fits("DNS:sip.example.com", "sip.example.com"));
	assert_true(fits("DNS:other.example DNS:SIP.Example.COM", "sip.eXample.com"));
	assert_true(fits("DNS:sip.example.com.", "sip.example.com"));
	assert_true(fits("DNS:sip.example.com", "sip.example.com."));
	assert_true(fits("DNS:gateway", "gateway"));
	assert_false(fits("DNS:example.com", "sip.example.com"));
	assert_false(fits("DNS:sip.example.com", "example.com"));
	assert_false(fits("DNS:.example.com", "sip.example.com"));
	assert_false(fits("DNS:sip.example.com.evil.example", "sip.example.com"));
	assert_false(fits("DNS:sip.example.com..", "sip.example.com"));
	assert_false(fits("DNS:", ""));
	assert_false(fits("DNS:.", "."));
	assert_false(fits("", "sip.example.com"));
}

static void test_a_wildcard_is_the_whole_first_label_and_stands_for_one(void **state)
{
	(void)state;
	assert_true(fits("DNS:*.pstn.example.com", "eu1.pstn.example.com"));
	assert_true(fits("DNS:*.PSTN.example.com", "EU1.pstn.example.com."));
	assert_true(fits("DNS:*.sip.example", "xn--bcher-kva.sip.example"));
	assert_true(fits("CN:*.sip.example", "gw.sip.example"));
	assert_false(fits("DNS:*.pstn.example.com", "pstn.example.com"));
	assert_false(fits("DNS:*.pstn.example.com", "a.eu1.pstn.example.com"));
	assert_false(fits("DNS:*.pstn.example.com", ".pstn.example.com"));
	assert_false(fits("DNS:eu*.pstn.example.com", "eu1.pstn.example.com"));
	assert_false(fits("DNS:*1.pstn.example.com", "eu1.pstn.example.com"));
	assert_false(fits("DNS:eu1.*.example.com", "eu1.pstn.example.com"));
	assert_false(fits("DNS:*.*.example.com", "eu1.pstn.example.com"));
	assert_false(fits("DNS:**.example.com", "eu1.example.com"));
	assert_false(fits("DNS:*.com", "example.com"));
	assert_false(fits("DNS:*.com.", "example.com"));
	assert_false(fits("DNS:*", "example"));
	assert_false(fits("DNS:*.", "example."));
	assert_false(fits("URI:sip:*.example.com", "a.example.com"));
	/* Nobody is called by a wildcard. */
	assert_false(fits("DNS:*.example.com", "*.example.com.evil.example"));
}

static void test_an_address_is_named_by_an_equal_address(void **state)
{
	(void)state;
	assert_true(fits("IP:192.0.2.7", "192.0.2.7"));
	assert_true(fits("DNS:a.example IP:192.0.2.6 IP:192.0.2.7", "192.0.2.7"));
	assert_true(fits("IP:2001:db8::7", "[2001:db8::7]"));
	assert_true(fits("IP:2001:db8::7", "2001:0DB8:0:0::7"));
	assert_true(fits("CN:192.0.2.7", "192.0.2.7"));
	assert_false(fits("DNS:192.0.2.7", "192.0.2.7"));
	assert_false(fits("DNS:*.0.2.7", "192.0.2.7"));
	assert_false(fits("CN:*.0.2.7", "192.0.2.7"));
	assert_false(fits("URI:sip:192.0.2.7", "192.0.2.7"));
	assert_false(fits("IP:192.0.2.8", "192.0.2.7"));
	assert_false(fits("IP:2001:db8::8", "[2001:db8::7]"));
	assert_false(fits("IP:192.0.2.7", "[::ffff:192.0.2.7]"));
	assert_false(fits("IP:192.0.2.7", "sip.example"));
	assert_false(fits("DNS:2001:db8::7", "[2001:db8::7]"));
}

static void test_a_sip_uri_without_a_user_names_its_host(void **state)
{
	(void)state;
	assert_true(fits("URI:sip:example.com", "example.com"));
	assert_true(fits("URI:SIP:Example.com", "example.COM"));
	assert_true(fits("URI:sip:example.com:5061;transport=tls", "example.com"));
	assert_true(fits("URI:sip:example.com?subject=x", "example.com"));
	assert_false(fits("URI:sip:alice@example.com", "example.com"));
	assert_false(fits("URI:sips:example.com", "example.com"));
	assert_false(fits("URI:https://example.com", "example.com"));
	assert_false(fits("URI:sip:", "example.com"));
	assert_false(fits("URI:sip:sub.example.com", "example.com"));
}

static void test_an_internationalized_name_has_two_forms(void **state)
{
	(void)state;
	assert_true(fits("DNS:xn--bcher-kva.example", "b\xc3\xbc" "cher.example"));
	assert_true(fits("DNS:XN--BCHER-KVA.example", "B\xc3\x9c" "CHER.example"));
	assert_true(fits("CN:b\xc3\xbc" "cher.example", "xn--bcher-kva.example"));
	assert_true(fits("DNS:*.xn--bcher-kva.example", "sip.b\xc3\xbc" "cher.example"));
	assert_false(fits("DNS:bucher.example", "b\xc3\xbc" "cher.example"));
	assert_false(fits("DNS:\xff.example", "\xff.example"));
}

static void test_what_has_another_kind_names_nothing(void **state)
{
	(void)state;
	assert_false(fits("sip.example.com", "sip.example.com"));
	assert_false(fits("email:sip.example.com dns:sip.example.com", "sip.example.com"));
	assert_false(fits("IP:sip.example.com", "sip.example.com"));
}

static void problem(const char *one, const char *two, const char *host, const char *text)
{
	char out[IDENTITY_PROBLEM_SIZE];
	const char *const names[] = {one, two, "DNS:c.example", "DNS:d.example", "DNS:e.example"};
	size_t count = two ? 2 : 1;
	if (two && strcmp(two, "all") == 0)
		count = 5;
	assert_string_equal(sip_identity_problem(names, one ? count : 0, host, out), text);
}

static void test_the_reason_names_both_sides(void **state)
{
	(void)state;
	problem("DNS:other.example", NULL, "sip.example",
		"the certificate is for other.example, not sip.example");
	problem("DNS:a.example", "URI:sip:b.example", "sip.example",
		"the certificate is for a.example and sip:b.example, not sip.example");
	problem("DNS:a.example", "all", "sip.example",
		"the certificate is for a.example, all, c.example and 2 more, not sip.example");
	problem("DNS:192.0.2.7", NULL, "192.0.2.7",
		"the certificate is for the DNS name 192.0.2.7, not the address 192.0.2.7");
	problem(NULL, NULL, "sip.example",
		"the certificate names no server, so it is not that of sip.example");
	problem("DNS:a\x1b[31m\n\xe2\x80\xae", NULL, "sip.example",
		"the certificate is for a?[31m????, not sip.example");
}

static void test_a_long_reason_is_cut(void **state)
{
	(void)state;
	char name[1000], out[IDENTITY_PROBLEM_SIZE];
	memset(name, 'a', sizeof name - 1);
	memcpy(name, IDENTITY_DNS, strlen(IDENTITY_DNS));
	name[sizeof name - 1] = '\0';
	const char *const names[] = {name, name, name};
	sip_identity_problem(names, 3, name + 4, out);
	assert_true(strlen(out) < sizeof out);
	assert_false(sip_identity_fits(names, 3, name + 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_domain_is_named_by_an_equal_dns_name),
		cmocka_unit_test(test_a_wildcard_is_the_whole_first_label_and_stands_for_one),
		cmocka_unit_test(test_an_address_is_named_by_an_equal_address),
		cmocka_unit_test(test_a_sip_uri_without_a_user_names_its_host),
		cmocka_unit_test(test_an_internationalized_name_has_two_forms),
		cmocka_unit_test(test_what_has_another_kind_names_nothing),
		cmocka_unit_test(test_the_reason_names_both_sides),
		cmocka_unit_test(test_a_long_reason_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
