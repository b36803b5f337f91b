#include "model/resource.h"
#include <string.h>

#define PAY(what) \
	{"payout", FIELD_MONEY, .help = what}, \
	{"payout_percent", FIELD_MONEY, .max = 100, \
	 .help = "Share of the call's revenue, such as 62.5, instead of an amount."}
#define TIERS \
	{"payout_tiers", FIELD_OBJECT, FIELD_LIST, .max = 50, .initial = "[]", .item = "Tier", \
	 .help = "Other payouts by talk time, or for calls that pass a filter. The last tier " \
		 "that applies counts.", \
	 .fields = (const struct field[]){ \
		 {"after_seconds", FIELD_INTEGER, .min = 0, .max = 86400, .initial = "0", \
		  .title = "From talk time (s)", \
		  .help = "Applies from this many seconds of talk."}, \
		 {"filter", FIELD_FILTER, .help = "Only calls that pass."}, \
		 PAY("Amount paid for the call."), \
		 {0}, \
	 }}
#define CONVERSION(when) \
	{"conversion", FIELD_OBJECT, .help = when, \
	 .fields = (const struct field[]){ \
		 {"after_seconds", FIELD_INTEGER, FIELD_REQUIRED, .min = 0, .max = 86400, \
		  .title = "Talk time (s)", \
		  .help = "Seconds the caller must be connected to a target."}, \
		 {"filter", FIELD_FILTER, \
		  .help = "Only calls that pass. Checked until the call ends, and again when a " \
			 "tag arrives later."}, \
		 {0}, \
	 }}

/* An amount or a share, not both; a tier needs one of them. */
static void check_pay(json_t *doc, const char *at, bool needed, struct errors *errors)
{
	bool amount = json_is_string(json_object_get(doc, "payout")), percent = json_is_string(json_object_get(doc, "payout_percent"));
	char pointer[80];
	snprintf(pointer, sizeof pointer, "%s/payout_percent", at);
	if (amount && percent)
		errors_add(errors, pointer,
			   "an amount is already set: use either an amount or a percentage");
	else if (needed && !amount && !percent)
		errors_add(errors, at, "needs a payout, as an amount or as a percentage");
}

static void check_terms(json_t *doc, const char *at, struct errors *errors)
{
	json_t *tier;
	size_t i;
	char pointer[60];
	check_pay(doc, at, false, errors);
	json_array_foreach(json_object_get(doc, "payout_tiers"), i, tier) {
		snprintf(pointer, sizeof pointer, "%s/payout_tiers/%zu", at, i);
		check_pay(tier, pointer, true, errors);
	}
}

static void check_publishers(json_t *list, struct errors *errors)
{
	json_t *item, *known = json_object();
	size_t i;
	char pointer[40];
	json_array_foreach(list, i, item) {
		const char *id = json_string_value(json_object_get(item, "publisher_id"));
		snprintf(pointer, sizeof pointer, "/publishers/%zu", i);
		if (id && json_object_get(known, id))
			errors_add(errors, pointer, "the publisher already has an entry");
		else if (id)
			json_object_set_new(known, id, json_true());
		check_terms(item, pointer, errors);
	}
	json_decref(known);
}

static void check_screening(json_t *screening, struct errors *errors)
{
	json_t *item;
	size_t i;
	char pointer[60];
	json_array_foreach(json_object_get(screening, "blocked_prefixes"), i, item) {
		const char *prefix = json_string_value(item);
		snprintf(pointer, sizeof pointer, "/screening/blocked_prefixes/%zu", i);
		if (prefix && (prefix[0] != '+' || !prefix[1] || prefix[1 + strspn(prefix + 1, "0123456789")]))
			errors_add(errors, pointer,
				   "must be the start of a number with country code: +1900");
	}
}

static void check(json_t *doc, struct errors *errors)
{
	check_terms(doc, "", errors);
	check_publishers(json_object_get(doc, "publishers"), errors);
	check_screening(json_object_get(doc, "screening"), errors);
	const char *mode = json_string_value(json_object_get(doc, "execution_mode"));
	if (mode && strcmp(mode, "call_flow") == 0 && !json_is_string(json_object_get(doc, "call_flow_id")))
		errors_add(errors, "/call_flow_id",
			   "is required while the execution mode is Call Flow");
}

const struct resource_kind resource_campaign = {
	.kind = "campaign", .path = "campaigns", .prefix = "cmp", .title = "Campaign", .unique = "name", .check = check,
	.help = "What calls belong to: numbers, execution mode, conversion, payout.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"execution_mode", FIELD_ENUM,
		 .choices = (const char *const[]){"routing_plan", "call_flow", NULL},
		 .labels = (const struct label[]){
			 {"routing_plan", "Routing Plan"},
			 {"call_flow", "Call Flow"},
			 {0}},
		 .initial = "\"routing_plan\"",
		 .help = "What runs this campaign's calls. A change takes effect on the next "
			 "call."},
		{"routing_plan_id", FIELD_ID, .kind = "routing_plan",
		 .only = "execution_mode=routing_plan",
		 .help = "Used while the execution mode is Routing Plan."},
		{"call_flow_id", FIELD_ID, .kind = "call_flow", .only = "execution_mode=call_flow",
		 .help = "Used while the execution mode is Call Flow; its published version runs."},
		{"execution_warning", FIELD_STRING, FIELD_READ_ONLY,
		 .help = "Why the call flow cannot run, and what calls do instead."},
		CONVERSION("When a call counts as converted."),
		PAY("Amount paid to the publisher for a converted call."),
		TIERS,
		{"payout_once_days", FIELD_INTEGER, .min = 1, .max = 365,
		 .title = "Pay a caller once in (days)",
		 .help = "Pay for a caller once within this many days. Empty: every call is paid."},
		{"publishers", FIELD_OBJECT, FIELD_LIST, .max = 1000, .initial = "[]",
		 .help = "Terms of single publishers. Fields left empty use the campaign's terms.",
		 .fields = (const struct field[]){
			 {"publisher_id", FIELD_ID, FIELD_REQUIRED, .kind = "publisher"},
			 PAY("Amount paid to this publisher for a converted call."),
			 TIERS,
			 CONVERSION("When this publisher's calls count as converted."),
			 {"enabled", FIELD_BOOLEAN, .initial = "true",
			  .help = "Calls of a disabled publisher are rejected with SIP status "
				 "480."},
			 {0},
		 }},
		{"duplicates", FIELD_OBJECT, .title = "Repeat callers",
		 .help = "What happens to callers who were connected to a target of this campaign "
			 "before. "
			 "Empty: they are treated like all others.",
		 .fields = (const struct field[]){
			 {"policy", FIELD_ENUM, FIELD_REQUIRED,
			  .choices = (const char *const[]){"same", "different", "block", NULL},
			  .labels = (const struct label[]){
				 {"same", "Same target first"},
				 {"different", "Other targets only"},
				 {"block", "Reject the call"},
				 {0}},
			  .help = "Same target first: the target they talked to last. "
				  "Other targets only: targets they talked to are skipped."},
			 {"within_days", FIELD_INTEGER, .min = 1, .max = 365, .initial = "30",
			  .help = "How far back earlier calls count."},
			 {0},
		 }},
		{"screening", FIELD_OBJECT,
		 .help = "Callers who are rejected with SIP status 603 before anything else "
			 "happens.",
		 .fields = (const struct field[]){
			 {"block_list_ids", FIELD_ID, FIELD_LIST, .max = 20, .kind = "list",
			  .initial = "[]",
			  .item = "List", .help = "Callers on these lists are rejected."},
			 {"blocked_prefixes", FIELD_STRING, FIELD_LIST, .max = 200, .initial = "[]",
			  .help = "Callers whose number begins with one of these, such as +1900 or "
				 "+44."},
			 {"block_anonymous", FIELD_BOOLEAN, .initial = "false",
			  .title = "Block anonymous callers",
			  .help = "Reject callers who withhold their number or have none."},
			 {"minimum_attestation", FIELD_ENUM,
			  .choices = (const char *const[]){"A", "B", "C", NULL},
			  .labels = (const struct label[]){
				 {"A", "A: the carrier knows the caller and the number"},
				 {"B", "B: the carrier knows the caller"},
				 {"C", "C: any attestation"},
				 {0}},
			  .help = "Reject calls whose carrier attests less of the caller's number "
				 "(STIR/SHAKEN), or nothing. The attestation is the carrier's word: its "
				 "signature is not verified. Empty: no limit."},
			 {"filter", FIELD_FILTER, .title = "Only calls that match",
			  .help = "Reject calls that do not match."},
			 {"max_calls", FIELD_INTEGER, .min = 1, .max = 10000,
			  .title = "Max. calls of a caller",
			  .help = "Reject further calls of one caller to this campaign within the "
				 "period below. Empty: no limit."},
			 {"max_calls_seconds", FIELD_INTEGER, .min = 1, .max = 86400,
			  .initial = "3600",
			  .title = "Counted over (s)",
			  .help = "The period in which a caller's calls are counted."},
			 {"allow_list_ids", FIELD_ID, FIELD_LIST, .max = 20, .kind = "list",
			  .initial = "[]",
			  .item = "List",
			  .help = "Callers on these lists are never rejected by screening."},
			 {"only_allowed", FIELD_BOOLEAN, .initial = "false",
			  .title = "Only listed callers",
			  .help = "Reject every caller who is on none of the allow lists."},
			 {0},
		 }},
		{"tag_defaults", FIELD_OBJECT, FIELD_LIST, .max = 100, .initial = "[]",
		 .item = "Default",
		 .help = "Values of tags until something sets them. They replace the tags' own "
			 "defaults.",
		 .fields = (const struct field[]){
			 {"tag_id", FIELD_ID, FIELD_REQUIRED, .kind = "custom_tag"},
			 {"value", FIELD_STRING, FIELD_REQUIRED, .max = 2000},
			 {0},
		 }},
		{"recording", FIELD_BOOLEAN, .initial = "false", .title = "Record calls",
		 .help = "Record from the moment a target answers until the call ends."},
		{"recording_beep", FIELD_BOOLEAN, .initial = "false", .title = "Recording tone",
		 .help = "Both sides hear a short tone when the recording starts and every 15 "
			 "seconds."},
		{"milestones_seconds", FIELD_INTEGER, FIELD_LIST, .max = 20,
		 .initial = "[5,15,30,45,60]",
		 .help = "Send a milestone event after this many seconds of talk."},
		{"final_after_seconds", FIELD_INTEGER, .min = 0, .max = 86400, .initial = "60",
		 .title = "Wait for postbacks (s)",
		 .help = "How long after its end a call waits for postbacks before its final event."},
		{"enabled", FIELD_BOOLEAN, .initial = "true",
		 .help = "Calls of a disabled campaign are rejected with SIP status 480."},
		{0},
	},
};
