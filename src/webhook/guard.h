/*
 * webhook/guard.h: how much each incoming webhook may send, and who failed to authenticate, by address.
 * In memory, bounded, from this process's start. Any thread.
 */
#ifndef WEBHOOK_GUARD_H
#define WEBHOOK_GUARD_H

#include "base/result.h"
#include <jansson.h>
#include <stdint.h>

#define GUARD_ADDRESSES_MAX 1000 /* kept; the one that was seen longest ago makes room */
#define GUARD_RATES_MAX 20000    /* webhooks and calls whose rate is counted; likewise */

struct guard;
struct guard *guard_create(void) WARN_UNUSED;
void guard_destroy(struct guard *g);

/* One request of this webhook: 0, or after how many seconds it may come again. A minute's worth may come at once. */
int guard_take(struct guard *g, const char *webhook_id, int rate_per_minute, int64_t now_ms);

/* A request that was refused. organization_id and webhook_id "": its key is nobody's. */
void guard_failed(struct guard *g, const char *organization_id, const char *webhook_id, const char *address, const char *reason, int64_t now_ms);
/* Those of the organization, and with nobodys those whose key is nobody's, newest first: [{"address","reason","incoming_webhook_id","count","last_at"}]. New reference. */
json_t *guard_failures(struct guard *g, const char *organization_id, bool nobodys);
uint64_t guard_failure_count(struct guard *g);

#endif
