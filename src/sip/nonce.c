#include "sip/nonce.h"
#include "base/network.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define RANDOM_HEX 16
#define MAC_BYTES 16

struct used {
	char nonce[NONCE_SIZE];
	int64_t made_ms;
	uint32_t count;
	UT_hash_handle hh;
};

struct nonces {
	unsigned char key[32];
	struct used *used;    /* in the order of their first use */
	int64_t forgotten_ms; /* nonces that were made then or earlier are not fresh */
};

struct nonces *nonces_create(const unsigned char key[32])
{
	struct nonces *n = calloc(1, sizeof *n);
	if (!n)
		return NULL;
	memcpy(n->key, key, sizeof n->key);
	n->forgotten_ms = -1;
	return n;
}

static void forget(struct nonces *n, struct used *u)
{
	HASH_DEL(n->used, u);
	free(u);
}

void nonces_destroy(struct nonces *n)
{
	struct used *u, *next;
	if (!n)
		return;
	HASH_ITER(hh, n->used, u, next)
		forget(n, u);
	free(n);
}

/* "time.random.mac", where the mac is of time, random and address. */
static void write_nonce(const struct nonces *n, const struct sockaddr *address, int64_t made_ms,
			uint64_t random, char out[NONCE_SIZE])
{
	char host[ADDRESS_SIZE], text[NONCE_SIZE + ADDRESS_SIZE], hex[2 * MAC_BYTES + 1];
	unsigned char mac[MAC_BYTES];
	int len = snprintf(out, NONCE_SIZE, "%llx.%0*llx", (unsigned long long)made_ms, RANDOM_HEX,
			   (unsigned long long)random);
	int all = snprintf(text, sizeof text, "%s.%s", out, address_text(address, host));
	crypto_generichash(mac, sizeof mac, (const unsigned char *)text, (size_t)all, n->key,
			   sizeof n->key);
	sodium_bin2hex(hex, sizeof hex, mac, sizeof mac);
	snprintf(out + len, NONCE_SIZE - (size_t)len, ".%s", hex);
}

void nonce_make(const struct nonces *n, const struct sockaddr *address, int64_t now_ms,
		uint64_t random, char out[NONCE_SIZE])
{
	write_nonce(n, address, now_ms, random, out);
}

static bool read_nonce(const char *nonce, int64_t *made_ms, uint64_t *random)
{
	char *end;
	if (strlen(nonce) >= NONCE_SIZE)
		return false;
	*made_ms = strtoll(nonce, &end, 16);
	if (*end != '.' || *made_ms < 0)
		return false;
	*random = strtoull(end + 1, &end, 16);
	return *end == '.';
}

bool nonce_is_fresh(const struct nonces *n, const char *nonce, const struct sockaddr *address,
		    int64_t now_ms)
{
	char expected[NONCE_SIZE];
	int64_t made_ms;
	uint64_t random;
	if (!read_nonce(nonce, &made_ms, &random))
		return false;
	write_nonce(n, address, made_ms, random, expected);
	return strlen(nonce) == strlen(expected) &&
	       sodium_memcmp(nonce, expected, strlen(expected)) == 0 && made_ms <= now_ms &&
	       now_ms - made_ms < NONCE_LIFETIME_MS && made_ms > n->forgotten_ms;
}

/* What is no longer fresh; where that makes no room, the nonce that was used first. */
static void make_room(struct nonces *n, int64_t now_ms)
{
	struct used *u, *next;
	HASH_ITER(hh, n->used, u, next) {
		if (now_ms - u->made_ms < NONCE_LIFETIME_MS)
			break;
		forget(n, u);
	}
	if (HASH_COUNT(n->used) < NONCES_MAX)
		return;
	if (n->used->made_ms > n->forgotten_ms)
		n->forgotten_ms = n->used->made_ms;
	forget(n, n->used);
}

bool nonce_take(struct nonces *n, const char *nonce, uint32_t count, int64_t now_ms)
{
	struct used *u;
	int64_t made_ms;
	uint64_t random;
	if (!count || !read_nonce(nonce, &made_ms, &random))
		return false;
	HASH_FIND_STR(n->used, nonce, u);
	if (u && u->count >= count)
		return false;
	if (!u) {
		make_room(n, now_ms);
		u = calloc(1, sizeof *u);
		if (!u)
			return false;
		snprintf(u->nonce, sizeof u->nonce, "%s", nonce);
		u->made_ms = made_ms;
		HASH_ADD_STR(n->used, nonce, u);
	}
	u->count = count;
	return true;
}

size_t nonces_count(const struct nonces *n)
{
	return HASH_COUNT(n->used);
}
