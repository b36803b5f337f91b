/*
 * node.h: several servers on one database. One of them is active: it takes calls and requests. Others stand by until it
 * stops or dies; calls that it still has then stay its own until they end, or it dies.
 */
#ifndef NODE_H
#define NODE_H

#include "store/store.h"
#include "webhook/client.h"
#include <signal.h>

struct node;

/*
 * Become the active one. waits: stand by as long as another one is; else a restart's moment.
 * NULL: err says why; or, with *signal_number set, one of the signals came first.
 */
struct node *node_join(struct store *store, bool waits, const sigset_t *signals, int *signal_number, struct error *err) WARN_UNUSED;
void node_leave(struct node *n);
const char *node_id(const struct node *n); /* of this server, this run: calls have it while they are on */

/* For store_run(): close the calls of servers that are dead. arg: the node. */
bool node_close_interrupted(struct store_conn *conn, void *arg) WARN_UNUSED;

/* Once a second, while active: calls of others that died meanwhile are closed, and what they had told is delivered. false: another one is active now. */
bool node_watch(struct node *n, struct http_client *client);

/* Do others still have calls? */
bool node_has_others(const struct node *n);

/* Does one stand by? */
bool node_is_awaited(struct node *n);
/* It may be active now. */
void node_hand_over(struct node *n);

#endif
