#include "base/network.h"
#include "model/resource.h"
#include "model/target.h"
#include <stdio.h>
#include <string.h>

#define COST(direction) \
	{"cost", FIELD_OBJECT, .help = "What the carrier charges for " direction " calls.", \
	 .fields = (const struct field[]){ \
		 {"per_minute", FIELD_MONEY, FIELD_REQUIRED, .help = "Such as 0.0085."}, \
		 {"minimum_seconds", FIELD_INTEGER, .min = 0, .max = 3600, .initial = "60", \
		  .help = "Shortest time that is charged for an answered call."}, \
		 {"increment_seconds", FIELD_INTEGER, .min = 1, .max = 3600, .initial = "60", \
		  .help = "Time is charged in steps of this length, each started step in full."}, \
		 {0}, \
	 }}

#define ADDRESSES "/inbound/allowed_addresses"

static bool allows_wide; /* set before the threads that read it are started */

void trunk_allow_wide_networks(bool allow)
{
	allows_wide = allow;
}

/* Whoever sends from a trunk's network calls without credentials. */
static void check_widths(json_t *list, struct errors *errors)
{
	json_t *address;
	size_t i;
	json_array_foreach(list, i, address) {
		struct network n;
		char at[sizeof ADDRESSES + 24];
		const char *text = json_string_value(address);
		if (!text || !network_parse(text, &n) ||
		    n.prefix >= (n.family == AF_INET ? TRUNK_PREFIX_MIN : TRUNK_PREFIX_MIN_IPV6))
			continue;
		snprintf(at, sizeof at, ADDRESSES "/%zu", i);
		errors_add(errors, at, "must not be wider than /24 (IPv4) or /48 (IPv6): everybody "
			"in it calls without credentials. The operator may allow it with "
			"--allow-wide-trunks");
	}
}

static void check(json_t *doc, struct errors *errors)
{
	json_t *inbound = json_object_get(doc, "inbound");
	json_t *addresses = json_object_get(inbound, "allowed_addresses");
	schema_check_networks(addresses, ADDRESSES, errors);
	if (!allows_wide)
		check_widths(addresses, errors);
	json_int_t every = json_integer_value(json_object_get(doc, "options_interval_seconds"));
	if (every && every < TRUNK_OPTIONS_MIN)
		errors_add(errors, "/options_interval_seconds", "must be 0, or at least 10");
	bool user = json_is_string(json_object_get(inbound, "username")), password = json_is_string(json_object_get(inbound, "password"));
	if (user != password)
		errors_add(errors, user ? "/inbound/password" : "/inbound/username", "username and password go together");
	json_t *outbound = json_object_get(doc, "outbound");
	const char *prefix = json_string_value(json_object_get(outbound, "number_prefix"));
	if (prefix && prefix[strspn(prefix, "0123456789*#+")])
		errors_add(errors, "/outbound/number_prefix", "may only have digits, *, # and +");
	sip_headers_check(json_object_get(outbound, "headers"), "/outbound/headers", errors);
	if (!json_is_true(json_object_get(outbound, "register")))
		return;
	if (!json_is_string(json_object_get(outbound, "username")) || !json_is_string(json_object_get(outbound, "password")))
		errors_add(errors, "/outbound/username", "and password are required to register");
	if (!json_array_size(json_object_get(outbound, "gateways")))
		errors_add(errors, "/outbound/gateways", "must have at least one to register with");
}

const struct resource_kind resource_trunk = {
	.kind = "trunk", .path = "trunks", .prefix = "trk", .title = "Trunk", .unique = "name", .check = check, .admin_only = true,
	.help = "A SIP connection to a carrier or PBX.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"inbound", FIELD_OBJECT, .initial = "{}", .title = "Inbound calls",
		 .help = "Whose calls are accepted: by IP address, or by digest credentials.",
		 .fields = (const struct field[]){
			 {"allowed_addresses", FIELD_STRING, FIELD_LIST, .max = 100,
			  .initial = "[]", .title = "Allowed IP addresses",
			  .help = "Addresses or networks that the calls come from, such as "
				 "203.0.113.0/24."},
			 {"username", FIELD_STRING, .min = 1, .max = 100,
			  .help = "For digest authentication."},
			 {"password", FIELD_STRING, FIELD_SECRET, .min = 1, .max = 200,
			  .help = "For digest authentication."},
			 {"max_calls", FIELD_INTEGER, .min = 1, .max = 100000,
			  .title = "Concurrent calls",
			  .help = "Most calls at the same time; further calls are rejected (503). "
				 "Empty: no limit."},
			 {"max_calls_per_second", FIELD_INTEGER, .min = 1, .max = 1000,
			  .title = "Calls per second",
			  .help = "Most new calls within a second; further calls are rejected "
				 "(503). Empty: no limit."},
			 {"asserted_identity", FIELD_BOOLEAN, .initial = "true",
			  .title = "Trust P-Asserted-Identity",
			  .help = "Take the caller's number from P-Asserted-Identity where present "
				 "(RFC 3325)."},
			 {"remote_party_id", FIELD_BOOLEAN, .initial = "false",
			  .title = "Trust Remote-Party-ID",
			  .help = "Take the caller's number from Remote-Party-ID where there is no "
				 "P-Asserted-Identity."},
			 {"called_number", FIELD_ENUM,
			  .choices = (const char *const[]){"request_uri", "to", NULL},
			  .labels = (const struct label[]){
				 {"request_uri", "In the request URI"},
				 {"to", "In the To header"},
				 {0}},
			  .initial = "\"request_uri\"",
			  .help = "Where the carrier writes the number that was called."},
			 {"default_number_id", FIELD_ID, .kind = "number", .title = "Default number",
			  .help = "The number that a call belongs to whose called number is not one "
				 "of yours. Empty: such calls are rejected (404)."},
			 COST("inbound"),
			 {0},
		 }},
		{"outbound", FIELD_OBJECT, .initial = "{}", .title = "Outbound calls",
		 .help = "Where calls to numbers are sent.",
		 .fields = (const struct field[]){
			 {"gateways", FIELD_OBJECT, FIELD_LIST, .max = 20, .initial = "[]",
			  .help = "Tried by priority, lowest first; those of equal priority in "
				 "turn. "
				  "Gateways that do not answer are tried last.",
			  .fields = (const struct field[]){
				  {"uri", FIELD_SIP_URI, FIELD_REQUIRED, .title = "SIP URI",
				   .help = "Such as sip:gw.carrier.example:5060."},
				  {"priority", FIELD_INTEGER, .min = 0, .max = 1000, .initial = "1", .help = "Lowest first."},
				  {0},
			  }},
			 {"username", FIELD_STRING, .min = 1, .max = 100,
			  .help = "For digest authentication with the carrier."},
			 {"password", FIELD_STRING, FIELD_SECRET, .min = 1, .max = 200,
			  .help = "For digest authentication with the carrier."},
			 {"caller_id", FIELD_E164, .title = "Caller ID shown",
			  .help = "Shown instead of the caller's own number."},
			 {"register", FIELD_BOOLEAN, .initial = "false",
			  .help = "Register at each gateway with username and password. Calls from "
				 "the gateways are then accepted."},
			 {"max_calls", FIELD_INTEGER, .min = 1, .max = 100000,
			  .title = "Concurrent calls",
			  .help = "Most calls at the same time; further calls go to the next "
				 "target. Empty: no limit."},
			 {"max_calls_per_second", FIELD_INTEGER, .min = 1, .max = 1000,
			  .title = "Calls per second",
			  .help = "Most new calls within a second; further calls wait up to 5 "
				 "seconds. Empty: no limit."},
			 {"number_format", FIELD_ENUM,
			  .choices = (const char *const[]){"e164", "digits", "national", NULL},
			  .labels = (const struct label[]){
				 {"e164", "E.164: +15125550100"},
				 {"digits", "Digits: 15125550100"},
				 {"national", "National: 5125550100"},
				 {0}},
			  .initial = "\"e164\"",
			  .help = "How the carrier expects numbers. National applies within the "
				 "organization's country."},
			 {"number_prefix", FIELD_STRING, .min = 1, .max = 20,
			  .help = "Digits before each number, such as a carrier's technical "
				 "prefix."},
			 {"asserted_identity", FIELD_BOOLEAN, .initial = "false",
			  .title = "Send P-Asserted-Identity",
			  .help = "Send the caller's own number as P-Asserted-Identity, also if "
				 "another one is shown (RFC 3325)."},
			 {"srtp", FIELD_BOOLEAN, .initial = "false",
			  .help = "Encrypt audio (SRTP with keys in the SDP, RFC 4568). Needs "
				 "gateways over TLS and rtpengine."},
			 {"diversion", FIELD_BOOLEAN, .initial = "false", .title = "Send Diversion",
			  .help = "Send the dialed tracking number as Diversion (RFC 5806)."},
			 {"identity", FIELD_BOOLEAN, .initial = "false",
			  .title = "Pass on Identity",
			  .help = "Send the Identity headers of the caller's carrier (STIR/SHAKEN, "
				 "RFC 8224) as they came."},
			 SIP_HEADERS,
			 COST("outbound"),
			 {0},
		 }},
		{"nat_contact", FIELD_BOOLEAN, .title = "Reply to source address",
		 .help = "Send requests within a call to the address that the other side's messages "
			"come from, instead of the address in its Contact. Empty: only if the "
			"Contact has a private address."},
		{"symmetric_rtp", FIELD_BOOLEAN, .title = "Symmetric RTP",
		 .help = "Accept audio from any address and send it back there, as peers behind NAT "
			 "need (RFC 4961). Off: only the host named in the SDP is heard, and audio is "
			 "sent to its address and port. Empty: on where the SDP names a private "
			 "address."},
		DTMF_FIELD(""),
		{"options_interval_seconds", FIELD_INTEGER, .min = 0, .max = 3600, .initial = "30",
		 .title = "Ping gateways every (s)",
		 .help = "How often OPTIONS is sent to each gateway, 10 at least. 0: never."},
		{0},
	},
};
