#include "model/resource.h"

static void check(json_t *doc, struct errors *errors)
{
	json_t *verification = json_object_get(doc, "verification"), *item;
	size_t i;
	schema_check_networks(json_object_get(doc, "allowed_addresses"), "/allowed_addresses", errors);
	bool user = json_is_string(json_object_get(verification, "username")), password = json_is_string(json_object_get(verification, "password"));
	if (user != password)
		errors_add(errors, user ? "/verification/password" : "/verification/username", "username and password go together");
	json_array_foreach(json_object_get(doc, "mapping"), i, item) {
		char at[64];
		snprintf(at, sizeof at, "/mapping/%zu", i);
		if (json_is_string(json_object_get(item, "parameter")) + json_is_string(json_object_get(item, "pointer")) + json_is_string(json_object_get(item, "header")) != 1)
			errors_add(errors, at,
				   "must have exactly one of parameter, JSON pointer and header");
	}
}

const struct resource_kind resource_incoming_webhook = {
	.kind = "incoming_webhook", .path = "incoming-webhooks", .prefix = "iwh", .title = "Incoming webhook", .unique = "name", .lookup = "key", .check = check,
	.help = "A URL with a key by which outside systems send data in.",
	.actions = (const char *const[]){"rotate-key", NULL},
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"types", FIELD_ENUM, FIELD_LIST, .min = 1, .max = 4, .title = "Accepts",
		 .choices = (const char *const[]){"call_data", "update_tags", "update_revenue",
						  "update_fields", NULL},
		 .labels = (const struct label[]){
			 {"update_tags", "Tag updates"},
			 {"update_revenue", "Revenue updates"},
			 {"update_fields", "Field updates"},
			 {0}},
		 .initial = "[\"call_data\"]",
		 .help = "What the key may be used for. Each has a URL of its own."},
		{"campaign_ids", FIELD_ID, FIELD_LIST, .max = 1000, .kind = "campaign",
		 .initial = "[]",
		 .help = "Only calls of these campaigns. Empty: all."},
		{"lifespan_seconds", FIELD_INTEGER, .min = 1, .max = 2592000, .initial = "3600",
		 .title = "Keep data for (s)",
		 .help = "How long data waits for the caller's next call."},
		{"match_within_days", FIELD_INTEGER, .min = 1, .max = 365, .initial = "7",
		 .title = "Match calls of the last (days)",
		 .help = "An update that names the caller changes the caller's live call, else the "
			 "newest call of so many days."},
		{"keep_unmatched", FIELD_BOOLEAN, .initial = "true", .title = "Keep other fields",
		 .help = "Keep fields that no tag takes with the call, as its custom data."},
		{"mapping", FIELD_OBJECT, FIELD_LIST, .max = 200, .initial = "[]",
		 .title = "Tag mapping", .item = "Tag",
		 .help = "Tags that this webhook fills from another field than the tag's own "
			 "sources.",
		 .fields = (const struct field[]){
			 {"tag_id", FIELD_ID, FIELD_REQUIRED, .kind = "custom_tag"},
			 {"parameter", FIELD_STRING, .min = 1, .max = 200,
			  .help = "Upper and lower case are the same."},
			 {"pointer", FIELD_POINTER, .max = 500, .title = "JSON pointer",
			  .help = "Place in the JSON body, such as /lead/state."},
			 {"header", FIELD_STRING, .min = 1, .max = 200,
			  .help = "Header of the request. Upper and lower case are the same."},
			 {0},
		 }},
		{"verification", FIELD_OBJECT, .help = "What a request must prove besides the key.",
		 .fields = (const struct field[]){
			 {"hmac_secret", FIELD_STRING, FIELD_SECRET, .min = 8, .max = 200,
			  .help = "The sender signs the body with this secret: HMAC-SHA256 in "
				 "hexadecimal, "
				  "with or without sha256= before it, or in base64."},
			 {"hmac_header", FIELD_NAME, .min = 1, .max = 100,
			  .initial = "\"X-Signature\"",
			  .title = "Signature header", .help = "The header with the signature."},
			 {"username", FIELD_STRING, .min = 1, .max = 100, .help = "Basic authentication."},
			 {"password", FIELD_STRING, FIELD_SECRET, .min = 1, .max = 200, .help = "Basic authentication."},
			 {0},
		 }},
		{"allowed_addresses", FIELD_STRING, FIELD_LIST, .max = 200, .initial = "[]",
		 .title = "Allowed IP addresses",
		 .help = "Addresses or networks that may send, such as 203.0.113.0/24. Empty: "
			 "all."},
		{"rate_per_minute", FIELD_INTEGER, .min = 1, .max = 1000000,
		 .title = "Requests per minute",
		 .help = "Further requests are answered with 429. Empty: no limit."},
		{"enabled", FIELD_BOOLEAN, .initial = "true",
		 .help = "Requests with a disabled key are answered with 401."},
		{"key", FIELD_STRING, FIELD_READ_ONLY | FIELD_SECRET, .help = "The key in the URL."},
		{"url", FIELD_STRING, FIELD_READ_ONLY, .help = "Where to send data."},
		{"previous_key", FIELD_STRING, FIELD_READ_ONLY | FIELD_SECRET,
		 .help = "The replaced key, while it still works."},
		{"previous_key_expires_at", FIELD_DATETIME, FIELD_READ_ONLY,
		 .title = "Previous key works until"},
		{0},
	},
};
