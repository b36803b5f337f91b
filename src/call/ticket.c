#include "call/ticket.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = "test-call.";

void ticket_name(int64_t expires_s, char out[TICKET_NAME_SIZE])
{
	snprintf(out, TICKET_NAME_SIZE, "%s%lld.%08x", prefix, (long long)expires_s, randombytes_random());
}

bool ticket_password(const struct crypto_key *key, const char *name, const char *organization_id, const char *number, int64_t now_s, char out[CRYPTO_HASH_SIZE])
{
	char text[256];
	int64_t expires = strncmp(name, prefix, strlen(prefix)) == 0 ? strtoll(name + strlen(prefix), NULL, 10) : 0;
	int n = snprintf(text, sizeof text, "ticket\n%s\n%s\n%s", organization_id, number, name);
	if (expires <= now_s || expires > now_s + TICKET_SECONDS || n >= (int)sizeof text)
		return false;
	crypto_keyed_hash(key, text, out);
	return true;
}
