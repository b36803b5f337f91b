#include "node.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "event/event.h"
#include "notify.h"
#include "store/finals.h"
#include "store/totals.h"
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RESTART_MS 5000 /* how long one that was just killed may still seem to be there */
#define ASK_MS 100
#define RETURN_MS 3000 /* after the database was away, how long the active server may take to return */
#define ACTIVE "active"
#define STANDBY "standby"
#define OTHERS_MAX 8

struct node {
	struct store *store;
	char id[ID_SIZE];
	struct store_lock *own, *active;
	char others[OTHERS_MAX][ID_SIZE]; /* that still have calls; "" for those of servers that did not say who they are */
	size_t other_count;
};

const char *node_id(const struct node *n)
{
	return n->id;
}

/*
 * Take a lock. With the database all locks are gone for a moment, also that of a server that is
 * active and goes on: once it is back, the lock is left to that one first. own: the lock that tells
 * whether the database is back. *back_ms: since when, monotonic; 0: it was not away.
 */
static enum store_lock_state take_politely(struct store_lock *l, struct store_lock *own,
					   int64_t *back_ms, struct error *err)
{
	int64_t now = clock_monotonic_ms();
	struct error away;
	if (*back_ms && store_lock_take(own, &away) != LOCK_HELD)
		*back_ms = now;
	if (*back_ms && now - *back_ms < RETURN_MS)
		return LOCK_UNKNOWN;
	enum store_lock_state state = store_lock_take(l, err);
	*back_ms = state == LOCK_UNKNOWN ? now : 0;
	return state;
}

/* A lock, waited for. NULL: err, or a signal. */
static struct store_lock *wait_for(struct node *n, const char *name, bool for_ever,
				   const sigset_t *signals, int *signal_number, struct error *err)
{
	int64_t until = clock_monotonic_ms() + RESTART_MS, back_ms = 0;
	const struct timespec ask = {0, ASK_MS * 1000000L};
	struct store_lock *l = store_lock_new(n->store, name, err);
	for (bool told = false; l && take_politely(l, n->own, &back_ms, err) != LOCK_HELD;
	     told = true) {
		if (for_ever && !told) {
			log_info(NULL, "standing by: another server is active");
			notify_send("READY=1\nSTATUS=standing by");
		}
		notify_alive();
		int s = sigtimedwait(signals, NULL, &ask);
		bool signalled = s > 0 && s != SIGHUP;
		if (signalled)
			*signal_number = s;
		if (signalled || (!for_ever && clock_monotonic_ms() >= until)) {
			store_lock_free(l);
			return NULL;
		}
	}
	return l;
}

struct node *node_join(struct store *store, bool waits, const sigset_t *signals, int *signal_number, struct error *err)
{
	struct node *n = calloc(1, sizeof *n);
	*signal_number = 0;
	if (!n)
		return NULL;
	n->store = store;
	id_new("nod", n->id);
	n->own = store_lock_new(store, n->id, err);
	if (!n->own || store_lock_take(n->own, err) != LOCK_HELD) {
		node_leave(n);
		return NULL;
	}
	struct store_lock *standby =
		waits ? wait_for(n, STANDBY, true, signals, signal_number, err) : NULL;
	if (!waits || standby)
		n->active = wait_for(n, ACTIVE, waits, signals, signal_number, err);
	store_lock_free(standby);
	if (n->active)
		return n;
	if (!waits && !*signal_number)
		error_set(err, "another server is active on this database: stop it, or start this one with --standby, which waits for that");
	node_leave(n);
	return NULL;
}

void node_leave(struct node *n)
{
	if (!n)
		return;
	store_lock_free(n->active);
	store_lock_free(n->own);
	free(n);
}

/* ---- calls of others ---- */

/* Is the lock somebody's? When it cannot be asked for, it is thought to be. */
static bool is_taken(struct node *n, const char *name)
{
	struct error err;
	struct store_lock *l = store_lock_new(n->store, name, &err);
	bool taken = !l || store_lock_take(l, &err) != LOCK_HELD;
	store_lock_free(l);
	return taken;
}

static bool is_dead(struct node *n, const char *id)
{
	return !*id || !is_taken(n, id);
}

#define OF_NODE " WHERE status = 'active' AND COALESCE(node, '') = "
#define LAST_KNOWN "COALESCE(connected_at, answered_at, started_at)"

/*
 * The calls ended when their server was seen last, to a second, or with what it wrote last of
 * them. Their audio ended with it, whenever the next server starts.
 */
static bool end_calls(struct store_conn *conn, const char *id)
{
	struct store_rows *rows =
		store_query(conn, "SELECT seen_at FROM nodes WHERE id = $1", "s", id);
	int64_t seen = rows_count(rows) == 1 ? rows_int(rows, 0, 0) : 0;
	bool ok = rows != NULL;
	rows_free(rows);
	return ok &&
	       store_exec(conn,
			  "UPDATE calls SET ended_at = CASE WHEN " LAST_KNOWN " > $1 THEN " LAST_KNOWN
			  " ELSE CAST($1 AS BIGINT) END" OF_NODE "$2",
			  "is", seen, id) &&
	       store_exec(conn,
			  "UPDATE calls SET talked_ms = ended_at - connected_at" OF_NODE
			  "$1 AND connected_at IS NOT NULL",
			  "s", id);
}

static bool close_calls(struct store_conn *conn, const char *id)
{
	return end_calls(conn, id) && totals_add_interrupted(conn, id) &&
	       finals_add_interrupted(conn, id, clock_now_ms()) &&
	       store_exec(conn,
			  "UPDATE calls SET status = 'interrupted', disposition = CASE WHEN "
			  "disposition_at > 0 THEN disposition ELSE 'interrupted' END" OF_NODE "$1",
			  "s", id) &&
	       store_exec(conn, "DELETE FROM nodes WHERE id = $1", "s", id);
}

bool node_close_interrupted(struct store_conn *conn, void *arg)
{
	struct node *n = arg;
	struct store_rows *rows = store_query(conn, "SELECT DISTINCT COALESCE(node, '') FROM calls WHERE status = 'active'", "");
	bool ok = rows != NULL;
	for (size_t i = 0; ok && i < rows_count(rows); i++) {
		const char *id = rows_text(rows, i, 0);
		if (is_dead(n, id))
			ok = close_calls(conn, id);
		else if (n->other_count < OTHERS_MAX)
			snprintf(n->others[n->other_count++], ID_SIZE, "%s", id);
	}
	rows_free(rows);
	return ok;
}

struct closing {
	struct store_job job;
	char id[ID_SIZE];
};

static bool run_closing(struct store_job *job, struct store_conn *conn)
{
	return close_calls(conn, ((struct closing *)job)->id);
}

static void closing_done(struct store_job *job, bool committed)
{
	if (!committed)
		log_error(NULL, "calls of a server that died could not be closed");
	free(job);
}

static void close_later(struct node *n, const char *id)
{
	struct closing *c = calloc(1, sizeof *c);
	if (!c)
		return;
	c->job = (struct store_job){.run = run_closing, .done = closing_done};
	snprintf(c->id, sizeof c->id, "%s", id);
	store_submit_accepted(n->store, &c->job);
}

/* What the others' calls tell is delivered here. */
static void look_for_deliveries(struct store_conn *conn, struct http_client *client)
{
	struct event_touched touched = {0};
	struct store_rows *rows = store_query(conn, "SELECT DISTINCT webhook_id FROM deliveries WHERE status = 'pending'", "");
	for (size_t i = 0; i < rows_count(rows); i++)
		event_touch(&touched, rows_text(rows, i, 0));
	rows_free(rows);
	http_client_touch(client, &touched);
	event_touched_free(&touched);
}

bool node_watch(struct node *n, struct http_client *client)
{
	struct error err, own_err;
	enum store_lock_state state = store_lock_take(n->active, &err);
	/* Taken anew where the database forgot it: without it this server's calls look abandoned. */
	if (store_lock_take(n->own, &own_err) == LOCK_TAKEN)
		log_error(NULL, "%s, which is this server's own", own_err.text);
	struct store_conn *conn = n->other_count ? store_reader(n->store) : NULL;
	if (conn)
		look_for_deliveries(conn, client);
	for (size_t i = 0; conn && i < n->other_count;) {
		if (!is_dead(n, n->others[i])) {
			i++;
			continue;
		}
		close_later(n, n->others[i]); /* those that it had when it ended, if any */
		memmove(n->others[i], n->others[--n->other_count], ID_SIZE);
	}
	if (state == LOCK_TAKEN)
		log_error(NULL, "%s while the database was away: this server ends", err.text);
	return state != LOCK_TAKEN;
}

bool node_has_others(const struct node *n)
{
	return n->other_count > 0;
}

bool node_is_awaited(struct node *n)
{
	return is_taken(n, STANDBY);
}

struct barrier {
	struct store_job job;
	sem_t passed;
};

static bool run_barrier(struct store_job *job, struct store_conn *conn)
{
	(void)job, (void)conn;
	return true;
}

static void barrier_done(struct store_job *job, bool committed)
{
	(void)committed;
	sem_post(&((struct barrier *)job)->passed);
}

void node_hand_over(struct node *n)
{
	struct barrier b = {.job = {.run = run_barrier, .done = barrier_done}};
	sem_init(&b.passed, 0, 0);
	store_submit_accepted(n->store, &b.job); /* what was accepted is on disk before the other one reads it */
	sem_wait(&b.passed);
	sem_destroy(&b.passed);
	store_lock_free(n->active);
	n->active = NULL;
}
