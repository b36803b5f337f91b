/* PostgreSQL through libpq. In a transaction, statements are sent in pipeline mode
 * and their results read at the next query or at the commit. */
#include "store/driver.h"
#include "base/clock.h"
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct prepared {
	const char *sql; /* key: the constant's address */
	char name[16];
	UT_hash_handle hh;
};

struct pg_conn {
	struct store_conn base;
	PGconn *pg;
	struct prepared *prepared;
	unsigned next_name;
	size_t unread; /* results on their way in the pipeline */
	bool in_transaction, failed, read_only;
	int64_t used_ms; /* when the server last answered, monotonic */
};

#define IDLE_MS 1000 /* how long a connection is believed to be there without asking */
#define UNREAD_MAX 256 /* read results before the sockets' buffers can fill up on both sides */

static bool fail(struct pg_conn *c, const char *text)
{
	snprintf(c->base.error, sizeof c->base.error, "%s", text && *text ? text : "the connection to PostgreSQL was lost");
	c->base.error[strcspn(c->base.error, "\n")] = '\0';
	c->failed = true;
	return false;
}

/* After a failure inside the pipeline, statements prepared behind it do not exist. */
static void forget_prepared(struct pg_conn *c)
{
	struct prepared *p, *next;
	HASH_ITER(hh, c->prepared, p, next) {
		HASH_DEL(c->prepared, p);
		free(p);
	}
}

static void pg_disconnect(struct store_conn *base)
{
	struct pg_conn *c = (struct pg_conn *)base;
	forget_prepared(c);
	PQfinish(c->pg);
	free(c);
}

static void quiet(void *arg, const char *message)
{
	(void)arg, (void)message;
}

/* What each connection begins with, also when it is made again. */
static bool begin_session(struct pg_conn *c)
{
	if (c->read_only && PQstatus(c->pg) == CONNECTION_OK)
		PQclear(PQexec(c->pg, "SET default_transaction_read_only = on"));
	return PQstatus(c->pg) == CONNECTION_OK && PQenterPipelineMode(c->pg);
}

static struct store_conn *pg_connect(const char *url, bool read_only, struct error *err)
{
	/* A server that vanished is noticed after some 25 seconds; the URL may say otherwise. */
	static const char *const names[] = {"keepalives_idle", "keepalives_interval",
		"keepalives_count", "tcp_user_timeout", "dbname", NULL};
	const char *const values[] = {"10", "5", "3", "15000", url, NULL};
	struct pg_conn *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->base.driver = &store_postgres;
	c->pg = PQconnectdbParams(names, values, 1);
	c->used_ms = clock_monotonic_ms();
	PQsetNoticeProcessor(c->pg, quiet, NULL);
	c->read_only = read_only;
	if (!begin_session(c)) {
		const char *text = PQerrorMessage(c->pg);
		error_set(err, "cannot connect to PostgreSQL: %.*s", (int)strcspn(text, "\n"), text);
		pg_disconnect(&c->base);
		return NULL;
	}
	return &c->base;
}

/* Read the results of everything sent. The last result with rows goes to *rows. */
static bool drain(struct pg_conn *c, PGresult **rows)
{
	if (!PQpipelineSync(c->pg))
		return fail(c, PQerrorMessage(c->pg));
	for (;;) {
		PGresult *r = PQgetResult(c->pg);
		if (!r) {
			if (PQstatus(c->pg) != CONNECTION_OK)
				return fail(c, PQerrorMessage(c->pg));
			continue; /* between two statements' results */
		}
		ExecStatusType status = PQresultStatus(r);
		if (status == PGRES_TUPLES_OK && rows) {
			PQclear(*rows);
			*rows = r;
			continue;
		}
		if (status == PGRES_FATAL_ERROR)
			fail(c, PQresultErrorMessage(r));
		PQclear(r);
		if (status == PGRES_PIPELINE_SYNC)
			break;
	}
	c->unread = 0;
	c->used_ms = clock_monotonic_ms();
	return !c->failed;
}

/* Is the server still there? One that was restarted while nobody asked is noticed by asking only. */
static bool is_alive(struct pg_conn *c)
{
	if (PQstatus(c->pg) != CONNECTION_OK)
		return false;
	return clock_monotonic_ms() - c->used_ms < IDLE_MS || drain(c, NULL);
}

/* A lost connection is made again, outside transactions only. */
static bool revive(struct pg_conn *c)
{
	if (is_alive(c))
		return true;
	forget_prepared(c);
	PQreset(c->pg);
	c->unread = 0;
	c->failed = false;
	c->used_ms = clock_monotonic_ms();
	return begin_session(c);
}

static bool send(struct pg_conn *c, const char *sql, const struct param *params, size_t count)
{
	const char *values[PARAMS_MAX];
	char numbers[PARAMS_MAX][24];
	struct prepared *p;
	HASH_FIND_PTR(c->prepared, &sql, p);
	if (!p) {
		p = calloc(1, sizeof *p);
		if (!p)
			return fail(c, "out of memory");
		p->sql = sql;
		snprintf(p->name, sizeof p->name, "s%u", c->next_name++);
		if (!PQsendPrepare(c->pg, p->name, sql, 0, NULL)) {
			free(p);
			return fail(c, PQerrorMessage(c->pg));
		}
		c->unread++;
		HASH_ADD_PTR(c->prepared, sql, p);
	}
	for (size_t i = 0; i < count; i++) {
		values[i] = params[i].text;
		if (params[i].type == 'i') {
			snprintf(numbers[i], sizeof numbers[i], "%lld", (long long)params[i].integer);
			values[i] = numbers[i];
		}
	}
	if (!PQsendQueryPrepared(c->pg, p->name, (int)count, values, NULL, NULL, 0))
		return fail(c, PQerrorMessage(c->pg));
	c->unread++;
	return true;
}

static bool pg_exec(struct store_conn *base, const char *sql, const struct param *params, size_t count)
{
	struct pg_conn *c = (struct pg_conn *)base;
	if (!c->in_transaction) {
		c->failed = false;
		if (!revive(c))
			return fail(c, PQerrorMessage(c->pg));
	}
	if (c->failed || !send(c, sql, params, count))
		return false;
	if (c->in_transaction && c->unread < UNREAD_MAX)
		return true;
	if (drain(c, NULL))
		return true;
	forget_prepared(c);
	return false;
}

static struct store_rows *pg_query(struct store_conn *base, const char *sql, const struct param *params, size_t count)
{
	struct pg_conn *c = (struct pg_conn *)base;
	PGresult *r = NULL;
	if (!c->in_transaction) {
		c->failed = false;
		if (!revive(c)) {
			fail(c, PQerrorMessage(c->pg));
			return NULL;
		}
	}
	if (c->failed)
		return NULL;
	bool ok = send(c, sql, params, count) && drain(c, &r);
	if (!ok)
		forget_prepared(c);
	struct store_rows *rows = ok ? calloc(1, sizeof *rows) : NULL;
	if (rows) {
		rows->columns = (size_t)PQnfields(r);
		for (int i = 0; i < PQntuples(r); i++) {
			char **cells = rows_add(rows);
			for (int k = 0; cells && k < (int)rows->columns; k++)
				cells[k] = PQgetisnull(r, i, k) ? NULL : arena_strndup(&rows->arena, PQgetvalue(r, i, k), (size_t)PQgetlength(r, i, k));
		}
	}
	PQclear(r);
	return rows;
}

static bool pg_script(struct store_conn *base, const char *sql)
{
	struct pg_conn *c = (struct pg_conn *)base;
	if (!drain(c, NULL) || !PQexitPipelineMode(c->pg))
		return fail(c, PQerrorMessage(c->pg));
	PGresult *r = PQexec(c->pg, sql);
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK || fail(c, PQresultErrorMessage(r));
	PQclear(r);
	return PQenterPipelineMode(c->pg) && ok;
}

static bool pg_begin(struct store_conn *base)
{
	struct pg_conn *c = (struct pg_conn *)base;
	c->failed = false;
	if (!revive(c))
		return fail(c, PQerrorMessage(c->pg));
	c->in_transaction = true;
	return pg_exec(base, "BEGIN", NULL, 0);
}

static void pg_rollback(struct store_conn *base)
{
	struct pg_conn *c = (struct pg_conn *)base;
	char error[sizeof base->error];
	if (c->unread)
		(void)drain(c, NULL);
	memcpy(error, base->error, sizeof error);
	forget_prepared(c);
	c->failed = false;
	c->in_transaction = false;
	(void)pg_exec(base, "ROLLBACK", NULL, 0);
	memcpy(base->error, error, sizeof error);
}

static bool pg_commit(struct store_conn *base)
{
	struct pg_conn *c = (struct pg_conn *)base;
	/* Everything before must have succeeded, or COMMIT would quietly roll back. */
	bool ok = !c->failed && send(c, "COMMIT", NULL, 0) && drain(c, NULL);
	if (!ok) {
		pg_rollback(base);
		return false;
	}
	c->in_transaction = false;
	return true;
}

const struct store_driver store_postgres = {
	.connect = pg_connect, .disconnect = pg_disconnect, .exec = pg_exec, .query = pg_query,
	.script = pg_script, .begin = pg_begin, .commit = pg_commit, .rollback = pg_rollback,
};
