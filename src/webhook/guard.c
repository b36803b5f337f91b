#include "webhook/guard.h"
#include "base/clock.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct bucket {
	char webhook_id[40];
	double left; /* requests */
	int64_t at_ms;
	UT_hash_handle hh;
};

struct failure {
	char key[200]; /* organization, webhook, address and reason */
	char organization_id[40], webhook_id[40], address[64];
	const char *reason; /* a constant */
	uint64_t count;
	int64_t last_ms;
	UT_hash_handle hh;
};

struct guard {
	pthread_mutex_t lock;
	struct bucket *buckets; /* the one that was used longest ago is first */
	struct failure *failures; /* the one that was seen longest ago is first */
	uint64_t failed;
};

struct guard *guard_create(void)
{
	struct guard *g = calloc(1, sizeof *g);
	if (g)
		pthread_mutex_init(&g->lock, NULL);
	return g;
}

void guard_destroy(struct guard *g)
{
	struct bucket *b, *next_bucket;
	struct failure *f, *next_failure;
	if (!g)
		return;
	HASH_ITER(hh, g->buckets, b, next_bucket) {
		HASH_DEL(g->buckets, b);
		free(b);
	}
	HASH_ITER(hh, g->failures, f, next_failure) {
		HASH_DEL(g->failures, f);
		free(f);
	}
	pthread_mutex_destroy(&g->lock);
	free(g);
}

static struct bucket *find_bucket(struct guard *g, const char *webhook_id, int rate_per_minute, int64_t now_ms)
{
	struct bucket *b;
	HASH_FIND_STR(g->buckets, webhook_id, b);
	if (b) {
		HASH_DEL(g->buckets, b);
	} else if (HASH_COUNT(g->buckets) >= GUARD_RATES_MAX) {
		b = g->buckets; /* calls have keys, too, and there is no end of them */
		HASH_DEL(g->buckets, b);
		*b = (struct bucket){.at_ms = now_ms, .left = rate_per_minute};
	} else if ((b = calloc(1, sizeof *b))) {
		b->left = rate_per_minute;
		b->at_ms = now_ms;
	}
	if (b) {
		snprintf(b->webhook_id, sizeof b->webhook_id, "%s", webhook_id);
		HASH_ADD_STR(g->buckets, webhook_id, b); /* at the end */
	}
	return b;
}

int guard_take(struct guard *g, const char *webhook_id, int rate_per_minute, int64_t now_ms)
{
	int wait = 0;
	if (!rate_per_minute)
		return 0;
	pthread_mutex_lock(&g->lock);
	struct bucket *b = find_bucket(g, webhook_id, rate_per_minute, now_ms);
	if (b) { /* without memory no rate is kept to */
		double per_ms = rate_per_minute / 60000.0, passed = now_ms > b->at_ms ? (double)(now_ms - b->at_ms) : 0;
		b->left += passed * per_ms;
		if (b->left > rate_per_minute)
			b->left = rate_per_minute;
		b->at_ms = now_ms;
		if (b->left >= 1)
			b->left -= 1;
		else
			wait = 1 + (int)((1 - b->left) / per_ms / 1000);
	}
	pthread_mutex_unlock(&g->lock);
	return wait;
}

void guard_failed(struct guard *g, const char *organization_id, const char *webhook_id, const char *address, const char *reason, int64_t now_ms)
{
	struct failure *f;
	char key[sizeof f->key];
	snprintf(key, sizeof key, "%s/%s/%s/%s", organization_id, webhook_id, address, reason);
	pthread_mutex_lock(&g->lock);
	g->failed++;
	HASH_FIND_STR(g->failures, key, f);
	if (f)
		HASH_DEL(g->failures, f);
	else if (HASH_COUNT(g->failures) >= GUARD_ADDRESSES_MAX) {
		f = g->failures;
		HASH_DEL(g->failures, f);
		memset(f, 0, sizeof *f);
	} else
		f = calloc(1, sizeof *f);
	if (f) {
		memcpy(f->key, key, sizeof f->key);
		snprintf(f->organization_id, sizeof f->organization_id, "%s", organization_id);
		snprintf(f->webhook_id, sizeof f->webhook_id, "%s", webhook_id);
		snprintf(f->address, sizeof f->address, "%s", address);
		f->reason = reason;
		f->count++;
		f->last_ms = now_ms;
		HASH_ADD_STR(g->failures, key, f); /* at the end */
	}
	pthread_mutex_unlock(&g->lock);
}

json_t *guard_failures(struct guard *g, const char *organization_id, bool nobodys)
{
	json_t *list = json_array();
	pthread_mutex_lock(&g->lock);
	for (struct failure *f = g->failures; f; f = f->hh.next) {
		char time[RFC3339_SIZE];
		if (*f->organization_id ? strcmp(f->organization_id, organization_id) != 0 : !nobodys)
			continue;
		json_array_insert_new(list, 0, json_pack("{s:s, s:s, s:s?, s:I, s:s}", "address", f->address, "reason", f->reason, "incoming_webhook_id", *f->webhook_id ? f->webhook_id : NULL,
							 "count", (json_int_t)f->count, "last_at", clock_rfc3339(f->last_ms, time)));
	}
	pthread_mutex_unlock(&g->lock);
	return list;
}

uint64_t guard_failure_count(struct guard *g)
{
	pthread_mutex_lock(&g->lock);
	uint64_t n = g->failed;
	pthread_mutex_unlock(&g->lock);
	return n;
}
