#include "model/resource.h"
#include <string.h>

static void check_types(json_t *types, struct errors *errors)
{
	json_t *type;
	size_t i;
	json_array_foreach(types, i, type) {
		const char *name = json_string_value(type);
		bool known = false;
		for (const struct event_type *t = event_types; name && t->type; t++)
			known |= event_type_matches(name, t->type);
		char at[64];
		snprintf(at, sizeof at, "/event_types/%zu", i);
		if (!known)
			errors_add(errors, at, "there is no event type %.60s", name ? name : "");
	}
}

/* What is of one call only cannot be said of many. */
static void check_batch(json_t *doc, struct errors *errors)
{
	const char *template = json_string_value(json_object_get(doc, "body_template"));
	const char first = template ? template[strspn(template, " \t\r\n")] : '{';
	if (strcmp(json_string_value(json_object_get(doc, "method")), "GET") == 0)
		errors_add(errors, "/batch", "a GET has no body that could have many events");
	if (first != '{' && first != '[')
		errors_add(errors, "/batch", "goes with a body that is JSON: an array of what each event makes");
	for (size_t i = 0; i < 2; i++) {
		const char *map = i ? "query" : "headers", *name;
		json_t *value;
		json_object_foreach(json_object_get(doc, map), name, value) {
			char at[160];
			snprintf(at, sizeof at, "/%s/%.100s", map, name);
			if (strchr(json_string_value(value), '['))
				errors_add(errors, at, "a token speaks of one call, and a batch has events of many");
		}
	}
}

static void check(json_t *doc, struct errors *errors)
{
	json_t *authentication = json_object_get(doc, "authentication");
	bool user = json_is_string(json_object_get(authentication, "username")), password = json_is_string(json_object_get(authentication, "password"));
	bool get = strcmp(json_string_value(json_object_get(doc, "method")), "GET") == 0;
	check_types(json_object_get(doc, "event_types"), errors);
	if (user != password)
		errors_add(errors, user ? "/authentication/password" : "/authentication/username", "username and password go together");
	if (user && json_is_string(json_object_get(authentication, "bearer_token")))
		errors_add(errors, "/authentication/bearer_token", "goes without username and password");
	const char *const oauth[] = {"token_url", "client_id", "client_secret"};
	size_t given = 0;
	for (size_t i = 0; i < ARRAY_LEN(oauth); i++)
		given += json_is_string(json_object_get(authentication, oauth[i]));
	for (size_t i = 0; given && i < ARRAY_LEN(oauth); i++) {
		char at[64];
		snprintf(at, sizeof at, "/authentication/%s", oauth[i]);
		if (!json_is_string(json_object_get(authentication, oauth[i])))
			errors_add(errors, at, "token_url, client_id and client_secret go together");
	}
	if (given && (user || json_is_string(json_object_get(authentication, "bearer_token"))))
		errors_add(errors, "/authentication/token_url", "goes without a password or a bearer token of its own");
	if (get && json_is_string(json_object_get(doc, "body_template")))
		errors_add(errors, "/body_template", "a GET has no body: use query");
	if (json_is_object(json_object_get(doc, "batch")))
		check_batch(doc, errors);
}

const struct resource_kind resource_outgoing_webhook = {
	.kind = "outgoing_webhook", .path = "outgoing-webhooks", .prefix = "owh", .title = "Outgoing webhook", .unique = "name", .check = check,
	.help = "A destination that receives chosen event types.",
	.actions = (const char *const[]){"test", "rotate-secret", "redeliver", NULL},
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"url", FIELD_URL, FIELD_REQUIRED, .max = 2000, .help = "Where events are sent."},
		{"method", FIELD_ENUM, .choices = (const char *const[]){"POST", "PUT", "PATCH", "GET", NULL}, .initial = "\"POST\"", .help = "HTTP method; a GET has no body."},
		{"event_types", FIELD_STRING, FIELD_REQUIRED | FIELD_LIST, .min = 1, .max = 50, .help = "Such as call.completed, call.* or *."},
		{"filter", FIELD_FILTER, .help = "Only events of calls that pass."},
		{"campaign_ids", FIELD_ID, FIELD_LIST, .max = 1000, .kind = "campaign", .initial = "[]", .help = "Only events of calls of these campaigns; empty: all."},
		{"query", FIELD_MAP, .initial = "{}", .help = "Parameters added to the URL; values may have [TOKENS]."},
		{"headers", FIELD_MAP, .initial = "{}", .help = "Further request headers; values may have [TOKENS]."},
		{"body_template", FIELD_TEMPLATE, .max = 65536, .help = "Body with [TOKENS] instead of the JSON event."},
		{"authentication", FIELD_OBJECT, .help = "Sent beside the signature, which is always there.",
		 .fields = (const struct field[]){
			 {"username", FIELD_STRING, .min = 1, .max = 200, .help = "Basic authentication."},
			 {"password", FIELD_STRING, FIELD_SECRET, .min = 1, .max = 200, .help = "Basic authentication."},
			 {"bearer_token", FIELD_STRING, FIELD_SECRET, .min = 1, .max = 4000, .help = "Sent as Authorization: Bearer."},
			 {"token_url", FIELD_URL, .max = 2000, .help = "OAuth 2.0 client credentials: where an access token is asked for, which is then sent as Authorization: Bearer."},
			 {"client_id", FIELD_STRING, .min = 1, .max = 400, .help = "OAuth 2.0 client credentials."},
			 {"client_secret", FIELD_STRING, FIELD_SECRET, .min = 1, .max = 4000, .help = "OAuth 2.0 client credentials."},
			 {"scope", FIELD_STRING, .min = 1, .max = 1000, .help = "Asked for with the token, where its server wants one."},
			 {"audience", FIELD_STRING, .min = 1, .max = 1000, .help = "Likewise."},
			 {"client_credentials_in", FIELD_ENUM, .choices = (const char *const[]){"header", "body", NULL}, .initial = "\"header\"", .help = "Where the token's server wants id and secret: basic authentication, or the form."},
			 {0},
		 }},
		{"sensitive_tag_ids", FIELD_ID, FIELD_LIST, .max = 100, .kind = "custom_tag", .initial = "[]", .help = "Sensitive tags whose values are sent, as they are when it is sent; all others are masked. Only owner and admin choose them."},
		{"ordered", FIELD_BOOLEAN, .initial = "false", .help = "An event waits until the earlier ones of its call are delivered, or given up."},
		{"rate_per_second", FIELD_INTEGER, .min = 1, .max = 10000, .help = "Most requests a second, tries again included; none: no limit."},
		{"concurrency", FIELD_INTEGER, .min = 1, .max = 100, .initial = "10", .help = "Most requests at once."},
		{"batch", FIELD_OBJECT, .help = "Send many events in one request, as a JSON array. Empty: each by itself.",
		 .fields = (const struct field[]){
			 {"max_events", FIELD_INTEGER, FIELD_REQUIRED, .min = 2, .max = 100, .help = "So many are sent at once."},
			 {"max_seconds", FIELD_INTEGER, FIELD_REQUIRED, .min = 1, .max = 300, .help = "Fewer are sent when the first has waited so long."},
			 {0},
		 }},
		{"timeout_seconds", FIELD_INTEGER, .min = 1, .max = 60, .initial = "15", .help = "Longest wait for an answer."},
		{"enabled", FIELD_BOOLEAN, .initial = "true", .help = "Events wait while it is disabled, and new ones are not queued."},
		{"secret", FIELD_STRING, FIELD_READ_ONLY | FIELD_SECRET, .help = "Signing secret; answered once, when made."},
		{"previous_secret", FIELD_STRING, FIELD_READ_ONLY | FIELD_SECRET, .help = "The secret that was replaced, while requests are signed with it, too."},
		{"previous_secret_expires_at", FIELD_DATETIME, FIELD_READ_ONLY, .help = "Until then."},
		{0},
	},
};
