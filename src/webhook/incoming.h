/* webhook/incoming.h: what an incoming request means: read into one object, and told apart. Pure.
 */
#ifndef WEBHOOK_INCOMING_H
#define WEBHOOK_INCOMING_H

#include "base/arena.h"
#include "base/json_read.h"
#include "base/result.h"
#include <jansson.h>

/*
 * The body of a request as one object: JSON, a form (also as multipart/form-data or text/plain),
 * told by its Content-Type, and by how it begins where that says nothing or is wrong. An array of
 * one object is that object. One damaged member never costs the others: it is repaired, or left
 * out.
 *
 * content_type  NULL: none was sent
 * bytes         followed by a NUL
 * notes         gets what is wrong with single members, by json_note()
 * *status       400, 415 or 503 when NULL is returned; err says why
 */
json_t *incoming_read(const char *content_type, const char *bytes, size_t len, json_t *notes,
	int *status, struct error *err) WARN_UNUSED;

#define INCOMING_DEPTH_MAX 32
#define INCOMING_MEMBERS_MAX 5000 /* objects, lists and values together */
/* Leave out the members that exceed these limits; each is noted. */
void incoming_limit(json_t *data, json_t *notes);

/* Take a member out, by name without regard to case. */
void incoming_remove(json_t *object, const char *name);

/* A member by name without regard to case, as text in the arena; NULL: not there, null, or no
 * scalar. */
const char *incoming_text(json_t *object, const char *name, struct arena *arena);

#endif
