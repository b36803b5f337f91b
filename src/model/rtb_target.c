#include "model/rtb_target.h"
#include "model/resource.h"
#include "model/target.h"
#include <string.h>
#include <strings.h>

#define REQUEST_FIELDS \
	{"method", FIELD_ENUM, .choices = (const char *const[]){"GET", "POST", "PUT", NULL}, \
	 .initial = "\"POST\"", \
	 .title = "HTTP method"}, \
	{"url", FIELD_TEMPLATE, FIELD_REQUIRED, .min = 8, .max = 4000, \
	 .help = "http:// or https:// URL. Values of [TOKENS] are percent-encoded."}, \
	{"headers", FIELD_MAP, .initial = "{}", \
	 .help = "Request headers. Values may contain [TOKENS]."}, \
	{"body", FIELD_TEMPLATE, .max = 65536, \
	 .help = "Request body with [TOKENS]. Values are escaped for JSON, XML or a form, as " \
		 "the Content-Type says, else by how the body begins. Empty: no body."}

const struct field rtb_response_fields[] = {
	{"format", FIELD_ENUM, .choices = (const char *const[]){"json", "xml", "text", NULL},
	 .initial = "\"json\"",
	 .help = "JSON: the parts below are JSON pointers such as /bid/amount. XML: XPath such as "
		 "//bid/amount. "
		 "Text: regular expressions, whose first group is used."},
	{"accepted", FIELD_STRING, .min = 1, .max = 400,
	 .help = "Place of the buyer's yes or no. Empty: a response with a bid accepts the call."},
	{"accepted_values", FIELD_STRING, FIELD_LIST, .max = 20, .initial = "[]",
	 .title = "Values that accept",
	 .help = "Upper and lower case are the same. Empty: any value but false, no, 0, rejected "
		 "and the like."},
	{"bid", FIELD_STRING, .min = 1, .max = 400,
	 .help = "Place of the bid. Empty: the fixed bid applies."},
	{"destination", FIELD_STRING, .min = 1, .max = 400,
	 .help = "Place of the phone number or SIP URI to call. Empty: the destination below."},
	{"duration", FIELD_STRING, .min = 1, .max = 400, .title = "Required talk time",
	 .help = "Place of the seconds after which the call is paid. Empty: the revenue below "
		 "decides."},
	{"expires", FIELD_STRING, .min = 1, .max = 400, .title = "Bid expires",
	 .help = "Place of the bid's end: seconds from now, a Unix time, or a time such as "
		 "2026-11-27T14:00:00Z. "
		 "Empty: the lifetime of bids below."},
	{"reason", FIELD_STRING, .min = 1, .max = 400, .title = "Reason for refusal",
	 .help = "Place of the reason why the call is not accepted. Shown in reports."},
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
			errors_add(errors, at, "is not a valid header name");
	}
	snprintf(at, sizeof at, "%s/body", pointer);
	const char *method = json_string_value(json_object_get(request, "method"));
	if (method && strcmp(method, "GET") == 0 && json_is_string(json_object_get(request, "body")))
		errors_add(errors, at, "a GET request has no body: put parameters into the URL");
}

static void check_destination(json_t *doc, struct errors *errors)
{
	json_t *d = json_object_get(doc, "destination");
	const char *type = json_string_value(json_object_get(d, "type"));
	bool answer = type && strcmp(type, "answer") == 0, number = type && strcmp(type, "number") == 0;
	if (answer && !json_is_string(json_object_get(json_object_get(doc, "response"), "destination")))
		errors_add(errors, "/response/destination",
			   "is required if the response names the destination");
	if (type && strcmp(type, "sip") == 0 && !json_is_string(json_object_get(d, "uri")))
		errors_add(errors, "/destination/uri", "is required for a SIP URI destination");
	if (number && !json_is_string(json_object_get(d, "number")))
		errors_add(errors, "/destination/number",
			   "is required for a phone number destination");
	if (number && !json_is_string(json_object_get(d, "trunk_id")))
		errors_add(errors, "/destination/trunk_id",
			   "is required for a phone number destination");
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
		errors_add(errors, "/response/bid", "is required unless there is a fixed bid");
}

const struct resource_kind resource_rtb_target = {
	.kind = "rtb_target", .path = "rtb-targets", .prefix = "rbt", .title = "RTB target", .unique = "name", .check = check,
	.help = "A buyer who is asked for a bid on each call. A ring tree asks several at the same "
		"time.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"buyer_id", FIELD_ID, .kind = "buyer", .help = "Who pays for its calls."},
		{"request", FIELD_OBJECT, FIELD_REQUIRED,
		 .fields = (const struct field[]){REQUEST_FIELDS, {0}},
		 .title = "Bid request",
		 .help = "How the buyer is asked. [RTB_REQUEST_ID] is the request's own ID."},
		{"send_caller_number", FIELD_BOOLEAN, .initial = "false",
		 .help = "Requests and notices may contain the caller's number, [CALLER_ID]; "
			 "otherwise it is empty. "
			 "Area code, state and the like are always available."},
		{"sensitive_tag_ids", FIELD_ID, FIELD_LIST, .max = 100, .kind = "custom_tag",
		 .initial = "[]",
		 .help = "Sensitive tags that requests and notices may contain. All others are "
			 "empty in them."},
		{"response", FIELD_OBJECT, FIELD_REQUIRED, .fields = rtb_response_fields,
		 .help = "How the buyer's response is read. Status 204, and any that is not 2xx, "
			 "is no bid."},
		{"bid", FIELD_OBJECT, .initial = "{}", .title = "Bids", .help = "Which bids count.",
		 .fields = (const struct field[]){
			 {"minimum", FIELD_MONEY,
			  .help = "Ignore lower bids. Empty: any bid above 0 counts."},
			 {"maximum", FIELD_MONEY,
			  .help = "Ignore higher bids as mistakes. Empty: no maximum."},
			 {"fixed", FIELD_MONEY, .title = "Fixed bid",
			  .help = "The bid of a response that accepts the call without naming "
				 "one."},
			 {"expires_seconds", FIELD_INTEGER, .min = 1, .max = 3600, .initial = "60",
			  .title = "Lifetime (s)",
			  .help = "How long a bid is valid if the response does not say. The buyer "
				 "is asked again after that."},
			 {0},
		 }},
		{"destination", FIELD_OBJECT, FIELD_REQUIRED,
		 .help = "Where calls go when the response names no destination.",
		 .fields = (const struct field[]){
			 {"type", FIELD_ENUM, FIELD_REQUIRED,
			  .choices = (const char *const[]){"answer", "sip", "number", NULL},
			  .labels = (const struct label[]){
				 {"answer", "As the response says"},
				 {"sip", "SIP URI"},
				 {"number", "Phone number"},
				 {0}},
			  .help = "A destination from the response must be allowed by the "
				 "organization's dial policy."},
			 {"uri", FIELD_SIP_URI, .title = "SIP URI", .only = "type=sip",
			  .help = "Such as sip:calls@buyer.example.com."},
			 {"number", FIELD_E164, .max = 32, .title = "Phone number",
			  .only = "type=number",
			  .help = "The number to call."},
			 {"trunk_id", FIELD_ID, .kind = "trunk",
			  .help = "The trunk that numbers are dialed over, also numbers from "
				 "responses."},
			 {"srtp", FIELD_BOOLEAN, .initial = "false", .only = "type=answer|sip",
			  .help = "Encrypt audio of calls to SIP URIs (SRTP with keys in the SDP, "
				 "RFC 4568). Needs rtpengine, and TLS to keep the keys secret."},
			 {0},
		 }},
		{"revenue", FIELD_OBJECT, .initial = "{}", .help = "When the bid is charged.",
		 .fields = (const struct field[]){
			 {"on", FIELD_ENUM,
			  .choices = target_revenue_choices,
			  .labels = target_revenue_labels,
			  .initial = "\"connect\"", .title = "Paid when",
			  .help = "A talk time in the response takes precedence."},
			 {"duration_seconds", FIELD_INTEGER, .min = 0, .max = 86400, .initial = "0",
			  .only = "on=duration",
			  .title = "Talk time (s)",
			  .help = "Seconds the caller must be connected."},
			 TARGET_ONCE,
			 {0},
		 }},
		{"win_notice", FIELD_OBJECT, .fields = (const struct field[]){REQUEST_FIELDS, {0}},
		 .help = "Sent when the caller is connected to this target. May contain "
			 "[RTB_REQUEST_ID] and [BID]."},
		{"loss_notice", FIELD_OBJECT, .fields = (const struct field[]){REQUEST_FIELDS, {0}},
		 .help = "Sent when the call went to another target or to nobody. [WINNING_BID] is "
			 "the winner's bid, "
			 "if the winner is in the same ring tree."},
		TARGET_RULES,
		TARGET_SWITCHES,
		{0},
	},
};
