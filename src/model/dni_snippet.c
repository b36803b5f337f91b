#include "model/resource.h"
#include <string.h>

/* Scheme and host, with a port or not; the host may begin with a star and a dot. */
static bool is_origin(const char *text)
{
	size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
	const char *host = text + scheme + (strncmp(text + scheme, "*.", 2) == 0 ? 2 : 0);
	size_t n = strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-.");
	const char *port = host + n;
	return scheme && n && (!*port || (*port == ':' && port[1] && strspn(port + 1, "0123456789") == strlen(port + 1)));
}

static size_t digits(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += *text >= '0' && *text <= '9';
	return n;
}

static void check(json_t *doc, struct errors *errors)
{
	json_t *item;
	size_t i;
	char at[40];
	json_array_foreach(json_object_get(doc, "numbers"), i, item) {
		snprintf(at, sizeof at, "/numbers/%zu", i);
		if (json_is_string(item) && (digits(json_string_value(item)) < 7 || digits(json_string_value(item)) > 15))
			errors_add(errors, at, "must be a phone number with 7 to 15 digits");
	}
	json_array_foreach(json_object_get(doc, "allowed_origins"), i, item) {
		snprintf(at, sizeof at, "/allowed_origins/%zu", i);
		if (json_is_string(item) && !is_origin(json_string_value(item)))
			errors_add(errors, at, "must be scheme and host in lower case, such as https://example.com or https://*.example.com");
	}
}

const struct resource_kind resource_dni_snippet = {
	.kind = "dni_snippet", .path = "dni-snippets", .prefix = "dni", .title = "DNI snippet", .unique = "name", .check = check,
	.help = "A script for web pages that shows each visitor a number of their own.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"pool_id", FIELD_ID, FIELD_REQUIRED, .title = "Number pool", .kind = "number_pool",
		 .help = "Whose numbers are shown."},
		{"numbers", FIELD_STRING, FIELD_LIST, .max = 50, .initial = "[]",
		 .title = "Numbers to replace",
		 .help = "Phone numbers on the page that are replaced, in text and in tel: links, "
			 "in any notation."},
		{"selectors", FIELD_STRING, FIELD_LIST, .max = 50, .initial = "[]",
		 .title = "CSS selectors",
		 .help = "Elements whose text is the number, such as .phone. Links among them get "
			 "the number as their address."},
		{"allowed_origins", FIELD_STRING, FIELD_LIST, .max = 200, .initial = "[]",
		 .title = "Allowed sites",
		 .help = "Sites that may use the snippet, such as https://example.com or "
			 "https://*.example.com. Empty: all."},
		{"consent", FIELD_ENUM, .choices = (const char *const[]){"none", "required", NULL},
		 .initial = "\"none\"",
		 .labels = (const struct label[]){
			 {"none", "Not needed"},
			 {"required", "Wait for consent"},
			 {0}},
		 .help = "Wait for consent: nothing is requested or stored until the page calls "
			 "strowger.consent()."},
		{"respect_do_not_track", FIELD_BOOLEAN, .initial = "true",
		 .title = "Respect Do Not Track",
		 .help = "Visitors whose browser sends Do Not Track or Global Privacy Control see "
			 "the page's own number."},
		{"leases_of_address", FIELD_INTEGER, .min = 1, .max = 100000, .initial = "20",
		 .title = "Numbers per IP address",
		 .help = "Most numbers in use by visitors of one IP address at the same time; "
			 "never more than half of the pool."},
		{"enabled", FIELD_BOOLEAN, .initial = "true", .help = "A disabled snippet changes nothing on pages."},
		{"url", FIELD_STRING, FIELD_READ_ONLY, .title = "Script URL",
		 .help = "The script's address."},
		{0},
	},
};
