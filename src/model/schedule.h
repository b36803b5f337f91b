/* model/schedule.h: opening hours as a document: {time_zone, weekly[], holidays[]}. Pure. */
#ifndef MODEL_SCHEDULE_H
#define MODEL_SCHEDULE_H

#include "model/schema.h"

extern const struct field schedule_fields[];

#endif
