#include "model/resource.h"

const struct resource_kind resource_number_pool = {
	.kind = "number_pool", .path = "number-pools", .prefix = "pool", .title = "Number pool", .unique = "name",
	.help = "Numbers that are lent to visitors of landing pages, one each.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"campaign_id", FIELD_ID, .kind = "campaign", .help = "Whose calls come to its numbers, unless a number has a campaign of its own."},
		{"fallback_number", FIELD_E164, .max = 32, .help = "Shown when every number is lent. Empty: the page keeps its own."},
		{"lease_seconds", FIELD_INTEGER, .min = 60, .max = 86400, .initial = "1800", .help = "How long a visitor has the number after the page was last heard of; pages tell each minute that they are open."},
		{"cooldown_seconds", FIELD_INTEGER, .min = 0, .max = 604800, .initial = "300", .help = "For so long afterwards calls to the number are still the visitor's, and nobody else gets it."},
		{0},
	},
};
