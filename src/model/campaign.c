#include "model/resource.h"
#include <string.h>

static void check(json_t *doc, struct errors *errors)
{
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
		{"conversion", FIELD_OBJECT, .help = "When a call counts as converted.",
		 .fields = (const struct field[]){{"after_seconds", FIELD_INTEGER, FIELD_REQUIRED, .min = 0, .max = 86400, .help = "Seconds connected to a target."}, {0}}},
		{"payout", FIELD_MONEY, .help = "What the publisher gets for a converted call."},
		{"recording", FIELD_BOOLEAN, .initial = "false", .help = "Record its calls, from when a target takes them to their end."},
		{"recording_beep", FIELD_BOOLEAN, .initial = "false", .help = "While a conversation is recorded both sides hear a short tone, at its start and every 15 seconds."},
		{"milestones_seconds", FIELD_INTEGER, FIELD_LIST, .max = 20, .initial = "[5,15,30,45,60]", .help = "Seconds connected at which call.milestone is told."},
		{"enabled", FIELD_BOOLEAN, .initial = "true", .help = "Calls of a disabled campaign are refused with 480."},
		{0},
	},
};
