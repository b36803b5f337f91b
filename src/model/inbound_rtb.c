#include "model/resource.h"

const struct resource_kind resource_inbound_rtb = {
	.kind = "inbound_rtb", .path = "inbound-rtb", .prefix = "rtb", .title = "Inbound RTB", .unique = "name",
	.help = "Where a publisher asks whether a campaign would take a caller, and for how much.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"campaign_id", FIELD_ID, FIELD_REQUIRED, .kind = "campaign", .help = "The campaign that is asked. Its routing plan or call flow says who would take the call, its terms what is paid."},
		{"publisher_id", FIELD_ID, FIELD_REQUIRED, .kind = "publisher", .help = "Who asks, and is paid: calls that were bid for are its calls."},
		{"number_ids", FIELD_ID, FIELD_LIST, .max = 1000, .kind = "number", .initial = "[]", .help = "Numbers of the campaign that are given out, of those that are nobody's, or this publisher's, and lent by no pool; empty: all of these."},
		{"allocation_time_seconds", FIELD_INTEGER, .min = 5, .max = 86400, .initial = "60", .help = "How long the number is kept for the caller."},
		{"rate_per_minute", FIELD_INTEGER, .min = 1, .max = 1000000, .help = "More requests than that are answered 429; none: no limit."},
		{"max_reservations", FIELD_INTEGER, .min = 1, .max = 1000000, .help = "Numbers that are kept for callers at the same time; none: no limit."},
		{"enabled", FIELD_BOOLEAN, .initial = "true", .help = "A disabled endpoint bids for nothing."},
		{"url", FIELD_STRING, FIELD_READ_ONLY, .help = "Where the publisher asks. Whoever knows it can ask: it is told to the publisher alone."},
		{0},
	},
};
