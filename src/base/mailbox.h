/* base/mailbox.h: a bounded queue between threads, with an eventfd that wakes its reader. */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include "base/result.h"
#include <stddef.h>

/* What is sent embeds one of these as its first member. */
struct mail {
	struct mail *next;
};

struct mailbox;

/* capacity: how many letters may wait. NULL when memory or descriptors ran out. */
struct mailbox *mailbox_create(size_t capacity) WARN_UNUSED;
void mailbox_destroy(struct mailbox *m);
/* Any thread. false: full, and the letter stays the sender's. */
bool mailbox_post(struct mailbox *m, struct mail *letter) WARN_UNUSED;
/* For answers to work that the reader asked for: never refused, because each
 * stands for a request that was counted when it was accepted. */
void mailbox_post_reply(struct mailbox *m, struct mail *letter);
/* As mailbox_post_reply(), but wakes nobody: mailbox_wake() follows, once for many letters. */
void mailbox_add_reply(struct mailbox *m, struct mail *letter);
/* Everything that waits, oldest first, and clears the wake-up. Reader only. */
struct mail *mailbox_take_all(struct mailbox *m);
/* Sleep until something waits or timeout_ms passed (-1: for ever). */
void mailbox_wait(struct mailbox *m, int timeout_ms);
/* Wake the reader without a letter. */
void mailbox_wake(struct mailbox *m);
int mailbox_fd(const struct mailbox *m);

#endif
