/* expr/extract.h: one value out of another system's answer: by JSON pointer (RFC 6901), XPath 1.0, or regular expression. Pure. */
#ifndef EXPR_EXTRACT_H
#define EXPR_EXTRACT_H

#include "expr/value.h"

#define EXTRACT_SIZE_MAX (64 * 1024) /* bytes of an answer */
#define EXTRACT_TEXT_MAX 1024        /* bytes of a value; a longer one is cut */

enum extract_format { EXTRACT_JSON, EXTRACT_XML, EXTRACT_TEXT };
extern const char *const extract_formats[]; /* "json", "xml", "text"; NULL at the end */

struct extract; /* what is looked for */

/* NULL: it is not in the format's language, err says why, or there is no memory. */
struct extract *extract_compile(enum extract_format format, const char *expression, struct error *err) WARN_UNUSED;
void extract_free(struct extract *e);

struct extract_answer; /* one that was read */

/*
 * An answer's text, which is UTF-8 (webhook/answer.h) and outlives the result. NULL: it is not of
 * the format, or too long; err says why. XML has no document type, and no entities but the five
 * predefined ones; what its declaration says of its encoding is not read. JSON is repaired where
 * one value is damaged (base/json_read.h).
 */
struct extract_answer *extract_read(enum extract_format format, const char *text, size_t len, struct error *err) WARN_UNUSED;
void extract_answer_free(struct extract_answer *a);

/*
 * The value there: of an expression that has groups its first, of a set of nodes the first one's text.
 * VALUE_NONE when there is none. In the arena.
 */
struct value extract_get(const struct extract_answer *a, const struct extract *e, struct arena *arena);

#endif
