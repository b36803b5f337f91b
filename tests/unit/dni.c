#include "test.h"
#include "dni/leases.h"
#include "dni/visit.h"
#include <pthread.h>
#include <stdio.h>

static const char *const numbers[] = {"+15125550001", "+15125550002", "+15125550003"};

static struct lease wanted(const char *holder, int64_t now)
{
	static _Atomic unsigned n;
	struct lease l = {.kind = LEASE_VISITOR, .pool_id = "pool", .at_ms = now, .expires_ms = now + 100, .kept_until_ms = now + 100, .grace_ms = 50, .tags = json_pack("{s:s}", "tag_who", holder)};
	snprintf(l.id, sizeof l.id, "lse_%u", ++n);
	snprintf(l.holder, sizeof l.holder, "%s", holder);
	return l;
}

static enum lease_result lend(struct leases *l, const struct lease_pool *pool, struct lease *lease, int64_t now)
{
	enum lease_result r = leases_lend(l, pool, lease, now);
	if (r == LEASE_NONE || r == LEASE_FULL)
		lease_release(lease);
	return r;
}

/* Whose the call is; "": nobody's. */
static const char *caller_of(struct leases *l, const char *number, const char *caller, int64_t now)
{
	static char who[64];
	struct lease out;
	who[0] = '\0';
	if (leases_call(l, "org", number, caller, now, &out)) {
		snprintf(who, sizeof who, "%s", json_string_value(json_object_get(out.tags, "tag_who")));
		lease_release(&out);
	}
	return who;
}

static void test_a_number_is_one_visitors_until_it_has_cooled_down(void **state)
{
	struct leases *l = leases_create();
	const struct lease_pool pool = {"org", "pool", numbers, 1, 0, 0};
	struct lease a = wanted("a", 0), b = wanted("b", 10), c = wanted("c", 149), d = wanted("d", 150);
	(void)state;
	assert_int_equal(lend(l, &pool, &a, 0), LEASE_NEW);
	assert_int_equal(lend(l, &pool, &b, 10), LEASE_NONE);
	assert_string_equal(caller_of(l, numbers[0], "+1", 99), "a");
	assert_string_equal(caller_of(l, numbers[0], "+2", 149), "a"); /* it has ended, and is still known */
	assert_int_equal(lend(l, &pool, &c, 149), LEASE_NONE);
	assert_string_equal(caller_of(l, numbers[0], "+1", 150), "");
	assert_int_equal(lend(l, &pool, &d, 150), LEASE_NEW);
	assert_string_equal(caller_of(l, numbers[0], "+1", 151), "d");
	leases_destroy(l);
}

static void test_a_visitor_keeps_the_number_and_comes_back_to_it(void **state)
{
	struct leases *l = leases_create();
	const struct lease_pool pool = {"org", "pool", numbers, 3, 0, 0};
	struct lease a = wanted("a", 0), again = wanted("a", 120), late = wanted("a", 500);
	char id[ID_SIZE];
	bool keep;
	(void)state;
	assert_int_equal(lend(l, &pool, &a, 0), LEASE_NEW);
	memcpy(id, a.id, sizeof id);
	assert_true(leases_renew(l, "org", "pool", "a", id, 40, 140, &keep));
	assert_false(keep); /* what is on disk says 100 */
	assert_true(leases_renew(l, "org", "pool", "a", id, 60, 160, &keep));
	assert_true(keep);
	assert_true(leases_renew(l, "org", "pool", "a", id, 61, 161, &keep));
	assert_false(keep);
	assert_false(leases_renew(l, "org", "pool", "a", "lse_x", 61, 161, &keep));
	assert_false(leases_renew(l, "other", "pool", "a", id, 61, 161, &keep));
	assert_int_equal(lend(l, &pool, &again, 170), LEASE_AGAIN); /* in its grace */
	assert_string_equal(again.id, id);
	assert_string_equal(again.number, numbers[0]);
	assert_int_equal(lend(l, &pool, &late, 500), LEASE_NEW);
	assert_string_not_equal(late.id, id);
	assert_string_equal(late.number, numbers[1]); /* what was lent longest ago comes first */
	leases_destroy(l);
}

static void test_callers_share_a_number_and_a_call_uses_it_up(void **state)
{
	struct leases *l = leases_create();
	const struct lease_pool pool = {"org", "rtb_1", numbers, 1, 0, 0}, other = {"org", "rtb_2", numbers, 1, 0, 0};
	const char *const callers[] = {"+1", "+2"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct lease c = wanted(callers[i], 0);
		c.kind = LEASE_CALLER;
		snprintf(c.pool_id, sizeof c.pool_id, "rtb_1");
		snprintf(c.caller_id, sizeof c.caller_id, "%s", callers[i]);
		assert_int_equal(lend(l, &pool, &c, 0), LEASE_NEW);
		assert_string_equal(c.number, numbers[0]);
	}
	struct lease theirs = wanted("+1", 0), anybody = wanted("x", 0);
	theirs.kind = anybody.kind = LEASE_CALLER;
	snprintf(theirs.pool_id, sizeof theirs.pool_id, "rtb_2");
	snprintf(theirs.caller_id, sizeof theirs.caller_id, "+1");
	assert_int_equal(lend(l, &other, &theirs, 0), LEASE_NONE); /* kept for the same caller by another endpoint */
	assert_int_equal(lend(l, &pool, &anybody, 0), LEASE_NONE);
	assert_string_equal(caller_of(l, numbers[0], "+3", 1), "");
	assert_string_equal(caller_of(l, numbers[0], "+2", 1), "+2");
	assert_string_equal(caller_of(l, numbers[0], "+2", 1), "");
	assert_string_equal(caller_of(l, numbers[0], "+1", 1), "+1");
	struct lease now = wanted("x", 2);
	now.kind = LEASE_CALLER;
	assert_int_equal(lend(l, &pool, &now, 2), LEASE_NEW);
	assert_string_equal(caller_of(l, numbers[0], "+9", 3), "x");
	assert_string_equal(caller_of(l, numbers[0], "+9", 3), "");
	leases_destroy(l);
}

static void test_limits_of_a_pool_and_of_a_client(void **state)
{
	struct leases *l = leases_create();
	const struct lease_pool two = {"org", "pool", numbers, 3, 2, 0}, one_each = {"org", "pool", numbers, 3, 0, 1};
	struct lease a = wanted("a", 0), b = wanted("b", 0), c = wanted("c", 0), d = wanted("d", 0), e = wanted("e", 300);
	(void)state;
	snprintf(a.client, sizeof a.client, "192.0.2.1");
	snprintf(c.client, sizeof c.client, "192.0.2.1");
	snprintf(e.client, sizeof e.client, "192.0.2.1");
	assert_int_equal(lend(l, &two, &a, 0), LEASE_NEW);
	assert_int_equal(lend(l, &one_each, &c, 0), LEASE_FULL);
	assert_int_equal(lend(l, &two, &b, 0), LEASE_NEW);
	assert_int_equal(lend(l, &two, &d, 0), LEASE_FULL);
	assert_int_equal(leases_count(l, "org", "pool"), 2);
	leases_end(l, "org", "pool", "b", 10);
	leases_sweep(l, 59); /* b: 10 and its grace */
	assert_int_equal(leases_count(l, "org", "pool"), 2);
	leases_sweep(l, 60);
	assert_int_equal(leases_count(l, "org", "pool"), 1);
	leases_sweep(l, 300);
	assert_int_equal(leases_count(l, "org", "pool"), 0);
	assert_int_equal(lend(l, &one_each, &e, 300), LEASE_NEW);
	leases_destroy(l);
}

static void test_what_is_restored_is_in_nobodys_way(void **state)
{
	struct leases *l = leases_create();
	struct lease a = wanted("a", 0), b = wanted("b", 0);
	snprintf(a.number, sizeof a.number, "%s", numbers[0]);
	snprintf(b.number, sizeof b.number, "%s", numbers[0]);
	(void)state;
	assert_true(leases_restore(l, "org", &a));
	assert_false(leases_restore(l, "org", &b));
	lease_release(&b);
	assert_true(leases_restore(l, "other", &(struct lease){.number = "+15125550001", .pool_id = "p", .holder = "h", .expires_ms = 10}));
	assert_string_equal(caller_of(l, numbers[0], "+1", 5), "a");
	leases_destroy(l);
}

struct visitors {
	struct leases *l;
	int first;
	_Atomic int *wrong;
};

/* Each takes a number, and calls it: the call must be its own. */
static void *visit(void *arg)
{
	const struct visitors *v = arg;
	const struct lease_pool pool = {"org", "pool", numbers, 3, 0, 0};
	for (int i = 0; i < 2000; i++) {
		char who[64];
		struct lease a, out;
		snprintf(who, sizeof who, "%d", v->first + i);
		a = wanted(who, 1000);
		if (lend(v->l, &pool, &a, 1000) != LEASE_NEW)
			continue;
		if (!leases_call(v->l, "org", a.number, "+1", 1000, &out))
			++*v->wrong;
		else if (strcmp(out.holder, who) != 0 || strcmp(json_string_value(json_object_get(out.tags, "tag_who")), who) != 0)
			++*v->wrong;
		else
			lease_release(&out);
		leases_end(v->l, "org", "pool", who, 949); /* its grace is over, too */
		leases_sweep(v->l, 1000);
	}
	return NULL;
}

static void test_many_at_once(void **state)
{
	struct leases *l = leases_create();
	_Atomic int wrong = 0;
	pthread_t threads[4];
	struct visitors v[4];
	(void)state;
	for (int i = 0; i < 4; i++) {
		v[i] = (struct visitors){l, i * 10000, &wrong};
		pthread_create(&threads[i], NULL, visit, &v[i]);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wrong, 0);
	leases_destroy(l);
}

static void test_a_visit_is_its_parameters(void **state)
{
	json_t *told = json_pack("{s:s, s:s, s:s, s:i}", "url", "https://a.b/x?utm_source=g%20oo&referrer=faked&q=%zz#f?no=1", "first_url", "https://a.b/?utm_source=first", "referrer", "https://r.s/", "page", 5);
	json_t *data = visit_data(told);
	(void)state;
	json_decref(told);
	/* A percent sign without two digits is itself, as in the WHATWG URL standard. */
	assert_string_equal(json_string_value(json_object_get(data, "utm_source")), "g oo");
	assert_string_equal(json_string_value(json_object_get(data, "q")), "%zz");
	assert_string_equal(json_string_value(json_object_get(data, "first_utm_source")), "first");
	assert_string_equal(json_string_value(json_object_get(data, "referrer")), "https://r.s/");
	assert_null(json_object_get(data, "page"));
	json_decref(data);
	told = json_pack("{s:s, s:s}", "url", "https://a.b/x?utm_source=g%20oo&referrer=faked#f?no=1", "referrer", "https://r.s/");
	data = visit_data(told);
	assert_string_equal(json_string_value(json_object_get(data, "utm_source")), "g oo");
	assert_string_equal(json_string_value(json_object_get(data, "referrer")), "https://r.s/"); /* a parameter cannot say so */
	assert_null(json_object_get(data, "no"));
	json_decref(told);
	json_decref(data);
	char *longest = malloc(3 * VISIT_TEXT_MAX + 1);
	for (int i = 0; i < VISIT_TEXT_MAX; i++)
		memcpy(longest + (size_t)i * 3, "\xe2\x82\xac", 3);
	longest[3 * VISIT_TEXT_MAX] = '\0';
	told = json_pack("{s:s}", "page", longest);
	data = visit_data(told);
	assert_int_equal(json_string_length(json_object_get(data, "page")), VISIT_TEXT_MAX - VISIT_TEXT_MAX % 3);
	json_decref(told);
	json_decref(data);
	free(longest);
}

static void test_who_may_ask(void **state)
{
	const char *const patterns[] = {"https://example.com", "https://*.example.org:8443"};
	(void)state;
	assert_true(visit_origin_allowed(NULL, 0, NULL));
	assert_true(visit_origin_allowed(patterns, 2, "https://EXAMPLE.com"));
	assert_true(visit_origin_allowed(patterns, 2, "https://a.b.example.org:8443"));
	const char *const others[] = {NULL, "", "null", "http://example.com", "https://example.com.evil", "https://example.org:8443", "https://.example.org:8443", "https://evil/x.example.org", "https://a.example.org"};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(visit_origin_allowed(patterns, 2, others[i]));
	assert_true(visit_is_bot(NULL) && visit_is_bot("") && visit_is_bot("AdsBot-Google"));
	assert_false(visit_is_bot("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"));
	assert_true(visit_is_visitor("0123456789abcdef"));
	assert_false(visit_is_visitor(NULL) || visit_is_visitor("0123456789abcde") || visit_is_visitor("0123456789abcde/") || visit_is_visitor("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
}

static void test_a_percent_sign_in_a_parameter_hides_no_other(void **state)
{
	(void)state;
	json_t *told = json_pack("{s:s}", "url",
				 "https://a.b/?utm_source=ads&utm_campaign=50%-off&gclid=abc");
	json_t *data = visit_data(told);
	static const char *const wanted[][2] = {
		{"utm_source", "ads"}, {"utm_campaign", "50%-off"}, {"gclid", "abc"},
	};
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		const char *value = json_string_value(json_object_get(data, wanted[i][0]));
		assert_string_equal(value ? value : "", wanted[i][1]);
	}
	json_decref(told);
	json_decref(data);
}

static void test_phones_are_no_bots(void **state)
{
	(void)state;
	static const char *const people[] = {
		"Mozilla/5.0 (Linux; Android 13; CUBOT X70) Chrome/130.0 Mobile Safari/537.36",
		"Mozilla/5.0 (Linux; Android 11; Cubot_KingKong_5) Chrome/120.0 Mobile Safari/537.36",
		"Mozilla/5.0 (Linux; Android 10; cubot note 20 Build/QP1A) Version/4.0 Chrome/99.0",
		"Mozilla/5.0 (Linux; Android 12; Abbott Bottle) Chrome/130.0 Mobile Safari/537.36",
	};
	static const char *const programs[] = {
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"Mozilla/5.0 (compatible; bingbot/2.0)", "Twitterbot/1.0", "Applebot", "MJ12bot/v1.4.8",
		"Discordbots", "SomeBot-Preview", "Robot", "Incubot-crawler/1.0", "focubot/1",
		"HeadlessChrome/130.0", "curl/8.5.0", "Chrome-Lighthouse",
	};
	for (size_t i = 0; i < sizeof people / sizeof *people; i++)
		if (visit_is_bot(people[i]))
			fail_msg("taken for a program: %s", people[i]);
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
		if (!visit_is_bot(programs[i]))
			fail_msg("taken for a person: %s", programs[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_phones_are_no_bots),
		cmocka_unit_test(test_a_percent_sign_in_a_parameter_hides_no_other),
		cmocka_unit_test(test_a_number_is_one_visitors_until_it_has_cooled_down),
		cmocka_unit_test(test_a_visitor_keeps_the_number_and_comes_back_to_it),
		cmocka_unit_test(test_callers_share_a_number_and_a_call_uses_it_up),
		cmocka_unit_test(test_limits_of_a_pool_and_of_a_client),
		cmocka_unit_test(test_what_is_restored_is_in_nobodys_way),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_a_visit_is_its_parameters),
		cmocka_unit_test(test_who_may_ask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
