/*
 * http/body.h: a request's body while it comes, and the memory that all bodies together may take.
 * Nothing is kept of a body that is not wanted: it is read and forgotten.
 */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "base/result.h"
#include <stddef.h>

#define BODIES_MAX ((size_t)128 * 1024 * 1024)         /* all bodies together */
#define BODIES_STRANGERS_MAX ((size_t)32 * 1024 * 1024) /* those of requests without a known key */

/* The memory that bodies take. One for a server; any thread. */
struct bodies {
	_Atomic size_t all, strangers;
};

enum body_state {
	BODY_OK,
	BODY_TOO_LARGE, /* more came than max */
	BODY_NO_ROOM,   /* the sum of all bodies is reached, or memory is short */
	BODY_UNWANTED,  /* the request is refused already */
};

struct body {
	char *data; /* with a NUL behind it; NULL: nothing came */
	size_t len, cap, max;
	size_t taken; /* of the sum */
	bool stranger;
	enum body_state state;
};

/* Take a piece of it. When it does not fit, what came before is freed, too. */
void body_add(struct body *body, struct bodies *all, const char *data, size_t len);

/* Count memory that belongs to the body, as its decompressed form does. false: there is no room. */
bool body_reserve(struct body *body, struct bodies *all, size_t bytes) WARN_UNUSED;

/* Free data, and give back what was taken of the sum. */
void body_free(struct body *body, struct bodies *all);

#endif
