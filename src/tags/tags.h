/* tags/tags.h: an organization's custom tags, and the values that a source's data gives them. Pure. */
#ifndef TAGS_TAGS_H
#define TAGS_TAGS_H

#include "expr/value.h"
#include <jansson.h>

enum tag_source { TAG_FROM_WEBHOOK, TAG_FROM_DNI, TAG_FROM_RTB, TAG_FROM_SIP_HEADER };

#define TAGS_MAX 1000 /* an organization's */

struct tag_def {
	const char *id, *name, *default_text;
	enum value_kind kind;
	bool sensitive, report; /* report: calls are added up by its values */
	struct tag_path *paths[4]; /* by enum tag_source */
};

struct tag_set; /* immutable, lives in an arena */

/* docs: an array of custom_tag documents with their ids. Texts are copied. */
struct tag_set *tag_set_build(json_t *docs, struct arena *arena) WARN_UNUSED;
size_t tag_set_count(const struct tag_set *set);
const struct tag_def *tag_set_get(const struct tag_set *set, size_t slot);
/* By name without regard to case: its slot, or -1. */
int tag_set_find(const struct tag_set *set, const char *name, size_t len);

struct tag_result {
	uint16_t slot;
	struct value value; /* kind NONE: refused, and error says why */
	const char *error;
};

/*
 * What `data` (an object: parameters or a JSON body) gives the tags. A tag's own listed
 * sources come first, in their order, then the member that has the tag's name.
 *
 * results    room for tag_set_count(); texts live in the arena
 * unmatched  if not NULL, an array that gets the names of top-level members no tag takes
 *
 * Returns how many results there are.
 */
size_t tags_evaluate(const struct tag_set *set, enum tag_source source, json_t *data, struct arena *arena,
		     struct tag_result *results, json_t *unmatched);

/* A later write wins; one that is older than what is there does not. Returns whether it was taken. */
bool tag_apply(struct value *tags, uint16_t slot, struct value value, int64_t at_ms);

#endif
