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
	struct pending *pending;
	size_t pending_count;
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
	free(p);
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
			c->pending = p->next;
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
	struct pending *taken = NULL, **last = &taken;
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
	for (struct pending **at = c ? &c->pending : NULL; at && *at;) {
		struct pending *p = *at;
		bool expired = p->expires_ms <= now_ms;
		if (!expired && !campaign_fits(p->campaigns, campaign_id)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		c->pending_count--;
		p->next = NULL;
		if (expired) {
			pending_free(p);
		} else {
			*last = p;
			last = &p->next;
		}
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

bool registry_offer(struct registry *r, const char *organization_id, const char *caller_id, struct pending *p,
		    char call_id[40], int64_t now_ms)
{
	pthread_mutex_lock(&r->lock);
	bool live = find_live(r, organization_id, caller_id, p->campaigns, call_id) > 0;
	struct caller *c = live ? NULL : find(r, organization_id, caller_id, true);
	if (c) {
		struct pending **last = &c->pending;
		while (*last) { /* expired ones go, and the oldest when there are too many */
			struct pending *old = *last;
			if (old->expires_ms <= now_ms || c->pending_count >= REGISTRY_PENDING_MAX) {
				*last = old->next;
				c->pending_count--;
				pending_free(old);
			} else {
				last = &old->next;
			}
		}
		p->next = NULL;
		*last = p;
		c->pending_count++;
	}
	pthread_mutex_unlock(&r->lock);
	return live;
}

void registry_sweep(struct registry *r, int64_t now_ms)
{
	struct caller *c, *next;
	pthread_mutex_lock(&r->lock);
	HASH_ITER(hh, r->callers, c, next) {
		for (struct pending **at = &c->pending; *at;) {
			struct pending *p = *at;
			if (p->expires_ms > now_ms) {
				at = &p->next;
				continue;
			}
			*at = p->next;
			c->pending_count--;
			pending_free(p);
		}
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
