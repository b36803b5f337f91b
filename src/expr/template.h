/* expr/template.h: text with [NAME], [NAME|default] and [[ for a bracket. Pure. */
#ifndef EXPR_TEMPLATE_H
#define EXPR_TEMPLATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "expr/convert.h"
#include "expr/scope.h"

#define TEMPLATE_OUTPUT_MAX (64 * 1024)
#define TEMPLATE_CONVERSIONS_MAX 2

/* Where the text lands, which decides how a value is escaped. */
enum template_context {
	TEMPLATE_TEXT,   /* control characters removed: speech, tag values, step log */
	TEMPLATE_URL,    /* percent-encoded (RFC 3986 §2.3 unreserved stay); adds no path segment */
	TEMPLATE_HEADER, /* CR, LF and other control characters become spaces (RFC 9110 §5.5) */
	TEMPLATE_JSON,   /* inside quotes: JSON string escapes; outside: a JSON value */
	TEMPLATE_FORM,   /* application/x-www-form-urlencoded */
	TEMPLATE_XML,    /* character data and attribute values, CDATA sections, comments */
	TEMPLATE_CONTEXT_COUNT,
};

struct template; /* immutable, lives in the arena it was compiled into */

/* Told the name of each token that nothing is called; may be NULL. */
typedef void template_unknown_f(void *arg, const char *name, size_t len);

/* NULL only when memory ran out. A '[' that begins no token is itself. */
struct template *template_compile(const char *text, size_t len, enum template_context context,
				  const struct expr_scope *scope, struct arena *arena,
				  template_unknown_f *unknown, void *arg) WARN_UNUSED;

/*
 * What a request's body is, by its Content-Type (NULL: not given), or else by how it begins:
 * a brace or bracket is JSON, "<" XML, a name before "=" a form, anything else is `otherwise`.
 */
enum template_context template_body_context(const char *content_type, const char *body,
					    enum template_context otherwise);

/* The Content-Type that a body of the context is sent with when it has none; NULL: none. */
const char *template_content_type(enum template_context context);

/* Append the text for one call. out->failed when it would pass TEMPLATE_OUTPUT_MAX. */
void template_render(const struct template *t, struct expr_env *env, struct buf *out);

/* The text itself when it has no tokens, else NULL: nothing needs rendering. */
const char *template_constant(const struct template *t, size_t *len);

/* ---- tokens as such ---- */

/* What the name of a token means. */
struct token_meaning {
	struct expr_ref ref;
	size_t base_len; /* of the name without what asks for conversions */
	bool numeric;    /* it ends in _NUMERIC: a number in JSON */
	enum conversion conversions[TEMPLATE_CONVERSIONS_MAX]; /* done in this order */
};
struct token_meaning template_meaning(const struct expr_scope *scope, const char *name, size_t len);

/* Is the name a number, true, false or null, so that [name] in JSON is an array and no token? */
bool template_is_json_literal(const char *name, size_t len);

struct template_token {
	const char *name; /* points into the template's text */
	size_t len;
	bool in_host; /* URL: in the scheme or the host, where a value would decide who is asked */
};
/* Each token of the text, in order. */
typedef void template_token_f(void *arg, const struct template_token *token);
void template_each_token(const char *text, size_t len, enum template_context context,
			 template_token_f *f, void *arg);

/* Headers, each with a template for its value. */
struct named_template {
	const char *name;
	const struct template *value;
};
struct named_templates {
	const struct named_template *list;
	size_t count;
};

#endif
