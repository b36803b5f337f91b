#include "test.h"
#include "base/network.h"
#include "sip/digest.h"
#include "sip/nonce.h"
#include <sofia-sip/sip_header.h>
#include <stdio.h>
#include <string.h>

static const unsigned char key[32] = "a key", other_key[32] = "another";

static const struct sockaddr *from(const char *text)
{
	static struct sockaddr_storage address;
	assert_true(address_parse(text, strlen(text), &address));
	return (const struct sockaddr *)&address;
}

static void test_a_nonce_is_fresh_for_one_address_and_a_minute(void **state)
{
	struct nonces *n = nonces_create(key), *others = nonces_create(other_key);
	char nonce[NONCE_SIZE], changed[NONCE_SIZE];
	(void)state;
	nonce_make(n, from("192.0.2.1:5060"), 5000, 7, nonce);
	assert_true(nonce_is_fresh(n, nonce, from("192.0.2.1:9999"), 5000));
	assert_true(nonce_is_fresh(n, nonce, from("192.0.2.1"), 5000 + NONCE_LIFETIME_MS - 1));
	assert_false(nonce_is_fresh(n, nonce, from("192.0.2.1"), 5000 + NONCE_LIFETIME_MS));
	assert_false(nonce_is_fresh(n, nonce, from("192.0.2.1"), 4999));
	assert_false(nonce_is_fresh(n, nonce, from("192.0.2.2"), 5000));
	assert_false(nonce_is_fresh(others, nonce, from("192.0.2.1"), 5000));
	assert_true(nonce_is_fresh(n, nonce, from("::ffff:192.0.2.1"), 5000));
	for (size_t i = 0; i < strlen(nonce); i++) {
		memcpy(changed, nonce, sizeof changed);
		changed[i] = changed[i] == '1' ? '2' : '1';
		assert_false(nonce_is_fresh(n, changed, from("192.0.2.1"), 5000));
	}
	assert_false(nonce_is_fresh(n, "", from("192.0.2.1"), 5000));
	assert_false(nonce_is_fresh(n, "1388..", from("192.0.2.1"), 5000));
	nonce_make(n, from("2001:db8::1"), 5000, 7, nonce);
	assert_true(nonce_is_fresh(n, nonce, from("[2001:db8::1]:5060"), 5000));
	assert_false(nonce_is_fresh(n, nonce, from("2001:db8::2"), 5000));
	nonces_destroy(n);
	nonces_destroy(others);
}

static void test_a_count_is_taken_once_and_only_upwards(void **state)
{
	struct nonces *n = nonces_create(key);
	char one[NONCE_SIZE], two[NONCE_SIZE];
	(void)state;
	nonce_make(n, from("192.0.2.1"), 5000, 1, one);
	nonce_make(n, from("192.0.2.1"), 5000, 2, two);
	assert_string_not_equal(one, two);
	assert_false(nonce_take(n, one, 0, 5000));
	assert_true(nonce_take(n, one, 1, 5000));
	assert_false(nonce_take(n, one, 1, 5000));
	assert_true(nonce_take(n, one, 3, 5000));
	assert_false(nonce_take(n, one, 2, 5000));
	assert_true(nonce_take(n, two, 1, 5000));
	assert_int_equal(nonces_count(n), 2);
	nonces_destroy(n);
}

static void test_a_nonce_that_is_forgotten_is_not_fresh(void **state)
{
	struct nonces *n = nonces_create(key);
	char first[NONCE_SIZE], nonce[NONCE_SIZE];
	(void)state;
	nonce_make(n, from("192.0.2.1"), 5000, 0, first);
	assert_true(nonce_take(n, first, 1, 5000));
	for (unsigned i = 1; i < NONCES_MAX; i++) {
		nonce_make(n, from("192.0.2.1"), 5001, i, nonce);
		assert_true(nonce_take(n, nonce, 1, 5001));
	}
	assert_true(nonce_is_fresh(n, first, from("192.0.2.1"), 5001));
	nonce_make(n, from("192.0.2.1"), 5002, 0, nonce);
	assert_true(nonce_take(n, nonce, 1, 5002));
	assert_int_equal(nonces_count(n), NONCES_MAX);
	assert_false(nonce_is_fresh(n, first, from("192.0.2.1"), 5002));
	assert_true(nonce_is_fresh(n, nonce, from("192.0.2.1"), 5002));
	/* Old ones make room without that. */
	nonce_make(n, from("192.0.2.1"), 90000, 1, nonce);
	assert_true(nonce_take(n, nonce, 1, 90000));
	assert_int_equal(nonces_count(n), 1);
	nonces_destroy(n);
}

static bool fits(const char *field, const char *method, const char *password)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct digest_response r;
	su_home_init(home);
	const sip_authorization_t *a = sip_authorization_make(home, field);
	assert_non_null(a);
	bool ok = digest_response_read(home, (const char *const *)a->au_params, &r) &&
		  digest_response_fits(&r, method, password);
	su_home_deinit(home);
	return ok;
}

/* Field values: RFC 2617 section 3.5, RFC 7616 section 3.9.1. */
static void test_responses_are_those_of_the_rfcs(void **state)
{
	static const char rest[] = "username=\"Mufasa\", uri=\"/dir/index.html\", qop=auth, nc=00000001, ";
	char field[600];
	(void)state;
	snprintf(field, sizeof field, "Digest %srealm=\"testrealm@host.com\", "
		"nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", cnonce=\"0a4f113b\", "
		"response=\"6629fae49393a05397450978507c4ef1\"", rest);
	assert_true(fits(field, "GET", "Circle Of Life"));
	assert_false(fits(field, "GET", "Circle of Life"));
	assert_false(fits(field, "INVITE", "Circle Of Life"));
	snprintf(field, sizeof field, "Digest %srealm=\"http-auth@example.org\", algorithm=SHA-256, "
		"nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
		"cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", "
		"response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"", rest);
	assert_true(fits(field, "GET", "Circle of Life"));
	assert_false(fits(field, "GET", "Circle Of Life"));
}

static void test_a_response_that_lacks_something_is_none(void **state)
{
	static const char all[] = "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"0\"";
	static const char *const wrong[] = {
		", qop=auth", ", qop=auth, cnonce=\"c\"", ", qop=auth, cnonce=\"c\", nc=1",
		", qop=auth, cnonce=\"c\", nc=0000000x", ", qop=auth-int, cnonce=\"c\", nc=00000001",
		", algorithm=SHA-1", ", algorithm=MD5-sess",
	};
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct digest_response r;
	char field[300];
	(void)state;
	su_home_init(home);
	const sip_authorization_t *a = sip_authorization_make(home, all);
	assert_true(digest_response_read(home, (const char *const *)a->au_params, &r));
	assert_int_equal(r.count, 1);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		snprintf(field, sizeof field, "%s%s", all, wrong[i]);
		a = sip_authorization_make(home, field);
		assert_false(digest_response_read(home, (const char *const *)a->au_params, &r));
	}
	su_home_deinit(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_nonce_is_fresh_for_one_address_and_a_minute),
		cmocka_unit_test(test_a_count_is_taken_once_and_only_upwards),
		cmocka_unit_test(test_a_nonce_that_is_forgotten_is_not_fresh),
		cmocka_unit_test(test_responses_are_those_of_the_rfcs),
		cmocka_unit_test(test_a_response_that_lacks_something_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
