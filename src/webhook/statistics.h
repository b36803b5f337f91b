/* webhook/statistics.h: how deliveries of outgoing webhooks go, counted in memory and kept on disk by five minutes. */
#ifndef WEBHOOK_STATISTICS_H
#define WEBHOOK_STATISTICS_H

#include "store/store.h"

#define STATISTICS_STEP_MS INT64_C(300000)

/* What became of one webhook's tries since the process began. Times are of those that were answered. */
#define DELIVERY_BUCKETS 8
extern const double delivery_bucket_seconds[DELIVERY_BUCKETS];
struct delivery_counts {
	const char *webhook_id;
	uint64_t delivered, failed, dead;
	uint64_t answered, buckets[DELIVERY_BUCKETS]; /* no more than delivery_bucket_seconds each */
	double seconds;
};

void delivery_counts_answer(struct delivery_counts *counts, double seconds);

/* Have the writer add what was counted between the two, and how many wait. Any thread. */
void statistics_keep(struct store *store, const char *organization_id, const struct delivery_counts *before, const struct delivery_counts *now, int64_t now_ms);

/* The time that so many of a hundred answers did not exceed, in milliseconds, between the buckets' edges by proportion; -1: there was none. */
double statistics_percentile_ms(uint64_t answered, const uint64_t buckets[DELIVERY_BUCKETS], unsigned percent);

#endif
