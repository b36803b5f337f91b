#include "base/fold.h"
#include <string.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#define UNITS_MAX 256 /* of UTF-16, before and after */

bool fold_is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] >= 0x80)
			return false;
	return true;
}

static void lower_ascii(const char *text, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
	out[len] = '\0';
}

static bool fold_unicode(const char *text, size_t len, char out[FOLD_SIZE])
{
	UErrorCode status = U_ZERO_ERROR;
	UChar units[UNITS_MAX], folded[UNITS_MAX];
	int32_t n = 0, m = 0, written = 0;
	const UNormalizer2 *fold = unorm2_getNFKCCasefoldInstance(&status);
	u_strFromUTF8(units, UNITS_MAX, &n, text, (int32_t)len, &status);
	if (U_FAILURE(status))
		return false;
	m = unorm2_normalize(fold, units, n, folded, UNITS_MAX, &status);
	u_strToUTF8(out, FOLD_SIZE, &written, folded, m, &status);
	return U_SUCCESS(status) && written < FOLD_SIZE;
}

bool fold_name(const char *text, size_t len, char out[FOLD_SIZE])
{
	if (len >= FOLD_SIZE)
		return false;
	if (fold_is_ascii(text, len) || !fold_unicode(text, len, out))
		lower_ascii(text, len, out);
	return true;
}
