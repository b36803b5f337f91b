#include "model/rtb_target.h"
#include "model/resource.h"
#include "model/target.h"
#include <string.h>
#include <strings.h>

#define REQUEST_FIELDS \
	{"method", FIELD_ENUM, .choices = (const char *const[]){"GET", "POST", "PUT", NULL}, .initial = "\"POST\"", .help = "HTTP method."}, \
	{"url", FIELD_TEMPLATE, FIELD_REQUIRED, .min = 8, .max = 4000, .help = "http:// or https:// URL; [TOKENS] are percent-encoded."}, \
	{"headers", FIELD_MAP, .initial = "{}", .help = "Request headers; values may have [TOKENS]."}, \
	{"body", FIELD_TEMPLATE, .max = 65536, .help = "Request body with [TOKENS]; values are escaped for JSON or a form, as its Content-Type says. Empty: none."}

const struct field rtb_response_fields[] = {
	{"format", FIELD_ENUM, .choices = (const char *const[]){"json", "xml", "text", NULL}, .initial = "\"json\"", .help = "What answers are, and so how the parts below are named: json, by JSON pointers such as /bid/amount; xml, by XPath such as //bid/amount; text, by regular expressions, of which the first group is taken."},
	{"accepted", FIELD_STRING, .min = 1, .max = 400, .help = "Where it says that it takes the call. Empty: an answer with a bid does."},
	{"accepted_values", FIELD_STRING, FIELD_LIST, .max = 20, .initial = "[]", .help = "What stands there when it does, such as accepted; upper and lower case are one. Empty: anything but false, no, 0, rejected and the like."},
	{"bid", FIELD_STRING, .min = 1, .max = 400, .help = "Where the bid stands. Empty: the fixed bid is it."},
	{"destination", FIELD_STRING, .min = 1, .max = 400, .help = "Where the phone number or SIP URI stands that the call is to go to. Empty: to the destination below."},
	{"duration", FIELD_STRING, .min = 1, .max = 400, .help = "Where the seconds stand that the conversation must last to be paid for. Empty: the revenue below says."},
	{"expires", FIELD_STRING, .min = 1, .max = 400, .help = "Where the end of the bid stands: seconds from now, a Unix time, or a time such as 2026-11-27T14:00:00Z. Empty: the bid's expires_seconds."},
	{"reason", FIELD_STRING, .min = 1, .max = 400, .help = "Where it says why it does not take the call; reports show it."},
	{0},
};

static void check_request(json_t *request, const char *pointer, struct errors *errors)
{
	const char *url = json_string_value(json_object_get(request, "url")), *name;
	char at[200];
	json_t *value;
	if (!json_is_object(request))
		return;
	snprintf(at, sizeof at, "%s/url", pointer);
	if (url && strncasecmp(url, "https://", 8) != 0 && strncasecmp(url, "http://", 7) != 0)
		errors_add(errors, at, "must begin with http:// or https://");
	snprintf(at, sizeof at, "%s/headers", pointer);
	if (json_object_size(json_object_get(request, "headers")) > RTB_HEADERS_MAX)
		errors_add(errors, at, "must have at most %d", RTB_HEADERS_MAX);
	json_object_foreach(json_object_get(request, "headers"), name, value) {
		snprintf(at, sizeof at, "%s/headers/%.100s", pointer, name);
		if (!*name || strpbrk(name, " :\r\n\t"))
			errors_add(errors, at, "is not a header name");
	}
	snprintf(at, sizeof at, "%s/body", pointer);
	const char *method = json_string_value(json_object_get(request, "method"));
	if (method && strcmp(method, "GET") == 0 && json_is_string(json_object_get(request, "body")))
		errors_add(errors, at, "a GET has no body: put parameters into the URL");
}

static void check_destination(json_t *doc, struct errors *errors)
{
	json_t *d = json_object_get(doc, "destination");
	const char *type = json_string_value(json_object_get(d, "type"));
	bool answer = type && strcmp(type, "answer") == 0, number = type && strcmp(type, "number") == 0;
	if (answer && !json_is_string(json_object_get(json_object_get(doc, "response"), "destination")))
		errors_add(errors, "/response/destination", "is required for a destination of type answer");
	if (type && strcmp(type, "sip") == 0 && !json_is_string(json_object_get(d, "uri")))
		errors_add(errors, "/destination/uri", "is required for a destination of type sip");
	if (number && !json_is_string(json_object_get(d, "number")))
		errors_add(errors, "/destination/number", "is required for a destination of type number");
	if (number && !json_is_string(json_object_get(d, "trunk_id")))
		errors_add(errors, "/destination/trunk_id", "is required for a destination of type number");
}

static void check(json_t *doc, struct errors *errors)
{
	json_t *bid = json_object_get(doc, "bid"), *response = json_object_get(doc, "response");
	target_check_rules(doc, errors);
	check_destination(doc, errors);
	check_request(json_object_get(doc, "request"), "/request", errors);
	check_request(json_object_get(doc, "win_notice"), "/win_notice", errors);
	check_request(json_object_get(doc, "loss_notice"), "/loss_notice", errors);
	if (json_is_object(response) && !json_is_string(json_object_get(response, "bid")) && !json_is_string(json_object_get(bid, "fixed")))
		errors_add(errors, "/response/bid", "is required, or a fixed bid");
}

const struct resource_kind resource_rtb_target = {
	.kind = "rtb_target", .path = "rtb-targets", .prefix = "rbt", .title = "RTB target", .unique = "name", .check = check,
	.help = "A buyer that is asked, call by call, whether it takes it and what it pays. Ring trees ask several at once.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"buyer_id", FIELD_ID, .kind = "buyer", .help = "Who pays for its calls."},
		{"request", FIELD_OBJECT, FIELD_REQUIRED, .fields = (const struct field[]){REQUEST_FIELDS, {0}}, .help = "The ping: how it is asked. [RTB_REQUEST_ID] is the ping's own id."},
		{"send_caller_number", FIELD_BOOLEAN, .initial = "false", .help = "Its pings and notices may have the caller's number, [CALLER_ID]; otherwise that is empty in them. Area code, state and the like are told always."},
		{"sensitive_tag_ids", FIELD_ID, FIELD_LIST, .max = 100, .kind = "custom_tag", .initial = "[]", .help = "Sensitive tags whose values its pings and notices may have; those of others are empty in them."},
		{"response", FIELD_OBJECT, FIELD_REQUIRED, .fields = rtb_response_fields, .help = "How its answer is read. Status 204, and any but 2xx, is no bid."},
		{"bid", FIELD_OBJECT, .initial = "{}", .help = "Which bids count.",
		 .fields = (const struct field[]){
			 {"minimum", FIELD_MONEY, .help = "A lower bid is none. Empty: any above 0 counts."},
			 {"maximum", FIELD_MONEY, .help = "A higher bid is taken for a mistake, and is none. Empty: any counts."},
			 {"fixed", FIELD_MONEY, .help = "The bid of an answer that takes the call and names none."},
			 {"expires_seconds", FIELD_INTEGER, .min = 1, .max = 3600, .initial = "60", .help = "How long a bid holds whose answer does not say it; after that it is asked anew."},
			 {0},
		 }},
		{"destination", FIELD_OBJECT, FIELD_REQUIRED, .help = "Where its calls go when its answer names no destination.",
		 .fields = (const struct field[]){
			 {"type", FIELD_ENUM, FIELD_REQUIRED, .choices = (const char *const[]){"answer", "sip", "number", NULL}, .help = "answer: where its answer says, as far as the organization's dial policy allows; sip; or number."},
			 {"uri", FIELD_SIP_URI, .help = "Where it is called, such as sip:calls@buyer.example.com.", .only = "type=sip"},
			 {"number", FIELD_E164, .max = 32, .help = "The phone number that is called.", .only = "type=number"},
			 {"trunk_id", FIELD_ID, .kind = "trunk", .help = "The trunk over which numbers are dialled, those of answers, too."},
			 {0},
		 }},
		{"revenue", FIELD_OBJECT, .initial = "{}", .help = "When the bid is due.",
		 .fields = (const struct field[]){
			 {"on", FIELD_ENUM, .choices = (const char *const[]){"connect", "duration", "conversion", NULL}, .initial = "\"connect\"", .help = "On connect, after so long a conversation, or when the call converts. A duration in its answer goes before."},
			 {"duration_seconds", FIELD_INTEGER, .min = 0, .max = 86400, .initial = "0", .help = "Seconds connected.", .only = "on=duration"},
			 TARGET_ONCE,
			 {0},
		 }},
		{"win_notice", FIELD_OBJECT, .fields = (const struct field[]){REQUEST_FIELDS, {0}}, .help = "Sent when the caller is connected with it. [RTB_REQUEST_ID] and [BID] are the ping's."},
		{"loss_notice", FIELD_OBJECT, .fields = (const struct field[]){REQUEST_FIELDS, {0}}, .help = "Sent when the call went to another one, or to nobody. [WINNING_BID] is the bid of who got it, where it was one of the same ring tree."},
		TARGET_RULES,
		TARGET_SWITCHES,
		{0},
	},
};
