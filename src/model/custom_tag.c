#include "model/resource.h"
#include "base/blank.h"
#include <string.h>

/* is_new: names of before may be of any kind. */
static void check_name(const char *name, bool is_new, const char *pointer, struct errors *errors)
{
	bool controls = false;
	for (const char *p = name; p && *p; p++)
		controls |= (unsigned char)*p < 0x20 || *p == 0x7f;
	if (name && is_new && (blank_len(name) || trimmed_len(name) < strlen(name)))
		errors_add(errors, pointer, "may not begin or end with a blank");
	if (name && (controls || strpbrk(name, "[]|\"\\")))
		errors_add(errors, pointer, "may not have [ ] | \" \\ or control characters");
}

static void check(json_t *doc, struct errors *errors)
{
	json_t *source, *former;
	size_t i;
	char pointer[64];
	check_name(json_string_value(json_object_get(doc, "name")), true, "/name", errors);
	json_array_foreach(json_object_get(doc, "former_names"), i, former) {
		snprintf(pointer, sizeof pointer, "/former_names/%zu", i);
		check_name(json_string_value(former), false, pointer, errors);
	}
	if (json_is_true(json_object_get(doc, "report")) && json_is_true(json_object_get(doc, "sensitive")))
		errors_add(errors, "/report", "a sensitive tag's values cannot be in reports");
	const char *type = json_string_value(json_object_get(doc, "type"));
	size_t choices = json_array_size(json_object_get(doc, "choices"));
	if (type && (strcmp(type, "enum") == 0) != (choices > 0))
		errors_add(errors, "/choices", choices ? "are only for tags that are one of a list"
						       : "must list the allowed values");
	const char *repeat = json_string_value(json_object_get(doc, "on_repeat"));
	if (type && repeat && strcmp(repeat, "append") == 0 && strcmp(type, "string") != 0)
		errors_add(errors, "/on_repeat", "only texts can be joined: the type must be Text");
	json_array_foreach(json_object_get(doc, "sources"), i, source) {
		char at[64];
		snprintf(at, sizeof at, "/sources/%zu", i);
		int given = json_is_string(json_object_get(source, "parameter")) + json_is_string(json_object_get(source, "pointer")) + json_is_string(json_object_get(source, "header"));
		const char *from = json_string_value(json_object_get(source, "kind"));
		if (given != 1)
			errors_add(errors, at,
				   "must have exactly one of parameter, JSON pointer and header");
		else if (json_is_string(json_object_get(source, "header")) && from && strcmp(from, "incoming_webhook") != 0)
			errors_add(errors, at, "only incoming webhooks have headers; "
					       "name a SIP header as the parameter");
	}
}

const struct resource_kind resource_custom_tag = {
	.kind = "custom_tag", .path = "custom-tags", .prefix = "tag", .title = "Custom tag", .unique = "name", .check = check,
	.help = "A key that each call can have a value for.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 64,
		 .help = "Also the parameter that fills the tag, from every source. Upper and "
			 "lower case are the same."},
		{"former_names", FIELD_STRING, FIELD_LIST, .max = 20, .initial = "[]",
		 .help = "Names before the tag was renamed. Data that is still sent under them fills "
			 "it, unless another tag has the name."},
		{"type", FIELD_ENUM,
		 .choices = (const char *const[]){"string", "number", "boolean", "datetime",
						  "phone", "enum", NULL},
		 .labels = (const struct label[]){
			 {"string", "Text"},
			 {"boolean", "Yes or no"},
			 {"datetime", "Date and time"},
			 {"phone", "Phone number"},
			 {"enum", "One of a list"},
			 {0}},
		 .initial = "\"string\"", .help = "Values of another type are rejected."},
		{"choices", FIELD_STRING, FIELD_LIST, .max = 200, .initial = "[]",
		 .only = "type=enum",
		 .title = "Allowed values", .help = "Upper and lower case are the same."},
		{"sources", FIELD_OBJECT, FIELD_LIST, .max = 50, .initial = "[]",
		 .help = "Other fields that fill the tag. The first source with a value wins.",
		 .fields = (const struct field[]){
			 {"kind", FIELD_ENUM, FIELD_REQUIRED, .title = "From",
			  .choices = (const char *const[]){"incoming_webhook", "dni", "inbound_rtb",
						   "sip_header", "sip_parameter", NULL},
			  .labels = (const struct label[]){{"dni", "Website visit (DNI)"}, {0}},
			  .help = "Where the value comes from."},
			 {"parameter", FIELD_STRING, .min = 1, .max = 200,
			  .help = "Parameter, or name of the SIP header. Upper and lower case are "
				 "the same. SIP parameters are those of the caller's and the called "
				 "number, such as isup-oli."},
			 {"pointer", FIELD_POINTER, .max = 500, .title = "JSON pointer",
			  .help = "Place in the JSON body, such as /lead/state."},
			 {"header", FIELD_STRING, .min = 1, .max = 200,
			  .help = "Header of the webhook's request. Upper and lower case are the "
				 "same."},
			 {0},
		 }},
		{"on_repeat", FIELD_ENUM, .title = "Repeated values",
		 .choices = (const char *const[]){"last", "first", "append", "precedence", NULL},
		 .labels = (const struct label[]){
			 {"last", "Keep the last"},
			 {"first", "Keep the first"},
			 {"append", "Join all as a list"},
			 {"precedence", "Keep the value of the source listed first"},
			 {0}},
		 .initial = "\"last\"",
		 .help = "What happens when data brings several values. Flows and the API always "
			 "replace the value."},
		{"archived", FIELD_BOOLEAN, .initial = "false",
		 .help = "Data no longer fills the tag. Values of past calls stay readable."},
		{"sensitive", FIELD_BOOLEAN, .initial = "false",
		 .help = "Encrypted at rest and masked. Sent only to receivers that are allowed to "
			 "have it."},
		{"report", FIELD_BOOLEAN, .initial = "false", .title = "Use in reports",
		 .help = "Reports can be grouped by this tag. Counts calls that end from now on."},
		{"default", FIELD_STRING, .max = 2000, .title = "Default value",
		 .help = "The value until something sets the tag."},
		{0},
	},
};
