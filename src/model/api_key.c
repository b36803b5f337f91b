#include "model/resource.h"

const struct resource_kind resource_api_key = {
	.kind = "api_key", .path = "api-keys", .prefix = "key", .title = "API key", .lookup = "key", .admin_only = true,
	.help = "Authenticates a program.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100,
		 .help = "What the key is used for."},
		{"role", FIELD_ENUM,
		 .choices = (const char *const[]){"admin", "manager", "analyst", NULL},
		 .initial = "\"manager\"",
		 .help = "Analysts read, managers change configuration, admins also manage users, "
			 "keys and trunks."},
		{"key", FIELD_STRING, FIELD_READ_ONLY | FIELD_SECRET,
		 .help = "Returned once, when created; stored as a hash."},
		{0},
	},
};
