/*
 * base/window.h: how often something happened lately, by key: exact sliding windows. What counts is
 * what was taken; what was refused is not. Not thread-safe.
 *
 * A key keeps the times of what it took, as many as are allowed at most (4 bytes each). Keys whose
 * window has passed are dropped when the table would grow, so it is as large as the keys of one
 * window ask for.
 */
#ifndef BASE_WINDOW_H
#define BASE_WINDOW_H

#include "base/result.h"
#include <stddef.h>
#include <stdint.h>

#define WINDOW_MS_MAX INT64_C(86400000)

struct window;
struct windows { /* {0}: empty */
	struct window *list;
	size_t size, used;
};

/*
 * Take one more for the key, unless it has taken `most` within the last span_ms milliseconds.
 *
 * key       not 0; keys that are the same share a window
 * span_ms   at most WINDOW_MS_MAX; what was taken exactly that long ago no longer counts
 * now_ms    of a steady clock; earlier than the key's last: as if it were that
 *
 * false: it is refused, or there is no memory to remember it.
 */
bool windows_take(struct windows *w, uint64_t key, size_t most, int64_t span_ms,
		  int64_t now_ms) WARN_UNUSED;
/* Would windows_take() refuse it? Nothing is changed. */
bool windows_are_full(const struct windows *w, uint64_t key, size_t most, int64_t span_ms,
		      int64_t now_ms);
void windows_free(struct windows *w);

#endif
