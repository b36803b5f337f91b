#include "model/resource.h"
#include <string.h>
#include <strings.h>

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

/* A batch has events of many calls: it cannot use what belongs to one call. */
static void check_batch(json_t *doc, struct errors *errors)
{
	if (strcmp(json_string_value(json_object_get(doc, "method")), "GET") == 0)
		errors_add(errors, "/batch", "a GET request has no body for several events");
	for (size_t i = 0; i < 2; i++) {
		const char *map = i ? "query" : "headers", *name;
		json_t *value;
		json_object_foreach(json_object_get(doc, map), name, value) {
			char at[160];
			snprintf(at, sizeof at, "/%s/%.100s", map, name);
			if (strchr(json_string_value(value), '['))
				errors_add(errors, at,
					   "must not contain tokens: a batch is of several calls");
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
		errors_add(errors, "/authentication/bearer_token",
			   "cannot be combined with a username and password");
	const char *const oauth[] = {"token_url", "client_id", "client_secret"};
	size_t given = 0;
	for (size_t i = 0; i < ARRAY_LEN(oauth); i++)
		given += json_is_string(json_object_get(authentication, oauth[i]));
	for (size_t i = 0; given && i < ARRAY_LEN(oauth); i++) {
		char at[64];
		snprintf(at, sizeof at, "/authentication/%s", oauth[i]);
		if (!json_is_string(json_object_get(authentication, oauth[i])))
			errors_add(errors, at,
				   "token URL, client ID and client secret go together");
	}
	if (given && (user || json_is_string(json_object_get(authentication, "bearer_token"))))
		errors_add(errors, "/authentication/token_url",
			   "cannot be combined with a password or a bearer token");
	if (get && json_is_string(json_object_get(doc, "body_template")))
		errors_add(errors, "/body_template",
			   "a GET request has no body: use query parameters");
	if (json_is_object(json_object_get(doc, "batch")))
		check_batch(doc, errors);
}

const struct resource_kind resource_outgoing_webhook = {
	.kind = "outgoing_webhook", .path = "outgoing-webhooks", .prefix = "owh", .title = "Outgoing webhook", .unique = "name", .check = check,
	.help = "A destination that receives events.",
	.actions = (const char *const[]){"test", "rotate-secret", "redeliver", NULL},
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"url", FIELD_TEMPLATE, FIELD_REQUIRED | FIELD_HTTP, .max = 2000,
		 .help = "Where events are sent. Path and parameters may contain [TOKENS], which are "
			 "percent-encoded."},
		{"method", FIELD_ENUM,
		 .choices = (const char *const[]){"POST", "PUT", "PATCH", "GET", NULL},
		 .title = "HTTP method", .initial = "\"POST\"",
		 .help = "A GET request has no body."},
		{"event_types", FIELD_EVENT_TYPE, FIELD_REQUIRED | FIELD_LIST, .min = 1, .max = 50,
		 .help = "Which events are sent: single types, all of one area (call.*) or all "
			 "(*)."},
		{"filter", FIELD_FILTER, .help = "Only events of calls that pass."},
		{"campaign_ids", FIELD_ID, FIELD_LIST, .max = 1000, .kind = "campaign",
		 .initial = "[]",
		 .help = "Only events of calls of these campaigns. Empty: all."},
		{"query", FIELD_MAP, .initial = "{}", .title = "Query parameters",
		 .help = "Added to the URL. Values may contain [TOKENS]."},
		{"headers", FIELD_MAP, .initial = "{}",
		 .help = "Additional request headers. Values may contain [TOKENS]."},
		{"body_template", FIELD_TEMPLATE, .max = 65536,
		 .help = "Request body with [TOKENS]. Values are escaped for JSON, XML or a form, as "
			 "the Content-Type says, else by how the body begins. Empty: the event as JSON."},
		{"authentication", FIELD_OBJECT, .help = "Sent in addition to the signature.",
		 .fields = (const struct field[]){
			 {"username", FIELD_STRING, .min = 1, .max = 200, .help = "Basic authentication."},
			 {"password", FIELD_STRING, FIELD_SECRET, .min = 1, .max = 200, .help = "Basic authentication."},
			 {"bearer_token", FIELD_STRING, FIELD_SECRET, .min = 1, .max = 4000,
			  .help = "Sent as Authorization: Bearer."},
			 {"token_url", FIELD_URL, .max = 2000,
			  .help = "OAuth 2.0 client credentials: the URL that issues access "
				 "tokens, which are sent as Authorization: Bearer."},
			 {"client_id", FIELD_STRING, .min = 1, .max = 400, .title = "Client ID",
			  .help = "OAuth 2.0 client credentials."},
			 {"client_secret", FIELD_STRING, FIELD_SECRET, .min = 1, .max = 4000,
			  .help = "OAuth 2.0 client credentials."},
			 {"scope", FIELD_STRING, .min = 1, .max = 1000, .title = "OAuth scope",
			  .help = "Requested with the token, if its server requires a scope."},
			 {"audience", FIELD_STRING, .min = 1, .max = 1000,
			  .title = "OAuth audience",
			  .help = "Requested with the token, if its server requires an audience."},
			 {"client_credentials_in", FIELD_ENUM,
			  .choices = (const char *const[]){"header", "body", NULL},
			  .labels = (const struct label[]){
				 {"header", "Authorization header"},
				 {"body", "Form in the body"},
				 {0}},
			  .initial = "\"header\"", .title = "Send client credentials in",
			  .help = "Where the token server expects the client ID and secret."},
			 {0},
		 }},
		{"sensitive_tag_ids", FIELD_ID, FIELD_LIST, .max = 100, .kind = "custom_tag",
		 .initial = "[]",
		 .help = "Sensitive tags that are sent with their values. All others are masked. "
			 "Only owners and admins can change this."},
		{"ordered", FIELD_BOOLEAN, .initial = "false", .title = "In order",
		 .help = "An event waits until the earlier events of its call were delivered or "
			 "have failed for good."},
		{"rate_per_second", FIELD_INTEGER, .min = 1, .max = 10000,
		 .title = "Requests per second",
		 .help = "Limit, retries included. Empty: no limit."},
		{"concurrency", FIELD_INTEGER, .min = 1, .max = 100, .initial = "10",
		 .title = "Concurrent requests",
		 .help = "Most requests at the same time."},
		{"batch", FIELD_OBJECT, .title = "Batches",
		 .help = "Send several events in one request, as a JSON array. Empty: one request "
			 "per event.",
		 .fields = (const struct field[]){
			 {"max_events", FIELD_INTEGER, FIELD_REQUIRED, .min = 2, .max = 100,
			  .help = "Most events in one request."},
			 {"max_seconds", FIELD_INTEGER, FIELD_REQUIRED, .min = 1, .max = 300,
			  .title = "Max. wait (s)",
			  .help = "A smaller batch is sent when its first event has waited this "
				 "long."},
			 {0},
		 }},
		{"timeout_seconds", FIELD_INTEGER, .min = 1, .max = 60, .initial = "15",
		 .help = "Longest wait for a response."},
		{"enabled", FIELD_BOOLEAN, .initial = "true",
		 .help = "While disabled, queued events wait and new ones are not queued."},
		{"secret", FIELD_STRING, FIELD_READ_ONLY | FIELD_SECRET, .title = "Signing secret",
		 .help = "Returned once, when created."},
		{"previous_secret", FIELD_STRING, FIELD_READ_ONLY | FIELD_SECRET,
		 .help = "The replaced secret, while requests are also signed with it."},
		{"previous_secret_expires_at", FIELD_DATETIME, FIELD_READ_ONLY,
		 .title = "Previous secret signs until"},
		{0},
	},
};
