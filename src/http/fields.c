#include "http/fields.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SPACE " \t"

/* etagc of RFC 9110 section 8.8.3 */
static bool is_etag_character(unsigned char c)
{
	return c == 0x21 || (c >= 0x23 && c != 0x7f);
}

/* The end of the entity tag that begins at text, or NULL. */
static const char *etag_end(const char *text)
{
	if (*text++ != '"')
		return NULL;
	while (is_etag_character((unsigned char)*text))
		text++;
	return *text == '"' ? text + 1 : NULL;
}

bool etag_matches(const char *field, const char *etag, enum etag_comparison comparison)
{
	bool found = false;
	size_t len = strlen(etag);
	field += strspn(field, SPACE);
	if (*field == '*')
		return !field[1 + strspn(field + 1, SPACE)];
	while (*field) {
		field += strspn(field, SPACE ",");
		if (!*field)
			break;
		bool weak = strncmp(field, "W/", 2) == 0;
		const char *tag = field + (weak ? 2 : 0), *end = etag_end(tag);
		if (!end)
			return false;
		bool equal = (size_t)(end - tag) == len && memcmp(tag, etag, len) == 0;
		found |= equal && (!weak || comparison == ETAG_WEAK);
		field = end + strspn(end, SPACE);
		if (*field && *field != ',')
			return false;
	}
	return found;
}

static bool is_coding(const char *name, size_t len, const char *coding)
{
	return strlen(coding) == len && strncasecmp(name, coding, len) == 0;
}

/* The weight of a coding, from what follows its name up to end: ";q=0.5". Without one it is 1. */
static double weight(const char *text, const char *end)
{
	while (text < end && (*text == ';' || *text == ' ' || *text == '\t'))
		text++;
	if (end - text > 2 && strncasecmp(text, "q=", 2) == 0)
		return strtod(text + 2, NULL);
	return 1;
}

bool accepts_gzip(const char *field)
{
	double gzip = -1, any = -1;
	while (field && *field) {
		field += strspn(field, SPACE ",");
		size_t len = strcspn(field, ",; \t");
		const char *end = field + strcspn(field, ",");
		if (is_coding(field, len, "gzip") || is_coding(field, len, "x-gzip"))
			gzip = weight(field + len, end);
		else if (is_coding(field, len, "*"))
			any = weight(field + len, end);
		field = end;
	}
	return gzip >= 0 ? gzip > 0 : any > 0;
}
