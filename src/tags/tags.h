/* tags/tags.h: an organization's custom tags, and the values that a source's data gives them. Pure. */
#ifndef TAGS_TAGS_H
#define TAGS_TAGS_H

#include "expr/value.h"
#include <jansson.h>

/* Where values come from. Data of the first five is evaluated; the others write what they mean. */
enum tag_source {
	TAG_FROM_WEBHOOK,
	TAG_FROM_DNI,
	TAG_FROM_RTB,
	TAG_FROM_SIP_HEADER,
	TAG_FROM_SIP_PARAMETER,
	TAG_DATA_SOURCES,
	TAG_FROM_DEFAULT = TAG_DATA_SOURCES,
	TAG_FROM_FLOW,
	TAG_FROM_API
};
const char *tag_source_name(enum tag_source source); /* "incoming_webhook", … */
enum tag_source tag_source_from(const char *name);   /* TAG_FROM_DEFAULT for an unknown one */

/* Which of several values stays when sources send more than one. */
enum tag_repeat {
	TAG_REPEAT_LAST,       /* the one that was sent last */
	TAG_REPEAT_FIRST,      /* the one that was sent first */
	TAG_REPEAT_APPEND,     /* all of them, in a list of texts: "a, b" */
	TAG_REPEAT_PRECEDENCE, /* that of the source which the tag lists first; of one source, the last */
};

#define TAGS_MAX 1000 /* an organization's */

struct tag_def {
	const char *id, *name, *default_text;
	const char *const *former; /* names it had before, NULL-terminated */
	struct value_type type;
	bool sensitive, report; /* report: calls are added up by its values */
	bool archived;          /* data does not fill it any more */
	enum tag_repeat repeat;
	/* By enum tag_source: its place in the tag's list of sources (255: not listed), and what the
	 * tag takes from it, in order. */
	uint8_t ranks[TAG_DATA_SOURCES];
	struct tag_path *paths[TAG_DATA_SOURCES];
};

struct tag_set; /* immutable, lives in an arena */

/* docs: an array of custom_tag documents with their ids; region: the organization's. Texts are copied. */
struct tag_set *tag_set_build(json_t *docs, const char *region, struct arena *arena) WARN_UNUSED;
size_t tag_set_count(const struct tag_set *set);
const struct tag_def *tag_set_get(const struct tag_set *set, size_t slot);
/* By name without regard to case, else by a name that a tag had before: its slot, or -1. Of two tags
 * whose names differ in case alone, as databases of old versions may have them, it is the older one. */
int tag_set_find(const struct tag_set *set, const char *name, size_t len);
/* Is that its name now, without regard to case? */
bool tag_is_called(const struct tag_def *def, const char *name, size_t len);

/* By id: its slot, or -1. */
int tag_set_find_id(const struct tag_set *set, const char *id);

struct tag_result {
	uint16_t slot;
	struct value value; /* kind NONE: there is no value; error says why, unless it removes */
	const char *error;
	bool removes; /* the tag is taken from the call */
};
/* Is something to be written: a value, or that there is none any more? */
static inline bool tag_result_changes(const struct tag_result *r)
{
	return r->value.kind != VALUE_NONE || (r->removes && !r->error);
}

/* What a webhook takes instead of what the tags list: by slot, NULL for tags it says nothing of. */
struct tag_mapping;
/* mapping: an array of {"tag_id", and "parameter", "pointer" or "header"}. NULL when it is empty, or without memory. */
struct tag_mapping *tag_mapping_build(const struct tag_set *set, json_t *mapping, struct arena *arena);

/* Is the value at this JSON pointer taken by a tag, itself or within what a tag takes? */
bool tags_take(const struct tag_set *set, const struct tag_mapping *mapping, const char *pointer);

/* The tag that data calls by this name: its own, or a parameter that the mapping or the tag itself lists
 * for incoming webhooks. Its slot, or -1. */
int tag_set_find_data(const struct tag_set *set, const struct tag_mapping *mapping, const char *name, size_t len);

struct tag_data {
	json_t *body;    /* an object: parameters or a JSON body */
	json_t *headers; /* an object with names in lower case; NULL: none */
	const struct tag_mapping *mapping; /* NULL: none */
	json_t *root;    /* what pointers lead into; NULL: the body */
	bool listed_only; /* members go to the tags that list them, not to those of their name */
};

/*
 * What data gives the tags. A tag's own listed sources come first, in their order, then the
 * member that has the tag's name, then one that has a former name of it. A token that the sender
 * did not replace, such as [ZIP], is an error and no value. From incoming webhooks and the API,
 * null removes a tag that no other source gives a value.
 *
 * results    room for tag_set_count(); texts live in the arena
 * unmatched  if not NULL, an array that gets the names of top-level members no tag takes
 *
 * Returns how many results there are.
 */
size_t tags_evaluate(const struct tag_set *set, enum tag_source source, const struct tag_data *data, struct arena *arena,
		     struct tag_result *results, json_t *unmatched);

/*
 * Why a text from outside is no value: it is nothing but tokens that its sender did not replace,
 * such as [ZIP] or {{zip}}. NULL: it is a value. The reason is in the arena or a constant.
 */
const char *tags_unreplaced(const char *text, size_t len, struct arena *arena);

/* What one value gives the tag of the slot, as tags_evaluate() would have it. */
void tags_evaluate_one(const struct tag_set *set, uint16_t slot, enum tag_source source, json_t *value, struct arena *arena,
		       struct tag_result *out);

/* Is one of them sensitive? */
bool tag_set_is_sensitive(const struct tag_set *set);
/* Does a sensitive tag take this SIP header? */
bool tags_hide_header(const struct tag_set *set, const char *name, size_t len);

/* What a call has of a tag already. */
struct tag_held {
	const char *text; /* NULL: nothing */
	enum tag_source source;
	int64_t at_ms; /* of the value; without one, of its removal (0: there was none) */
};

/*
 * May a value from this source, sent at at_ms, be written over what is held? Flows and the API
 * always may, unless something later is there. value becomes what is to be written: for
 * TAG_REPEAT_APPEND the list. Returns NULL, or why it may not.
 */
const char *tag_settle(const struct tag_def *def, const struct tag_held *held, enum tag_source source, int64_t at_ms,
		       struct value *value, struct arena *arena);
/* May this source, at at_ms, remove what is held? Returns NULL, or why it may not. */
const char *tag_settle_removal(const struct tag_def *def, const struct tag_held *held, enum tag_source source, int64_t at_ms);

#endif
