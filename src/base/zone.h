/* base/zone.h: time zones by their IANA names, from ICU's data. Thread-safe. */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct zone; /* found once, there for as long as the process */

/* "America/Chicago"; NULL when there is no such zone. */
const struct zone *zone_find(const char *name);
const char *zone_name(const struct zone *zone);
/* What is added to UTC there at that time (milliseconds since the Unix epoch). NULL is UTC. Pure. */
int32_t zone_offset_seconds(const struct zone *zone, int64_t ms);
/* What the clocks there show: minutes since Monday 00:00. Pure. */
int zone_week_minute(const struct zone *zone, int64_t ms);
/* The one zone of a country (ISO 3166), or the first of several that keep the same time; "" for the others. */
const char *zone_of_country(const char *country);

#ifdef __cplusplus
}
#endif
#endif
