/* Reports: ended calls added up by time, or by what they belong to. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/money.h"
#include "base/zone.h"
#include "store/totals.h"
#include <stdlib.h>
#include <string.h>

#define HOUR_MS (2 * TOTALS_HALF_HOUR_MS)
#define DAY_MS (24 * HOUR_MS)
#define FIGURES(t) "SUM(" t ".calls), SUM(" t ".connected), SUM(" t ".converted), SUM(" t ".duration_ms), SUM(" t ".revenue), SUM(" t ".payout), SUM(" t ".cost)"
#define LAST_NAMED " t LEFT JOIN resources r ON r.id = t.key AND r.organization_id = $1 ORDER BY 3 DESC, 1"

/* From the sums of one dimension: $4, and for times its key $5. */
#define SUMS " FROM call_sums s WHERE s.organization_id = $1 AND s.half_hour >= $2 AND s.half_hour < $3 AND s.dimension = $4"
#define SUMS_BY_TIME "SELECT s.half_hour, NULL, " FIGURES("s") SUMS " AND s.key = $5 GROUP BY s.half_hour ORDER BY s.half_hour"
#define SUMS_BY_KEY "SELECT t.key, r.name, t.calls, t.connected, t.converted, t.duration_ms, t.revenue, t.payout, t.cost FROM (SELECT s.key AS key, SUM(s.calls) AS calls, SUM(s.connected) AS connected, SUM(s.converted) AS converted, " \
		    "SUM(s.duration_ms) AS duration_ms, SUM(s.revenue) AS revenue, SUM(s.payout) AS payout, SUM(s.cost) AS cost" SUMS " AND $5 = '' GROUP BY s.key HAVING SUM(s.calls) > 0 ORDER BY 2 DESC, 1 LIMIT 1000)" LAST_NAMED
/* From the totals of campaign, publisher and target together: for what is asked of several. `of` is one that is given ($4), which an index begins with. */
#define TOTALS(of) " FROM call_totals t WHERE t.organization_id = $1 AND t.half_hour >= $2 AND t.half_hour < $3 AND t." of " = $4 AND ($5 = '' OR t.campaign_id = $5) AND ($6 = '' OR t.publisher_id = $6) AND ($7 = '' OR t.target_id = $7)"
#define BY_TIME(of) "SELECT t.half_hour, NULL, " FIGURES("t") TOTALS(of) " GROUP BY t.half_hour ORDER BY t.half_hour"
#define BY_KEY(of, column) "SELECT t.key, r.name, t.calls, t.connected, t.converted, t.duration_ms, t.revenue, t.payout, t.cost FROM (SELECT t." column " AS key, SUM(t.calls) AS calls, SUM(t.connected) AS connected, SUM(t.converted) AS converted, " \
			   "SUM(t.duration_ms) AS duration_ms, SUM(t.revenue) AS revenue, SUM(t.payout) AS payout, SUM(t.cost) AS cost" TOTALS(of) " GROUP BY t." column " ORDER BY 2 DESC, 1 LIMIT 1000)" LAST_NAMED
#define TOTALS_BY_TIME {BY_TIME("campaign_id"), BY_TIME("publisher_id"), BY_TIME("target_id")}
#define TOTALS_BY(column) {BY_KEY("campaign_id", column), BY_KEY("publisher_id", column), BY_KEY("target_id", column)}

static const struct grouping {
	const char *name;
	int most_days; /* of the period */
	bool by_time;
	const char *totals[3]; /* key, name, figures; of each of the dimensions */
} groupings[] = {
	{"hour", 62, true, TOTALS_BY_TIME},
	{"day", 1100, true, TOTALS_BY_TIME},
	{"campaign", 1100, false, TOTALS_BY("campaign_id")},
	{"publisher", 1100, false, TOTALS_BY("publisher_id")},
	{"target", 1100, false, TOTALS_BY("target_id")},
	{"tag.", 1100, false, {NULL}},
};

/* ?campaign_id=, ?publisher_id=, ?target_id= */
static const char *const dimensions[] = {"campaign", "publisher", "target"};

struct figures {
	int64_t calls, connected, converted, duration_ms, revenue, payout, cost;
};

static void add(struct figures *f, const struct store_rows *rows, size_t i)
{
	f->calls += rows_int(rows, i, 2);
	f->connected += rows_int(rows, i, 3);
	f->converted += rows_int(rows, i, 4);
	f->duration_ms += rows_int(rows, i, 5);
	f->revenue += rows_int(rows, i, 6);
	f->payout += rows_int(rows, i, 7);
	f->cost += rows_int(rows, i, 8);
}

static void figures_json(struct buf *b, const struct figures *f)
{
	json_int(b, "calls", f->calls);
	json_int(b, "connected", f->connected);
	json_int(b, "converted", f->converted);
	json_int(b, "duration_seconds", (f->duration_ms + 500) / 1000);
	json_money(b, "revenue", f->revenue);
	json_money(b, "payout", f->payout);
	json_money(b, "cost", f->cost);
	json_money(b, "margin", f->revenue - f->payout - f->cost);
}

/* The hour or the day there, as its first moment or its date. */
static void time_key(const struct grouping *g, const struct zone *zone, int64_t half_hour, char out[RFC3339_SIZE])
{
	int64_t ms = half_hour * TOTALS_HALF_HOUR_MS, offset = zone_offset_seconds(zone, ms) * INT64_C(1000), local = ms + offset;
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
		if (strcmp(groupings[i].name, name ? name : "day") == 0 || (!groupings[i].totals[0] && name && strncmp(name, "tag.", 4) == 0))
			return &groupings[i];
	return NULL;
}

struct report {
	const struct grouping *grouping;
	const struct zone *zone;
	int64_t from, to;
	const char *tag_id; /* NULL: not by a tag */
	const char *only[ARRAY_LEN(dimensions)]; /* "": any */
};

static bool refuse(struct http_request *r, const char *title, const char *detail)
{
	http_problem(r, 400, title, "%s", detail);
	return false;
}

static bool read_tag(struct http_request *r, struct report *q)
{
	const char *name = http_query(r, "group_by") + 4;
	int slot = tag_set_find(r->organization->tags, name, strlen(name));
	const struct tag_def *def = slot >= 0 ? tag_set_get(r->organization->tags, (size_t)slot) : NULL;
	if (!def || !def->report)
		return refuse(r, "Calls are not added up by this tag", def ? "switch on 'report' on the custom tag: calls that end from then on are added up by its values" : "there is no custom tag of this name");
	for (size_t i = 0; i < ARRAY_LEN(dimensions); i++)
		if (*q->only[i])
			return refuse(r, "Unreadable parameter", "by a tag, calls are added up for all campaigns, publishers and targets together");
	q->tag_id = def->id;
	return true;
}

/* false after an answer was set. */
static bool read_report(struct http_request *r, struct report *q)
{
	const char *zone_name = http_query(r, "time_zone");
	char name[30];
	int64_t now = clock_now_ms();
	q->grouping = find_grouping(http_query(r, "group_by"));
	q->zone = zone_name ? zone_find(zone_name) : NULL;
	if (!q->grouping)
		return refuse(r, "Unreadable parameter", "group_by must be hour, day, campaign, publisher, target or tag.NAME");
	if (zone_name && !q->zone)
		return refuse(r, "Unreadable parameter", "time_zone must be an IANA name, such as America/Chicago");
	if (!api_query_time(r, "from", now - 7 * DAY_MS, &q->from) || !api_query_time(r, "to", now, &q->to) || q->from >= q->to)
		return refuse(r, "Unreadable parameter", "from and to must be times such as 2026-11-23T00:00:00Z, the first before the second");
	if (q->to - q->from > q->grouping->most_days * DAY_MS) {
		http_problem(r, 400, "The period is too long", "by %s it may be %d days", q->grouping->name, q->grouping->most_days);
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(dimensions); i++) {
		snprintf(name, sizeof name, "%s_id", dimensions[i]);
		const char *only = http_query(r, name);
		q->only[i] = only ? only : "";
	}
	return q->grouping->totals[0] || read_tag(r, q);
}

/* One dimension is asked of its sums; several of the totals. */
static struct store_rows *run_report(struct store_conn *conn, const struct http_request *r, const struct report *q)
{
	const struct grouping *g = q->grouping;
	int64_t first = q->from / TOTALS_HALF_HOUR_MS, end = (q->to + TOTALS_HALF_HOUR_MS - 1) / TOTALS_HALF_HOUR_MS;
	const char *dimension = g->by_time ? "" : q->tag_id ? q->tag_id : g->name, *key = "", *totals = NULL;
	size_t asked = !g->by_time;
	for (size_t i = 0; i < ARRAY_LEN(dimensions); i++) {
		if (!*q->only[i])
			continue;
		asked++;
		dimension = dimensions[i];
		totals = g->totals[i];
		key = q->only[i];
	}
	if (asked > 1)
		return store_query(conn, totals, "siissss", r->organization->id, first, end, key, q->only[0], q->only[1], q->only[2]);
	return store_query(conn, g->by_time ? SUMS_BY_TIME : SUMS_BY_KEY, "siiss", r->organization->id, first, end, dimension, key);
}

enum http_result api_report_calls(struct http_request *r)
{
	struct report q = {0};
	struct figures all = {0};
	struct buf b = {0};
	if (!read_report(r, &q))
		return HTTP_REPLY;
	struct store_conn *conn = http_reader(r);
	struct store_rows *rows = conn ? run_report(conn, r, &q) : NULL;
	if (!rows)
		return http_problem(r, 503, "The database could not be read", "try again shortly");
	buf_add_str(&b, "{\"data\":[");
	rows_json(&b, q.grouping, q.zone, rows, &all);
	buf_add_str(&b, "],\"totals\":{");
	figures_json(&b, &all);
	buf_add_str(&b, "},\"next_cursor\":null}");
	rows_free(rows);
	return http_text(r, 200, &b);
}
