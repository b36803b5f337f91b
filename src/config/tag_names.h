/*
 * config/tag_names.h: where documents name custom tags, and what becomes of these places when tags
 * get other names. Pure.
 */
#ifndef CONFIG_TAG_NAMES_H
#define CONFIG_TAG_NAMES_H

#include "model/schema.h"
#include "tags/tags.h"

/* The kind of a call flow's draft or published version, beside the kinds of resources. */
#define FLOW_DOCUMENT "flow document"

/* Does the document name the tag with this id? A resource of kind call_flow is asked for its draft. */
bool tag_names_uses(const char *kind, json_t *document, const struct tag_set *tags, const char *tag_id);

/*
 * Bring the names in a document from one set of an organization's tags to another, so that each
 * means what it meant before, and the tag with this id is called by its name in `after`.
 *
 * document   changed in place, also when there are problems
 * problems   gets what cannot be written so that it means the same, by pointer
 * scripts    gets {"pointer"} of each script that has another name for the tag: scripts are not changed;
 *            may be NULL
 *
 * Returns how many names were changed.
 */
size_t tag_names_rewrite(const char *kind, json_t *document, const struct tag_set *before,
			 const struct tag_set *after, const char *tag_id, struct errors *problems, json_t *scripts);

#endif
