#include "call/ban.h"
#include "base/network.h"
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define WINDOW_MS 60000

struct address {
	struct in6_addr key; /* IPv4 as ::ffff:a.b.c.d */
	unsigned strikes;
	int64_t since, banned_until;
	UT_hash_handle hh;
};

struct bans {
	int64_t ms;
	struct address *addresses; /* the one that was struck longest ago is first */
};

struct bans *bans_create(int seconds)
{
	struct bans *b = calloc(1, sizeof *b);
	if (b)
		b->ms = seconds * INT64_C(1000);
	return b;
}

void bans_destroy(struct bans *b)
{
	struct address *a, *next;
	if (!b)
		return;
	HASH_ITER(hh, b->addresses, a, next) {
		HASH_DEL(b->addresses, a);
		free(a);
	}
	free(b);
}

static struct address *find(struct bans *b, const struct sockaddr *address)
{
	struct in6_addr key = address_as_six(address);
	struct address *a;
	HASH_FIND(hh, b->addresses, &key, sizeof key, a);
	return a;
}

bool bans_has(struct bans *b, const struct sockaddr *address, int64_t now)
{
	const struct address *a = b->addresses ? find(b, address) : NULL;
	return a && a->banned_until > now;
}

bool bans_strike(struct bans *b, const struct sockaddr *address, int64_t now)
{
	struct address *a = find(b, address);
	if (!b->ms)
		return false;
	if (a) {
		HASH_DEL(b->addresses, a);
	} else if (HASH_COUNT(b->addresses) >= BAN_ADDRESSES_MAX) {
		a = b->addresses;
		HASH_DEL(b->addresses, a);
		memset(a, 0, sizeof *a);
	} else if (!(a = calloc(1, sizeof *a))) {
		return false;
	}
	if (now - a->since >= WINDOW_MS || !a->strikes) {
		a->since = now;
		a->strikes = 0;
	}
	a->key = address_as_six(address);
	bool banned = ++a->strikes >= BAN_STRIKES && a->banned_until <= now;
	if (banned) {
		a->banned_until = now + b->ms;
		a->strikes = 0;
	}
	HASH_ADD(hh, b->addresses, key, sizeof a->key, a); /* at the end */
	return banned;
}

void bans_forget(struct bans *b, const struct sockaddr *address)
{
	struct address *a = b->addresses ? find(b, address) : NULL;
	if (!a)
		return;
	HASH_DEL(b->addresses, a);
	free(a);
}

size_t bans_count(struct bans *b, int64_t now)
{
	size_t n = 0;
	for (const struct address *a = b->addresses; a; a = a->hh.next)
		n += a->banned_until > now;
	return n;
}
