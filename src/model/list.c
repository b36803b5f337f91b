#include "model/resource.h"

const struct resource_kind resource_list = {
	.kind = "list", .path = "lists", .prefix = "lst", .title = "List", .unique = "name",
	.help = "Values that filters look for with in_list: blocked callers, served zip codes, …",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"values", FIELD_STRING, FIELD_LIST, .max = 20000, .initial = "[]", .help = "Compared without regard to ASCII case. Phone numbers may be written in any usual way."},
		{0},
	},
};
