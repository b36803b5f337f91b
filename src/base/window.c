#include "base/window.h"
#include <stdlib.h>

/* A ring of times, oldest first. Their lowest 32 bits are enough: 49 days, and a window is one. */
struct window {
	uint64_t key; /* 0: free */
	int64_t last_ms, until_ms; /* the last one that was taken; nothing counts from then on */
	uint32_t *times;
	size_t first, count, room;
};

static struct window *place(struct window *list, size_t size, uint64_t key)
{
	size_t i = key & (size - 1);
	while (list[i].key && list[i].key != key)
		i = (i + 1) & (size - 1);
	return &list[i];
}

/* Large enough that at most half is used by those whose window has not passed. */
static bool make_anew(struct windows *w, int64_t now_ms)
{
	size_t live = 1, size = 64, used = 0;
	for (size_t i = 0; i < w->size; i++)
		live += w->list[i].key && w->list[i].until_ms > now_ms;
	while (size < live * 2)
		size *= 2;
	struct window *list = calloc(size, sizeof *list);
	if (!list)
		return false;
	for (size_t i = 0; i < w->size; i++) {
		struct window *one = &w->list[i];
		if (one->key && one->until_ms > now_ms) {
			*place(list, size, one->key) = *one;
			used++;
		} else {
			free(one->times);
		}
	}
	free(w->list);
	*w = (struct windows){list, size, used};
	return true;
}

static struct window *find_or_add(struct windows *w, uint64_t key, int64_t now_ms)
{
	struct window *one = w->size ? place(w->list, w->size, key) : NULL;
	if (one && one->key)
		return one;
	if ((w->used + 1) * 4 > w->size * 3 && !make_anew(w, now_ms))
		return NULL;
	one = place(w->list, w->size, key);
	one->key = key;
	one->last_ms = now_ms;
	one->until_ms = now_ms;
	w->used++;
	return one;
}

/* The i-th of its times, the oldest being 0. */
static uint32_t time_at(const struct window *one, size_t i)
{
	size_t at = one->first + i;
	return one->times[at < one->room ? at : at - one->room];
}

/* How many of the first ones no longer count. */
static size_t count_passed(const struct window *one, int64_t span_ms, int64_t now_ms)
{
	size_t n = 0;
	while (n < one->count && (uint32_t)now_ms - time_at(one, n) >= (uint32_t)span_ms)
		n++;
	return n;
}

static bool make_room(struct window *one, size_t most)
{
	if (one->count < one->room)
		return true;
	size_t room = one->room ? one->room * 2 : 2;
	room = room < most ? room : most;
	uint32_t *times = malloc(room * sizeof *times);
	if (!times)
		return false;
	for (size_t i = 0; i < one->count; i++)
		times[i] = time_at(one, i);
	free(one->times);
	one->times = times;
	one->first = 0;
	one->room = room;
	return true;
}

bool windows_take(struct windows *w, uint64_t key, size_t most, int64_t span_ms, int64_t now_ms)
{
	struct window *one = find_or_add(w, key, now_ms);
	if (!one)
		return false;
	now_ms = now_ms > one->last_ms ? now_ms : one->last_ms;
	size_t passed = one->until_ms <= now_ms ? one->count : count_passed(one, span_ms, now_ms);
	one->first = one->room ? (one->first + passed) % one->room : 0;
	one->count -= passed;
	if (one->count >= most || !make_room(one, most))
		return false;
	one->times[(one->first + one->count++) % one->room] = (uint32_t)now_ms;
	one->last_ms = now_ms;
	one->until_ms = now_ms + span_ms;
	return true;
}

bool windows_are_full(const struct windows *w, uint64_t key, size_t most, int64_t span_ms,
		      int64_t now_ms)
{
	const struct window *one = w->size ? place(w->list, w->size, key) : NULL;
	if (!one || !one->key)
		return most == 0;
	now_ms = now_ms > one->last_ms ? now_ms : one->last_ms;
	return one->until_ms > now_ms && one->count - count_passed(one, span_ms, now_ms) >= most;
}

void windows_free(struct windows *w)
{
	for (size_t i = 0; i < w->size; i++)
		free(w->list[i].times);
	free(w->list);
	*w = (struct windows){0};
}
