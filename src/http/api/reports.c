/* Reports: ended calls added up by time, or by what they belong to. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/money.h"
#include "base/zone.h"
#include "store/totals.h"
#include <stdlib.h>
#include <string.h>

#define HOUR_MS (2 * TOTALS_HALF_HOUR_MS)
#define QUARTER_MS (TOTALS_HALF_HOUR_MS / 2)
#define DAY_MS (24 * HOUR_MS)
#define CLOCK_SLACK_MS 60000 /* between a call's time and that of its id */

/*
 * A report is exact to the millisecond. Calls are added up by the half hour of UTC: whole half
 * hours come from there, and what the period has of the half hours at its ends from the calls
 * themselves. Where local hours or days begin at a quarter, as in Asia/Kathmandu, calls of the
 * second quarter of such a half hour are taken from its first moment and added at their own.
 *
 * Parameters: $1 organization, $2 and $3 the whole half hours, $4 dimension, $5 its key, $6 to $8
 * campaign, publisher and target ('': any), then of the first end $9 and $10 ids, $11 and $12
 * times, of the last $13 to $16. By time: $17 and $18 ids of the quarters, which are those whose
 * number divided by $19 leaves $20 or $21.
 */
#define FIGURES(t) \
	"SUM(" t ".calls), SUM(" t ".connected), SUM(" t ".converted), SUM(" t ".duration_ms), " \
	"SUM(" t ".revenue), SUM(" t ".payout), SUM(" t ".cost)"
#define COLUMNS(t) \
	t ".calls AS calls, " t ".connected AS connected, " t ".converted AS converted, " \
	t ".duration_ms AS duration_ms, " t ".revenue AS revenue, " t ".payout AS payout, " \
	t ".cost AS cost"

#define HALF_HOUR_AT(t) t ".half_hour * 1800000 AS at"
#define WHOLE(t) \
	t ".organization_id = $1 AND " t ".half_hour >= $2 AND " t ".half_hour < $3"
/* From the sums of one dimension. */
#define SUMS(what) \
	"SELECT " what ", " COLUMNS("s") " FROM call_sums s WHERE " WHOLE("s") \
	" AND s.dimension = $4 AND ($5 = '' OR s.key = $5)"
/* From the totals of all of them together: an index begins with `of`, whose key is given. */
#define TOTALS(what, of) \
	"SELECT " what ", " COLUMNS("t") " FROM call_totals t WHERE " WHOLE("t") \
	" AND $4 <> '' AND t." of " = $5 AND ($6 = '' OR t.campaign_id = $6)" \
	" AND ($7 = '' OR t.publisher_id = $7) AND ($8 = '' OR t.target_id = $8)"

#define IDS(least, end) " AND c.id >= " least " AND c.id < " end
#define TIMES(from, to) " AND c.started_at >= " from " AND c.started_at < " to
#define CALLS(what, sign, tags, which) \
	"SELECT " what ", " sign "1 AS calls, " sign "(" TOTALS_CONNECTED ") AS connected, " \
	sign "c.converted AS converted, " sign "(" TOTALS_DURATION ") AS duration_ms, " \
	sign "(" TOTALS_REVENUE ") AS revenue, " sign "(" TOTALS_PAYOUT ") AS payout, " \
	sign "c.cost AS cost FROM calls c" tags " WHERE c.organization_id = $1" which \
	" AND c.status <> 'active' AND ($6 = '' OR c.campaign_id = $6)" \
	" AND ($7 = '' OR c.publisher_id = $7) AND ($8 = '' OR c.target_id = $8)"
#define FIRST_END IDS("$9", "$10") TIMES("$11", "$12")
#define LAST_END IDS("$13", "$14") TIMES("$15", "$16")
#define ENDS(what, tags) \
	" UNION ALL " CALLS(what, "", tags, FIRST_END) " UNION ALL " CALLS(what, "", tags, LAST_END)
#define QUARTERS \
	IDS("$17", "$18") TIMES("$2 * 1800000", "$3 * 1800000") \
	" AND (c.started_at / 900000) % $19 IN ($20, $21)"
#define AT_QUARTER "c.started_at / 900000 * 900000 AS at"
#define AT_HALF_HOUR "c.started_at / 1800000 * 1800000 AS at"

#define BY_TIME(whole) \
	"SELECT x.at, NULL, " FIGURES("x") " FROM (" whole ENDS(AT_QUARTER, "") \
	" UNION ALL " CALLS(AT_QUARTER, "", "", QUARTERS) \
	" UNION ALL " CALLS(AT_HALF_HOUR, "-", "", QUARTERS) ") x GROUP BY x.at ORDER BY x.at"
#define BY_KEY(whole, what, tags) \
	"SELECT t.key, r.name, " COLUMNS("t") " FROM (SELECT x.key AS key, " \
	"SUM(x.calls) AS calls, SUM(x.connected) AS connected, SUM(x.converted) AS converted, " \
	"SUM(x.duration_ms) AS duration_ms, SUM(x.revenue) AS revenue, SUM(x.payout) AS payout, " \
	"SUM(x.cost) AS cost FROM (" whole ENDS(what, tags) ") x GROUP BY x.key " \
	"HAVING SUM(x.calls) > 0 ORDER BY 2 DESC, 1 LIMIT 1000) t " \
	"LEFT JOIN resources r ON r.id = t.key AND r.organization_id = $1 ORDER BY 3 DESC, 1"
#define COLUMN_KEY(column) "COALESCE(c." column ", '') AS key"

#define TIME_OF(of) BY_TIME(TOTALS(HALF_HOUR_AT("t"), of))
#define KEYS_OF(of, column) BY_KEY(TOTALS("t." column " AS key", of), COLUMN_KEY(column), "")
#define TOTALS_BY_TIME {TIME_OF("campaign_id"), TIME_OF("publisher_id"), TIME_OF("target_id")}
#define TOTALS_BY(column) \
	{KEYS_OF("campaign_id", column), KEYS_OF("publisher_id", column), \
	 KEYS_OF("target_id", column)}
#define SUMS_BY_TIME BY_TIME(SUMS(HALF_HOUR_AT("s")))
#define SUMS_BY(column) BY_KEY(SUMS("s.key AS key"), COLUMN_KEY(column), "")
#define TAG_JOIN " JOIN call_tags g ON g.call_id = c.id AND g.tag_id = $4 AND g.sensitive = 0"
#define SUMS_BY_TAG BY_KEY(SUMS("s.key AS key"), "SUBSTR(g.value, 1, 64) AS key", TAG_JOIN)

static const struct grouping {
	const char *name;
	int most_days; /* of the period */
	bool by_time;
	const char *sums;      /* key or time, name, figures; of one dimension */
	const char *totals[3]; /* likewise, of several: by the one that is given */
} groupings[] = {
	{"hour", 62, true, SUMS_BY_TIME, TOTALS_BY_TIME},
	{"day", 1100, true, SUMS_BY_TIME, TOTALS_BY_TIME},
	{"campaign", 1100, false, SUMS_BY("campaign_id"), TOTALS_BY("campaign_id")},
	{"publisher", 1100, false, SUMS_BY("publisher_id"), TOTALS_BY("publisher_id")},
	{"target", 1100, false, SUMS_BY("target_id"), TOTALS_BY("target_id")},
	{"tag.", 1100, false, SUMS_BY_TAG, {NULL}},
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

static bool by_days(const struct grouping *g)
{
	return strcmp(g->name, "day") == 0;
}

static int64_t offset_ms(const struct zone *zone, int64_t ms)
{
	return zone_offset_seconds(zone, ms) * INT64_C(1000);
}

/* The hour by its first moment, the day by its date. An hour in which clocks are set is two. */
static void time_key(const struct grouping *g, const struct zone *zone, int64_t ms,
		     char out[RFC3339_SIZE])
{
	int64_t offset = offset_ms(zone, ms), local = ms + offset;
	int64_t unit = by_days(g) ? DAY_MS : HOUR_MS;
	int64_t first = local - ((local % unit) + unit) % unit;
	if (by_days(g)) {
		clock_rfc3339(first, out);
		out[10] = '\0';
		return;
	}
	first -= offset;
	while (first < ms && offset_ms(zone, first) != offset)
		first += QUARTER_MS;
	clock_rfc3339(first, out);
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
		if (!f.calls) /* the half hour's calls were all in its second quarter */
			continue;
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
	q->from = q->from > 0 ? q->from : 0;
	q->to = q->to > q->from ? q->to : q->from;
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

/* Calls from one moment to another, also by the times in their ids; none where both are equal. */
struct span {
	int64_t from, to;
	char least_id[ID_SIZE], end_id[ID_SIZE];
};

static struct span span_of(int64_t from, int64_t to)
{
	struct span s = {.from = from, .to = to};
	if (from >= to)
		return s;
	id_from_time("call", from > CLOCK_SLACK_MS ? from - CLOCK_SLACK_MS : 0, s.least_id);
	id_from_time("call", to + CLOCK_SLACK_MS, s.end_id);
	return s;
}

/* The period's whole half hours, and its ends. */
struct pieces {
	int64_t first, end;
	struct span head, tail;
};

static struct pieces pieces_of(const struct report *q)
{
	int64_t unit = TOTALS_HALF_HOUR_MS, first = (q->from + unit - 1) / unit, end = q->to / unit;
	struct pieces p = {.first = first, .end = end};
	if (first > end) { /* within one half hour */
		p.end = first;
		p.head = span_of(q->from, q->to);
		p.tail = span_of(0, 0);
		return p;
	}
	p.head = span_of(q->from, first * unit);
	p.tail = span_of(end * unit, q->to);
	return p;
}

/* The quarters of an hour at which local hours or days begin within a half hour of UTC. */
struct quarters {
	int64_t divisor, remainders[2];
	size_t count;
};

static struct quarters quarters_of(const struct report *q)
{
	int64_t divisor = (by_days(q->grouping) ? DAY_MS : HOUR_MS) / QUARTER_MS;
	struct quarters found = {.divisor = divisor};
	for (int64_t at = q->from; q->grouping->by_time && at < q->to + DAY_MS; at += DAY_MS) {
		int64_t offset = offset_ms(q->zone, at < q->to ? at : q->to);
		int64_t begins = -(offset / QUARTER_MS) % divisor;
		begins = begins < 0 ? begins + divisor : begins;
		bool known = begins % 2 == 0; /* at the beginning of a half hour */
		for (size_t i = 0; i < found.count; i++)
			known = known || found.remainders[i] == begins;
		if (known)
			continue;
		if (found.count == ARRAY_LEN(found.remainders)) /* then all second quarters */
			return (struct quarters){.divisor = 2, .remainders = {1, 1}, .count = 1};
		found.remainders[found.count++] = begins;
	}
	if (found.count == 1)
		found.remainders[1] = found.remainders[0];
	return found;
}

static struct store_rows *ask(struct store_conn *conn, const struct http_request *r,
			      const struct report *q, const char *sql, const char *dimension,
			      const char *key)
{
	const struct pieces p = pieces_of(q);
	const struct quarters k = quarters_of(q);
	const struct span *head = &p.head, *tail = &p.tail;
	const char *organization = r->organization->id, *const *only = q->only;
	if (!q->grouping->by_time)
		return store_query(conn, sql, "siisssssssiissii", organization, p.first, p.end,
				   dimension, key, only[0], only[1], only[2], head->least_id,
				   head->end_id, head->from, head->to, tail->least_id, tail->end_id,
				   tail->from, tail->to);
	int64_t from = p.first * TOTALS_HALF_HOUR_MS, to = p.end * TOTALS_HALF_HOUR_MS;
	const struct span inner = k.count ? span_of(from, to) : span_of(0, 0);
	return store_query(conn, sql, "siisssssssiissiissiii", organization, p.first, p.end,
			   dimension, key, only[0], only[1], only[2], head->least_id,
			   head->end_id, head->from,
			   head->to, tail->least_id, tail->end_id, tail->from, tail->to,
			   inner.least_id, inner.end_id, k.divisor, k.remainders[0],
			   k.remainders[1]);
}

/* One dimension is asked of its sums; several of the totals. */
static struct store_rows *run_report(struct store_conn *conn, const struct http_request *r, const struct report *q)
{
	const struct grouping *g = q->grouping;
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
	return ask(conn, r, q, asked > 1 ? totals : g->sums, dimension, key);
}

/*
 * Calls are added up by a tag from when that was switched on: a half hour that has others, too,
 * cannot be divided. $1 organization, $2 tag, $3 the half hour, $4 and $5 ids.
 */
#define TAG_DIFFERS \
	"SELECT x.key FROM (SELECT s.key AS key, s.calls AS calls FROM call_sums s " \
	"WHERE s.organization_id = $1 AND s.dimension = $2 AND s.half_hour = $3 UNION ALL " \
	"SELECT SUBSTR(g.value, 1, 64), -1 FROM calls c JOIN call_tags g ON g.call_id = c.id " \
	"AND g.tag_id = $2 AND g.sensitive = 0 WHERE c.organization_id = $1" IDS("$4", "$5") \
	" AND c.status <> 'active' AND c.started_at / 1800000 = $3) x GROUP BY x.key " \
	"HAVING SUM(x.calls) <> 0 LIMIT 1"

/* Can the half hour of that end be divided? */
static bool check_end(struct store_conn *conn, const struct http_request *r,
		      const struct report *q, int64_t at, const char *name, struct errors *errors)
{
	int64_t half_hour = at / TOTALS_HALF_HOUR_MS, begins = half_hour * TOTALS_HALF_HOUR_MS;
	const struct span all = span_of(begins, begins + TOTALS_HALF_HOUR_MS);
	char pointer[8], time[RFC3339_SIZE], next[RFC3339_SIZE];
	if (!q->tag_id || at == begins)
		return true;
	struct store_rows *rows = store_query(conn, TAG_DIFFERS, "ssiss", r->organization->id,
					      q->tag_id, half_hour, all.least_id, all.end_id);
	snprintf(pointer, sizeof pointer, "/%s", name);
	if (rows_count(rows))
		errors_add(errors, pointer,
			   "divides a half hour of which not all calls were added up by the tag, "
			   "as that was switched on later: choose %s or %s",
			   clock_rfc3339(begins, time), clock_rfc3339(all.to, next));
	bool ok = rows != NULL;
	rows_free(rows);
	return ok;
}

enum http_result api_report_calls(struct http_request *r)
{
	struct report q = {0};
	struct figures all = {0};
	struct buf b = {0};
	if (!read_report(r, &q))
		return HTTP_REPLY;
	struct errors errors = {0};
	struct store_conn *conn = http_reader(r);
	bool readable = conn && check_end(conn, r, &q, q.from, "from", &errors) &&
			check_end(conn, r, &q, q.to, "to", &errors);
	if (errors_any(&errors))
		return http_invalid(r, &errors);
	struct store_rows *rows = readable ? run_report(conn, r, &q) : NULL;
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
