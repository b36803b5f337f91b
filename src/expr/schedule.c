#include "expr/schedule.h"
#include "base/clock.h"
#include <string.h>

#define DAY_MINUTES 1440
#define WEEK_MINUTES (7 * DAY_MINUTES)

struct holiday {
	const char *date; /* "2026-12-25" */
	bool yearly;
	const char *name;
	int open, close; /* minutes of the day; the same: closed */
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

static struct span read_span(json_t *json)
{
	int open = minutes_of(json_string_value(json_object_get(json, "open"))), close = minutes_of(json_string_value(json_object_get(json, "close")));
	return (struct span){(uint16_t)(day_of(json_string_value(json_object_get(json, "day"))) * DAY_MINUTES + open), (uint16_t)(close > open ? close - open : close + DAY_MINUTES - open)};
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
	json_array_foreach(holidays, i, item) {
		struct holiday *h = &s->holidays[s->holiday_count++];
		const char *name = json_string_value(json_object_get(item, "name"));
		h->date = arena_strdup(arena, json_string_value(json_object_get(item, "date")));
		const char *open = json_string_value(json_object_get(item, "open")), *close = json_string_value(json_object_get(item, "close"));
		h->open = open ? minutes_of(open) : 0;
		h->close = !open ? 0 : close ? minutes_of(close) : DAY_MINUTES;
		h->yearly = json_is_true(json_object_get(item, "yearly"));
		h->name = arena_strdup(arena, name ? name : "");
		if (!h->date || !h->name)
			return NULL;
	}
	return s;
}

const struct zone *schedule_zone(const struct schedule *s)
{
	return s->zone;
}

enum schedule_state schedule_at(const struct schedule *s, const struct zone *zone, int64_t ms, const char **holiday)
{
	char today[RFC3339_SIZE];
	int at = zone_week_minute(zone, ms);
	if (s->holiday_count)
		clock_rfc3339(ms + zone_offset_seconds(zone, ms) * INT64_C(1000), today);
	for (size_t i = 0; i < s->holiday_count; i++) {
		const struct holiday *h = &s->holidays[i];
		size_t skip = h->yearly ? 5 : 0; /* the year, and its dash */
		if (strncmp(today + skip, h->date + skip, 10 - skip) != 0)
			continue;
		if (holiday)
			*holiday = h->name;
		return at % DAY_MINUTES >= h->open && at % DAY_MINUTES < h->close ? SCHEDULE_OPEN : SCHEDULE_HOLIDAY;
	}
	for (size_t i = 0; i < s->span_count; i++) {
		int since = at - s->spans[i].from;
		if ((since < 0 ? since + WEEK_MINUTES : since) < s->spans[i].minutes)
			return SCHEDULE_OPEN;
	}
	return SCHEDULE_CLOSED;
}
