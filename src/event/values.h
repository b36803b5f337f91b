/* event/values.h: the values of a call as its log says them, and of an event, for filters and templates
 * outside of a live call. Pure. */
#ifndef EVENT_VALUES_H
#define EVENT_VALUES_H

#include "config/config.h"
#include "expr/token.h"
#include <jansson.h>

#define EVENT_FIELDS_MAX 100 /* of [EVENT.name] in one request */

struct event_values {
	struct arena arena; /* the texts'; free with arena_free() */
	struct expr_env env;
	struct expr_custom custom;
	struct value call[CALL_FIELD_COUNT];
	char key[CALL_KEY_SIZE]; /* the call's */
};

/* call: as /calls/{id} has it; outlives the values. */
void event_values_read(struct event_values *v, const struct organization *o, json_t *call, int64_t now_ms);

/* What a template of an outgoing webhook may name besides: event_tokens. */
struct event_names {
	const struct organization *organization;
	json_t *event; /* the envelope; NULL: there is none, and the names are only checked */
	struct arena *arena;
	size_t fields; /* how many [EVENT.name] were named so far */
	struct value values[EVENT_TOKEN_FIELD + EVENT_FIELDS_MAX];
};

/* v: the values of the event's call, read before; what its names stand for is added to them. NULL: only for a check. */
void event_names_read(struct event_names *n, const struct organization *o, json_t *event, struct event_values *v);
/* For templates that are compiled while n is there. A tag goes before a name of the event. */
struct expr_scope event_scope(struct event_names *n);

#endif
