/* expr/schedule.h: is it open? A checked schedule document, compiled. Pure. */
#ifndef EXPR_SCHEDULE_H
#define EXPR_SCHEDULE_H

#include "base/arena.h"
#include "base/zone.h"
#include <jansson.h>

struct schedule; /* immutable, in the arena it was compiled into */

enum schedule_state { SCHEDULE_OPEN, SCHEDULE_CLOSED, SCHEDULE_HOLIDAY };

/* json has passed schedule_fields. NULL: no memory. */
struct schedule *schedule_compile(json_t *json, struct arena *arena) WARN_UNUSED;
const struct zone *schedule_zone(const struct schedule *schedule);

/*
 * At that time (milliseconds since the Unix epoch), on the clocks of a zone. Hours belong to the
 * day on which they begin. A holiday's own hours replace the weekly ones that begin on its day, and
 * may pass midnight; the hours of an ordinary day before it end at its midnight.
 * holiday: the name of the holiday that decided, "" when it has none; or NULL for not asked.
 */
enum schedule_state schedule_at(const struct schedule *schedule, const struct zone *zone, int64_t ms, const char **holiday);

#endif
