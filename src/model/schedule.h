/* model/schedule.h: opening hours as a document: {time_zone, weekly[], holidays[]}. Pure. */
#ifndef MODEL_SCHEDULE_H
#define MODEL_SCHEDULE_H

#include "model/schema.h"

extern const struct field schedule_fields[];

/* What the table cannot say. pointer: where the schedule, valid by the table, stands. */
void schedule_check(json_t *schedule, const char *pointer, struct errors *errors);

#endif
