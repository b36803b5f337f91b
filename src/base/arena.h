/* base/arena.h: memory that is freed all at once, as a call's is. Not thread-safe. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/result.h"
#include <stddef.h>

struct arena_block;
struct arena {
	struct arena_block *head;
	size_t total; /* bytes taken from malloc */
};

/* Zeroed memory, aligned for any type; NULL when there is none. */
void *arena_alloc(struct arena *a, size_t size) WARN_UNUSED;
char *arena_strndup(struct arena *a, const char *s, size_t len) WARN_UNUSED;
char *arena_strdup(struct arena *a, const char *s) WARN_UNUSED; /* NULL gives NULL */
void arena_free(struct arena *a);

#endif
