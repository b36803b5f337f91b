#include "model/resource.h"

const struct resource_kind resource_publisher = {
	.kind = "publisher", .path = "publishers", .prefix = "pub", .title = "Publisher", .unique = "name",
	.help = "Sends calls.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{0},
	},
};
