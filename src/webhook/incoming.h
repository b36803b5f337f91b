/* webhook/incoming.h: what an incoming request means: read into one object, and told apart. Pure. */
#ifndef WEBHOOK_INCOMING_H
#define WEBHOOK_INCOMING_H

#include "base/arena.h"
#include "base/result.h"
#include <jansson.h>

/* application/x-www-form-urlencoded into the object, as strings. false: malformed. */
bool incoming_parse_form(const char *text, size_t len, json_t *into);

#define INCOMING_DEPTH_MAX 32
#define INCOMING_MEMBERS_MAX 5000 /* objects, lists and values together */
/* Is the data within the limits? NULL, or what is wrong with it. */
const char *incoming_limit(json_t *data);

/* Take a member out, by name without regard to case. */
void incoming_remove(json_t *object, const char *name);

/* A member by name without regard to case, as text in the arena; NULL: not there, null, or no scalar. */
const char *incoming_text(json_t *object, const char *name, struct arena *arena);

#endif
