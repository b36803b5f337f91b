#include "http/body.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static bool take(_Atomic size_t *sum, size_t bytes, size_t most)
{
	size_t before = atomic_fetch_add(sum, bytes);
	if (before <= most && bytes <= most - before)
		return true;
	atomic_fetch_sub(sum, bytes);
	return false;
}

bool body_reserve(struct body *body, struct bodies *all, size_t bytes)
{
	if (!take(&all->all, bytes, BODIES_MAX))
		return false;
	if (body->stranger && !take(&all->strangers, bytes, BODIES_STRANGERS_MAX)) {
		atomic_fetch_sub(&all->all, bytes);
		return false;
	}
	body->taken += bytes;
	return true;
}

void body_free(struct body *body, struct bodies *all)
{
	free(body->data);
	atomic_fetch_sub(&all->all, body->taken);
	if (body->stranger)
		atomic_fetch_sub(&all->strangers, body->taken);
	body->data = NULL;
	body->len = body->cap = body->taken = 0;
}

static void give_up(struct body *body, struct bodies *all, enum body_state why)
{
	body_free(body, all);
	body->state = why;
}

/* Twice what is needed, so that a body of many pieces is copied a few times only. */
static bool grow(struct body *body, struct bodies *all, size_t needed)
{
	size_t cap = needed * 2 < body->max + 1 ? needed * 2 : body->max + 1;
	if (needed <= body->cap)
		return true;
	if (!body_reserve(body, all, cap - body->cap))
		return false;
	char *grown = realloc(body->data, cap); /* what was reserved is given back with the body */
	if (!grown)
		return false;
	body->data = grown;
	body->cap = cap;
	return true;
}

void body_add(struct body *body, struct bodies *all, const char *data, size_t len)
{
	if (body->state != BODY_OK)
		return;
	if (len > body->max - body->len) {
		give_up(body, all, BODY_TOO_LARGE);
		return;
	}
	if (!grow(body, all, body->len + len + 1)) {
		give_up(body, all, BODY_NO_ROOM);
		return;
	}
	memcpy(body->data + body->len, data, len);
	body->len += len;
	body->data[body->len] = '\0';
}
