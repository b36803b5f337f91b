/* webhook/form.h: the members of a form, put into one object. Pure. */
#ifndef WEBHOOK_FORM_H
#define WEBHOOK_FORM_H

#include "base/json_read.h"

#define FORM_LEVELS_MAX 30 /* of brackets in a name; one with more is a plain name */

/*
 * Put a value (stolen) where its name says: `a[b]` is the member /a/b, `a[]` appends to the list
 * /a, and `a[0]`, `a[1]` ... are its elements while they follow each other; else /a is an object
 * with those names. Of values for one place the last stays. A name whose brackets do not match is a
 * plain one.
 */
void form_add(json_t *into, const char *name, json_t *value);

/*
 * application/x-www-form-urlencoded (WHATWG URL section 5.1): a percent sign that escapes nothing
 * stays as it is, bytes that cannot be decoded become U+FFFD.
 *
 * named  the encoding that the sender names, unless the form has a member _charset_; NULL: none
 */
void form_read(const char *text, size_t len, const struct charset *named, json_t *into);

/* A form sent as text/plain (HTML section 4.10.21.8): one name=value a line, nothing encoded. */
void form_read_lines(const char *text, size_t len, const struct charset *named, json_t *into);

/*
 * multipart/form-data (RFC 7578). Files, parts without a name and parts with a transfer encoding
 * are left out and noted; a part of the type application/json is that JSON.
 *
 * false: no part can be found, err says why.
 */
bool form_read_multipart(const char *content_type, const char *bytes, size_t len,
	const struct charset *named, json_t *into, json_t *notes, struct error *err) WARN_UNUSED;

#endif
