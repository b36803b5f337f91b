#include "test.h"
#include "call/registry.h"
#include <stdio.h>

static struct pending *data(const char *id, int64_t expires)
{
	struct pending *p = calloc(1, sizeof *p);
	strcpy(p->request_id, id);
	p->expires_ms = expires;
	p->tags = json_object();
	p->campaigns = json_array();
	return p;
}

static void test_data_goes_to_the_live_call_or_to_the_next_one(void **state)
{
	char call_id[40];
	struct registry *r = registry_create();
	(void)state;
	assert_false(registry_offer(r, "o", "+1", data("early", 100), call_id, 1));
	assert_false(registry_offer(r, "o", "+1", data("expired", 5), call_id, 1));
	assert_null(registry_add(r, "other", "+1", "c", "call_x", 10));
	struct pending *p = registry_add(r, "o", "+1", "c", "call_1", 10);
	assert_string_equal(p->request_id, "early");
	assert_null(p->next);
	assert_true(registry_offer(r, "o", "+1", p, call_id, 20));
	assert_string_equal(call_id, "call_1");
	pending_free(p);
	assert_null(registry_add(r, "o", "+1", "c", "call_2", 30));
	assert_true(registry_find(r, "o", "+1", NULL, call_id));
	assert_string_equal(call_id, "call_2");
	registry_remove(r, "call_2");
	registry_remove(r, "call_1");
	assert_false(registry_find(r, "o", "+1", NULL, call_id));
	assert_int_equal(registry_live(r), 1);
	registry_destroy(r);
}

static void test_what_waits_for_one_caller_is_bounded(void **state)
{
	char call_id[40], id[40];
	size_t n = 0;
	struct registry *r = registry_create();
	(void)state;
	for (int i = 0; i < REGISTRY_PENDING_MAX * 10; i++) {
		snprintf(id, sizeof id, "%d", i);
		registry_offer(r, "o", "+1", data(id, 1000), call_id, 1);
	}
	for (struct pending *p = registry_add(r, "o", "+1", "c", "call_1", 10), *next; p; p = next, n++) {
		next = p->next;
		if (!next)
			assert_string_equal(p->request_id, "999");
		pending_free(p);
	}
	assert_int_equal(n, REGISTRY_PENDING_MAX);
	registry_destroy(r);
}

static void test_custom_data_of_one_caller_is_bounded_and_the_oldest_makes_room(void **state)
{
	char call_id[40];
	size_t kept = 0, size = REGISTRY_CUSTOM_MAX / 4;
	struct registry *r = registry_create();
	(void)state;
	for (int i = 0; i < 10; i++) {
		struct pending *p = data("x", 1000);
		p->custom = calloc(1, size + 1);
		memset(p->custom, 'x', size);
		registry_offer(r, "o", "+1", p, call_id, 1);
	}
	for (struct pending *p = registry_add(r, "o", "+1", "c", "call_1", 10), *next; p; p = next) {
		next = p->next;
		kept += p->custom != NULL;
		assert_true(next || p->custom);
		pending_free(p);
	}
	assert_int_equal(kept, 4);
	registry_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_data_goes_to_the_live_call_or_to_the_next_one), cmocka_unit_test(test_what_waits_for_one_caller_is_bounded), cmocka_unit_test(test_custom_data_of_one_caller_is_bounded_and_the_oldest_makes_room)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
