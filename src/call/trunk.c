#include "call/trunk.h"
#include "base/clock.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define SECOND_MS 1000
#define REGISTER_AGAIN_MS 30000 /* after a refusal, and while an answer is waited for */
#define DOWN_MS 30000 /* how long a gateway that is not asked is passed over */

const char *const gateway_states[] = {"unknown", "up", "down"};

struct gateway {
	char uri[256];
	enum gateway_state state;
	int sip_status, latency_ms, registration_status;
	int64_t checked_ms, registered_until_ms; /* wall clock */
	int64_t down_until, options_at, register_at;
	bool listed;
	char problem[TRUNK_PROBLEM_SIZE];
};

/* The calls that began last, so that no second has more than the limit. */
struct rate {
	int64_t *begun; /* a ring of `size` times */
	size_t size, next;
};

struct trunk {
	char id[40];
	bool listed;
	size_t calls[2];
	uint64_t refused[2];
	struct rate rate[2];
	struct gateway gateways[TRUNK_GATEWAYS_MAX];
	size_t gateway_count, turn;
	UT_hash_handle hh;
};

struct trunks {
	pthread_mutex_t lock;
	struct trunk *by_id;
};

static void free_trunk(struct trunks *t, struct trunk *trunk)
{
	HASH_DEL(t->by_id, trunk);
	free(trunk->rate[TRUNK_IN].begun);
	free(trunk->rate[TRUNK_OUT].begun);
	free(trunk);
}

struct trunks *trunks_create(void)
{
	struct trunks *t = calloc(1, sizeof *t);
	if (t)
		pthread_mutex_init(&t->lock, NULL);
	return t;
}

void trunks_destroy(struct trunks *t)
{
	struct trunk *trunk, *next;
	if (!t)
		return;
	HASH_ITER(hh, t->by_id, trunk, next)
		free_trunk(t, trunk);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static struct trunk *find(struct trunks *t, const char *id, bool create)
{
	struct trunk *trunk;
	HASH_FIND_STR(t->by_id, id, trunk);
	if (trunk || !create || !(trunk = calloc(1, sizeof *trunk)))
		return trunk;
	snprintf(trunk->id, sizeof trunk->id, "%s", id);
	HASH_ADD_STR(t->by_id, id, trunk);
	return trunk;
}

/* ---- limits ---- */

/* Room for another limit; the calls of the last second are forgotten then. */
static void resize(struct rate *r, size_t size)
{
	if (r->size == size)
		return;
	free(r->begun);
	*r = (struct rate){.begun = calloc(size, sizeof *r->begun)};
	r->size = r->begun ? size : 0;
}

int64_t trunk_enter(struct trunks *t, const struct config_trunk *c, enum trunk_direction direction, int64_t now)
{
	const struct trunk_limits *limits = direction == TRUNK_IN ? &c->in : &c->out;
	int64_t wait = 0;
	pthread_mutex_lock(&t->lock);
	struct trunk *trunk = find(t, c->id, true);
	struct rate *r = trunk ? &trunk->rate[direction] : NULL;
	if (!trunk || (limits->calls && trunk->calls[direction] >= (size_t)limits->calls)) {
		wait = TRUNK_FULL;
	} else {
		resize(r, (size_t)limits->calls_per_second);
		int64_t oldest = r->size ? r->begun[r->next] : 0;
		if (oldest && now - oldest < SECOND_MS)
			wait = oldest + SECOND_MS - now;
	}
	if (!wait) {
		trunk->calls[direction]++;
		if (r->size) {
			r->begun[r->next] = now;
			r->next = (r->next + 1) % r->size;
		}
	}
	pthread_mutex_unlock(&t->lock);
	return wait;
}

void trunk_leave(struct trunks *t, const char *id, enum trunk_direction direction)
{
	pthread_mutex_lock(&t->lock);
	struct trunk *trunk = find(t, id, false);
	if (trunk && trunk->calls[direction])
		trunk->calls[direction]--;
	pthread_mutex_unlock(&t->lock);
}

void trunk_refused(struct trunks *t, const char *id, enum trunk_direction direction)
{
	pthread_mutex_lock(&t->lock);
	struct trunk *trunk = find(t, id, true);
	if (trunk)
		trunk->refused[direction]++;
	pthread_mutex_unlock(&t->lock);
}

/* ---- gateways ---- */

static struct gateway *gateway(struct trunk *trunk, const char *uri)
{
	for (size_t i = 0; trunk && i < trunk->gateway_count; i++)
		if (strcmp(trunk->gateways[i].uri, uri) == 0)
			return &trunk->gateways[i];
	return NULL;
}

static struct gateway *add_gateway(struct trunk *trunk, const char *uri)
{
	struct gateway *g = gateway(trunk, uri);
	if (g || trunk->gateway_count == TRUNK_GATEWAYS_MAX)
		return g;
	g = &trunk->gateways[trunk->gateway_count++];
	*g = (struct gateway){.latency_ms = -1};
	snprintf(g->uri, sizeof g->uri, "%s", uri);
	return g;
}

void trunk_order(struct trunks *t, const struct config_trunk *c, uint8_t order[TRUNK_GATEWAYS_MAX], int64_t now)
{
	size_t n = c->gateway_count < TRUNK_GATEWAYS_MAX ? c->gateway_count : TRUNK_GATEWAYS_MAX, placed = 0;
	bool down[TRUNK_GATEWAYS_MAX] = {0};
	pthread_mutex_lock(&t->lock);
	struct trunk *trunk = find(t, c->id, true);
	size_t turn = trunk ? trunk->turn++ : 0;
	for (size_t i = 0; i < n; i++) {
		const struct gateway *g = gateway(trunk, c->gateways[i].uri);
		down[i] = g && g->state == GATEWAY_DOWN && (c->options_interval_seconds || g->down_until > now);
	}
	pthread_mutex_unlock(&t->lock);
	for (int worse = 0; worse < 2; worse++) {
		for (size_t first = 0, end; first < n; first = end) { /* those of one priority */
			for (end = first; end < n && c->gateways[end].priority == c->gateways[first].priority; end++)
				;
			for (size_t i = 0; i < end - first; i++) {
				size_t at = first + (i + turn) % (end - first);
				if (down[at] == (worse == 1))
					order[placed++] = (uint8_t)at;
			}
		}
	}
}

bool trunk_is_down(int status)
{
	return status == 0 || status == 408 || (status >= 502 && status <= 504);
}

bool trunk_gateway_answered(struct trunks *t, const char *id, const char *uri, int status, int latency_ms, int64_t now)
{
	bool changed = false;
	pthread_mutex_lock(&t->lock);
	struct trunk *trunk = find(t, id, true);
	struct gateway *g = trunk ? add_gateway(trunk, uri) : NULL;
	if (g) {
		enum gateway_state state = trunk_is_down(status) ? GATEWAY_DOWN : GATEWAY_UP;
		changed = state != g->state;
		g->state = state;
		g->sip_status = status;
		g->checked_ms = clock_now_ms();
		g->down_until = now + DOWN_MS;
		if (latency_ms >= 0)
			g->latency_ms = latency_ms;
	}
	pthread_mutex_unlock(&t->lock);
	return changed;
}

void trunk_gateway_registered(struct trunks *t, const char *id, const char *uri, int status, int64_t until)
{
	int64_t now = clock_monotonic_ms(), lasts = until - now;
	pthread_mutex_lock(&t->lock);
	struct gateway *g = gateway(find(t, id, false), uri);
	if (g) {
		bool ok = status >= 200 && status < 300 && lasts > 0;
		g->registration_status = status;
		g->registered_until_ms = ok ? clock_now_ms() + lasts : 0;
		g->register_at = now + (ok ? lasts * 3 / 4 : REGISTER_AGAIN_MS);
	}
	pthread_mutex_unlock(&t->lock);
}

bool trunk_gateway_problem(struct trunks *t, const char *id, const char *uri, const char *problem)
{
	char text[TRUNK_PROBLEM_SIZE];
	bool is_new = false;
	snprintf(text, sizeof text, "%s", problem ? problem : "");
	pthread_mutex_lock(&t->lock);
	struct gateway *g = gateway(find(t, id, false), uri);
	if (g) {
		is_new = *text && strcmp(g->problem, text) != 0;
		memcpy(g->problem, text, sizeof text);
	}
	pthread_mutex_unlock(&t->lock);
	return is_new;
}

/* ---- what is due ---- */

struct visit {
	struct trunks *trunks;
	int64_t now;
	bool all;
	struct trunk_task *tasks;
	size_t count;
};

static void add_task(struct visit *v, bool registers, const struct config_trunk *c, const char *uri)
{
	struct trunk_task *tasks = realloc(v->tasks, (v->count + 2) * sizeof *tasks);
	if (!tasks)
		return;
	struct trunk_task *task = &tasks[v->count++];
	v->tasks = tasks;
	*task = (struct trunk_task){.registers = registers};
	tasks[v->count] = (struct trunk_task){0};
	snprintf(task->trunk_id, sizeof task->trunk_id, "%s", c->id);
	snprintf(task->uri, sizeof task->uri, "%s", uri);
	snprintf(task->username, sizeof task->username, "%s", c->out_username ? c->out_username : "");
	snprintf(task->password, sizeof task->password, "%s", c->out_password ? c->out_password : "");
	snprintf(task->line, sizeof task->line, "%s", c->line ? c->line : "");
}

static void visit_gateway(struct visit *v, struct trunk *trunk, const struct config_trunk *c, const char *uri)
{
	struct gateway *g = add_gateway(trunk, uri);
	if (!g)
		return;
	g->listed = true;
	if (!c->registers) {
		g->registration_status = 0;
		g->registered_until_ms = g->register_at = 0;
	}
	if (v->all) {
		if (g->registered_until_ms)
			add_task(v, true, c, uri);
		return;
	}
	if (c->options_interval_seconds && g->options_at <= v->now) {
		g->options_at = v->now + c->options_interval_seconds * INT64_C(1000);
		add_task(v, false, c, uri);
	}
	if (c->registers && g->register_at <= v->now) {
		g->register_at = v->now + REGISTER_AGAIN_MS;
		add_task(v, true, c, uri);
	}
}

static void visit_trunk(struct visit *v, struct trunk *trunk, const struct config_trunk *c)
{
	size_t kept = 0;
	trunk->listed = true;
	for (size_t i = 0; i < trunk->gateway_count; i++)
		trunk->gateways[i].listed = false;
	for (size_t i = 0; i < c->gateway_count; i++)
		visit_gateway(v, trunk, c, c->gateways[i].uri);
	for (size_t i = 0; i < trunk->gateway_count; i++)
		if (trunk->gateways[i].listed)
			trunk->gateways[kept++] = trunk->gateways[i];
	trunk->gateway_count = kept;
}

static void visit(void *arg, const struct config_trunk *c)
{
	struct visit *v = arg;
	pthread_mutex_lock(&v->trunks->lock);
	struct trunk *trunk = find(v->trunks, c->id, true);
	if (trunk)
		visit_trunk(v, trunk, c);
	pthread_mutex_unlock(&v->trunks->lock);
}

/* The configuration's lock is taken before ours, here as everywhere: never the other way round. */
struct trunk_task *trunks_due(struct trunks *t, struct config_store *config, int64_t now, bool all)
{
	struct visit v = {.trunks = t, .now = now, .all = all};
	struct trunk *trunk, *next;
	pthread_mutex_lock(&t->lock);
	for (trunk = t->by_id; trunk; trunk = trunk->hh.next)
		trunk->listed = false;
	pthread_mutex_unlock(&t->lock);
	config_each_trunk(config, visit, &v);
	pthread_mutex_lock(&t->lock);
	HASH_ITER(hh, t->by_id, trunk, next)
		if (!trunk->listed && !trunk->calls[TRUNK_IN] && !trunk->calls[TRUNK_OUT])
			free_trunk(t, trunk);
	pthread_mutex_unlock(&t->lock);
	return v.tasks;
}

/* ---- to be shown ---- */

void trunk_status(struct trunks *t, const char *id, struct trunk_status *out)
{
	*out = (struct trunk_status){0};
	pthread_mutex_lock(&t->lock);
	const struct trunk *trunk = find(t, id, false);
	for (size_t d = 0; trunk && d < 2; d++) {
		out->calls[d] = trunk->calls[d];
		out->refused[d] = trunk->refused[d];
	}
	for (size_t i = 0; trunk && i < trunk->gateway_count; i++) {
		const struct gateway *g = &trunk->gateways[i];
		memcpy(out->gateways[i].uri, g->uri, sizeof g->uri);
		out->gateways[i].state = g->state;
		out->gateways[i].sip_status = g->sip_status;
		out->gateways[i].latency_ms = g->latency_ms;
		out->gateways[i].registration_status = g->registration_status;
		out->gateways[i].checked_ms = g->checked_ms;
		out->gateways[i].registered_until_ms = g->registered_until_ms;
		memcpy(out->gateways[i].problem, g->problem, sizeof g->problem);
	}
	out->gateway_count = trunk ? trunk->gateway_count : 0;
	pthread_mutex_unlock(&t->lock);
}
