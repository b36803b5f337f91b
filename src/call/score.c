#include "call/score.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/totals.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVERY_SECONDS 5
#define PRIOR_CALLS 5 /* a target begins as if so many calls had each brought what it says it pays */

struct scores {
	struct config_store *config;
	struct capacity *capacity;
	struct store_conn *conn; /* the thread's */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stopping;
	bool stop;
};

static void add_target(const struct route_target *t, const struct store_rows *sums, int64_t *calls, int64_t *revenue)
{
	for (size_t k = 0; k < rows_count(sums); k++) {
		if (strcmp(rows_text(sums, k, 0), t->id) != 0)
			continue;
		*calls += rows_int(sums, k, 1);
		*revenue += rows_int(sums, k, 2);
	}
}

/* Of a target, or of all in a group or ring tree. */
static void add_sums(const struct route_entry *e, const struct store_rows *sums, int depth, int64_t *calls, int64_t *revenue)
{
	if (e->target)
		add_target(e->target, sums, calls, revenue);
	for (size_t i = 0; e->tree && i < e->tree->count; i++)
		add_target(&e->tree->bidders[i].target->target, sums, calls, revenue);
	for (size_t i = 0; e->group && depth < ROUTE_GROUPS_MAX && i < e->group->count; i++)
		add_sums(&e->group->entries[i], sums, depth + 1, calls, revenue);
}

static void score_plan(struct scores *s, const struct route_plan *plan, const struct store_rows *sums)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct route_entry *e = &plan->entries[i];
		int64_t calls = 0, revenue = 0;
		add_sums(e, sums, 0, &calls, &revenue);
		capacity_score(s->capacity, plan->id, route_entry_id(e), ((double)revenue + (double)route_entry_revenue(e, 0) * PRIOR_CALLS) / (double)(calls + PRIOR_CALLS));
	}
}

static void read_plan(void *arg, const struct organization *o, const struct route_plan *plan)
{
	struct scores *s = arg;
	if (plan->strategy != ROUTE_BEST)
		return;
	int64_t since = (clock_now_ms() - plan->window_hours * INT64_C(3600000)) / TOTALS_HALF_HOUR_MS;
	struct store_rows *sums = store_query(s->conn, "SELECT key, SUM(connected), SUM(revenue) FROM call_sums WHERE organization_id = $1 AND dimension = 'target' AND half_hour >= $2 GROUP BY key", "si", o->id, since);
	if (sums)
		score_plan(s, plan, sums);
	else
		log_warn(NULL, "what targets brought in cannot be read: %s", store_error(s->conn));
	rows_free(sums);
}

static void *run(void *arg)
{
	struct scores *s = arg;
	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		struct timespec until;
		pthread_mutex_unlock(&s->lock);
		config_each_plan(s->config, read_plan, s);
		pthread_mutex_lock(&s->lock);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += EVERY_SECONDS;
		if (!s->stop)
			pthread_cond_timedwait(&s->stopping, &s->lock, &until);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

struct scores *scores_create(struct store *store, struct config_store *config, struct capacity *capacity, struct error *err)
{
	struct scores *s = calloc(1, sizeof *s);
	if (!s) {
		error_set(err, "out of memory");
		return NULL;
	}
	s->config = config;
	s->capacity = capacity;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->stopping, NULL);
	if ((s->conn = store_connect(store, true, err)) && pthread_create(&s->thread, NULL, run, s) == 0)
		return s;
	if (s->conn)
		error_set(err, "no further thread can be started");
	store_disconnect(s->conn);
	free(s);
	return NULL;
}

void scores_destroy(struct scores *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->stopping);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	store_disconnect(s->conn);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->stopping);
	free(s);
}
