#include "model/resource.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static bool is_network(const char *text)
{
	char address[64];
	unsigned char bits[16];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	if (n >= sizeof address)
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	int max = inet_pton(AF_INET, address, bits) == 1 ? 32 : inet_pton(AF_INET6, address, bits) == 1 ? 128 : 0;
	if (!max)
		return false;
	char *end = NULL;
	long prefix = slash ? strtol(slash + 1, &end, 10) : max;
	return prefix >= 0 && prefix <= max && (!end || (!*end && end != slash + 1));
}

static void check(json_t *doc, struct errors *errors)
{
	json_t *inbound = json_object_get(doc, "inbound"), *address;
	size_t i;
	json_array_foreach(json_object_get(inbound, "allowed_addresses"), i, address) {
		char at[64];
		snprintf(at, sizeof at, "/inbound/allowed_addresses/%zu", i);
		if (!is_network(json_string_value(address)))
			errors_add(errors, at, "must be an IP address or network such as 203.0.113.0/24");
	}
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
