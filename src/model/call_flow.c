#include "model/resource.h"

const struct resource_kind resource_call_flow = {
	.kind = "call_flow", .path = "call-flows", .prefix = "flow", .title = "Call flow", .unique = "name",
	.help = "Reusable call logic: a draft, and published versions that never change.",
	.actions = (const char *const[]){"publish", "check", "rollback", NULL},
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"description", FIELD_STRING, .max = 1000, .help = "What the flow is for."},
		{"draft", FIELD_ANY,
		 .initial = "{\"nodes\":[{\"id\":\"start\",\"type\":\"start\","
			    "\"position\":{\"x\":0,\"y\":0},\"config\":{}}],\"edges\":[]}",
		 .help = "The flow document being edited: nodes and edges."},
		{"published_version", FIELD_INTEGER, FIELD_READ_ONLY,
		 .help = "The version that new calls run; null before the first publish."},
		{0},
	},
};
