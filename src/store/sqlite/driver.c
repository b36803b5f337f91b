/* SQLite: WAL, synchronous=FULL, statements prepared once per connection. */
#include "store/driver.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct prepared {
	const char *sql; /* key: the constant's address */
	sqlite3_stmt *stmt;
	UT_hash_handle hh;
};

struct sqlite_conn {
	struct store_conn base;
	sqlite3 *db;
	struct prepared *prepared;
};

static bool fail(struct sqlite_conn *c, const char *what)
{
	snprintf(c->base.error, sizeof c->base.error, "%s: %s", what, sqlite3_errmsg(c->db));
	return false;
}

static void sqlite_disconnect(struct store_conn *base)
{
	struct sqlite_conn *c = (struct sqlite_conn *)base;
	struct prepared *p, *next;
	HASH_ITER(hh, c->prepared, p, next) {
		sqlite3_finalize(p->stmt);
		HASH_DEL(c->prepared, p);
		free(p);
	}
	sqlite3_close(c->db);
	free(c);
}

/* Nobody asks how much memory SQLite has, and counting it takes a lock at each allocation. */
static void do_not_count(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static struct store_conn *sqlite_connect(const char *url, bool read_only, struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *path = url + strlen("sqlite:");
	struct sqlite_conn *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->base.driver = &store_sqlite;
	pthread_once(&once, do_not_count);
	int flags = (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) | SQLITE_OPEN_NOMUTEX;
	if (sqlite3_open_v2(path, &c->db, flags, NULL) != SQLITE_OK ||
	    sqlite3_exec(c->db, "PRAGMA busy_timeout=5000", NULL, NULL, NULL) != SQLITE_OK ||
	    (!read_only && sqlite3_exec(c->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-16000; PRAGMA wal_autocheckpoint=4000", NULL, NULL, NULL) != SQLITE_OK)) {
		error_set(err, "cannot open the database %s: %s", path, c->db ? sqlite3_errmsg(c->db) : "out of memory");
		sqlite_disconnect(&c->base);
		return NULL;
	}
	return &c->base;
}

/* PostgreSQL's $1 is a name to SQLite, to be looked up at each bind; ?1 is the place itself. */
static char *number_parameters(const char *sql)
{
	char *copy = strdup(sql);
	for (char *at = copy; at && (at = strchr(at, '$')); at++)
		if (at[1] >= '0' && at[1] <= '9')
			*at = '?';
	return copy;
}

static sqlite3_stmt *prepare(struct sqlite_conn *c, const char *sql)
{
	struct prepared *p;
	HASH_FIND_PTR(c->prepared, &sql, p);
	if (p)
		return p->stmt;
	char *numbered = number_parameters(sql);
	sqlite3_stmt *stmt = NULL;
	int rc = numbered ? sqlite3_prepare_v3(c->db, numbered, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) : SQLITE_NOMEM;
	free(numbered);
	if (rc != SQLITE_OK) {
		fail(c, sql);
		return NULL;
	}
	p = calloc(1, sizeof *p);
	if (!p) {
		sqlite3_finalize(stmt);
		return NULL;
	}
	p->sql = sql;
	p->stmt = stmt;
	HASH_ADD_PTR(c->prepared, sql, p);
	return stmt;
}

static sqlite3_stmt *bind(struct sqlite_conn *c, const char *sql, const struct param *params, size_t count)
{
	sqlite3_stmt *stmt = prepare(c, sql);
	for (size_t i = 0; stmt && i < count; i++) {
		int at = (int)i + 1;
		if (params[i].type == 'i')
			sqlite3_bind_int64(stmt, at, params[i].integer);
		else if (params[i].text)
			sqlite3_bind_text(stmt, at, params[i].text, -1, SQLITE_STATIC);
		else
			sqlite3_bind_null(stmt, at);
	}
	return stmt;
}

static bool sqlite_exec(struct store_conn *base, const char *sql, const struct param *params, size_t count)
{
	struct sqlite_conn *c = (struct sqlite_conn *)base;
	sqlite3_stmt *stmt = bind(c, sql, params, count);
	if (!stmt)
		return false;
	int rc;
	do
		rc = sqlite3_step(stmt);
	while (rc == SQLITE_ROW);
	bool ok = rc == SQLITE_DONE || fail(c, "write");
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return ok;
}

static struct store_rows *sqlite_query(struct store_conn *base, const char *sql, const struct param *params, size_t count)
{
	struct sqlite_conn *c = (struct sqlite_conn *)base;
	struct store_rows *rows = calloc(1, sizeof *rows);
	sqlite3_stmt *stmt = rows ? bind(c, sql, params, count) : NULL;
	if (!stmt) {
		free(rows);
		return NULL;
	}
	rows->columns = (size_t)sqlite3_column_count(stmt);
	int rc;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		char **cells = rows_add(rows);
		for (size_t i = 0; cells && i < rows->columns; i++) {
			const char *text = (const char *)sqlite3_column_text(stmt, (int)i);
			cells[i] = text ? arena_strndup(&rows->arena, text, (size_t)sqlite3_column_bytes(stmt, (int)i)) : NULL;
		}
		if (!cells)
			break;
	}
	if (rc != SQLITE_DONE) {
		fail(c, "read");
		rows_free(rows);
		rows = NULL;
	}
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return rows;
}

static bool sqlite_script(struct store_conn *base, const char *sql)
{
	struct sqlite_conn *c = (struct sqlite_conn *)base;
	return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail(c, "script");
}

static bool sqlite_begin(struct store_conn *base)
{
	return sqlite_exec(base, "BEGIN IMMEDIATE", NULL, 0);
}

static void sqlite_rollback(struct store_conn *base)
{
	char error[sizeof base->error];
	memcpy(error, base->error, sizeof error);
	if (!sqlite3_get_autocommit(((struct sqlite_conn *)base)->db))
		(void)sqlite_exec(base, "ROLLBACK", NULL, 0);
	memcpy(base->error, error, sizeof error);
}

static bool sqlite_commit(struct store_conn *base)
{
	if (sqlite_exec(base, "COMMIT", NULL, 0))
		return true;
	sqlite_rollback(base);
	return false;
}

const struct store_driver store_sqlite = {
	.connect = sqlite_connect, .disconnect = sqlite_disconnect, .exec = sqlite_exec, .query = sqlite_query,
	.script = sqlite_script, .begin = sqlite_begin, .commit = sqlite_commit, .rollback = sqlite_rollback,
};
