#include "base/feed.h"
#include "base/clock.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 1024
#define LISTENERS_MAX 500
#define TOPIC_LISTENERS_MAX 50 /* of one organization */
#define OWN_LISTENERS_MAX 20   /* of one user or API key */
#define IDLE_MS 15000
#define LINGER_MS 60000

struct feed_listener {
	struct feed_listener *next;
	struct feed *feed;
	char topic[40], who[64];
	uint64_t at; /* the number of the next item */
	int64_t told_ms, left_ms; /* left_ms: 0 while it listens */
	bool waiting, missed, idle, ended;
	uint64_t wants;
	void (*wake)(void *arg);
	void *arg;
};

struct feed {
	pthread_mutex_t lock;
	struct feed_item *items[KEPT]; /* by number; NULL: dropped */
	uint64_t end;                  /* the number that the next item gets */
	struct feed_listener *listeners;
	size_t count;
	_Atomic bool any, closed;
};

struct feed *feed_create(void)
{
	struct feed *f = calloc(1, sizeof *f);
	if (f)
		pthread_mutex_init(&f->lock, NULL);
	return f;
}

void feed_destroy(struct feed *f)
{
	if (!f)
		return;
	for (struct feed_listener *l = f->listeners, *next; l; l = next) {
		next = l->next;
		free(l);
	}
	for (size_t i = 0; i < KEPT; i++)
		free(f->items[i]);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static void wake(struct feed_listener *l)
{
	if (!l->waiting)
		return;
	l->waiting = false;
	l->wake(l->arg);
}

void feed_close(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	f->closed = true;
	for (struct feed_listener *l = f->listeners; l; l = l->next)
		wake(l);
	pthread_mutex_unlock(&f->lock);
}

static bool listened(const struct feed *f, const char *topic)
{
	for (const struct feed_listener *l = f->listeners; l; l = l->next)
		if (strcmp(l->topic, topic) == 0)
			return true;
	return false;
}

bool feed_listened(struct feed *f, const char *topic)
{
	if (!f->any)
		return false;
	pthread_mutex_lock(&f->lock);
	bool is = listened(f, topic);
	pthread_mutex_unlock(&f->lock);
	return is;
}

uint64_t feed_wanted(struct feed *f, const char *topic)
{
	uint64_t wanted = 0;
	if (!f->any)
		return 0;
	pthread_mutex_lock(&f->lock);
	for (const struct feed_listener *l = f->listeners; l; l = l->next)
		if (strcmp(l->topic, topic) == 0)
			wanted |= l->wants;
	pthread_mutex_unlock(&f->lock);
	return wanted;
}

struct feed_item *feed_item_new(struct feed *f, const char *topic, const char *id, const char *type, const char *about, const char *text)
{
	size_t n = strlen(text) + 1;
	struct feed_item *item = malloc(sizeof *item + n);
	if (!item)
		return NULL;
	item->next = NULL;
	item->feed = f;
	snprintf(item->topic, sizeof item->topic, "%s", topic);
	snprintf(item->id, sizeof item->id, "%s", id);
	snprintf(item->type, sizeof item->type, "%s", type);
	snprintf(item->about, sizeof item->about, "%s", about ? about : "");
	item->newer[0] = '\0';
	memcpy(item->text, text, n);
	return item;
}

void feed_publish(struct feed_item *item)
{
	struct feed *f = item->feed;
	pthread_mutex_lock(&f->lock);
	if (!listened(f, item->topic)) {
		free(item);
	} else {
		free(f->items[f->end % KEPT]);
		f->items[f->end++ % KEPT] = item;
		for (struct feed_listener *l = f->listeners; l; l = l->next)
			if (strcmp(l->topic, item->topic) == 0)
				wake(l);
	}
	pthread_mutex_unlock(&f->lock);
}

static uint64_t oldest(const struct feed *f)
{
	return f->end > KEPT ? f->end - KEPT : 0;
}

/* May one more listen? */
static enum feed_refusal room_for(const struct feed *f, const struct feed_listener *one)
{
	size_t of_topic = 0;
	for (const struct feed_listener *l = f->listeners; l; l = l->next)
		of_topic += !l->left_ms && !l->ended && strcmp(l->topic, one->topic) == 0;
	if (f->count >= LISTENERS_MAX)
		return FEED_ALL_FULL;
	return of_topic >= TOPIC_LISTENERS_MAX ? FEED_TOPIC_FULL : FEED_ROOM;
}

/*
 * End the listener's oldest stream where it has as many as one may have. The oldest is most likely one
 * whose client went away: that is noticed only when something is sent.
 */
static void end_oldest_own(struct feed *f, const struct feed_listener *one)
{
	struct feed_listener *oldest = NULL;
	size_t own = 0;
	for (struct feed_listener *l = f->listeners; l; l = l->next) { /* the newest first */
		bool same = strcmp(l->topic, one->topic) == 0 && strcmp(l->who, one->who) == 0;
		if (l->left_ms || l->ended || !same)
			continue;
		own++;
		oldest = l;
	}
	if (own < OWN_LISTENERS_MAX)
		return;
	oldest->ended = true;
	wake(oldest);
}

struct feed_listener *feed_listen(struct feed *f, const struct feed_request *asked,
				  void (*wake_f)(void *arg), void *arg, enum feed_refusal *why)
{
	struct feed_listener *l = calloc(1, sizeof *l);
	const char *topic = asked->topic, *last_id = asked->last_id;
	*why = FEED_NO_MEMORY;
	if (!l)
		return NULL;
	snprintf(l->who, sizeof l->who, "%s", asked->who);
	snprintf(l->topic, sizeof l->topic, "%s", topic);
	l->feed = f;
	l->wake = wake_f;
	l->arg = arg;
	l->told_ms = clock_now_ms();
	pthread_mutex_lock(&f->lock);
	l->at = f->end;
	l->missed = last_id && *last_id;
	for (uint64_t i = oldest(f); l->missed && i < f->end; i++) {
		const struct feed_item *item = f->items[i % KEPT];
		if (item && strcmp(item->id, last_id) == 0 && strcmp(item->topic, topic) == 0) {
			l->at = i + 1;
			l->missed = false;
		}
	}
	end_oldest_own(f, l);
	*why = room_for(f, l);
	bool room = *why == FEED_ROOM;
	if (room) {
		l->next = f->listeners;
		f->listeners = l;
		f->count++;
		f->any = true;
	}
	pthread_mutex_unlock(&f->lock);
	if (room)
		return l;
	free(l);
	return NULL;
}

void feed_want(struct feed_listener *l, uint64_t wants)
{
	pthread_mutex_lock(&l->feed->lock);
	l->wants = wants;
	pthread_mutex_unlock(&l->feed->lock);
}

/* Of those that have left a topic, the last is enough to keep it: clients may come and go often. */
static void forget_earlier(struct feed *f, struct feed_listener *last)
{
	for (struct feed_listener **at = &f->listeners, *l; (l = *at);) {
		if (!l->left_ms || l == last || strcmp(l->topic, last->topic) != 0) {
			at = &l->next;
			continue;
		}
		last->wants |= l->wants;
		*at = l->next;
		free(l);
	}
}

void feed_leave(struct feed_listener *l)
{
	struct feed *f = l->feed;
	pthread_mutex_lock(&f->lock);
	forget_earlier(f, l);
	l->left_ms = clock_now_ms();
	l->waiting = false;
	f->count--;
	pthread_mutex_unlock(&f->lock);
}

static enum feed_result next(struct feed_listener *l, void (*take)(void *arg, const struct feed_item *item), void (*wait)(void *arg), void *arg)
{
	struct feed *f = l->feed;
	if (f->closed || l->ended)
		return FEED_END;
	if (l->at < oldest(f)) {
		l->at = oldest(f);
		l->missed = true;
	}
	if (l->missed) {
		l->missed = false;
		return FEED_MISSED;
	}
	for (; l->at < f->end; l->at++) {
		const struct feed_item *item = f->items[l->at % KEPT];
		if (!item || strcmp(item->topic, l->topic) != 0)
			continue;
		take(arg, item);
		l->at++;
		return FEED_ITEM;
	}
	if (l->idle) {
		l->idle = false;
		return FEED_IDLE;
	}
	l->waiting = true;
	wait(arg);
	return FEED_WAIT;
}

enum feed_result feed_read(struct feed_listener *l, void (*take)(void *arg, const struct feed_item *item), void (*wait)(void *arg), void *arg)
{
	pthread_mutex_lock(&l->feed->lock);
	enum feed_result result = next(l, take, wait, arg);
	if (result != FEED_WAIT)
		l->told_ms = clock_now_ms();
	pthread_mutex_unlock(&l->feed->lock);
	return result;
}

/* What is kept for a topic that nobody listens to would have holes. */
static void drop_topic(struct feed *f, const char *topic)
{
	for (size_t i = 0; i < KEPT; i++) {
		if (!f->items[i] || strcmp(f->items[i]->topic, topic) != 0)
			continue;
		free(f->items[i]);
		f->items[i] = NULL;
	}
}

void feed_tick(struct feed *f, int64_t now_ms)
{
	pthread_mutex_lock(&f->lock);
	for (struct feed_listener **at = &f->listeners, *l = *at; l; l = *at) {
		if (l->left_ms && now_ms - l->left_ms >= LINGER_MS) {
			*at = l->next;
			if (!listened(f, l->topic))
				drop_topic(f, l->topic);
			free(l);
			continue;
		}
		if (l->waiting && now_ms - l->told_ms >= IDLE_MS) {
			l->idle = true;
			wake(l);
		}
		at = &l->next;
	}
	f->any = f->listeners != NULL;
	pthread_mutex_unlock(&f->lock);
}
