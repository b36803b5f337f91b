#include "base/zip.h"
#include "base/embed.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "zips.h"

#define ZIPS 33791 /* lines of zips.txt */
#define LINE 21 /* "78701  30271  -97742\n": the code, then thousandths of a degree */
#define EARTH_MILES 3958.8
#define RADIANS (3.14159265358979323846 / 180)

static bool read_code(const char *text, size_t len, char code[6])
{
	size_t digits = 0;
	while (digits < len && text[digits] >= '0' && text[digits] <= '9')
		digits++;
	bool longer = digits == 5 && len > 5 && text[5] == '-';
	if (digits < 3 || digits > 5 || (digits != len && !longer))
		return false;
	memcpy(code, "00000", 6);
	memcpy(code + 5 - digits, text, digits);
	return true;
}

static int by_code(const void *code, const void *line)
{
	return strncmp(code, line, 5);
}

bool zip_find(const char *text, size_t len, struct zip_center *out)
{
	char code[6], *end;
	const char *line = read_code(text, len, code) ? bsearch(code, zips[0], ZIPS, LINE, by_code) : NULL;
	if (!line)
		return false;
	out->latitude = (double)strtol(line + 5, &end, 10) / 1000;
	out->longitude = (double)strtol(end, NULL, 10) / 1000;
	return true;
}

/* The haversine formula. */
double zip_miles(const struct zip_center *a, const struct zip_center *b)
{
	double lat = (b->latitude - a->latitude) * RADIANS / 2, lon = (b->longitude - a->longitude) * RADIANS / 2;
	double h = sin(lat) * sin(lat) + cos(a->latitude * RADIANS) * cos(b->latitude * RADIANS) * sin(lon) * sin(lon);
	return 2 * EARTH_MILES * asin(sqrt(h < 1 ? h : 1));
}
