#include "model/resource.h"
#include <string.h>

static void check(json_t *doc, struct errors *errors)
{
	json_t *inbound = json_object_get(doc, "inbound");
	schema_check_networks(json_object_get(inbound, "allowed_addresses"), "/inbound/allowed_addresses", errors);
	bool user = json_is_string(json_object_get(inbound, "username")), password = json_is_string(json_object_get(inbound, "password"));
	if (user != password)
		errors_add(errors, user ? "/inbound/password" : "/inbound/username", "username and password go together");
}

const struct resource_kind resource_trunk = {
	.kind = "trunk", .path = "trunks", .prefix = "trk", .title = "Trunk", .unique = "name", .check = check, .admin_only = true,
	.help = "A SIP connection to a carrier or PBX.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"inbound", FIELD_OBJECT, .initial = "{\"allowed_addresses\":[],\"username\":null,\"password\":null}", .help = "Whose calls are accepted: by address, or by digest credentials.",
		 .fields = (const struct field[]){
			 {"allowed_addresses", FIELD_STRING, FIELD_LIST, .max = 100, .initial = "[]", .help = "IP addresses or networks (CIDR) the trunk's calls come from."},
			 {"username", FIELD_STRING, .min = 1, .max = 100, .help = "Digest user name."},
			 {"password", FIELD_STRING, FIELD_SECRET, .min = 1, .max = 200, .help = "Digest password."},
			 {0},
		 }},
		{"outbound", FIELD_OBJECT, .initial = "{\"gateways\":[],\"username\":null,\"password\":null,\"caller_id\":null}", .help = "Where calls to numbers are sent.",
		 .fields = (const struct field[]){
			 {"gateways", FIELD_OBJECT, FIELD_LIST, .max = 20, .initial = "[]", .help = "Tried by priority, lowest first.",
			  .fields = (const struct field[]){
				  {"uri", FIELD_SIP_URI, FIELD_REQUIRED, .help = "Such as sip:gw.carrier.example:5060."},
				  {"priority", FIELD_INTEGER, .min = 0, .max = 1000, .initial = "1", .help = "Lowest first."},
				  {0},
			  }},
			 {"username", FIELD_STRING, .min = 1, .max = 100, .help = "Digest user name for the carrier."},
			 {"password", FIELD_STRING, FIELD_SECRET, .min = 1, .max = 200, .help = "Digest password for the carrier."},
			 {"caller_id", FIELD_E164, .help = "Caller number shown instead of the caller's own."},
			 {0},
		 }},
		{0},
	},
};
