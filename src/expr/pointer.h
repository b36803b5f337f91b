/* expr/pointer.h: JSON pointers (RFC 6901) into jansson values, and leaves as text. Pure. */
#ifndef EXPR_POINTER_H
#define EXPR_POINTER_H

#include "expr/value.h"
#include <jansson.h>

/* The value at the pointer, or NULL. Borrowed. */
json_t *json_pointer_get(json_t *root, const char *pointer);

/* A string, number or boolean as text, in the arena; an object or array as JSON text.
 * VALUE_NONE for null or nothing. */
struct value json_leaf_value(json_t *leaf, struct arena *arena);

#endif
