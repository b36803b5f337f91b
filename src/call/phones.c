#include "call/phones.h"
#include "base/log.h"
#include "base/network.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

struct device {
	struct device *next, *prev;
	struct phone phone;
};

struct entry {
	char target_id[ID_SIZE];
	struct device *devices; /* the newest first */
	UT_hash_handle hh;
};

struct phones {
	pthread_mutex_t lock;
	struct entry *entries; /* by target; each has a device */
	struct store *store;
};

/* ---- on disk ---- */

/* What has changed of a target's devices. */
struct kept {
	struct store_job job;
	char target_id[ID_SIZE];
	struct phone phone; /* that registered; expires_ms 0: none did */
	size_t gone_count;
	char gone[PHONE_DEVICES_MAX + 1][sizeof(((struct phone *)NULL)->contact)];
};

static bool keep(struct store_job *job, struct store_conn *conn)
{
	const struct kept *k = (const struct kept *)job;
	const struct phone *p = &k->phone;
	bool ok = true;
	for (size_t i = 0; i < k->gone_count && ok; i++)
		ok = store_exec(conn, "DELETE FROM phone_devices WHERE target_id = $1 AND contact = $2", "ss",
			k->target_id, k->gone[i]);
	if (!p->expires_ms || !ok)
		return ok;
	return store_exec(conn,
		"INSERT INTO phone_devices (target_id, contact, organization_id, route, address, "
		"user_agent, instance, call_id, registered_at, expires_at) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
		"ON CONFLICT (target_id, contact) DO UPDATE SET route = excluded.route, "
		"address = excluded.address, user_agent = excluded.user_agent, "
		"instance = excluded.instance, call_id = excluded.call_id, "
		"registered_at = excluded.registered_at, expires_at = excluded.expires_at",
		"ssssssssii", p->target_id, p->contact, p->organization_id, p->route, p->address,
		p->user_agent, p->instance, p->call_id, p->registered_ms, p->expires_ms);
}

static void kept(struct store_job *job, bool committed)
{
	if (!committed)
		log_warn(NULL, "the phone of target %s: its registration could not be written",
			((struct kept *)job)->target_id);
	free(job);
}

/* NULL: no memory; the devices register again soon. */
static struct kept *change_of(const char *target_id)
{
	static const struct store_job functions = {.run = keep, .done = kept};
	struct kept *k = calloc(1, sizeof *k);
	if (k) {
		k->job = functions;
		snprintf(k->target_id, sizeof k->target_id, "%s", target_id);
	}
	return k;
}

/* In the order of the changes: while the lock is held. */
static void write_down(struct phones *p, struct kept *k)
{
	if (k && !store_submit(p->store, &k->job))
		kept(&k->job, false);
}

static bool forget_expired(struct store_conn *conn, void *arg)
{
	return store_exec(conn, "DELETE FROM phone_devices WHERE expires_at <= $1", "i", *(int64_t *)arg);
}

/* ---- devices of a target ---- */

static struct entry *entry_of(struct phones *p, const char *target_id)
{
	struct entry *e;
	HASH_FIND_STR(p->entries, target_id, e);
	return e;
}

static struct entry *entry_made(struct phones *p, const char *target_id)
{
	struct entry *e = entry_of(p, target_id);
	if (!e && (e = calloc(1, sizeof *e))) {
		snprintf(e->target_id, sizeof e->target_id, "%s", target_id);
		HASH_ADD_STR(p->entries, target_id, e);
	}
	return e;
}

static void drop_if_empty(struct phones *p, struct entry *e)
{
	if (!e || e->devices || !p->entries)
		return;
	HASH_DEL(p->entries, e);
	free(e);
}

/* k: takes note of it; NULL: nobody does. */
static void forget(struct entry *e, struct device *d, struct kept *k)
{
	if (k && k->gone_count < ARRAY_LEN(k->gone))
		memcpy(k->gone[k->gone_count++], d->phone.contact, sizeof d->phone.contact);
	DL_DELETE(e->devices, d);
	free(d);
}

static bool is_same_device(const struct phone *a, const struct phone *b)
{
	if (strcmp(a->contact, b->contact) == 0)
		return true;
	if (*a->instance || *b->instance)
		return strcmp(a->instance, b->instance) == 0;
	return *a->call_id && strcmp(a->call_id, b->call_id) == 0;
}

static bool is_older(const struct entry *e, const struct phone *phone)
{
	const struct device *d;
	DL_FOREACH(e ? e->devices : NULL, d)
		if (strcmp(d->phone.call_id, phone->call_id) == 0 && phone->cseq <= d->phone.cseq)
			return true;
	return false;
}

/* A copy, the newest. */
static bool put(struct entry *e, const struct phone *phone)
{
	struct device *d = malloc(sizeof *d);
	if (!d)
		return false;
	d->phone = *phone;
	DL_PREPEND(e->devices, d);
	return true;
}

/* What it takes the place of, what has expired, and the oldest where there are too many. */
static void make_room(struct entry *e, const struct phone *phone, int64_t now, struct kept *k)
{
	struct device *d, *next;
	size_t count = 0;
	DL_FOREACH_SAFE(e->devices, d, next) {
		bool goes = is_same_device(&d->phone, phone) || d->phone.expires_ms <= now;
		if (goes || (phone->expires_ms && ++count >= PHONE_DEVICES_MAX))
			forget(e, d, k);
	}
}

/* ---- begin and end ---- */

static bool load(struct phones *p)
{
	struct store_conn *conn = store_reader(p->store);
	struct store_rows *rows = conn ? store_query(conn,
		"SELECT target_id, organization_id, contact, route, address, user_agent, instance, call_id, "
		"registered_at, expires_at FROM phone_devices ORDER BY registered_at", "") : NULL;
	for (size_t i = 0; rows && i < rows_count(rows); i++) {
		struct phone phone = {.registered_ms = rows_int(rows, i, 8), .expires_ms = rows_int(rows, i, 9)};
		snprintf(phone.target_id, sizeof phone.target_id, "%s", rows_text(rows, i, 0));
		snprintf(phone.organization_id, sizeof phone.organization_id, "%s", rows_text(rows, i, 1));
		snprintf(phone.contact, sizeof phone.contact, "%s", rows_text(rows, i, 2));
		snprintf(phone.route, sizeof phone.route, "%s", rows_text(rows, i, 3));
		snprintf(phone.address, sizeof phone.address, "%s", rows_text(rows, i, 4));
		snprintf(phone.user_agent, sizeof phone.user_agent, "%s", rows_text(rows, i, 5));
		snprintf(phone.instance, sizeof phone.instance, "%s", rows_text(rows, i, 6));
		snprintf(phone.call_id, sizeof phone.call_id, "%s", rows_text(rows, i, 7));
		struct entry *e = entry_made(p, phone.target_id);
		if (!e || !put(e, &phone))
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
		while (e->devices)
			forget(e, e->devices, NULL);
		drop_if_empty(p, e);
	}
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* ---- now ---- */

bool phones_take(struct phones *p, const struct phone *phone, int64_t now)
{
	struct kept *k = change_of(phone->target_id);
	pthread_mutex_lock(&p->lock);
	struct entry *e = phone->expires_ms ? entry_made(p, phone->target_id) : entry_of(p, phone->target_id);
	bool ok = k && (e || !phone->expires_ms) && !is_older(e, phone);
	if (ok && e)
		make_room(e, phone, now, k);
	if (ok && phone->expires_ms) {
		ok = put(e, phone);
		k->phone = ok ? *phone : (struct phone){0};
	}
	drop_if_empty(p, e);
	if (k && (k->gone_count || k->phone.expires_ms))
		write_down(p, k);
	else
		free(k);
	pthread_mutex_unlock(&p->lock);
	return ok;
}

void phones_leave(struct phones *p, const char *target_id)
{
	pthread_mutex_lock(&p->lock);
	struct entry *e = entry_of(p, target_id);
	struct kept *k = e ? change_of(target_id) : NULL;
	while (e && e->devices)
		forget(e, e->devices, k);
	drop_if_empty(p, e);
	write_down(p, k);
	pthread_mutex_unlock(&p->lock);
}

size_t phones_lost(struct phones *p, const char *route)
{
	struct entry *e, *next_entry;
	struct device *d, *next;
	size_t count = 0;
	pthread_mutex_lock(&p->lock);
	HASH_ITER(hh, p->entries, e, next_entry) {
		struct kept *k = NULL;
		DL_FOREACH_SAFE(e->devices, d, next) {
			if (strcmp(d->phone.route, route) != 0)
				continue;
			k = k ? k : change_of(e->target_id);
			forget(e, d, k);
			count++;
		}
		write_down(p, k);
		drop_if_empty(p, e);
	}
	pthread_mutex_unlock(&p->lock);
	return count;
}

size_t phones_find(struct phones *p, const char *target_id, int64_t now, struct phone *out, size_t max)
{
	const struct device *d;
	size_t count = 0;
	pthread_mutex_lock(&p->lock);
	const struct entry *e = entry_of(p, target_id);
	DL_FOREACH(e ? e->devices : NULL, d)
		if (d->phone.expires_ms > now && count < max)
			out[count++] = d->phone;
	pthread_mutex_unlock(&p->lock);
	return count;
}

static size_t count_live(const struct entry *e, int64_t now)
{
	const struct device *d;
	size_t n = 0;
	DL_FOREACH(e ? e->devices : NULL, d)
		n += d->phone.expires_ms > now;
	return n;
}

size_t phones_count_of(struct phones *p, const char *target_id, int64_t now)
{
	pthread_mutex_lock(&p->lock);
	size_t n = count_live(entry_of(p, target_id), now);
	pthread_mutex_unlock(&p->lock);
	return n;
}

bool phones_at(struct phones *p, const struct sockaddr *address, int64_t now)
{
	char text[ADDRESS_SIZE];
	const struct device *d;
	bool found = false;
	address_text(address, text);
	pthread_mutex_lock(&p->lock);
	for (struct entry *e = p->entries; e && !found; e = e->hh.next)
		DL_FOREACH(e->devices, d)
			found = found || (d->phone.expires_ms > now && strcmp(d->phone.address, text) == 0);
	pthread_mutex_unlock(&p->lock);
	return found;
}

size_t phones_count(struct phones *p, int64_t now)
{
	size_t n = 0;
	pthread_mutex_lock(&p->lock);
	for (struct entry *e = p->entries; e; e = e->hh.next)
		n += count_live(e, now);
	pthread_mutex_unlock(&p->lock);
	return n;
}
