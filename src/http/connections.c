#include "http/connections.h"
#include "base/network.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

struct peer {
	char address[ADDRESS_SIZE];
	size_t open;
	bool refused;
	UT_hash_handle hh;
};

struct connections {
	pthread_mutex_t lock;
	struct peer *peers; /* as many as there are connections, at most */
	size_t per_address;
};

struct connections *connections_create(size_t per_address)
{
	struct connections *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	c->per_address = per_address;
	return c;
}

void connections_destroy(struct connections *c)
{
	struct peer *p, *next;
	if (!c)
		return;
	HASH_ITER(hh, c->peers, p, next) {
		HASH_DEL(c->peers, p);
		free(p);
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static struct peer *find_or_add(struct connections *c, const char *address)
{
	struct peer *p;
	HASH_FIND_STR(c->peers, address, p);
	if (p || !(p = calloc(1, sizeof *p)))
		return p;
	snprintf(p->address, sizeof p->address, "%s", address);
	HASH_ADD_STR(c->peers, address, p);
	return p;
}

bool connections_open(struct connections *c, const char *address, bool *first)
{
	pthread_mutex_lock(&c->lock);
	struct peer *p = find_or_add(c, address);
	bool fits = p && ++p->open <= c->per_address;
	*first = p && !fits && !p->refused;
	if (*first)
		p->refused = true;
	pthread_mutex_unlock(&c->lock);
	return fits;
}

void connections_close(struct connections *c, const char *address)
{
	struct peer *p;
	pthread_mutex_lock(&c->lock);
	HASH_FIND_STR(c->peers, address, p);
	if (p && --p->open == 0) {
		HASH_DEL(c->peers, p);
		free(p);
	}
	pthread_mutex_unlock(&c->lock);
}
