#include "model/resource.h"

const struct resource_kind resource_number = {
	.kind = "number", .path = "numbers", .prefix = "num", .title = "Number", .lookup = "number",
	.help = "A tracking number.",
	.fields = (const struct field[]){
		{"number", FIELD_E164, FIELD_REQUIRED, .max = 32,
		 .help = "In any notation; stored as E.164."},
		{"campaign_id", FIELD_ID, .kind = "campaign",
		 .help = "The campaign that receives the calls."},
		{"pool_id", FIELD_ID, .title = "Number pool", .kind = "number_pool",
		 .help = "The pool that shows this number to website visitors."},
		{"publisher_id", FIELD_ID, .kind = "publisher",
		 .help = "The publisher who sends the calls."},
		{0},
	},
};
