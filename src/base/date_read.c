#include "base/date_read.h"
#include "base/clock.h"
#include <string.h>
#include <strings.h>
#include <time.h>

#define TEXT_MAX 100
#define YEAR_FIRST 1900 /* of a date that is a row of digits */
#define YEAR_LAST 2100
#define EPOCH_FIRST INT64_C(946684800) /* 2000-01-01 */
#define EPOCH_LAST INT64_C(4102444800) /* 2100-01-01 */

/* A date while it is being read. */
struct date {
	const char *at; /* what is left of the text */
	int year, month, day, hour, minute, second, millis, offset_minutes;
	bool has_year, has_time;
	const char *why; /* what is wrong with it; NULL: nothing that has a name */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static size_t digits_at(const char *s)
{
	return strspn(s, "0123456789");
}

/* The number of n digits at s. */
static int number_at(const char *s, size_t n)
{
	int v = 0;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (s[i] - '0');
	return v;
}

static int take_number(struct date *d, size_t n)
{
	int v = number_at(d->at, n);
	d->at += n;
	return v;
}

static void skip_blanks(struct date *d)
{
	d->at += strspn(d->at, " ");
}

static size_t letters_at(const char *s)
{
	size_t n = 0;
	while (is_letter(s[n]))
		n++;
	return n;
}

static bool take_word(struct date *d, const char *word)
{
	size_t n = letters_at(d->at);
	if (n != strlen(word) || strncasecmp(d->at, word, n) != 0)
		return false;
	d->at += n;
	return true;
}

/* ---- zones ---- */

/* RFC 5322 section 4.3, and what ISO 8601 calls Z. */
static const struct {
	const char *name;
	int minutes;
} zones[] = {
	{"Z", 0},
	{"UTC", 0},
	{"GMT", 0},
	{"UT", 0},
	{"EST", -300},
	{"EDT", -240},
	{"CST", -360},
	{"CDT", -300},
	{"MST", -420},
	{"MDT", -360},
	{"PST", -480},
	{"PDT", -420},
};

static bool take_zone_name(struct date *d)
{
	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		if (!take_word(d, zones[i].name))
			continue;
		d->offset_minutes = zones[i].minutes;
		return true;
	}
	return false;
}

/* hh, hhmm or hh:mm; false leaves the text where it is. */
static bool take_offset(struct date *d, int sign)
{
	size_t n = digits_at(d->at);
	bool colon = n == 2 && d->at[2] == ':' && digits_at(d->at + 3) == 2;
	if (n != 2 && n != 4)
		return false;
	int hours = number_at(d->at, 2), minutes = 0;
	if (n == 4 || colon)
		minutes = number_at(d->at + 2 + colon, 2);
	if (hours > 23 || minutes > 59) {
		d->why = "there is no such time zone";
		return false;
	}
	d->at += colon ? 5 : n;
	d->offset_minutes += sign * (hours * 60 + minutes);
	return true;
}

/* "Z", " UTC", "+0100", "GMT+01:00 (Central European Standard Time)", or nothing. */
static bool take_zone(struct date *d)
{
	size_t blanks = strspn(d->at, " ");
	const char *before = d->at;
	skip_blanks(d);
	bool named = take_zone_name(d);
	if (*d->at == '+' || *d->at == '-') {
		d->at++;
		if (!take_offset(d, d->at[-1] == '-' ? -1 : 1))
			return false;
	} else if (!named && blanks == 1 && is_digit(*d->at) && d->has_year) {
		if (!take_offset(d, 1)) /* a + that a query turned into a blank */
			return false;
	} else if (!named) {
		d->at = before;
	}
	size_t comment = strspn(d->at, " ");
	if (d->at[comment] == '(' && strchr(d->at, ')'))
		d->at = strchr(d->at, ')') + 1;
	return true;
}

/* ---- times ---- */

static void take_fraction(struct date *d)
{
	if ((*d->at != '.' && *d->at != ',') || !is_digit(d->at[1]))
		return;
	int scale = 100;
	for (d->at++; is_digit(*d->at); d->at++, scale /= 10)
		d->millis += (*d->at - '0') * scale;
}

static bool take_half(struct date *d)
{
	const char *before = d->at;
	skip_blanks(d);
	bool am = take_word(d, "am"), pm = !am && take_word(d, "pm");
	if (!am && !pm) {
		d->at = before;
		return true;
	}
	if (d->hour < 1 || d->hour > 12) {
		d->why = "there is no such time of day";
		return false;
	}
	d->hour = d->hour % 12 + (pm ? 12 : 0);
	return true;
}

/* "10:00", "10:00:00.5 PM", "100000", and its zone. */
static bool take_time(struct date *d)
{
	size_t n = digits_at(d->at);
	if (n == 4 || n == 6) {
		d->hour = take_number(d, 2);
		d->minute = take_number(d, 2);
		d->second = n == 6 ? take_number(d, 2) : 0;
	} else if (n == 1 || n == 2) {
		d->hour = take_number(d, n);
		if (*d->at == ':' && digits_at(d->at + 1) == 2) {
			d->at++;
			d->minute = take_number(d, 2);
		}
		if (*d->at == ':' && digits_at(d->at + 1) == 2) {
			d->at++;
			d->second = take_number(d, 2);
		}
	} else {
		return false;
	}
	d->has_time = true;
	take_fraction(d);
	return take_half(d) && take_zone(d);
}

/* What follows a date: nothing, or a time. */
static bool take_rest(struct date *d)
{
	d->has_year = true;
	size_t comma = *d->at == ',';
	if (!*d->at)
		return true;
	if (!comma && *d->at != 'T' && *d->at != 't' && *d->at != ' ')
		return false;
	d->at++;
	skip_blanks(d);
	return take_time(d);
}

/* ---- dates ---- */

/* 2026-11-20, with the same mark twice. */
static bool take_year_first(struct date *d)
{
	char mark = d->at[4];
	d->year = take_number(d, 4);
	d->at++;
	size_t n = digits_at(d->at);
	if (n < 1 || n > 2 || d->at[n] != mark)
		return false;
	d->month = take_number(d, n);
	d->at++;
	n = digits_at(d->at);
	if (n < 1 || n > 2)
		return false;
	d->day = take_number(d, n);
	return take_rest(d);
}

/* 11/20/2026 or 20/11/2026; with points the day is always first. */
static bool take_year_last(struct date *d, enum date_order order)
{
	size_t n = digits_at(d->at);
	char mark = d->at[n];
	int first = take_number(d, n);
	d->at++;
	n = digits_at(d->at);
	if (n < 1 || n > 2 || d->at[n] != mark)
		return false;
	int second = take_number(d, n);
	d->at++;
	n = digits_at(d->at);
	if (n != 4) {
		d->why = "its year needs four digits";
		return false;
	}
	d->year = take_number(d, n);
	if (mark == '.')
		order = DATE_DAY_FIRST;
	if (order == DATE_ORDER_UNKNOWN && first != second && first <= 12 && second <= 12) {
		d->why = "it may mean two days, send it as YYYY-MM-DD";
		return false;
	}
	if (order == DATE_ORDER_UNKNOWN)
		order = first > 12 ? DATE_DAY_FIRST : DATE_MONTH_FIRST;
	d->month = order == DATE_MONTH_FIRST ? first : second;
	d->day = order == DATE_MONTH_FIRST ? second : first;
	if (d->month > 12)
		d->why = order == DATE_MONTH_FIRST
			? "the month is read first, and there are only 12"
			: "the day is read first, and there are only 12 months";
	return take_rest(d);
}

static const char *const months[] = {"january", "february", "march", "april", "may", "june", "july",
	"august", "september", "october", "november", "december"};
static const char *const weekdays[] = {
	"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

/* Its place in the list by three letters or more, from 1; 0: not in it. */
static int place_in(const char *const list[], size_t count, const char *word, size_t n)
{
	for (size_t i = 0; n >= 3 && i < count; i++)
		if (n <= strlen(list[i]) && strncasecmp(word, list[i], n) == 0)
			return (int)i + 1;
	return 0;
}

static bool take_named_word(struct date *d)
{
	size_t n = letters_at(d->at);
	int month = place_in(months, ARRAY_LEN(months), d->at, n);
	static const char *const ordinals[] = {"st", "nd", "rd", "th", "of", "at"};
	bool skipped = place_in(weekdays, ARRAY_LEN(weekdays), d->at, n) > 0;
	for (size_t i = 0; n == 2 && i < ARRAY_LEN(ordinals); i++)
		skipped = skipped || strncasecmp(d->at, ordinals[i], 2) == 0;
	if ((!month && !skipped) || (month && d->month))
		return false;
	d->month = month ? month : d->month;
	d->at += n;
	return true;
}

static bool take_named_number(struct date *d)
{
	size_t n = digits_at(d->at);
	if (d->at[n] == ':' && !d->has_time)
		return take_time(d);
	if (n <= 2 && !d->day) {
		d->day = take_number(d, n);
	} else if (n == 4 && !d->has_year) {
		d->year = take_number(d, n);
		d->has_year = true;
	} else {
		if (n == 2 && !d->has_year)
			d->why = "its year needs four digits";
		return false;
	}
	return true;
}

/* "Fri, 20 Nov 2026 10:00:00 GMT", "November 20th, 2026": a month by its name, in any order. */
static bool take_named(struct date *d)
{
	bool ok = true;
	while (ok && *d->at) {
		if (strchr(" ,-/.", *d->at))
			d->at++;
		else
			ok = is_letter(*d->at) ? take_named_word(d)
					       : is_digit(*d->at) && take_named_number(d);
	}
	return ok && d->month && d->day && d->has_year;
}

/* ---- rows of digits ---- */

/* YYYYMMDD, then hhmm, hhmmss, or hhmmss and milliseconds. */
static bool take_row(struct date *d, size_t n)
{
	if (n != 8 && n != 12 && n != 14 && n != 17)
		return false;
	d->year = take_number(d, 4);
	d->month = take_number(d, 2);
	d->day = take_number(d, 2);
	if (n >= 12) {
		d->hour = take_number(d, 2);
		d->minute = take_number(d, 2);
	}
	d->second = n >= 14 ? take_number(d, 2) : 0;
	d->millis = n == 17 ? take_number(d, 3) : 0;
	return d->year >= YEAR_FIRST && d->year <= YEAR_LAST && d->month >= 1 && d->month <= 12;
}

/* Unix time in seconds, milliseconds, microseconds or nanoseconds: which, its size tells. */
static bool take_epoch(const char *text, int64_t *ms)
{
	size_t n = digits_at(text);
	int64_t whole = 0;
	if (n > 19 || (n == 19 && *text > '8'))
		return false;
	for (size_t i = 0; i < n; i++)
		whole = whole * 10 + (text[i] - '0');
	struct date fraction = {.at = text + n};
	take_fraction(&fraction);
	if (*fraction.at)
		return false;
	if (whole >= EPOCH_FIRST && whole < EPOCH_LAST) {
		*ms = whole * 1000 + fraction.millis;
		return true;
	}
	for (int64_t unit = 1000; unit <= 1000000000; unit *= 1000) {
		if (whole / unit < EPOCH_FIRST || whole / unit >= EPOCH_LAST)
			continue;
		*ms = whole / (unit / 1000);
		return true;
	}
	return false;
}

/* ---- the whole ---- */

static bool finish(struct date *d, int64_t *ms)
{
	struct tm tm = {.tm_year = d->year - 1900, .tm_mon = d->month - 1, .tm_mday = d->day};
	bool month = d->month >= 1 && d->month <= 12;
	if (!d->why && !month)
		d->why = "there is no such month";
	if (!month)
		return false;
	int64_t midnight = (int64_t)timegm(&tm);
	if (tm.tm_mday != d->day || tm.tm_mon != d->month - 1)
		d->why = "there is no such day";
	else if (d->hour > 23 || d->minute > 59 || d->second > 60)
		d->why = "there is no such time of day";
	int64_t seconds = midnight + d->hour * 3600 +
		(d->minute - d->offset_minutes) * INT64_C(60) + d->second;
	*ms = seconds * 1000 + d->millis;
	return !d->why;
}

static bool read_digits(const char *text, struct date *d, int64_t *ms)
{
	size_t n = digits_at(text);
	if (!text[n] && take_row(d, n))
		return finish(d, ms);
	d->why = "a number is read as YYYYMMDD, or as Unix time from 2000 to 2100";
	return take_epoch(text, ms);
}

static bool read_text(const char *text, enum date_order order, int64_t *ms, const char **why)
{
	struct date d = {.at = text};
	size_t n = digits_at(text);
	bool mark = text[n] && strchr("-/.", text[n]) && is_digit(text[n + 1]);
	bool ok = false;
	if (clock_parse_rfc3339(text, strlen(text), ms))
		return true;
	if (n && (!text[n] || (text[n] == '.' && n > 4)))
		ok = read_digits(text, &d, ms);
	else if (n == 8 && (text[n] == 'T' || text[n] == 't' || text[n] == ' '))
		ok = take_row(&d, n) && take_rest(&d) && !*d.at && finish(&d, ms);
	else if (n == 4 && mark)
		ok = take_year_first(&d) && !*d.at && finish(&d, ms);
	else if ((n == 1 || n == 2) && mark && digits_at(text + n + 1) <= 2)
		ok = take_year_last(&d, order) && !*d.at && finish(&d, ms);
	else
		ok = take_named(&d) && finish(&d, ms);
	*why = d.why;
	return ok;
}

/* Without blanks around it, and with one kind of them. false: it is too long for a date. */
static bool plain_text(const char *text, size_t len, char out[TEXT_MAX + 1])
{
	static const char *const blanks[] = {
		"\t", "\n", "\r", "\xc2\xa0", "\xe2\x80\xaf", "\xe2\x80\x89"};
	size_t n = 0;
	for (size_t i = 0; i < len;) {
		size_t k = 0, size = 1;
		while (k < ARRAY_LEN(blanks) &&
			(len - i < strlen(blanks[k]) ||
				memcmp(text + i, blanks[k], strlen(blanks[k])) != 0))
			k++;
		char c = k < ARRAY_LEN(blanks) ? ' ' : text[i];
		size = k < ARRAY_LEN(blanks) ? strlen(blanks[k]) : 1;
		i += size;
		if (c == ' ' && !n)
			continue;
		if (!c || n == TEXT_MAX)
			return false;
		out[n++] = c;
	}
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
	return n > 0;
}

bool date_read(const char *text, size_t len, enum date_order order, int64_t *ms, struct error *err)
{
	char plain[TEXT_MAX + 1];
	const char *why = NULL;
	int64_t read;
	if (plain_text(text, len, plain) && read_text(plain, order, &read, &why)) {
		*ms = read;
		return true;
	}
	if (why)
		return error_set(err, "is not a date and time: %s", why);
	return error_set(err, "is not a date and time such as 2026-11-20T10:00:00Z");
}

enum date_order date_order_of(const char *region)
{
	static const char *const month_first[] = {
		"US", "AS", "FM", "GU", "MH", "MP", "PH", "PR", "PW", "UM", "VI"};
	for (size_t i = 0; i < ARRAY_LEN(month_first); i++)
		if (strcasecmp(region, month_first[i]) == 0)
			return DATE_MONTH_FIRST;
	bool unknown = !*region || strcasecmp(region, "CA") == 0;
	return unknown ? DATE_ORDER_UNKNOWN : DATE_DAY_FIRST;
}
