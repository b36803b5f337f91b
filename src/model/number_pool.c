#include "model/resource.h"

const struct resource_kind resource_number_pool = {
	.kind = "number_pool", .path = "number-pools", .prefix = "pool", .title = "Number pool", .unique = "name",
	.help = "Shows each website visitor a number of their own, so that calls are attributed to "
		"visits.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"campaign_id", FIELD_ID, .kind = "campaign",
		 .help = "Receives the calls of the pool's numbers, unless a number has its own "
			 "campaign."},
		{"fallback_number", FIELD_E164, .max = 32,
		 .help = "Shown when every number is in use. Empty: the page keeps its own "
			 "number."},
		{"lease_seconds", FIELD_INTEGER, .min = 60, .max = 86400, .initial = "1800",
		 .title = "Keep number for (s)",
		 .help = "How long a visitor keeps the number after the page was last open. "
			 "Open pages report every minute."},
		{"cooldown_seconds", FIELD_INTEGER, .min = 0, .max = 604800, .initial = "300",
		 .help = "How long calls to a released number still count for its last visitor. "
			 "Nobody else gets the number meanwhile."},
		{0},
	},
};
