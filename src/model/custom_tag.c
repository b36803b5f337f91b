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
	const char *type = json_string_value(json_object_get(doc, "type"));
	size_t choices = json_array_size(json_object_get(doc, "choices"));
	if (type && (strcmp(type, "enum") == 0) != (choices > 0))
		errors_add(errors, "/choices", choices ? "are only for the type enum" : "must list what the enum can be");
	const char *repeat = json_string_value(json_object_get(doc, "on_repeat"));
	if (type && repeat && strcmp(repeat, "append") == 0 && strcmp(type, "string") != 0)
		errors_add(errors, "/on_repeat", "only texts can be appended: the type must be string");
	json_array_foreach(json_object_get(doc, "sources"), i, source) {
		char at[64];
		snprintf(at, sizeof at, "/sources/%zu", i);
		int given = json_is_string(json_object_get(source, "parameter")) + json_is_string(json_object_get(source, "pointer")) + json_is_string(json_object_get(source, "header"));
		const char *from = json_string_value(json_object_get(source, "kind"));
		if (given != 1)
			errors_add(errors, at, "must have one of parameter, pointer and header");
		else if (json_is_string(json_object_get(source, "header")) && from && strcmp(from, "incoming_webhook") != 0)
			errors_add(errors, at, "only an incoming webhook has headers; a SIP header is a parameter");
	}
}

const struct resource_kind resource_custom_tag = {
	.kind = "custom_tag", .path = "custom-tags", .prefix = "tag", .title = "Custom tag", .unique = "name", .check = check,
	.help = "A key that is filled per call.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 64, .help = "Also the parameter that it takes from every source, without regard to case."},
		{"type", FIELD_ENUM, .choices = (const char *const[]){"string", "number", "boolean", "datetime", "phone", "enum", NULL}, .initial = "\"string\"", .help = "What values it holds; others are refused."},
		{"choices", FIELD_STRING, FIELD_LIST, .max = 200, .initial = "[]", .help = "What it can be, without regard to case.", .only = "type=enum"},
		{"sources", FIELD_OBJECT, FIELD_LIST, .max = 50, .initial = "[]", .help = "Further names it is filled from; the first that has a value wins.",
		 .fields = (const struct field[]){
			 {"kind", FIELD_ENUM, FIELD_REQUIRED, .choices = (const char *const[]){"incoming_webhook", "dni", "inbound_rtb", "sip_header", NULL}, .help = "Where the value comes from."},
			 {"parameter", FIELD_STRING, .min = 1, .max = 200, .help = "Parameter or header name, without regard to case."},
			 {"pointer", FIELD_POINTER, .max = 500, .help = "JSON pointer into the body."},
			 {"header", FIELD_STRING, .min = 1, .max = 200, .help = "Header of an incoming webhook's request, without regard to case."},
			 {0},
		 }},
		{"on_repeat", FIELD_ENUM, .choices = (const char *const[]){"last", "first", "append", "precedence", NULL}, .initial = "\"last\"",
		 .help = "Which value stays when data brings several: the one sent last, the first, all of them as a list, or that of the source listed first. Flows and the API always replace."},
		{"archived", FIELD_BOOLEAN, .initial = "false", .help = "Data does not fill it any more; what calls have of it stays readable."},
		{"sensitive", FIELD_BOOLEAN, .initial = "false", .help = "Encrypted at rest, masked where it is shown, not sent on."},
		{"report", FIELD_BOOLEAN, .initial = "false", .help = "Reports can be grouped by its values: calls that end from now on are added up by them."},
		{"default", FIELD_STRING, .max = 2000, .help = "Its value while nothing has filled it."},
		{0},
	},
};
