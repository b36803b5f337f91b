/*
 * http/guesses.h: who guesses passwords, by address and by account, and how long each must wait.
 * In memory, bounded, from this process's start. Any thread.
 *
 * Address: after 5 wrong passwords within a minute, whichever accounts they were for, nothing of that
 * address is verified for 60 s, then one attempt at a time, each wrong one doubling the wait up to
 * 15 minutes.
 * Account: the same after 5 wrong passwords from more than one address, up to 5 minutes. While only
 * one address guesses, the address alone waits. Addresses that the account was signed in from are not
 * kept waiting by what others guess.
 */
#ifndef HTTP_GUESSES_H
#define HTTP_GUESSES_H

#include "base/result.h"
#include <stdint.h>

#define GUESSES_FREE 5
#define GUESSES_KEPT 20000 /* addresses and accounts; the one seen longest ago makes room */

struct guesses;
struct guesses *guesses_create(void) WARN_UNUSED;
void guesses_destroy(struct guesses *g);

/*
 * A password is about to be verified. It counts as wrong until guesses_right() is called.
 *
 * address  as of address_group()
 * account  the e-mail address in lower case, whether or not there is such a user
 *
 * Returns 0, or after how many seconds the next attempt may be made: then nothing is to be verified.
 */
int guesses_begin(struct guesses *g, const char *address, const char *account, int64_t now_ms);

/* The password was right: the attempt does not count, and the account is this address's. */
void guesses_right(struct guesses *g, const char *address, const char *account, int64_t now_ms);

/* It was neither: something else is asked for before it counts. */
void guesses_forgive(struct guesses *g, const char *address, const char *account, int64_t now_ms);

/* It was wrong: for guesses_counts() alone. */
void guesses_wrong(struct guesses *g);

struct guess_counts {
	uint64_t right, wrong, refused;
};
struct guess_counts guesses_counts(struct guesses *g);

#endif
