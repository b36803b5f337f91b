#include "store/callers.h"
#include "base/id.h"
#include "base/window.h"
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define SHARDS 64
#define DAY_MS INT64_C(86400000)
#define PAGE 5000

enum kind { IN_CAMPAIGN = 'c', WITH_TARGET = 't', PAYOUT = 'p', REVENUE = 'r', CALLS = 'n' };

/* Who and what are told by their hashes: among 100 million of them, one pair is the same by chance in some 4,000 tables. */
struct entry {
	uint64_t key;  /* 0: free */
	uint64_t what; /* IN_CAMPAIGN: the target's place in `targets`; PAYOUT, REVENUE: the call */
	int64_t at_ms; /* 0: it is not, any more */
};

/* Open addressing, a power of two of them. */
struct shard {
	pthread_mutex_t lock;
	struct entry *entries;
	size_t size, used;
	struct windows calls; /* by hash(CALLS) */
};

struct target {
	char id[ID_SIZE];
	uint64_t place;
	UT_hash_handle hh;
};

struct callers {
	unsigned char key[crypto_shorthash_KEYBYTES];
	struct shard shards[SHARDS];
	pthread_mutex_t lock; /* of those below */
	struct target *by_id, **targets;
	size_t target_count, target_room;
};

static uint64_t hash(const struct callers *c, enum kind kind, const char *id, const char *caller_id)
{
	unsigned char text[2 * ID_SIZE + 2];
	uint64_t h;
	size_t a = strnlen(id, ID_SIZE), b = strnlen(caller_id, ID_SIZE);
	text[0] = (unsigned char)kind;
	memcpy(text + 1, id, a);
	text[1 + a] = ' ';
	memcpy(text + 2 + a, caller_id, b);
	crypto_shorthash((unsigned char *)&h, text, a + b + 2, c->key);
	return h ? h : 1;
}

static uint64_t hash_call(const struct callers *c, const char *call_id)
{
	return hash(c, 0, call_id, "");
}

static struct shard *shard_of(struct callers *c, uint64_t key)
{
	return &c->shards[key >> 58];
}

/* ---- a shard; its lock is held ---- */

static struct entry *place(struct entry *entries, size_t size, uint64_t key)
{
	size_t i = key & (size - 1);
	while (entries[i].key && entries[i].key != key)
		i = (i + 1) & (size - 1);
	return &entries[i];
}

/* Twice as large, without what is too old. */
static bool grow(struct shard *s, int64_t oldest_ms)
{
	size_t size = s->size ? s->size * 2 : 64, used = 0;
	struct entry *entries = calloc(size, sizeof *entries);
	if (!entries)
		return false;
	for (size_t i = 0; i < s->size; i++) {
		if (!s->entries[i].key || s->entries[i].at_ms < oldest_ms)
			continue;
		*place(entries, size, s->entries[i].key) = s->entries[i];
		used++;
	}
	free(s->entries);
	s->entries = entries;
	s->size = size;
	s->used = used;
	return true;
}

static struct entry *find(const struct shard *s, uint64_t key)
{
	struct entry *e = s->size ? place(s->entries, s->size, key) : NULL;
	return e && e->key ? e : NULL;
}

/* NULL: no memory; then it is not remembered. */
static struct entry *find_or_add(struct shard *s, uint64_t key, int64_t now_ms)
{
	struct entry *e = find(s, key);
	if (e)
		return e;
	if ((s->used + 1) * 4 > s->size * 3 && !grow(s, now_ms - CALLERS_DAYS_MAX * DAY_MS))
		return NULL;
	e = place(s->entries, s->size, key);
	e->key = key;
	s->used++;
	return e;
}

/* ---- targets ---- */

static uint64_t target_place(struct callers *c, const char *id)
{
	struct target *t;
	uint64_t at = UINT64_MAX;
	pthread_mutex_lock(&c->lock);
	HASH_FIND_STR(c->by_id, id, t);
	if (!t && c->target_count == c->target_room) {
		size_t room = c->target_room ? c->target_room * 2 : 64;
		struct target **more = realloc(c->targets, room * sizeof(struct target *));
		c->targets = more ? more : c->targets;
		c->target_room = more ? room : c->target_room;
	}
	if (!t && c->target_count < c->target_room && (t = calloc(1, sizeof *t))) {
		snprintf(t->id, sizeof t->id, "%s", id);
		t->place = c->target_count;
		c->targets[c->target_count++] = t;
		HASH_ADD_STR(c->by_id, id, t);
	}
	if (t)
		at = t->place;
	pthread_mutex_unlock(&c->lock);
	return at;
}

/* ---- */

static bool is_known(const char *caller_id)
{
	return caller_id && caller_id[0] == '+';
}

static void remember(struct callers *c, uint64_t key, uint64_t what, int64_t at_ms)
{
	struct shard *s = shard_of(c, key);
	pthread_mutex_lock(&s->lock);
	struct entry *e = find_or_add(s, key, at_ms);
	if (e && at_ms >= e->at_ms) {
		e->what = what;
		e->at_ms = at_ms;
	}
	pthread_mutex_unlock(&s->lock);
}

static int64_t recall(struct callers *c, uint64_t key, uint64_t *what)
{
	struct shard *s = shard_of(c, key);
	pthread_mutex_lock(&s->lock);
	const struct entry *e = find(s, key);
	int64_t at = e ? e->at_ms : 0;
	*what = e ? e->what : 0;
	pthread_mutex_unlock(&s->lock);
	return at;
}

void callers_connected(struct callers *c, const char *campaign_id, const char *target_id, const char *caller_id, int64_t at_ms)
{
	if (!is_known(caller_id))
		return;
	remember(c, hash(c, WITH_TARGET, target_id, caller_id), 0, at_ms);
	remember(c, hash(c, IN_CAMPAIGN, campaign_id, caller_id), target_place(c, target_id), at_ms);
}

int64_t callers_with_target(struct callers *c, const char *target_id, const char *caller_id)
{
	uint64_t what;
	return is_known(caller_id) ? recall(c, hash(c, WITH_TARGET, target_id, caller_id), &what) : 0;
}

int64_t callers_in_campaign(struct callers *c, const char *campaign_id, const char *caller_id, char *target_id)
{
	uint64_t what = UINT64_MAX;
	int64_t at = is_known(caller_id) ? recall(c, hash(c, IN_CAMPAIGN, campaign_id, caller_id), &what) : 0;
	if (!at || !target_id)
		return at;
	pthread_mutex_lock(&c->lock);
	snprintf(target_id, ID_SIZE, "%s", what < c->target_count ? c->targets[what]->id : "");
	pthread_mutex_unlock(&c->lock);
	return at;
}

static uint64_t paid_key(const struct callers *c, enum callers_paid what, const char *id, const char *caller_id)
{
	return hash(c, what == CALLERS_PAYOUT ? PAYOUT : REVENUE, id, caller_id);
}

bool callers_pay(struct callers *c, enum callers_paid what, const char *id, const char *caller_id, const char *call_id, int64_t at_ms, int once_days)
{
	if (!is_known(caller_id))
		return true;
	uint64_t key = paid_key(c, what, id, caller_id), call = hash_call(c, call_id);
	struct shard *s = shard_of(c, key);
	pthread_mutex_lock(&s->lock);
	struct entry *e = find_or_add(s, key, at_ms);
	bool other = e && e->at_ms && e->what != call, pays = !other || !once_days || e->at_ms < at_ms - once_days * DAY_MS;
	if (e && pays && at_ms >= e->at_ms) { /* else one that is paid began later */
		e->what = call;
		e->at_ms = at_ms;
	}
	pthread_mutex_unlock(&s->lock);
	return pays;
}

int64_t callers_paid_at(struct callers *c, enum callers_paid what, const char *id, const char *caller_id)
{
	uint64_t call;
	return is_known(caller_id) ? recall(c, paid_key(c, what, id, caller_id), &call) : 0;
}

void callers_unpay(struct callers *c, enum callers_paid what, const char *id, const char *caller_id, const char *call_id)
{
	if (!is_known(caller_id))
		return;
	uint64_t key = paid_key(c, what, id, caller_id), call = hash_call(c, call_id);
	struct shard *s = shard_of(c, key);
	pthread_mutex_lock(&s->lock);
	struct entry *e = find(s, key);
	if (e && e->what == call)
		e->at_ms = 0;
	pthread_mutex_unlock(&s->lock);
}

bool callers_take(struct callers *c, const char *campaign_id, const char *caller_id, int most,
		  int seconds, int64_t now_ms)
{
	uint64_t key = hash(c, CALLS, campaign_id, caller_id);
	struct shard *s = shard_of(c, key);
	pthread_mutex_lock(&s->lock);
	bool takes = windows_take(&s->calls, key, (size_t)most, seconds * INT64_C(1000), now_ms);
	pthread_mutex_unlock(&s->lock);
	return takes;
}

bool callers_would_take(struct callers *c, const char *campaign_id, const char *caller_id, int most,
			int seconds, int64_t now_ms)
{
	uint64_t key = hash(c, CALLS, campaign_id, caller_id);
	struct shard *s = shard_of(c, key);
	pthread_mutex_lock(&s->lock);
	bool full = windows_are_full(&s->calls, key, (size_t)most, seconds * INT64_C(1000), now_ms);
	pthread_mutex_unlock(&s->lock);
	return !full;
}

/* ---- from the call log ---- */

static void read_call(struct callers *c, const struct store_rows *r, size_t i)
{
	const char *id = rows_text(r, i, 0), *campaign = rows_text(r, i, 1), *caller = rows_text(r, i, 2), *target = rows_text(r, i, 3);
	int64_t at = rows_int(r, i, 4);
	if (rows_int(r, i, 5) && campaign && target)
		callers_connected(c, campaign, target, caller, at);
	if (rows_int(r, i, 6) && target)
		(void)callers_pay(c, CALLERS_REVENUE, target, caller, id, at, 0);
	if (rows_int(r, i, 7) && campaign)
		(void)callers_pay(c, CALLERS_PAYOUT, campaign, caller, id, at, 0);
}

static bool load(struct callers *c, struct store_conn *conn, int64_t now_ms)
{
	char last[ID_SIZE];
	id_from_time("call", now_ms - CALLERS_DAYS_MAX * DAY_MS, last);
	for (size_t n = PAGE; n == PAGE;) {
		struct store_rows *rows = store_query(conn, "SELECT id, campaign_id, caller_id, target_id, started_at, COALESCE(connected_at, 0), revenue + revenue_added, payout + payout_added FROM calls WHERE id > $1 ORDER BY id LIMIT $2", "si", last, (int64_t)PAGE);
		if (!rows)
			return false;
		n = rows_count(rows);
		for (size_t i = 0; i < n; i++)
			read_call(c, rows, i);
		if (n)
			snprintf(last, sizeof last, "%s", rows_text(rows, n - 1, 0));
		rows_free(rows);
	}
	return true;
}

struct callers *callers_create(struct store *store, int64_t now_ms, struct error *err)
{
	struct callers *c = calloc(1, sizeof *c);
	if (!c) {
		error_set(err, "out of memory");
		return NULL;
	}
	crypto_shorthash_keygen(c->key);
	pthread_mutex_init(&c->lock, NULL);
	for (size_t i = 0; i < SHARDS; i++)
		pthread_mutex_init(&c->shards[i].lock, NULL);
	struct store_conn *conn = store_connect(store, true, err);
	bool ok = conn && load(c, conn, now_ms);
	if (conn && !ok)
		error_set(err, "the call log cannot be read: %s", store_error(conn));
	if (conn)
		store_disconnect(conn);
	if (ok)
		return c;
	callers_destroy(c);
	return NULL;
}

void callers_destroy(struct callers *c)
{
	struct target *t, *next;
	if (!c)
		return;
	HASH_ITER(hh, c->by_id, t, next) {
		HASH_DEL(c->by_id, t);
		free(t);
	}
	free(c->targets);
	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_destroy(&c->shards[i].lock);
		free(c->shards[i].entries);
		windows_free(&c->shards[i].calls);
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}
