#include "test.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/id.h"
#include "base/mailbox.h"
#include "base/money.h"
#include "base/network.h"
#include "base/phone.h"
#include "base/window.h"
#include "base/zone.h"
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <unistd.h>

static void test_json_string_escapes_and_replaces_what_is_not_utf8(void **state)
{
	struct buf b = {0};
	(void)state;
	buf_json_string(&b, "a\"\\\n\x01\xc3\xa9\xff", 8);
	assert_string_equal(buf_text(&b), "\"a\\\"\\\\\\n\\u0001\xc3\xa9\xef\xbf\xbd\"");
	buf_free(&b);
}

static void test_buf_writes_integers(void **state)
{
	struct buf b = {0};
	(void)state;
	buf_add_int(&b, 0);
	buf_add_char(&b, ' ');
	buf_add_int(&b, -7);
	buf_add_char(&b, ' ');
	buf_add_int(&b, INT64_MAX);
	buf_add_char(&b, ' ');
	buf_add_int(&b, INT64_MIN);
	assert_string_equal(buf_text(&b), "0 -7 9223372036854775807 -9223372036854775808");
	buf_free(&b);
}

static void test_buf_stops_at_its_limit(void **state)
{
	struct buf b = {.limit = 4};
	(void)state;
	buf_add_str(&b, "1234");
	assert_false(b.failed);
	buf_add_char(&b, '5');
	assert_true(b.failed);
	assert_string_equal(buf_text(&b), "1234");
	buf_free(&b);
}

static void test_money_is_exact(void **state)
{
	int64_t m;
	char text[MONEY_SIZE];
	(void)state;
	assert_true(money_parse("12.5", &m));
	assert_string_equal(money_format(m, text), "12.50");
	assert_true(money_parse("-0.000001", &m));
	assert_string_equal(money_format(m, text), "-0.000001");
	assert_false(money_parse("1.", &m));
	assert_false(money_parse("1e3", &m));
	assert_false(money_parse("", &m));
}

static void test_setting_the_clock_changes_no_duration(void **state)
{
	/* The wall clock was at noon, and is set back by an hour ten seconds later. */
	const int64_t noon = INT64_C(1795521600000);
	const struct clock_moment began = {.wall_ms = noon, .monotonic_ms = 5000};
	(void)state;
	assert_int_equal(clock_steady_ms(began, 5000), noon);
	int64_t answered = clock_steady_ms(began, 8000), ended = clock_steady_ms(began, 15000);
	assert_int_equal(answered, noon + 3000);
	assert_int_equal(ended - answered, 7000);
	struct clock_moment now = clock_moment();
	assert_true(llabs(now.wall_ms - clock_now_ms()) < 1000);
	assert_true(llabs(clock_steady_ms(now, clock_monotonic_ms()) - clock_now_ms()) < 1000);
}

static void test_rfc3339_reads_offsets_and_refuses_impossible_days(void **state)
{
	int64_t ms;
	char text[RFC3339_SIZE];
	(void)state;
	assert_true(clock_parse_rfc3339("2026-11-23T22:00:00.5+01:30", 27, &ms));
	assert_string_equal(clock_rfc3339(ms, text), "2026-11-23T20:30:00.500Z");
	assert_string_equal(clock_rfc3339(0, text), "1970-01-01T00:00:00.000Z");
	assert_string_equal(clock_rfc3339(-1, text), "1969-12-31T23:59:59.999Z");
	assert_string_equal(clock_rfc3339(INT64_C(253402300799999), text), "9999-12-31T23:59:59.999Z");
	assert_string_equal(clock_rfc3339(INT64_C(253402300800000), text), "1970-01-01T00:00:00.000Z");
	assert_false(clock_parse_rfc3339("2026-02-30", 10, &ms));
	assert_false(clock_parse_rfc3339("2026-02-28T24:00", 16, &ms));
}

static void test_ids_sort_in_the_order_they_were_made(void **state)
{
	char a[ID_SIZE], b[ID_SIZE];
	(void)state;
	for (int i = 0; i < 1000; i++) {
		id_new("call", a);
		id_new("call", b);
		assert_true(id_is("call", a));
		assert_true(strcmp(a, b) < 0);
	}
	assert_false(id_is("tag", a));
}

#define PHONE_STRIDE (512 * 3) /* so many exchanges apart: all share one place of the cache */

static void test_phone_numbers_in_any_usual_notation(void **state)
{
	static const char *const notations[] = {"(512) 555-0100", "512.555.0100", "+1 512 555 0100", "1-512-555-0100", "tel:+15125550100"};
	char out[PHONE_SIZE];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(notations); i++) {
		assert_true(phone_normalize(notations[i], "US", out));
		assert_string_equal(out, "+15125550100");
	}
	assert_true(phone_normalize("020 7946 0018", "GB", out));
	assert_string_equal(out, "+442079460018");
	assert_false(phone_normalize("hello", "US", out));
	assert_false(phone_normalize("12", "US", out));
}

static void test_phone_lookup_knows_the_state(void **state)
{
	struct phone_info info;
	(void)state;
	phone_lookup("+15125551234", &info);
	assert_string_equal(info.country, "US");
	assert_string_equal(info.state, "TX");
	assert_string_equal(info.area_code, "512");
}

static void test_phone_lookup_knows_the_line(void **state)
{
	static const struct {
		const char *number, *line;
	} cases[] = {
		{"+15125551234", "fixed_line_or_mobile"}, {"+18005551234", "toll_free"}, {"+19005551234", "premium"}, {"+447911123456", "mobile"}, {"+442071838750", "fixed_line"},
		{"+4915112345678", "mobile"}, {"+445612345678", "voip"}, {"+1999", ""},
	};
	struct phone_info info;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		phone_lookup(cases[i].number, &info);
		assert_string_equal(info.line_type, cases[i].line);
	}
}

static void test_phone_lookup_knows_the_time_zone(void **state)
{
	static const struct {
		const char *number, *zone;
	} cases[] = {
		{"+15125551234", "America/Chicago"}, {"+12125551234", "America/New_York"}, {"+19155551234", "America/Denver"}, /* El Paso */
		{"+18505551234", "America/Chicago"}, {"+18085551234", "Pacific/Honolulu"}, {"+16045551234", "America/Vancouver"},
		{"+442079460000", "Europe/London"}, {"+4930123456", "Europe/Berlin"}, {"+18005551234", ""}, {"+61291234567", ""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct phone_info info;
		phone_lookup(cases[i].number, &info);
		assert_string_equal(info.time_zone, cases[i].zone);
	}
}

static void test_zones_know_their_offset_in_summer_and_winter(void **state)
{
	const struct zone *chicago = zone_find("America/Chicago");
	int64_t summer, winter;
	(void)state;
	assert_true(clock_parse_rfc3339("2026-07-01T12:00:00Z", 20, &summer));
	assert_true(clock_parse_rfc3339("2026-12-01T12:00:00Z", 20, &winter));
	assert_int_equal(zone_offset_seconds(chicago, summer), -5 * 3600);
	assert_int_equal(zone_offset_seconds(chicago, winter), -6 * 3600);
	assert_int_equal(zone_offset_seconds(zone_find("Asia/Kolkata"), winter), 19800);
	assert_int_equal(zone_offset_seconds(NULL, winter), 0);
	assert_ptr_equal(zone_find("America/Chicago"), chicago);
	assert_null(zone_find("America/Nowhere"));
	assert_null(zone_find("GMT+25"));
	assert_null(zone_find(""));
}

struct cold_lookup {
	char number[PHONE_SIZE];
	struct phone_info info;
};

static void *look_up(void *arg)
{
	struct cold_lookup *l = arg;
	phone_lookup(l->number, &l->info);
	return NULL;
}

/* What a thread keeps of an exchange is only right when all its numbers tell the same. */
static void test_phone_lookup_tells_the_same_of_all_numbers_of_an_exchange(void **state)
{
	char number[PHONE_SIZE];
	struct phone_info first, kept;
	(void)state;
	for (unsigned exchange = 201200; exchange < 989000; exchange += PHONE_STRIDE) {
		struct cold_lookup cold = {0};
		pthread_t fresh; /* it has kept nothing yet */
		snprintf(number, sizeof number, "+1%u0000", exchange);
		phone_lookup(number, &first);
		snprintf(cold.number, sizeof cold.number, "+1%u9999", exchange);
		assert_int_equal(pthread_create(&fresh, NULL, look_up, &cold), 0);
		pthread_join(fresh, NULL);
		assert_memory_equal(&first, &cold.info, sizeof first);
		phone_lookup(cold.number, &kept);
		assert_memory_equal(&kept, &cold.info, sizeof kept);
	}
}

static void test_sealed_text_opens_only_with_its_key(void **state)
{
	struct crypto_key a = {0}, b = {0};
	(void)state;
	a.seal[0] = 1;
	char *sealed = crypto_seal(&a, "secret"), *plain = crypto_open(&a, sealed);
	assert_string_equal(plain, "secret");
	assert_null(crypto_open(&b, sealed));
	sealed[10] ^= 1;
	assert_null(crypto_open(&a, sealed));
	free(plain);
	free(sealed);
}

static void test_hashes_with_other_costs_fit_no_password(void **state)
{
	/* Of "correct horse", with the fewest passes and the least memory that libsodium takes. */
	char cheap[crypto_pwhash_STRBYTES];
	char *own = crypto_password_hash("correct horse");
	static const char *const costly[] = {
		"$argon2id$v=19$m=65536,t=4000000000,p=1$c29tZXNhbHRzb21lc2FsdA$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=4000000,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=65536,t=2", "$argon2id$", "", "correct horse",
	};
	(void)state;
	assert_non_null(own);
	assert_true(crypto_password_verify(own, "correct horse"));
	assert_false(crypto_password_verify(own, "correct horse "));
	assert_int_equal(crypto_pwhash_str(cheap, "correct horse", 13, 1, 8192), 0);
	assert_false(crypto_password_verify(cheap, "correct horse"));
	for (size_t i = 0; i < ARRAY_LEN(costly); i++)
		assert_false(crypto_password_verify(costly[i], "correct horse"));
	free(own);
}

static void test_files_are_read_as_they_were_written_sealed_or_not(void **state)
{
	char path[] = "/tmp/strowger-file-XXXXXX", other_path[] = "/tmp/strowger-file-XXXXXX", byte;
	static unsigned char wanted[20000], got[20000];
	struct crypto_key key = {.seal = {1}}, other = {.seal = {2}};
	uint32_t seed = 7;
	(void)state;
	close(mkstemp(path));
	close(mkstemp(other_path));
	for (int sealed = 0; sealed < 2; sealed++) {
		struct file *f = file_create(path, sealed ? &key : NULL, NULL);
		int64_t size = 0;
		memset(wanted, 0, sizeof wanted);
		for (int i = 0; i < 300; i++) { /* pieces, over what was there or after it */
			seed = seed * 1664525 + 1013904223;
			int64_t at = i % 2 ? (int64_t)((seed >> 8) % (uint32_t)(size + 1)) : size, len = (seed >> 4) % 300;
			if (at + len > (int64_t)sizeof wanted)
				continue;
			memset(wanted + at, i, (size_t)len);
			assert_true(file_write(f, at, wanted + at, (size_t)len));
			size = at + len > size ? at + len : size;
		}
		assert_true(size > 9000);
		assert_false(file_write(f, size + 1, "x", 1));
		assert_true(file_flush(f, true));
		assert_int_equal(file_size(f), size);
		file_close(f);
		f = file_open(path, &key, NULL);
		assert_int_equal(file_size(f), size);
		assert_int_equal(file_read(f, 0, got, sizeof got), size);
		assert_memory_equal(got, wanted, (size_t)size);
		for (int64_t at = 0; at < size; at += 777) {
			int64_t n = file_read(f, at, got, 600);
			assert_true(n == (at + 600 < size ? 600 : size - at));
			assert_memory_equal(got, wanted + at, (size_t)n);
		}
		assert_int_equal(file_read(f, size, got, 1), 0);
		file_close(f);
	}
	struct file *f = file_open(path, &other, NULL);
	assert_int_equal(file_read(f, 0, got, 10), -1); /* another key */
	file_close(f);
	/* The second block where the first was: each is right by itself, and not in that place. */
	int fd = open(path, O_RDWR), copied = open(other_path, O_RDWR);
	unsigned char block[4096 + 40], head[24];
	assert_true(pread(fd, head, sizeof head, 0) == 24 && pread(fd, block, sizeof block, 24 + sizeof block) == sizeof block);
	assert_true(pwrite(copied, head, sizeof head, 0) == 24 && pwrite(copied, block, sizeof block, 24) == sizeof block);
	f = file_open(other_path, &key, NULL);
	assert_int_equal(file_size(f), 4096);
	assert_int_equal(file_read(f, 0, got, 10), -1);
	file_close(f);
	/* A byte that was changed spoils its block, and no other. */
	assert_true(pread(fd, &byte, 1, 24 + 4136 + 100) == 1);
	byte ^= 1;
	assert_true(pwrite(fd, &byte, 1, 24 + 4136 + 100) == 1);
	f = file_open(path, &key, NULL);
	assert_int_equal(file_read(f, 5000, got, 10), -1);
	assert_int_equal(file_read(f, 100, got, 10), 10);
	file_close(f);
	close(fd);
	close(copied);
	unlink(path);
	unlink(other_path);
	assert_null(file_open(path, &key, NULL));
}

static void test_mailbox_refuses_when_full_and_keeps_the_order(void **state)
{
	struct mail a, b, c;
	struct mailbox *m = mailbox_create(2);
	(void)state;
	assert_true(mailbox_post(m, &a));
	assert_true(mailbox_post(m, &b));
	assert_false(mailbox_post(m, &c));
	struct mail *first = mailbox_take_all(m);
	assert_ptr_equal(first, &a);
	assert_ptr_equal(first->next, &b);
	assert_null(first->next->next);
	assert_null(mailbox_take_all(m));
	mailbox_destroy(m);
}

static bool within(const char *network, const char *address)
{
	struct network n;
	struct sockaddr_storage a;
	assert_true(network_parse(network, &n));
	assert_true(address_parse(address, strlen(address), &a));
	return network_has(&n, 1, (const struct sockaddr *)&a);
}

static void test_networks_have_their_addresses(void **state)
{
	static const char *const bad[] = {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0", "everywhere", "2001:db8::/129", "10.0.0.1:80"};
	struct network n;
	(void)state;
	assert_true(within("10.0.0.0/8", "10.255.0.1"));
	assert_false(within("10.0.0.0/8", "11.0.0.1"));
	assert_true(within("192.0.2.128/25", "192.0.2.129:80"));
	assert_false(within("192.0.2.128/25", "192.0.2.127"));
	assert_true(within("0.0.0.0/0", "192.0.2.1"));
	assert_true(within("192.0.2.1", "::ffff:192.0.2.1"));
	assert_true(within("2001:db8::/32", "[2001:db8:1::]:443"));
	assert_false(within("2001:db8::/32", "192.0.2.1"));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(network_parse(bad[i], &n));
}

static void test_addresses_are_read_with_or_without_a_port(void **state)
{
	static const char *const bad[] = {"", ":", ":80", "[", "[2001:db8::1", "unknown", "192.0.2.1.5", "fe80::1%eth0", "1234567890123456789012345678901234567890123456789"};
	struct sockaddr_storage a;
	char text[ADDRESS_SIZE];
	(void)state;
	assert_true(address_parse("192.0.2.1:80", 12, &a));
	assert_string_equal(address_text((const struct sockaddr *)&a, text), "192.0.2.1");
	assert_true(address_parse("192.0.2.1, 10.0.0.1", 9, &a));
	assert_string_equal(address_text((const struct sockaddr *)&a, text), "192.0.2.1");
	assert_true(address_parse("[2001:db8::1]:443", 17, &a));
	assert_string_equal(address_text((const struct sockaddr *)&a, text), "2001:db8::1");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(address_parse(bad[i], strlen(bad[i]), &a));
	a.ss_family = AF_UNIX;
	assert_string_equal(address_text((const struct sockaddr *)&a, text), "");
}

/* What a window allows, counted from a list of everything that was taken. */
static bool reference_takes(const int64_t *taken, size_t count, size_t most, int64_t span_ms,
			    int64_t now)
{
	size_t within = 0;
	for (size_t i = 0; i < count; i++)
		within += now - taken[i] < span_ms;
	return within < most;
}

static void test_a_window_slides_exactly(void **state)
{
	static const struct {
		int64_t at_ms;
		bool takes;
	} calls[] = {{0, true}, {500, true}, {1000, true}, {2000, false}, {4600, false},
		     {8800, false}, {11999, false}, {12000, true}, {12499, false},
		     {12500, true}, {12500, false}};
	struct windows w = {0};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		int64_t now = 5000000000 + calls[i].at_ms; /* beyond 32 bits */
		assert_int_equal(windows_are_full(&w, 7, 3, 12000, now), !calls[i].takes);
		assert_int_equal(windows_take(&w, 7, 3, 12000, now), calls[i].takes);
	}
	assert_true(windows_take(&w, 8, 3, 12000, 5000012500)); /* another caller */
	windows_free(&w);
}

static void test_windows_are_those_of_a_list_of_all_calls(void **state)
{
	static int64_t taken[20][4000];
	size_t counts[20] = {0};
	struct windows w = {0};
	int64_t now = INT64_C(4294967296) - 40000; /* its lowest 32 bits wrap around on the way */
	uint32_t random = 2463534242;
	(void)state;
	for (size_t i = 0; i < 60000; i++) {
		random ^= random << 13, random ^= random >> 17, random ^= random << 5;
		size_t who = random % 20, most = who + 1;
		int64_t span = 200 + (int64_t)(who * 97);
		now += random >> 8 & 7; /* also none: at the same moment */
		bool takes = reference_takes(taken[who], counts[who], most, span, now);
		assert_int_equal(windows_take(&w, who + 1, most, span, now), takes);
		if (takes && counts[who] == ARRAY_LEN(taken[who])) {
			memmove(taken[who], taken[who] + 2000, 2000 * sizeof taken[who][0]);
			counts[who] -= 2000;
		}
		if (takes)
			taken[who][counts[who]++] = now;
	}
	windows_free(&w);
}

static void test_windows_that_have_passed_take_no_room(void **state)
{
	struct windows w = {0};
	(void)state;
	for (uint64_t i = 1; i <= 200000; i++) /* 1,000 keys within each window */
		assert_true(windows_take(&w, i * 0x9E3779B97F4A7C15, 2, 1000, (int64_t)i));
	assert_in_range(w.size, 1000, 8192);
	windows_free(&w);
}

static void test_a_window_follows_another_limit_and_a_clock_that_stands(void **state)
{
	struct windows w = {0};
	(void)state;
	assert_true(windows_take(&w, 1, 1, 1000, 10000));
	assert_false(windows_take(&w, 1, 1, 1000, 9000)); /* of a thread that asked before */
	assert_true(windows_take(&w, 1, 3, 1000, 10001)); /* more are allowed now */
	assert_true(windows_take(&w, 1, 3, 1000, 10002));
	assert_false(windows_take(&w, 1, 2, 1000, 10003)); /* and fewer again */
	assert_true(windows_take(&w, 1, 2, 1000, 11001));
	windows_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_setting_the_clock_changes_no_duration),
		cmocka_unit_test(test_networks_have_their_addresses),
		cmocka_unit_test(test_addresses_are_read_with_or_without_a_port),
		cmocka_unit_test(test_json_string_escapes_and_replaces_what_is_not_utf8),
		cmocka_unit_test(test_buf_writes_integers),
		cmocka_unit_test(test_buf_stops_at_its_limit),
		cmocka_unit_test(test_money_is_exact),
		cmocka_unit_test(test_rfc3339_reads_offsets_and_refuses_impossible_days),
		cmocka_unit_test(test_ids_sort_in_the_order_they_were_made),
		cmocka_unit_test(test_phone_numbers_in_any_usual_notation),
		cmocka_unit_test(test_phone_lookup_knows_the_state),
		cmocka_unit_test(test_phone_lookup_knows_the_line),
		cmocka_unit_test(test_phone_lookup_knows_the_time_zone),
		cmocka_unit_test(test_zones_know_their_offset_in_summer_and_winter),
		cmocka_unit_test(test_phone_lookup_tells_the_same_of_all_numbers_of_an_exchange),
		cmocka_unit_test(test_files_are_read_as_they_were_written_sealed_or_not), cmocka_unit_test(test_sealed_text_opens_only_with_its_key),
		cmocka_unit_test(test_hashes_with_other_costs_fit_no_password),
		cmocka_unit_test(test_mailbox_refuses_when_full_and_keeps_the_order),
		cmocka_unit_test(test_a_window_slides_exactly),
		cmocka_unit_test(test_windows_are_those_of_a_list_of_all_calls),
		cmocka_unit_test(test_windows_that_have_passed_take_no_room),
		cmocka_unit_test(test_a_window_follows_another_limit_and_a_clock_that_stands),
	};
	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
