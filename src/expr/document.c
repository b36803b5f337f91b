#include "expr/document.h"
#include <string.h>
#include <strings.h>

#define TEMPLATE_MAX 65536 /* bytes of a template whose field has no limit of its own */

/* What the object's "headers" say of its body; NULL: nothing. */
static const char *content_type(json_t *object)
{
	const char *name;
	json_t *value;
	json_object_foreach(json_object_get(object, "headers"), name, value)
		if (strcasecmp(name, "content-type") == 0)
			return json_string_value(value);
	return NULL;
}

/* Fields of the same name mean the same in every document: requests have url, headers, query and a body. */
static enum template_context context_of(const struct walk_place *place, const char *text)
{
	const char *name = place->field->name;
	if (strcmp(name, "url") == 0)
		return TEMPLATE_URL;
	if (strcmp(name, "headers") == 0)
		return TEMPLATE_HEADER;
	if (strcmp(name, "query") == 0)
		return TEMPLATE_FORM;
	if (strcmp(name, "body") == 0)
		return template_body_context(content_type(place->object), text, TEMPLATE_TEXT);
	if (strcmp(name, "body_template") == 0)
		return template_body_context(content_type(place->object), text, TEMPLATE_FORM);
	return TEMPLATE_TEXT;
}

void document_templates(const struct walk_place *place, document_template_f *f, void *arg)
{
	const struct field *field = place->field;
	char pointer[400];
	const char *name;
	json_t *value;
	struct document_template t = {.pointer = place->pointer, .text = place->value,
				      .max = field->max ? (size_t)field->max : TEMPLATE_MAX};
	if (field->type == FIELD_TEMPLATE && json_is_string(place->value)) {
		t.context = context_of(place, json_string_value(place->value));
		f(arg, &t);
	}
	if (field->type != FIELD_MAP)
		return;
	json_object_foreach(place->value, name, value) {
		snprintf(pointer, sizeof pointer, "%s/%s", place->pointer, name);
		t.pointer = pointer;
		t.text = value;
		t.context = context_of(place, "");
		if (json_is_string(value))
			f(arg, &t);
	}
}
