#include "config/call_key.h"
#include <sodium.h>
#include <string.h>

#define PREFIX "ck_"
#define ULID_LEN 26
#define MAC_BYTES 24
#define MAC_LEN 32 /* MAC_BYTES in base64url */
#define WEBHOOK_PREFIX "iwk_"
#define WEBHOOK_KEY_LEN 43 /* 32 bytes in base64url */
#define MASK "********"

_Static_assert(sizeof PREFIX - 1 + 2 * ULID_LEN + MAC_LEN + 1 == CALL_KEY_SIZE, "a call key's parts are its size");

static bool is_ulid(const char *s)
{
	for (size_t i = 0; i < ULID_LEN; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'A' && s[i] <= 'Z')))
			return false;
	return true;
}

bool call_key_make(const struct crypto_key *key, const char *organization_id, const char *call_id, char out[CALL_KEY_SIZE])
{
	unsigned char mac[32];
	char said[100];
	if (!id_is("org", organization_id) || !id_is("call", call_id))
		return false;
	int len = snprintf(said, sizeof said, "call key\n%s\n%s", organization_id, call_id);
	crypto_hmac_sha256(key->call, sizeof key->call, said, (size_t)len, mac);
	int n = snprintf(out, CALL_KEY_SIZE, PREFIX "%s%s", organization_id + 4, call_id + 5);
	sodium_bin2base64(out + n, (size_t)(CALL_KEY_SIZE - n), mac, MAC_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return true;
}

bool call_key_parse(const char *text, char organization_id[ID_SIZE], char call_id[ID_SIZE])
{
	const char *ids = text + sizeof PREFIX - 1;
	if (strlen(text) != CALL_KEY_SIZE - 1 || strncmp(text, PREFIX, sizeof PREFIX - 1) != 0 || !is_ulid(ids) || !is_ulid(ids + ULID_LEN))
		return false;
	snprintf(organization_id, ID_SIZE, "org_%.*s", ULID_LEN, ids);
	snprintf(call_id, ID_SIZE, "call_%.*s", ULID_LEN, ids + ULID_LEN);
	return true;
}

bool call_key_verify(const struct crypto_key *key, const char *text)
{
	char organization_id[ID_SIZE], call_id[ID_SIZE], right[CALL_KEY_SIZE];
	return call_key_parse(text, organization_id, call_id) && call_key_make(key, organization_id, call_id, right) &&
	       crypto_equal(text, right, CALL_KEY_SIZE);
}

static bool is_key_char(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '_';
}

/* The length of the key that the text begins with, or 0. */
static size_t key_len(const char *text, size_t len)
{
	static const struct {
		const char *prefix;
		size_t len; /* behind it */
	} kinds[] = {{PREFIX, CALL_KEY_SIZE - sizeof PREFIX}, {WEBHOOK_PREFIX, WEBHOOK_KEY_LEN}};
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		size_t prefix = strlen(kinds[i].prefix), n = prefix;
		if (len < prefix + kinds[i].len || memcmp(text, kinds[i].prefix, prefix) != 0)
			continue;
		while (n < prefix + kinds[i].len && is_key_char(text[n]))
			n++;
		if (n == prefix + kinds[i].len)
			return n;
	}
	return 0;
}

size_t keys_mask(char *text, size_t len)
{
	size_t to = 0;
	for (size_t from = 0; from < len;) {
		bool may_begin = text[from] == 'c' || text[from] == 'i';
		size_t n = may_begin ? key_len(text + from, len - from) : 0;
		if (n) {
			memcpy(text + to, MASK, sizeof MASK - 1);
			to += sizeof MASK - 1;
			from += n;
		} else {
			text[to++] = text[from++];
		}
	}
	if (to < len)
		text[to] = '\0';
	return to;
}
