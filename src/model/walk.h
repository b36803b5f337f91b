/* model/walk.h: every value of a document that a table of fields describes. Pure. */
#ifndef MODEL_WALK_H
#define MODEL_WALK_H

#include "model/schema.h"

struct walk_place {
	const struct field *field;
	json_t *value;  /* of a list one element; of a FIELD_MAP the whole map; never an object with fields */
	json_t *object; /* that has the field */
	const char *pointer; /* of the value, in the document */
};

typedef void walk_f(void *arg, const struct walk_place *place);

/* In the order of the table. Members that are not there, or that no field names, are passed over;
 * f may change the value in place. at: the object's pointer, "" for the document's root. */
void walk_fields(const struct field *fields, json_t *object, const char *at, walk_f *f, void *arg);

#endif
