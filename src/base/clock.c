#include "base/clock.h"
#include <string.h>
#include <time.h>

int64_t clock_now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_monotonic_ms(void)
{
	return clock_monotonic_us() / 1000;
}

struct clock_moment clock_moment(void)
{
	return (struct clock_moment){clock_now_ms(), clock_monotonic_ms()};
}

int64_t clock_steady_ms(struct clock_moment since, int64_t monotonic_ms)
{
	return since.wall_ms + (monotonic_ms - since.monotonic_ms);
}

/* n of width digits, and what follows them. */
static char *put(char *at, int n, int width, char then)
{
	for (int i = width; i-- > 0; n /= 10)
		at[i] = (char)('0' + n % 10);
	at[width] = then;
	return at + width + 1;
}

/* "2026-01-02T03:04:05."; most times that are written are of the second of the one before. */
static bool write_second(time_t seconds, char out[20])
{
	static _Thread_local time_t last = INT64_MIN;
	static _Thread_local char text[20];
	struct tm tm;
	if (seconds != last) {
		if (!gmtime_r(&seconds, &tm) || tm.tm_year > 8099 || tm.tm_year < -1900)
			return false;
		char *at = put(text, tm.tm_year + 1900, 4, '-');
		at = put(at, tm.tm_mon + 1, 2, '-');
		at = put(at, tm.tm_mday, 2, 'T');
		at = put(at, tm.tm_hour, 2, ':');
		at = put(at, tm.tm_min, 2, ':');
		put(at, tm.tm_sec, 2, '.');
		last = seconds;
	}
	memcpy(out, text, sizeof text);
	return true;
}

const char *clock_rfc3339(int64_t ms, char out[RFC3339_SIZE])
{
	time_t seconds = (time_t)(ms / 1000);
	int millis = (int)(ms % 1000);
	if (millis < 0) {
		millis += 1000;
		seconds--;
	}
	if (!write_second(seconds, out)) {
		memcpy(out, "1970-01-01T00:00:00.000Z", 25);
		return out;
	}
	*put(out + 20, millis, 3, 'Z') = '\0';
	return out;
}

static bool digits(const char *s, size_t len, size_t at, size_t n, int *out)
{
	if (at + n > len)
		return false;
	int v = 0;
	for (size_t i = at; i < at + n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (s[i] - '0');
	}
	*out = v;
	return true;
}

/* +hh:mm, +hhmm or +hh, to the end; a query makes a blank of a + that is not percent-encoded. */
static bool parse_offset(const char *s, size_t len, size_t *at, int *minutes)
{
	char sign = s[*at];
	size_t left = len - *at, colon = left == 6 && s[*at + 3] == ':';
	int h, m = 0;
	if ((sign != '+' && sign != '-' && sign != ' ') || !digits(s, len, *at + 1, 2, &h))
		return false;
	if (left != 3 && !(left == 5 + colon && digits(s, len, *at + 3 + colon, 2, &m)))
		return false;
	*minutes = (h * 60 + m) * (sign == '-' ? -1 : 1);
	*at = len;
	return h <= 23 && m <= 59;
}

bool clock_parse_rfc3339(const char *s, size_t len, int64_t *ms)
{
	struct tm tm = {0};
	int year, month, day, hour = 0, minute = 0, second = 0, millis = 0, offset = 0;
	if (!digits(s, len, 0, 4, &year) || len < 10 || s[4] != '-' || !digits(s, len, 5, 2, &month) || s[7] != '-' || !digits(s, len, 8, 2, &day))
		return false;
	size_t at = 10;
	if (len > 10) {
		if ((s[10] != 'T' && s[10] != 't' && s[10] != ' ') || !digits(s, len, 11, 2, &hour) || len < 16 || s[13] != ':' || !digits(s, len, 14, 2, &minute))
			return false;
		at = 16;
		if (at < len && s[at] == ':') {
			if (!digits(s, len, 17, 2, &second))
				return false;
			at = 19;
			if (at < len && (s[at] == '.' || s[at] == ',')) {
				int scale = 100;
				for (at++; at < len && s[at] >= '0' && s[at] <= '9'; at++, scale /= 10)
					millis += (s[at] - '0') * scale;
			}
		}
		if (at < len && (s[at] == 'Z' || s[at] == 'z')) {
			at++;
		} else if (at < len && !parse_offset(s, len, &at, &offset)) {
			return false;
		}
	}
	if (at != len || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	tm.tm_hour = hour;
	tm.tm_min = minute;
	tm.tm_sec = second;
	time_t t = timegm(&tm);
	if (tm.tm_mday != day)
		return false; /* 30 February */
	*ms = ((int64_t)t - offset * 60) * 1000 + millis;
	return true;
}
