#include "webhook/signature.h"
#include "base/buf.h"
#include "base/crypto.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

bool signature_make(const char *secret, const char *id, int64_t timestamp, const char *body, size_t len, char out[SIGNATURE_SIZE])
{
	size_t key_len;
	unsigned char mac[32];
	unsigned char *key = strncmp(secret, "whsec_", 6) == 0 ? crypto_unbase64(secret + 6, &key_len) : NULL;
	struct buf signed_text = {0};
	if (!key)
		return false;
	buf_printf(&signed_text, "%s.%lld.", id, (long long)timestamp);
	buf_add(&signed_text, body, len);
	bool ok = !signed_text.failed;
	if (ok) {
		crypto_hmac_sha256(key, key_len, signed_text.data, signed_text.len, mac);
		memcpy(out, "v1,", 3);
		sodium_bin2base64(out + 3, SIGNATURE_SIZE - 3, mac, sizeof mac, sodium_base64_VARIANT_ORIGINAL);
	}
	buf_free(&signed_text);
	free(key);
	return ok;
}

char *signature_new_secret(void)
{
	unsigned char random[32];
	randombytes_buf(random, sizeof random);
	char *text = crypto_base64(random, sizeof random);
	char *secret = text ? malloc(strlen(text) + 7) : NULL;
	if (secret)
		snprintf(secret, strlen(text) + 7, "whsec_%s", text);
	free(text);
	return secret;
}
