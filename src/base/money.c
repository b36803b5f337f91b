#include "base/money.h"
#include <stdio.h>
#include <string.h>

bool money_parse(const char *s, int64_t *micros)
{
	bool negative = *s == '-';
	if (negative)
		s++;
	int64_t whole = 0, fraction = 0;
	int n = 0;
	for (; *s >= '0' && *s <= '9'; s++, n++) {
		if (n == 12)
			return false;
		whole = whole * 10 + (*s - '0');
	}
	if (!n)
		return false;
	if (*s == '.') {
		int scale = 100000;
		for (s++, n = 0; *s >= '0' && *s <= '9'; s++, n++, scale /= 10) {
			if (n == 6)
				return false;
			fraction += (*s - '0') * scale;
		}
		if (!n)
			return false;
	}
	if (*s)
		return false;
	*micros = (whole * 1000000 + fraction) * (negative ? -1 : 1);
	return true;
}

const char *money_format(int64_t micros, char out[MONEY_SIZE])
{
	uint64_t abs = micros < 0 ? (uint64_t)-micros : (uint64_t)micros;
	int n = snprintf(out, MONEY_SIZE, "%s%llu.%06llu", micros < 0 ? "-" : "", (unsigned long long)(abs / 1000000), (unsigned long long)(abs % 1000000));
	for (int i = 0; i < 4 && out[n - 1] == '0'; i++)
		out[--n] = '\0';
	return out;
}
