/* expr/template.h: text with [NAME], [NAME|default] and [[ for a bracket. Pure. */
#ifndef EXPR_TEMPLATE_H
#define EXPR_TEMPLATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "expr/scope.h"

#define TEMPLATE_OUTPUT_MAX (64 * 1024)

/* Where the text lands, which decides how a value is escaped. */
enum template_context {
	TEMPLATE_TEXT,   /* control characters removed: speech, tag values, step log */
	TEMPLATE_URL,    /* percent-encoded (RFC 3986 §2.3 unreserved stay) */
	TEMPLATE_HEADER, /* CR, LF and other control characters become spaces (RFC 9110 §5.5) */
	TEMPLATE_JSON,   /* inside quotes: JSON string escapes; outside: a JSON value */
	TEMPLATE_FORM,   /* application/x-www-form-urlencoded */
};

struct template; /* immutable, lives in the arena it was compiled into */

/* Told the name of each token that nothing is called; may be NULL. */
typedef void template_unknown_f(void *arg, const char *name, size_t len);

/* NULL only when memory ran out. A '[' that begins no token is itself. */
struct template *template_compile(const char *text, size_t len, enum template_context context,
				  const struct expr_scope *scope, struct arena *arena,
				  template_unknown_f *unknown, void *arg) WARN_UNUSED;

/* What a request's body is, by its Content-Type (NULL: not given), or else by how it begins. */
enum template_context template_body_context(const char *content_type, const char *body);

/* Append the text for one call. out->failed when it would pass TEMPLATE_OUTPUT_MAX. */
void template_render(const struct template *t, struct expr_env *env, struct buf *out);

/* The text itself when it has no tokens, else NULL: nothing needs rendering. */
const char *template_constant(const struct template *t, size_t *len);

#endif
