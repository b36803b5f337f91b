/*
 * call/pulse.h: writes once a second, while there are calls, that their server lives. When it dies
 * they ended at the last such moment (nodes.seen_at; see node.c).
 */
#ifndef CALL_PULSE_H
#define CALL_PULSE_H

#include "store/store.h"

struct pulse;

/* node: the server, as calls.node has it; it must outlive the pulse. NULL: no memory. */
struct pulse *pulse_create(struct store *store, const char *node) WARN_UNUSED;
/* One thread. */
void pulse_beat(struct pulse *p);
/* Once the writer has ended. */
void pulse_destroy(struct pulse *p);

#endif
