#include "test.h"
#include "expr/schedule.h"
#include "expr/extract.h"
#include "expr/filter.h"
#include "expr/regex.h"
#include "expr/pointer.h"
#include "expr/template.h"

/* tag 0: state, tag 1: score (number); variable 0: tries */
static int find_tag(void *arg, const char *name, size_t len)
{
	(void)arg;
	return len == 5 && strncasecmp(name, "state", 5) == 0 ? 0 : len == 5 && strncasecmp(name, "score", 5) == 0 ? 1 : -1;
}

static int find_variable(void *arg, const char *name, size_t len)
{
	(void)arg;
	return len == 5 && strncasecmp(name, "tries", 5) == 0 ? 0 : -1;
}

static const struct expr_list *find_list(void *arg, const char *id)
{
	static const char *const texts[] = {"+1512", "+15125550100", "+151255501000", "OK", "Texas", "tx"};
	static const struct expr_list list = {6, texts};
	(void)arg;
	return strcmp(id, "lst_1") == 0 ? &list : NULL;
}

static enum value_kind kind_of(void *arg, struct expr_ref ref)
{
	(void)arg;
	return ref.source == EXPR_TAG ? ref.slot == 1 ? VALUE_NUMBER : VALUE_STRING : VALUE_NONE;
}

static const struct expr_scope scope = {.tag = find_tag, .variable = find_variable, .list = find_list, .region = "US", .kind = kind_of};
static struct value call[CALL_FIELD_COUNT];

static struct expr_env make_env(const struct value *tags)
{
	call[CALL_CALLER_ID] = value_string("+15125550100", 12);
	return (struct expr_env){.tags = tags, .tag_count = 2, .call = call, .now_ms = 1763935200000};
}

static void count_errors(void *arg, const char *pointer, const char *detail)
{
	(void)pointer, (void)detail;
	++*(int *)arg;
}

/* Compile and ask; -1 when it does not compile. */
static int ask(const char *json, struct expr_env *env)
{
	struct arena arena = {0};
	json_t *doc = json_loads(json, 0, NULL);
	int errors = 0;
	struct filter *f = filter_compile(doc, &scope, &arena, count_errors, &errors);
	int result = f ? filter_match(f, env) : -1;
	assert_int_equal(errors > 0, !f);
	filter_free(f);
	json_decref(doc);
	arena_free(&arena);
	return result;
}

/* So many rules, all of which must hold; each a group of its own. */
static struct filter *compile_rules(const char *rule_json, int count, const struct expr_scope *s,
				    struct arena *arena, int *errors)
{
	json_t *rules = json_array(), *doc;
	for (int i = 0; i < count; i++)
		json_array_append_new(rules, json_loads(rule_json, 0, NULL));
	doc = json_pack("{s:s, s:o}", "match", "any", "rules", rules);
	struct filter *f = filter_compile(doc, s, arena, count_errors, errors);
	json_decref(doc);
	return f;
}

static void test_a_filter_has_at_most_20_regular_expressions_unless_it_is_stored(void **state)
{
	static const char one[] = "{\"field\":\"tag.state\",\"op\":\"matches\",\"value\":\"^T\"}";
	struct expr_scope stored = scope;
	struct arena arena = {0};
	int errors = 0;
	(void)state;
	stored.stored = true;
	struct filter *most = compile_rules(one, FILTER_REGEXES_MAX, &scope, &arena, &errors);
	assert_non_null(most);
	assert_int_equal(errors, 0);
	assert_null(compile_rules(one, FILTER_REGEXES_MAX + 5, &scope, &arena, &errors));
	assert_int_equal(errors, 1); /* told once */
	struct filter *more = compile_rules(one, FILTER_REGEXES_MAX + 5, &stored, &arena, &errors);
	assert_non_null(more);
	assert_int_equal(filter_regex_count(more), FILTER_REGEXES_MAX + 5);
	filter_free(most);
	filter_free(more);
	arena_free(&arena);
}

/* Each of these would take any filter's limit of match steps, over and over. */
static void test_a_call_spends_a_bounded_number_of_steps_and_then_nothing_passes(void **state)
{
	static const char *const costly[] = {
		"{\"field\":\"tag.state\",\"op\":\"matches\",\"value\":\"^(a+)+[0-9]|q1\"}",
		"{\"field\":\"tag.state\",\"op\":\"matches\",\"value\":\"a*a*a*a*a*[0-9]\"}",
		"{\"field\":\"tag.state\",\"op\":\"matches\",\"value\":\"(?:a|aa|aaa)+$(?<=[0-9])\"}",
		"{\"field\":\"tag.state\",\"op\":\"contains\",\"value\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"}",
	};
	static const char easy[] = "{\"field\":\"tag.state\",\"op\":\"begins_with\",\"value\":\"aaa\"}";
	char text[201];
	(void)state;
	memset(text, 'a', 200);
	text[200] = '\0';
	struct value tags[2] = {value_string(text, 200)};
	for (size_t i = 0; i < ARRAY_LEN(costly); i++) {
		struct arena arena = {0};
		struct expr_env env = make_env(tags);
		struct expr_budget budget = expr_budget_full(env.now_ms);
		int errors = 0, asked = 0;
		struct filter *f = compile_rules(costly[i], FILTER_REGEXES_MAX, &scope, &arena, &errors);
		struct filter *e = compile_rules(easy, 1, &scope, &arena, &errors);
		env.budget = &budget;
		assert_non_null(f);
		assert_true(filter_match(e, &env));
		while (!filter_is_spent(&env)) {
			assert_false(filter_match(f, &env));
			assert_true(++asked < 10000);
		}
		assert_false(filter_match(e, &env)); /* fails closed */
		env.now_ms += 1000;
		assert_false(filter_match(e, &env)); /* not yet enough came back */
		env.now_ms += 3600000;
		assert_true(filter_match(e, &env));
		assert_int_equal(env.budget->left <= EXPR_BUDGET_STEPS, 1);
		filter_free(f);
		filter_free(e);
		arena_free(&arena);
	}
}

static void test_ordinary_filters_of_a_thousand_targets_are_within_a_calls_budget(void **state)
{
	static const char *const ordinary[] = {
		"{\"field\":\"call.caller_id\",\"op\":\"matches\",\"value\":\"^\\\\+1(212|646|917|332)\"}",
		"{\"field\":\"tag.state\",\"op\":\"matches\",\"value\":\"(?i)texas|oklahoma|new mexico\"}",
		"{\"field\":\"tag.state\",\"op\":\"in\",\"value\":[\"CA\",\"NY\",\"FL\",\"WA\",\"OR\"]}",
	};
	struct value tags[2] = {value_string("Connecticut", 11)};
	struct expr_env env = make_env(tags);
	struct expr_budget budget = expr_budget_full(env.now_ms);
	(void)state;
	env.budget = &budget;
	for (size_t i = 0; i < ARRAY_LEN(ordinary); i++) {
		struct arena arena = {0};
		int errors = 0;
		struct filter *f = compile_rules(ordinary[i], 3, &scope, &arena, &errors);
		assert_non_null(f);
		for (int target = 0; target < 1000; target++) {
			assert_false(filter_match(f, &env));
			assert_false(filter_is_spent(&env));
		}
		filter_free(f);
		arena_free(&arena);
	}
}

static void test_expressions_are_compiled_once_for_all_that_have_their_text(void **state)
{
	struct regex_cache *cache = regex_cache_create();
	struct error err;
	(void)state;
	struct regex *a = regex_compile(cache, "^a+", 3, &err), *b = regex_compile(cache, "^a+", 3, &err);
	struct regex *c = regex_compile(cache, "^b+", 3, &err);
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_int_equal(regex_references(a), 3); /* the cache's, too */
	assert_null(regex_compile(cache, "(", 1, &err));
	assert_int_equal(regex_cache_count(cache), 2);
	regex_release(a);
	regex_release(c);
	regex_cache_sweep(cache);
	assert_int_equal(regex_cache_count(cache), 1);
	regex_cache_destroy(cache);
	int64_t steps = 1000; /* b outlives it */
	assert_true(regex_match(b, "aab", 3, NULL, &steps));
	assert_true(steps < 1000);
	regex_release(b);
}

static int rule(const char *field, const char *op, const char *value, struct expr_env *env)
{
	char json[400];
	snprintf(json, sizeof json, "{\"rules\":[{\"field\":\"%s\",\"op\":\"%s\"%s%s}]}", field, op, *value ? ",\"value\":" : "", value);
	return ask(json, env);
}

static void test_every_operator(void **state)
{
	(void)state;
	struct value tags[2] = {value_string("Texas", 5), {.kind = VALUE_NUMBER, .text = "82", .len = 2, .number = 82}};
	struct expr_env env = make_env(tags);
	static const struct {
		const char *field, *op, *value;
		int expected;
	} cases[] = {
		{"tag.state", "exists", "", 1}, {"var.tries", "exists", "", 0}, {"var.tries", "not_exists", "", 1},
		{"tag.state", "equals", "\"texas\"", 1}, {"tag.state", "equals", "\"Tex\"", 0}, {"tag.score", "equals", "82.0", 1},
		{"tag.state", "not_equals", "\"OK\"", 1}, {"tag.state", "contains", "\"EXA\"", 1}, {"tag.state", "not_contains", "\"z\"", 1},
		{"tag.state", "begins_with", "\"te\"", 1}, {"tag.state", "ends_with", "\"AS\"", 1}, {"tag.state", "ends_with", "\"x\"", 0},
		{"tag.state", "in", "[\"OK\",\"TEXAS\"]", 1}, {"tag.state", "not_in", "[\"OK\"]", 1}, {"tag.score", "in", "[1,82]", 1},
		{"tag.score", "greater_than", "81", 1}, {"tag.score", "greater_than", "82", 0}, {"tag.score", "greater_or_equal", "82", 1},
		{"tag.score", "less_than", "82", 0}, {"tag.score", "less_or_equal", "82", 1}, {"tag.score", "between", "[80,90]", 1},
		{"tag.score", "between", "[83,90]", 0}, {"call.caller_id", "matches", "\"^\\\\+1512\"", 1}, {"call.caller_id", "matches", "\"^9\"", 0},
		{"var.tries", "less_than", "5", 0}, {"var.tries", "not_equals", "\"x\"", 1}, {"time.weekday", "equals", "\"sun\"", 1},
		{"time.hour", "equals", "22", 1},
		{"call.caller_id", "equals", "\"(512) 555-0100\"", 1}, {"call.caller_id", "in", "[\"1\",\"1-512-555-0100\"]", 1}, {"call.caller_id", "not_equals", "\"512.555.0100\"", 0}, {"call.caller_id", "begins_with", "\"512\"", 0},
		{"call.caller_id", "in_list", "\"lst_1\"", 1}, {"tag.state", "in_list", "\"lst_1\"", 1}, {"time.weekday", "in_list", "\"lst_1\"", 0},
		{"number.area_code", "in_list", "\"lst_1\"", 0}, {"tag.state", "in_list", "\"lst_2\"", -1},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int got = rule(cases[i].field, cases[i].op, cases[i].value, &env);
		if (got != cases[i].expected)
			fail_msg("%s %s %s: %d", cases[i].field, cases[i].op, cases[i].value, got);
	}
}

static void test_zip_codes_have_distances(void **state)
{
	static const struct {
		const char *zip, *other;
		int miles; /* at least so many, and one more at most */
	} cases[] = {{"78701", "78704", 2}, {"77002", "78701", 146}, {"10001", "90001", 2448}, {"02134-4242", "10001", 185}, {"2134", "02134", 0}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct value tags[2] = {value_string(cases[i].zip, strlen(cases[i].zip)), {0}};
		struct expr_env env = make_env(tags);
		char within[40], beyond[40];
		snprintf(within, sizeof within, "[\"%s\",%d]", cases[i].other, cases[i].miles + 1);
		snprintf(beyond, sizeof beyond, "[\"%s\",%d.001]", cases[i].other, cases[i].miles);
		if (rule("tag.state", "within_miles", within, &env) != 1 || (cases[i].miles && rule("tag.state", "within_miles", beyond, &env) != 0))
			fail_msg("%s to %s: not %d miles", cases[i].zip, cases[i].other, cases[i].miles);
	}
	static const char *const none[] = {"00000", "99999", "Austin", "78701x", "787011", "78", ""};
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		struct value tags[2] = {value_string(none[i], strlen(none[i])), {0}};
		struct expr_env env = make_env(tags);
		assert_int_equal(rule("tag.state", "within_miles", "[\"78701\",12000]", &env), 0);
	}
	struct value number[2] = {{.kind = VALUE_NUMBER, .text = "78704", .len = 5, .number = 78704}, {0}};
	struct expr_env env = make_env(number);
	assert_int_equal(rule("tag.state", "within_miles", "[78701,\"10\"]", &env), 1);
	assert_int_equal(rule("tag.state", "within_miles", "[\"00000\",10]", &env), -1);
	assert_int_equal(rule("tag.state", "within_miles", "[\"78701\",\"far\"]", &env), -1);
	assert_int_equal(rule("tag.state", "within_miles", "[\"78701\"]", &env), -1);
	assert_int_equal(rule("tag.state", "within_miles", "\"78701\"", &env), -1);
}

static void test_groups_nest(void **state)
{
	(void)state;
	struct value tags[2] = {value_string("TX", 2), {0}};
	struct expr_env env = make_env(tags);
	assert_int_equal(ask("{\"match\":\"all\",\"rules\":[]}", &env), 1);
	assert_int_equal(ask("{\"match\":\"any\",\"rules\":[{\"field\":\"tag.state\",\"op\":\"equals\",\"value\":\"OK\"},{\"match\":\"all\",\"rules\":[{\"field\":\"tag.state\",\"op\":\"equals\",\"value\":\"TX\"},{\"field\":\"tag.score\",\"op\":\"not_exists\"}]}]}", &env), 1);
	assert_int_equal(ask("{\"match\":\"all\",\"rules\":[{\"field\":\"tag.state\",\"op\":\"equals\",\"value\":\"TX\"},{\"match\":\"any\",\"rules\":[{\"field\":\"tag.score\",\"op\":\"exists\"}]}]}", &env), 0);
}

static void test_what_does_not_compile_is_told(void **state)
{
	(void)state;
	struct expr_env env = make_env(NULL);
	env.tag_count = 0;
	assert_int_equal(rule("tag.nothing", "equals", "1", &env), -1);
	assert_int_equal(rule("tag.state", "is", "1", &env), -1);
	assert_int_equal(rule("tag.state", "equals", "", &env), -1);
	assert_int_equal(rule("tag.state", "in", "\"TX\"", &env), -1);
	assert_int_equal(rule("tag.state", "matches", "\"(\"", &env), -1);
	assert_int_equal(rule("tag.score", "greater_than", "\"many\"", &env), -1);
	assert_int_equal(ask("{\"match\":\"some\",\"rules\":[]}", &env), -1);
}

static void test_tokens_convert_as_the_organizations_region_writes(void **state)
{
	const struct {
		const char *region, *text, *value, *expected;
	} cases[] = {
		{"US", "[state_E164]", "(512) 555-0123", "+15125550123"},
		{"GB", "[state_E164]", "020 7946 0018", "+442079460018"},
		{"DE", "[state_E164]", "030 123456", "+4930123456"},
		{"GB", "[state_ISO]", "20/11/2026 10:00", "2026-11-20T10:00:00.000Z"},
		{"US", "[state_ISO]", "11/20/2026 10:00", "2026-11-20T10:00:00.000Z"},
		{NULL, "[state_ISO]", "11/12/2026", ""},
		{NULL, "[state_E164]", "+44 20 7946 0018", "+442079460018"},
		{NULL, "[state_E164]", "020 7946 0018", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena arena = {0};
		struct buf out = {0};
		struct value tags[2] = {value_string(cases[i].value, strlen(cases[i].value)), {0}};
		struct expr_env env = make_env(tags);
		struct expr_scope of = scope;
		of.region = cases[i].region;
		struct template *t = template_compile(cases[i].text, strlen(cases[i].text),
			TEMPLATE_TEXT, &of, &arena, NULL, NULL);
		template_render(t, &env, &out);
		assert_string_equal(buf_text(&out), cases[i].expected);
		buf_free(&out);
		arena_free(&arena);
	}
}

static void render(const char *text, enum template_context context, const struct value *tags, const char *expected)
{
	struct arena arena = {0};
	struct buf out = {0};
	struct expr_env env = make_env(tags);
	struct template *t = template_compile(text, strlen(text), context, &scope, &arena, NULL, NULL);
	template_render(t, &env, &out);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
	arena_free(&arena);
}

static void test_templates_escape_for_where_they_land(void **state)
{
	(void)state;
	struct value tags[2] = {value_string("a \"b\"&c\n", 8), {.kind = VALUE_NUMBER, .text = "82", .len = 2, .number = 82}};
	render("[state]", TEMPLATE_TEXT, tags, "a \"b\"&c ");
	render("https://x/?s=[STATE]", TEMPLATE_URL, tags, "https://x/?s=a%20%22b%22%26c%0A");
	render("s=[state]", TEMPLATE_FORM, tags, "s=a+%22b%22%26c%0A");
	render("[state]", TEMPLATE_HEADER, tags, "a \"b\"&c ");
	render("{\"s\":\"<[state]>\",\"n\":[score],\"m\":[missing_NUMERIC],\"l\":[1,2],\"t\":[CALLER_ID]}", TEMPLATE_JSON, tags,
	       "{\"s\":\"<a \\\"b\\\"&c\\n>\",\"n\":82,\"m\":null,\"l\":[1,2],\"t\":\"+15125550100\"}");
}

static void converted(const char *token, const char *value, const char *expected)
{
	char text[60];
	struct value tags[2] = {value_string(value, strlen(value)), {0}};
	snprintf(text, sizeof text, "[state_%s|none]", token);
	render(text, TEMPLATE_TEXT, tags, expected);
}

static void test_tokens_convert_by_the_end_of_their_name(void **state)
{
	static const struct {
		const char *token, *value, *expected;
	} cases[] = {
		{"EPOCH", "2026-01-10T17:00:00.500Z", "1768064400"}, {"epoch", "2026-01-10T12:00:00-05:00", "1768064400"}, {"EPOCH_MS", "2026-01-10T17:00:00.500Z", "1768064400500"}, {"EPOCH", "1969-12-31T23:59:59.5Z", "-1"},
		{"ISO", "1768064400", "2026-01-10T17:00:00.000Z"}, {"ISO", "1768064400500", "2026-01-10T17:00:00.500Z"}, {"EPOCH", "soon", "none"}, {"EPOCH", "", "none"},
		{"E164", "(512) 555-0123", "+15125550123"}, {"E164", "+44 20 7946 0018", "+442079460018"}, {"E164", "nobody", "none"},
		{"NATIONAL", "+15125550123", "(512) 555-0123"}, {"NATIONAL", "+442079460018", "020 7946 0018"}, {"DIGITS", "+1 (512) 555-0123", "15125550123"}, {"DIGITS", "none at all", "none"},
		{"MONEY", "12.5", "12.50"}, {"MONEY", "12", "12.00"}, {"MONEY", "0.125", "0.125"}, {"MONEY", "much", "none"}, {"CENTS", "12.5", "1250"}, {"CENTS", "0.125", "13"}, {"CENTS", "-0.125", "-13"},
		{"SHA256", " Me@Example.COM ", "8c2a47d3bdb8d3096a6479f53eac3b724291db5f1c31611100f675be5537329d"}, {"SHA256", "  ", "none"},
		{"DIGITS_SHA256", "+1 512 555 0123", "8cbf3d92ca58077409809829dad896cfed7f4c48b68f7643afaa515ea313835b"},
		{"E164_NUMERIC", "(512) 555-0123", "+15125550123"}, {"MONEY_E164_ISO", "1", "none"},
	};
	struct value tags[2] = {value_string("2026-01-10T17:00:00Z", 20), {.kind = VALUE_NUMBER, .text = "12.5", .len = 4, .number = 12.5}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		converted(cases[i].token, cases[i].value, cases[i].expected);
	render("{\"a\":[state_EPOCH],\"b\":\"[state_EPOCH]\",\"c\":[score_CENTS],\"d\":[score_MONEY],\"e\":\"[score_MONEY]\",\"f\":[state_ISO],\"g\":[state_MONEY],\"h\":[CALLER_ID_DIGITS],\"i\":[CALLER_ID_DIGITS_NUMERIC]}", TEMPLATE_JSON, tags,
	       "{\"a\":1768064400,\"b\":\"1768064400\",\"c\":1250,\"d\":12.5,\"e\":\"12.50\",\"f\":\"2026-01-10T17:00:00.000Z\",\"g\":null,\"h\":\"15125550100\",\"i\":15125550100}");
}

/* ---- what is escaped reads back as it was: random texts ---- */

static uint64_t drawn = 0x9e3779b97f4a7c15u;

static unsigned draw(unsigned n) /* xorshift64* */
{
	drawn ^= drawn >> 12;
	drawn ^= drawn << 25;
	drawn ^= drawn >> 27;
	return (unsigned)((drawn * 0x2545f4914f6cdd1du) >> 33) % n;
}

/* Valid UTF-8 with every kind of character that means something somewhere. */
static size_t draw_text(char *out)
{
	static const char *const pieces[] = {"a", "Z", "0", " ", "%", "+", "&", "=", "\"", "\\", "/", "?", "#", "[", "]", "{", "}", ":", ",", "'", "<", ">", "\n", "\r", "\t", "\x01", "\x1f", "\x7f", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xe2\x80\xa8", "~", "-", ".", "_"};
	size_t n = 0;
	for (unsigned count = draw(30); count; count--) {
		const char *p = pieces[draw(sizeof pieces / sizeof *pieces)];
		memcpy(out + n, p, strlen(p));
		n += strlen(p);
	}
	out[n] = '\0';
	return n;
}

static char *rendered(const char *text, enum template_context context, const char *value, size_t len)
{
	struct arena arena = {0};
	struct buf out = {0};
	struct value tags[2] = {value_string(value, len), {0}};
	struct expr_env env = make_env(tags);
	template_render(template_compile(text, strlen(text), context, &scope, &arena, NULL, NULL), &env, &out);
	arena_free(&arena);
	assert_false(out.failed);
	return buf_take(&out);
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* RFC 3986 §2.1; of a form also '+' for a blank. Anything that is not unreserved must have been encoded. */
static void percent_decoded(const char *text, bool form, char *out)
{
	for (; *text; text++) {
		if (*text == '%') {
			assert_true(hex(text[1]) >= 0 && hex(text[2]) >= 0);
			*out++ = (char)(hex(text[1]) * 16 + hex(text[2]));
			text += 2;
			continue;
		}
		assert_true((form && (*text == '+' || *text == '*')) || strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~", *text));
		*out++ = form && *text == '+' ? ' ' : *text;
	}
	*out = '\0';
}

static void test_what_is_escaped_reads_back_as_it_was(void **state)
{
	char text[200], back[200];
	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t n = draw_text(text);
		char *json = rendered("{\"a\":\"<[state]>\",\"b\":[state]}", TEMPLATE_JSON, text, n), *url = rendered("[state]", TEMPLATE_URL, text, n), *form = rendered("[state]", TEMPLATE_FORM, text, n), *header = rendered("[state]", TEMPLATE_HEADER, text, n);
		json_t *parsed = json_loads(json, 0, NULL);
		assert_non_null(parsed);
		assert_int_equal(json_object_size(parsed), 2); /* nothing broke out */
		const char *inside = json_string_value(json_object_get(parsed, "a")), *whole = json_string_value(json_object_get(parsed, "b"));
		assert_int_equal(strlen(inside), n + 2);
		assert_memory_equal(inside + 1, text, n);
		assert_true(n ? strcmp(whole, text) == 0 : true); /* nothing is null or "" */
		percent_decoded(url, false, back);
		assert_string_equal(back, text);
		percent_decoded(form, true, back);
		assert_string_equal(back, text);
		for (size_t k = 0; k < n; k++) /* the same but for control characters, which no header may have */
			assert_int_equal(header[k], (unsigned char)text[k] < 0x20 || text[k] == 0x7f ? ' ' : text[k]);
		assert_int_equal(strlen(header), n);
		json_decref(parsed);
		free(json);
		free(url);
		free(form);
		free(header);
	}
}

static void test_brackets_in_json_are_arrays_where_they_have_a_literal(void **state)
{
	static const char *const arrays[] = {
		"[2]", "[true]", "[false]", "[null]", "[-1]", "[0]", "[1.5e3]", "[0.5]", "[-0.5E-2]", "[1, 2]", "[1,2]", "[]", "[ ]",
		"[\"a\"]", "[\"a\",\"b\"]", "[[1],[2]]", "[[]]", "[{\"a\":[3]}]", "[ 2 ]", "[1,[true]]",
	};
	struct value tags[2] = {value_string("TX", 2), {.kind = VALUE_NUMBER, .text = "82", .len = 2, .number = 82}};
	char text[80], expected[80];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(arrays); i++) {
		snprintf(text, sizeof text, "{\"a\":%s,\"b\":[score]}", arrays[i]);
		snprintf(expected, sizeof expected, "{\"a\":%s,\"b\":82}", arrays[i]);
		render(text, TEMPLATE_JSON, tags, expected);
	}
	render("{\"a\":[[score]],\"b\":[[state],[score]],\"c\":[2|none],\"d\":\"[[2] [score]\"}", TEMPLATE_JSON, tags,
	       "{\"a\":[82],\"b\":[\"TX\",82],\"c\":\"none\",\"d\":\"[2] 82\"}");
	/* they are no literals of JSON */
	for (size_t i = 0; i < 6; i++) {
		static const char *const unknown[] = {"[TRUE]", "[01]", "[1st]", "[nan]", "[-]", "[1.]"};
		render(unknown[i], TEMPLATE_JSON, tags, "null");
	}
	render("[2] [true]", TEMPLATE_TEXT, tags, " ");
}

static void test_a_default_in_json_has_the_type_of_its_token(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"{\"n\":[score|0]}", "{\"n\":0}"}, {"{\"n\":[score|-1.50]}", "{\"n\":-1.5}"}, {"{\"n\":\"[score|0]\"}", "{\"n\":\"0\"}"},
		{"{\"n\":[score|none]}", "{\"n\":\"none\"}"}, {"{\"n\":[score|null]}", "{\"n\":null}"}, {"{\"n\":[score]}", "{\"n\":null}"},
		{"{\"s\":[state|0]}", "{\"s\":\"0\"}"}, {"{\"s\":[state|null]}", "{\"s\":\"null\"}"}, {"{\"s\":[state|]}", "{\"s\":\"\"}"},
		{"{\"s\":[tries|0]}", "{\"s\":\"0\"}"}, {"{\"n\":[state_NUMERIC|0]}", "{\"n\":0}"}, {"{\"n\":[tries_NUMERIC|7]}", "{\"n\":7}"},
		{"{\"n\":[CALL_DURATION|0]}", "{\"n\":0}"}, {"{\"b\":[CONVERTED|no]}", "{\"b\":false}"}, {"{\"b\":[CONVERTED|maybe]}", "{\"b\":\"maybe\"}"},
		{"{\"n\":[state_EPOCH|0]}", "{\"n\":0}"}, {"{\"n\":[state_CENTS|5]}", "{\"n\":5}"}, {"{\"s\":[score_SHA256|0]}", "{\"s\":\"0\"}"},
		{"{\"s\":[CALL_ID|12]}", "{\"s\":\"12\"}"},
	};
	struct value none[2] = {{0}, {0}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		render(cases[i].text, TEMPLATE_JSON, none, cases[i].expected);
	render("[score|0.50]", TEMPLATE_TEXT, none, "0.50");
}

static void test_xml_is_escaped_for_where_it_lands(void **state)
{
	static const struct {
		const char *text, *value, *expected;
	} cases[] = {
		{"<n>[state]</n>", "Smith & Sons", "<n>Smith &amp; Sons</n>"},
		{"<n a=\"[state]\" b='[state]'/>", "<\"'>", "<n a=\"&lt;&quot;&#39;&gt;\" b='&lt;&quot;&#39;&gt;'/>"},
		{"<n a=\"[state]\"/>", "a\tb\nc\rd", "<n a=\"a&#9;b&#10;c&#13;d\"/>"},
		{"<n>[state]</n>", "a\x01" "b\x1f\x7f\xef\xbf\xbe\xff", "<n>ab\x7f\xef\xbf\xbd\xef\xbf\xbd</n>"},
		{"<n>[state]</n>", "Jos\xc3\xa9 \xf0\x9f\x98\x80", "<n>Jos\xc3\xa9 \xf0\x9f\x98\x80</n>"},
		{"<n>[tries|a & b]</n>", "", "<n>a &amp; b</n>"},
		{"<n><![CDATA[[state]]]></n>", "a & <b>", "<n><![CDATA[a & <b>]]></n>"},
		{"<n><![CDATA[[state]]]></n>", "a]]>b", "<n><![CDATA[a]]]]><![CDATA[>b]]></n>"},
		{"<n><![CDATA[[state]]]></n>", "a]", "<n><![CDATA[a]]]><![CDATA[]]></n>"},
		{"<n><![CDATA[x]][state]]]></n>", ">", "<n><![CDATA[x]]]]><![CDATA[>]]></n>"},
		{"<n><![CDATA[[state]>]]></n>", "]]", "<n><![CDATA[]]]]><![CDATA[>]]></n>"},
		{"<n><![CDATA[x][state]]></n>]]>", "", "<n><![CDATA[x]]]><![CDATA[]></n>]]>"},
		{"<!-- [state] --><n>[state]</n>", "a--b-", "<!-- a- -b-  --><n>a--b-</n>"},
		{"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><n>[state]</n>", "Jos\xc3\xa9", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><n>Jos&#233;</n>"},
		{"<?xml version='1.0' encoding='utf-8'?><n>[state]</n>", "Jos\xc3\xa9", "<?xml version='1.0' encoding='utf-8'?><n>Jos\xc3\xa9</n>"},
		{"<l><i>[[state]</i><i>[score]</i></l>", "TX", "<l><i>[state]</i><i>82</i></l>"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct value tags[2] = {value_string(cases[i].value, strlen(cases[i].value)), {.kind = VALUE_NUMBER, .text = "82", .len = 2, .number = 82}};
		render(cases[i].text, TEMPLATE_XML, tags, cases[i].expected);
	}
}

static struct value read_back(const struct extract_answer *xml, const char *path, struct arena *arena)
{
	struct extract *e = extract_compile(EXTRACT_XML, path, NULL);
	struct value v = extract_get(xml, e, arena);
	extract_free(e);
	return v;
}

/* What a parser reads is the value, but for characters that XML does not have. */
static void test_a_parser_reads_the_values_that_were_put_into_xml(void **state)
{
	static const char template[] = "<!-- [state] --><a b=\"[state]\"><c>([state])</c><d><![CDATA[(]][state]>[state])]]></d></a>";
	char text[400], kept[400], expected[900];
	(void)state;
	for (int i = 0; i < 5000; i++) {
		size_t n = draw_text(text), m = 0;
		for (size_t k = 0; k < n; k++)
			if ((unsigned char)text[k] >= 0x20 || strchr("\t\n\r", text[k]))
				kept[m++] = text[k];
		kept[m] = '\0';
		char *made = rendered(template, TEMPLATE_XML, text, n);
		struct arena arena = {0};
		struct error why;
		struct extract_answer *xml = extract_read(EXTRACT_XML, made, strlen(made), &why);
		if (!xml)
			fail_msg("%s: %s", made, why.text);
		assert_string_equal(read_back(xml, "/a/@b", &arena).text, kept);
		snprintf(expected, sizeof expected, "(%s)", kept);
		assert_string_equal(read_back(xml, "/a/c", &arena).text, expected);
		if (!strchr(kept, '\r')) { /* line ends of CDATA are a parser's (XML 1.0 section 2.11) */
			snprintf(expected, sizeof expected, "(]]%s>%s)", kept, kept);
			assert_string_equal(read_back(xml, "/a/d", &arena).text, expected);
		}
		extract_answer_free(xml);
		arena_free(&arena);
		free(made);
	}
}

static void test_a_value_in_a_url_stays_in_its_place(void **state)
{
	static const struct {
		const char *text, *value, *expected;
	} cases[] = {
		{"https://x.example/a/[state]/b", "c/d?e#f&g", "https://x.example/a/c%2Fd%3Fe%23f%26g/b"},
		{"https://x.example/a/[state]/b", "..", "https://x.example/a/%252E%252E/b"},
		{"https://x.example/a/[state]/b", ".", "https://x.example/a/%252E/b"},
		{"https://x.example/a/[state][state]/b", ".", "https://x.example/a/%252E%252E/b"},
		{"https://x.example/a/.[state]?b", ".", "https://x.example/a/%252E%252E?b"},
		{"https://x.example/a/%2e[state]#b", ".", "https://x.example/a/%252E%252E#b"},
		{"https://x.example/a/[state]", "..", "https://x.example/a/%252E%252E"},
		{"https://x.example/a/[state]/b", "...", "https://x.example/a/.../b"},
		{"https://x.example/a/x[state]/b", "..", "https://x.example/a/x../b"},
		{"https://x.example/a/[state].txt", ".", "https://x.example/a/..txt"},
		{"https://x.example/../[state]/./b", "a", "https://x.example/../a/./b"},
		{"https://x.example/a/[state]/b", "v1.2", "https://x.example/a/v1.2/b"},
		{"https://x.example/a/[state]/b", "%2e%2e", "https://x.example/a/%252e%252e/b"},
		{"https://x.example/[state]", "/evil.example", "https://x.example/%2Fevil.example"},
		{"https://x.example/[state]", "\\@evil", "https://x.example/%5C%40evil"},
		{"https://x.example/?q=[state]", "..", "https://x.example/?q=.."},
		{"https://x.example?q=[state]&r=1", "a&r=2 b", "https://x.example?q=a%26r%3D2%20b&r=1"},
		{"https://x.example/p?filter[state]=[state]&f[a][b]=[state]", "TX", "https://x.example/p?filter[state]=TX&f[a][b]=TX"},
		{"https://x.example/p?[state]=1", "TX", "https://x.example/p?TX=1"},
		{"https://[2001:db8::1]/[state]", "a", "https://[2001:db8::1]/a"},
		{"https://x.example/[unknown]/[unknown|a/b]", "a", "https://x.example/[unknown]/a%2Fb"},
		{"https://x.example/a[[state]", "a", "https://x.example/a[state]"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct value tags[2] = {value_string(cases[i].value, strlen(cases[i].value)), {0}};
		render(cases[i].text, TEMPLATE_URL, tags, cases[i].expected);
	}
	struct value tags[2] = {value_string("T X", 3), {0}};
	render("lead[state]=[state]&lead[zip][0]=x[state]&[state]=1", TEMPLATE_FORM, tags, "lead[state]=T+X&lead[zip][0]=xT+X&T+X=1");
}

static void note_host(void *arg, const struct template_token *token)
{
	if (token->in_host)
		snprintf((char *)arg + strlen(arg), 100 - strlen(arg), "%.*s,", (int)token->len, token->name);
}

static void test_tokens_that_decide_which_server_is_asked_are_known(void **state)
{
	static const struct {
		const char *url, *tokens;
	} cases[] = {
		{"https://[a]/x", "a,"}, {"https://x.[a].example/[b]?c=[c]", "a,"}, {"https://[a]:[b]@x.example:[c]/[d]", "a,b,c,"}, {"HTTP://[a]?x=[b]", "a,"},
		{"http:[a]/x", "a,"}, {"http:/[a]/[b]", "a,"}, {"https:///[a]/[b]", "a,"},
		{" https://[a]/[b]", "a,"}, {"https:\\\\[a]/[b]", "a,"}, {" [a]", "a,"},
		{"https://x.example\\[a]/[b]", "a,"}, {"httpx://[a]/", ""},
		{"[a]/x", "a,"}, {"https://x.example/[a]#[b]", ""}, {"https://x.example?[a]", ""}, {"https://[::1]:8080/[a]", ""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char found[100] = "";
		template_each_token(cases[i].url, strlen(cases[i].url), TEMPLATE_URL, note_host, found);
		if (strcmp(found, cases[i].tokens) != 0)
			fail_msg("%s: %s", cases[i].url, found);
	}
}

static void test_a_body_is_what_its_content_type_says_or_how_it_begins(void **state)
{
	static const struct {
		const char *type, *body;
		enum template_context context;
	} cases[] = {
		{"application/json", "x", TEMPLATE_JSON}, {"Application/JSON; charset=utf-8", "x", TEMPLATE_JSON}, {"application/vnd.api+json", "<x/>", TEMPLATE_JSON},
		{"application/xml", "x", TEMPLATE_XML}, {"text/xml;charset=ISO-8859-1", "{", TEMPLATE_XML}, {"application/soap+XML", "x", TEMPLATE_XML}, {"TEXT/XML", "x", TEMPLATE_XML},
		{"application/x-www-form-urlencoded", "{", TEMPLATE_FORM}, {"text/plain", "<x> is less", TEMPLATE_TEXT}, {"text/plain; note=json", "a <x>", TEMPLATE_TEXT},
		{"text/plain", "<x a=\"[b]\">[c]</x>\n", TEMPLATE_XML}, {"text/html", "<!-- -->", TEMPLATE_XML}, {"application/octet-stream", "\xef\xbb\xbf<?xml?><a/>", TEMPLATE_XML}, {"text/plain", "<3 >", TEMPLATE_TEXT},
		{"application/vnd.openxmlformats-officedocument", "<", TEMPLATE_TEXT},
		{NULL, " \r\n{", TEMPLATE_JSON}, {NULL, "[1]", TEMPLATE_JSON}, {NULL, "<x/>", TEMPLATE_XML}, {NULL, "\xef\xbb\xbf <?xml?>", TEMPLATE_XML}, {NULL, "a=b", TEMPLATE_FORM}, {NULL, "", TEMPLATE_FORM},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (template_body_context(cases[i].type, cases[i].body, TEMPLATE_FORM) != cases[i].context)
			fail_msg("%s, %s", cases[i].type ? cases[i].type : "no type", cases[i].body);
}

static void test_a_body_without_a_type_is_a_form_when_it_begins_with_a_field(void **state)
{
	static const struct {
		const char *body;
		enum template_context context;
	} cases[] = {
		{"zip=[zip]&name=[name]", TEMPLATE_FORM}, {"lead[zip]=[zip]", TEMPLATE_FORM},
		{"a%20b=", TEMPLATE_FORM},
		{"Zip = [zip]", TEMPLATE_TEXT}, {"Total: a=b", TEMPLATE_TEXT},
		{"=x", TEMPLATE_TEXT}, {"Call [CALLER_ID]", TEMPLATE_TEXT}, {"", TEMPLATE_TEXT},
		{"{\"a\":\"b=c\"}", TEMPLATE_JSON}, {"<a b=\"c\"/>", TEMPLATE_XML},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (template_body_context(NULL, cases[i].body, TEMPLATE_TEXT) != cases[i].context)
			fail_msg("%s", cases[i].body);
}

static int find_yielding(void *arg, const char *name, size_t len)
{
	const char *const *tags = arg;
	for (int i = 0; tags[i]; i++)
		if (strlen(tags[i]) == len && strncasecmp(tags[i], name, len) == 0)
			return i;
	return -1;
}

static void test_a_tag_goes_before_tokens_that_yield_and_no_other(void **state)
{
	const char *const tags[] = {"state", "city", "zip", "target_name", "caller_id", NULL};
	const char *const others[] = {"zipcode", NULL};
	const struct expr_scope own = {.tag = find_yielding, .arg = (void *)tags}, other = {.tag = find_yielding, .arg = (void *)others};
	static const struct {
		const char *name;
		int slot, field, slot_of_others;
	} cases[] = {
		{"STATE", 0, NUMBER_STATE, -1}, {"City", 1, NUMBER_CITY, -1}, {"ZIP_CODE", 2, NUMBER_ZIP_CODE, 0}, {"TARGET_NAME", 3, CALL_TARGET_NAME, -1},
		{"CALLER_ID", -1, CALL_CALLER_ID, -1}, {"CALLER_STATE", -1, NUMBER_STATE, -1}, {"call.ended_at", -1, CALL_ENDED_AT, -1}, {"BUYER_NAME", -1, CALL_BUYER_NAME, -1},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct expr_ref a = expr_resolve(&own, cases[i].name, strlen(cases[i].name)), b = expr_resolve(&other, cases[i].name, strlen(cases[i].name));
		assert_int_equal(a.source, cases[i].slot < 0 ? EXPR_SYSTEM : EXPR_TAG);
		assert_int_equal(a.slot, cases[i].slot < 0 ? cases[i].field : cases[i].slot);
		assert_int_equal(b.source, cases[i].slot_of_others < 0 ? EXPR_SYSTEM : EXPR_TAG);
		assert_int_equal(b.slot, cases[i].slot_of_others < 0 ? cases[i].field : cases[i].slot_of_others);
	}
	assert_int_equal(expr_resolve(&other, "tag.state", 9).source, EXPR_NOTHING);
	assert_int_equal(expr_resolve(&other, "", 0).source, EXPR_NOTHING);
	assert_true(expr_is_reserved("caller_id", 9) && expr_is_reserved("Call.Id", 7));
	assert_false(expr_is_reserved("state", 5) || expr_is_reserved("TARGET_NAME", 11) || expr_is_reserved("", 0));
}

static void test_templates_have_defaults_and_brackets(void **state)
{
	(void)state;
	struct value tags[2] = {{0}, {0}};
	render("[state|none] [[x] [ not a token ] [score", TEMPLATE_TEXT, tags, "none [x] [ not a token ] [score");
	render("", TEMPLATE_TEXT, tags, "");
}

static void test_values_are_coerced_or_refused(void **state)
{
	struct arena arena = {0};
	struct value v;
	struct error err;
	(void)state;
	assert_true(value_coerce(VALUE_NUMBER, " 1.50 ", 6, &arena, &v, &err));
	assert_string_equal(v.text, "1.5");
	assert_true(value_coerce(VALUE_BOOLEAN, "Yes", 3, &arena, &v, &err));
	assert_string_equal(v.text, "true");
	assert_true(value_coerce(VALUE_DATETIME, "1700000000", 10, &arena, &v, &err));
	assert_string_equal(v.text, "2023-11-14T22:13:20.000Z");
	assert_false(value_coerce(VALUE_NUMBER, "ten", 3, &arena, &v, &err));
	assert_false(value_coerce(VALUE_NUMBER, "0x10", 4, &arena, &v, &err));
	assert_false(value_coerce(VALUE_BOOLEAN, "maybe", 5, &arena, &v, &err));
	arena_free(&arena);
}

static void test_json_pointers(void **state)
{
	(void)state;
	json_t *doc = json_loads("{\"a\":[{\"b/c\":1}],\"~\":2,\"\":3}", 0, NULL);
	assert_int_equal(json_integer_value(json_pointer_get(doc, "/a/0/b~1c")), 1);
	assert_int_equal(json_integer_value(json_pointer_get(doc, "/~0")), 2);
	assert_int_equal(json_integer_value(json_pointer_get(doc, "/")), 3);
	assert_ptr_equal(json_pointer_get(doc, ""), doc);
	assert_null(json_pointer_get(doc, "/a/00"));
	assert_null(json_pointer_get(doc, "/a/-1"));
	assert_null(json_pointer_get(doc, "a"));
	json_decref(doc);
}

static enum schedule_state open_at(const struct schedule *s, const char *zone, const char *time, const char **holiday)
{
	int64_t ms;
	assert_true(clock_parse_rfc3339(time, strlen(time), &ms));
	return schedule_at(s, zone ? zone_find(zone) : schedule_zone(s), ms, holiday);
}

static void test_schedules_follow_the_clocks_of_a_zone(void **state)
{
	struct arena arena = {0};
	const char *holiday = NULL;
	json_t *json = json_loads("{\"time_zone\":\"America/New_York\",\"weekly\":[{\"day\":\"mon\",\"open\":\"09:00\",\"close\":\"17:30\"},{\"day\":\"sun\",\"open\":\"22:00\",\"close\":\"02:00\"},{\"day\":\"sat\",\"open\":\"00:00\",\"close\":\"24:00\"}],"
		"\"holidays\":[{\"date\":\"2020-12-25\",\"yearly\":true,\"name\":\"Christmas\"},{\"date\":\"2026-07-03\"}]}", 0, NULL);
	struct schedule *s = schedule_compile(json, &arena);
	(void)state;
	assert_non_null(s);
	assert_int_equal(open_at(s, NULL, "2026-11-23T13:59:00Z", NULL), SCHEDULE_CLOSED); /* Monday 08:59 in winter */
	assert_int_equal(open_at(s, NULL, "2026-11-23T14:00:00Z", NULL), SCHEDULE_OPEN);
	assert_int_equal(open_at(s, NULL, "2026-11-23T22:29:59Z", NULL), SCHEDULE_OPEN);
	assert_int_equal(open_at(s, NULL, "2026-11-23T22:30:00Z", NULL), SCHEDULE_CLOSED);
	assert_int_equal(open_at(s, NULL, "2026-07-06T13:00:00Z", NULL), SCHEDULE_OPEN); /* 09:00 in summer */
	assert_int_equal(open_at(s, "America/Los_Angeles", "2026-11-23T14:00:00Z", NULL), SCHEDULE_CLOSED); /* 06:00 there */
	assert_int_equal(open_at(s, NULL, "2026-11-23T06:59:00Z", NULL), SCHEDULE_OPEN); /* Sunday's night, into Monday */
	assert_int_equal(open_at(s, NULL, "2026-11-23T07:00:00Z", NULL), SCHEDULE_CLOSED);
	assert_int_equal(open_at(s, NULL, "2026-11-22T04:59:00Z", NULL), SCHEDULE_OPEN); /* Saturday 23:59 */
	assert_int_equal(open_at(s, NULL, "2026-11-24T15:00:00Z", NULL), SCHEDULE_CLOSED); /* Tuesday */
	assert_int_equal(open_at(s, NULL, "2027-12-25T15:00:00Z", &holiday), SCHEDULE_HOLIDAY);
	assert_string_equal(holiday, "Christmas");
	assert_int_equal(open_at(s, NULL, "2026-07-03T15:00:00Z", NULL), SCHEDULE_HOLIDAY);
	assert_int_equal(open_at(s, NULL, "2027-07-03T15:00:00Z", NULL), SCHEDULE_OPEN); /* a Saturday */
	json_decref(json);
	arena_free(&arena);
}

/* Whether it is open, hour by hour, from that time on: 'o' open, 'c' closed, 'h' holiday. */
static void assert_hours(const char *expected, const char *from, const char *holidays,
			 const char *weekly)
{
	struct arena arena = {0};
	char text[1000], got[60] = "";
	int64_t ms;
	snprintf(text, sizeof text,
		 "{\"time_zone\":\"America/Chicago\",\"weekly\":[%s],\"holidays\":[%s]}", weekly,
		 holidays);
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	struct schedule *s = schedule_compile(json, &arena);
	assert_non_null(s);
	assert_true(clock_parse_rfc3339(from, strlen(from), &ms));
	for (size_t i = 0; expected[i]; i++)
		got[i] = "och"[schedule_at(s, schedule_zone(s), ms + (int64_t)i * 3600000, NULL)];
	assert_string_equal(got, expected);
	json_decref(json);
	arena_free(&arena);
}

#define EVE "2026-12-25T00:30:00Z" /* Thursday, 24 December 2026, 18:30 in Chicago */
#define THURSDAYS "{\"day\":\"thu\",\"open\":\"20:00\",\"close\":\"02:00\"}"
#define CLOSED(date) "{\"date\":\"" date "\"}"
#define FROM(date, open) "{\"date\":\"" date "\",\"open\":\"" open "\"}"
#define HOURS(date, open, close) \
	"{\"date\":\"" date "\",\"open\":\"" open "\",\"close\":\"" close "\",\"yearly\":true}"

static void test_holiday_hours_end_at_midnight_or_pass_it(void **state)
{
	(void)state;
	assert_hours("oooooocc", EVE, HOURS("2026-12-24", "09:00", "00:00"), "");
	assert_hours("oooooocc", EVE, HOURS("2026-12-24", "09:00", "24:00"), "");
	assert_hours("oooooocc", EVE, FROM("2026-12-24", "09:00"), "");
	assert_hours("oohhhhcc", EVE, HOURS("2026-12-24", "09:00", "20:00"), "");
	assert_hours("hhooooooccc", EVE, HOURS("2026-12-24", "20:00", "02:00"), "");
	assert_hours("hhooooooccc", EVE, HOURS("2020-12-24", "20:00", "02:00"), "");
	assert_hours("hhhhhhcc", EVE, CLOSED("2026-12-24"), "");
	/* around the clock, as weekly hours are */
	assert_hours("hoooooooooooooooooooooooocc", EVE, HOURS("2026-12-24", "19:00", "19:00"), "");
	/* over the end of the year, and in the night in which clocks jump from 02:00 to 03:00 */
	assert_hours("ooooooocc", "2027-01-01T02:30:00Z", HOURS("2026-12-31", "20:00", "03:00"),
		     "");
	assert_hours("ooooccc", "2026-03-08T05:30:00Z", HOURS("2026-03-07", "22:00", "04:00"), "");
}

static void test_holiday_hours_replace_those_that_begin_on_the_day(void **state)
{
	(void)state;
	assert_hours("ccooooooccc", EVE, "", THURSDAYS);
	assert_hours("ooohhhccc", EVE, HOURS("2026-12-24", "09:00", "21:00"), THURSDAYS);
	assert_hours("hhhhhhccc", EVE, CLOSED("2026-12-24"), THURSDAYS);
	assert_hours("ccoooohhhhh", EVE, CLOSED("2026-12-25"), THURSDAYS); /* the day after */
	/* an evening that was given its end keeps it, though the next day is a holiday, too */
	assert_hours("hhoooooohhh", EVE,
		     HOURS("2026-12-24", "20:00", "02:00") "," CLOSED("2026-12-25"), "");
	/* several times of one day */
	assert_hours("oohhooocc", EVE,
		     HOURS("2026-12-24", "18:00", "20:00") ","
		     HOURS("2026-12-24", "22:00", "01:00"), "");
}

static void test_custom_data_is_found_by_dots_and_pointers(void **state)
{
	static const struct {
		const char *name, *text; /* text NULL: there is none */
	} cases[] = {
		{"source", "radio"}, {"SOURCE", "radio"}, {"lead.city", "Austin"}, {"lead.tags.1", "b"}, {"lead.tags.2", NULL}, {"lead.tags.01", NULL},
		{"a.b", "dotted"}, {"a.b.c", "deep"}, {"/lead/tags/0", "a"}, {"/lead/none", NULL}, {"none", NULL}, {"lead..city", NULL}, {".", NULL},
		{"n", "67"}, {"half", "0.5"}, {"yes", "true"}, {"nothing", NULL}, {"lead.tags", "[\"a\",\"b\"]"},
	};
	struct arena arena = {0};
	json_t *data = json_loads("{\"source\":\"radio\",\"lead\":{\"city\":\"Austin\",\"tags\":[\"a\",\"b\"]},\"a.b\":\"dotted\",\"a\":{\"b\":{\"c\":\"deep\"}},"
				  "\"n\":67,\"half\":0.5,\"yes\":true,\"nothing\":null}", 0, NULL);
	struct expr_custom custom = {.data = data, .arena = &arena};
	struct expr_env env = {.custom = &custom};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char name[40];
		snprintf(name, sizeof name, "custom.%s", cases[i].name);
		struct expr_ref ref = expr_resolve(&scope, name, strlen(name));
		assert_int_equal(ref.source, EXPR_CUSTOM);
		struct value v = expr_value(&env, ref);
		if (!cases[i].text ? v.kind != VALUE_NONE : v.kind == VALUE_NONE || strcmp(v.text, cases[i].text) != 0)
			fail_msg("%s is '%s'", name, v.text);
	}
	assert_int_equal(expr_resolve(&scope, "custom.", 7).source, EXPR_NOTHING);
	env.custom = NULL;
	assert_int_equal(expr_value(&env, expr_resolve(&scope, "custom.n", 8)).kind, VALUE_NONE);
	json_decref(data);
	arena_free(&arena);
}

static void test_a_calls_key_is_known_in_requests_only(void **state)
{
	struct expr_scope requests = scope;
	(void)state;
	requests.requests = true;
	assert_int_equal(expr_resolve(&scope, "CALL_KEY", 8).source, EXPR_NOTHING);
	assert_int_equal(expr_resolve(&scope, "call.key", 8).source, EXPR_NOTHING);
	assert_int_equal(expr_resolve(&requests, "call_key", 8).source, EXPR_SYSTEM);
	assert_int_equal(expr_resolve(&requests, "call_key", 8).slot, CALL_KEY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens_convert_as_the_organizations_region_writes),
		cmocka_unit_test(test_custom_data_is_found_by_dots_and_pointers), cmocka_unit_test(test_a_calls_key_is_known_in_requests_only),
		cmocka_unit_test(test_every_operator), cmocka_unit_test(test_zip_codes_have_distances), cmocka_unit_test(test_groups_nest), cmocka_unit_test(test_what_does_not_compile_is_told),
		cmocka_unit_test(test_templates_escape_for_where_they_land), cmocka_unit_test(test_tokens_convert_by_the_end_of_their_name), cmocka_unit_test(test_templates_have_defaults_and_brackets),
		cmocka_unit_test(test_brackets_in_json_are_arrays_where_they_have_a_literal), cmocka_unit_test(test_a_default_in_json_has_the_type_of_its_token),
		cmocka_unit_test(test_xml_is_escaped_for_where_it_lands), cmocka_unit_test(test_a_parser_reads_the_values_that_were_put_into_xml),
		cmocka_unit_test(test_a_value_in_a_url_stays_in_its_place), cmocka_unit_test(test_tokens_that_decide_which_server_is_asked_are_known),
		cmocka_unit_test(test_a_body_without_a_type_is_a_form_when_it_begins_with_a_field),
		cmocka_unit_test(test_a_body_is_what_its_content_type_says_or_how_it_begins), cmocka_unit_test(test_a_tag_goes_before_tokens_that_yield_and_no_other),
		cmocka_unit_test(test_values_are_coerced_or_refused), cmocka_unit_test(test_json_pointers), cmocka_unit_test(test_what_is_escaped_reads_back_as_it_was),
		cmocka_unit_test(test_a_filter_has_at_most_20_regular_expressions_unless_it_is_stored),
		cmocka_unit_test(test_a_call_spends_a_bounded_number_of_steps_and_then_nothing_passes),
		cmocka_unit_test(test_ordinary_filters_of_a_thousand_targets_are_within_a_calls_budget),
		cmocka_unit_test(test_expressions_are_compiled_once_for_all_that_have_their_text),
		cmocka_unit_test(test_schedules_follow_the_clocks_of_a_zone),
		cmocka_unit_test(test_holiday_hours_end_at_midnight_or_pass_it),
		cmocka_unit_test(test_holiday_hours_replace_those_that_begin_on_the_day),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
