#include "expr/regex.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* Machine code is made of expressions up to this compiled size, in bytes: beyond, making it takes longer
 * than it saves. */
#define JIT_SIZE_MAX 4096
/* Without machine code a step takes so many times as long. */
#define INTERPRETED 10

/*
 * PCRE2's match limit counts from each place anew at which a match is tried. What a match takes in all
 * is known only when it fails at the limit, so it is tried with a low one first.
 */
static const uint32_t limits[] = {10, 40, 160, 640, 2560, 10240, 40960, 100000};
#define LIMITS (sizeof limits / sizeof *limits)
#define CALL_STEPS 50 /* of a match that ends at once */

struct regex {
	atomic_int references;
	pcre2_code *code;
	int64_t weight;
	size_t len;
	UT_hash_handle hh; /* the cache's */
	char text[];
};

struct regex_cache {
	struct regex *all;
};

static void free_regex(struct regex *r)
{
	pcre2_code_free(r->code);
	free(r);
}

void regex_release(struct regex *r)
{
	if (r && atomic_fetch_sub(&r->references, 1) == 1)
		free_regex(r);
}

int regex_references(const struct regex *r)
{
	return r->references;
}

static void make_fast(struct regex *r)
{
	size_t size = 0, made = 0;
	pcre2_pattern_info(r->code, PCRE2_INFO_SIZE, &size);
	if (size <= JIT_SIZE_MAX)
		(void)pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);
	pcre2_pattern_info(r->code, PCRE2_INFO_JITSIZE, &made);
	r->weight = made ? 1 : INTERPRETED;
}

static struct regex *compile(const char *text, size_t len, struct error *err)
{
	const uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
	int code;
	PCRE2_SIZE offset;
	PCRE2_UCHAR message[128];
	struct regex *r = calloc(1, sizeof *r + len + 1);
	if (!r) {
		error_set(err, "out of memory");
		return NULL;
	}
	r->code = pcre2_compile((PCRE2_SPTR)text, len, options, &code, &offset, NULL);
	if (!r->code) {
		pcre2_get_error_message(code, message, sizeof message);
		error_set(err, "is not a regular expression: %s at character %zu",
			  (const char *)message, (size_t)offset + 1);
		free_regex(r);
		return NULL;
	}
	make_fast(r);
	memcpy(r->text, text, len);
	r->len = len;
	r->references = 1;
	return r;
}

struct regex *regex_compile(struct regex_cache *cache, const char *text, size_t len, struct error *err)
{
	struct regex *r = NULL;
	if (!cache)
		return compile(text, len, err);
	HASH_FIND(hh, cache->all, text, len, r);
	if (!r && (r = compile(text, len, err)))
		HASH_ADD_KEYPTR(hh, cache->all, r->text, r->len, r);
	if (r)
		r->references++;
	return r;
}

struct regex_cache *regex_cache_create(void)
{
	return calloc(1, sizeof(struct regex_cache));
}

size_t regex_cache_count(const struct regex_cache *cache)
{
	return HASH_COUNT(cache->all);
}

void regex_cache_sweep(struct regex_cache *cache)
{
	struct regex *r, *next;
	HASH_ITER(hh, cache->all, r, next) {
		if (r->references > 1)
			continue;
		HASH_DEL(cache->all, r);
		regex_release(r);
	}
}

void regex_cache_destroy(struct regex_cache *cache)
{
	struct regex *r, *next;
	if (!cache)
		return;
	HASH_ITER(hh, cache->all, r, next) {
		HASH_DEL(cache->all, r);
		regex_release(r);
	}
	free(cache);
}

pcre2_match_data *regex_match_data(const struct regex *r)
{
	return pcre2_match_data_create_from_pattern(r->code, NULL);
}

/* The most that a match may take with this limit, for all places where it may begin. */
static int64_t price(const struct regex *r, size_t len, size_t limit)
{
	int64_t places = (int64_t)len + 1;
	/* hardly any takes the lowest limit at each place */
	int64_t each = limit ? limits[limit] : limits[0] / 2;
	return (CALL_STEPS + places * each) * r->weight;
}

bool regex_match(const struct regex *r, const char *text, size_t len, pcre2_match_data *data,
		 int64_t *steps)
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	pcre2_match_data *own = data ? NULL : pcre2_match_data_create(1, NULL);
	int n = context && (own || data) ? PCRE2_ERROR_MATCHLIMIT : PCRE2_ERROR_NOMEMORY;
	if (context) {
		pcre2_set_depth_limit(context, 1000);
		pcre2_set_heap_limit(context, 1024);
	}
	for (size_t i = 0; i < LIMITS && n == PCRE2_ERROR_MATCHLIMIT; i++) {
		int64_t takes = price(r, len, i);
		if (takes > *steps) {
			*steps = 0;
			break;
		}
		*steps -= takes;
		pcre2_set_match_limit(context, limits[i]);
		n = pcre2_match(r->code, (PCRE2_SPTR)text, len, 0, 0, data ? data : own, context);
	}
	pcre2_match_data_free(own);
	pcre2_match_context_free(context);
	return n >= 0;
}
