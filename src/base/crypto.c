#include "base/crypto.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool crypto_key_load(struct crypto_key *key, const char *path, bool create, struct error *err)
{
	unsigned char master[crypto_kdf_KEYBYTES];
	/* From a seed of the kernel's: without it every number is a system call, and a call takes a dozen. */
	if (randombytes_set_implementation(&randombytes_internal_implementation) < 0 || sodium_init() < 0)
		return error_set(err, "libsodium could not be started");
	if (create) {
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			return error_set(err, "cannot create the key file %s: %s", path, strerror(errno));
		crypto_kdf_keygen(master);
		bool ok = write(fd, master, sizeof master) == (ssize_t)sizeof master && fsync(fd) == 0;
		close(fd);
		if (!ok)
			return error_set(err, "cannot write the key file %s: %s", path, strerror(errno));
	} else {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return error_set(err, "cannot read the key file %s: %s (was this directory made by 'strowger init'?)", path, strerror(errno));
		ssize_t n = read(fd, master, sizeof master);
		close(fd);
		if (n != (ssize_t)sizeof master)
			return error_set(err, "the key file %s is damaged: it must hold %zu bytes", path, sizeof master);
	}
	crypto_kdf_derive_from_key(key->hash, sizeof key->hash, 1, "strowger", master);
	crypto_kdf_derive_from_key(key->seal, sizeof key->seal, 2, "strowger", master);
	crypto_kdf_derive_from_key(key->call, sizeof key->call, 3, "strowger", master);
	sodium_memzero(master, sizeof master);
	return true;
}

const char *crypto_keyed_hash(const struct crypto_key *key, const char *text, char out[CRYPTO_HASH_SIZE])
{
	unsigned char h[32];
	crypto_generichash(h, sizeof h, (const unsigned char *)text, strlen(text), key->hash, sizeof key->hash);
	return sodium_bin2hex(out, CRYPTO_HASH_SIZE, h, sizeof h);
}

char *crypto_base64(const void *data, size_t len)
{
	size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
	char *out = malloc(size);
	return out ? sodium_bin2base64(out, size, data, len, sodium_base64_VARIANT_ORIGINAL) : NULL;
}

unsigned char *crypto_unbase64(const char *text, size_t *len)
{
	size_t n = strlen(text);
	unsigned char *out = malloc(n + 1);
	if (out && sodium_base642bin(out, n, text, n, NULL, len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0) {
		free(out);
		return NULL;
	}
	return out;
}

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define MAC crypto_aead_xchacha20poly1305_ietf_ABYTES

char *crypto_seal(const struct crypto_key *key, const char *plain)
{
	size_t len = strlen(plain);
	unsigned char *box = malloc(NONCE + len + MAC);
	if (!box)
		return NULL;
	randombytes_buf(box, NONCE);
	unsigned long long n = 0;
	crypto_aead_xchacha20poly1305_ietf_encrypt(box + NONCE, &n, (const unsigned char *)plain, len, NULL, 0, NULL, box, key->seal);
	size_t size = 3 + sodium_base64_encoded_len(NONCE + (size_t)n, sodium_base64_VARIANT_ORIGINAL);
	char *out = malloc(size);
	if (out) {
		memcpy(out, "v1:", 3);
		sodium_bin2base64(out + 3, size - 3, box, NONCE + (size_t)n, sodium_base64_VARIANT_ORIGINAL);
	}
	free(box);
	return out;
}

char *crypto_open(const struct crypto_key *key, const char *sealed)
{
	if (!sealed || strncmp(sealed, "v1:", 3) != 0)
		return NULL;
	size_t len;
	unsigned char *box = crypto_unbase64(sealed + 3, &len);
	char *plain = NULL;
	if (box && len >= NONCE + MAC && (plain = malloc(len - NONCE - MAC + 1))) {
		unsigned long long n = 0;
		if (crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)plain, &n, NULL, box + NONCE, len - NONCE, NULL, 0, box, key->seal) == 0) {
			plain[n] = '\0';
		} else {
			free(plain);
			plain = NULL;
		}
	}
	free(box);
	return plain;
}

char *crypto_password_hash(const char *password)
{
	char *out = malloc(crypto_pwhash_STRBYTES);
	if (out && crypto_pwhash_str(out, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
		free(out);
		return NULL;
	}
	return out;
}

bool crypto_password_verify(const char *hash, const char *password)
{
	if (crypto_pwhash_str_needs_rehash(hash, crypto_pwhash_OPSLIMIT_INTERACTIVE,
					   crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
		return false;
	return crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
}

char *crypto_random_token(const char *prefix)
{
	unsigned char r[32];
	randombytes_buf(r, sizeof r);
	size_t p = strlen(prefix), size = p + sodium_base64_encoded_len(sizeof r, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	char *out = malloc(size);
	if (out) {
		memcpy(out, prefix, p);
		sodium_bin2base64(out + p, size - p, r, sizeof r, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	}
	return out;
}

void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, unsigned char out[32])
{
	crypto_auth_hmacsha256_state st;
	crypto_auth_hmacsha256_init(&st, key, key_len);
	crypto_auth_hmacsha256_update(&st, data, len);
	crypto_auth_hmacsha256_final(&st, out);
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}
