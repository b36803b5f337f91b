/* http/fields.h: values of HTTP header fields. Pure. */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include <stdbool.h>

enum etag_comparison {
	ETAG_STRONG, /* If-Match: a weak tag equals nothing (RFC 9110 section 13.1.1) */
	ETAG_WEAK, /* If-None-Match: W/"1" equals "1" (section 13.1.2) */
};

/*
 * Does the value of If-Match or If-None-Match select the representation with this entity tag?
 *
 * field  "*", or a comma-separated list of entity tags (RFC 9110 section 8.8.3)
 * etag   a strong entity tag with its quotes
 *
 * A field that is not of this form selects nothing.
 */
bool etag_matches(const char *field, const char *etag, enum etag_comparison comparison);

/*
 * May the answer be coded with gzip? field: the value of Accept-Encoding, or NULL when there was
 * none. True where gzip, x-gzip or "*" has a weight above zero (RFC 9110 section 12.5.3). Without
 * the field, false: any coding may be used then, but such a client rarely decodes one.
 */
bool accepts_gzip(const char *field);

#endif
