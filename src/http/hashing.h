/*
 * http/hashing.h: passwords are hashed and verified on one thread of their own, because each takes
 * 64 MB and tens of milliseconds: HTTP threads go on meanwhile, and guessing cannot take more than
 * one processor.
 */
#ifndef HTTP_HASHING_H
#define HTTP_HASHING_H

#include "base/mailbox.h"

#define HASHING_WAITING_MAX 16 /* about a second's work */

struct hash_job {
	struct mail mail; /* first */
	const char *password;
	const char *verify; /* the hash to compare with; NULL: make one */
	/* The results. */
	bool fits;
	char *made; /* free() it; NULL: no memory */
	/* Hashing thread. stopping: nothing was done. Owns the job from then on. */
	void (*done)(struct hash_job *job, bool stopping);
};

struct hashing;
struct hashing *hashing_create(void) WARN_UNUSED;
/* Ends the thread; jobs that wait are done with `stopping`, and no more are taken. */
void hashing_stop(struct hashing *h);
void hashing_destroy(struct hashing *h); /* a stopped one */

/* Any thread. false: too many wait already, or it is stopped; the job stays the caller's. */
bool hashing_post(struct hashing *h, struct hash_job *job) WARN_UNUSED;
/* From `done`, for the second half of work that was accepted: never refused. */
void hashing_post_again(struct hashing *h, struct hash_job *job);

#endif
