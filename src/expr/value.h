/* expr/value.h: what a tag, a variable or a field of a call holds. Pure. */
#ifndef EXPR_VALUE_H
#define EXPR_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/date_read.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_kind { VALUE_NONE, VALUE_STRING, VALUE_NUMBER, VALUE_BOOLEAN, VALUE_DATETIME };

/* Every kind keeps its canonical text beside the number, so that text operators
 * and templates never convert. The text is not owned. */
struct value {
	enum value_kind kind;
	uint32_t len;
	const char *text;
	double number; /* NUMBER: itself; BOOLEAN: 0 or 1; DATETIME: ms since the epoch */
	int64_t at_ms; /* when it was set, for writes that arrive out of order */
};

static inline struct value value_string(const char *text, size_t len)
{
	return (struct value){.kind = text ? VALUE_STRING : VALUE_NONE, .text = text ? text : "", .len = (uint32_t)len};
}

/* Decimal text (as JSON writes numbers, surrounding blanks allowed) to a double. */
bool value_parse_number(const char *text, size_t len, double *out);
/* true/false, yes/no, on/off, 1/0, in any case. */
bool value_parse_boolean(const char *text, size_t len, bool *out);
/* Shortest decimal text that reads back as the same double. */
#define VALUE_NUMBER_SIZE 32
size_t value_format_number(double n, char out[VALUE_NUMBER_SIZE]);

/*
 * Read text as `kind`; the result's text lives in the arena.
 * false (and a reason for a person in err) when the text is not of that kind.
 */
bool value_coerce(enum value_kind kind, const char *text, size_t len, struct arena *arena,
		  struct value *out, struct error *err) WARN_UNUSED;

/* What a tag's values must be: a kind, and for texts their format. */
struct value_type {
	enum value_kind kind;
	const char *name;           /* "string", "number", "boolean", "datetime", "phone", "enum" */
	const char *region;         /* phone: E.164, numbers without a country code being this region's; else NULL */
	const char *const *choices; /* enum: one of these, NULL-terminated, in any case; else NULL */
	enum date_order order;      /* datetime: how 11/12/2026 is read */
};
extern const struct value_type value_type_string;

/* value_coerce() to a type: phones become E.164, choices are written as they are listed. */
bool value_coerce_to(const struct value_type *type, const char *text, size_t len, struct arena *arena,
		     struct value *out, struct error *err) WARN_UNUSED;

/* As JSON, from its kind and canonical text; masked when sensitive. */
void value_json(struct buf *b, enum value_kind kind, const char *text, size_t len, bool sensitive);

/* "string", "number", … and back; VALUE_NONE for an unknown name. */
const char *value_kind_name(enum value_kind kind);
enum value_kind value_kind_from(const char *name);

#endif
