/* base/money.h: exact decimal amounts, held as millionths. */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include "base/decimal.h"
#include <stdbool.h>
#include <stdint.h>

#define MONEY_SIZE 32

/* "12.5" → 12500000. At most six decimals and twelve digits before the point. */
bool money_parse(const char *text, int64_t *micros);
/*
 * An amount as senders write it: "$1,234.50", "12.5 USD", 3.3000000000000003, rounded to millionths
 * (base/decimal.h has what else). currency: ISO 4217, amounts in another one are refused; NULL: any
 * sign. false: err says why, in words that follow the text.
 */
bool money_read(const char *text, size_t len, const char *currency, int64_t *micros,
		struct error *err) WARN_UNUSED;
/* The same for a number that was already found in a text. false: it is too large. */
bool money_of_decimal(const struct decimal *d, int64_t *micros) WARN_UNUSED;
/* At least two decimals, more only where they are not zero. Returns out. */
const char *money_format(int64_t micros, char out[MONEY_SIZE]);

#endif
