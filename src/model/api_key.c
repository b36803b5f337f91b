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
		{"scopes", FIELD_ENUM, FIELD_LIST, .max = 5, .initial = "[]",
		 .choices = (const char *const[]){"calls", "reports", "webhooks", "configuration",
			"administration", NULL},
		 .labels = (const struct label[]){
			{"calls", "Calls, events and recordings"},
			{"reports", "Reports"},
			{"webhooks", "Webhooks and custom tags"},
			{"configuration", "Other configuration"},
			{"administration", "Users, keys, organization"},
			{0}},
		 .title = "Limited to",
		 .help = "The parts of the API that the key may use, within its role. Empty: all."},
		{"expires_at", FIELD_DATETIME, .title = "Expires",
		 .help = "From then on the key is refused. Empty: never."},
		{"last_used_at", FIELD_DATETIME, FIELD_READ_ONLY, .title = "Last used"},
		{"last_used_from", FIELD_STRING, FIELD_READ_ONLY, .title = "Last used from"},
		{"key", FIELD_STRING, FIELD_READ_ONLY | FIELD_SECRET,
		 .help = "Returned once, when created; stored as a hash."},
		{0},
	},
};
