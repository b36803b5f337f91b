#include "model/resource.h"

const struct resource_kind resource_saved_view = {
	.kind = "saved_view", .path = "saved-views", .prefix = "viw", .title = "Saved view", .unique = "name",
	.help = "Saved filters and columns of the call log.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"query", FIELD_MAP, .initial = "{}", .help = "Parameters of GET /calls; `days` is how many days back from now."},
		{"columns", FIELD_STRING, FIELD_LIST, .max = 50, .initial = "[]", .help = "What is shown of each call: its fields, and tag.NAME."},
		{0},
	},
};
