/*
 * base/zip.h: where the ZIP codes of the United States are: the centers of the Census Bureau's tabulation areas (public
 * domain), to a thousandth of a degree, in zips.txt. Pure.
 */
#ifndef BASE_ZIP_H
#define BASE_ZIP_H

#include <stdbool.h>
#include <stddef.h>

struct zip_center {
	double latitude, longitude; /* degrees */
};

/* "78701", "78701-1234", or 2134 for 02134. false: it is no ZIP code that is known. */
bool zip_find(const char *text, size_t len, struct zip_center *out);
/* Along the surface of the earth. */
double zip_miles(const struct zip_center *a, const struct zip_center *b);

#endif
