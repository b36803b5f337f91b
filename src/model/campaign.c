#include "model/resource.h"
#include <string.h>

#define PAY(what) \
	{"payout", FIELD_MONEY, .help = what}, \
	{"payout_percent", FIELD_MONEY, .max = 100, .help = "Instead of an amount: so many percent of the call's revenue, such as 62.5."}
#define TIERS \
	{"payout_tiers", FIELD_OBJECT, FIELD_LIST, .max = 50, .initial = "[]", .help = "What is paid instead, by how long the conversation was, or for calls that pass a filter. Of those that apply, the last in the list.", \
	 .fields = (const struct field[]){ \
		 {"after_seconds", FIELD_INTEGER, .min = 0, .max = 86400, .initial = "0", .help = "From so many seconds connected on."}, \
		 {"filter", FIELD_FILTER, .help = "Only for calls that pass."}, \
		 PAY("The amount."), \
		 {0}, \
	 }}
#define CONVERSION(whose) \
	{"conversion", FIELD_OBJECT, .help = whose, \
	 .fields = (const struct field[]){ \
		 {"after_seconds", FIELD_INTEGER, FIELD_REQUIRED, .min = 0, .max = 86400, .help = "Seconds connected to a target."}, \
		 {"filter", FIELD_FILTER, .help = "Only calls that pass; looked at until the end, and when a tag comes later."}, \
		 {0}, \
	 }}

/* An amount or a share, not both; a tier needs one of them. */
static void check_pay(json_t *doc, const char *at, bool needed, struct errors *errors)
{
	bool amount = json_is_string(json_object_get(doc, "payout")), percent = json_is_string(json_object_get(doc, "payout_percent"));
	char pointer[80];
	snprintf(pointer, sizeof pointer, "%s/payout_percent", at);
	if (amount && percent)
		errors_add(errors, pointer, "an amount is given already: one of payout and payout_percent");
	else if (needed && !amount && !percent)
		errors_add(errors, at, "needs payout or payout_percent");
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
			errors_add(errors, pointer, "the publisher has an entry already");
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
			errors_add(errors, pointer, "must be the beginning of a number with its country code, such as +1900");
	}
}

static void check(json_t *doc, struct errors *errors)
{
	check_terms(doc, "", errors);
	check_publishers(json_object_get(doc, "publishers"), errors);
	check_screening(json_object_get(doc, "screening"), errors);
	const char *mode = json_string_value(json_object_get(doc, "execution_mode"));
	if (mode && strcmp(mode, "call_flow") == 0 && !json_is_string(json_object_get(doc, "call_flow_id")))
		errors_add(errors, "/call_flow_id", "is required while execution_mode is call_flow");
}

const struct resource_kind resource_campaign = {
	.kind = "campaign", .path = "campaigns", .prefix = "cmp", .title = "Campaign", .unique = "name", .check = check,
	.help = "The unit calls belong to: numbers, execution mode, conversion, payout.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"execution_mode", FIELD_ENUM, .choices = (const char *const[]){"routing_plan", "call_flow", NULL}, .initial = "\"routing_plan\"", .help = "What runs its calls."},
		{"routing_plan_id", FIELD_ID, .kind = "routing_plan", .help = "For execution mode routing_plan."},
		{"call_flow_id", FIELD_ID, .kind = "call_flow", .help = "For execution mode call_flow; its published version runs."},
		{"execution_warning", FIELD_STRING, FIELD_READ_ONLY,
		 .help = "Why the call flow cannot run, and what calls do instead."},
		CONVERSION("When a call counts as converted."),
		PAY("What the publisher gets for a converted call."),
		TIERS,
		{"payout_once_days", FIELD_INTEGER, .min = 1, .max = 365, .help = "A caller whose call was paid within so many days is not paid for again. Empty: each call is paid."},
		{"publishers", FIELD_OBJECT, FIELD_LIST, .max = 1000, .initial = "[]", .help = "Terms of single publishers; what an entry leaves empty is the campaign's.",
		 .fields = (const struct field[]){
			 {"publisher_id", FIELD_ID, FIELD_REQUIRED, .kind = "publisher", .help = "Whose calls."},
			 PAY("What this publisher gets for a converted call."),
			 TIERS,
			 CONVERSION("When its calls count as converted."),
			 {"enabled", FIELD_BOOLEAN, .initial = "true", .help = "Calls of a publisher that is not enabled are refused with 480."},
			 {0},
		 }},
		{"duplicates", FIELD_OBJECT, .help = "What becomes of callers who were connected with a target of this campaign before; empty: as of all others.",
		 .fields = (const struct field[]){
			 {"policy", FIELD_ENUM, FIELD_REQUIRED, .choices = (const char *const[]){"same", "different", "block", NULL}, .help = "same: the target they talked with last comes first; different: targets they talked with are passed over; block: refused."},
			 {"within_days", FIELD_INTEGER, .min = 1, .max = 365, .initial = "30", .help = "Within so many days."},
			 {0},
		 }},
		{"screening", FIELD_OBJECT, .help = "Which callers are refused, with 603, before anything is done for them.",
		 .fields = (const struct field[]){
			 {"block_list_ids", FIELD_ID, FIELD_LIST, .max = 20, .kind = "list", .initial = "[]", .help = "Callers on these lists."},
			 {"blocked_prefixes", FIELD_STRING, FIELD_LIST, .max = 200, .initial = "[]", .help = "Callers whose number begins so: +1900, +44."},
			 {"block_anonymous", FIELD_BOOLEAN, .initial = "false", .help = "Callers who hide their number, or have none."},
			 {"max_calls", FIELD_INTEGER, .min = 1, .max = 10000, .help = "So many calls of one caller to this campaign within max_calls_seconds; what is more is refused. Empty: any number."},
			 {"max_calls_seconds", FIELD_INTEGER, .min = 1, .max = 86400, .initial = "3600", .help = "Within so many seconds."},
			 {"allow_list_ids", FIELD_ID, FIELD_LIST, .max = 20, .kind = "list", .initial = "[]", .help = "Callers on these lists are never refused by this."},
			 {"only_allowed", FIELD_BOOLEAN, .initial = "false", .help = "Refuse everybody who is on none of the allow lists."},
			 {0},
		 }},
		{"tag_defaults", FIELD_OBJECT, FIELD_LIST, .max = 100, .initial = "[]", .help = "What tags of its calls are while nothing has filled them, instead of the tags' own defaults.",
		 .fields = (const struct field[]){
			 {"tag_id", FIELD_ID, FIELD_REQUIRED, .kind = "custom_tag", .help = "The tag."},
			 {"value", FIELD_STRING, FIELD_REQUIRED, .max = 2000, .help = "Its value."},
			 {0},
		 }},
		{"recording", FIELD_BOOLEAN, .initial = "false", .help = "Record its calls, from when a target takes them to their end."},
		{"recording_beep", FIELD_BOOLEAN, .initial = "false", .help = "While a conversation is recorded both sides hear a short tone, at its start and every 15 seconds."},
		{"milestones_seconds", FIELD_INTEGER, FIELD_LIST, .max = 20, .initial = "[5,15,30,45,60]", .help = "Seconds connected at which call.milestone is told."},
		{"final_after_seconds", FIELD_INTEGER, .min = 0, .max = 86400, .initial = "60",
		 .help = "How long after its end a call waits for postbacks before call.final is sent."},
		{"enabled", FIELD_BOOLEAN, .initial = "true", .help = "Calls of a disabled campaign are refused with 480."},
		{0},
	},
};
