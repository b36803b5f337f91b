/* base/money.h: exact decimal amounts, held as millionths. */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include <stdbool.h>
#include <stdint.h>

#define MONEY_SIZE 32

/* "12.5" → 12500000. At most six decimals and twelve digits before the point. */
bool money_parse(const char *text, int64_t *micros);
/* At least two decimals, more only where they are not zero. Returns out. */
const char *money_format(int64_t micros, char out[MONEY_SIZE]);

#endif
