/* model/target.h: what targets of every kind have: the rules by which they get calls. Pure. */
#ifndef MODEL_TARGET_H
#define MODEL_TARGET_H

#include "model/dtmf.h"
#include "model/prompt.h"
#include "model/schedule.h"

extern const struct field target_caps_fields[], target_limit_fields[];
extern const char *const target_revenue_choices[];
extern const struct label target_revenue_labels[];

/* Lines of a table of fields. */
#define TARGET_RULES \
	{"filter", FIELD_FILTER, .help = "Only calls that pass are sent here."}, \
	{"timeout_seconds", FIELD_INTEGER, .min = 1, .max = 300, .title = "Ring time (s)", \
	 .help = "How long it rings. Empty: as the routing plan says."}, \
	{"schedule", FIELD_OBJECT, .fields = schedule_fields, \
	 .help = "When it takes calls. Empty: always."}, \
	{"caps", FIELD_OBJECT, .fields = target_caps_fields, \
	 .help = "Most calls it gets. Connected and ringing calls count."}, \
	{"concurrency", FIELD_INTEGER, .min = 1, .max = 100000, .title = "Concurrent calls", \
	 .help = "Most calls at the same time, ringing ones included. Empty: no limit."}, \
	{"limits", FIELD_OBJECT, FIELD_LIST, .max = 200, .initial = "[]", \
	 .fields = target_limit_fields, \
	 .title = "Limits by campaign or publisher", .item = "Limit", \
	 .help = "Further limits for the calls of a campaign, of a publisher, or of both."}, \
	{"whisper", FIELD_OBJECT, .fields = prompt_fields, \
	 .help = "Played to the person who answers before the caller is connected. A flow's dial " \
		 "node may have its own."}, \
	{"accept_key", FIELD_ENUM, .choices = prompt_keys, \
	 .help = "The person answering must press this key within 10 s after the whisper; " \
		 "otherwise the next target is tried. Empty: answering is enough."}, \
	{"no_repeats_days", FIELD_INTEGER, .min = 1, .max = 365, \
	 .title = "Do not repeat callers for (days)", \
	 .help = "A caller who was connected here is not sent here again for this long. Empty: " \
		 "no restriction."}

#define TARGET_ONCE \
	{"once_days", FIELD_INTEGER, .min = 1, .max = 365, \
	 .title = "Charge a caller once in (days)", \
	 .help = "Charge for a caller once within this many days. Empty: every call is charged."}
/* Header fields of an INVITE: of a target, a trunk. sip_headers_check() says what is wrong. */
#define SIP_HEADERS \
	{"headers", FIELD_OBJECT, FIELD_LIST, .max = 20, .initial = "[]", \
	 .title = "SIP headers", .item = "SIP header", \
	 .help = "Header fields of the INVITE. Sensitive tags are left out of them.", \
	 .fields = (const struct field[]){ \
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 64, \
		 .help = "Such as X-Lead."}, \
		{"value", FIELD_TEMPLATE, FIELD_REQUIRED, .min = 1, .max = 1000, \
		 .help = "May contain [TOKENS]."}, \
		{0}, \
	 }}
/* pointer: of the list. */
void sip_headers_check(json_t *list, const char *pointer, struct errors *errors);

#define TARGET_SWITCHES \
	SIP_HEADERS, \
	{"send_tags", FIELD_BOOLEAN, .initial = "false", \
	 .help = "The INVITE carries the call's tags as X-Tag-<name> headers."}, \
	DTMF_FIELD(" For a phone number, the trunk's setting applies."), \
	{"enabled", FIELD_BOOLEAN, .initial = "true", .help = "A disabled target gets no calls."}

/* Of those rules, what their fields alone do not say. */
void target_check_rules(json_t *doc, struct errors *errors);

#endif
