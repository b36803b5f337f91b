#include "call/pulse.h"
#include "base/clock.h"
#include <stdatomic.h>
#include <stdlib.h>

struct pulse {
	struct store_job job; /* at most one at a time */
	struct store *store;
	const char *node;
	int64_t at_ms;
	_Atomic bool busy;
};

static bool run(struct store_job *job, struct store_conn *conn)
{
	const struct pulse *p = (const struct pulse *)job;
	return store_exec(conn,
			  "INSERT INTO nodes (id, seen_at) VALUES ($1, $2) "
			  "ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
			  "si", p->node, p->at_ms);
}

static void done(struct store_job *job, bool committed)
{
	(void)committed; /* the next beat is written a second later */
	((struct pulse *)job)->busy = false;
}

struct pulse *pulse_create(struct store *store, const char *node)
{
	static const struct store_job functions = {.run = run, .done = done};
	struct pulse *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->job = functions;
	p->store = store;
	p->node = node;
	return p;
}

void pulse_beat(struct pulse *p)
{
	if (p->busy)
		return;
	p->busy = true;
	p->at_ms = clock_now_ms();
	store_submit_accepted(p->store, &p->job);
}

void pulse_destroy(struct pulse *p)
{
	free(p);
}
