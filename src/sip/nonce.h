/*
 * sip/nonce.h: nonces of digest challenges (RFC 7616 section 5.4). A nonce tells by itself when, and
 * for which address, it was made; only those that were used are remembered, for the highest nonce
 * count (nc) of each. Time and randomness are inputs. Pure, apart from memory.
 */
#ifndef SIP_NONCE_H
#define SIP_NONCE_H

#include "base/result.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NONCE_SIZE 96
#define NONCE_LIFETIME_MS 60000
#define NONCES_MAX 32768 /* that are remembered */

struct nonces;

struct nonces *nonces_create(const unsigned char key[32]) WARN_UNUSED;
void nonces_destroy(struct nonces *n);

/* A nonce for requests from that address, whatever their port. random: differs for each. */
void nonce_make(const struct nonces *n, const struct sockaddr *address, int64_t now_ms,
		uint64_t random, char out[NONCE_SIZE]);

/* Was it made here for that address, less than NONCE_LIFETIME_MS ago? */
bool nonce_is_fresh(const struct nonces *n, const char *nonce, const struct sockaddr *address,
		    int64_t now_ms);

/*
 * The nonce, which is fresh, was used with right credentials and this count.
 *
 * When there is no room, the nonce that was made first is forgotten, and all that were made before
 * it are fresh no longer.
 *
 * false: this count or a higher one was used already (a replay), or there is no memory.
 */
bool nonce_take(struct nonces *n, const char *nonce, uint32_t count, int64_t now_ms) WARN_UNUSED;

/* How many are remembered. */
size_t nonces_count(const struct nonces *n);

#endif
