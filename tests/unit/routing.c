#include "test.h"
#include "routing/plan.h"

static void test_priority_order_is_stable_and_attempts_are_bounded(void **state)
{
	struct route_target t[4] = {{.id = "a", .enabled = true}, {.id = "b", .enabled = false}, {.id = "c", .enabled = true}, {.id = "d", .enabled = true}};
	struct route_entry entries[] = {{&t[0], NULL, 2, 1, NULL}, {&t[1], NULL, 1, 1, NULL}, {&t[2], NULL, 2, 1, NULL}, {&t[3], NULL, 1, 1, NULL}};
	struct route_plan plan = {.entries = entries, .count = 4, .max_attempts = 2};
	struct route_candidate out[4];
	struct expr_env env = {0};
	(void)state;
	route_plan_sort(&plan);
	assert_int_equal(route_plan_judge(&plan, &(struct route_input){.env = &env}, out, 4), 4);
	assert_string_equal(out[0].target->id, "b");
	assert_int_equal(out[0].verdict, ROUTE_DISABLED);
	assert_string_equal(out[1].target->id, "d");
	assert_int_equal(out[1].verdict, ROUTE_ELIGIBLE);
	assert_string_equal(out[2].target->id, "a");
	assert_int_equal(out[2].verdict, ROUTE_ELIGIBLE);
	assert_int_equal(out[3].verdict, ROUTE_OVER_ATTEMPTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_priority_order_is_stable_and_attempts_are_bounded)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
