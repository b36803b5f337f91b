#include "model/call_log.h"
#include "model/resource.h"
#include <string.h>

#define TEXT "{\"type\":\"string\"}"
#define TEXT_OR_NULL "{\"type\":[\"string\",\"null\"]}"
#define TIME "{\"type\":\"string\",\"format\":\"date-time\"}"
#define TIME_OR_NULL "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"

#define TAG_MEMBER "\"tag\":{\"type\":\"object\",\"required\":[\"id\",\"name\",\"value\",\"previous\",\"source\"],\"properties\":{\"id\":" TEXT ",\"name\":" TEXT ",\"value\":{},\"previous\":{},\"source\":" TEXT ",\"origin\":" TEXT_OR_NULL ",\"set_at\":" TIME_OR_NULL "}}"
#define RECORDING_MEMBERS "\"recording_id\":" TEXT ",\"duration_seconds\":{\"type\":\"integer\"},\"path\":" TEXT
#define RECORDING_EXAMPLE "\"recording_id\":\"rec_EXAMPLE\",\"duration_seconds\":90,\"path\":\"/api/v1/calls/call_EXAMPLE/recording?recording_id=rec_EXAMPLE\""

#define SECONDS_MEMBER "\"seconds\":{\"type\":\"integer\"}"
#define TARGET_MEMBERS "\"target_id\":" TEXT_OR_NULL ",\"uri\":" TEXT
#define WEBHOOK_MEMBERS \
	"\"outgoing_webhook\":{\"type\":\"object\",\"required\":[\"id\",\"name\",\"url\"]," \
	"\"properties\":{\"id\":" TEXT ",\"name\":" TEXT ",\"url\":" TEXT "}}," \
	"\"reason\":" TEXT ",\"failing_since\":" TIME

/* What made a change, and what it changed. */
#define CAUSE_MEMBERS \
	"\"source\":{\"enum\":[\"incoming_webhook\",\"api\",\"call_flow\",\"rule\",\"recording\"]," \
	"\"description\":\"incoming_webhook; api: a person or program; call_flow: the call's flow; " \
	"rule: terms of the campaign or target; recording: the recorder\"}," \
	"\"by\":{\"type\":[\"string\",\"null\"]," \
	"\"description\":\"Id of the webhook request, user or API key\"},"
#define CHANGES_MEMBER(what) \
	"\"changes\":{\"type\":\"object\",\"description\":\"" what "\"," \
	"\"additionalProperties\":{\"type\":\"object\"}}"
#define RECORDING_STATE_MEMBER \
	"\"recording\":{\"enum\":[\"none\",\"stored\",\"failed\",\"pending\"]," \
	"\"description\":\"What became of the call's recordings. " \
	"pending: not stored ten minutes after the event was due\"}"

#define REVENUE_EXAMPLE "\"changes\":{\"revenue\":{\"from\":\"25.00\",\"to\":\"0.00\"}}"
#define TAG_EXAMPLE(previous, source, origin) \
	"\"tag\":{\"id\":\"tag_EXAMPLE\",\"name\":\"state\",\"value\":\"TX\",\"previous\":" previous "," \
	"\"source\":\"" source "\",\"origin\":\"" origin "\",\"set_at\":\"2026-01-15T17:00:00.000Z\"}"
#define TAG_REMOVED_EXAMPLE \
	"\"tag\":{\"id\":\"tag_EXAMPLE\",\"name\":\"state\",\"value\":null,\"previous\":\"TX\"," \
	"\"source\":\"incoming_webhook\",\"origin\":\"req_EXAMPLE\"," \
	"\"set_at\":\"2026-01-15T17:00:00.000Z\"}"
#define WEBHOOK_EXAMPLE \
	"\"outgoing_webhook\":{\"id\":\"owh_EXAMPLE\",\"name\":\"CRM\"," \
	"\"url\":\"https://example.com/strowger\"}," \
	"\"reason\":\"no delivery was taken for 5 days\"," \
	"\"failing_since\":\"2026-01-10T17:00:00.000Z\""

/* An event of a call. */
#define CALL_EVENT(name, when) .type = name, .has_call = true, .help = when
/* One with further members in its data. */
#define DATA(schema, like) .members = schema, .example = like
#define NO_DATA DATA("", "")
/* A name that "*" and "call.*" leave out. */
#define BY_NAME .by_name = true

/* The caller and a target have been connected for n seconds. */
#define MARK(n) \
	{ \
		CALL_EVENT("call.on_" #n "_secs_mark", \
			   "Sent when the caller and a target have been connected for " #n " seconds."), \
		DATA(SECONDS_MEMBER, "\"seconds\":" #n), BY_NAME, .instead_of = "call.milestone", \
		.seconds = n, .moment = EVENT_CONNECTED, \
	}

/* In the order in which a call sends them. */
const struct event_type event_types[] = {
	{CALL_EVENT("call.incoming", "Sent when a call arrives on a tracking number."),
	 NO_DATA, BY_NAME, .instead_of = "call.started", .moment = EVENT_BEGAN},
	{CALL_EVENT("call.started", "Sent when a call arrives on a tracking number."),
	 NO_DATA, .moment = EVENT_BEGAN},
	{CALL_EVENT("flow.unavailable",
		    "Sent when a campaign's call flow cannot run a call: its plan does, or nothing."),
	 DATA("\"call_flow_id\":" TEXT_OR_NULL ",\"reason\":" TEXT ",\"routing_plan_id\":" TEXT_OR_NULL,
	      "\"call_flow_id\":\"flow_EXAMPLE\",\"reason\":\"The call flow has no published version\","
	      "\"routing_plan_id\":\"pln_EXAMPLE\""),
	 .moment = EVENT_BEGAN},
	{CALL_EVENT("flow.started", "Sent when a call begins its call flow."),
	 NO_DATA, .moment = EVENT_BEGAN},
	{CALL_EVENT("tag.set", "Sent when a tag of a call gets its first value."),
	 DATA(TAG_MEMBER, TAG_EXAMPLE("null", "incoming_webhook", "req_EXAMPLE"))},
	{CALL_EVENT("tag.changed", "Sent when a tag of a call gets another value."),
	 DATA(TAG_MEMBER, TAG_EXAMPLE("\"OK\"", "api", "key_EXAMPLE"))},
	{CALL_EVENT("tag.removed", "Sent when a tag of a call is removed."),
	 DATA(TAG_MEMBER, TAG_REMOVED_EXAMPLE)},
	{CALL_EVENT("flow.custom", "Sent when a call reaches a 'Send event' node of its call flow."),
	 DATA("\"name\":" TEXT ",\"node\":" TEXT ",\"fields\":{\"type\":\"object\"}",
	      "\"name\":\"lead_qualified\",\"node\":\"tell\",\"fields\":{\"score\":\"82\"}"),
	 .moment = EVENT_BEGAN},
	{CALL_EVENT("flow.node_failed", "Sent when a node of the call flow fails."),
	 DATA("\"node\":" TEXT ",\"port\":" TEXT ",\"detail\":" TEXT_OR_NULL,
	      "\"node\":\"lookup\",\"port\":\"failure\",\"detail\":\"the answer was 500\""),
	 .moment = EVENT_BEGAN},
	{CALL_EVENT("routing.no_target", "Sent when no target can take a call that is to be routed."),
	 NO_DATA, .moment = EVENT_BEGAN},
	{CALL_EVENT("call.dialing", "Sent each time a target is called."),
	 DATA(TARGET_MEMBERS, "\"target_id\":\"tgt_EXAMPLE\",\"uri\":\"sip:sales@203.0.113.7\""),
	 .moment = EVENT_BEGAN},
	{CALL_EVENT("call.connected", "Sent when the caller and a target are connected."),
	 NO_DATA, .moment = EVENT_CONNECTED},
	{CALL_EVENT("call.transferred",
		    "Sent when a target has transferred the caller and the new party has answered."),
	 DATA(TARGET_MEMBERS, "\"target_id\":\"tgt_EXAMPLE\",\"uri\":\"sip:closer@203.0.113.7\""),
	 .moment = EVENT_CONNECTED},
	MARK(5), MARK(10), MARK(15), MARK(20), MARK(25), MARK(30),
	MARK(35), MARK(40), MARK(45), MARK(50), MARK(55), MARK(60),
	{CALL_EVENT("call.milestone",
		    "Sent when the conversation with a target reaches a milestone of the campaign."),
	 DATA(SECONDS_MEMBER, "\"seconds\":60"), .moment = EVENT_CONNECTED},
	{CALL_EVENT("call.converted", "Sent when a call converts."),
	 NO_DATA},
	{CALL_EVENT("call.revenue_changed",
		    "Sent each time the revenue or payout of a call changes, also after the call."),
	 DATA(CAUSE_MEMBERS CHANGES_MEMBER("revenue, payout: what each was (from) and is (to)"),
	      "\"source\":\"incoming_webhook\",\"by\":\"req_EXAMPLE\"," REVENUE_EXAMPLE),
	 BY_NAME},
	{CALL_EVENT("flow.completed", "Sent when the call flow ends, or the call ends within it."),
	 NO_DATA},
	{CALL_EVENT("call.failure",
		    "Sent when a call ends and no target was connected, even if a flow answered it."),
	 NO_DATA, BY_NAME, .instead_of = "call.failed", .moment = EVENT_UNCONNECTED},
	{CALL_EVENT("call.failed", "Sent when a call ends that was never answered."),
	 NO_DATA, .moment = EVENT_UNCONNECTED},
	{CALL_EVENT("call.hangup", "Sent when a call ends. It has the whole call log."),
	 NO_DATA, BY_NAME, .instead_of = "call.completed"},
	{CALL_EVENT("call.completed", "Sent when a call ends. It has the whole call log."),
	 NO_DATA},
	{CALL_EVENT("recording.ready", "Sent when a recording of a call is stored."),
	 DATA(RECORDING_MEMBERS, RECORDING_EXAMPLE)},
	{CALL_EVENT("voicemail.received", "Sent when a message that a caller left is stored."),
	 DATA(RECORDING_MEMBERS, RECORDING_EXAMPLE)},
	{CALL_EVENT("call.adjusted",
		    "Sent when a person or a webhook changes what a finished call is worth."),
	 DATA(CAUSE_MEMBERS "\"note\":" TEXT_OR_NULL ","
	      CHANGES_MEMBER("revenue, payout, converted: what each was (from) and is (to)"),
	      "\"source\":\"api\",\"by\":\"usr_EXAMPLE\","
	      "\"note\":\"the buyer was refunded\"," REVENUE_EXAMPLE)},
	{CALL_EVENT("call.final",
		    "Sent once per call: it is over, its recording stored, its campaign's wait passed."),
	 DATA(RECORDING_STATE_MEMBER, "\"recording\":\"stored\""), BY_NAME},
	{CALL_EVENT("call.updated", "Sent when something about a call changes after its call.final."),
	 DATA(CAUSE_MEMBERS CHANGES_MEMBER("By field of the call: what it was (from) and is (to); "
					   "tags and recordings have one for each"),
	      "\"source\":\"incoming_webhook\",\"by\":\"req_EXAMPLE\","
	      "\"changes\":{\"tags\":{\"state\":{\"from\":null,\"to\":\"TX\"}}}"),
	 BY_NAME},
	{.type = "webhook.disabled",
	 .help = "Sent to the others when an outgoing webhook is disabled because it only fails.",
	 DATA(WEBHOOK_MEMBERS, WEBHOOK_EXAMPLE)},
	{0},
};

const struct event_type *event_type_find(const char *type)
{
	for (const struct event_type *t = event_types; type && t->type; t++)
		if (strcmp(t->type, type) == 0)
			return t;
	return NULL;
}

const struct event_type *event_type_newer(const char *type, int seconds)
{
	for (const struct event_type *t = event_types; t->type; t++)
		if (t->instead_of && t->seconds == seconds && strcmp(t->instead_of, type) == 0)
			return t;
	return NULL;
}

uint64_t event_type_bit(const struct event_type *type)
{
	unsigned before = 0;
	for (const struct event_type *t = event_types; t < type; t++)
		before += t->by_name;
	return type->by_name ? UINT64_C(1) << before : 0;
}

uint64_t event_types_named(const char *const *names, size_t count)
{
	uint64_t named = 0;
	for (size_t i = 0; i < count; i++) {
		const struct event_type *t = event_type_find(names[i]);
		named |= t ? event_type_bit(t) : 0;
	}
	return named;
}

bool event_type_matches(const char *pattern, const char *type)
{
	size_t n = strlen(pattern);
	if (strcmp(pattern, "*") == 0 || strcmp(pattern, type) == 0)
		return true;
	bool is_beginning = n > 2 && pattern[n - 1] == '*' && pattern[n - 2] == '.';
	return is_beginning && strncmp(pattern, type, n - 1) == 0;
}

static bool lists(const char *const *names, size_t count, const char *type)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], type) == 0)
			return true;
	return false;
}

bool event_types_take(const char *const *names, size_t count, const struct event_type *type,
		      const struct event_type *newer)
{
	if (lists(names, count, type->type))
		return true;
	if (type->by_name || (newer && lists(names, count, newer->type)))
		return false;
	for (size_t i = 0; i < count; i++)
		if (event_type_matches(names[i], type->type))
			return true;
	return false;
}

const char *event_type_title(const struct event_type *t, char out[WORDS_SIZE])
{
	static const struct label titles[] = {
		{"flow.custom", "Custom event of a flow"},
		{"routing.no_target", "No target found"},
	};
	for (size_t i = 0; i < ARRAY_LEN(titles); i++)
		if (strcmp(titles[i].value, t->type) == 0)
			return titles[i].text;
	return words_title(t->type, out);
}

json_t *event_type_schema(const struct event_type *t)
{
	json_t *call = t->has_call ? call_log_schema() : NULL, *required = json_array();
	char text[2048], time[] = TIME;
	snprintf(text, sizeof text, "{%s}", t->members);
	json_t *properties = json_loads(text, 0, NULL), *member;
	const char *name;
	json_object_foreach(properties, name, member)
		json_array_append_new(required, json_string(name));
	if (call) {
		json_object_set_new(properties, "call", call);
		json_array_append_new(required, json_string("call"));
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:{s:{s:s}, s:{s:s}, s:o, s:{s:s}, s:{s:s, s:s}, s:{s:s}, s:{s:s, s:o, s:o}}, s:[s,s,s,s,s]}", "$schema", "https://json-schema.org/draft/2020-12/schema", "title", t->type, "description", t->help, "type", "object",
			 "properties", "id", "type", "string", "type", "const", t->type, "timestamp", json_loads(time, 0, NULL), "organization_id", "type", "string",
			 "sequence", "type", "integer", "description", "Place among the call's events: 1, 2, 3 …; events of no call have none",
			 "test", "type", "boolean", "data", "type", "object", "properties", properties, "required", required,
			 "required", "id", "type", "timestamp", "organization_id", "data");
}
