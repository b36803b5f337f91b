/* expr/document.h: the templates that documents have, each with where its text lands. Pure. */
#ifndef EXPR_DOCUMENT_H
#define EXPR_DOCUMENT_H

#include "expr/template.h"
#include "model/walk.h"

struct document_template {
	const char *pointer;
	json_t *text; /* a string; it may be changed in place */
	enum template_context context;
	size_t max;   /* bytes that it may have */
};
typedef void document_template_f(void *arg, const struct document_template *template);

/* The templates at this place: one, those of a map, or none. */
void document_templates(const struct walk_place *place, document_template_f *f, void *arg);

#endif
