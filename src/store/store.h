/*
 * store/store.h: the database, the same for SQLite and PostgreSQL.
 *
 * Statements are written once, with $1, $2 … and the SQL that both understand.
 * Reading: each thread has a connection of its own. Writing: only through jobs that
 * the writer thread runs, many in one transaction, each told after the commit.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/mailbox.h"
#include "base/result.h"
#include <stdint.h>

struct store;
struct store_conn; /* one thread's connection */
struct store_rows; /* a result, held in memory */

/* url: "sqlite:PATH" or "postgres://…". Brings the schema up to date; refuses a newer one. */
struct store *store_open(const char *url, struct error *err) WARN_UNUSED;
void store_close(struct store *store);

struct store_conn *store_connect(struct store *store, bool read_only, struct error *err) WARN_UNUSED;
void store_disconnect(struct store_conn *conn);
/* This thread's read-only connection, made on first use. NULL when the database cannot be reached. */
struct store_conn *store_reader(struct store *store);

/*
 * Run one statement: a string constant, which is prepared once. types has a letter per parameter: 's' const char * (NULL is NULL),
 * 'i' int64_t. In a transaction store_exec may be sent without waiting (pipelining);
 * what fails then shows in store_commit.
 */
bool store_exec(struct store_conn *conn, const char *sql, const char *types, ...) WARN_UNUSED;
struct store_rows *store_query(struct store_conn *conn, const char *sql, const char *types, ...) WARN_UNUSED; /* NULL on error */

size_t rows_count(const struct store_rows *rows);
const char *rows_text(const struct store_rows *rows, size_t row, size_t column); /* NULL for NULL */
int64_t rows_int(const struct store_rows *rows, size_t row, size_t column);
void rows_free(struct store_rows *rows);

bool store_begin(struct store_conn *conn) WARN_UNUSED;
bool store_commit(struct store_conn *conn) WARN_UNUSED; /* false: rolled back */
void store_rollback(struct store_conn *conn);
/* Of the last failure on this connection. */
const char *store_error(const struct store_conn *conn);

/* ---- the writer ---- */

struct store_job {
	struct mail mail;
	/* Writer thread, inside a transaction. May run again, alone, when a neighbour
	 * failed. false: a statement failed, and nothing of the job is kept. */
	bool (*run)(struct store_job *job, struct store_conn *conn);
	/* Writer thread, after the commit (or its failure). Owns the job from then on. */
	void (*done)(struct store_job *job, bool committed);
};

bool store_start_writer(struct store *store, struct error *err) WARN_UNUSED;
/* Finishes what is queued, then ends the thread. */
void store_stop_writer(struct store *store);
/* Any thread. false: the queue is full; nothing was taken. */
bool store_submit(struct store *store, struct store_job *job) WARN_UNUSED;
/* For work that was accepted before (a call's log, a delivery's result): never refused. */
void store_submit_accepted(struct store *store, struct store_job *job);
/* Run a job and wait for it: start-up and command line only. */
bool store_run(struct store *store, bool (*run)(struct store_conn *conn, void *arg), void *arg, struct error *err) WARN_UNUSED;

/* ---- statements put together on one thread and run by the writer on another ---- */

struct store_batch;
struct store_batch *store_batch_new(void) WARN_UNUSED;
/* Copies its parameters; sql must be a string constant. Failure shows in store_batch_run. */
void store_batch_add(struct store_batch *batch, const char *sql, const char *types, ...);
/* Likewise something that is more, or less, than a statement of its own. Copies text. */
void store_batch_add_step(struct store_batch *batch, bool (*step)(struct store_conn *conn, const char *text), const char *text);
bool store_batch_run(const struct store_batch *batch, struct store_conn *conn) WARN_UNUSED;
void store_batch_free(struct store_batch *batch);

/* ---- locks between the servers of one database ---- */

struct store_lock;
enum store_lock_state { LOCK_HELD, LOCK_TAKEN, LOCK_UNKNOWN /* the database is away */ };
/* NULL: no memory, or the database is away. */
struct store_lock *store_lock_new(struct store *store, const char *name, struct error *err) WARN_UNUSED;
/* Not waited for; it is had until the process ends. Whoever has it may ask again whether that is still so: a connection that was lost is made again. err: why not. */
enum store_lock_state store_lock_take(struct store_lock *lock, struct error *err) WARN_UNUSED;
void store_lock_free(struct store_lock *lock); /* and let it go */

#endif
