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
			errors_add(errors, pointer, "is required, or a routing_plan_id or ring_tree_id");
		else if (given > 1)
			errors_add(errors, pointer, "is one too many: an entry is a target, a group or a ring tree");
	}
}

const struct resource_kind resource_routing_plan = {
	.kind = "routing_plan", .path = "routing-plans", .prefix = "pln", .title = "Routing plan", .unique = "name", .check = check,
	.help = "Which targets calls are sent to, in what order.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"strategy", FIELD_ENUM, .choices = (const char *const[]){"priority", "round_robin", "weighted", "simultaneous", "best", NULL}, .initial = "\"priority\"", .help = "Which of one priority is tried first: the first in the list; round robin, whose turn is longest ago; weighted, drawn by their weights; simultaneous, all ring at once; best, who brought in the most a call, lately."},
		{"entries", FIELD_OBJECT, FIELD_LIST, .max = 1000, .initial = "[]", .help = "The targets.",
		 .fields = (const struct field[]){
			 {"target_id", FIELD_ID, .kind = "target", .help = "The target."},
			 {"routing_plan_id", FIELD_ID, .kind = "routing_plan", .help = "Or a group: the targets of this plan are tried in its place, by its own strategy."},
			 {"ring_tree_id", FIELD_ID, .kind = "ring_tree", .help = "Or a ring tree: its RTB targets are asked for bids when its turn comes, and the best one gets the call."},
			 {"priority", FIELD_INTEGER, .min = 0, .max = 100000, .initial = "1", .help = "Lowest first; those of one priority as the strategy says."},
			 {"weight", FIELD_INTEGER, .min = 0, .max = 100000, .initial = "1", .help = "How often it comes first, beside the weights of the others; 0: last."},
			 {"filter", FIELD_FILTER, .help = "Only calls that pass, besides the target's own filter."},
			 {"schedule", FIELD_OBJECT, .fields = schedule_fields, .help = "When the plan sends calls there; empty: always."},
			 {0},
		 }},
		{"best", FIELD_OBJECT, .initial = "{\"window_hours\":168,\"explore_percent\":10}", .help = "How the best one is found.", .only = "strategy=best",
		 .fields = (const struct field[]){
			 {"window_hours", FIELD_INTEGER, .min = 1, .max = 8760, .initial = "168", .help = "Calls of the last so many hours count: the revenue that they brought, over those that were connected."},
			 {"explore_percent", FIELD_INTEGER, .min = 0, .max = 100, .initial = "10", .help = "So many calls of a hundred are sent to targets by chance, so that those which became better are found."},
			 {0},
		 }},
		{"fallback_plan_id", FIELD_ID, .kind = "routing_plan", .help = "The plan whose targets are tried when none of these took the call."},
		{"dial", FIELD_OBJECT, .initial = "{\"timeout_seconds\":30,\"max_attempts\":10}", .help = "How they are called.",
		 .fields = (const struct field[]){
			 {"timeout_seconds", FIELD_INTEGER, .min = 1, .max = 300, .initial = "30", .help = "How long each rings."},
			 {"max_attempts", FIELD_INTEGER, .min = 1, .max = 100, .initial = "10", .help = "How many are tried for a call."},
			 {"wait_seconds", FIELD_INTEGER, .min = 0, .max = 3600, .initial = "0", .help = "How long a caller waits when all who could take the call have as many as they may; who waits longest is next. 0: not."},
			 {"wait_prompt_id", FIELD_ID, .kind = "prompt", .help = "What is played meanwhile, again and again, to a call that is answered then. Empty: the call rings on."},
			 {0},
		 }},
		{0},
	},
};
