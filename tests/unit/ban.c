#include "test.h"
#include "call/ban.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static struct sockaddr_in from(unsigned n)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000u + n)};
}

static void test_who_is_refused_too_often_is_banned_for_a_while(void **state)
{
	struct bans *b = bans_create(600);
	struct sockaddr_in one = from(1), two = from(2);
	(void)state;
	for (int i = 1; i < BAN_STRIKES; i++)
		assert_false(bans_strike(b, (struct sockaddr *)&one, 1000 + i));
	assert_false(bans_has(b, (struct sockaddr *)&one, 1100));
	assert_true(bans_strike(b, (struct sockaddr *)&one, 1100));
	assert_true(bans_has(b, (struct sockaddr *)&one, 1101));
	assert_false(bans_has(b, (struct sockaddr *)&two, 1101));
	assert_int_equal(bans_count(b, 1101), 1);
	assert_true(bans_has(b, (struct sockaddr *)&one, 601099));
	assert_false(bans_has(b, (struct sockaddr *)&one, 601100));
	for (int i = 0; i < 10 * BAN_STRIKES; i++) /* four seconds apart: too few in any minute */
		assert_false(bans_strike(b, (struct sockaddr *)&two, 10000 + i * 4000));
	for (int i = 1; i < BAN_STRIKES; i++)
		(void)bans_strike(b, (struct sockaddr *)&one, 700000 + i);
	bans_forget(b, (struct sockaddr *)&one);
	assert_false(bans_strike(b, (struct sockaddr *)&one, 700100));
	bans_destroy(b);
	b = bans_create(0);
	for (int i = 0; i < 100; i++)
		assert_false(bans_strike(b, (struct sockaddr *)&one, 1));
	bans_destroy(b);
}

static void test_the_table_is_bounded(void **state)
{
	struct bans *b = bans_create(600);
	struct sockaddr_in a;
	(void)state;
	for (unsigned n = 0; n < 3 * BAN_ADDRESSES_MAX; n++)
		for (int i = 0; i < BAN_STRIKES; i++) {
			a = from(n);
			(void)bans_strike(b, (struct sockaddr *)&a, 1000);
		}
	assert_int_equal(bans_count(b, 1001), BAN_ADDRESSES_MAX);
	assert_true(bans_has(b, (struct sockaddr *)&a, 1001));
	a = from(0);
	assert_false(bans_has(b, (struct sockaddr *)&a, 1001));
	bans_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_who_is_refused_too_often_is_banned_for_a_while), cmocka_unit_test(test_the_table_is_bounded)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
