#include "call/capacity.h"
#include "base/id.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define QUARTER_MS INT64_C(900000) /* every time zone's hours begin with one */
#define QUARTERS (32 * 96)        /* so many are remembered: the longest month */

/* Calls of a target, or of those the ones of a campaign, of a publisher, or of both. */
struct counter_key {
	char target_id[ID_SIZE], campaign_id[ID_SIZE], publisher_id[ID_SIZE];
};

struct counter {
	struct counter_key key;
	const struct zone *zone; /* what hour, day and month are by */
	int on, entering; /* live; of those the ones that are not connected yet */
	int64_t hour, day, month;
	int hourly, daily, monthly;
	int64_t total;
	int64_t newest;     /* quarter of an hour since the epoch */
	uint16_t *quarters; /* calls of it and of those before, each at its number modulo QUARTERS; NULL: none yet */
	UT_hash_handle hh;
};

struct turn {
	char key[2 * ID_SIZE];
	uint64_t at;
	UT_hash_handle hh;
};

struct capacity {
	pthread_mutex_t lock;
	struct store *store;
	struct counter *counters;
	struct turn *turns;
	uint64_t last_turn;
};

/* ---- counters; the lock is held ---- */

static struct counter_key key_of(const char *target_id, const char *campaign_id, const char *publisher_id)
{
	struct counter_key k = {0};
	snprintf(k.target_id, sizeof k.target_id, "%s", target_id);
	snprintf(k.campaign_id, sizeof k.campaign_id, "%s", campaign_id);
	snprintf(k.publisher_id, sizeof k.publisher_id, "%s", publisher_id);
	return k;
}

static struct counter *counter_of(struct capacity *c, const struct counter_key *key, const struct zone *zone, bool create)
{
	struct counter *n;
	HASH_FIND(hh, c->counters, key, sizeof *key, n);
	if (n || !create || !(n = calloc(1, sizeof *n)))
		return n;
	n->key = *key;
	n->zone = zone;
	HASH_ADD(hh, c->counters, key, sizeof n->key, n);
	return n;
}

/* Months since year 0 of a day since the epoch (H. Hinnant, chrono-compatible date algorithms). */
static int64_t month_of(int64_t day)
{
	int64_t z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	int64_t month = mp < 10 ? mp + 3 : mp - 9;
	return (yoe + era * 400 + (month <= 2)) * 12 + month - 1;
}

struct period {
	int64_t hour, day, month;
};

static struct period period_at(const struct zone *zone, int64_t ms)
{
	int64_t local = ms + zone_offset_seconds(zone, ms) * INT64_C(1000);
	return (struct period){local / 3600000, local / 86400000, month_of(local / 86400000)};
}

/* A new hour, day or month begins at nothing. */
static void roll(struct counter *n, int64_t now_ms)
{
	struct period p = period_at(n->zone, now_ms);
	n->hourly = p.hour == n->hour ? n->hourly : 0;
	n->daily = p.day == n->day ? n->daily : 0;
	n->monthly = p.month == n->month ? n->monthly : 0;
	n->hour = p.hour;
	n->day = p.day;
	n->month = p.month;
}

static void count(struct counter *n, int64_t quarter, int calls)
{
	struct period p = period_at(n->zone, quarter * QUARTER_MS);
	n->hourly += p.hour == n->hour ? calls : 0;
	n->daily += p.day == n->day ? calls : 0;
	n->monthly += p.month == n->month ? calls : 0;
}

static void remember(struct counter *n, int64_t quarter, int calls)
{
	if (!n->quarters && !(n->quarters = calloc(QUARTERS, sizeof *n->quarters)))
		return; /* counted all the same, until the zone becomes another */
	if (quarter > n->newest + QUARTERS)
		n->newest = quarter - QUARTERS;
	while (n->newest < quarter)
		n->quarters[++n->newest % QUARTERS] = 0;
	uint16_t *q = &n->quarters[quarter % QUARTERS];
	if (quarter > n->newest - QUARTERS)
		*q = (uint16_t)(*q + calls < UINT16_MAX ? *q + calls : UINT16_MAX);
}

/* Now; by the clocks that the target says, which may have become others. */
static void bring_up(struct counter *n, const struct zone *zone, int64_t now_ms)
{
	if (n->zone != zone) {
		n->zone = zone;
		n->hourly = n->daily = n->monthly = 0;
		roll(n, now_ms);
		for (int64_t i = 0; n->quarters && i < QUARTERS; i++)
			count(n, n->newest - i, n->quarters[(n->newest - i) % QUARTERS]);
	}
	roll(n, now_ms);
}

/* The four that a call counts in. */
static size_t counters_of(struct capacity *c, const struct route_target *t, const struct capacity_call *call, struct counter *out[4])
{
	size_t n = 0;
	for (int i = 0; i < 4; i++) {
		const char *campaign = i & 1 ? call->campaign_id : "", *publisher = i & 2 ? call->publisher_id : "";
		if ((i & 1 && !*campaign) || (i & 2 && !*publisher))
			continue;
		struct counter_key key = key_of(t->id, campaign, publisher);
		if ((out[n] = counter_of(c, &key, t->zone, true)))
			n++;
	}
	return n;
}

static enum route_verdict against(const struct route_caps *caps, const struct counter *n)
{
	if (caps->concurrency && n->on >= caps->concurrency)
		return ROUTE_BUSY;
	if (caps->hourly && n->hourly + n->entering >= caps->hourly)
		return ROUTE_HOUR_FULL;
	if (caps->daily && n->daily + n->entering >= caps->daily)
		return ROUTE_DAY_FULL;
	if (caps->monthly && n->monthly + n->entering >= caps->monthly)
		return ROUTE_MONTH_FULL;
	return caps->total && n->total + n->entering >= caps->total ? ROUTE_TOTAL_FULL : ROUTE_ELIGIBLE;
}

static enum route_verdict room(struct capacity *c, const struct route_target *t, const struct capacity_call *call, int64_t now_ms)
{
	for (size_t i = 0; i < t->limit_count; i++) {
		const struct route_limit *l = &t->limits[i];
		if ((*l->campaign_id && strcmp(l->campaign_id, call->campaign_id) != 0) || (*l->publisher_id && strcmp(l->publisher_id, call->publisher_id) != 0))
			continue;
		struct counter_key key = key_of(t->id, l->campaign_id, l->publisher_id);
		struct counter *n = counter_of(c, &key, t->zone, true);
		if (!n)
			return ROUTE_BUSY;
		bring_up(n, t->zone, now_ms);
		enum route_verdict v = against(&l->caps, n);
		if (v != ROUTE_ELIGIBLE)
			return v;
	}
	return ROUTE_ELIGIBLE;
}

/* ---- asked by others ---- */

enum route_verdict capacity_room(struct capacity *c, const struct route_target *t, const struct capacity_call *call, int64_t now_ms)
{
	pthread_mutex_lock(&c->lock);
	enum route_verdict v = room(c, t, call, now_ms);
	pthread_mutex_unlock(&c->lock);
	return v;
}

enum route_verdict capacity_enter(struct capacity *c, const struct route_target *t, const struct capacity_call *call, int64_t now_ms)
{
	struct counter *own[4];
	pthread_mutex_lock(&c->lock);
	enum route_verdict v = room(c, t, call, now_ms);
	size_t n = v == ROUTE_ELIGIBLE ? counters_of(c, t, call, own) : 0;
	for (size_t i = 0; i < n; i++) {
		own[i]->on++;
		own[i]->entering++;
	}
	pthread_mutex_unlock(&c->lock);
	return v;
}

void capacity_connected(struct capacity *c, const struct route_target *t, const struct capacity_call *call, int64_t now_ms, struct store_batch *batch)
{
	struct counter *own[4];
	int64_t quarter = now_ms / QUARTER_MS;
	pthread_mutex_lock(&c->lock);
	size_t n = counters_of(c, t, call, own);
	for (size_t i = 0; i < n; i++) {
		bring_up(own[i], t->zone, now_ms);
		own[i]->entering -= own[i]->entering > 0;
		own[i]->total++;
		count(own[i], quarter, 1);
		remember(own[i], quarter, 1);
	}
	pthread_mutex_unlock(&c->lock);
	if (batch)
		store_batch_add(batch, "INSERT INTO target_calls (organization_id, target_id, campaign_id, publisher_id, quarter, calls) VALUES ($1, $2, $3, $4, $5, 1) "
			"ON CONFLICT (target_id, campaign_id, publisher_id, quarter) DO UPDATE SET calls = target_calls.calls + 1",
			"ssssi", call->organization_id, t->id, call->campaign_id, call->publisher_id, quarter);
}

void capacity_leave(struct capacity *c, const struct route_target *t, const struct capacity_call *call, bool connected)
{
	struct counter *own[4];
	pthread_mutex_lock(&c->lock);
	size_t n = counters_of(c, t, call, own);
	for (size_t i = 0; i < n; i++) {
		own[i]->on -= own[i]->on > 0;
		own[i]->entering -= !connected && own[i]->entering > 0;
	}
	pthread_mutex_unlock(&c->lock);
}

struct capacity_use capacity_use(struct capacity *c, const struct route_target *t, const struct route_limit *l, int64_t now_ms)
{
	struct capacity_use use = {0};
	struct counter_key key = key_of(t->id, l->campaign_id, l->publisher_id);
	pthread_mutex_lock(&c->lock);
	struct counter *n = counter_of(c, &key, t->zone, false);
	if (n) {
		bring_up(n, t->zone, now_ms);
		use = (struct capacity_use){n->on, n->hourly + n->entering, n->daily + n->entering, n->monthly + n->entering, n->total + n->entering};
	}
	pthread_mutex_unlock(&c->lock);
	return use;
}

/* ---- turns ---- */

static struct turn *turn_of(struct capacity *c, const char *plan_id, const char *target_id, bool create)
{
	char key[2 * ID_SIZE];
	struct turn *t;
	snprintf(key, sizeof key, "%s %s", plan_id, target_id);
	HASH_FIND_STR(c->turns, key, t);
	if (t || !create || !(t = calloc(1, sizeof *t)))
		return t;
	snprintf(t->key, sizeof t->key, "%s", key);
	HASH_ADD_STR(c->turns, key, t);
	return t;
}

uint64_t capacity_turn(struct capacity *c, const char *plan_id, const char *target_id)
{
	pthread_mutex_lock(&c->lock);
	const struct turn *t = turn_of(c, plan_id, target_id, false);
	uint64_t at = t ? t->at : 0;
	pthread_mutex_unlock(&c->lock);
	return at;
}

void capacity_take_turn(struct capacity *c, const char *plan_id, const char *target_id)
{
	pthread_mutex_lock(&c->lock);
	struct turn *t = turn_of(c, plan_id, target_id, true);
	if (t)
		t->at = ++c->last_turn;
	pthread_mutex_unlock(&c->lock);
}

void capacity_states(struct capacity *c, const struct route_plan *plan, const struct capacity_call *call, int64_t now_ms, struct route_state *out)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct route_target *t = plan->entries[i].target;
		out[i].room = t->limit_count ? capacity_room(c, t, call, now_ms) : ROUTE_ELIGIBLE;
		out[i].turn = plan->strategy == ROUTE_ROUND_ROBIN ? capacity_turn(c, plan->id, t->id) : 0;
	}
}

/* ---- what is on disk ---- */

static void read_row(struct capacity *c, const struct organization *o, const struct store_rows *rows, size_t row, int64_t now_ms)
{
	const struct route_target *t = organization_target(o, rows_text(rows, row, 1));
	struct counter *own[4];
	size_t n = t ? counters_of(c, t, &(struct capacity_call){o->id, rows_text(rows, row, 2), rows_text(rows, row, 3)}, own) : 0;
	int64_t quarter = rows_int(rows, row, 4), calls = rows_int(rows, row, 5);
	for (size_t k = 0; k < n; k++) {
		bring_up(own[k], t->zone, now_ms);
		own[k]->total += calls;
		if (quarter <= now_ms / QUARTER_MS - QUARTERS)
			continue;
		count(own[k], quarter, (int)calls);
		remember(own[k], quarter, (int)calls);
	}
}

/* What is older than a month comes as one row. */
static bool read_all(struct capacity *c, struct config_store *config, int64_t now_ms)
{
	struct store_conn *conn = store_reader(c->store);
	struct store_rows *rows = conn ? store_query(conn, "SELECT organization_id, target_id, campaign_id, publisher_id, CASE WHEN quarter > $1 THEN quarter ELSE 0 END, SUM(calls) FROM target_calls GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 5",
		"i", now_ms / QUARTER_MS - QUARTERS) : NULL;
	const struct organization *o = NULL;
	for (size_t i = 0; i < rows_count(rows); i++) {
		if (!o || strcmp(o->id, rows_text(rows, i, 0)) != 0) {
			if (o)
				organization_release(o);
			o = config_organization(config, rows_text(rows, i, 0));
		}
		if (o)
			read_row(c, o, rows, i, now_ms);
	}
	if (o)
		organization_release(o);
	bool ok = rows != NULL;
	rows_free(rows);
	return ok;
}

struct capacity *capacity_create(struct store *store, struct config_store *config, int64_t now_ms, struct error *err)
{
	struct capacity *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	c->store = store;
	if (read_all(c, config, now_ms))
		return c;
	error_set(err, "what calls targets had cannot be read");
	capacity_destroy(c);
	return NULL;
}

void capacity_destroy(struct capacity *c)
{
	struct counter *n, *next;
	struct turn *t, *after;
	if (!c)
		return;
	HASH_ITER(hh, c->counters, n, next) {
		HASH_DEL(c->counters, n);
		free(n->quarters);
		free(n);
	}
	HASH_ITER(hh, c->turns, t, after) {
		HASH_DEL(c->turns, t);
		free(t);
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}
