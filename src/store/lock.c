/* Locks between the servers of one database: a file beside SQLite's, an advisory lock of PostgreSQL's. */
#include "store/driver.h"
#include "base/id.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct store_lock {
	char *name;
	struct store_conn *conn; /* that holds it, of PostgreSQL; the lock ends with it */
	int fd;                  /* of the file, -1: none */
	char path[600];
};

static enum store_lock_state lock_file(struct store_lock *l, const char *url, struct error *err)
{
	snprintf(l->path, sizeof l->path, "%s.%s.lock", url + strlen("sqlite:"), l->name);
	l->fd = open(l->path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (l->fd < 0) {
		error_set(err, "cannot open %s: %s", l->path, strerror(errno));
		return LOCK_UNKNOWN;
	}
	if (flock(l->fd, LOCK_EX | LOCK_NB) == 0)
		return LOCK_HELD;
	error_set(err, "another server has %s", l->path);
	return errno == EWOULDBLOCK ? LOCK_TAKEN : LOCK_UNKNOWN;
}

/* Asked for by whom has it, it is had once more: so a lost connection is noticed, and made again. */
static enum store_lock_state lock_database(struct store_lock *l, struct error *err)
{
	struct store_rows *rows = store_query(l->conn, "SELECT CASE WHEN pg_try_advisory_lock(hashtextextended($1, 0)) THEN 1 ELSE 0 END", "s", l->name);
	enum store_lock_state state = rows_count(rows) != 1 ? LOCK_UNKNOWN : rows_int(rows, 0, 0) ? LOCK_HELD : LOCK_TAKEN;
	error_set(err, state == LOCK_UNKNOWN ? "the lock '%s' cannot be asked for: %s" : "another server has the lock '%s'%s", l->name, state == LOCK_UNKNOWN ? store_error(l->conn) : "");
	rows_free(rows);
	return state;
}

struct store_lock *store_lock(struct store *s, const char *name, enum store_lock_state *state, struct error *err)
{
	const char *url = store_url(s);
	struct store_lock *l = calloc(1, sizeof *l);
	*state = LOCK_UNKNOWN;
	error_set(err, "out of memory");
	if (!l)
		return NULL;
	l->fd = -1;
	l->name = strdup(name);
	if (l->name && strncmp(url, "sqlite:", 7) == 0)
		*state = lock_file(l, url, err);
	else if (l->name && (l->conn = store_connect(s, true, err)))
		*state = lock_database(l, err);
	if (*state == LOCK_HELD)
		return l;
	l->path[0] = '\0'; /* it is the other's */
	store_unlock(l);
	return NULL;
}

enum store_lock_state store_lock_check(struct store_lock *l, struct error *err)
{
	return l->conn ? lock_database(l, err) : LOCK_HELD;
}

void store_unlock(struct store_lock *l)
{
	if (!l)
		return;
	store_disconnect(l->conn);
	if (l->fd >= 0)
		close(l->fd);
	free(l->name);
	free(l);
}
