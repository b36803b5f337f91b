/*
 * tags/custom.h: custom data, the fields of incoming webhooks that no tag takes, as a call keeps them. Pure.
 *
 * As it is stored: {"name": {"v": value, "at": ms since the epoch, when the sender said it}}.
 * As it is shown:  {"name": value}.
 */
#ifndef TAGS_CUSTOM_H
#define TAGS_CUSTOM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CUSTOM_DATA_MAX (64 * 1024) /* bytes of a call's custom data, as it is shown */

/* What is shown in the place of a value that came with a value of a sensitive tag. */
#define CUSTOM_DATA_MASK "********"

/* Stored to shown. New reference; NULL without memory. */
json_t *custom_data_shown(json_t *stored);
/* The same as JSON text; free() it. NULL without memory. */
char *custom_data_text(json_t *stored);

/*
 * Add fields to what is stored. null takes a field out. What was said later stays, and what would
 * make the whole larger than CUSTOM_DATA_MAX is left out.
 *
 * given    {"name": value}
 * refused  an array that gets {"field","detail"} of what was not taken, or NULL
 *
 * Returns whether anything changed.
 */
bool custom_data_merge(json_t *stored, json_t *given, int64_t at_ms, json_t *refused);

#endif
