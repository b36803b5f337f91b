#include "model/resource.h"
#include <string.h>

static void check(json_t *doc, struct errors *errors)
{
	json_t *list = json_object_get(doc, "targets"), *item, *other;
	size_t i, k;
	char at[48];
	json_array_foreach(list, i, item)
		json_array_foreach(list, k, other) {
			if (k == i)
				break;
			if (!json_equal(json_object_get(item, "rtb_target_id"), json_object_get(other, "rtb_target_id")))
				continue;
			snprintf(at, sizeof at, "/targets/%zu/rtb_target_id", i);
			errors_add(errors, at, "is already in the list");
			break;
		}
}

const struct resource_kind resource_ring_tree = {
	.kind = "ring_tree", .path = "ring-trees", .prefix = "rng", .title = "Ring tree", .unique = "name", .check = check,
	
	.help = "RTB targets that are asked at the same time while the caller hears ringing. The "
		"best bid gets the call. "
		"Used as an entry of a routing plan or as a node of a call flow.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"targets", FIELD_OBJECT, FIELD_LIST, .max = 100, .initial = "[]",
		 .help = "RTB targets to ask for a bid.",
		 .fields = (const struct field[]){
			 {"rtb_target_id", FIELD_ID, FIELD_REQUIRED, .kind = "rtb_target"},
			 {"priority", FIELD_INTEGER, .min = 0, .max = 100000, .initial = "1",
			  .help = "Order among equal bids, lowest first."},
			 {"filter", FIELD_FILTER,
			  .help = "Only calls that pass, in addition to the target's own filter."},
			 {0},
		 }},
		{"timeout_ms", FIELD_INTEGER, .min = 50, .max = 10000, .initial = "1000",
		 .help = "Shared deadline for all responses. When all have answered, the call "
			 "continues at once."},
		{"minimum_bid", FIELD_MONEY,
		 .help = "Ignore lower bids, whatever the target's own minimum. Empty: only the "
			 "targets' minimums apply."},
		{"max_attempts", FIELD_INTEGER, .min = 1, .max = 100, .initial = "5",
		 .help = "How many bids are tried for a call, highest first, until one takes it."},
		{"enabled", FIELD_BOOLEAN, .initial = "true",
		 .help = "A disabled ring tree asks nobody."},
		{0},
	},
};
