#include "call/phones.h"
#include "base/log.h"
#include "base/network.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct entry {
	struct phone phone;
	UT_hash_handle hh;
};

struct phones {
	pthread_mutex_t lock;
	struct entry *entries; /* by target */
	struct store *store;
};

/* ---- on disk ---- */

struct kept {
	struct store_job job;
	struct phone phone;
};

static bool keep(struct store_job *job, struct store_conn *conn)
{
	const struct phone *p = &((struct kept *)job)->phone;
	if (!p->expires_ms)
		return store_exec(conn, "DELETE FROM phones WHERE target_id = $1 AND organization_id = $2", "ss", p->target_id, p->organization_id);
	return store_exec(conn, "INSERT INTO phones (target_id, organization_id, contact, route, address, user_agent, registered_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
		"ON CONFLICT (target_id) DO UPDATE SET contact = excluded.contact, route = excluded.route, address = excluded.address, user_agent = excluded.user_agent, registered_at = excluded.registered_at, expires_at = excluded.expires_at",
		"ssssssii", p->target_id, p->organization_id, p->contact, p->route, p->address, p->user_agent, p->registered_ms, p->expires_ms);
}

static void kept(struct store_job *job, bool committed)
{
	if (!committed)
		log_warn(NULL, "the phone of target %s: its registration could not be written", ((struct kept *)job)->phone.target_id);
	free(job);
}

static void write_down(struct phones *p, const struct phone *phone)
{
	static const struct store_job functions = {.run = keep, .done = kept};
	struct kept *k = malloc(sizeof *k);
	if (!k)
		return;
	k->job = functions;
	k->phone = *phone;
	if (!store_submit(p->store, &k->job))
		kept(&k->job, false); /* the phone registers again soon */
}

static bool forget_expired(struct store_conn *conn, void *arg)
{
	return store_exec(conn, "DELETE FROM phones WHERE expires_at <= $1", "i", *(int64_t *)arg);
}

static struct entry *entry_of(struct phones *p, const char *target_id)
{
	struct entry *e;
	HASH_FIND_STR(p->entries, target_id, e);
	return e;
}

/* A copy, found by its target. */
static bool put(struct phones *p, const struct phone *phone)
{
	struct entry *e = entry_of(p, phone->target_id);
	if (!e) {
		e = calloc(1, sizeof *e);
		if (!e)
			return false;
		e->phone = *phone;
		HASH_ADD_STR(p->entries, phone.target_id, e);
	}
	e->phone = *phone;
	return true;
}

static bool load(struct phones *p)
{
	struct store_conn *conn = store_reader(p->store);
	struct store_rows *rows = conn ? store_query(conn, "SELECT target_id, organization_id, contact, route, address, user_agent, registered_at, expires_at FROM phones", "") : NULL;
	for (size_t i = 0; rows && i < rows_count(rows); i++) {
		struct phone phone = {.registered_ms = rows_int(rows, i, 6), .expires_ms = rows_int(rows, i, 7)};
		snprintf(phone.target_id, sizeof phone.target_id, "%s", rows_text(rows, i, 0));
		snprintf(phone.organization_id, sizeof phone.organization_id, "%s", rows_text(rows, i, 1));
		snprintf(phone.contact, sizeof phone.contact, "%s", rows_text(rows, i, 2));
		snprintf(phone.route, sizeof phone.route, "%s", rows_text(rows, i, 3));
		snprintf(phone.address, sizeof phone.address, "%s", rows_text(rows, i, 4));
		snprintf(phone.user_agent, sizeof phone.user_agent, "%s", rows_text(rows, i, 5));
		if (!put(p, &phone))
			break;
	}
	bool ok = rows != NULL;
	rows_free(rows);
	return ok;
}

struct phones *phones_create(struct store *store, int64_t now, struct error *err)
{
	struct phones *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->store = store;
	pthread_mutex_init(&p->lock, NULL);
	if (store_run(store, forget_expired, &now, err) && load(p))
		return p;
	phones_destroy(p);
	return NULL;
}

void phones_destroy(struct phones *p)
{
	struct entry *e, *next;
	if (!p)
		return;
	HASH_ITER(hh, p->entries, e, next) {
		HASH_DEL(p->entries, e);
		free(e);
	}
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* ---- now ---- */

bool phones_take(struct phones *p, const struct phone *phone)
{
	bool ok = true;
	pthread_mutex_lock(&p->lock);
	struct entry *e = entry_of(p, phone->target_id);
	if (e && strcmp(e->phone.call_id, phone->call_id) == 0 && phone->cseq <= e->phone.cseq) {
		ok = false;
	} else if (phone->expires_ms) {
		ok = put(p, phone);
	} else if (e) {
		HASH_DEL(p->entries, e);
		free(e);
	}
	pthread_mutex_unlock(&p->lock);
	if (ok)
		write_down(p, phone);
	return ok;
}

bool phones_find(struct phones *p, const char *target_id, int64_t now, struct phone *out)
{
	pthread_mutex_lock(&p->lock);
	struct entry *e = entry_of(p, target_id);
	bool found = e && e->phone.expires_ms > now;
	if (found)
		*out = e->phone;
	pthread_mutex_unlock(&p->lock);
	return found;
}

bool phones_at(struct phones *p, const struct sockaddr *address, int64_t now)
{
	char text[ADDRESS_SIZE];
	bool found = false;
	address_text(address, text);
	pthread_mutex_lock(&p->lock);
	for (struct entry *e = p->entries; e && !found; e = e->hh.next)
		found = e->phone.expires_ms > now && strcmp(e->phone.address, text) == 0;
	pthread_mutex_unlock(&p->lock);
	return found;
}

size_t phones_count(struct phones *p, int64_t now)
{
	size_t n = 0;
	pthread_mutex_lock(&p->lock);
	for (struct entry *e = p->entries; e; e = e->hh.next)
		n += e->phone.expires_ms > now;
	pthread_mutex_unlock(&p->lock);
	return n;
}
