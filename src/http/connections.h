/* http/connections.h: how many connections each address has open. Any thread. */
#ifndef HTTP_CONNECTIONS_H
#define HTTP_CONNECTIONS_H

#include "base/result.h"
#include <stddef.h>

struct connections;

/* per_address: the most that one address may have open. NULL: no memory. */
struct connections *connections_create(size_t per_address) WARN_UNUSED;
void connections_destroy(struct connections *c);

/*
 * Count a connection of this address; each is to be given back with connections_close().
 * false: the address has too many, or memory is short, and the connection must be closed.
 * *first: it is the first one refused since the address had no connection at all.
 */
bool connections_open(struct connections *c, const char *address, bool *first) WARN_UNUSED;
void connections_close(struct connections *c, const char *address);

#endif
