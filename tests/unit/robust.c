/*
 * Random flows and random inputs: whatever a flow is made of and whatever happens to it, it never
 * crashes (under the sanitizers), never goes beyond its limits, and always ends.
 * STROWGER_SEED repeats one run; STROWGER_STEPS makes a longer one.
 */
#include "test.h"
#include "flow/flow.h"
#include <stdio.h>
#include <time.h>

static uint64_t seed;

static unsigned pick(unsigned n) /* xorshift64* */
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (unsigned)((seed * 0x2545f4914f6cdd1du) >> 33) % n;
}

static int find_tag(void *arg, const char *name, size_t len)
{
	(void)arg;
	return len == 2 && name[0] == 't' && name[1] >= '0' && name[1] < '4' ? name[1] - '0' : -1;
}

static const char *name_of(void *arg, size_t slot)
{
	static const char *const names[] = {"t0", "t1", "t2", "t3"};
	(void)arg;
	return names[slot];
}

static const struct value_type *type_of(void *arg, size_t slot)
{
	static const struct value_type types[] = {
		{.kind = VALUE_STRING, .name = "string"},
		{.kind = VALUE_NUMBER, .name = "number"},
		{.kind = VALUE_BOOLEAN, .name = "boolean"},
		{.kind = VALUE_DATETIME, .name = "datetime"},
	};
	(void)arg;
	return &types[slot];
}

/* What each type may be configured with; %u is a small random number, %n a node's id. */
static const struct {
	const char *type, *config, *ports[6];
} kinds[] = {
	{"play", "{\"prompt\":{\"text\":\"[t%u|none] [v%u]\"},\"interruptible\":true}", {"next", "failed"}},
	{"menu", "{\"prompt\":{\"text\":\"[v%u]\"},\"tries\":2,\"options\":[{\"key\":\"%u\",\"port\":\"a\"},{\"key\":\"*\",\"port\":\"b\"}]}", {"a", "b", "no_input", "invalid"}},
	{"gather", "{\"min_digits\":1,\"max_digits\":4,\"pattern\":\"[1-9]+\",\"save_to\":{\"variable\":\"v%u\"}}", {"next", "no_input", "invalid"}},
	{"gather", "{\"min_digits\":1,\"max_digits\":9,\"save_to\":{\"tag\":\"t%u\"}}", {"next", "no_input", "invalid"}},
	{"condition", "{\"branches\":[{\"port\":\"x\",\"filter\":{\"match\":\"any\",\"rules\":[{\"field\":\"tag.t%u\",\"op\":\"less_than\",\"value\":\"5\"},{\"field\":\"var.v%u\",\"op\":\"matches\",\"value\":\"(a+)+$\"}]}}]}", {"x", "else"}},
	{"business_hours", "{\"callers_time_zone\":true,\"schedule\":{\"time_zone\":\"Asia/Kolkata\",\"weekly\":[{\"day\":\"mon\",\"open\":\"0%u:00\",\"close\":\"03:00\"}]}}", {"open", "closed", "holiday"}},
	{"split", "{\"shares\":[{\"port\":\"l\",\"weight\":%u},{\"port\":\"r\",\"weight\":3}]}", {"l", "r"}},
	{"set_tag", "{\"assignments\":[{\"tag\":\"t%u\",\"value\":\"[v%u]\"},{\"tag\":\"t%u\",\"value\":\"%u\"}]}", {"next"}},
	{"set_variable", "{\"assignments\":[{\"variable\":\"v%u\",\"value\":\"[v%u][v%u]x\"}]}", {"next"}}, /* doubles at every turn */
	{"http_request", "{\"url\":\"http://h/[t%u]\",\"method\":\"POST\",\"body\":\"{\\\"a\\\":\\\"[v%u]\\\"}\",\"save\":[{\"pointer\":\"/a\",\"tag\":\"t%u\"},{\"pointer\":\"/b/0\",\"variable\":\"v%u\"}]}", {"success", "failure", "timeout"}},
	{"javascript", "{\"code\":\"x\",\"ports\":[\"a\"],\"variables\":[\"v%u\"]}", {"a", "next", "error"}},
	{"set_outcome", "{\"revenue\":\"[v%u]\",\"converted\":true,\"disposition\":\"d%u\"}", {"next"}},
	{"send_event", "{\"name\":\"e\",\"fields\":[{\"name\":\"f\",\"value\":\"[v%u]\"}]}", {"next"}},
	{"debug", "{\"message\":\"[t%u] [CALL_DURATION] [v%u]\"}", {"next"}},
	{"record", "{\"action\":\"start\"}", {"next"}},
	{"voicemail", "{\"prompt\":{\"text\":\"[v%u]\"}}", {"next"}},
	{"wait", "{\"seconds\":1%u}", {"next"}},
	{"dial", "{\"to\":{\"uri\":\"sip:[v%u]@h\"}}", {"completed", "no_answer", "busy", "failed", "no_target"}},
	{"rtb", "{\"ring_tree_id\":\"rng_%u\",\"caller_id\":\"[v%u]\"}", {"won", "no_bid"}},
	{"call_flow", "{\"call_flow_id\":\"%u\"}", {"next", "failed"}},
	{"go_to", "{\"node\":\"n%n\"}", {NULL}},
	{"hangup", "{}", {NULL}},
};

static void fill(char *out, size_t size, const char *pattern, unsigned nodes)
{
	size_t n = 0;
	for (; *pattern && n + 12 < size; pattern++) {
		if (pattern[0] == '%' && (pattern[1] == 'u' || pattern[1] == 'n'))
			n += (size_t)snprintf(out + n, size - n, "%u", *++pattern == 'u' ? pick(4) : pick(nodes));
		else
			out[n++] = *pattern;
	}
	out[n] = '\0';
}

static json_t *random_document(void)
{
	unsigned count = 2 + pick(30);
	char config[600], id[16], to[16];
	json_t *nodes = json_pack("[{s:s, s:s}]", "id", "n0", "type", "start"), *edges = json_array();
	json_array_append_new(edges, json_pack("{s:s, s:s, s:s}", "from", "n0", "port", "next", "to", "n1"));
	/* every variable is declared, so that all flows compile */
	json_array_append_new(nodes, json_loads("{\"id\":\"n1\",\"type\":\"set_variable\",\"config\":{\"assignments\":[{\"variable\":\"v0\",\"value\":\"aaaaaaaaaaaaaaaaaaaaaaab\"},{\"variable\":\"v1\",\"value\":\"7\"},{\"variable\":\"v2\",\"value\":\"\\u00e9\"},{\"variable\":\"v3\",\"value\":\"\"}]}}", 0, NULL));
	json_array_append_new(edges, json_pack("{s:s, s:s, s:s}", "from", "n1", "port", "next", "to", "n2"));
	for (unsigned i = 2; i <= count; i++) {
		size_t k = pick(sizeof kinds / sizeof *kinds);
		fill(config, sizeof config, kinds[k].config, count);
		snprintf(id, sizeof id, "n%u", i);
		json_t *json = json_loads(config, 0, NULL);
		assert_non_null(json);
		json_array_append_new(nodes, json_pack("{s:s, s:s, s:o}", "id", id, "type", kinds[k].type, "config", json));
		for (size_t p = 0; p < 6 && kinds[k].ports[p]; p++) {
			snprintf(to, sizeof to, "n%u", 1 + pick(count));
			if (pick(8))
				json_array_append_new(edges, json_pack("{s:s, s:s, s:s}", "from", id, "port", kinds[k].ports[p], "to", to));
		}
	}
	json_t *document = json_pack("{s:o, s:o}", "nodes", nodes, "edges", edges);
	if (pick(2))
		json_object_set_new(document, "fallback", json_pack("{s:s}", "routing_plan_id", "pln_1"));
	return document;
}

static struct flow_input random_input(void)
{
	static const char *const keys[] = {"", "1", "2", "*", "99", "1234", "000"}, *const bodies[] = {"", "{", "[]", "{\"a\":\"1e999\",\"b\":[\"\\u0000x\"]}", "{\"a\":true}", "{\"a\":{\"a\":[1,2]},\"b\":[null]}", "\xff\xfe"};
	static const char *const results[] = {NULL, "", "{}", "[]", "{\"port\":\"a\",\"tags\":{\"t0\":\"x\",\"t1\":2.5,\"t2\":true,\"t3\":null},\"vars\":{\"v0\":{\"a\":[]},\"v1\":1e300}}", "{\"port\":5}", "{\"port\":\"nowhere\"}", "{\"tags\":[1]}", "{\"vars\":{\"v9\":1}}"};
	const char *body = bodies[pick(7)];
	switch (pick(8)) {
	case 0:
		return (struct flow_input){.kind = FLOW_INPUT_PLAYED, .u.played_ok = pick(2)};
	case 1:
		return (struct flow_input){.kind = FLOW_INPUT_HTTP, .u.http = {(enum flow_http_result)pick(3), (int)pick(600), body, strlen(body), "e"}};
	case 2:
		return (struct flow_input){.kind = FLOW_INPUT_DIAL_ENDED, .u.dial = (enum flow_dial_outcome)pick(5)};
	case 5:
		return (struct flow_input){.kind = FLOW_INPUT_RECORDED, .u.recorded.duration_ms = (int)pick(100000)};
	case 4:
		return (struct flow_input){.kind = FLOW_INPUT_SCRIPT, .u.script = {pick(2), results[pick(9)], pick(2) ? "said" : NULL, pick(2) ? "why" : NULL}};
	case 3:
		return (struct flow_input){.kind = pick(2) ? FLOW_INPUT_START : FLOW_INPUT_CONTINUE};
	default:
		return (struct flow_input){.kind = FLOW_INPUT_DIGITS, .u.digits = {keys[pick(7)], pick(2)}};
	}
}

/* Some flows of before, to be run within others. */
static struct flow *kept[4];

static const struct flow *find_kept(void *arg, const char *id)
{
	(void)arg;
	return kept[id[0] - '0'];
}

/* One call through one flow. Returns how many nodes it went through. */
static uint32_t run(const struct flow *flow)
{
	struct arena arena = {0};
	struct value tags[4] = {0}, call[CALL_FIELD_COUNT] = {0};
	struct expr_env env = {.tags = tags, .tag_count = 4, .call = call};
	struct flow_state s;
	struct flow_effects out;
	struct flow_input input = {.kind = FLOW_INPUT_START};
	int64_t now = 1790000000000 + pick(1000000000);
	call[CALL_ID] = value_string("call_1", 6);
	call[CALL_CALLER_ID] = value_string("+15125550142", 12);
	assert_true(flow_state_init(&s, flow, &arena, &env, tags));
	s.find = find_kept;
	for (unsigned refused = 0; !s.finished;) {
		enum flow_result r = flow_step(&s, &input, now += pick(100000), &out);
		assert_in_range(out.count, 0, FLOW_EFFECTS_MAX);
		assert_in_range(s.steps, 0, FLOW_STEPS_MAX + 1);
		assert_true(s.text_used <= FLOW_TEXT_MAX);
		assert_in_range(s.depth, 0, FLOW_DEPTH_MAX);
		for (size_t i = 0; i < 4; i++)
			assert_true(tags[i].kind == VALUE_NONE || tags[i].kind == type_of(NULL, i)->kind);
		if (r == FLOW_ERR_INPUT && ++refused > 10000)
			fail_msg("a flow that waits takes no input");
		if (r != FLOW_ERR_INPUT)
			refused = 0;
		if (r == FLOW_FINISHED)
			assert_true(s.finished);
		input = r == FLOW_MORE ? (struct flow_input){.kind = FLOW_INPUT_CONTINUE} : random_input();
	}
	arena_free(&arena);
	return s.steps;
}

static void test_random_flows_and_inputs_never_break_it(void **state)
{
	static const struct flow_context context = {.tag = find_tag, .tag_type = type_of, .tag_count = 4, .tag_name = name_of};
	const char *given = getenv("STROWGER_SEED"), *wanted = getenv("STROWGER_STEPS");
	uint64_t first = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u, steps = 0, most = wanted ? strtoull(wanted, NULL, 0) : 1000000;
	unsigned flows = 0, refused = 0;
	(void)state;
	for (uint64_t n = 0; steps < most || flows < 1000; n++) {
		seed = (first + n) * 0x9e3779b97f4a7c15u | 1;
		if (n % 1000 == 0)
			print_message("seed 0x%llx: %llu steps in %u flows so far\n", (unsigned long long)(first + n), (unsigned long long)steps, flows);
		json_t *document = random_document();
		struct flow *flow = flow_compile(document, &context, NULL);
		json_decref(document);
		if (!flow) { /* a loop that never waits for the caller */
			refused++;
			continue;
		}
		flows++;
		for (int i = 0; i < 5; i++)
			steps += run(flow);
		unsigned place = pick(8);
		if (place < 4) {
			flow_free(kept[place]);
			kept[place] = flow;
		} else {
			flow_free(flow);
		}
	}
	for (size_t i = 0; i < 4; i++)
		flow_free(kept[i]);
	print_message("%llu steps in %u flows; %u more had errors\n", (unsigned long long)steps, flows, refused);
	assert_true(flows > refused / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_flows_and_inputs_never_break_it)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
