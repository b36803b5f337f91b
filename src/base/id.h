/* base/id.h: "<prefix>_<26-character ULID>" (48 bits of milliseconds, 80 random). */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/result.h"
#include <stddef.h>
#include <stdint.h>

#define ID_SIZE 40

/* Writes a new id; ids made in one process sort in the order they were made,
 * to the millisecond. Returns out. Thread-safe. */
const char *id_new(const char *prefix, char out[ID_SIZE]);
/* What sorts before every id made at that time (ms since the epoch) or later, and after all earlier ones. */
void id_from_time(const char *prefix, int64_t ms, char out[ID_SIZE]);
/* Does text look like an id with this prefix? Pure. */
bool id_is(const char *prefix, const char *text);

#endif
