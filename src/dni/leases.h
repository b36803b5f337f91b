/*
 * dni/leases.h: tracking numbers that are lent for a while, and to whom: to a visitor of a landing page, who alone has
 * the number meanwhile, or to a caller whom a publisher asked about, who may share it with other callers. A call to the
 * number gets what is known of who has it. In memory; what is to outlive the process is kept by the caller on disk.
 * Any thread; each function holds the lock for its own duration only. Times are wall clock milliseconds.
 */
#ifndef DNI_LEASES_H
#define DNI_LEASES_H

#include "base/id.h"
#include "base/phone.h"
#include "base/result.h"
#include <jansson.h>
#include <stdint.h>

struct leases;
struct leases *leases_create(void) WARN_UNUSED;
void leases_destroy(struct leases *l);

#define LEASE_HOLDER_SIZE 64
#define LEASE_CLIENT_SIZE 48 /* an address */

enum lease_kind {
	LEASE_VISITOR, /* calls, as many as come, are the visitor's */
	LEASE_CALLER,  /* it is over with the first call */
};

struct lease {
	enum lease_kind kind;
	char id[ID_SIZE];
	char number[PHONE_SIZE];
	char pool_id[ID_SIZE];            /* whose numbers are lent: a number pool, or an endpoint of publishers */
	char holder[LEASE_HOLDER_SIZE];   /* the visitor's session, or the caller */
	char caller_id[PHONE_SIZE + 20];  /* whose calls it is for; "": anybody's, and nobody else has the number */
	char publisher_id[ID_SIZE];       /* whose the call is; "": the number's */
	char client[LEASE_CLIENT_SIZE];   /* who asked for it; "": not counted */
	int64_t at_ms, expires_ms;
	int64_t kept_until_ms;            /* until when it is on disk: see leases_renew() */
	int64_t grace_ms;                 /* for so long after it expired its calls still are its own, and the number is not lent anew */
	json_t *tags;                     /* {"tag id": "value"} */
};
void lease_release(struct lease *lease); /* its tags */

/* A pool, as its owner's configuration has it. */
struct lease_pool {
	const char *organization_id, *id;
	const char *const *numbers; /* E.164 */
	size_t count;
	size_t most;          /* leases at once; 0: as many as there are numbers for */
	size_t most_of_client; /* likewise, of one client; 0: any number */
};

enum lease_result {
	LEASE_NEW,
	LEASE_AGAIN, /* the holder had it: it was made longer, and has the new tags */
	LEASE_NONE,  /* no number is free */
	LEASE_FULL,  /* the pool has lent as many as it may, or as many to this client */
};

/*
 * Lend one of the pool's numbers. The lease comes with all but its number; on LEASE_NEW and LEASE_AGAIN it is filled, its tags
 * are taken over, and on LEASE_AGAIN its id is that of the first time, unless it is a caller's. tags are read by others afterwards: they must not be shared.
 */
enum lease_result leases_lend(struct leases *l, const struct lease_pool *pool, struct lease *lease, int64_t now_ms) WARN_UNUSED;
/* One that was lent before the process began. false: another one has the number. Its tags are taken over when it is true. */
bool leases_restore(struct leases *l, const char *organization_id, const struct lease *lease);

/* A call to the number. true: out is a copy, with tags of its own. */
bool leases_call(struct leases *l, const char *organization_id, const char *number, const char *caller_id, int64_t now_ms, struct lease *out) WARN_UNUSED;

/* Which number the holder has now; false: none. */
bool leases_holds(struct leases *l, const char *organization_id, const char *pool_id, const char *holder, int64_t now_ms, char number[PHONE_SIZE]) WARN_UNUSED;

/*
 * The holder of this lease is still there: it expires so late. false: it is over, or was never. *keep: less than half of the
 * time that is left is on disk, and what is there is to be brought up to date; then it is taken to be.
 */
bool leases_renew(struct leases *l, const char *organization_id, const char *pool_id, const char *holder, const char *id, int64_t now_ms, int64_t expires_ms, bool *keep) WARN_UNUSED;
/* It ends now; its grace begins, unless it had none. */
void leases_end(struct leases *l, const char *organization_id, const char *pool_id, const char *holder, int64_t now_ms);

/* How many of the pool's numbers are lent now, those in their grace included. */
size_t leases_count(struct leases *l, const char *organization_id, const char *pool_id);

/* Forget those that are over. */
void leases_sweep(struct leases *l, int64_t now_ms);

#endif
