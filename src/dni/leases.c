#include "dni/leases.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#define KEY_SIZE (2 * ID_SIZE + LEASE_HOLDER_SIZE)
#define PLACE_SIZE (ID_SIZE + 2 * PHONE_SIZE + 20)

struct pool;
struct client;

struct entry {
	struct entry *next, *prev; /* utlist, of its line, what was lent or made longer last at the end */
	struct line *line;
	struct pool *pool;
	struct client *client; /* NULL: not counted */
	struct lease lease;
	char key[KEY_SIZE];     /* organization, pool, holder */
	char place[PLACE_SIZE]; /* organization, number, caller */
	UT_hash_handle hh, hh_place;
};

/* One who asked for leases of a pool. */
struct client {
	char key[2 * ID_SIZE + LEASE_CLIENT_SIZE]; /* organization, pool, client */
	size_t count;
	UT_hash_handle hh;
};

/* A number that somebody has, or had. */
struct line {
	char key[ID_SIZE + PHONE_SIZE]; /* organization, number */
	struct entry *entries;
	UT_hash_handle hh;
};

/* Whose leases are counted, and where the search for a free number goes on. */
struct pool {
	char key[2 * ID_SIZE];
	size_t count, cursor;
	const char *const *dry_numbers; /* none of these was free for a visitor; NULL: not known */
	int64_t dry_until_ms;           /* nor will be before then, unless one of its leases ends */
	UT_hash_handle hh;
};

struct leases {
	pthread_mutex_t lock;
	struct entry *holders, *places;
	struct line *lines;
	struct pool *pools;
	struct client *clients;
};

struct leases *leases_create(void)
{
	struct leases *l = calloc(1, sizeof *l);
	if (l)
		pthread_mutex_init(&l->lock, NULL);
	return l;
}

void lease_release(struct lease *lease)
{
	json_decref(lease->tags);
	lease->tags = NULL;
}

static int64_t over_at(const struct entry *e)
{
	return e->lease.expires_ms + e->lease.grace_ms;
}

static bool is_over(const struct entry *e, int64_t now_ms)
{
	return over_at(e) <= now_ms;
}

/* The line stays: see drop_line(). */
static void forget(struct leases *l, struct entry *e)
{
	HASH_DEL(l->holders, e);
	HASH_DELETE(hh_place, l->places, e);
	DL_DELETE(e->line->entries, e);
	e->pool->count--;
	e->pool->dry_numbers = NULL;
	if (e->client && --e->client->count == 0) {
		HASH_DEL(l->clients, e->client);
		free(e->client);
	}
	lease_release(&e->lease);
	free(e);
}

static void drop_line(struct leases *l, struct line *line)
{
	if (line->entries)
		return;
	HASH_DEL(l->lines, line);
	free(line);
}

void leases_destroy(struct leases *l)
{
	struct line *line, *next_line;
	struct pool *pool, *next_pool;
	if (!l)
		return;
	HASH_ITER(hh, l->lines, line, next_line) {
		while (line->entries)
			forget(l, line->entries);
		drop_line(l, line);
	}
	HASH_ITER(hh, l->pools, pool, next_pool) {
		HASH_DEL(l->pools, pool);
		free(pool);
	}
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static void end(struct leases *l, struct entry *e)
{
	struct line *line = e->line;
	forget(l, e);
	drop_line(l, line);
}

static const char *holder_key(char out[KEY_SIZE], const char *organization_id, const char *pool_id, const char *holder)
{
	snprintf(out, KEY_SIZE, "%s/%s/%s", organization_id, pool_id, holder);
	return out;
}

static struct entry *find_holder(struct leases *l, const char *organization_id, const char *pool_id, const char *holder)
{
	char key[KEY_SIZE];
	struct entry *e;
	HASH_FIND_STR(l->holders, holder_key(key, organization_id, pool_id, holder), e);
	return e;
}

static struct line *find_line(struct leases *l, const char *organization_id, const char *number)
{
	char key[ID_SIZE + PHONE_SIZE];
	struct line *line;
	snprintf(key, sizeof key, "%s/%s", organization_id, number);
	HASH_FIND_STR(l->lines, key, line);
	return line;
}

/* NULL: no memory. */
static struct line *line_of(struct leases *l, const char *organization_id, const char *number)
{
	struct line *line = find_line(l, organization_id, number);
	if (line || !(line = calloc(1, sizeof *line)))
		return line;
	snprintf(line->key, sizeof line->key, "%s/%s", organization_id, number);
	HASH_ADD_STR(l->lines, key, line);
	return line;
}

static struct pool *pool_of(struct leases *l, const char *organization_id, const char *id)
{
	char key[2 * ID_SIZE];
	struct pool *pool;
	snprintf(key, sizeof key, "%s/%s", organization_id, id);
	HASH_FIND_STR(l->pools, key, pool);
	if (pool || !(pool = calloc(1, sizeof *pool)))
		return pool;
	memcpy(pool->key, key, sizeof key);
	HASH_ADD_STR(l->pools, key, pool);
	return pool;
}

/* NULL: not counted, or, without `make`, nothing was lent to it. */
static struct client *client_of(struct leases *l, const char *organization_id, const struct lease *lease, bool make)
{
	char key[2 * ID_SIZE + LEASE_CLIENT_SIZE];
	struct client *c = NULL;
	if (!*lease->client)
		return NULL;
	snprintf(key, sizeof key, "%s/%s/%s", organization_id, lease->pool_id, lease->client);
	HASH_FIND_STR(l->clients, key, c);
	if (c || !make || !(c = calloc(1, sizeof *c)))
		return c;
	memcpy(c->key, key, sizeof key);
	HASH_ADD_STR(l->clients, key, c);
	return c;
}

/* Who has it for this caller, or with "" for anybody; NULL: nobody. */
static struct entry *find_place(struct leases *l, const char *organization_id, const char *number, const char *caller_id)
{
	char place[PLACE_SIZE];
	struct entry *e;
	snprintf(place, sizeof place, "%s/%s/%s", organization_id, number, caller_id);
	HASH_FIND(hh_place, l->places, place, strlen(place), e);
	return e;
}

/* 0: it may be lent so, beside those who have it; else when the one in its way is over. Those whose time is over are forgotten. */
static int64_t taken_until(struct leases *l, const char *organization_id, const char *number, const char *caller_id, int64_t now_ms)
{
	struct line *line = find_line(l, organization_id, number);
	for (struct entry *e = line ? line->entries : NULL, *next; e && !*caller_id; e = next) { /* nobody at all may have it */
		next = e->next;
		if (!is_over(e, now_ms))
			return over_at(e);
		forget(l, e);
	}
	for (int i = 0; line && line->entries && i < 2; i++) {
		struct entry *e = find_place(l, organization_id, number, i ? caller_id : "");
		if (e && !is_over(e, now_ms))
			return over_at(e);
		if (e)
			forget(l, e);
	}
	return 0;
}

static bool add(struct leases *l, const char *organization_id, const struct lease *lease)
{
	struct pool *pool = pool_of(l, organization_id, lease->pool_id);
	struct line *line = line_of(l, organization_id, lease->number);
	struct entry *e = pool && line ? calloc(1, sizeof *e) : NULL;
	if (!e) {
		if (line)
			drop_line(l, line);
		return false;
	}
	e->line = line;
	e->pool = pool;
	e->lease = *lease;
	holder_key(e->key, organization_id, lease->pool_id, lease->holder);
	snprintf(e->place, sizeof e->place, "%s/%s/%s", organization_id, lease->number, lease->caller_id);
	HASH_ADD_STR(l->holders, key, e);
	HASH_ADD_KEYPTR(hh_place, l->places, e->place, strlen(e->place), e);
	DL_APPEND(line->entries, e);
	pool->count++;
	if ((e->client = client_of(l, organization_id, lease, true)))
		e->client->count++;
	return true;
}

/* The holder's own, if its number is still one of the pool's. */
static bool lend_again(struct leases *l, const struct lease_pool *pool, struct lease *lease, int64_t now_ms)
{
	struct entry *e = find_holder(l, pool->organization_id, pool->id, lease->holder);
	bool has = false;
	for (size_t i = 0; e && !has && i < pool->count; i++)
		has = strcmp(pool->numbers[i], e->lease.number) == 0;
	if (!e)
		return false;
	if (has && !is_over(e, now_ms)) {
		if (lease->kind == LEASE_VISITOR)
			memcpy(lease->id, e->lease.id, sizeof lease->id);
		memcpy(lease->number, e->lease.number, sizeof lease->number);
		memcpy(lease->client, e->lease.client, sizeof lease->client); /* who is counted stays so */
		lease_release(&e->lease);
		e->lease = *lease;
		DL_DELETE(e->line->entries, e);
		DL_APPEND(e->line->entries, e);
		return true;
	}
	end(l, e);
	return false;
}

enum lease_result leases_lend(struct leases *l, const struct lease_pool *pool, struct lease *lease, int64_t now_ms)
{
	enum lease_result result = LEASE_NONE;
	pthread_mutex_lock(&l->lock);
	struct pool *p = pool_of(l, pool->organization_id, pool->id);
	if (lend_again(l, pool, lease, now_ms)) {
		pthread_mutex_unlock(&l->lock);
		return LEASE_AGAIN;
	}
	const struct client *c = client_of(l, pool->organization_id, lease, false);
	if ((p && pool->most && p->count >= pool->most) || (c && pool->most_of_client && c->count >= pool->most_of_client))
		result = LEASE_FULL;
	if (p && p->dry_numbers == pool->numbers && lease->kind == LEASE_VISITOR && now_ms < p->dry_until_ms)
		p = NULL; /* nobody needs to look */
	int64_t first_over = INT64_MAX;
	for (size_t i = 0; p && result == LEASE_NONE && i < pool->count; i++) {
		const char *number = pool->numbers[(p->cursor + i) % pool->count];
		int64_t until = taken_until(l, pool->organization_id, number, lease->caller_id, now_ms);
		first_over = until && until < first_over ? until : first_over;
		if (until)
			continue;
		snprintf(lease->number, sizeof lease->number, "%s", number);
		result = add(l, pool->organization_id, lease) ? LEASE_NEW : LEASE_NONE;
		p->cursor = (p->cursor + i + 1) % pool->count;
		if (result == LEASE_NONE)
			p = NULL; /* no memory: it is free */
		break;
	}
	if (p && result == LEASE_NONE && lease->kind == LEASE_VISITOR) {
		p->dry_numbers = pool->numbers;
		p->dry_until_ms = first_over;
	}
	pthread_mutex_unlock(&l->lock);
	return result;
}

bool leases_restore(struct leases *l, const char *organization_id, const struct lease *lease)
{
	pthread_mutex_lock(&l->lock);
	bool free_now = !find_holder(l, organization_id, lease->pool_id, lease->holder) && !taken_until(l, organization_id, lease->number, lease->caller_id, lease->at_ms);
	bool ok = free_now && add(l, organization_id, lease);
	pthread_mutex_unlock(&l->lock);
	return ok;
}

bool leases_call(struct leases *l, const char *organization_id, const char *number, const char *caller_id, int64_t now_ms, struct lease *out)
{
	pthread_mutex_lock(&l->lock);
	struct entry *e = find_place(l, organization_id, number, caller_id);
	if (!e || is_over(e, now_ms))
		e = find_place(l, organization_id, number, "");
	bool found = e && !is_over(e, now_ms);
	if (found) {
		*out = e->lease;
		out->tags = json_deep_copy(e->lease.tags);
	}
	if (found && e->lease.kind == LEASE_CALLER)
		end(l, e);
	pthread_mutex_unlock(&l->lock);
	return found;
}

bool leases_holds(struct leases *l, const char *organization_id, const char *pool_id, const char *holder, int64_t now_ms, char number[PHONE_SIZE])
{
	pthread_mutex_lock(&l->lock);
	const struct entry *e = find_holder(l, organization_id, pool_id, holder);
	bool has = e && e->lease.expires_ms > now_ms;
	if (has)
		memcpy(number, e->lease.number, PHONE_SIZE);
	pthread_mutex_unlock(&l->lock);
	return has;
}

bool leases_renew(struct leases *l, const char *organization_id, const char *pool_id, const char *holder, const char *id, int64_t now_ms, int64_t expires_ms, bool *keep)
{
	pthread_mutex_lock(&l->lock);
	struct entry *e = find_holder(l, organization_id, pool_id, holder);
	bool lives = e && strcmp(e->lease.id, id) == 0 && !is_over(e, now_ms);
	*keep = lives && e->lease.kept_until_ms < now_ms + (expires_ms - now_ms) / 2;
	if (lives)
		e->lease.expires_ms = expires_ms;
	if (*keep)
		e->lease.kept_until_ms = expires_ms;
	pthread_mutex_unlock(&l->lock);
	return lives;
}

void leases_end(struct leases *l, const char *organization_id, const char *pool_id, const char *holder, int64_t now_ms)
{
	pthread_mutex_lock(&l->lock);
	struct entry *e = find_holder(l, organization_id, pool_id, holder);
	if (e && e->lease.expires_ms > now_ms)
		e->lease.expires_ms = now_ms;
	if (e && is_over(e, now_ms))
		end(l, e);
	pthread_mutex_unlock(&l->lock);
}

size_t leases_count(struct leases *l, const char *organization_id, const char *pool_id)
{
	char key[2 * ID_SIZE];
	struct pool *pool;
	snprintf(key, sizeof key, "%s/%s", organization_id, pool_id);
	pthread_mutex_lock(&l->lock);
	HASH_FIND_STR(l->pools, key, pool);
	size_t n = pool ? pool->count : 0;
	pthread_mutex_unlock(&l->lock);
	return n;
}

void leases_sweep(struct leases *l, int64_t now_ms)
{
	struct entry *e, *next;
	pthread_mutex_lock(&l->lock);
	HASH_ITER(hh, l->holders, e, next)
		if (is_over(e, now_ms))
			end(l, e);
	pthread_mutex_unlock(&l->lock);
}
