#include "model/resource.h"

const struct resource_kind resource_routing_plan = {
	.kind = "routing_plan", .path = "routing-plans", .prefix = "pln", .title = "Routing plan", .unique = "name",
	.help = "Ordered targets with filters.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"strategy", FIELD_ENUM, .choices = (const char *const[]){"priority", NULL}, .initial = "\"priority\"", .help = "In which order targets are tried."},
		{"entries", FIELD_OBJECT, FIELD_LIST, .max = 1000, .initial = "[]", .help = "The targets.",
		 .fields = (const struct field[]){
			 {"target_id", FIELD_ID, FIELD_REQUIRED, .kind = "target", .help = "The target."},
			 {"priority", FIELD_INTEGER, .min = 0, .max = 100000, .initial = "1", .help = "Lowest first; equal ones in the order given."},
			 {"filter", FIELD_FILTER, .help = "Only calls that pass, besides the target's own filter."},
			 {0},
		 }},
		{"dial", FIELD_OBJECT, .initial = "{\"timeout_seconds\":30,\"max_attempts\":10}", .help = "How they are called.",
		 .fields = (const struct field[]){
			 {"timeout_seconds", FIELD_INTEGER, .min = 1, .max = 300, .initial = "30", .help = "How long each rings."},
			 {"max_attempts", FIELD_INTEGER, .min = 1, .max = 100, .initial = "10", .help = "How many are tried for a call."},
			 {0},
		 }},
		{0},
	},
};
