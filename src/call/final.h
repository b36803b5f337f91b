/*
 * call/final.h: call.final, sent once for each call when nothing more is expected of it: its campaign's wait is over and its
 * recordings are stored. What is due is on disk, so a call whose server died gets it from the next one.
 */
#ifndef CALL_FINAL_H
#define CALL_FINAL_H

#include "config/config.h"
#include "webhook/client.h"

struct finals;

struct finals *finals_create(struct store *store, struct config_store *config, struct http_client *client) WARN_UNUSED;
/* Have the writer send those that are due. Once a second, by the active server; one thread. */
void finals_look(struct finals *f);
/* Nothing more is begun: another server does it, or this one ends. */
void finals_stop(struct finals *f);
/* Once the writer has ended. */
void finals_destroy(struct finals *f);

/* Does anybody in the organization ask for call.final or call.updated? Else its calls need no final. */
bool final_is_asked_for(const struct organization *o);

#endif
