/* base/fold.h: names that differ in case alone. Thread-safe. */
#ifndef BASE_FOLD_H
#define BASE_FOLD_H

#include <stdbool.h>
#include <stddef.h>

#define FOLD_SIZE 520

/* Only ASCII, so that case is a matter of one bit. */
bool fold_is_ascii(const char *text, size_t len);

/*
 * The same text for all names that differ only in case, or in how Unicode writes the same letters
 * (NFKC_Casefold, Unicode Standard section 3.13). Bytes that are no UTF-8 stay different from
 * everything that is. false: it is longer than what fits, and no name.
 */
bool fold_name(const char *text, size_t len, char out[FOLD_SIZE]);

#endif
