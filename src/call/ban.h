/*
 * call/ban.h: addresses that keep asking for what they may not: after so many refusals within
 * a minute they are not answered for a while. Bounded; one thread; times are monotonic milliseconds.
 */
#ifndef CALL_BAN_H
#define CALL_BAN_H

#include "base/result.h"
#include <stdint.h>
#include <sys/socket.h>

#define BAN_STRIKES 20        /* refusals within a minute */
#define BAN_ADDRESSES_MAX 10000 /* that are remembered; the one that was refused longest ago makes room */

struct bans;

struct bans *bans_create(int seconds) WARN_UNUSED; /* of a ban; 0: nobody is banned */
void bans_destroy(struct bans *b);
bool bans_has(struct bans *b, const struct sockaddr *address, int64_t now);
/* It was refused once more. true: it is banned from now on. */
bool bans_strike(struct bans *b, const struct sockaddr *address, int64_t now);
/* It has shown that it may. */
void bans_forget(struct bans *b, const struct sockaddr *address);
size_t bans_count(struct bans *b, int64_t now); /* banned now */

#endif
