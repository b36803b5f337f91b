/* model/words.h: API names as people read them. Pure. */
#ifndef MODEL_WORDS_H
#define MODEL_WORDS_H

#include <stddef.h>

#define WORDS_SIZE 80

/*
 * A name in sentence case: "options_interval_seconds" is "Options interval (s)", "sip_header" "SIP header",
 * "routing_plan_id" "Routing plan", "target_ids" "Targets", "created_at" "Created", "call.completed"
 * "Call completed". Cut at WORDS_SIZE. Returns out.
 */
const char *words_title(const char *name, char out[WORDS_SIZE]);

/* The same within a sentence: "routing plan", "RTB target". Returns out. */
const char *words_lower(const char *name, char out[WORDS_SIZE]);

/* One of what a title names: "Branches" is "Branch", "Entries" "Entry", "Sources" "Source". Returns out. */
const char *words_singular(const char *title, char out[WORDS_SIZE]);

#endif
