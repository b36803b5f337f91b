/* flow/stats.h: the numbers of a flow's nodes, from the traces of its calls. Pure. */
#ifndef FLOW_STATS_H
#define FLOW_STATS_H

#include "base/result.h"
#include <jansson.h>

struct flow_stats;

struct flow_stats *flow_stats_new(void) WARN_UNUSED;
/* One call's trace. Steps of flows within this one are not counted: they are another flow's. */
void flow_stats_add(struct flow_stats *stats, json_t *trace);
/*
 * {"calls", "nodes":[{"node","entered","ports":{port: count},"ended","dropped","median_ms","p95_ms"}]}
 *
 * ended     left by no port: the flow ended the call there
 * dropped   the caller hung up there
 *
 * New reference.
 */
json_t *flow_stats_json(const struct flow_stats *stats);
void flow_stats_free(struct flow_stats *stats);

#endif
