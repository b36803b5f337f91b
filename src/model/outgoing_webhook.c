#include "model/resource.h"
#include <string.h>

const struct event_type event_types[] = {
	{"call.started", "A call arrived on a tracking number."},
	{"call.dialing", "A target is being called."},
	{"call.connected", "The caller and a target are connected."},
	{"call.milestone", "The caller and a target have talked for so many seconds."},
	{"call.converted", "The call met the campaign's conversion rule."},
	{"call.failed", "The call ended without having been answered."},
	{"call.completed", "The call ended; carries the whole call log."},
	{"tag.set", "A tag of a call got its first value."},
	{"tag.changed", "A tag of a call got another value."},
	{"flow.started", "A call began its call flow."},
	{"flow.completed", "A call left its call flow."},
	{"flow.custom", "A call flow sent an event of its own."},
	{"flow.node_failed", "A node took its failure port."},
	{"routing.no_target", "A routing plan had no eligible target for a call."},
	{"recording.ready", "A recording of a call is whole and can be fetched."},
	{"voicemail.received", "A caller left a message."},
	{0},
};

static void check(json_t *doc, struct errors *errors)
{
	json_t *type;
	size_t i;
	json_array_foreach(json_object_get(doc, "event_types"), i, type) {
		const char *name = json_string_value(type);
		bool known = name && strcmp(name, "*") == 0;
		size_t n = name ? strlen(name) : 0;
		for (const struct event_type *t = event_types; name && t->type; t++)
			known |= strcmp(t->type, name) == 0 || (n > 2 && name[n - 1] == '*' && name[n - 2] == '.' && strncmp(t->type, name, n - 1) == 0);
		char at[64];
		snprintf(at, sizeof at, "/event_types/%zu", i);
		if (!known)
			errors_add(errors, at, "there is no event type %.60s", name ? name : "");
	}
}

const struct resource_kind resource_outgoing_webhook = {
	.kind = "outgoing_webhook", .path = "outgoing-webhooks", .prefix = "owh", .title = "Outgoing webhook", .unique = "name", .check = check,
	.help = "A destination that receives chosen event types.",
	.actions = (const char *const[]){"test", "rotate-secret", "redeliver", NULL},
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"url", FIELD_URL, FIELD_REQUIRED, .max = 2000, .help = "Where events are sent."},
		{"method", FIELD_ENUM, .choices = (const char *const[]){"POST", "PUT", "PATCH", NULL}, .initial = "\"POST\"", .help = "HTTP method."},
		{"event_types", FIELD_STRING, FIELD_REQUIRED | FIELD_LIST, .min = 1, .max = 50, .help = "Such as call.completed, call.* or *."},
		{"filter", FIELD_FILTER, .help = "Only events of calls that pass."},
		{"headers", FIELD_MAP, .initial = "{}", .help = "Further request headers; values may have [TOKENS]."},
		{"body_template", FIELD_TEMPLATE, .max = 65536, .help = "Body with [TOKENS] instead of the JSON event."},
		{"concurrency", FIELD_INTEGER, .min = 1, .max = 100, .initial = "10", .help = "Most requests at once."},
		{"timeout_seconds", FIELD_INTEGER, .min = 1, .max = 60, .initial = "15", .help = "Longest wait for an answer."},
		{"enabled", FIELD_BOOLEAN, .initial = "true", .help = "Events wait while it is disabled, and new ones are not queued."},
		{"secret", FIELD_STRING, FIELD_READ_ONLY | FIELD_SECRET, .help = "Signing secret; answered once, when made."},
		{0},
	},
};
