#include "model/walk.h"

#define POINTER_SIZE 400

static void visit(const struct field *field, json_t *value, json_t *object, const char *at, walk_f *f, void *arg)
{
	if (field->type == FIELD_OBJECT)
		walk_fields(field->fields, value, at, f, arg);
	else if (value)
		f(arg, &(struct walk_place){.field = field, .value = value, .object = object, .pointer = at});
}

void walk_fields(const struct field *fields, json_t *object, const char *at, walk_f *f, void *arg)
{
	char pointer[POINTER_SIZE];
	for (; fields && fields->name; fields++) {
		json_t *value = json_object_get(object, fields->name), *element;
		size_t i;
		snprintf(pointer, sizeof pointer, "%s/%s", at, fields->name);
		if (!(fields->flags & FIELD_LIST)) {
			visit(fields, value, object, pointer, f, arg);
			continue;
		}
		json_array_foreach(value, i, element) {
			snprintf(pointer, sizeof pointer, "%s/%s/%zu", at, fields->name, i);
			visit(fields, element, object, pointer, f, arg);
		}
	}
}
