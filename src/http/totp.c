#include "http/totp.h"
#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SECRET_BYTES 20 /* as many as SHA-1 gives (RFC 4226 section 4, R6) */
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void totp_secret(char out[TOTP_SECRET_SIZE])
{
	unsigned char bytes[SECRET_BYTES];
	randombytes_buf(bytes, sizeof bytes);
	for (size_t i = 0; i < TOTP_SECRET_SIZE - 1; i++) {
		size_t bit = i * 5, at = bit / 8;
		unsigned two = (unsigned)bytes[at] << 8 | (at + 1 < sizeof bytes ? bytes[at + 1] : 0);
		out[i] = letters[two >> (11 - bit % 8) & 31];
	}
	out[TOTP_SECRET_SIZE - 1] = '\0';
	sodium_memzero(bytes, sizeof bytes);
}

static bool read_secret(const char *secret, unsigned char out[SECRET_BYTES])
{
	memset(out, 0, SECRET_BYTES);
	if (strlen(secret) != TOTP_SECRET_SIZE - 1)
		return false;
	for (size_t i = 0; secret[i]; i++) {
		const char *letter = strchr(letters, secret[i]);
		if (!letter)
			return false;
		unsigned value = (unsigned)(letter - letters);
		for (size_t k = 0; k < 5; k++)
			if (value >> (4 - k) & 1)
				out[(i * 5 + k) / 8] |= (unsigned char)(0x80 >> (i * 5 + k) % 8);
	}
	return true;
}

/* RFC 4226 section 5.3 */
bool totp_code(const char *secret, int64_t step, char out[TOTP_DIGITS + 1])
{
	unsigned char key[SECRET_BYTES], counter[8], hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	if (!read_secret(secret, key))
		return false;
	for (int i = 0; i < 8; i++)
		counter[i] = (unsigned char)((uint64_t)step >> (56 - 8 * i));
	bool ok = HMAC(EVP_sha1(), key, sizeof key, counter, sizeof counter, hash, &len) && len == 20;
	sodium_memzero(key, sizeof key);
	if (!ok)
		return false;
	const unsigned char *at = hash + (hash[19] & 15);
	unsigned number = (at[0] & 0x7fu) << 24 | (unsigned)at[1] << 16 | (unsigned)at[2] << 8 | at[3];
	snprintf(out, TOTP_DIGITS + 1, "%06u", number % 1000000);
	return true;
}

/* The code's digits; false: it is none. */
static bool read_code(const char *code, char out[TOTP_DIGITS + 1])
{
	size_t n = 0;
	for (; *code; code++) {
		if (isspace((unsigned char)*code))
			continue;
		if (!isdigit((unsigned char)*code) || n == TOTP_DIGITS)
			return false;
		out[n++] = *code;
	}
	out[n] = '\0';
	return n == TOTP_DIGITS;
}

int64_t totp_match(const char *secret, const char *code, int64_t now_seconds, int64_t last)
{
	char given[TOTP_DIGITS + 1], expected[TOTP_DIGITS + 1];
	int64_t now = now_seconds / TOTP_STEP_SECONDS;
	if (!read_code(code, given))
		return 0;
	for (int64_t step = now - 1; step <= now + 1; step++)
		if (step > last && totp_code(secret, step, expected) &&
		    sodium_memcmp(given, expected, TOTP_DIGITS) == 0)
			return step;
	return 0;
}
