/*
 * media/prompt.h: prompts ready to play. Files are decoded and texts spoken on a thread
 * of their own, and kept in a cache, so that the call loop never waits for either.
 */
#ifndef MEDIA_PROMPT_H
#define MEDIA_PROMPT_H

#include "base/mailbox.h"
#include "media/audio.h"
#include <stdint.h>

struct prompts;

struct prompts *prompts_create(struct error *err) WARN_UNUSED;
void prompts_destroy(struct prompts *p);

/* The answer to prompts_request(); free() it after taking the audio. */
struct prompt_ready {
	struct mail mail;
	uint64_t owner;
	unsigned request;
	struct audio *audio; /* NULL: it could not be made */
};

/*
 * Ask for the audio of a file (path not NULL) or of a text in a voice (NULL: slt).
 * Returns it at once, with a reference, when it is cached. Otherwise NULL, and the answer
 * comes to `reply` (*request is its number, 0 when the queue is full and none will come).
 */
struct audio *prompts_request(struct prompts *p, const char *path, const char *text, const char *voice,
			      struct mailbox *reply, uint64_t owner, unsigned *request);
/* Speak a text here and now: command line and uploads only. */
struct audio *prompts_speak(const char *text, const char *voice);

#endif
