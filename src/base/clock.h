/* base/clock.h: the two clocks, and RFC 3339 text. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RFC3339_SIZE 32

int64_t clock_now_ms(void);       /* since the Unix epoch, UTC */
int64_t clock_now_us(void);       /* likewise */
int64_t clock_monotonic_ms(void); /* for durations and timers */
int64_t clock_monotonic_us(void);

/* A moment, as both clocks showed it. */
struct clock_moment {
	int64_t wall_ms, monotonic_ms;
};
struct clock_moment clock_moment(void);
/*
 * The wall clock's time at a monotonic time, as if nobody had set the wall clock since the moment:
 * the difference of two such times is a duration. Pure.
 */
int64_t clock_steady_ms(struct clock_moment since, int64_t monotonic_ms);

/* "2026-11-23T21:00:00.123Z" into out; returns out. Pure. */
const char *clock_rfc3339(int64_t ms, char out[RFC3339_SIZE]);
/* RFC 3339 date-time, its offset also as ISO 8601 writes it (+0100, +01), or a bare date. Pure. */
bool clock_parse_rfc3339(const char *text, size_t len, int64_t *ms);

#endif
