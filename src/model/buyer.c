#include "model/resource.h"

const struct resource_kind resource_buyer = {
	.kind = "buyer", .path = "buyers", .prefix = "buy", .title = "Buyer", .unique = "name",
	.help = "Pays for calls.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{0},
	},
};
