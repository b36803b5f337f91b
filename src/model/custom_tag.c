#include "model/resource.h"
#include <string.h>

static void check(json_t *doc, struct errors *errors)
{
	json_t *source;
	size_t i;
	const char *name = json_string_value(json_object_get(doc, "name"));
	if (name && strpbrk(name, "[]|\"\\"))
		errors_add(errors, "/name", "may not have [ ] | \" or \\");
	if (json_is_true(json_object_get(doc, "report")) && json_is_true(json_object_get(doc, "sensitive")))
		errors_add(errors, "/report", "a sensitive tag's values cannot be in reports");
	json_array_foreach(json_object_get(doc, "sources"), i, source) {
		char at[64];
		snprintf(at, sizeof at, "/sources/%zu", i);
		if (!json_is_string(json_object_get(source, "parameter")) == !json_is_string(json_object_get(source, "pointer")))
			errors_add(errors, at, "must have either parameter or pointer");
	}
}

const struct resource_kind resource_custom_tag = {
	.kind = "custom_tag", .path = "custom-tags", .prefix = "tag", .title = "Custom tag", .unique = "name", .check = check,
	.help = "A key that is filled per call.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 64, .help = "Also the parameter that it takes from every source, without regard to case."},
		{"type", FIELD_ENUM, .choices = (const char *const[]){"string", "number", "boolean", "datetime", NULL}, .initial = "\"string\"", .help = "What values it holds; others are refused."},
		{"sources", FIELD_OBJECT, FIELD_LIST, .max = 50, .initial = "[]", .help = "Further names it is filled from; the first that has a value wins.",
		 .fields = (const struct field[]){
			 {"kind", FIELD_ENUM, FIELD_REQUIRED, .choices = (const char *const[]){"incoming_webhook", "dni", "inbound_rtb", "sip_header", NULL}, .help = "Where the value comes from."},
			 {"parameter", FIELD_STRING, .min = 1, .max = 200, .help = "Parameter or header name, without regard to case."},
			 {"pointer", FIELD_POINTER, .max = 500, .help = "JSON pointer into the body."},
			 {0},
		 }},
		{"sensitive", FIELD_BOOLEAN, .initial = "false", .help = "Encrypted at rest, masked where it is shown, not sent on."},
		{"report", FIELD_BOOLEAN, .initial = "false", .help = "Reports can be grouped by its values: calls that end from now on are added up by them."},
		{"default", FIELD_STRING, .max = 2000, .help = "Its value while nothing has filled it."},
		{0},
	},
};
