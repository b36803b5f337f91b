#include "http/deadline.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <utlist.h>

#define IDLE_SECONDS 30 /* that a connection may wait between two requests */
#define BYTES_PER_SECOND 1024

struct deadline {
	int socket;
	_Atomic int64_t at_ms; /* 0: nothing is being read */
	struct deadline *prev, *next;
};

struct deadlines {
	pthread_mutex_t lock; /* of the list, and against a socket that is closed while it is shut down */
	struct deadline *all;
	int64_t limit_ms;
};

struct deadlines *deadlines_create(int seconds)
{
	struct deadlines *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	pthread_mutex_init(&d->lock, NULL);
	d->limit_ms = seconds * 1000LL;
	return d;
}

void deadlines_destroy(struct deadlines *d)
{
	if (!d)
		return;
	pthread_mutex_destroy(&d->lock);
	free(d);
}

struct deadline *deadline_new(struct deadlines *d, int socket, int64_t now_ms)
{
	struct deadline *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->socket = socket;
	c->at_ms = now_ms + d->limit_ms;
	pthread_mutex_lock(&d->lock);
	DL_APPEND(d->all, c);
	pthread_mutex_unlock(&d->lock);
	return c;
}

void deadline_free(struct deadlines *d, struct deadline *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&d->lock);
	DL_DELETE(d->all, c);
	pthread_mutex_unlock(&d->lock);
	free(c);
}

void deadline_headers(const struct deadlines *d, struct deadline *c, int64_t now_ms)
{
	if (c)
		c->at_ms = now_ms + d->limit_ms;
}

void deadline_body(const struct deadlines *d, struct deadline *c, size_t bytes, int64_t now_ms)
{
	if (!c)
		return;
	int64_t at = c->at_ms + (int64_t)bytes * 1000 / BYTES_PER_SECOND;
	c->at_ms = at < now_ms + d->limit_ms ? at : now_ms + d->limit_ms;
}

void deadline_none(struct deadline *c)
{
	if (c)
		c->at_ms = 0;
}

void deadline_next(const struct deadlines *d, struct deadline *c, int64_t now_ms)
{
	if (c)
		c->at_ms = now_ms + IDLE_SECONDS * 1000 + d->limit_ms;
}

void deadlines_enforce(struct deadlines *d, int64_t now_ms)
{
	struct deadline *c;
	pthread_mutex_lock(&d->lock);
	DL_FOREACH(d->all, c) {
		int64_t at = c->at_ms;
		if (at && at < now_ms)
			shutdown(c->socket, SHUT_RDWR); /* libmicrohttpd then sees its end, and closes it */
	}
	pthread_mutex_unlock(&d->lock);
}
