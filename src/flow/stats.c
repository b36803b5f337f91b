#include "flow/stats.h"
#include "base/clock.h"
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct node {
	char id[80];
	UT_hash_handle hh;
	json_t *ports;
	size_t entered, ended, dropped;
	int64_t *times; /* in milliseconds, of each who left or dropped */
	size_t time_count, time_room;
};

struct flow_stats {
	struct node *nodes;
	size_t calls;
};

struct flow_stats *flow_stats_new(void)
{
	return calloc(1, sizeof(struct flow_stats));
}

static struct node *node_of(struct flow_stats *s, const char *id)
{
	struct node *n;
	char key[sizeof n->id];
	snprintf(key, sizeof key, "%s", id);
	HASH_FIND_STR(s->nodes, key, n);
	if (n || !(n = calloc(1, sizeof *n)))
		return n;
	memcpy(n->id, key, sizeof key);
	n->ports = json_object();
	HASH_ADD_STR(s->nodes, id, n);
	return n;
}

static void add_time(struct node *n, json_t *entry)
{
	const char *from = json_string_value(json_object_get(entry, "entered_at")), *to = json_string_value(json_object_get(entry, "at"));
	int64_t entered, at;
	if (!from || !to || !clock_parse_rfc3339(from, strlen(from), &entered) || !clock_parse_rfc3339(to, strlen(to), &at))
		return;
	if (n->time_count == n->time_room) {
		size_t room = n->time_room ? n->time_room * 2 : 64;
		int64_t *times = realloc(n->times, room * sizeof *times);
		if (!times)
			return;
		n->times = times;
		n->time_room = room;
	}
	n->times[n->time_count++] = at > entered ? at - entered : 0;
}

static void add_entry(struct flow_stats *s, json_t *entry)
{
	const char *id = json_string_value(json_object_get(entry, "node")), *port = json_string_value(json_object_get(entry, "port"));
	struct node *n = id && !json_object_get(entry, "call_flow_id") ? node_of(s, id) : NULL;
	if (!n)
		return;
	n->entered++;
	add_time(n, entry);
	if (strcmp(json_string_value(json_object_get(entry, "kind")), "input") == 0)
		n->dropped++;
	else if (port)
		json_object_set_new(n->ports, port, json_integer(json_integer_value(json_object_get(n->ports, port)) + 1));
	else
		n->ended++;
}

void flow_stats_add(struct flow_stats *s, json_t *trace)
{
	json_t *entry;
	size_t i;
	s->calls++;
	json_array_foreach(trace, i, entry) {
		const char *kind = json_string_value(json_object_get(entry, "kind")), *input = json_string_value(json_object_get(entry, "input"));
		if (kind && (strcmp(kind, "step") == 0 || (input && strcmp(input, "caller_hung_up") == 0)))
			add_entry(s, entry);
	}
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* The smallest that is not below so many of a hundred. */
static json_t *percentile(const struct node *n, size_t percent)
{
	return n->time_count ? json_integer(n->times[(n->time_count * percent + 99) / 100 - 1]) : json_null();
}

json_t *flow_stats_json(const struct flow_stats *s)
{
	json_t *nodes = json_array();
	for (struct node *n = s->nodes; n; n = n->hh.next) {
		if (n->time_count)
			qsort(n->times, n->time_count, sizeof *n->times, by_size);
		json_array_append_new(nodes, json_pack("{s:s, s:I, s:O, s:I, s:I, s:o, s:o}", "node", n->id, "entered", (json_int_t)n->entered, "ports", n->ports, "ended", (json_int_t)n->ended,
						       "dropped", (json_int_t)n->dropped, "median_ms", percentile(n, 50), "p95_ms", percentile(n, 95)));
	}
	return json_pack("{s:I, s:o}", "calls", (json_int_t)s->calls, "nodes", nodes);
}

void flow_stats_free(struct flow_stats *s)
{
	struct node *n, *next;
	HASH_ITER(hh, s->nodes, n, next) {
		HASH_DEL(s->nodes, n);
		json_decref(n->ports);
		free(n->times);
		free(n);
	}
	free(s);
}
