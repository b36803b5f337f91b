/* Header fields of HTTP. */
#include "test.h"
#include "base/result.h"
#include "http/fields.h"

static void test_if_match_compares_strong_tags_alone(void **state)
{
	(void)state;
	static const struct {
		const char *field;
		bool strong, weak;
	} cases[] = {
		{"\"7\"", true, true},
		{"*", true, true},
		{" * ", true, true},
		{"W/\"7\"", false, true},
		{"\"6\", \"7\"", true, true},
		{"\"6\",W/\"7\"", false, true},
		{"\"6\" , \"8\"", false, false},
		{",, \"7\" ,", true, true},
		{"\"77\"", false, false},
		{"7", false, false},
		{"\"7", false, false},
		{"7\"", false, false},
		{"w/\"7\"", false, false},
		{"\"7\" \"8\"", false, false},
		{"\"7\", garbage", false, false},
		{"*, \"7\"", false, false},
		{"", false, false},
		{"   ", false, false},
		{"\"a,b\", \"7\"", true, true},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool strong = etag_matches(cases[i].field, "\"7\"", ETAG_STRONG);
		bool weak = etag_matches(cases[i].field, "\"7\"", ETAG_WEAK);
		if (strong != cases[i].strong || weak != cases[i].weak)
			fail_msg("%s: strong %d, weak %d", cases[i].field, strong, weak);
	}
}

static void test_gzip_is_sent_to_clients_that_accept_it(void **state)
{
	(void)state;
	static const struct {
		const char *field;
		bool gzip;
	} cases[] = {
		{NULL, false},
		{"", false},
		{"gzip", true},
		{"GZIP", true},
		{"x-gzip", true},
		{"deflate, gzip;q=1.0, *;q=0.5", true},
		{"br, gzip;q=0", false},
		{"gzip;q=0.000, *", false},
		{"gzip; q=0.5", true},
		{"*", true},
		{"*;q=0", false},
		{"identity", false},
		{"br", false},
		{"gzipped", false},
		{"identity;q=1, gzip ;q=0.1", true},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (accepts_gzip(cases[i].field) != cases[i].gzip)
			fail_msg("%s", cases[i].field ? cases[i].field : "no field");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_if_match_compares_strong_tags_alone),
		cmocka_unit_test(test_gzip_is_sent_to_clients_that_accept_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
