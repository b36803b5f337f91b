/*
 * call/ticket.h: credentials for a call to one number by somebody who has no trunk: the portal's user in a browser. Nothing of
 * them is kept: whoever has the data directory's key can tell whether they are right.
 */
#ifndef CALL_TICKET_H
#define CALL_TICKET_H

#include "base/crypto.h"

#define TICKET_SECONDS 60 /* so long a call may begin with one */
#define TICKET_NAME_SIZE 48

/* A user name that is valid until then. */
void ticket_name(int64_t expires_s, char out[TICKET_NAME_SIZE]);
/* The password of that user name, for calls to that number of the organization. false: it is no ticket, or no longer valid. */
bool ticket_password(const struct crypto_key *key, const char *name, const char *organization_id, const char *number, int64_t now_s, char out[CRYPTO_HASH_SIZE]) WARN_UNUSED;

#endif
