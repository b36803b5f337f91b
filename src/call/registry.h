/*
 * call/registry.h: which calls are live, by caller, and the webhook data that waits for a
 * caller's next call. The one place where a call's beginning and data's arrival meet, so
 * that data goes either to a live call or to the next one, never to neither.
 * Any thread; each function holds the lock for its own duration only.
 */
#ifndef CALL_REGISTRY_H
#define CALL_REGISTRY_H

#include "base/result.h"
#include <jansson.h>
#include <stdint.h>

#define REGISTRY_PENDING_MAX 100 /* kept for one caller; the oldest makes room */
#define REGISTRY_CUSTOM_MAX (64 * 1024) /* bytes of custom data for one caller; the oldest makes room */

/* Beside tag ids, in what is on disk of data that waits: the custom data. */
#define WAITING_CUSTOM "custom"

struct registry;

struct pending {
	struct pending *next, *prev; /* utlist, oldest first */
	char request_id[40];
	int64_t at_ms, expires_ms;
	json_t *tags;      /* {"tag id": "value", …}; null removes a tag */
	char *custom;      /* fields that no tag takes, as the JSON text of an object; NULL: none */
	json_t *campaigns; /* array of ids; empty: any */
};
void pending_free(struct pending *p);

struct registry *registry_create(void) WARN_UNUSED;
void registry_destroy(struct registry *r);

/* A call begins: from now on it is found. Returns the data that waited for it, oldest first; pending_free() each. */
struct pending *registry_add(struct registry *r, const char *organization_id, const char *caller_id,
			     const char *campaign_id, const char *call_id, int64_t now_ms);
void registry_remove(struct registry *r, const char *call_id);

/* The newest live call of a caller, in one of the campaigns (empty: any). Returns how many there are. */
size_t registry_find(struct registry *r, const char *organization_id, const char *caller_id, json_t *campaigns, char call_id[40]);

/* Data that is on disk as pending: kept for the next call, unless one is live by now, whose
 * id is then written and true returned (the data stays the caller's). */
bool registry_offer(struct registry *r, const char *organization_id, const char *caller_id, struct pending *p,
		    char call_id[40], int64_t now_ms);

/* Forget data that has expired. */
void registry_sweep(struct registry *r, int64_t now_ms);

size_t registry_live(struct registry *r);

#endif
