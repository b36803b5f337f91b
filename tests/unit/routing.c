#include "test.h"
#include "base/clock.h"
#include "routing/plan.h"
#include "routing/terms.h"

static void test_priority_order_is_stable_and_attempts_are_bounded(void **state)
{
	struct route_target t[4] = {{.id = "a", .enabled = true}, {.id = "b", .enabled = false}, {.id = "c", .enabled = true}, {.id = "d", .enabled = true}};
	struct route_entry entries[] = {{.target = &t[0], .priority = 2}, {.target = &t[1], .priority = 1}, {.target = &t[2], .priority = 2}, {.target = &t[3], .priority = 1}};
	struct route_plan plan = {.entries = entries, .count = 4, .max_attempts = 2};
	struct route_candidate out[4];
	struct expr_env env = {0};
	(void)state;
	route_plan_sort(&plan);
	assert_int_equal(route_plan_judge(&plan, &(struct route_input){.env = &env}, out, 4), 4);
	assert_string_equal(out[0].entry->target->id, "b");
	assert_int_equal(out[0].verdict, ROUTE_DISABLED);
	assert_string_equal(out[1].entry->target->id, "d");
	assert_int_equal(out[1].verdict, ROUTE_ELIGIBLE);
	assert_string_equal(out[2].entry->target->id, "a");
	assert_int_equal(out[2].verdict, ROUTE_ELIGIBLE);
	assert_int_equal(out[3].verdict, ROUTE_OVER_ATTEMPTS);
}

/* Targets whose first letter stands in arg have no room. */
static enum route_verdict has_room(void *arg, const struct route_target *t)
{
	return strchr(arg, t->id[0]) ? ROUTE_DAY_FULL : ROUTE_ELIGIBLE;
}

/* Whom the plan names first, of many draws. */
static void firsts(const struct route_plan *plan, const uint64_t *turns, const char *full, int draws, int *counts)
{
	struct route_candidate out[8];
	struct expr_env env = {0};
	for (int i = 0; i < draws; i++) {
		struct route_input in = {.env = &env, .seed = (uint64_t)i * 7919 + 1, .turns = turns, .room = has_room, .arg = (void *)(uintptr_t)full};
		size_t n = route_plan_judge(plan, &in, out, 8);
		for (size_t k = 0; k < n; k++)
			if (out[k].verdict == ROUTE_ELIGIBLE) {
				counts[out[k].entry->target->id[0] - 'a']++;
				break;
			}
	}
}

static void test_weights_are_kept_by_those_that_can_be_called(void **state)
{
	struct route_target t[4] = {{.id = "a", .enabled = true}, {.id = "b", .enabled = true}, {.id = "c", .enabled = false}, {.id = "d", .enabled = true}};
	struct route_entry entries[] = {{&t[0], NULL, NULL, NULL, 1, 3, NULL}, {&t[1], NULL, NULL, NULL, 1, 1, NULL}, {&t[2], NULL, NULL, NULL, 1, 100, NULL}, {&t[3], NULL, NULL, NULL, 1, 0, NULL}};
	struct route_plan plan = {.entries = entries, .count = 4, .max_attempts = 4, .strategy = ROUTE_WEIGHTED};
	struct route_candidate out[4];
	struct expr_env env = {0};
	int counts[4] = {0};
	(void)state;
	firsts(&plan, NULL, "", 40000, counts);
	assert_in_range(counts[0], 29400, 30600); /* of 30,000, seven standard deviations */
	assert_int_equal(counts[0] + counts[1], 40000);
	route_plan_judge(&plan, &(struct route_input){.env = &env, .seed = 5}, out, 4);
	size_t last = 0;
	for (size_t i = 0; i < 4; i++)
		last = out[i].verdict == ROUTE_ELIGIBLE ? i : last;
	assert_string_equal(out[last].entry->target->id, "d"); /* a weight of nothing comes last */
}

static void test_round_robin_begins_with_whose_turn_is_longest_ago(void **state)
{
	struct route_target t[3] = {{.id = "a", .enabled = true}, {.id = "b", .enabled = true}, {.id = "c", .enabled = true}};
	struct route_entry entries[] = {{&t[0], NULL, NULL, NULL, 1, 1, NULL}, {&t[1], NULL, NULL, NULL, 1, 1, NULL}, {&t[2], NULL, NULL, NULL, 2, 1, NULL}};
	struct route_plan plan = {.entries = entries, .count = 3, .max_attempts = 3, .strategy = ROUTE_ROUND_ROBIN};
	const uint64_t turns[3] = {5, 4, 0};
	int counts[3] = {0};
	(void)state;
	firsts(&plan, turns, "", 1, counts);
	assert_int_equal(counts[1], 1); /* the other priority waits, though it never had a turn */
	firsts(&plan, turns, "b", 1, counts);
	assert_int_equal(counts[0], 1);
	firsts(&plan, turns, "ab", 1, counts);
	assert_int_equal(counts[2], 1);
}

/* Of 40, most without room, in every strategy: attempts are never given to those, and all that have room are found. */
static void test_who_has_no_room_costs_no_attempt(void **state)
{
	struct route_target t[40];
	struct route_entry entries[40];
	struct route_candidate out[40];
	struct expr_env env = {0};
	static const char *const ids[] = {"a", "b", "c", "d"};
	uint64_t turns[40] = {0};
	(void)state;
	for (size_t i = 0; i < 40; i++) {
		t[i] = (struct route_target){.id = ids[i % 4], .enabled = i != 7};
		entries[i] = (struct route_entry){&t[i], NULL, NULL, NULL, (int)(i / 20), (int)(i % 3), NULL};
	}
	for (enum route_strategy s = ROUTE_IN_ORDER; s <= ROUTE_AT_ONCE; s++)
		for (int most = 1; most < 14; most++) {
			struct route_plan plan = {.entries = entries, .count = 40, .max_attempts = most, .strategy = s};
			int found = 0, last = 0;
			assert_int_equal(route_plan_judge(&plan, &(struct route_input){.env = &env, .seed = 11, .turns = turns, .room = has_room, .arg = (void *)(uintptr_t)"abc"}, out, 40), 40);
			bool seen[40] = {false};
			for (size_t i = 0; i < 40; i++) {
				assert_false(seen[out[i].entry - plan.entries]);
				seen[out[i].entry - plan.entries] = true;
				assert_true(out[i].priority >= last);
				last = out[i].priority;
				found += out[i].verdict == ROUTE_ELIGIBLE;
				assert_true(out[i].verdict != ROUTE_ELIGIBLE || out[i].entry->target->id[0] == 'd');
			}
			assert_int_equal(found, most < 9 ? most : 9); /* ten of "d", one is disabled */
		}
}

static struct schedule *office(struct arena *arena)
{
	json_t *json = json_loads("{\"time_zone\":\"America/Chicago\",\"weekly\":[{\"day\":\"thu\",\"open\":\"09:00\",\"close\":\"12:00\"},{\"day\":\"thu\",\"open\":\"13:00\",\"close\":\"17:00\"}],\"holidays\":[{\"date\":\"2026-12-24\",\"open\":\"10:00\",\"close\":\"11:00\"},{\"date\":\"2026-12-31\",\"open\":\"20:00\"}]}", 0, NULL);
	struct schedule *s = schedule_compile(json, arena);
	json_decref(json);
	return s;
}

static void test_hours_breaks_and_the_attempts_that_are_left(void **state)
{
	struct arena arena = {0};
	struct route_target t[2] = {{.id = "a", .enabled = true, .schedule = office(&arena)}, {.id = "b", .enabled = true}};
	struct route_entry entries[] = {{&t[0], NULL, NULL, NULL, 1, 1, NULL}, {&t[1], NULL, NULL, NULL, 1, 1, t[0].schedule}};
	struct route_plan plan = {.entries = entries, .count = 2, .max_attempts = 1};
	struct route_candidate out[2];
	struct expr_env env = {0};
	const struct { const char *at; enum route_verdict a, b; } cases[] = {
		{"2026-11-26T15:30:00Z", ROUTE_ELIGIBLE, ROUTE_OVER_ATTEMPTS}, /* 9:30 */
		{"2026-11-26T18:30:00Z", ROUTE_CLOSED, ROUTE_ENTRY_CLOSED},    /* 12:30 */
		{"2026-11-26T19:00:00Z", ROUTE_ELIGIBLE, ROUTE_OVER_ATTEMPTS}, /* 13:00 */
		{"2026-07-02T14:30:00Z", ROUTE_ELIGIBLE, ROUTE_OVER_ATTEMPTS}, /* 9:30 in summer */
		{"2026-11-27T15:30:00Z", ROUTE_CLOSED, ROUTE_ENTRY_CLOSED},    /* Friday */
		{"2026-12-24T15:30:00Z", ROUTE_CLOSED, ROUTE_ENTRY_CLOSED},    /* a day of other hours, 9:30 */
		{"2026-12-24T16:30:00Z", ROUTE_ELIGIBLE, ROUTE_OVER_ATTEMPTS}, /* 10:30 */
		{"2026-12-24T17:00:00Z", ROUTE_CLOSED, ROUTE_ENTRY_CLOSED},    /* 11:00 */
		{"2027-01-01T05:59:00Z", ROUTE_ELIGIBLE, ROUTE_OVER_ATTEMPTS}, /* 23:59 of one that is open until midnight */
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct route_input in = {.env = &env};
		assert_true(clock_parse_rfc3339(cases[i].at, strlen(cases[i].at), &in.now_ms));
		route_plan_judge(&plan, &in, out, 2);
		assert_int_equal(out[0].verdict, cases[i].a);
		assert_int_equal(out[1].verdict, cases[i].b);
	}
	arena_free(&arena);
}

static void test_a_share_is_exact(void **state)
{
	static const struct {
		int64_t revenue, percent, payout;
	} cases[] = {
		{40010000, 33333333, 13336667}, {1, 50000000, 1}, {-1, 50000000, -1}, {1, 49999999, 0}, {25000000, 100000000, 25000000}, {0, 70000000, 0},
		{INT64_C(999999999999999999), 100000000, INT64_C(999999999999999999)}, {INT64_C(999999999999999999), 1, INT64_C(10000000000)}, {INT64_C(123456789012345678), 12345678, INT64_C(15241577640603578)},
	};
	struct expr_env env = {0};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct terms t = {.pay = {.percent = cases[i].percent}};
		assert_int_equal(terms_payout(&t, cases[i].revenue, 0, &env), cases[i].payout);
	}
}

static void test_the_last_tier_that_applies_pays(void **state)
{
	struct terms_tier tiers[] = {{.after_seconds = 60, .pay = {.micros = 10}}, {.after_seconds = 30, .pay = {.micros = 20}}};
	struct terms t = {.converts_after_seconds = 90, .pay = {.micros = 1}, .tiers = tiers, .tier_count = 2};
	struct expr_env env = {0};
	(void)state;
	assert_int_equal(terms_payout(&t, 0, 29999, &env), 1);
	assert_int_equal(terms_payout(&t, 0, 30000, &env), 20);
	assert_int_equal(terms_payout(&t, 0, 60000, &env), 20);
	assert_int_equal(terms_next_seconds(&t, 0), 30);
	assert_int_equal(terms_next_seconds(&t, 30000), 60);
	assert_int_equal(terms_next_seconds(&t, 60000), 90);
	assert_int_equal(terms_next_seconds(&t, 90000), -1);
	assert_false(terms_convert(&t, 89999, &env));
	assert_true(terms_convert(&t, 90000, &env));
}

static void test_a_begun_increment_costs_a_whole_one(void **state)
{
	const struct terms_rate minute = {10000, 60, 60}, six = {10000, 0, 6}, second = {10000, 30, 1};
	(void)state;
	assert_int_equal(terms_cost(&minute, 0), 0);
	assert_int_equal(terms_cost(&minute, 1), 10000);
	assert_int_equal(terms_cost(&minute, 60000), 10000);
	assert_int_equal(terms_cost(&minute, 60001), 20000);
	assert_int_equal(terms_cost(&six, 6001), 2000);
	assert_int_equal(terms_cost(&second, 1), 5000);
	assert_int_equal(terms_cost(&second, 31000), 5167);
	assert_int_equal(terms_cost(&(struct terms_rate){0}, 60000), 0);
}

static void test_best_is_the_highest_score_and_chance_finds_the_others(void **state)
{
	struct route_target t[] = {{.id = "a", .enabled = true}, {.id = "b", .enabled = true}, {.id = "c", .enabled = true}};
	struct route_entry entries[] = {{.target = &t[0]}, {.target = &t[1]}, {.target = &t[2]}};
	struct route_plan plan = {.strategy = ROUTE_BEST, .entries = entries, .count = 3, .max_attempts = 3};
	const double scores[] = {1, 3, 2};
	struct route_candidate out[3];
	struct expr_env env = {0};
	int firsts[3] = {0};
	(void)state;
	for (plan.explore_percent = 0; plan.explore_percent <= 20; plan.explore_percent += 20)
		for (int i = 0; i < 30000; i++) {
			assert_int_equal(route_plan_judge(&plan, &(struct route_input){.env = &env, .seed = (uint64_t)i * 7919, .scores = scores}, out, 3), 3);
			if (!plan.explore_percent) {
				assert_string_equal(out[0].entry->target->id, "b");
				assert_string_equal(out[1].entry->target->id, "c");
			} else {
				firsts[out[0].entry->target->id[0] - 'a']++;
			}
		}
	assert_in_range(firsts[0], 1800, 2200);
	assert_in_range(firsts[1], 25500, 26500);
	assert_in_range(firsts[2], 1800, 2200);
}

static void test_who_the_caller_knows_comes_before_all_others(void **state)
{
	struct route_target t[] = {{.id = "a", .enabled = true}, {.id = "b", .enabled = true}, {.id = "c", .enabled = false}};
	struct route_entry entries[] = {{.target = &t[0], .priority = 1}, {.target = &t[1], .priority = 5}, {.target = &t[2], .priority = 9}};
	struct route_plan plan = {.entries = entries, .count = 3, .max_attempts = 1};
	struct route_candidate out[3];
	struct expr_env env = {0};
	(void)state;
	for (plan.strategy = ROUTE_IN_ORDER; plan.strategy <= ROUTE_BEST; plan.strategy++) {
		route_plan_judge(&plan, &(struct route_input){.env = &env, .seed = 1, .first = &t[1]}, out, 3);
		assert_string_equal(out[0].entry->target->id, "b");
		assert_int_equal(out[0].verdict, ROUTE_ELIGIBLE);
		assert_int_equal(out[1].verdict, ROUTE_OVER_ATTEMPTS);
		route_plan_judge(&plan, &(struct route_input){.env = &env, .seed = 1, .first = &t[2]}, out, 3);
		assert_string_equal(out[0].entry->target->id, "a");
	}
}

static void test_who_comes_after_the_last_attempt_is_looked_at_only_to_explain(void **state)
{
	struct route_target t[] = {{.id = "a", .enabled = true}, {.id = "b", .enabled = false}, {.id = "c", .enabled = true}};
	struct route_entry entries[] = {{.target = &t[0], .priority = 1}, {.target = &t[1], .priority = 2}, {.target = &t[2], .priority = 2}};
	struct route_plan plan = {.entries = entries, .count = 3, .max_attempts = 1};
	struct route_candidate out[3];
	struct expr_env env = {0};
	(void)state;
	for (plan.strategy = ROUTE_IN_ORDER; plan.strategy <= ROUTE_BEST; plan.strategy++) {
		route_plan_judge(&plan, &(struct route_input){.env = &env, .seed = 1}, out, 3);
		assert_int_equal(out[1].verdict, ROUTE_OVER_ATTEMPTS);
		assert_int_equal(out[2].verdict, ROUTE_OVER_ATTEMPTS);
		route_plan_judge(&plan, &(struct route_input){.env = &env, .seed = 1, .all = true}, out, 3);
		assert_int_equal(out[1].verdict, ROUTE_DISABLED);
		assert_int_equal(out[2].verdict, ROUTE_OVER_ATTEMPTS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_priority_order_is_stable_and_attempts_are_bounded), cmocka_unit_test(test_weights_are_kept_by_those_that_can_be_called),
		cmocka_unit_test(test_round_robin_begins_with_whose_turn_is_longest_ago), cmocka_unit_test(test_who_has_no_room_costs_no_attempt), cmocka_unit_test(test_hours_breaks_and_the_attempts_that_are_left),
		cmocka_unit_test(test_a_share_is_exact),
		cmocka_unit_test(test_the_last_tier_that_applies_pays),
		cmocka_unit_test(test_a_begun_increment_costs_a_whole_one),
		cmocka_unit_test(test_best_is_the_highest_score_and_chance_finds_the_others), cmocka_unit_test(test_who_the_caller_knows_comes_before_all_others),
		cmocka_unit_test(test_who_comes_after_the_last_attempt_is_looked_at_only_to_explain)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
