/* store/driver.h: what a database must be able to do. Private to src/store/. */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include "base/arena.h"
#include "base/id.h"
#include "store/store.h"

struct param {
	char type; /* 's' or 'i' */
	const char *text;
	int64_t integer;
};
#define PARAMS_MAX 32

struct store_rows {
	struct arena arena;
	size_t rows, columns;
	char **cells; /* row by row; NULL is NULL */
	size_t capacity;
};
char **rows_add(struct store_rows *rows); /* room for one row's cells, or NULL */

struct store_driver {
	struct store_conn *(*connect)(const char *url, bool read_only, struct error *err);
	void (*disconnect)(struct store_conn *conn);
	bool (*exec)(struct store_conn *conn, const char *sql, const struct param *params, size_t count);
	struct store_rows *(*query)(struct store_conn *conn, const char *sql, const struct param *params, size_t count);
	/* A text of several statements, without parameters. */
	bool (*script)(struct store_conn *conn, const char *sql);
	bool (*begin)(struct store_conn *conn);
	bool (*commit)(struct store_conn *conn);
	void (*rollback)(struct store_conn *conn);
};
extern const struct store_driver store_sqlite, store_postgres;

#define ENDED_MAX 16

/* First member of each driver's connection. */
struct store_conn {
	const struct store_driver *driver;
	char error[256];
	/* Calls of this transaction that have ended and are not in the sums yet: see store/totals.h. */
	char ended[ENDED_MAX][ID_SIZE];
	size_t ended_count;
};
/* What is there is added up; then, and without, nothing is there any more. */
bool totals_settle(struct store_conn *conn) WARN_UNUSED;

const char *store_url(const struct store *store);
bool store_migrate(struct store_conn *conn, struct error *err) WARN_UNUSED;

#endif
