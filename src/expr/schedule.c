#include "expr/schedule.h"
#include "base/clock.h"
#include <string.h>

#define DAY_MINUTES 1440
#define WEEK_MINUTES (7 * DAY_MINUTES)

struct holiday {
	const char *date; /* "2026-12-25" */
	bool yearly;
	const char *name;
	int open, minutes; /* from midnight, and how long; 0 minutes: closed all day */
};

/* With a week of spans in one cache line: a plan asks thousands of them. */
struct schedule {
	const struct zone *zone;
	struct holiday *holidays;
	uint16_t holiday_count, span_count;
	struct span {
		uint16_t from, minutes; /* from Monday 00:00 */
	} spans[];
};

static int minutes_of(const char *time)
{
	return ((time[0] - '0') * 10 + time[1] - '0') * 60 + (time[3] - '0') * 10 + time[4] - '0';
}

static int day_of(const char *name)
{
	static const char days[] = "montuewedthufrisatsun";
	return (int)(strstr(days, name) - days) / 3;
}

/* A close that is not after open is on the next day. */
static int minutes_between(int open, int close)
{
	return close > open ? close - open : close + DAY_MINUTES - open;
}

static struct span read_span(json_t *json)
{
	int day = day_of(json_string_value(json_object_get(json, "day")));
	int open = minutes_of(json_string_value(json_object_get(json, "open")));
	int close = minutes_of(json_string_value(json_object_get(json, "close")));
	uint16_t minutes = (uint16_t)minutes_between(open, close);
	return (struct span){(uint16_t)(day * DAY_MINUTES + open), minutes};
}

static bool read_holiday(json_t *json, struct arena *arena, struct holiday *out)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	const char *open = json_string_value(json_object_get(json, "open"));
	const char *close = json_string_value(json_object_get(json, "close"));
	out->date = arena_strdup(arena, json_string_value(json_object_get(json, "date")));
	out->name = arena_strdup(arena, name ? name : "");
	out->yearly = json_is_true(json_object_get(json, "yearly"));
	if (open) {
		out->open = minutes_of(open);
		out->minutes = minutes_between(out->open, close ? minutes_of(close) : DAY_MINUTES);
	}
	return out->date && out->name;
}

struct schedule *schedule_compile(json_t *json, struct arena *arena)
{
	json_t *weekly = json_object_get(json, "weekly"), *holidays = json_object_get(json, "holidays"), *item;
	struct schedule *s = arena_alloc(arena, sizeof *s + json_array_size(weekly) * sizeof *s->spans);
	size_t i;
	if (!s)
		return NULL;
	s->zone = zone_find(json_string_value(json_object_get(json, "time_zone")));
	s->holidays = arena_alloc(arena, (json_array_size(holidays) + 1) * sizeof *s->holidays);
	if (!s->holidays)
		return NULL;
	json_array_foreach(weekly, i, item)
		s->spans[s->span_count++] = read_span(item);
	json_array_foreach(holidays, i, item)
		if (!read_holiday(item, arena, &s->holidays[s->holiday_count++]))
			return NULL;
	return s;
}

const struct zone *schedule_zone(const struct schedule *s)
{
	return s->zone;
}

/*
 * The holiday of that date; of several, the one whose hours have begun and not ended. minute: since
 * midnight of the date, so DAY_MINUTES and more is on the day after it. NULL: the date is none.
 */
static const struct holiday *holiday_of(const struct schedule *s, const char *date, int minute,
					bool *open)
{
	const struct holiday *first = NULL;
	for (size_t i = 0; i < s->holiday_count; i++) {
		const struct holiday *h = &s->holidays[i];
		size_t skip = h->yearly ? 5 : 0; /* the year, and its dash */
		if (strncmp(date + skip, h->date + skip, 10 - skip) != 0)
			continue;
		*open = minute >= h->open && minute < h->open + h->minutes;
		if (*open)
			return h;
		first = first ? first : h;
	}
	return first;
}

enum schedule_state schedule_at(const struct schedule *s, const struct zone *zone, int64_t ms,
				const char **holiday)
{
	char date[RFC3339_SIZE];
	int at = zone_week_minute(zone, ms), minute = at % DAY_MINUTES;
	const struct holiday *today = NULL, *yesterday = NULL;
	bool open = false;
	if (s->holiday_count) {
		int64_t local = ms + zone_offset_seconds(zone, ms) * INT64_C(1000);
		clock_rfc3339(local - DAY_MINUTES * INT64_C(60000), date);
		yesterday = holiday_of(s, date, minute + DAY_MINUTES, &open);
		clock_rfc3339(local, date);
		today = open ? yesterday : holiday_of(s, date, minute, &open);
	}
	if (today && holiday)
		*holiday = today->name;
	if (today)
		return open ? SCHEDULE_OPEN : SCHEDULE_HOLIDAY;
	for (size_t i = 0; i < s->span_count; i++) {
		int since = at - s->spans[i].from;
		since = since < 0 ? since + WEEK_MINUTES : since;
		if (since < s->spans[i].minutes && !(yesterday && since > minute))
			return SCHEDULE_OPEN;
	}
	return SCHEDULE_CLOSED;
}
