/* base/decimal.h: one decimal number as people and programs write it. Pure. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include "base/result.h"
#include <stddef.h>

#define DECIMAL_SIZE 48

struct decimal {
	char text[DECIMAL_SIZE]; /* as strtod() reads it: "-1234.5e3" */
	bool negative, integer;  /* integer: written without a point and an exponent */
	size_t used;             /* bytes of the text that it was read from */
};

/*
 * The unsigned number at the beginning of the text: "1234.5", "1,234.50", "1 234.50", "1'234.50",
 * ".5", "5.", "1.5e3". Thousands may be separated in groups of three; the decimal sign is a point,
 * so that 12,50 is refused and never taken for 1250. Digits that do not fit are cut behind the
 * point.
 *
 * NULL, or why it is none, in words that follow the text.
 */
const char *decimal_read(const char *text, size_t len, struct decimal *out) WARN_UNUSED;

/*
 * The whole text as one number: with blanks around it, a sign of its own, and a currency before or
 * behind it.
 *
 * currency  ISO 4217: this one, as a sign or a code, and an amount that is negative by its
 * brackets;
 *           "": any sign that is known. Another currency is refused
 */
bool decimal_read_amount(const char *text, size_t len, const char *currency, struct decimal *out,
	struct error *err) WARN_UNUSED;

#endif
