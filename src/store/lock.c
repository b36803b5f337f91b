/* Locks between the servers of one database: a file beside SQLite's, an advisory lock of PostgreSQL's. */
#include "store/driver.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct store_lock {
	char *name;
	struct store_conn *conn; /* that holds it, of PostgreSQL; the lock ends with it */
	int fd;                  /* of the file, -1: none */
	char path[600];
};

/* The name's byte of the file: there is one file for all locks, which stays. */
static off_t place_of(const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
	return (off_t)(hash >> 2);
}

static enum store_lock_state take_file(struct store_lock *l, struct error *err)
{
	struct flock byte = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = place_of(l->name), .l_len = 1};
	if (l->fd < 0 && (l->fd = open(l->path, O_CREAT | O_RDWR | O_CLOEXEC, 0600)) < 0) {
		error_set(err, "cannot open %s: %s", l->path, strerror(errno));
		return LOCK_UNKNOWN;
	}
	if (fcntl(l->fd, F_OFD_SETLK, &byte) == 0)
		return LOCK_HELD;
	bool taken = errno == EAGAIN || errno == EACCES;
	error_set(err, taken ? "another server has the lock '%s' of %s" : "cannot take the lock '%s' of %s", l->name, l->path);
	return taken ? LOCK_TAKEN : LOCK_UNKNOWN;
}

/* Whoever has it is given it once more. */
static enum store_lock_state take_database(struct store_lock *l, struct error *err)
{
	struct store_rows *rows = store_query(l->conn, "SELECT CASE WHEN pg_try_advisory_lock(hashtextextended($1, 0)) THEN 1 ELSE 0 END", "s", l->name);
	enum store_lock_state state = rows_count(rows) != 1 ? LOCK_UNKNOWN : rows_int(rows, 0, 0) ? LOCK_HELD : LOCK_TAKEN;
	if (state == LOCK_UNKNOWN)
		error_set(err, "the lock '%s' cannot be asked for: %s", l->name, store_error(l->conn));
	else if (state == LOCK_TAKEN)
		error_set(err, "another server has the lock '%s'", l->name);
	rows_free(rows);
	return state;
}

struct store_lock *store_lock_new(struct store *s, const char *name, struct error *err)
{
	const char *url = store_url(s);
	bool file = strncmp(url, "sqlite:", 7) == 0;
	struct store_lock *l = calloc(1, sizeof *l);
	error_set(err, "out of memory");
	if (!l)
		return NULL;
	l->fd = -1;
	l->name = strdup(name);
	if (file)
		snprintf(l->path, sizeof l->path, "%s.lock", url + strlen("sqlite:"));
	if (l->name && (file || (l->conn = store_connect(s, true, err))))
		return l;
	store_lock_free(l);
	return NULL;
}

enum store_lock_state store_lock_take(struct store_lock *l, struct error *err)
{
	return l->conn ? take_database(l, err) : take_file(l, err);
}

void store_lock_free(struct store_lock *l)
{
	if (!l)
		return;
	store_disconnect(l->conn);
	if (l->fd >= 0)
		close(l->fd);
	free(l->name);
	free(l);
}
