/* Reports: ended calls added up by time, or by what they belong to. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/money.h"
#include "base/zone.h"
#include "store/calls.h"
#include <stdlib.h>
#include <string.h>

#define HOUR_MS (2 * CALL_HALF_HOUR_MS)
#define DAY_MS (24 * HOUR_MS)
#define FIGURES "SUM(t.calls), SUM(t.connected), SUM(t.converted), SUM(t.duration_ms), SUM(t.revenue), SUM(t.payout)"
#define CONDITIONS " WHERE t.organization_id = $1 AND t.half_hour >= $2 AND t.half_hour < $3 AND ($4 = '' OR t.campaign_id = $4) AND ($5 = '' OR t.publisher_id = $5) AND ($6 = '' OR t.target_id = $6)"

static const struct grouping {
	const char *name;
	int most_days; /* of the period */
	bool by_time;
	const char *sql; /* key, name, figures */
} groupings[] = {
	{"hour", 62, true, "SELECT t.half_hour, NULL, " FIGURES " FROM call_totals t" CONDITIONS " GROUP BY t.half_hour ORDER BY t.half_hour"},
	{"day", 1100, true, "SELECT t.half_hour, NULL, " FIGURES " FROM call_totals t" CONDITIONS " GROUP BY t.half_hour ORDER BY t.half_hour"},
	{"campaign", 1100, false, "SELECT t.campaign_id, MAX(r.name), " FIGURES " FROM call_totals t LEFT JOIN resources r ON r.id = t.campaign_id AND r.organization_id = t.organization_id" CONDITIONS " GROUP BY t.campaign_id ORDER BY 3 DESC, 1 LIMIT 1000"},
	{"publisher", 1100, false, "SELECT t.publisher_id, MAX(r.name), " FIGURES " FROM call_totals t LEFT JOIN resources r ON r.id = t.publisher_id AND r.organization_id = t.organization_id" CONDITIONS " GROUP BY t.publisher_id ORDER BY 3 DESC, 1 LIMIT 1000"},
	{"target", 1100, false, "SELECT t.target_id, MAX(r.name), " FIGURES " FROM call_totals t LEFT JOIN resources r ON r.id = t.target_id AND r.organization_id = t.organization_id" CONDITIONS " GROUP BY t.target_id ORDER BY 3 DESC, 1 LIMIT 1000"},
};

struct figures {
	int64_t calls, connected, converted, duration_ms, revenue, payout;
};

static void add(struct figures *f, const struct store_rows *rows, size_t i)
{
	f->calls += rows_int(rows, i, 2);
	f->connected += rows_int(rows, i, 3);
	f->converted += rows_int(rows, i, 4);
	f->duration_ms += rows_int(rows, i, 5);
	f->revenue += rows_int(rows, i, 6);
	f->payout += rows_int(rows, i, 7);
}

static void figures_json(struct buf *b, const struct figures *f)
{
	json_int(b, "calls", f->calls);
	json_int(b, "connected", f->connected);
	json_int(b, "converted", f->converted);
	json_int(b, "duration_seconds", (f->duration_ms + 500) / 1000);
	json_money(b, "revenue", f->revenue);
	json_money(b, "payout", f->payout);
}

/* The hour or the day there, as its first moment or its date. */
static void time_key(const struct grouping *g, const struct zone *zone, int64_t half_hour, char out[RFC3339_SIZE])
{
	int64_t ms = half_hour * CALL_HALF_HOUR_MS, offset = zone_offset_seconds(zone, ms) * INT64_C(1000), local = ms + offset;
	bool days = strcmp(g->name, "day") == 0;
	int64_t unit = days ? DAY_MS : HOUR_MS;
	int64_t first = local - ((local % unit) + unit) % unit;
	clock_rfc3339(days ? first : first - offset, out);
	if (days)
		out[10] = '\0';
}

static void rows_json(struct buf *b, const struct grouping *g, const struct zone *zone, const struct store_rows *rows, struct figures *all)
{
	char key[RFC3339_SIZE] = "", next[RFC3339_SIZE];
	struct figures f = {0};
	size_t n = rows_count(rows);
	for (size_t i = 0; i < n; i++) {
		add(&f, rows, i);
		add(all, rows, i);
		if (g->by_time) {
			time_key(g, zone, rows_int(rows, i, 0), key);
			if (i + 1 < n && (time_key(g, zone, rows_int(rows, i + 1, 0), next), strcmp(key, next) == 0))
				continue;
		}
		const char *id = g->by_time ? key : rows_text(rows, i, 0);
		json_open(b);
		json_str(b, "key", *id ? id : NULL);
		if (!g->by_time)
			json_str(b, "name", rows_text(rows, i, 1));
		figures_json(b, &f);
		json_close(b);
		f = (struct figures){0};
	}
}

static const struct grouping *find_grouping(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(groupings); i++)
		if (strcmp(groupings[i].name, name ? name : "day") == 0)
			return &groupings[i];
	return NULL;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

enum http_result api_report_calls(struct http_request *r)
{
	const char *zone_name = http_query(r, "time_zone");
	const struct grouping *g = find_grouping(http_query(r, "group_by"));
	const struct zone *zone = zone_name ? zone_find(zone_name) : NULL;
	int64_t now = clock_now_ms(), from, to;
	struct figures all = {0};
	struct buf b = {0};
	if (!g)
		return http_problem(r, 400, "Unreadable parameter", "group_by must be hour, day, campaign, publisher or target");
	if (zone_name && !zone)
		return http_problem(r, 400, "Unreadable parameter", "time_zone must be an IANA name, such as America/Chicago");
	if (!api_query_time(r, "from", now - 7 * DAY_MS, &from) || !api_query_time(r, "to", now, &to) || from >= to)
		return http_problem(r, 400, "Unreadable parameter", "from and to must be times such as 2026-11-23T00:00:00Z, the first before the second");
	if (to - from > g->most_days * DAY_MS)
		return http_problem(r, 400, "The period is too long", "by %s it may be %d days", g->name, g->most_days);
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = store_query(conn, g->sql, "siisss", r->organization->id, from / CALL_HALF_HOUR_MS, (to + CALL_HALF_HOUR_MS - 1) / CALL_HALF_HOUR_MS,
					      or_empty(http_query(r, "campaign_id")), or_empty(http_query(r, "publisher_id")), or_empty(http_query(r, "target_id")));
	if (!rows)
		return http_problem(r, 503, "The database could not be read", "try again shortly");
	buf_add_str(&b, "{\"data\":[");
	rows_json(&b, g, zone, rows, &all);
	buf_add_str(&b, "],\"totals\":{");
	figures_json(&b, &all);
	buf_add_str(&b, "},\"next_cursor\":null}");
	rows_free(rows);
	return http_text(r, 200, &b);
}
