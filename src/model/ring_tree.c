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
			errors_add(errors, at, "is in the list already");
			break;
		}
}

const struct resource_kind resource_ring_tree = {
	.kind = "ring_tree", .path = "ring-trees", .prefix = "rng", .title = "Ring tree", .unique = "name", .check = check,
	.help = "RTB targets that are asked at once, while the caller hears ringing; the best bid gets the call. Routing plans have it as an entry, call flows as a node.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"targets", FIELD_OBJECT, FIELD_LIST, .max = 100, .initial = "[]", .help = "Whom to ask.",
		 .fields = (const struct field[]){
			 {"rtb_target_id", FIELD_ID, FIELD_REQUIRED, .kind = "rtb_target", .help = "The RTB target."},
			 {"priority", FIELD_INTEGER, .min = 0, .max = 100000, .initial = "1", .help = "Of those that bid the same, the lowest comes first."},
			 {"filter", FIELD_FILTER, .help = "Only calls that pass, besides the target's own filter."},
			 {0},
		 }},
		{"timeout_ms", FIELD_INTEGER, .min = 50, .max = 10000, .initial = "1000", .help = "How long answers are waited for, those of all together. When all have answered, the call goes on at once."},
		{"minimum_bid", FIELD_MONEY, .help = "A lower bid is none, whatever its target's minimum. Empty: the targets' own."},
		{"max_attempts", FIELD_INTEGER, .min = 1, .max = 100, .initial = "5", .help = "How many bids are tried for a call, the highest first, until one takes it."},
		{"enabled", FIELD_BOOLEAN, .initial = "true", .help = "A disabled one asks nobody."},
		{0},
	},
};
