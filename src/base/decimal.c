#include "base/decimal.h"
#include <string.h>
#include <strings.h>

static const char no_number[] = "is not a number";
static const char comma[] =
	"has a comma that is not between thousands: write decimals with a point";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- digits ---- */

static size_t digits_at(const char *s, size_t left)
{
	size_t n = 0;
	while (n < left && is_digit(s[n]))
		n++;
	return n;
}

static const char *const separators[] = {",", "'", "\xe2\x80\x99", " ", "\xc2\xa0", "\xe2\x80\xaf"};

/* Bytes of a separator of thousands at s: before exactly three digits. 0: there is none. */
static size_t separator_at(const char *s, size_t left)
{
	for (size_t i = 0; i < ARRAY_LEN(separators); i++) {
		size_t n = strlen(separators[i]);
		if (left >= n && memcmp(s, separators[i], n) == 0 &&
			digits_at(s + n, left - n) == 3)
			return n;
	}
	return 0;
}

struct writer {
	struct decimal *to;
	size_t n;
	bool full; /* a digit before the point did not fit */
};

static void add(struct writer *w, const char *s, size_t len, bool whole)
{
	const size_t room = DECIMAL_SIZE - sizeof "e+99999";
	for (size_t i = 0; i < len; i++) {
		if (w->n < room)
			w->to->text[w->n++] = s[i];
		else
			w->full = w->full || whole;
	}
}

/* "1,234": the digits before the point, and how many bytes they are written with. */
static size_t add_whole(struct writer *w, const char *text, size_t len, size_t *digits)
{
	size_t at = digits_at(text, len), gap;
	*digits = at;
	add(w, text, at, true);
	if (!at || at > 3)
		return at;
	const char *first = text + at;
	while ((gap = separator_at(text + at, len - at)) && memcmp(text + at, first, gap) == 0) {
		add(w, text + at + gap, 3, true);
		at += gap + 3;
		*digits += 3;
	}
	return at;
}

/* "e3", "E+3": its bytes, 0 when there is none. */
static size_t add_exponent(struct writer *w, const char *text, size_t len)
{
	if (len < 2 || (text[0] | 32) != 'e')
		return 0;
	size_t sign = text[1] == '+' || text[1] == '-';
	size_t n = digits_at(text + 1 + sign, len - 1 - sign);
	if (!n)
		return 0;
	const char *digits = text + 1 + sign;
	size_t zeros = 0;
	while (zeros < n && digits[zeros] == '0')
		zeros++;
	size_t left = n - zeros;
	w->to->text[w->n++] = 'e';
	w->to->text[w->n++] = text[1] == '-' ? '-' : '+';
	for (size_t i = 0; i < 5; i++) /* more is as large, or as small */
		if (i < left || !left)
			w->to->text[w->n++] = left > 5 ? '9' : left ? digits[zeros + i] : '0';
	return 1 + sign + n;
}

const char *decimal_read(const char *text, size_t len, struct decimal *out)
{
	*out = (struct decimal){.integer = true};
	struct writer w = {.to = out};
	size_t digits;
	size_t at = add_whole(&w, text, len, &digits);
	if (!digits)
		add(&w, "0", 1, true);
	if (at < len && text[at] == '.') {
		size_t n = digits_at(text + at + 1, len - at - 1);
		out->integer = false;
		digits += n;
		add(&w, ".", 1, false);
		add(&w, text + at + 1, n, false);
		at += 1 + n;
	}
	if (!digits)
		return no_number;
	size_t exponent = add_exponent(&w, text + at, len - at);
	out->integer = out->integer && !exponent;
	at += exponent;
	out->text[w.n] = '\0';
	out->used = at;
	if (at + 1 < len && (text[at] == ',' || text[at] == '.') && is_digit(text[at + 1]))
		return text[at] == ',' ? comma : no_number;
	return w.full ? "has too many digits" : NULL;
}

/* ---- signs and currencies ---- */

static const char dollars[] =
	"USD CAD AUD NZD SGD HKD TWD MXN ARS CLP COP UYU BSD BBD BMD BZD FJD GYD "
	"JMD KYD LRD NAD SBD SRD TTD XCD";

static const struct {
	const char *sign, *currencies;
} signs[] = {
	{"US$", "USD"},
	{"CA$", "CAD"},
	{"C$", "CAD"},
	{"AU$", "AUD"},
	{"A$", "AUD"},
	{"NZ$", "NZD"},
	{"HK$", "HKD"},
	{"SG$", "SGD"},
	{"S$", "SGD"},
	{"MX$", "MXN"},
	{"R$", "BRL"},
	{"$", dollars},
	{"\xe2\x82\xac", "EUR"},
	{"\xc2\xa3", "GBP GIP FKP SHP"},
	{"\xc2\xa5", "JPY CNY"},
	{"\xe2\x82\xb9", "INR"},
};

struct amount {
	const char *at;
	size_t left;
	const char *currency, *why;
	bool negative, brackets, has_currency;
};

static bool starts(const struct amount *a, const char *with)
{
	size_t n = strlen(with);
	return a->left >= n && memcmp(a->at, with, n) == 0;
}

static void skip(struct amount *a, size_t n)
{
	a->at += n;
	a->left -= n;
}

static bool take(struct amount *a, const char *text)
{
	bool there = starts(a, text);
	if (there)
		skip(a, strlen(text));
	return there;
}

static void skip_blanks(struct amount *a)
{
	while (take(a, " ") || take(a, "\t") || take(a, "\r") || take(a, "\n") ||
		take(a, "\xc2\xa0") || take(a, "\xe2\x80\xaf"))
		;
}

static bool is_upper_or_lower(char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* A sign, or a code of three letters. false: there is none. */
static bool take_currency(struct amount *a)
{
	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		if (!take(a, signs[i].sign))
			continue;
		if (*a->currency && !strcasestr(signs[i].currencies, a->currency))
			a->why = "is in another currency";
		return true;
	}
	size_t n = 0;
	while (n < a->left && is_upper_or_lower(a->at[n]))
		n++;
	if (!*a->currency || n != 3)
		return false;
	if (strncasecmp(a->at, a->currency, 3) != 0)
		a->why = "is in another currency";
	skip(a, n);
	return true;
}

/* Sign, bracket and currency, each at most once, in any order. */
static bool take_around(struct amount *a)
{
	bool minus = take(a, "-") || take(a, "\xe2\x88\x92");
	if (minus && a->negative) {
		a->why = no_number;
		return false;
	}
	a->negative = a->negative || minus;
	if (minus)
		return true;
	if (*a->currency && !a->brackets && take(a, "("))
		return a->brackets = true;
	bool currency = !a->has_currency && take_currency(a);
	a->has_currency = a->has_currency || currency;
	return currency;
}

bool decimal_read_amount(
	const char *text, size_t len, const char *currency, struct decimal *out, struct error *err)
{
	struct amount a = {.at = text, .left = len, .currency = currency};
	bool plus = false;
	do {
		skip_blanks(&a);
		plus = plus || take(&a, "+");
	} while (take_around(&a));
	const char *why = decimal_read(a.at, a.left, out);
	if (why)
		return error_set(err, "%s", why);
	skip(&a, out->used);
	skip_blanks(&a);
	bool behind = !a.has_currency && take_currency(&a);
	skip_blanks(&a);
	bool closed = !a.brackets || take(&a, ")");
	if (behind)
		skip_blanks(&a);
	if (!a.why && (a.left || !closed || (plus && a.negative)))
		a.why = no_number;
	if (a.why)
		return error_set(err, "%s", a.why);
	out->negative = a.negative || a.brackets;
	if (out->negative) {
		memmove(out->text + 1, out->text, strnlen(out->text, DECIMAL_SIZE - 2) + 1);
		out->text[0] = '-';
	}
	return true;
}
