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

static void check(json_t *doc, struct errors *errors)
{
	check_terms(doc, "", errors);
	check_publishers(json_object_get(doc, "publishers"), errors);
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
		CONVERSION("When a call counts as converted."),
		PAY("What the publisher gets for a converted call."),
		TIERS,
		{"publishers", FIELD_OBJECT, FIELD_LIST, .max = 1000, .initial = "[]", .help = "Terms of single publishers; what an entry leaves empty is the campaign's.",
		 .fields = (const struct field[]){
			 {"publisher_id", FIELD_ID, FIELD_REQUIRED, .kind = "publisher", .help = "Whose calls."},
			 PAY("What this publisher gets for a converted call."),
			 TIERS,
			 CONVERSION("When its calls count as converted."),
			 {"enabled", FIELD_BOOLEAN, .initial = "true", .help = "Calls of a publisher that is not enabled are refused with 480."},
			 {0},
		 }},
		{"recording", FIELD_BOOLEAN, .initial = "false", .help = "Record its calls, from when a target takes them to their end."},
		{"recording_beep", FIELD_BOOLEAN, .initial = "false", .help = "While a conversation is recorded both sides hear a short tone, at its start and every 15 seconds."},
		{"milestones_seconds", FIELD_INTEGER, FIELD_LIST, .max = 20, .initial = "[5,15,30,45,60]", .help = "Seconds connected at which call.milestone is told."},
		{"enabled", FIELD_BOOLEAN, .initial = "true", .help = "Calls of a disabled campaign are refused with 480."},
		{0},
	},
};
