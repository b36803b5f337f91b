#include "expr/schedule.h"
#include <stdio.h>
#include <string.h>

#define DAY_MINUTES 1440
#define WEEK_MINUTES (7 * DAY_MINUTES)

struct schedule {
	const struct zone *zone;
	size_t span_count, holiday_count;
	struct span {
		int from, minutes; /* from Monday 00:00 */
	} *spans;
	struct holiday {
		int year, month, day; /* year 0: every year */
		const char *name;
	} *holidays;
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

static struct span read_span(json_t *json)
{
	int open = minutes_of(json_string_value(json_object_get(json, "open"))), close = minutes_of(json_string_value(json_object_get(json, "close")));
	return (struct span){day_of(json_string_value(json_object_get(json, "day"))) * DAY_MINUTES + open, close > open ? close - open : close + DAY_MINUTES - open};
}

struct schedule *schedule_compile(json_t *json, struct arena *arena)
{
	json_t *weekly = json_object_get(json, "weekly"), *holidays = json_object_get(json, "holidays"), *item;
	struct schedule *s = arena_alloc(arena, sizeof *s);
	size_t i;
	if (!s)
		return NULL;
	s->zone = zone_find(json_string_value(json_object_get(json, "time_zone")));
	s->spans = arena_alloc(arena, (json_array_size(weekly) + 1) * sizeof *s->spans);
	s->holidays = arena_alloc(arena, (json_array_size(holidays) + 1) * sizeof *s->holidays);
	if (!s->spans || !s->holidays)
		return NULL;
	json_array_foreach(weekly, i, item)
		s->spans[s->span_count++] = read_span(item);
	json_array_foreach(holidays, i, item) {
		struct holiday *h = &s->holidays[s->holiday_count++];
		const char *name = json_string_value(json_object_get(item, "name"));
		(void)sscanf(json_string_value(json_object_get(item, "date")), "%d-%d-%d", &h->year, &h->month, &h->day);
		if (json_is_true(json_object_get(item, "yearly")))
			h->year = 0;
		if (!(h->name = arena_strdup(arena, name ? name : "")))
			return NULL;
	}
	return s;
}

const struct zone *schedule_zone(const struct schedule *s)
{
	return s->zone;
}

/* Days since 1970-01-01 to a date of the Gregorian calendar. */
static void civil_date(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097, of_era_year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * of_era_year + of_era_year / 4 - of_era_year / 100), shifted = (5 * of_year + 2) / 153;
	*day = (int)(of_year - (153 * shifted + 2) / 5 + 1);
	*month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
	*year = (int)(of_era_year + era * 400 + (*month <= 2));
}

static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t local_minutes(const struct zone *zone, int64_t ms)
{
	return floor_divide(floor_divide(ms, 1000) + zone_offset_seconds(zone, ms), 60);
}

int schedule_week_minute(const struct zone *zone, int64_t ms)
{
	int64_t minutes = local_minutes(zone, ms) + 3 * DAY_MINUTES; /* 1970-01-01 was a Thursday */
	return (int)(minutes - floor_divide(minutes, WEEK_MINUTES) * WEEK_MINUTES);
}

enum schedule_state schedule_at(const struct schedule *s, const struct zone *zone, int64_t ms, const char **holiday)
{
	int year, month, day, at = schedule_week_minute(zone, ms);
	civil_date(floor_divide(local_minutes(zone, ms), DAY_MINUTES), &year, &month, &day);
	for (size_t i = 0; i < s->holiday_count; i++) {
		const struct holiday *h = &s->holidays[i];
		if (h->month != month || h->day != day || (h->year && h->year != year))
			continue;
		if (holiday)
			*holiday = h->name;
		return SCHEDULE_HOLIDAY;
	}
	for (size_t i = 0; i < s->span_count; i++)
		if ((at - s->spans[i].from + WEEK_MINUTES) % WEEK_MINUTES < s->spans[i].minutes)
			return SCHEDULE_OPEN;
	return SCHEDULE_CLOSED;
}
