#include "model/resource.h"
#include <string.h>

#define COST(when) \
	{"cost", FIELD_OBJECT, .help = "What the carrier takes for a call that it " when ".", \
	 .fields = (const struct field[]){ \
		 {"per_minute", FIELD_MONEY, FIELD_REQUIRED, .help = "Such as \"0.0085\"."}, \
		 {"minimum_seconds", FIELD_INTEGER, .min = 0, .max = 3600, .initial = "60", .help = "The least that is charged of an answered call."}, \
		 {"increment_seconds", FIELD_INTEGER, .min = 1, .max = 3600, .initial = "60", .help = "What is begun is charged whole."}, \
		 {0}, \
	 }}

static void check(json_t *doc, struct errors *errors)
{
	json_t *inbound = json_object_get(doc, "inbound");
	schema_check_networks(json_object_get(inbound, "allowed_addresses"), "/inbound/allowed_addresses", errors);
	bool user = json_is_string(json_object_get(inbound, "username")), password = json_is_string(json_object_get(inbound, "password"));
	if (user != password)
		errors_add(errors, user ? "/inbound/password" : "/inbound/username", "username and password go together");
	json_t *outbound = json_object_get(doc, "outbound");
	const char *prefix = json_string_value(json_object_get(outbound, "number_prefix"));
	if (prefix && prefix[strspn(prefix, "0123456789*#+")])
		errors_add(errors, "/outbound/number_prefix", "may have digits, *, # and + only");
	if (!json_is_true(json_object_get(outbound, "register")))
		return;
	if (!json_is_string(json_object_get(outbound, "username")) || !json_is_string(json_object_get(outbound, "password")))
		errors_add(errors, "/outbound/username", "and a password are needed to register");
	if (!json_array_size(json_object_get(outbound, "gateways")))
		errors_add(errors, "/outbound/gateways", "must name where to register");
}

const struct resource_kind resource_trunk = {
	.kind = "trunk", .path = "trunks", .prefix = "trk", .title = "Trunk", .unique = "name", .check = check, .admin_only = true,
	.help = "A SIP connection to a carrier or PBX.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"inbound", FIELD_OBJECT, .initial = "{}", .help = "Whose calls are accepted: by address, or by digest credentials.",
		 .fields = (const struct field[]){
			 {"allowed_addresses", FIELD_STRING, FIELD_LIST, .max = 100, .initial = "[]", .help = "IP addresses or networks (CIDR) the trunk's calls come from."},
			 {"username", FIELD_STRING, .min = 1, .max = 100, .help = "Digest user name."},
			 {"password", FIELD_STRING, FIELD_SECRET, .min = 1, .max = 200, .help = "Digest password."},
			 {"max_calls", FIELD_INTEGER, .min = 1, .max = 100000, .help = "Calls at the same time; more get 503. Empty: no limit."},
			 {"max_calls_per_second", FIELD_INTEGER, .min = 1, .max = 1000, .help = "Calls that begin within a second; more get 503. Empty: no limit."},
			 {"asserted_identity", FIELD_BOOLEAN, .initial = "true", .help = "The caller's number is taken from P-Asserted-Identity where there is one (RFC 3325)."},
			 COST("brings"),
			 {0},
		 }},
		{"outbound", FIELD_OBJECT, .initial = "{}", .help = "Where calls to numbers are sent.",
		 .fields = (const struct field[]){
			 {"gateways", FIELD_OBJECT, FIELD_LIST, .max = 20, .initial = "[]", .help = "Tried by priority, lowest first; those of one priority in turn. Those that do not answer come last.",
			  .fields = (const struct field[]){
				  {"uri", FIELD_SIP_URI, FIELD_REQUIRED, .help = "Such as sip:gw.carrier.example:5060."},
				  {"priority", FIELD_INTEGER, .min = 0, .max = 1000, .initial = "1", .help = "Lowest first."},
				  {0},
			  }},
			 {"username", FIELD_STRING, .min = 1, .max = 100, .help = "Digest user name for the carrier."},
			 {"password", FIELD_STRING, FIELD_SECRET, .min = 1, .max = 200, .help = "Digest password for the carrier."},
			 {"caller_id", FIELD_E164, .help = "Caller number shown instead of the caller's own."},
			 {"register", FIELD_BOOLEAN, .initial = "false", .help = "Register at each gateway with user name and password; its calls are then accepted."},
			 {"max_calls", FIELD_INTEGER, .min = 1, .max = 100000, .help = "Calls at the same time; what is more goes to the next target. Empty: no limit."},
			 {"max_calls_per_second", FIELD_INTEGER, .min = 1, .max = 1000, .help = "Calls that begin within a second; what is more waits up to 5 seconds. Empty: no limit."},
			 {"number_format", FIELD_ENUM, .choices = (const char *const[]){"e164", "digits", "national", NULL}, .initial = "\"e164\"", .help = "How it wants numbers: +15125550100, 15125550100, or 5125550100 within the organization's country."},
			 {"number_prefix", FIELD_STRING, .min = 1, .max = 20, .help = "Digits before each number, such as a carrier's technical prefix."},
			 {"asserted_identity", FIELD_BOOLEAN, .initial = "false", .help = "Tell the caller's own number as P-Asserted-Identity, also where another is shown (RFC 3325)."},
			 {"srtp", FIELD_BOOLEAN, .initial = "false", .help = "Audio is encrypted (SRTP, keys in the SDP, RFC 4568): with gateways called over TLS, where the server has rtpengine."},
			 {"diversion", FIELD_BOOLEAN, .initial = "false", .help = "Tell the number that was called as Diversion (RFC 5806)."},
			 COST("takes"),
			 {0},
		 }},
		{"options_interval_seconds", FIELD_INTEGER, .min = 0, .max = 3600, .initial = "30", .help = "How often each gateway is asked with OPTIONS whether it is there; 0: not."},
		{0},
	},
};
