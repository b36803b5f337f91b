#include "webhook/statistics.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>

const double delivery_bucket_seconds[DELIVERY_BUCKETS] = {0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};

void delivery_counts_answer(struct delivery_counts *n, double seconds)
{
	n->answered++;
	n->seconds += seconds;
	for (size_t i = 0; i < DELIVERY_BUCKETS; i++)
		n->buckets[i] += seconds <= delivery_bucket_seconds[i];
}

struct keep_job {
	struct store_job job;
	char organization_id[40], webhook_id[40];
	int64_t at_ms, delivered, failed, dead, answered, within[DELIVERY_BUCKETS];
};

static bool run(struct store_job *job, struct store_conn *conn)
{
	const struct keep_job *k = (struct keep_job *)job;
	const int64_t *w = k->within;
	return store_exec(conn, "INSERT INTO webhook_statistics AS s (webhook_id, organization_id, at_ms, delivered, failed, dead, answered, within_25, within_50, within_100, within_250, within_500, within_1000, within_2500, within_10000, backlog) "
				"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, (SELECT COUNT(*) FROM deliveries WHERE webhook_id = $1 AND status IN ('pending', 'failed'))) "
				"ON CONFLICT (webhook_id, at_ms) DO UPDATE SET delivered = s.delivered + excluded.delivered, failed = s.failed + excluded.failed, dead = s.dead + excluded.dead, answered = s.answered + excluded.answered, "
				"within_25 = s.within_25 + excluded.within_25, within_50 = s.within_50 + excluded.within_50, within_100 = s.within_100 + excluded.within_100, within_250 = s.within_250 + excluded.within_250, "
				"within_500 = s.within_500 + excluded.within_500, within_1000 = s.within_1000 + excluded.within_1000, within_2500 = s.within_2500 + excluded.within_2500, within_10000 = s.within_10000 + excluded.within_10000, "
				"backlog = CASE WHEN s.backlog > excluded.backlog THEN s.backlog ELSE excluded.backlog END",
			  "ssiiiiiiiiiiiii", k->webhook_id, k->organization_id, k->at_ms, k->delivered, k->failed, k->dead, k->answered, w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]);
}

static void done(struct store_job *job, bool committed)
{
	if (!committed)
		log_warn(((struct keep_job *)job)->webhook_id, "a webhook's statistics could not be written");
	free(job);
}

void statistics_keep(struct store *store, const char *organization_id, const struct delivery_counts *before, const struct delivery_counts *now, int64_t now_ms)
{
	static const struct store_job functions = {.run = run, .done = done};
	struct keep_job *k = calloc(1, sizeof *k);
	if (!k)
		return;
	k->job = functions;
	snprintf(k->organization_id, sizeof k->organization_id, "%s", organization_id);
	snprintf(k->webhook_id, sizeof k->webhook_id, "%s", now->webhook_id);
	k->at_ms = now_ms - now_ms % STATISTICS_STEP_MS;
	k->delivered = (int64_t)(now->delivered - before->delivered);
	k->failed = (int64_t)(now->failed - before->failed);
	k->dead = (int64_t)(now->dead - before->dead);
	k->answered = (int64_t)(now->answered - before->answered);
	for (size_t i = 0; i < DELIVERY_BUCKETS; i++)
		k->within[i] = (int64_t)(now->buckets[i] - before->buckets[i]);
	store_submit_accepted(store, &k->job);
}

double statistics_percentile_ms(uint64_t answered, const uint64_t buckets[DELIVERY_BUCKETS], unsigned percent)
{
	double rank = (double)answered * percent / 100;
	double below = 0, edge = 0;
	if (!answered)
		return -1;
	for (size_t i = 0; i < DELIVERY_BUCKETS; i++) {
		double within = (double)buckets[i], upper = delivery_bucket_seconds[i] * 1000;
		if (within >= rank && within > below)
			return edge + (upper - edge) * (rank - below) / (within - below);
		below = within;
		edge = upper;
	}
	return edge; /* longer than the last edge, it is not known how much */
}
