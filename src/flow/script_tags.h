/* flow/script_tags.h: the tags that a script names. Pure. */
#ifndef FLOW_SCRIPT_TAGS_H
#define FLOW_SCRIPT_TAGS_H

#include <stddef.h>

/*
 * Tell each name that the script writes after `tags`: tags.state, tags?.state, tags['zip code'],
 * { state } = tags, and the keys of tags: {…}. Read by the letters of the code, not by running it: a name
 * that is put together is not found, and one in a template literal's text is.
 */
typedef void script_tag_f(void *arg, const char *name, size_t len);
void script_each_tag(const char *code, script_tag_f *f, void *arg);

#endif
