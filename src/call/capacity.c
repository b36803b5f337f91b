#include "call/capacity.h"
#include "base/clock.h"
#include "base/id.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define QUARTER_MS INT64_C(900000) /* every time zone's hours begin with one */
#define QUARTERS (32 * 96)        /* so many are remembered: the longest month */

/* Calls of a target, or of those the ones of a campaign, of a publisher, or of both. */
struct counter {
	struct counter *next;
	char campaign_id[ID_SIZE], publisher_id[ID_SIZE]; /* "": of all */
	const struct zone *zone; /* what hour, day and month are by */
	int on, entering; /* live; of those the ones that are not connected yet */
	int64_t hour, day, month;
	int hourly, daily, monthly;
	int64_t total;
	int64_t newest;     /* quarter of an hour since the epoch */
	uint16_t *quarters; /* calls of it and of those before, each at its number modulo QUARTERS; NULL: none yet */
};

/* When a plan tried the target last, and what its calls there bring in. */
struct turn {
	char entry_id[ID_SIZE];
	uint64_t at;  /* 0: never */
	double score; /* 0 and not `scored`: not known */
	bool scored;
	char plan_id[ID_SIZE];
	struct turn *next; /* of the target */
};

struct target_use {
	char target_id[ID_SIZE];
	struct counter *counters; /* that of all calls first */
	struct turn *turns;
	bool away; /* somebody said so */
	UT_hash_handle hh;
};

/* The turns of a plan's entries, in its order as it was asked last. */
struct plan_turns {
	char plan_id[ID_SIZE];
	struct turn **turns;
	size_t count;
	UT_hash_handle hh;
};

struct capacity {
	pthread_mutex_t lock;
	struct target_use *targets;
	struct plan_turns *plans;
	uint64_t last_turn;
	_Atomic bool handed_over;
	char late_id[ID_SIZE]; /* the newest late call that is counted */
};

/* ---- counters; the lock is held ---- */

static struct target_use *use_of(struct capacity *c, const char *target_id, bool create)
{
	struct target_use *u;
	HASH_FIND_STR(c->targets, target_id, u);
	if (u || !create || !(u = calloc(1, sizeof *u)))
		return u;
	snprintf(u->target_id, sizeof u->target_id, "%s", target_id);
	HASH_ADD_STR(c->targets, target_id, u);
	return u;
}

static struct counter *counter_of(struct target_use *u, const char *campaign_id, const char *publisher_id, const struct zone *zone)
{
	struct counter **at = &u->counters;
	while (*at && (strcmp((*at)->campaign_id, campaign_id) != 0 || strcmp((*at)->publisher_id, publisher_id) != 0))
		at = &(*at)->next;
	if (*at || !(*at = calloc(1, sizeof **at)))
		return *at;
	snprintf((*at)->campaign_id, sizeof (*at)->campaign_id, "%s", campaign_id);
	snprintf((*at)->publisher_id, sizeof (*at)->publisher_id, "%s", publisher_id);
	(*at)->zone = zone;
	return *at;
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
	bool others = n->zone != zone;
	n->zone = zone;
	roll(n, now_ms);
	if (!others)
		return;
	n->hourly = n->daily = n->monthly = 0;
	for (int64_t i = 0; n->quarters && i < QUARTERS; i++)
		count(n, n->newest - i, n->quarters[(n->newest - i) % QUARTERS]);
}

/* The four that a call counts in. */
static size_t counters_of(struct capacity *c, const struct route_target *t, const struct capacity_call *call, struct counter *out[4])
{
	struct target_use *u = use_of(c, t->id, true);
	size_t n = 0;
	for (int i = 0; u && i < 4; i++) {
		const char *campaign = i & 1 ? call->campaign_id : "", *publisher = i & 2 ? call->publisher_id : "";
		if ((i & 1 && !*campaign) || (i & 2 && !*publisher))
			continue;
		if ((out[n] = counter_of(u, campaign, publisher, t->zone)))
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

/* u NULL: it had no call yet. */
static enum route_verdict room(struct target_use *u, const struct route_target *t, const struct capacity_call *call, int64_t now_ms)
{
	if (u && u->away)
		return ROUTE_AWAY;
	for (size_t i = 0; u && i < t->limit_count; i++) {
		const struct route_limit *l = &t->limits[i];
		if ((*l->campaign_id && strcmp(l->campaign_id, call->campaign_id) != 0) || (*l->publisher_id && strcmp(l->publisher_id, call->publisher_id) != 0))
			continue;
		struct counter *n = counter_of(u, l->campaign_id, l->publisher_id, t->zone);
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

struct capacity_asked capacity_ask(struct capacity *c, const struct organization *o, const struct config_campaign *campaign, const struct capacity_call *call,
				   const char *caller_id, int64_t began_ms, int64_t now_ms)
{
	struct capacity_asked a = {.capacity = c, .call = call, .now_ms = now_ms, .callers = o->callers, .caller_id = caller_id};
	int64_t since = campaign ? campaign_duplicates_since(campaign, began_ms) : 0;
	char id[ID_SIZE];
	if (campaign && campaign->duplicates == DUPLICATES_DIFFERENT)
		a.not_since_ms = since;
	if (campaign && campaign->duplicates == DUPLICATES_SAME && callers_in_campaign(o->callers, campaign->id, caller_id, id) >= since)
		a.first = organization_target(o, id);
	return a;
}

bool capacity_repeats(const struct capacity_asked *a, const struct route_target *t)
{
	int64_t since = t->no_repeats_days ? a->now_ms - t->no_repeats_days * INT64_C(86400000) : INT64_MAX;
	if (a->not_since_ms && a->not_since_ms < since)
		since = a->not_since_ms;
	return since != INT64_MAX && a->callers && callers_with_target(a->callers, t->id, a->caller_id) >= since;
}

enum route_verdict capacity_room(void *arg, const struct route_target *t)
{
	const struct capacity_asked *a = arg;
	if (capacity_repeats(a, t))
		return ROUTE_REPEATED;
	pthread_mutex_lock(&a->capacity->lock);
	enum route_verdict v = room(use_of(a->capacity, t->id, false), t, a->call, a->now_ms);
	pthread_mutex_unlock(&a->capacity->lock);
	return v;
}

enum route_verdict capacity_enter(struct capacity *c, const struct route_target *t, const struct capacity_call *call, int64_t now_ms)
{
	struct counter *own[4];
	pthread_mutex_lock(&c->lock);
	enum route_verdict v = room(use_of(c, t->id, false), t, call, now_ms);
	size_t n = v == ROUTE_ELIGIBLE ? counters_of(c, t, call, own) : 0;
	for (size_t i = 0; i < n; i++) {
		own[i]->on++;
		own[i]->entering++;
	}
	pthread_mutex_unlock(&c->lock);
	return v;
}

/* One more call of that moment. entered: it was one of those that are entering. */
static void add(struct capacity *c, const struct route_target *t, const struct capacity_call *call,
		int64_t at_ms, int64_t now_ms, bool entered)
{
	struct counter *own[4];
	int64_t quarter = at_ms / QUARTER_MS;
	pthread_mutex_lock(&c->lock);
	size_t n = counters_of(c, t, call, own);
	for (size_t i = 0; i < n; i++) {
		bring_up(own[i], t->zone, now_ms);
		own[i]->entering -= entered && own[i]->entering > 0;
		own[i]->total++;
		count(own[i], quarter, 1);
		remember(own[i], quarter, 1);
	}
	pthread_mutex_unlock(&c->lock);
}

static void write_late(const struct route_target *t, const struct capacity_call *call, int64_t now_ms,
		       struct store_batch *batch)
{
	char id[ID_SIZE];
	store_batch_add(batch,
			"INSERT INTO late_target_calls (id, organization_id, target_id, campaign_id, "
			"publisher_id, at_ms) VALUES ($1, $2, $3, $4, $5, $6)",
			"sssssi", id_new("ltc", id), call->organization_id, t->id, call->campaign_id,
			call->publisher_id, now_ms);
}

void capacity_hand_over(struct capacity *c)
{
	c->handed_over = true;
}

void capacity_connected(struct capacity *c, const struct route_target *t, const struct capacity_call *call, int64_t now_ms, struct store_batch *batch)
{
	int64_t quarter = now_ms / QUARTER_MS;
	add(c, t, call, now_ms, now_ms, true);
	if (batch && c->handed_over)
		write_late(t, call, now_ms, batch);
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
	pthread_mutex_lock(&c->lock);
	struct target_use *u = use_of(c, t->id, false);
	struct counter *n = u ? counter_of(u, l->campaign_id, l->publisher_id, t->zone) : NULL;
	if (n) {
		bring_up(n, t->zone, now_ms);
		use = (struct capacity_use){n->on, n->hourly + n->entering, n->daily + n->entering, n->monthly + n->entering, n->total + n->entering};
	}
	pthread_mutex_unlock(&c->lock);
	return use;
}

/* ---- availability ---- */

void capacity_set_available(struct capacity *c, const char *target_id, bool available)
{
	pthread_mutex_lock(&c->lock);
	struct target_use *u = use_of(c, target_id, true);
	if (u)
		u->away = !available;
	pthread_mutex_unlock(&c->lock);
}

bool capacity_available(struct capacity *c, const char *target_id)
{
	pthread_mutex_lock(&c->lock);
	const struct target_use *u = use_of(c, target_id, false);
	bool available = !u || !u->away;
	pthread_mutex_unlock(&c->lock);
	return available;
}

/* ---- turns ---- */

static struct turn *turn_of(const struct target_use *u, const char *plan_id)
{
	struct turn *t = u ? u->turns : NULL;
	while (t && strcmp(t->plan_id, plan_id) != 0)
		t = t->next;
	return t;
}

static struct turn *make_turn(struct capacity *c, const char *plan_id, const char *entry_id)
{
	struct target_use *u = use_of(c, entry_id, true);
	struct turn *t = turn_of(u, plan_id);
	if (!u || t || !(t = calloc(1, sizeof *t)))
		return t;
	snprintf(t->plan_id, sizeof t->plan_id, "%s", plan_id);
	snprintf(t->entry_id, sizeof t->entry_id, "%s", entry_id);
	t->next = u->turns;
	return u->turns = t;
}

/* By entry; NULL where one is not known. NULL: no memory. */
static struct turn **turns_of(struct capacity *c, const struct route_plan *plan)
{
	struct plan_turns *p;
	HASH_FIND_STR(c->plans, plan->id, p);
	if (!p && (p = calloc(1, sizeof *p))) {
		snprintf(p->plan_id, sizeof p->plan_id, "%s", plan->id);
		HASH_ADD_STR(c->plans, plan_id, p);
	}
	if (p && p->count != plan->count) {
		free(p->turns);
		p->turns = calloc(plan->count + 1, sizeof(struct turn *));
		p->count = p->turns ? plan->count : 0;
	}
	if (!p || !p->turns)
		return NULL;
	for (size_t i = 0; i < plan->count; i++) {
		const char *id = route_entry_id(&plan->entries[i]);
		if (!p->turns[i] || strcmp(p->turns[i]->entry_id, id) != 0)
			p->turns[i] = make_turn(c, plan->id, id);
	}
	return p->turns;
}

void capacity_take_turn(struct capacity *c, const char *plan_id, const char *entry_id)
{
	pthread_mutex_lock(&c->lock);
	struct turn *t = make_turn(c, plan_id, entry_id);
	if (t)
		t->at = ++c->last_turn;
	pthread_mutex_unlock(&c->lock);
}

void capacity_score(struct capacity *c, const char *plan_id, const char *entry_id, double score)
{
	pthread_mutex_lock(&c->lock);
	struct turn *t = make_turn(c, plan_id, entry_id);
	if (t) {
		t->score = score;
		t->scored = true;
	}
	pthread_mutex_unlock(&c->lock);
}

void capacity_scores(struct capacity *c, const struct route_plan *plan, double *out)
{
	pthread_mutex_lock(&c->lock);
	struct turn *const *turns = turns_of(c, plan);
	for (size_t i = 0; i < plan->count; i++) {
		const struct turn *t = turns ? turns[i] : NULL;
		if (turns && i + 8 < plan->count)
			__builtin_prefetch(turns[i + 8]);
		out[i] = t && t->scored ? t->score : (double)route_entry_revenue(&plan->entries[i], 0);
	}
	pthread_mutex_unlock(&c->lock);
}

void capacity_turns(struct capacity *c, const struct route_plan *plan, uint64_t *out)
{
	pthread_mutex_lock(&c->lock);
	struct turn *const *turns = turns_of(c, plan);
	for (size_t i = 0; i < plan->count; i++) {
		const struct turn *t = turns ? turns[i] : NULL;
		if (turns && i + 8 < plan->count)
			__builtin_prefetch(turns[i + 8]);
		out[i] = t ? t->at : 0;
	}
	pthread_mutex_unlock(&c->lock);
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

static void read_late(struct capacity *c, struct config_store *config, const struct store_rows *rows,
		      size_t row)
{
	const struct organization *o = config_organization(config, rows_text(rows, row, 1));
	const struct route_target *t = o ? organization_target(o, rows_text(rows, row, 2)) : NULL;
	const struct capacity_call call = {o ? o->id : "", rows_text(rows, row, 3),
					   rows_text(rows, row, 4)};
	if (t)
		add(c, t, &call, rows_int(rows, row, 5), clock_now_ms(), false);
	if (o)
		organization_release(o);
	snprintf(c->late_id, sizeof c->late_id, "%s", rows_text(rows, row, 0));
}

void capacity_read_late(struct capacity *c, struct store_conn *conn, struct config_store *config)
{
	struct store_rows *rows = store_query(conn,
		"SELECT id, organization_id, target_id, campaign_id, publisher_id, at_ms "
		"FROM late_target_calls WHERE id > $1 ORDER BY id LIMIT 1000", "s", c->late_id);
	for (size_t i = 0; i < rows_count(rows); i++)
		read_late(c, config, rows, i);
	rows_free(rows);
}

/* Those that are there now are in what is read with them. */
static bool skip_late(struct capacity *c, struct store_conn *conn)
{
	struct store_rows *rows =
		store_query(conn, "SELECT COALESCE(MAX(id), '') FROM late_target_calls", "");
	if (rows_count(rows) == 1)
		snprintf(c->late_id, sizeof c->late_id, "%s", rows_text(rows, 0, 0));
	rows_free(rows);
	return rows != NULL;
}

/* What is older than a month comes as one row. */
static bool read_all(struct capacity *c, struct store *store, struct config_store *config, int64_t now_ms)
{
	struct store_conn *conn = store_reader(store);
	struct store_rows *rows = conn && skip_late(c, conn) ? store_query(conn, "SELECT organization_id, target_id, campaign_id, publisher_id, CASE WHEN quarter > $1 THEN quarter ELSE 0 END, SUM(calls) FROM target_calls GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 5",
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
	struct store_rows *away = rows ? store_query(conn, "SELECT target_id FROM target_availability WHERE available = 0", "") : NULL;
	for (size_t i = 0; i < rows_count(away); i++)
		capacity_set_available(c, rows_text(away, i, 0), false);
	bool ok = away != NULL;
	rows_free(away);
	rows_free(rows);
	return ok;
}

struct capacity *capacity_create(struct store *store, struct config_store *config, int64_t now_ms, struct error *err)
{
	struct capacity *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	if (read_all(c, store, config, now_ms))
		return c;
	error_set(err, "what calls targets had cannot be read");
	capacity_destroy(c);
	return NULL;
}

void capacity_destroy(struct capacity *c)
{
	struct target_use *u, *next;
	struct plan_turns *p, *next_plan;
	if (!c)
		return;
	HASH_ITER(hh, c->targets, u, next) {
		HASH_DEL(c->targets, u);
		for (struct counter *n = u->counters, *behind; n; n = behind) {
			behind = n->next;
			free(n->quarters);
			free(n);
		}
		for (struct turn *t = u->turns, *behind; t; t = behind) {
			behind = t->next;
			free(t);
		}
		free(u);
	}
	HASH_ITER(hh, c->plans, p, next_plan) {
		HASH_DEL(c->plans, p);
		free(p->turns);
		free(p);
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---- judging ---- */

void capacity_judge(struct capacity_asked *asked, const struct route_plan *plan, struct expr_env *env, int64_t at_ms, bool all, struct capacity_judged *out)
{
	uint64_t *turns = plan->strategy == ROUTE_ROUND_ROBIN ? calloc(plan->count + 1, sizeof *turns) : NULL;
	struct route_plan without_chance = *plan;
	*out = (struct capacity_judged){.list = calloc(plan->count + 1, sizeof *out->list), .scores = plan->strategy == ROUTE_BEST ? calloc(plan->count + 1, sizeof *out->scores) : NULL};
	if (out->scores)
		capacity_scores(asked->capacity, plan, out->scores);
	if (turns)
		capacity_turns(asked->capacity, plan, turns);
	if (all)
		without_chance.explore_percent = 0;
	const struct route_input in = {
		.env = env, .now_ms = at_ms, .seed = randombytes_random() | (uint64_t)randombytes_random() << 32, .scores = out->scores, .turns = turns,
		.room = capacity_room, .arg = asked, .all = all, .first = asked->first,
	};
	out->count = out->list ? route_plan_judge(&without_chance, &in, out->list, plan->count) : 0;
	free(turns);
}

void capacity_judged_free(struct capacity_judged *j)
{
	free(j->list);
	free(j->scores);
}

enum route_verdict capacity_judge_bidder(struct capacity_asked *asked, const struct route_bidder *bidder, struct expr_env *env)
{
	const struct route_target *t = &bidder->target->target;
	enum route_verdict v = route_target_judge(t, env, asked->now_ms);
	if (v != ROUTE_ELIGIBLE)
		return v;
	if (!filter_match(bidder->filter, env))
		return route_filtered(env, ROUTE_TREE_FILTER);
	return capacity_room(asked, t);
}
