#include "model/resource.h"

const struct resource_kind resource_list = {
	.kind = "list", .path = "lists", .prefix = "lst", .title = "List", .unique = "name",
	.help = "Values that filters look up: blocked callers, served ZIP codes, …",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"values", FIELD_STRING, FIELD_LIST, .max = 20000, .initial = "[]",
		 .help = "Upper and lower case (ASCII) are the same. Phone numbers may be in any "
			 "notation."},
		{0},
	},
};
