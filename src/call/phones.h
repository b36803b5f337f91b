/*
 * call/phones.h: softphones and desk phones that are registered here (RFC 3261 §10), each as a target's destination. One
 * device a target: the last that registered. Kept on disk, so that a restart forgets none. Any thread may call these;
 * times are wall clock milliseconds.
 */
#ifndef CALL_PHONES_H
#define CALL_PHONES_H

#include "base/id.h"
#include "store/store.h"
#include <sys/socket.h>

struct phones;

struct phone {
	char target_id[ID_SIZE], organization_id[ID_SIZE];
	char contact[256];    /* the URI to be called */
	char route[512];      /* where requests to it go: struct sip_outgoing */
	char address[64];     /* where it registered from */
	char user_agent[104];
	char call_id[128]; /* of its REGISTER, and its number in that */
	uint32_t cseq;
	int64_t registered_ms, expires_ms;
};

/* NULL: out of memory, or the database cannot be read. */
struct phones *phones_create(struct store *store, int64_t now, struct error *err) WARN_UNUSED;
void phones_destroy(struct phones *p);
/* expires_ms 0: it is there no longer. false: the request is older than what is known (RFC 3261 §10.3, step 7). */
bool phones_take(struct phones *p, const struct phone *phone) WARN_UNUSED;
/* false: none is registered. */
bool phones_find(struct phones *p, const char *target_id, int64_t now, struct phone *out);
/* Did one register from this address? */
bool phones_at(struct phones *p, const struct sockaddr *address, int64_t now);
size_t phones_count(struct phones *p, int64_t now);

#endif
