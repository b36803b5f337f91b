/* tag_bench: evaluating a payload of 2 KB against 200 tags, with its JSON parsed already. */
#include "base/buf.h"
#include "tags/tags.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TAGS 200
#define TIMES 20000

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* A quarter each by name, parameter and pointer; the rest is not in the payload. Numbers, texts, booleans, times. */
static struct tag_set *make_tags(struct arena *arena)
{
	static const char *const types[] = {"string", "number", "boolean", "datetime"};
	json_t *docs = json_array();
	for (int i = 0; i < TAGS; i++) {
		char name[32], from[64];
		snprintf(name, sizeof name, "field_%d", i % 4 == 1 || i % 4 == 2 ? i + 1000 : i);
		snprintf(from, sizeof from, i % 4 == 1 ? "field_%d" : "/lead/%d/value", i % 4 == 1 ? i : i / 4 % 20);
		json_t *doc = json_pack("{s:s, s:s, s:s, s:[]}", "id", name, "name", name, "type", i % 4 == 2 ? "string" : types[i / 4 % 4], "sources");
		if (i % 4 == 1 || i % 4 == 2)
			json_array_append_new(json_object_get(doc, "sources"), json_pack("{s:s, s:s}", "kind", "incoming_webhook", i % 4 == 1 ? "parameter" : "pointer", from));
		json_array_append_new(docs, doc);
	}
	struct tag_set *set = tag_set_build(docs, "US", arena);
	json_decref(docs);
	return set;
}

static json_t *make_payload(void)
{
	static const char *const values[] = {"\"a text of some length\"", "82.5", "\"yes\"", "\"2026-11-20T10:00:00Z\""};
	struct buf b = {0};
	json_open(&b);
	for (int i = 0; i < 68; i++) { /* of which half are taken */
		char name[32];
		snprintf(name, sizeof name, "field_%d", i);
		json_raw(&b, name, values[i / 4 % 4]);
	}
	json_key(&b, "lead");
	buf_add_char(&b, '[');
	for (int i = 0; i < 20; i++)
		buf_printf(&b, "%s{\"value\":\"%d street\"}", i ? "," : "", i);
	buf_add_str(&b, "]");
	json_close(&b);
	json_t *json = json_loads(buf_text(&b), 0, NULL);
	printf("tag_payload_bytes %zu\n", b.len);
	buf_free(&b);
	return json;
}

int main(void)
{
	struct arena keep = {0};
	struct tag_set *set = make_tags(&keep);
	json_t *payload = make_payload();
	static struct tag_result results[TAGS];
	double *took = malloc(TIMES * sizeof *took);
	size_t taken = 0;
	if (!set || !payload || !took)
		return 1;
	for (int i = 0; i < TIMES; i++) {
		struct arena arena = {0};
		json_t *unmatched = json_array();
		double began = now_us();
		taken = tags_evaluate(set, TAG_FROM_WEBHOOK, &(struct tag_data){.body = payload}, &arena, results, unmatched);
		took[i] = now_us() - began;
		json_decref(unmatched);
		arena_free(&arena);
	}
	qsort(took, TIMES, sizeof *took, compare);
	printf("tags_taken %zu\ntags_evaluate_us %.1f\ntags_evaluate_p99_us %.1f\n", taken, took[TIMES / 2], took[TIMES * 99 / 100]);
	json_decref(payload);
	free(took);
	arena_free(&keep);
	return 0;
}
