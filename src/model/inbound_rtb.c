#include "model/resource.h"

const struct resource_kind resource_inbound_rtb = {
	.kind = "inbound_rtb", .path = "inbound-rtb", .prefix = "rtb", .title = "Inbound RTB", .unique = "name",
	.help = "A URL where a publisher asks whether a campaign takes a caller, and for how much.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"campaign_id", FIELD_ID, FIELD_REQUIRED, .kind = "campaign",
		 .help = "Its routing plan or call flow decides who would take the call; its terms "
			 "decide what is paid."},
		{"publisher_id", FIELD_ID, FIELD_REQUIRED, .kind = "publisher",
		 .help = "Sends the bid requests and is paid for the calls."},
		{"number_ids", FIELD_ID, FIELD_LIST, .max = 1000, .kind = "number", .initial = "[]",
		 .help = "Numbers of the campaign that are handed out. They must be in no pool and "
			 "have no other publisher. "
			 "Empty: all such numbers."},
		{"allocation_time_seconds", FIELD_INTEGER, .min = 5, .max = 86400, .initial = "60",
		 .title = "Keep number for (s)",
		 .help = "How long the number is reserved for the caller."},
		{"rate_per_minute", FIELD_INTEGER, .min = 1, .max = 1000000,
		 .title = "Requests per minute",
		 .help = "Further requests are answered with 429. Empty: no limit."},
		{"max_reservations", FIELD_INTEGER, .min = 1, .max = 1000000,
		 .title = "Max. reserved numbers",
		 .help = "Most numbers reserved at the same time. Empty: no limit."},
		{"enabled", FIELD_BOOLEAN, .initial = "true",
		 .help = "A disabled endpoint makes no bids."},
		{"url", FIELD_STRING, FIELD_READ_ONLY,
		 .help = "Where the publisher sends bid requests. Anyone who knows the URL can: "
			 "give it to the publisher alone."},
		{0},
	},
};
