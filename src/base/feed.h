/*
 * base/feed.h: what happens, told to those who listen just then. Items are kept for a short
 * while, so that a listener that was cut off goes on where it was; a durable feed it is not.
 */
#ifndef BASE_FEED_H
#define BASE_FEED_H

#include "base/buf.h"

struct feed;
struct feed_listener;

struct feed_item {
	struct feed_item *next;
	struct feed *feed;
	char id[40], topic[40], type[80], about[40]; /* topic: the organization; about: a call's id, or "" */
	char newer[80]; /* another type that the same occurrence is published as, or "" */
	char text[];
};

struct feed *feed_create(void) WARN_UNUSED;
void feed_destroy(struct feed *feed);
/* Every listener is woken and finds the end. */
void feed_close(struct feed *feed);

/* Any thread. Does anybody listen to the topic, so that an item is worth making? */
bool feed_listened(struct feed *feed, const char *topic);
/* Any thread. The bits that the topic's listeners asked for with feed_want(): items made only for them. */
uint64_t feed_wanted(struct feed *feed, const char *topic);
/* NULL: no memory. The texts are copied; about may be NULL. */
struct feed_item *feed_item_new(struct feed *feed, const char *topic, const char *id, const char *type, const char *about, const char *text) WARN_UNUSED;
/* Any thread. To all who listen to its topic; the item is the feed's from then on. */
void feed_publish(struct feed_item *item);

/*
 * Listen from now on, or from after the item `last_id`; where that is no longer kept, feed_read()
 * says FEED_MISSED first. A topic may have 50 of the 500 listeners, and one user 20 of it: the user's
 * oldest is ended for a newer one.
 * wake is called once each time feed_read() had said FEED_WAIT and that is
 * over, under a lock: it must not call the feed. NULL: *why tells.
 */
struct feed_request {
	const char *topic, *who; /* who: the user or API key */
	const char *last_id;     /* NULL: from now on */
};
enum feed_refusal { FEED_ROOM, FEED_ALL_FULL, FEED_TOPIC_FULL, FEED_NO_MEMORY };
struct feed_listener *feed_listen(struct feed *feed, const struct feed_request *asked,
				  void (*wake)(void *arg), void *arg,
				  enum feed_refusal *why) WARN_UNUSED;
void feed_want(struct feed_listener *l, uint64_t wants);
/* What was missed is kept for a minute for one who comes back. */
void feed_leave(struct feed_listener *l);

enum feed_result { FEED_ITEM, FEED_MISSED, FEED_IDLE, FEED_WAIT, FEED_END };
/*
 * The next item, told to `take` under a lock. FEED_WAIT: there is none, and `wait` was called under
 * the lock before that was promised; FEED_IDLE: nothing came for a while (see feed_tick()).
 */
enum feed_result feed_read(struct feed_listener *l, void (*take)(void *arg, const struct feed_item *item), void (*wait)(void *arg), void *arg);
/* Every few seconds: wakes those to whom nothing was told for 15 seconds, forgets those who left. */
void feed_tick(struct feed *feed, int64_t now_ms);

#endif
