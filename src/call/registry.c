#include "call/registry.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

struct live {
	struct live *next, *prev;
	struct caller *caller;
	char call_id[40], campaign_id[40];
	UT_hash_handle hh;
};

struct caller {
	char key[80]; /* organization, '/', caller */
	struct live *live; /* utlist, newest first */
	struct pending *pending; /* utlist, oldest first */
	size_t pending_count;
	int64_t earliest_ms; /* none of them expires before */
	UT_hash_handle hh;
};

struct registry {
	pthread_mutex_t lock;
	struct caller *callers;
	struct live *live; /* by call id */
};

void pending_free(struct pending *p)
{
	if (!p)
		return;
	json_decref(p->tags);
	json_decref(p->campaigns);
	free(p->custom);
	free(p);
}

/* The data stays the caller's to free. */
static void unlist(struct caller *c, struct pending *p)
{
	DL_DELETE(c->pending, p);
	c->pending_count--;
}

static void forget_expired(struct caller *c, int64_t now_ms)
{
	struct pending *p, *next;
	if (c->earliest_ms > now_ms)
		return;
	c->earliest_ms = INT64_MAX;
	DL_FOREACH_SAFE(c->pending, p, next) {
		if (p->expires_ms <= now_ms) {
			unlist(c, p);
			pending_free(p);
		} else if (p->expires_ms < c->earliest_ms) {
			c->earliest_ms = p->expires_ms;
		}
	}
}

static void remove_live(struct registry *r, struct live *l)
{
	HASH_DEL(r->live, l);
	DL_DELETE(l->caller->live, l);
	free(l);
}

struct registry *registry_create(void)
{
	struct registry *r = calloc(1, sizeof *r);
	if (r)
		pthread_mutex_init(&r->lock, NULL);
	return r;
}

void registry_destroy(struct registry *r)
{
	struct caller *c, *next;
	if (!r)
		return;
	HASH_ITER(hh, r->callers, c, next) {
		HASH_DEL(r->callers, c);
		while (c->live)
			remove_live(r, c->live);
		while (c->pending) {
			struct pending *p = c->pending;
			unlist(c, p);
			pending_free(p);
		}
		free(c);
	}
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static struct caller *find(struct registry *r, const char *organization_id, const char *caller_id, bool create)
{
	struct caller *c;
	char key[sizeof c->key];
	snprintf(key, sizeof key, "%s/%s", organization_id, caller_id);
	HASH_FIND_STR(r->callers, key, c);
	if (!c && create && (c = calloc(1, sizeof *c))) {
		memcpy(c->key, key, sizeof key);
		HASH_ADD_STR(r->callers, key, c);
	}
	return c;
}

static void drop_if_empty(struct registry *r, struct caller *c)
{
	if (c->live || c->pending)
		return;
	HASH_DEL(r->callers, c);
	free(c);
}

static bool campaign_fits(json_t *campaigns, const char *campaign_id)
{
	size_t i;
	json_t *id;
	if (json_array_size(campaigns) == 0)
		return true;
	json_array_foreach(campaigns, i, id)
		if (strcmp(json_string_value(id), campaign_id) == 0)
			return true;
	return false;
}

struct pending *registry_add(struct registry *r, const char *organization_id, const char *caller_id,
			     const char *campaign_id, const char *call_id, int64_t now_ms)
{
	struct pending *taken = NULL, *p, *next;
	pthread_mutex_lock(&r->lock);
	struct caller *c = find(r, organization_id, caller_id, true);
	struct live *l = c ? calloc(1, sizeof *l) : NULL;
	if (l) {
		snprintf(l->call_id, sizeof l->call_id, "%s", call_id);
		snprintf(l->campaign_id, sizeof l->campaign_id, "%s", campaign_id);
		l->caller = c;
		DL_PREPEND(c->live, l);
		HASH_ADD_STR(r->live, call_id, l);
	}
	if (c)
		forget_expired(c, now_ms);
	DL_FOREACH_SAFE(c ? c->pending : NULL, p, next) {
		if (!campaign_fits(p->campaigns, campaign_id))
			continue;
		unlist(c, p);
		DL_APPEND(taken, p);
	}
	pthread_mutex_unlock(&r->lock);
	return taken;
}

void registry_remove(struct registry *r, const char *call_id)
{
	struct live *l;
	pthread_mutex_lock(&r->lock);
	HASH_FIND_STR(r->live, call_id, l);
	if (l) {
		struct caller *c = l->caller;
		remove_live(r, l);
		drop_if_empty(r, c);
	}
	pthread_mutex_unlock(&r->lock);
}

static size_t find_live(struct registry *r, const char *organization_id, const char *caller_id, json_t *campaigns, char call_id[40])
{
	struct caller *c = find(r, organization_id, caller_id, false);
	size_t found = 0;
	for (struct live *l = c ? c->live : NULL; l; l = l->next)
		if (campaign_fits(campaigns, l->campaign_id) && found++ == 0)
			memcpy(call_id, l->call_id, sizeof l->call_id);
	return found;
}

size_t registry_find(struct registry *r, const char *organization_id, const char *caller_id, json_t *campaigns, char call_id[40])
{
	pthread_mutex_lock(&r->lock);
	size_t found = find_live(r, organization_id, caller_id, campaigns, call_id);
	pthread_mutex_unlock(&r->lock);
	return found;
}

/* A call keeps no more custom data than that: the newest has a place. */
static void bound_custom(struct caller *c)
{
	size_t size = 0;
	for (struct pending *p = c->pending ? c->pending->prev : NULL; p; p = p == c->pending ? NULL : p->prev) {
		size += p->custom ? strlen(p->custom) : 0;
		if (size <= REGISTRY_CUSTOM_MAX)
			continue;
		free(p->custom);
		p->custom = NULL;
	}
}

bool registry_offer(struct registry *r, const char *organization_id, const char *caller_id, struct pending *p,
		    char call_id[40], int64_t now_ms)
{
	pthread_mutex_lock(&r->lock);
	bool live = find_live(r, organization_id, caller_id, p->campaigns, call_id) > 0;
	struct caller *c = live ? NULL : find(r, organization_id, caller_id, true);
	if (c) {
		forget_expired(c, now_ms);
		struct pending *oldest = c->pending;
		if (c->pending_count >= REGISTRY_PENDING_MAX) {
			unlist(c, oldest);
			pending_free(oldest);
		}
		DL_APPEND(c->pending, p);
		if (c->pending_count++ == 0 || p->expires_ms < c->earliest_ms)
			c->earliest_ms = p->expires_ms;
		if (p->custom)
			bound_custom(c);
	}
	pthread_mutex_unlock(&r->lock);
	return live;
}

void registry_sweep(struct registry *r, int64_t now_ms)
{
	struct caller *c, *next;
	pthread_mutex_lock(&r->lock);
	HASH_ITER(hh, r->callers, c, next) {
		forget_expired(c, now_ms);
		drop_if_empty(r, c);
	}
	pthread_mutex_unlock(&r->lock);
}

size_t registry_live(struct registry *r)
{
	pthread_mutex_lock(&r->lock);
	size_t n = HASH_COUNT(r->live);
	pthread_mutex_unlock(&r->lock);
	return n;
}
