#include "model/schedule.h"
#include "model/resource.h"

static void check(json_t *doc, struct errors *errors)
{
	json_t *item;
	size_t i;
	char pointer[40];
	json_array_foreach(json_object_get(doc, "entries"), i, item) {
		static const char *const ways[] = {"target_id", "routing_plan_id", "ring_tree_id"};
		size_t given = 0, last = 0;
		for (size_t k = 0; k < ARRAY_LEN(ways); k++)
			if (json_is_string(json_object_get(item, ways[k]))) {
				given++;
				last = k;
			}
		snprintf(pointer, sizeof pointer, "/entries/%zu/schedule", i);
		schedule_check(json_object_get(item, "schedule"), pointer, errors);
		snprintf(pointer, sizeof pointer, "/entries/%zu/%s", i, ways[last]);
		if (!given)
			errors_add(errors, pointer,
				   "choose a target, a routing plan or a ring tree");
		else if (given > 1)
			errors_add(errors, pointer, "is one too many: choose either a target, "
						    "a routing plan or a ring tree");
	}
}

const struct resource_kind resource_routing_plan = {
	.kind = "routing_plan", .path = "routing-plans", .prefix = "pln", .title = "Routing plan", .unique = "name", .check = check,
	.help = "Which targets calls are sent to, and in what order.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"strategy", FIELD_ENUM,
		 .choices = (const char *const[]){"priority", "round_robin", "weighted",
						  "simultaneous", "best", NULL},
		 .labels = (const struct label[]){
			 {"priority", "By priority"},
			 {"best", "Best performing"},
			 {0}},
		 .initial = "\"priority\"",
		 .help = "Order among targets of equal priority. By priority: as listed. "
			 "Round robin: the one not called for the longest time. Weighted: at "
				 "random, by weight. "
			 "Simultaneous: all ring at once. Best performing: highest recent revenue "
				 "of a call."},
		{"entries", FIELD_OBJECT, FIELD_LIST, .max = 1000, .initial = "[]",
		 .title = "Targets",
		 .help = "Targets, other routing plans and ring trees, tried by priority.",
		 .fields = (const struct field[]){
			 {"target_id", FIELD_ID, .kind = "target"},
			 {"routing_plan_id", FIELD_ID, .kind = "routing_plan",
			  .help = "Instead of a target: another plan, whose targets are tried in "
				 "its place by its own strategy."},
			 {"ring_tree_id", FIELD_ID, .kind = "ring_tree",
			  .help = "Instead of a target: a ring tree, whose RTB targets bid for the "
				 "call."},
			 {"priority", FIELD_INTEGER, .min = 0, .max = 100000, .initial = "1",
			  .help = "Lowest first. The strategy decides among equal priorities."},
			 {"weight", FIELD_INTEGER, .min = 0, .max = 100000, .initial = "1",
			  .help = "How often it comes first, relative to the other weights. 0: "
				 "last."},
			 {"filter", FIELD_FILTER,
			  .help = "Only calls that pass, in addition to the target's own filter."},
			 {"schedule", FIELD_OBJECT, .fields = schedule_fields,
			  .help = "When the plan sends calls there. Empty: always."},
			 {0},
		 }},
		{"best", FIELD_OBJECT, .initial = "{\"window_hours\":168,\"explore_percent\":10}",
		 .only = "strategy=best",
		 .title = "Best performing", .help = "How the best target is found.",
		 .fields = (const struct field[]){
			 {"window_hours", FIELD_INTEGER, .min = 1, .max = 8760, .initial = "168",
			  .title = "Look back (hours)",
			  .help = "Calls of this period count: their revenue, divided by the "
				 "connected calls."},
			 {"explore_percent", FIELD_INTEGER, .min = 0, .max = 100, .initial = "10",
			  .title = "Explore (%)",
			  .help = "Share of calls used to try other targets."},
			 {0},
		 }},
		{"fallback_plan_id", FIELD_ID, .kind = "routing_plan", .title = "Fallback plan",
		 .help = "Tried when no target of this plan took the call."},
		{"dial", FIELD_OBJECT, .initial = "{\"timeout_seconds\":30,\"max_attempts\":10}",
		 .title = "Dialing",
		 .help = "How targets are called.",
		 .fields = (const struct field[]){
			 {"timeout_seconds", FIELD_INTEGER, .min = 1, .max = 300, .initial = "30",
			  .title = "Ring time (s)",
			  .help = "How long each target rings."},
			 {"max_attempts", FIELD_INTEGER, .min = 1, .max = 100, .initial = "10",
			  .help = "Most targets tried for a call."},
			 {"wait_seconds", FIELD_INTEGER, .min = 0, .max = 3600, .initial = "0",
			  .title = "Queue time (s)",
			  .help = "How long a caller waits while all targets are busy. Who waits "
				 "longest is next. 0: no waiting."},
			 {"wait_prompt_id", FIELD_ID, .kind = "prompt", .title = "Music on hold",
			  .help = "Repeated to waiting callers, whose call is then answered. "
				 "Empty: they hear ringing."},
			 {0},
		 }},
		{0},
	},
};
