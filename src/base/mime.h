/* base/mime.h: media types and header parameters (RFC 9110 sections 5.6.6 and 8.3, RFC 2231). Pure.
 */
#ifndef BASE_MIME_H
#define BASE_MIME_H

#include "base/charset.h"

#define MIME_TYPE_SIZE 128

/* "Text/XML; charset=x" to "text/xml". "" for NULL or what is too long for a media type. */
const char *mime_type(const char *content_type, char out[MIME_TYPE_SIZE]);

/*
 * A parameter of a header value of `len` bytes such as `form-data; name="a b"`, by its name without
 * regard to case: unquoted, appended to `out`. false: it is not there.
 */
bool mime_parameter(const char *value, size_t len, const char *name, struct buf *out);

/* The charset parameter as an encoding. NULL: none, or an unknown one; *unknown tells which. */
const struct charset *mime_charset(const char *content_type, bool *unknown);

#endif
