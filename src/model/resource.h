/* model/resource.h: the kinds of configuration there are, one table, each entity in a file of its own. Pure. */
#ifndef MODEL_RESOURCE_H
#define MODEL_RESOURCE_H

#include "model/schema.h"

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

/* Event types; ends with a NULL name. */
struct event_type {
	const char *type, *help;
	bool has_call;        /* data.call is the call as it was then */
	const char *members;  /* what else is in data: JSON Schema properties, without braces; "" for none */
	const char *example;  /* the same members of an example, as JSON without braces */
};
extern const struct event_type event_types[];
const struct event_type *event_type_find(const char *type);
/* JSON Schema 2020-12 of the envelope. New reference. */
json_t *event_type_schema(const struct event_type *type);

/* Outgoing webhooks to begin with: [{id, name, help, parameters, tags, webhook}, …]; see docs/outgoing-webhooks.md. New reference. */
json_t *outgoing_presets(void);

#endif
