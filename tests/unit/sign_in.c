/* Passwords that are easily guessed, and who guesses them. */
#include "test.h"
#include "http/guesses.h"
#include "http/totp.h"
#include "model/user.h"

static bool is_taken(const char *password, const char *email)
{
	struct errors errors = {0};
	user_password_check(password, email, &errors);
	bool taken = !errors_any(&errors);
	errors_free(&errors);
	return taken;
}

static void test_passwords_that_are_tried_first_are_refused(void **state)
{
	static const char *const refused[] = {
		"1234567890", "12345678901234567890", "0987654321", "aaaaaaaaaa", "abababababab", "abcabcabcabc",
		"qwertyuiop", "QWERTYUIOP!", "qwerty123456", "asdfghjkl123", "1qaz2wsx3edc", "1q2w3e4r5t", "zaq12wsxcde3",
		"abcdefghij", "Password123!", "p@ssw0rd2024", "passwordpassword", "adminadmin", "administrator",
		"Welcome2024!", "Summer2025!!", "!!letmein1234", "iloveyou2024", "trustno1trustno1", "december2024",
		"owner12345", "Owner!2024", "example2024", "strowger123", "Strowger!2026", "abc1234567", "0123456789",
		"1111111111", "1212121212", "passw0rd!!", "changeme123", "s3cretadmin1",
	};
	static const char *const taken[] = {
		"correct horse battery", "pale violet lantern", "a good password", "kD8#vq2Lw!xz", "strowger saves every call",
		"the owner of seven bright kites", "tangerine-motorbike", "Grüße aus Köln 7", "x7x9k2m4q1", "blue-lagoon-42",
		"$argon2id$v=19$m=65536,t=4000000000,p=1$c29tZXNhbHRzb21lc2FsdA$AAAA", "summerhouse kettle",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (is_taken(refused[i], "owner@example.com"))
			fail_msg("%s is taken", refused[i]);
	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (!is_taken(taken[i], "owner@example.com"))
			fail_msg("%s is refused", taken[i]);
	assert_true(is_taken("newcomer2026", "amy@corp.example"));
	assert_true(is_taken("newcomer2026", NULL));
	assert_false(is_taken("newcomer2026", "Newcomer@example.com"));
}

static void test_the_sixth_wrong_password_of_an_address_waits_ever_longer(void **state)
{
	struct guesses *g = guesses_create();
	char account[32];
	int64_t now = 1000000;
	(void)state;
	for (int i = 0; i < 5; i++) { /* whichever accounts it names */
		snprintf(account, sizeof account, "user%d@example.com", i);
		assert_int_equal(guesses_begin(g, "192.0.2.1", account, now), 0);
	}
	static const int waits[] = {60, 120, 240, 480, 900, 900};
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		assert_int_equal(guesses_begin(g, "192.0.2.1", "new@example.com", now), waits[i]);
		assert_int_equal(guesses_begin(g, "192.0.2.2", "new@example.com", now), 0);
		guesses_right(g, "192.0.2.2", "new@example.com", now);
		now += waits[i] * 1000;
		assert_int_equal(guesses_begin(g, "192.0.2.1", "new@example.com", now), 0);
	}
	assert_int_equal(guesses_begin(g, "192.0.2.1", "new@example.com", now + 3600000), 0);
	guesses_destroy(g);
}

static void test_right_passwords_do_not_count_and_do_not_pardon_others(void **state)
{
	struct guesses *g = guesses_create();
	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(guesses_begin(g, "192.0.2.1", "amy@example.com", 1000), 0);
		guesses_right(g, "192.0.2.1", "amy@example.com", 1000);
	}
	for (int i = 0; i < 5; i++) { /* an account of its own between two guesses changes nothing */
		assert_int_equal(guesses_begin(g, "192.0.2.1", "owner@example.com", 1000), 0);
		if (i == 4)
			break;
		assert_int_equal(guesses_begin(g, "192.0.2.1", "amy@example.com", 1000), 0);
		guesses_right(g, "192.0.2.1", "amy@example.com", 1000);
	}
	assert_true(guesses_begin(g, "192.0.2.1", "amy@example.com", 1000) > 0);
	guesses_destroy(g);
}

static void test_an_account_waits_where_several_addresses_guess_it(void **state)
{
	struct guesses *g = guesses_create();
	const char *owner = "owner@example.com";
	char address[32];
	int64_t now = 5000;
	int wait = 0, tries = 0;
	(void)state;
	assert_int_equal(guesses_begin(g, "198.51.100.7", owner, now), 0);
	guesses_right(g, "198.51.100.7", owner, now);
	for (int i = 0; i < 5; i++) /* one address alone does not lock anybody else out */
		assert_int_equal(guesses_begin(g, "192.0.2.1", owner, now), 0);
	assert_int_equal(guesses_begin(g, "203.0.113.1", owner, now), 0);
	for (int i = 0; i < 1000; i++) { /* each of a thousand addresses guesses once, twelve a minute */
		snprintf(address, sizeof address, "192.0.%d.%d", 3 + i / 250, i % 250);
		now += 5000;
		int more = guesses_begin(g, address, owner, now);
		tries += !more;
		wait = more > wait ? more : wait;
		/* where the owner was signed in before, the owner still gets in */
		assert_int_equal(guesses_begin(g, "198.51.100.7", owner, now), 0);
		guesses_right(g, "198.51.100.7", owner, now);
	}
	assert_true(wait > 60 && wait <= 300);
	assert_true(tries < 200);
	guesses_destroy(g);
}

static void test_what_is_remembered_of_guessers_is_bounded(void **state)
{
	struct guesses *g = guesses_create();
	char address[32], account[64];
	(void)state;
	for (int i = 0; i < 3 * GUESSES_KEPT; i++) {
		snprintf(address, sizeof address, "2001:db8:%x:%x::/64", i >> 16, i & 0xffff);
		snprintf(account, sizeof account, "user%d@example.com", i);
		assert_int_equal(guesses_begin(g, address, account, 1000), 0);
		guesses_wrong(g);
	}
	assert_int_equal(guesses_counts(g).wrong, 3 * GUESSES_KEPT);
	guesses_destroy(g);
}

/* RFC 6238 appendix B, the last six digits. */
static void test_codes_are_those_of_the_rfc(void **state)
{
	static const char secret[] = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"; /* "12345678901234567890" */
	static const struct {
		int64_t seconds;
		const char *code;
	} cases[] = {
		{59, "287082"},
		{1111111109, "081804"},
		{1111111111, "050471"},
		{1234567890, "005924"},
		{2000000000, "279037"},
		{20000000000, "353130"},
	};
	char code[TOTP_DIGITS + 1];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t step = cases[i].seconds / TOTP_STEP_SECONDS;
		assert_true(totp_code(secret, step, code));
		assert_string_equal(code, cases[i].code);
		assert_int_equal(totp_match(secret, code, cases[i].seconds, 0), step);
	}
	assert_false(totp_code("too short", 1, code));
	assert_false(totp_code("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1", 1, code));
}

static void test_a_code_counts_for_its_neighbours_and_once(void **state)
{
	char secret[TOTP_SECRET_SIZE], code[TOTP_DIGITS + 1], other[TOTP_SECRET_SIZE];
	const int64_t now = 1700000000, step = now / TOTP_STEP_SECONDS;
	(void)state;
	totp_secret(secret);
	totp_secret(other);
	assert_int_equal(strlen(secret), TOTP_SECRET_SIZE - 1);
	assert_string_not_equal(secret, other);
	assert_true(totp_code(secret, step, code));
	assert_int_equal(totp_match(secret, code, now + 30, 0), step);
	assert_int_equal(totp_match(secret, code, now - 30, 0), step);
	assert_int_equal(totp_match(secret, code, now + 90, 0), 0);
	assert_int_equal(totp_match(secret, code, now - 90, 0), 0);
	assert_int_equal(totp_match(secret, code, now, step), 0);
	char spaced[] = " xxx xxx ";
	memcpy(spaced + 1, code, 3);
	memcpy(spaced + 5, code + 3, 3);
	assert_int_equal(totp_match(secret, spaced, now, 0), step);
	assert_int_equal(totp_match(secret, "", now, 0), 0);
	assert_int_equal(totp_match(secret, "12345", now, 0), 0);
	assert_int_equal(totp_match(secret, "1234567", now, 0), 0);
	assert_int_equal(totp_match(secret, "12345a", now, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes_are_those_of_the_rfc),
		cmocka_unit_test(test_a_code_counts_for_its_neighbours_and_once),
		cmocka_unit_test(test_passwords_that_are_tried_first_are_refused),
		cmocka_unit_test(test_the_sixth_wrong_password_of_an_address_waits_ever_longer),
		cmocka_unit_test(test_right_passwords_do_not_count_and_do_not_pardon_others),
		cmocka_unit_test(test_an_account_waits_where_several_addresses_guess_it),
		cmocka_unit_test(test_what_is_remembered_of_guessers_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
