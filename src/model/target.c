#include "model/resource.h"
#include "model/target.h"
#include <string.h>
#include <strings.h>

#define CAPS(whose) \
	{"hourly", FIELD_INTEGER, .min = 1, .max = 1000000000, .title = "Per hour", \
	 .help = "Calls per hour" whose "."}, \
	{"daily", FIELD_INTEGER, .min = 1, .max = 1000000000, .title = "Per day", \
	 .help = "Calls per day" whose "."}, \
	{"monthly", FIELD_INTEGER, .min = 1, .max = 1000000000, .title = "Per month", \
	 .help = "Calls per month" whose "."}, \
	{"total", FIELD_INTEGER, .min = 1, .max = 1000000000, .help = "Calls in total" whose "."}

const char *const dtmf_modes[] = {
	[DTMF_AUTO] = "auto", [DTMF_INFO] = "info", [DTMF_INBAND] = "inband", NULL,
};

const char *const target_revenue_choices[] = {"connect", "duration", "conversion", NULL};
const struct label target_revenue_labels[] = {
	{"connect", "The caller is connected"},
	{"duration", "They talk long enough"},
	{"conversion", "The call converts"},
	{0},
};

const struct field target_caps_fields[] = {
	CAPS(""),
	{"time_zone", FIELD_TIME_ZONE, .max = 64,
	 .help = "Hours, days and months are counted in this time zone. Empty: the schedule's, "
		 "else UTC."},
	{0},
};

const struct field target_limit_fields[] = {
	{"campaign_id", FIELD_ID, .kind = "campaign",
	 .help = "Counts this campaign's calls. Empty: any."},
	{"publisher_id", FIELD_ID, .kind = "publisher",
	 .help = "Counts this publisher's calls. Empty: any."},
	CAPS(" of these"),
	{"concurrency", FIELD_INTEGER, .min = 1, .max = 100000, .title = "Concurrent calls",
	 .help = "Most of these calls at the same time."},
	{0},
};

static void check_limits(json_t *limits, struct errors *errors)
{
	json_t *item;
	size_t i;
	char at[40];
	json_array_foreach(limits, i, item) {
		snprintf(at, sizeof at, "/limits/%zu", i);
		if (!json_is_string(json_object_get(item, "campaign_id")) && !json_is_string(json_object_get(item, "publisher_id")))
			errors_add(errors, at, "needs a campaign, a publisher, or both");
	}
}

/* Header fields that SIP itself gives a meaning to within a dialog (RFC 3261 section 20). */
static bool is_sips_own(const char *name)
{
	static const char *const own[] = {
		"accept", "accept-encoding", "allow", "authorization", "call-id", "contact",
		"content-disposition", "content-encoding", "content-length", "content-type", "cseq",
		"date", "diversion", "expires", "from", "identity", "max-forwards", "min-se",
		"p-asserted-identity", "path", "privacy", "proxy-authorization", "proxy-require", "rack",
		"record-route", "refer-to", "referred-by", "replaces", "require", "route", "rseq",
		"session-expires", "supported", "to", "unsupported", "via", "x-strowger-call-id",
		"b", "c", "e", "f", "i", "k", "l", "m", "r", "t", "v", "x",
	};
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (strcasecmp(own[i], name) == 0)
			return true;
	return false;
}

void sip_headers_check(json_t *list, const char *pointer, struct errors *errors)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-.!%*_+`'~";
	json_t *item;
	size_t i;
	char at[80];
	json_array_foreach(list, i, item) {
		const char *name = json_string_value(json_object_get(item, "name"));
		snprintf(at, sizeof at, "%s/%zu/name", pointer, i);
		if (name && name[strspn(name, token)])
			errors_add(errors, at, "is not a valid header name");
		else if (name && is_sips_own(name))
			errors_add(errors, at, "is a header that SIP itself uses");
	}
}

void target_check_rules(json_t *doc, struct errors *errors)
{
	json_t *whisper = json_object_get(doc, "whisper");
	check_limits(json_object_get(doc, "limits"), errors);
	sip_headers_check(json_object_get(doc, "headers"), "/headers", errors);
	schedule_check(json_object_get(doc, "schedule"), "/schedule", errors);
	if (json_is_object(whisper) && json_is_string(json_object_get(whisper, "prompt_id")) == json_is_string(json_object_get(whisper, "text")))
		errors_add(errors, "/whisper", "needs either a prompt or a text");
}

static void check(json_t *doc, struct errors *errors)
{
	json_t *destination = json_object_get(doc, "destination");
	const char *type = json_string_value(json_object_get(destination, "type"));
	bool uri = json_is_string(json_object_get(destination, "uri")), number = json_is_string(json_object_get(destination, "number"));
	target_check_rules(doc, errors);
	if (type && strcmp(type, "sip") == 0 && !uri)
		errors_add(errors, "/destination/uri", "is required for a SIP URI destination");
	if (type && strcmp(type, "number") == 0 && !number)
		errors_add(errors, "/destination/number",
			   "is required for a phone number destination");
	const char *user = json_string_value(json_object_get(destination, "username"));
	const char *short_number = json_string_value(json_object_get(doc, "short_number"));
	if (short_number && short_number[strspn(short_number, "0123456789")])
		errors_add(errors, "/short_number", "may only have digits");
	if (type && strcmp(type, "phone") == 0 && !user)
		errors_add(errors, "/destination/username", "is required for a phone destination");
	if (user && strspn(user, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != strlen(user))
		errors_add(errors, "/destination/username",
			   "may only have letters, digits, '-', '_' and '.'");
	if (type && strcmp(type, "phone") == 0 && !json_is_string(json_object_get(destination, "password")))
		errors_add(errors, "/destination/password", "is required for a phone destination");
	if (type && strcmp(type, "number") == 0 && !json_is_string(json_object_get(destination, "trunk_id")))
		errors_add(errors, "/destination/trunk_id",
			   "is required for a phone number destination");
}

const struct resource_kind resource_target = {
	.kind = "target", .path = "targets", .prefix = "tgt", .title = "Target", .unique = "name", .check = check,
	.help = "Where calls can be sent.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"buyer_id", FIELD_ID, .kind = "buyer", .help = "Who pays for its calls."},
		{"destination", FIELD_OBJECT, FIELD_REQUIRED,
		 .help = "A SIP URI, a phone number over a trunk, or a phone that registers here.",
		 .fields = (const struct field[]){
			 {"type", FIELD_ENUM, FIELD_REQUIRED,
			  .choices = (const char *const[]){"sip", "number", "phone", NULL},
			  .labels = (const struct label[]){
				 {"sip", "SIP URI"},
				 {"number", "Phone number"},
				 {"phone", "Registered phone"},
				 {0}},},
			 {"uri", FIELD_SIP_URI, .title = "SIP URI",
			  .help = "Such as sip:sales@pbx.example.com.", .only = "type=sip"},
			 {"number", FIELD_E164, .max = 32, .title = "Phone number",
			  .help = "The number to call.", .only = "type=number"},
			 {"trunk_id", FIELD_ID, .kind = "trunk",
			  .help = "The trunk that the number is dialed over.",
			  .only = "type=number"},
			 {"username", FIELD_STRING, .min = 3, .max = 64,
			  .help = "The name that the softphone or desk phone registers with.",
			  .only = "type=phone"},
			 {"password", FIELD_STRING, FIELD_SECRET, .min = 10, .max = 200,
			  .help = "At least 10 characters.", .only = "type=phone"},
			 {"srtp", FIELD_BOOLEAN, .initial = "false", .only = "type=sip|phone",
			  .help = "Encrypt audio (SRTP with keys in the SDP, RFC 4568). Needs "
				 "rtpengine, and TLS to keep the keys secret."},
			 {0},
		 }},
		{"short_number", FIELD_STRING, .min = 2, .max = 6, .title = "Short number",
		 .help = "Digits such as 201, by which phones of the organization transfer calls here."},
		{"transfer_trunk_id", FIELD_ID, .kind = "trunk", .title = "Trunk for transfers",
		 .help = "The trunk that phone numbers are dialed over when this target's phone transfers "
			 "a call. Empty: the only trunk with an outbound gateway."},
		TARGET_RULES,
		{"revenue", FIELD_OBJECT, .help = "Amount the buyer pays for a call.",
		 .fields = (const struct field[]){
			 {"amount", FIELD_MONEY, FIELD_REQUIRED, .help = "Such as 25.00."},
			 {"on", FIELD_ENUM,
			  .choices = target_revenue_choices,
			  .labels = target_revenue_labels,
			  .initial = "\"connect\"", .title = "Paid when",
			  .help = "A call converts by the campaign's rule, its flow or a webhook."},
			 {"duration_seconds", FIELD_INTEGER, .min = 0, .max = 86400, .initial = "0",
			  .only = "on=duration",
			  .title = "Talk time (s)",
			  .help = "Seconds the caller must be connected."},
			 TARGET_ONCE,
			 {0},
		 }},
		TARGET_SWITCHES,
		{0},
	},
};
