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

const struct event_type event_types[] = {
	{"call.started", "A call arrived on a tracking number.", true, "", ""},
	{"call.dialing", "A target is being called.", true, "\"target_id\":" TEXT_OR_NULL ",\"uri\":" TEXT, "\"target_id\":\"tgt_EXAMPLE\",\"uri\":\"sip:sales@203.0.113.7\""},
	{"call.connected", "The caller and a target are connected.", true, "", ""},
	{"call.transferred", "The target sent the call on, and the other answered.", true, "\"target_id\":" TEXT_OR_NULL ",\"uri\":" TEXT, "\"target_id\":\"tgt_EXAMPLE\",\"uri\":\"sip:closer@203.0.113.7\""},
	{"call.milestone", "The caller and a target have talked for so many seconds.", true, "\"seconds\":{\"type\":\"integer\"}", "\"seconds\":60"},
	{"call.converted", "The call met the campaign's conversion rule.", true, "", ""},
	{"call.adjusted", "Somebody corrected what a finished call is worth.", true, "\"by\":" TEXT ",\"note\":" TEXT ",\"changes\":{\"type\":\"object\",\"description\":\"revenue, payout, converted: what each was (from) and is (to)\"}", "\"by\":\"usr_EXAMPLE\",\"note\":\"the buyer was refunded\",\"changes\":{\"revenue\":{\"from\":\"25.00\",\"to\":\"0.00\"}}"},
	{"call.failed", "The call ended without having been answered.", true, "", ""},
	{"call.completed", "The call ended; carries the whole call log.", true, "", ""},
	{"tag.set", "A tag of a call got its first value.", true, TAG_MEMBER, "\"tag\":{\"id\":\"tag_EXAMPLE\",\"name\":\"state\",\"value\":\"TX\",\"previous\":null,\"source\":\"incoming_webhook\",\"origin\":\"req_EXAMPLE\",\"set_at\":\"2026-01-15T17:00:00.000Z\"}"},
	{"tag.changed", "A tag of a call got another value.", true, TAG_MEMBER, "\"tag\":{\"id\":\"tag_EXAMPLE\",\"name\":\"state\",\"value\":\"TX\",\"previous\":\"OK\",\"source\":\"api\",\"origin\":\"key_EXAMPLE\",\"set_at\":\"2026-01-15T17:00:00.000Z\"}"},
	{"flow.started", "A call began its call flow.", true, "", ""},
	{"flow.completed", "A call left its call flow: the flow ended, or the call did.", true, "", ""},
	{"flow.custom", "A call flow sent an event of its own.", true, "\"name\":" TEXT ",\"node\":" TEXT ",\"fields\":{\"type\":\"object\"}", "\"name\":\"lead_qualified\",\"node\":\"tell\",\"fields\":{\"score\":\"82\"}"},
	{"flow.unavailable",
	 "A campaign's call flow could not run: its plan ran the call, or the call was refused.", true,
	 "\"call_flow_id\":" TEXT_OR_NULL ",\"reason\":" TEXT ","
	 "\"routing_plan_id\":" TEXT_OR_NULL,
	 "\"call_flow_id\":\"flow_EXAMPLE\",\"reason\":\"The call flow has no published version\","
	 "\"routing_plan_id\":\"pln_EXAMPLE\""},
	{"flow.node_failed", "A node took its failure port.", true, "\"node\":" TEXT ",\"port\":" TEXT ",\"detail\":" TEXT_OR_NULL, "\"node\":\"lookup\",\"port\":\"failure\",\"detail\":\"the answer was 500\""},
	{"routing.no_target", "A routing plan had no eligible target for a call.", true, "", ""},
	{"recording.ready", "A recording of a call is whole and can be fetched.", true, RECORDING_MEMBERS, RECORDING_EXAMPLE},
	{"voicemail.received", "A caller left a message.", true, RECORDING_MEMBERS, RECORDING_EXAMPLE},
	{"webhook.disabled", "An outgoing webhook was disabled because its deliveries fail.", false,
	 "\"outgoing_webhook\":{\"type\":\"object\",\"required\":[\"id\",\"name\",\"url\"],\"properties\":{\"id\":" TEXT ",\"name\":" TEXT ",\"url\":" TEXT "}},\"reason\":" TEXT ",\"failing_since\":" TIME,
	 "\"outgoing_webhook\":{\"id\":\"owh_EXAMPLE\",\"name\":\"CRM\",\"url\":\"https://example.com/strowger\"},\"reason\":\"no delivery was taken for 5 days\",\"failing_since\":\"2026-01-10T17:00:00.000Z\""},
	{0},
};

const struct event_type *event_type_find(const char *type)
{
	for (const struct event_type *t = event_types; type && t->type; t++)
		if (strcmp(t->type, type) == 0)
			return t;
	return NULL;
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
