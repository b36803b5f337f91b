/* model/target.h: what targets of every kind have: the rules by which they get calls. Pure. */
#ifndef MODEL_TARGET_H
#define MODEL_TARGET_H

#include "model/prompt.h"
#include "model/schedule.h"

extern const struct field target_caps_fields[], target_limit_fields[];

/* Lines of a table of fields. */
#define TARGET_RULES \
	{"filter", FIELD_FILTER, .help = "Only calls that pass are sent here."}, \
	{"timeout_seconds", FIELD_INTEGER, .min = 1, .max = 300, .help = "How long it rings; empty: the plan's."}, \
	{"schedule", FIELD_OBJECT, .fields = schedule_fields, .help = "When it takes calls; empty: always."}, \
	{"caps", FIELD_OBJECT, .fields = target_caps_fields, .help = "How many calls it gets at most: those that it was connected with count, and those that ring there."}, \
	{"concurrency", FIELD_INTEGER, .min = 1, .max = 100000, .help = "Calls at the same time, ringing ones included. Empty: no limit."}, \
	{"limits", FIELD_OBJECT, FIELD_LIST, .max = 200, .initial = "[]", .fields = target_limit_fields, .help = "Further limits, for the calls of a campaign, of a publisher, or of both."}, \
	{"whisper", FIELD_OBJECT, .fields = prompt_fields, .help = "What who answers hears before the caller is connected; a flow's dial may have its own instead."}, \
	{"accept_key", FIELD_ENUM, .choices = prompt_keys, .help = "Who answers takes the call by pressing this key, within ten seconds after the whisper; else the next target is tried. Empty: answering is enough."}, \
	{"no_repeats_days", FIELD_INTEGER, .min = 1, .max = 365, .help = "A caller who was connected with it within so many days is not sent here again. Empty: always."}

#define TARGET_ONCE {"once_days", FIELD_INTEGER, .min = 1, .max = 365, .help = "A caller whose call was paid for within so many days is not charged again. Empty: each call is."}
#define TARGET_SWITCHES \
	{"send_tags", FIELD_BOOLEAN, .initial = "false", .help = "Its INVITE carries the call's tags as X-Tag-<name>."}, \
	{"enabled", FIELD_BOOLEAN, .initial = "true", .help = "A disabled target gets no calls."}

/* Of those rules, what their fields alone do not say. */
void target_check_rules(json_t *doc, struct errors *errors);

#endif
