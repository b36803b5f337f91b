#include "model/resource.h"

const struct resource_kind resource_incoming_webhook = {
	.kind = "incoming_webhook", .path = "incoming-webhooks", .prefix = "iwh", .title = "Incoming webhook", .unique = "name", .lookup = "key",
	.help = "A URL with a key by which outside systems send data in.",
	.actions = (const char *const[]){"rotate-key", NULL},
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"types", FIELD_ENUM, FIELD_LIST, .min = 1, .max = 2, .choices = (const char *const[]){"call_data", "update_tags", NULL}, .initial = "[\"call_data\"]", .help = "What the key may do; each type has a path."},
		{"campaign_ids", FIELD_ID, FIELD_LIST, .max = 1000, .kind = "campaign", .initial = "[]", .help = "Only calls of these campaigns; empty: all."},
		{"lifespan_seconds", FIELD_INTEGER, .min = 1, .max = 2592000, .initial = "3600", .help = "How long data waits for the caller's call."},
		{"enabled", FIELD_BOOLEAN, .initial = "true", .help = "A disabled key answers 401."},
		{"key", FIELD_STRING, FIELD_READ_ONLY | FIELD_SECRET, .help = "The key in the URL."},
		{"url", FIELD_STRING, FIELD_READ_ONLY, .help = "Where to send data."},
		{0},
	},
};
