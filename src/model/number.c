#include "model/resource.h"

const struct resource_kind resource_number = {
	.kind = "number", .path = "numbers", .prefix = "num", .title = "Number", .lookup = "number",
	.help = "A tracking number.",
	.fields = (const struct field[]){
		{"number", FIELD_E164, FIELD_REQUIRED, .max = 32, .help = "E.164; any usual notation is accepted."},
		{"campaign_id", FIELD_ID, .kind = "campaign", .help = "The campaign its calls belong to."},
		{"pool_id", FIELD_ID, .kind = "number_pool", .help = "The pool that lends it to visitors of landing pages."},
		{"publisher_id", FIELD_ID, .kind = "publisher", .help = "Who sends its calls."},
		{0},
	},
};
