/*
 * call/ladder.h: the SIP messages of each call, as they went over the wire, for as long as its organization
 * keeps them. One for a call loop, on its thread.
 */
#ifndef CALL_LADDER_H
#define CALL_LADDER_H

#include "config/config.h"
#include "sip/sip.h"

struct ladders;
struct ladder; /* one call's */

struct ladders *ladders_create(struct store *store) WARN_UNUSED;
void ladders_destroy(struct ladders *l);

/* A call begins. NULL: its organization keeps none, or there is no memory. */
struct ladder *ladder_open(struct ladders *l, const struct organization *o, const char *call_id);
/* Messages with that Call-ID are the call's, those of a moment ago among them. ladder may be NULL. */
void ladder_add(struct ladder *ladder, const char *sip_call_id);
/* The call is over: what still comes for as long as transactions last is kept (RFC 3261 §17). ladder may be NULL. */
void ladder_end(struct ladder *ladder, int64_t now_ms);

void ladders_take(struct ladders *l, const struct sip_message *m);
/* Hand what came since the last time to the writer. now_ms: monotonic. */
void ladders_write(struct ladders *l, int64_t now_ms);

#endif
