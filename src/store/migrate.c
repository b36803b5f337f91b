/* Migrations, embedded into the binary; each runs once, in a transaction of its own. */
#include "store/driver.h"
#include "base/clock.h"
#include "base/embed.h"
#include "migrations.h"

bool store_migrate(struct store_conn *conn, struct error *err)
{
	const struct store_driver *d = conn->driver;
	if (!d->script(conn, "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL)"))
		return error_set(err, "cannot write to the database: %s", conn->error);
	struct store_rows *rows = store_query(conn, "SELECT COALESCE(MAX(version), 0) FROM schema_migrations", "");
	if (!rows)
		return error_set(err, "cannot read the database: %s", conn->error);
	int64_t version = rows_int(rows, 0, 0);
	rows_free(rows);
	if (version > (int64_t)ARRAY_LEN(migrations))
		return error_set(err, "the database was made by a newer Strowger (schema %lld, this one knows %zu): start that version", (long long)version, ARRAY_LEN(migrations));
	for (size_t i = (size_t)version; i < ARRAY_LEN(migrations); i++) {
		if (!store_begin(conn) || !d->script(conn, migrations[i]) ||
		    !store_exec(conn, "INSERT INTO schema_migrations (version, applied_at) VALUES ($1, $2)", "ii", (int64_t)i + 1, clock_now_ms()) ||
		    !store_commit(conn)) {
			error_set(err, "migration %zu failed: %s", i + 1, conn->error);
			store_rollback(conn);
			return false;
		}
	}
	return true;
}
