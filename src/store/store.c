#include "store/driver.h"
#include "base/log.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUEUE_MAX 20000
#define GROUP_MAX 512 /* jobs in one transaction */

struct store {
	const struct store_driver *driver;
	char *url;
	pthread_key_t reader;
	struct store_conn *writer;
	struct mailbox *jobs;
	pthread_t thread;
	bool running;
	atomic_bool stopping;
};

/* ---- connections and statements ---- */

static void close_reader(void *conn)
{
	store_disconnect(conn);
}

struct store *store_open(const char *url, struct error *err)
{
	struct store *s = calloc(1, sizeof *s);
	if (!s) {
		error_set(err, "out of memory");
		return NULL;
	}
	s->driver = strncmp(url, "sqlite:", 7) == 0 ? &store_sqlite : &store_postgres;
	s->url = strdup(url);
	s->jobs = mailbox_create(QUEUE_MAX);
	pthread_key_create(&s->reader, close_reader);
	s->writer = s->driver->connect(url, false, err);
	if (!s->url || !s->jobs || !s->writer || !store_migrate(s->writer, err)) {
		store_close(s);
		return NULL;
	}
	return s;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_stop_writer(s);
	store_disconnect(pthread_getspecific(s->reader));
	pthread_key_delete(s->reader);
	store_disconnect(s->writer);
	mailbox_destroy(s->jobs);
	free(s->url);
	free(s);
}

const char *store_url(const struct store *s)
{
	return s->url;
}

struct store_conn *store_connect(struct store *s, bool read_only, struct error *err)
{
	return s->driver->connect(s->url, read_only, err);
}

void store_disconnect(struct store_conn *conn)
{
	if (conn)
		conn->driver->disconnect(conn);
}

struct store_conn *store_reader(struct store *s)
{
	struct store_conn *conn = pthread_getspecific(s->reader);
	struct error err;
	if (!conn) {
		conn = store_connect(s, true, &err);
		if (conn)
			pthread_setspecific(s->reader, conn);
		else
			log_error(NULL, "no database connection: %s", err.text);
	}
	return conn;
}

static size_t collect(struct param *params, const char *types, va_list ap)
{
	size_t n = 0;
	for (; types[n] && n < PARAMS_MAX; n++) {
		params[n].type = types[n];
		if (types[n] == 's')
			params[n].text = va_arg(ap, const char *);
		else
			params[n].integer = va_arg(ap, int64_t);
	}
	return n;
}

bool store_exec(struct store_conn *conn, const char *sql, const char *types, ...)
{
	struct param params[PARAMS_MAX];
	va_list ap;
	va_start(ap, types);
	size_t n = collect(params, types, ap);
	va_end(ap);
	return conn->driver->exec(conn, sql, params, n);
}

struct store_rows *store_query(struct store_conn *conn, const char *sql, const char *types, ...)
{
	struct param params[PARAMS_MAX];
	va_list ap;
	va_start(ap, types);
	size_t n = collect(params, types, ap);
	va_end(ap);
	return conn->driver->query(conn, sql, params, n);
}

bool store_begin(struct store_conn *conn)
{
	return conn->driver->begin(conn);
}

bool store_commit(struct store_conn *conn)
{
	if (totals_settle(conn))
		return conn->driver->commit(conn);
	store_rollback(conn);
	return false;
}

void store_rollback(struct store_conn *conn)
{
	conn->ended_count = 0;
	conn->driver->rollback(conn);
}

const char *store_error(const struct store_conn *conn)
{
	return conn->error;
}

/* ---- rows ---- */

char **rows_add(struct store_rows *r)
{
	if (r->rows == r->capacity) {
		size_t capacity = r->capacity ? r->capacity * 2 : 16;
		char **cells = realloc(r->cells, capacity * r->columns * sizeof *cells);
		if (!cells)
			return NULL;
		r->cells = cells;
		r->capacity = capacity;
	}
	return r->cells + r->columns * r->rows++;
}

size_t rows_count(const struct store_rows *r)
{
	return r ? r->rows : 0;
}

const char *rows_text(const struct store_rows *r, size_t row, size_t column)
{
	return r && row < r->rows && column < r->columns ? r->cells[row * r->columns + column] : NULL;
}

int64_t rows_int(const struct store_rows *r, size_t row, size_t column)
{
	const char *text = rows_text(r, row, column);
	return text ? strtoll(text, NULL, 10) : 0;
}

void rows_free(struct store_rows *r)
{
	if (!r)
		return;
	arena_free(&r->arena);
	free(r->cells);
	free(r);
}

/* ---- the writer ---- */

static bool run_alone(struct store *s, struct store_job *job)
{
	if (!store_begin(s->writer))
		return false;
	if (job->run(job, s->writer))
		return store_commit(s->writer);
	store_rollback(s->writer);
	return false;
}

/* All in one transaction; when any fails, each in its own. */
static void run_group(struct store *s, struct store_job **group, size_t n)
{
	bool ok = store_begin(s->writer);
	bool began = ok;
	for (size_t i = 0; ok && i < n; i++)
		ok = group[i]->run(group[i], s->writer);
	if (ok)
		ok = store_commit(s->writer);
	else if (began)
		store_rollback(s->writer);
	for (size_t i = 0; i < n; i++) {
		bool committed = ok || (began && run_alone(s, group[i]));
		if (!committed)
			log_error(NULL, "a write failed: %s", store_error(s->writer));
		group[i]->done(group[i], committed);
	}
}

static void *writer_main(void *arg)
{
	struct store *s = arg;
	struct store_job *group[GROUP_MAX];
	for (;;) {
		bool stop = s->stopping;
		struct mail *letter = mailbox_take_all(s->jobs);
		if (!letter) {
			if (stop)
				return NULL;
			mailbox_wait(s->jobs, -1);
			continue;
		}
		while (letter) {
			size_t n = 0;
			for (; letter && n < GROUP_MAX; n++) {
				group[n] = (struct store_job *)letter;
				letter = letter->next;
			}
			run_group(s, group, n);
		}
	}
}

bool store_start_writer(struct store *s, struct error *err)
{
	if (pthread_create(&s->thread, NULL, writer_main, s) != 0)
		return error_set(err, "the writer thread could not be started");
	pthread_setname_np(s->thread, "writer");
	s->running = true;
	return true;
}

void store_stop_writer(struct store *s)
{
	if (!s->running)
		return;
	s->stopping = true;
	mailbox_wake(s->jobs);
	pthread_join(s->thread, NULL);
	s->running = false;
	s->stopping = false;
}

bool store_submit(struct store *s, struct store_job *job)
{
	return mailbox_post(s->jobs, &job->mail);
}

void store_submit_accepted(struct store *s, struct store_job *job)
{
	mailbox_post_reply(s->jobs, &job->mail);
}

bool store_run(struct store *s, bool (*run)(struct store_conn *conn, void *arg), void *arg, struct error *err)
{
	if (store_begin(s->writer)) {
		if (run(s->writer, arg)) {
			if (store_commit(s->writer))
				return true;
		} else {
			store_rollback(s->writer);
		}
	}
	return error_set(err, "the database refused: %s", store_error(s->writer));
}

/* ---- batches ---- */

struct statement {
	struct statement *next;
	const char *sql;
	bool (*step)(struct store_conn *conn, const char *text); /* in the place of sql */
	size_t count;
	struct param params[];
};

struct store_batch {
	struct arena arena;
	struct statement *first, **last;
	bool failed;
};

struct store_batch *store_batch_new(void)
{
	struct store_batch *b = calloc(1, sizeof *b);
	if (b)
		b->last = &b->first;
	return b;
}

static struct statement *add(struct store_batch *b, size_t count)
{
	struct statement *st = count <= PARAMS_MAX ? arena_alloc(&b->arena, sizeof *st + count * sizeof(struct param)) : NULL;
	if (!st) {
		b->failed = true;
		return NULL;
	}
	st->count = count;
	*b->last = st;
	b->last = &st->next;
	return st;
}

static void copy_text(struct store_batch *b, struct param *p, const char *text)
{
	p->text = arena_strdup(&b->arena, text);
	b->failed |= text && !p->text;
}

void store_batch_add(struct store_batch *b, const char *sql, const char *types, ...)
{
	struct statement *st = add(b, strlen(types));
	if (!st)
		return;
	va_list ap;
	va_start(ap, types);
	st->sql = sql;
	collect(st->params, types, ap);
	va_end(ap);
	for (size_t i = 0; i < st->count; i++)
		if (st->params[i].type == 's')
			copy_text(b, &st->params[i], st->params[i].text);
}

void store_batch_add_step(struct store_batch *b, bool (*step)(struct store_conn *conn, const char *text), const char *text)
{
	struct statement *st = add(b, 1);
	if (!st)
		return;
	st->step = step;
	copy_text(b, &st->params[0], text);
}

bool store_batch_run(const struct store_batch *b, struct store_conn *conn)
{
	bool ok = !b->failed;
	for (const struct statement *st = b->first; ok && st; st = st->next)
		ok = st->step ? st->step(conn, st->params[0].text) : conn->driver->exec(conn, st->sql, st->params, st->count);
	return ok;
}

void store_batch_free(struct store_batch *b)
{
	if (!b)
		return;
	arena_free(&b->arena);
	free(b);
}
