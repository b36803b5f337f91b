/* store/retention.h: what is kept for a time only. */
#ifndef STORE_RETENTION_H
#define STORE_RETENTION_H

#include "store/store.h"
#include <jansson.h>

#define SIP_RETENTION_DAYS 7 /* of calls' SIP messages, unless the organization says otherwise */
#define RETENTION_DAYS 90 /* of incoming requests, unless the organization says otherwise, and of webhooks' statistics */

/* What the organization's document says, or initial. */
int64_t retention_days(json_t *organization, const char *name, int64_t initial);

/* Have the writer delete incoming requests and SIP messages that their organization keeps no longer, some thousand at a time, and close
 * what waited for a call in vain. Any thread; at the latest the next call does what this one could not. */
void retention_start(struct store *store, int64_t now_ms);
/* The same in the connection's transaction. */
bool retention_run(struct store_conn *conn, int64_t now_ms) WARN_UNUSED;

#endif
