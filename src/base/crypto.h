/* base/crypto.h: the few things Strowger asks of libsodium. */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include "base/result.h"
#include <stddef.h>
#include <stdint.h>

#define CRYPTO_HASH_SIZE 65 /* hexadecimal, with NUL */

/* The keys that are derived from the data directory's: for hashing, for sealing, and for the keys of single calls. */
struct crypto_key {
	unsigned char hash[32];
	unsigned char seal[32];
	unsigned char call[32];
};

/* Read DIR/secret.key, or make it (mode 0600) when create is set. */
bool crypto_key_load(struct crypto_key *key, const char *path, bool create, struct error *err) WARN_UNUSED;

/* Keyed BLAKE2b-256 in hexadecimal: how API keys, session tokens and webhook keys are looked up. */
const char *crypto_keyed_hash(const struct crypto_key *key, const char *text, char out[CRYPTO_HASH_SIZE]);

/* XChaCha20-Poly1305; "v1:" + base64(nonce + ciphertext). free() the result; NULL on failure. */
char *crypto_seal(const struct crypto_key *key, const char *plain) WARN_UNUSED;
char *crypto_open(const struct crypto_key *key, const char *sealed) WARN_UNUSED;

/* argon2id, interactive limits. free() the result. */
char *crypto_password_hash(const char *password) WARN_UNUSED;
/* false, too, without any work, for a hash whose costs are not those of crypto_password_hash(). */
bool crypto_password_verify(const char *hash, const char *password) WARN_UNUSED;

/* prefix + 32 random bytes in URL-safe base64. free() the result. */
char *crypto_random_token(const char *prefix) WARN_UNUSED;

/* Standard base64 with padding. free() the results. */
char *crypto_base64(const void *data, size_t len) WARN_UNUSED;
unsigned char *crypto_unbase64(const char *text, size_t *len) WARN_UNUSED;

/* HMAC-SHA256 (RFC 2104). */
void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, unsigned char out[32]);

/* In constant time. */
bool crypto_equal(const void *a, const void *b, size_t len);

#endif
