/* model/resource.h: the kinds of configuration there are, one table, each entity in a file of its own. Pure. */
#ifndef MODEL_RESOURCE_H
#define MODEL_RESOURCE_H

#include "model/schema.h"
#include <stdint.h>

struct resource_kind {
	const char *kind;   /* "campaign" */
	const char *path;   /* "campaigns" */
	const char *prefix; /* of its ids */
	const char *title;  /* for people: "Campaign" */
	const char *help;
	const struct field *fields;
	const char *lookup; /* the field that must be unique over all organizations, or NULL */
	const char *unique; /* the field that must be unique in the organization, or NULL */
	/* What a table cannot say. The document is valid by the table already. */
	void (*check)(json_t *doc, struct errors *errors);
	/* Path of a further request, for OpenAPI: "publish" … NULL-terminated, or NULL. */
	const char *const *actions;
	bool admin_only; /* changed only by owner and admin */
};

extern const struct resource_kind *const resource_kinds[]; /* NULL-terminated */
const struct resource_kind *resource_kind_by_path(const char *path, size_t len);
const struct resource_kind *resource_kind_by_name(const char *kind);

#define TRUNK_OPTIONS_MIN 10 /* seconds */
#define TRUNK_PREFIX_MIN 24
#define TRUNK_PREFIX_MIN_IPV6 48
/* May allowed_addresses of trunks have shorter prefixes? Not unless this is called, once at start. */
void trunk_allow_wide_networks(bool allow);

/* How far the call of an event's example has come. */
enum event_moment { EVENT_ENDED, EVENT_BEGAN, EVENT_CONNECTED, EVENT_UNCONNECTED /* ended without a target */ };

/* Event types; ends with a NULL name. */
struct event_type {
	const char *type, *help;
	bool has_call;        /* data.call is the call as it was then */
	const char *members;  /* what else is in data: JSON Schema properties, without braces; "" for none */
	const char *example;  /* the same members of an example, as JSON without braces */
	bool by_name;         /* sent only to subscriptions that list it: "*" and "call.*" leave it out */
	const char *instead_of; /* the older name of the same occurrence; NULL: it has none */
	int seconds;          /* stands for the call.milestone of that many seconds; 0: not for one */
	enum event_moment moment;
};
extern const struct event_type event_types[];
const struct event_type *event_type_find(const char *type);

/* The newer name of an occurrence. seconds: of a call.milestone, else 0. NULL: it has none. */
const struct event_type *event_type_newer(const char *type, int seconds);

/* A bit of its own for each type that is sent by name only; 0 for the others. */
uint64_t event_type_bit(const struct event_type *type);
/* The bits of those that a subscription lists. */
uint64_t event_types_named(const char *const *names, size_t count);

/* pattern: "*", a beginning such as "call.*", or the type itself. */
bool event_type_matches(const char *pattern, const char *type);

/*
 * Does a subscription take an occurrence under this name? It takes each name that it lists. Other names it takes by "*"
 * or a beginning, unless the type is sent by name only, or the subscription lists the newer name of the same occurrence:
 * so a wildcard never makes an occurrence come twice.
 *
 * newer  of the occurrence; NULL: it has none
 */
bool event_types_take(const char *const *names, size_t count, const struct event_type *type,
		      const struct event_type *newer);

/* An event type as people read it: "Call completed". Returns a fixed text or out. */
const char *event_type_title(const struct event_type *type, char out[WORDS_SIZE]);

/* JSON Schema 2020-12 of the envelope. New reference. */
json_t *event_type_schema(const struct event_type *type);

/* Outgoing webhooks to begin with: [{id, name, help, parameters, tags, webhook}, …]; see docs/outgoing-webhooks.md. New reference. */
json_t *outgoing_presets(void);

#endif
