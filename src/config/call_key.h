/*
 * config/call_key.h: call keys. A call key lets its holder, such as the buyer of the call, change
 * that one call through the paths of incoming webhooks.
 *
 * "ck_", the organization's and the call's id without their prefixes (26 characters each), and 32
 * characters of base64url (RFC 4648 section 5): the first 24 bytes of HMAC-SHA256 (RFC 2104) of
 * purpose, organization and call under the data directory's key. Nothing is stored of it: it is
 * valid as long as the call's age lets it be, which its reader decides.
 */
#ifndef CONFIG_CALL_KEY_H
#define CONFIG_CALL_KEY_H

#include "base/crypto.h"
#include "base/id.h"

#define CALL_KEY_SIZE (3 + 26 + 26 + 32 + 1)

/* Write the call's key. false: the ids are none. */
bool call_key_make(const struct crypto_key *key, const char *organization_id, const char *call_id, char out[CALL_KEY_SIZE]) WARN_UNUSED;

/* Has the text the form of a call key? Then the two ids are written, which prove nothing yet. */
bool call_key_parse(const char *text, char organization_id[ID_SIZE], char call_id[ID_SIZE]) WARN_UNUSED;
/* Is it the key of the call that it names? Compares in constant time. */
bool call_key_verify(const struct crypto_key *key, const char *text) WARN_UNUSED;

/* Write ******** over each text that has the form of a call key or of an incoming webhook's key, for
 * what is kept or shown. Returns the length, which is less where something was masked; the text is
 * terminated there. */
size_t keys_mask(char *text, size_t len);

#endif
