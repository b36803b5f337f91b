#include "model/resource.h"

const struct resource_kind resource_api_key = {
	.kind = "api_key", .path = "api-keys", .prefix = "key", .title = "API key", .lookup = "key", .admin_only = true,
	.help = "What a program authenticates with.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "What it is used for."},
		{"role", FIELD_ENUM, .choices = (const char *const[]){"admin", "manager", "analyst", NULL}, .initial = "\"manager\"", .help = "What it may do."},
		{"key", FIELD_STRING, FIELD_READ_ONLY | FIELD_SECRET, .help = "Answered once, when made; kept as a hash."},
		{0},
	},
};
