/*
 * webhook/members.h: the members of an incoming webhook's request: which of them say what is to be
 * done (control members), under which of their names and wherever they stand, and which are data. Pure.
 *
 * A control member stands at the top of the request or inside "fields". Of several that mean the same,
 * the first name of the table counts, and of one name in two places the one at the top. One that is
 * empty, blank or null is as if it were not there; so is a token that the sender did not replace,
 * which is also an error, and so is a caller's number that cannot be read where another can. What does not count is data, so that the answer names it.
 */
#ifndef WEBHOOK_MEMBERS_H
#define WEBHOOK_MEMBERS_H

#include "tags/tags.h"

enum incoming_member {
	MEMBER_CALL_ID,
	MEMBER_CALLER_ID,
	MEMBER_UNIQUE_ID,
	MEMBER_TIMESTAMP,
	MEMBER_MODE,
	MEMBER_CURRENCY,
	MEMBER_REVENUE,
	MEMBER_PAYOUT,
	MEMBER_CONVERTED,
	MEMBER_CONVERTED_AT,
	MEMBER_REASON,
	MEMBER_HOLD_REASON,
	MEMBER_DISPOSITION,
	MEMBER_PUBLISHER_ID,
	MEMBER_COUNT,
};

struct incoming_given {
	const char *name; /* as it was sent; NULL: it was not */
	const char *text; /* without blanks around it; NULL: it is no single value */
	bool in_fields;   /* inside "fields" */
	bool is_null;     /* it was not sent but as null */
	const char *unreplaced; /* it was sent as a token only: why that is no value */
};

struct incoming_members {
	struct incoming_given given[MEMBER_COUNT];
	json_t *data;   /* {"name": value}: data of the top, of "fields" and of "custom_data", the first of each name */
	json_t *known;  /* {"name": true}: of data, what was also taken as a control member: it need not be named */
	json_t *add;    /* {"tag": value} to be set; NULL: nothing */
	json_t *remove; /* ["tag"] to be removed; NULL: nothing */
	json_t *errors; /* [{"field","detail"}] of what add and remove have that cannot be meant */
	json_t *owned;  /* what the others borrow from */
};

/*
 * body  an object, as it was read; it outlives the result
 * type  the path's, of INCOMING_CALL_DATA …
 * set   a tag with the name of a container (fields, custom_data, tags, add, remove) takes that itself, where
 *       the path fills tags with data
 * region  the organization's, such as "US": of telephone numbers without a country code
 *
 * false: no memory. Free it either way.
 */
bool incoming_members_read(json_t *body, unsigned type, const struct tag_set *set, const char *region,
			   struct arena *arena, struct incoming_members *out) WARN_UNUSED;
void incoming_members_free(struct incoming_members *m);

/* The name of a member for people: the one that counts first. */
const char *incoming_member_name(enum incoming_member member);
/* Is this what a request to the path says to do, or a container, and no data? */
bool incoming_is_control(const char *name, size_t len, unsigned type);

#endif
