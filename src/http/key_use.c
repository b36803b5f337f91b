#include "http/key_use.h"
#include "base/id.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct use {
	char id[ID_SIZE], address[ADDRESS_SIZE];
	int64_t at_ms;
	bool is_new; /* not on disk yet */
	UT_hash_handle hh;
};

struct key_uses {
	struct store_job job; /* at most one at a time */
	struct store *store;
	pthread_mutex_t lock;
	struct use *all;
	struct use *written; /* copies that the job writes */
	size_t written_count;
	_Atomic bool busy;
};

static void set(struct key_uses *uses, const char *id, const char *address, int64_t at_ms, bool is_new)
{
	struct use *u;
	HASH_FIND_STR(uses->all, id, u);
	if (!u && (u = calloc(1, sizeof *u))) {
		snprintf(u->id, sizeof u->id, "%s", id);
		HASH_ADD_STR(uses->all, id, u);
	}
	if (!u)
		return;
	snprintf(u->address, sizeof u->address, "%s", address);
	u->at_ms = at_ms;
	u->is_new = is_new;
}

static bool run(struct store_job *job, struct store_conn *conn)
{
	const struct key_uses *uses = (const struct key_uses *)job;
	bool ok = true;
	for (size_t i = 0; ok && i < uses->written_count; i++) {
		const struct use *u = &uses->written[i];
		ok = store_exec(conn,
				"INSERT INTO api_key_uses (key_id, at_ms, address) VALUES ($1, $2, $3) "
				"ON CONFLICT (key_id) DO UPDATE SET at_ms = excluded.at_ms, "
				"address = excluded.address",
				"sis", u->id, u->at_ms, u->address);
	}
	return ok && store_exec(conn,
				"DELETE FROM api_key_uses WHERE NOT EXISTS "
				"(SELECT 1 FROM resources r WHERE r.id = api_key_uses.key_id)",
				"");
}

static void done(struct store_job *job, bool committed)
{
	struct key_uses *uses = (struct key_uses *)job;
	(void)committed; /* the next use of the key is written again */
	free(uses->written);
	uses->written = NULL;
	uses->written_count = 0;
	uses->busy = false;
}

struct key_uses *key_uses_create(struct store *store)
{
	static const struct store_job functions = {.run = run, .done = done};
	struct key_uses *uses = calloc(1, sizeof *uses);
	struct store_conn *conn = uses ? store_reader(store) : NULL;
	struct store_rows *rows =
		conn ? store_query(conn, "SELECT key_id, address, at_ms FROM api_key_uses", "") : NULL;
	if (!rows) {
		free(uses);
		return NULL;
	}
	uses->job = functions;
	uses->store = store;
	pthread_mutex_init(&uses->lock, NULL);
	for (size_t i = 0; i < rows_count(rows); i++)
		set(uses, rows_text(rows, i, 0), rows_text(rows, i, 1), rows_int(rows, i, 2), false);
	rows_free(rows);
	return uses;
}

void key_uses_destroy(struct key_uses *uses)
{
	struct use *u, *next;
	if (!uses)
		return;
	HASH_ITER(hh, uses->all, u, next) {
		HASH_DEL(uses->all, u);
		free(u);
	}
	free(uses->written);
	pthread_mutex_destroy(&uses->lock);
	free(uses);
}

void key_uses_note(struct key_uses *uses, const char *key_id, const char *address, int64_t now_ms)
{
	pthread_mutex_lock(&uses->lock);
	set(uses, key_id, address, now_ms, true);
	pthread_mutex_unlock(&uses->lock);
}

bool key_uses_get(struct key_uses *uses, const char *key_id, int64_t *at_ms, char address[ADDRESS_SIZE])
{
	struct use *u;
	pthread_mutex_lock(&uses->lock);
	HASH_FIND_STR(uses->all, key_id, u);
	if (u) {
		*at_ms = u->at_ms;
		snprintf(address, ADDRESS_SIZE, "%s", u->address);
	}
	pthread_mutex_unlock(&uses->lock);
	return u != NULL;
}

void key_uses_keep(struct key_uses *uses)
{
	struct use *u, *next;
	if (uses->busy)
		return;
	pthread_mutex_lock(&uses->lock);
	uses->written = calloc(HASH_COUNT(uses->all) + 1, sizeof *uses->written);
	HASH_ITER(hh, uses->all, u, next) {
		if (!uses->written || !u->is_new)
			continue;
		uses->written[uses->written_count++] = *u;
		u->is_new = false;
	}
	pthread_mutex_unlock(&uses->lock);
	if (!uses->written_count) {
		free(uses->written);
		uses->written = NULL;
		return;
	}
	uses->busy = true;
	store_submit_accepted(uses->store, &uses->job);
}
