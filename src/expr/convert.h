/* expr/convert.h: a value in another notation, asked for by the end of a token's name: [CALL_STARTED_AT_EPOCH], [CALLER_ID_DIGITS_SHA256]. Pure. */
#ifndef EXPR_CONVERT_H
#define EXPR_CONVERT_H

#include "expr/value.h"

enum conversion { CONVERT_NONE, CONVERT_EPOCH_MS, CONVERT_EPOCH, CONVERT_ISO, CONVERT_E164, CONVERT_NATIONAL, CONVERT_DIGITS, CONVERT_MONEY, CONVERT_CENTS, CONVERT_SHA256, CONVERT_COUNT };

struct conversion_info {
	const char *suffix; /* "_EPOCH" */
	const char *help;
};
extern const struct conversion_info conversions[CONVERT_COUNT];

/* The conversion that a name ends in, and how long the name before it is. */
enum conversion conversion_of(const char *name, size_t len, size_t *rest);

/*
 * The value in the other notation, written to room; empty where it has none.
 *
 * region  the country (ISO 3166) whose way it is to write phone numbers without a country code, and
 *         dates in digits; "": only E.164, and only dates that can mean one day
 */
#define CONVERTED_SIZE 72
struct value convert(enum conversion c, const struct value *from, const char *region,
	char room[CONVERTED_SIZE]);

#endif
