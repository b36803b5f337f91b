/* Migrations, embedded into the binary; each runs once, in a transaction of its own. */
#include "store/driver.h"
#include "base/clock.h"

#define MIGRATION(symbol, file) \
	__asm__(".section .rodata\n.global " #symbol "\n" #symbol ":\n.incbin \"" SOURCE_ROOT "/src/store/migrations/" file "\"\n.byte 0\n.previous\n"); \
	extern const char symbol[];

MIGRATION(migration_001, "001-core.sql")
MIGRATION(migration_002, "002-flow-calls.sql")
MIGRATION(migration_003, "003-recordings.sql")
MIGRATION(migration_004, "004-call-totals.sql")
MIGRATION(migration_005, "005-search.sql")
MIGRATION(migration_006, "006-call-sums.sql")
MIGRATION(migration_007, "007-totals-of.sql")
MIGRATION(migration_008, "008-tags-and-requests.sql")
MIGRATION(migration_009, "009-outgoing.sql")

static const char *const migrations[] = {migration_001, migration_002, migration_003, migration_004, migration_005, migration_006, migration_007, migration_008, migration_009};

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
