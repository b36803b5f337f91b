/*
 * call/phones.h: softphones and desk phones that are registered here (RFC 3261 section 10), each as
 * a target's destination. A target may have several devices, which ring together. Registrations are
 * kept on disk, so that a restart forgets none. Any thread may call these; times are wall clock
 * milliseconds.
 */
#ifndef CALL_PHONES_H
#define CALL_PHONES_H

#include "base/id.h"
#include "store/store.h"
#include <sys/socket.h>

#define PHONE_DEVICES_MAX 10 /* of one target; of more, the one that registered longest ago goes */

struct phones;

struct phone {
	char target_id[ID_SIZE], organization_id[ID_SIZE];
	char contact[256];    /* the URI to be called */
	char route[512];      /* where requests to it go: struct sip_outgoing */
	char address[64];     /* where it registered from */
	char user_agent[104];
	char instance[128];   /* its +sip.instance (RFC 5626 section 4.1), or "" */
	char call_id[128];    /* of its REGISTER, and its number in that */
	uint32_t cseq;
	int64_t registered_ms, expires_ms;
};

/* NULL: out of memory, or the database cannot be read. */
struct phones *phones_create(struct store *store, int64_t now, struct error *err) WARN_UNUSED;
void phones_destroy(struct phones *p);

/*
 * A device registers, or with expires_ms 0 leaves. It takes the place of what it registered before:
 * the same instance, the same contact, or, of devices that name no instance, the same Call-ID.
 *
 * false: the request is older than what is known (RFC 3261 section 10.3, step 7), or there is no
 * memory.
 */
bool phones_take(struct phones *p, const struct phone *phone, int64_t now) WARN_UNUSED;
/* All devices of a target leave. */
void phones_leave(struct phones *p, const char *target_id);
/* The connection is gone that the devices with this route had: they are no longer registered. */
size_t phones_lost(struct phones *p, const char *route);

/* The target's devices, the newest first; at most `max` of them. Returns how many. */
size_t phones_find(struct phones *p, const char *target_id, int64_t now, struct phone *out, size_t max);
size_t phones_count_of(struct phones *p, const char *target_id, int64_t now);
/* Did one register from this address? */
bool phones_at(struct phones *p, const struct sockaddr *address, int64_t now);
size_t phones_count(struct phones *p, int64_t now);

#endif
