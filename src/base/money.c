#include "base/money.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE_DIGITS 12
#define SCALE 6 /* millionths */

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

bool money_of_decimal(const struct decimal *d, int64_t *micros)
{
	char digits[DECIMAL_SIZE];
	long n = 0, point = 0, first = 0; /* point: how many of the digits stand before it */
	const char *at = d->text + (d->text[0] == '-');
	bool behind = false;
	for (; *at && *at != 'e'; at++) {
		behind = behind || *at == '.';
		if (*at != '.')
			digits[n++] = *at;
		point += !behind;
	}
	point += *at == 'e' ? strtol(at + 1, NULL, 10) : 0;
	for (; first < n && digits[first] == '0'; first++)
		point--;
	*micros = 0;
	if (first == n)
		return true;
	if (point > WHOLE_DIGITS)
		return false;
	long end = first + point + SCALE;
	for (long i = first; i < end; i++)
		*micros = *micros * 10 + (i < n ? digits[i] - '0' : 0);
	*micros += end >= first && end < n && digits[end] >= '5'; /* half away from zero */
	if (d->negative)
		*micros = -*micros;
	return true;
}

bool money_read(const char *text, size_t len, const char *currency, int64_t *micros,
		struct error *err)
{
	struct decimal d;
	struct error why;
	if (!decimal_read_amount(text, len, currency ? currency : "", &d, &why))
		return error_set(err, "is not an amount such as 12.50: it %s", why.text);
	if (!money_of_decimal(&d, micros))
		return error_set(err, "is larger than an amount can be");
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
