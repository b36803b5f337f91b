/* dni/visit.h: what a landing page tells of its visitor, who may tell it, and the script that does. Pure. */
#ifndef DNI_VISIT_H
#define DNI_VISIT_H

#include "base/buf.h"
#include <jansson.h>

/*
 * The data that tags are filled from, of {"url","referrer","page","first_url","first_referrer","ga_client_id"}, texts that
 * may lack: the parameters of url, those of first_url with "first_" before their names, landing_page, first_landing_page,
 * and the others as they are. Texts of more than VISIT_TEXT_MAX bytes are cut. New reference; NULL without memory.
 */
json_t *visit_data(json_t *told);
#define VISIT_TEXT_MAX 4000

/* Does the browser say of itself that it is a program, or nothing at all? */
bool visit_is_bot(const char *user_agent);

/* origin: as a browser sends it, or NULL. patterns: as a snippet has them, such as "https:" and "//example.com", the host may begin with a star and a dot; none: all may. */
bool visit_origin_allowed(const char *const *patterns, size_t count, const char *origin);

/* 16 to 64 letters and digits: what a script names its visitor by. */
bool visit_is_visitor(const char *text);

/* The script for a page; config: a JSON object in ASCII. */
void visit_script(struct buf *out, const char *config);

#endif
