#include "http/guesses.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define WINDOW_MS 60000
#define FIRST_WAIT_MS 60000
#define ADDRESS_WAIT_MS (15 * 60000)
#define ACCOUNT_WAIT_MS (5 * 60000)
#define FORGET_MS (30 * 60000) /* without an attempt */
#define ATTEMPTS_KEPT 16       /* more than are looked at: right ones are taken back */
#define FIRST (ATTEMPTS_KEPT - GUESSES_FREE) /* of the newest five */
#define KNOWN_MAX 4            /* addresses that an account was signed in from */

/* Attempts of one address, or for one account. */
struct guesser {
	char key[256]; /* "a " and an address, or "u " and an account */
	int64_t at_ms[ATTEMPTS_KEPT]; /* the newest attempts, oldest first; 0: none */
	uint64_t who[ATTEMPTS_KEPT];  /* of an account: the addresses they came from */
	int64_t until_ms, seen_ms;
	int64_t wait_ms; /* the last wait; 0: there was none */
	uint64_t known[KNOWN_MAX]; /* newest first; 0: none */
	UT_hash_handle hh;
};

struct guesses {
	pthread_mutex_t lock;
	struct guesser *all; /* the one seen longest ago is first */
	struct guess_counts counts;
};

struct guesses *guesses_create(void)
{
	struct guesses *g = calloc(1, sizeof *g);
	if (g)
		pthread_mutex_init(&g->lock, NULL);
	return g;
}

void guesses_destroy(struct guesses *g)
{
	struct guesser *one, *next;
	if (!g)
		return;
	HASH_ITER(hh, g->all, one, next) {
		HASH_DEL(g->all, one);
		free(one);
	}
	pthread_mutex_destroy(&g->lock);
	free(g);
}

/* FNV-1a; never 0. */
static uint64_t hash_of(const char *text)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return h ? h : 1;
}

/* NULL: no memory. */
static struct guesser *find(struct guesses *g, char kind, const char *name, int64_t now_ms)
{
	struct guesser *one;
	char key[sizeof one->key];
	snprintf(key, sizeof key, "%c %s", kind, name);
	HASH_FIND_STR(g->all, key, one);
	if (one) {
		HASH_DEL(g->all, one);
	} else if (HASH_COUNT(g->all) >= GUESSES_KEPT) {
		one = g->all;
		HASH_DEL(g->all, one);
		memset(one, 0, sizeof *one);
	} else if (!(one = calloc(1, sizeof *one))) {
		return NULL;
	}
	if (now_ms - one->seen_ms > FORGET_MS)
		one->wait_ms = 0;
	one->seen_ms = now_ms;
	memcpy(one->key, key, sizeof key);
	HASH_ADD_STR(g->all, key, one); /* at the end */
	return one;
}

static bool knows(const struct guesser *account, uint64_t who)
{
	for (size_t i = 0; i < KNOWN_MAX; i++)
		if (account->known[i] == who)
			return true;
	return false;
}

/* Five attempts within a minute; of an account, from more than one address. */
static bool is_full(const struct guesser *one, uint64_t who, int64_t now_ms)
{
	bool several = !who;
	if (!one->at_ms[FIRST] || now_ms - one->at_ms[FIRST] >= WINDOW_MS)
		return false;
	for (size_t i = FIRST + 1; i < ATTEMPTS_KEPT; i++)
		several |= one->who[i] != one->who[FIRST];
	return several;
}

/* The wait that is left. One that begins now is twice the last one. */
static int64_t waits(struct guesser *one, uint64_t who, int64_t most_ms, int64_t now_ms)
{
	if (now_ms < one->until_ms)
		return one->until_ms - now_ms;
	if (!is_full(one, who, now_ms))
		return 0;
	one->wait_ms = one->wait_ms ? one->wait_ms * 2 : FIRST_WAIT_MS;
	if (one->wait_ms > most_ms)
		one->wait_ms = most_ms;
	one->until_ms = now_ms + one->wait_ms;
	return one->wait_ms;
}

static void add(struct guesser *one, uint64_t who, int64_t now_ms)
{
	memmove(one->at_ms, one->at_ms + 1, sizeof one->at_ms - sizeof one->at_ms[0]);
	memmove(one->who, one->who + 1, sizeof one->who - sizeof one->who[0]);
	one->at_ms[ATTEMPTS_KEPT - 1] = now_ms;
	one->who[ATTEMPTS_KEPT - 1] = who;
	/* After a wait, one attempt fills the minute: the next one waits again. */
	for (size_t i = FIRST; one->wait_ms && i < ATTEMPTS_KEPT; i++)
		one->at_ms[i] = now_ms;
}

/* Take back the newest attempt. */
static void take_back(struct guesser *one)
{
	memmove(one->at_ms + 1, one->at_ms, sizeof one->at_ms - sizeof one->at_ms[0]);
	memmove(one->who + 1, one->who, sizeof one->who - sizeof one->who[0]);
	one->at_ms[0] = 0;
	one->who[0] = 0;
}

int guesses_begin(struct guesses *g, const char *address, const char *account, int64_t now_ms)
{
	uint64_t who = hash_of(address);
	pthread_mutex_lock(&g->lock);
	struct guesser *a = find(g, 'a', address, now_ms), *u = find(g, 'u', account, now_ms);
	int64_t wait = a && u ? waits(a, 0, ADDRESS_WAIT_MS, now_ms) : 1000; /* without memory, too */
	if (!wait && !knows(u, who))
		wait = waits(u, who, ACCOUNT_WAIT_MS, now_ms);
	if (wait) {
		g->counts.refused++;
	} else {
		add(a, 0, now_ms);
		add(u, who, now_ms);
	}
	pthread_mutex_unlock(&g->lock);
	return (int)((wait + 999) / 1000);
}

static void remember(struct guesser *account, uint64_t who)
{
	size_t i = 0;
	while (i < KNOWN_MAX - 1 && account->known[i] != who)
		i++;
	memmove(account->known + 1, account->known, i * sizeof account->known[0]);
	account->known[0] = who;
}

/* Returns the account, or NULL without memory. */
static struct guesser *forgive(struct guesses *g, const char *address, const char *account,
			       int64_t now_ms)
{
	struct guesser *a = find(g, 'a', address, now_ms), *u = find(g, 'u', account, now_ms);
	if (a)
		take_back(a);
	if (u)
		take_back(u);
	return u;
}

void guesses_right(struct guesses *g, const char *address, const char *account, int64_t now_ms)
{
	pthread_mutex_lock(&g->lock);
	struct guesser *u = forgive(g, address, account, now_ms);
	if (u)
		remember(u, hash_of(address));
	g->counts.right++;
	pthread_mutex_unlock(&g->lock);
}

void guesses_forgive(struct guesses *g, const char *address, const char *account, int64_t now_ms)
{
	pthread_mutex_lock(&g->lock);
	(void)forgive(g, address, account, now_ms);
	pthread_mutex_unlock(&g->lock);
}

void guesses_wrong(struct guesses *g)
{
	pthread_mutex_lock(&g->lock);
	g->counts.wrong++;
	pthread_mutex_unlock(&g->lock);
}

struct guess_counts guesses_counts(struct guesses *g)
{
	pthread_mutex_lock(&g->lock);
	struct guess_counts counts = g->counts;
	pthread_mutex_unlock(&g->lock);
	return counts;
}
