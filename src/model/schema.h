/* model/schema.h: one table of fields from which validation, JSON Schema (and so
 * OpenAPI, the portal's forms and the docs) are made. Pure. */
#ifndef MODEL_SCHEMA_H
#define MODEL_SCHEMA_H

#include "base/result.h"
#include "model/words.h"
#include <jansson.h>

enum field_type {
	FIELD_STRING,
	FIELD_INTEGER,
	FIELD_BOOLEAN,
	FIELD_MONEY,     /* decimal string, not negative; max: the most it may be */
	FIELD_ENUM,      /* one of choices */
	FIELD_ID,        /* id of a resource of `kind`; JSON null allowed unless required */
	FIELD_E164,      /* "+15125550100"; any usual notation is accepted and normalised */
	FIELD_URL,       /* http or https */
	FIELD_SIP_URI,   /* sip: or sips: */
	FIELD_POINTER,   /* JSON pointer (RFC 6901) */
	FIELD_TIME_OF_DAY, /* "09:30", "24:00" */
	FIELD_DATE,      /* "2026-12-25" */
	FIELD_DATETIME,  /* RFC 3339 */
	FIELD_TIME_ZONE, /* IANA name */
	FIELD_TEMPLATE,  /* text with [TOKENS] */
	FIELD_SCRIPT,    /* JavaScript */
	FIELD_TAG,       /* name of a custom tag */
	FIELD_VARIABLE,  /* name of a call flow's variable: as FIELD_NAME */
	FIELD_FILTER,    /* filter group */
	FIELD_NAME,      /* identifier: letters, digits, '_' , '-' and '.' */
	FIELD_EVENT_TYPE, /* "call.completed", "call.*" or "*"; the kind's check() looks it up */
	FIELD_OBJECT,    /* members in `fields` */
	FIELD_MAP,       /* object of strings */
	FIELD_ANY,
};

enum {
	FIELD_REQUIRED = 1 << 0,
	FIELD_READ_ONLY = 1 << 1, /* answered, refused in requests */
	FIELD_SECRET = 1 << 2,    /* sealed at rest, answered as null or "********" */
	FIELD_LIST = 1 << 3,      /* an array of the type; min and max count its elements */
	FIELD_EMPTY_TEXTS = 1 << 4, /* the elements of a list of texts may be "" */
	FIELD_HTTP = 1 << 6, /* a template of an http or https URL with a fixed scheme and host */
	FIELD_CHARACTERS = 1 << 5,  /* min and max count code points of a text, not bytes */
};

/* What a value of an enum is called by people. */
struct label {
	const char *value, *text;
};

struct field {
	const char *name;
	enum field_type type;
	unsigned flags;
	long long min, max;           /* length, value or count; both 0: the type's own */
	const char *const *choices;   /* FIELD_ENUM, NULL-terminated */
	const char *kind;             /* FIELD_ID: resource kind */
	const struct field *fields;   /* FIELD_OBJECT: ends with a NULL name */
	const char *initial;          /* JSON text of the default, or NULL */
	const char *help;
	/* "type=phone", "type=sip|phone": it has a meaning only while the enum beside it is one of
	 * these; forms show it then; or NULL */
	const char *only;
	/* Words for people. NULL: derived from the name by words_title(). */
	const char *title;          /* "Ring time (s)" */
	const struct label *labels; /* FIELD_ENUM: of some values; ends with a NULL value */
	const char *item;           /* a list of objects or ids: one of them, "Target" */
	const char *item_by;        /* a list of objects: the enum member that names one; or NULL */
};

/*
 * What was wrong with a document: [{"pointer":"/name","detail":"…"}], at most 100. A detail
 * follows the field's title: it begins in lower case and calls other fields by their titles.
 */
struct errors {
	json_t *list; /* array, made by errors_add */
};
void errors_add(struct errors *errors, const char *pointer, const char *fmt, ...) PRINTF_LIKE(3, 4);
static inline bool errors_any(const struct errors *e)
{
	return e->list && json_array_size(e->list) > 0;
}
void errors_free(struct errors *errors);

/* Hooks to what this module must not know itself. */
struct schema_context {
	/* Is there a resource of this kind with this id, in the organization asked for? NULL: not checked. */
	bool (*exists)(void *arg, const char *kind, const char *id);
	/* Normalise a phone number to E.164. NULL: must be E.164 already. */
	bool (*e164)(void *arg, const char *text, char *out, size_t size);
	/* Check a filter or template; adds errors below pointer. NULL: only the JSON type is checked. */
	void (*filter)(void *arg, json_t *filter, const char *pointer, struct errors *errors);
	void (*template_text)(void *arg, const char *text, const char *pointer, struct errors *errors);
	void *arg;
};

/*
 * Check the members of `object` against `fields`; put defaults in and normalise
 * values in place. pointer: where the object stands in the document ("" for its root).
 * Members that no field names are errors.
 */
void schema_check(const struct field *fields, json_t *object, const char *pointer,
		  const struct schema_context *context, struct errors *errors);

/* sip: or sips:, and something that could be a URI (FIELD_SIP_URI). */
bool schema_is_sip_uri(const char *text);

/* Each text of the array must be an IP address or network. pointer: the array's. */
void schema_check_networks(json_t *list, const char *pointer, struct errors *errors);

/*
 * The field's title, one element of a list, a value of an enum, as people read them: the table's
 * own words, else derived ones. Return the table's text or out.
 */
const char *schema_title(const struct field *field, char out[WORDS_SIZE]);
const char *schema_item_title(const struct field *field, char out[WORDS_SIZE]);
const char *schema_label(const struct field *field, const char *value, char out[WORDS_SIZE]);

/*
 * JSON Schema 2020-12 of the object. Each property has a "title". Enums have "x-labels", an object
 * of value and label. The elements of a list of objects or ids have a title, and "x-title-by" where
 * an enum member names them. New reference.
 */
json_t *schema_json(const struct field *fields);

#endif
