/* event/values.h: the values of a call as its log says them, for filters and templates outside of a live call. Pure. */
#ifndef EVENT_VALUES_H
#define EVENT_VALUES_H

#include "config/config.h"
#include <jansson.h>

struct event_values {
	struct arena arena; /* the texts'; free with arena_free() */
	struct expr_env env;
	struct value call[CALL_FIELD_COUNT];
};

/* call: as /calls/{id} has it; outlives the values. */
void event_values_read(struct event_values *v, const struct organization *o, json_t *call, int64_t now_ms);

#endif
