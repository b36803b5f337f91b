/* Routing decisions on one core: over so many targets with filters, hours and caps, by each strategy, for a call
 * that most take, and for one that nobody takes, so that each target is looked at; and how that grows. The caps are those of the running server: counters behind a lock. */
#include "base/clock.h"
#include "call/capacity.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find_tag(void *arg, const char *name, size_t len)
{
	(void)arg, (void)name, (void)len;
	return 0;
}

static struct filter *filter(struct arena *arena, const char *state)
{
	struct expr_scope scope = {.tag = find_tag};
	json_t *json = json_pack("{s:[{s:s, s:s, s:[s,s]}]}", "rules", "field", "tag.state", "op", "in", "value", state, "OK");
	struct filter *f = filter_compile(json, &scope, arena, NULL, NULL);
	json_decref(json);
	return f;
}

static struct schedule *schedule(struct arena *arena)
{
	json_t *weekly = json_array();
	for (int d = 0; d < 5; d++)
		json_array_append_new(weekly, json_pack("{s:s, s:s, s:s}", "day", (const char *const[]){"mon", "tue", "wed", "thu", "fri"}[d], "open", "08:00", "close", "18:00"));
	json_t *json = json_pack("{s:s, s:o}", "time_zone", "America/Chicago", "weekly", weekly);
	struct schedule *s = schedule_compile(json, arena);
	json_decref(json);
	return s;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static void measure(struct capacity *capacity, size_t targets, enum route_strategy strategy, const char *state)
{
	enum { ROUNDS = 2000 };
	static int64_t took[ROUNDS];
	struct arena arena = {0};
	struct route_target *t = calloc(targets, sizeof *t);
	struct route_entry *e = calloc(targets, sizeof *e);
	struct route_limit *limits = calloc(targets, sizeof *limits);
	uint64_t *turns = calloc(targets, sizeof *turns);
	struct route_candidate *out = calloc(targets, sizeof *out);
	struct value tags[1] = {value_string(state, 2)}, call[CALL_FIELD_COUNT] = {{0}};
	struct expr_env env = {.tags = tags, .tag_count = 1, .call = call};
	struct route_plan plan = {.id = "pln_bench", .strategy = strategy, .entries = e, .count = targets, .max_attempts = 10};
	const struct capacity_call as = {"org_bench", "cmp_bench", ""};
	int64_t now = 0;
	clock_parse_rfc3339("2026-11-26T16:00:00Z", 20, &now);
	for (size_t i = 0; i < targets; i++) {
		char id[32];
		snprintf(id, sizeof id, "tgt_%zu", i);
		limits[i] = (struct route_limit){"", "", {.hourly = 100, .daily = 1000, .concurrency = 10}};
		t[i] = (struct route_target){.id = arena_strdup(&arena, id), .enabled = true, .filter = filter(&arena, i % 4 ? "TX" : "CA"), .schedule = schedule(&arena), .limits = &limits[i], .limit_count = 1};
		t[i].zone = schedule_zone(t[i].schedule);
		e[i] = (struct route_entry){&t[i], NULL, NULL, NULL, (int)(i % 5), (int)(i % 10), NULL};
		for (int k = 0; k < 3; k++) /* it had calls */
			if (capacity_enter(capacity, &t[i], &as, now) == ROUTE_ELIGIBLE)
				capacity_connected(capacity, &t[i], &as, now, NULL);
		for (int k = 0; k < 3; k++)
			capacity_leave(capacity, &t[i], &as, true);
		capacity_take_turn(capacity, plan.id, t[i].id);
	}
	route_plan_sort(&plan);
	for (int i = 0; i < ROUNDS; i++) {
		int64_t began = clock_monotonic_us();
		struct capacity_asked asked = {.capacity = capacity, .call = &as, .now_ms = now};
		if (strategy == ROUTE_ROUND_ROBIN)
			capacity_turns(capacity, &plan, turns);
		route_plan_judge(&plan, &(struct route_input){.env = &env, .now_ms = now, .seed = (uint64_t)i, .turns = turns, .room = capacity_room, .arg = &asked}, out, targets);
		took[i] = clock_monotonic_us() - began;
	}
	qsort(took, ROUNDS, sizeof *took, compare);
	const char *taken = strcmp(state, "TX") == 0 ? "" : "_nobody";
	printf("route_%zu_%s%s_us_p50 %lld\nroute_%zu_%s%s_us_p99 %lld\n", targets, route_strategies[strategy], taken, (long long)took[ROUNDS / 2], targets, route_strategies[strategy], taken, (long long)took[ROUNDS * 99 / 100]);
	for (size_t i = 0; i < targets; i++)
		filter_free(t[i].filter);
	free(t);
	free(e);
	free(limits);
	free(turns);
	free(out);
	arena_free(&arena);
}

int main(void)
{
	char path[] = "/tmp/strowger-route-XXXXXX", url[64];
	struct error err;
	struct crypto_key key = {{0}, {0}};
	if (!mkdtemp(path))
		return 1;
	snprintf(url, sizeof url, "sqlite:%s/bench.db", path);
	struct store *store = store_open(url, &err);
	struct config_store *config = store ? config_open(store, &key, &err) : NULL;
	struct capacity *capacity = config ? capacity_create(store, config, clock_now_ms(), &err) : NULL;
	if (!capacity) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (size_t targets = 100; targets <= 10000; targets *= 10)
		for (enum route_strategy s = ROUTE_IN_ORDER; s <= ROUTE_WEIGHTED; s++)
			for (int k = 0; k < 2; k++)
				measure(capacity, targets, s, k ? "FL" : "TX");
	capacity_destroy(capacity);
	config_close(config);
	store_close(store);
	return 0;
}
