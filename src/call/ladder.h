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

/*
 * How call_sip.messages holds them: a line "MS DIRECTION TRANSPORT LOCAL REMOTE LENGTH" for each, such as
 * "1764151835530 > udp 127.0.0.1:5060 192.0.2.1:5060 314", then its text. DIRECTION is > for what was sent,
 * < for what was received. What is nobody's to read is covered with x; of what is no UTF-8, all but ASCII is ?.
 */
#define LADDER_LEFT_OUT "left out" /* such a line ends it where there were too many */

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
