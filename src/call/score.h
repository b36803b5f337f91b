/*
 * call/score.h: what calls to each target of a plan of strategy "best" brought in, lately: read from the reports' sums every
 * few seconds by a thread of its own, and told to capacity, where the call path finds it.
 */
#ifndef CALL_SCORE_H
#define CALL_SCORE_H

#include "call/capacity.h"

struct scores;

/* Starts the thread. NULL: out of memory, or there can be no thread. */
struct scores *scores_create(struct store *store, struct config_store *config, struct capacity *capacity, struct error *err) WARN_UNUSED;
void scores_destroy(struct scores *s);

#endif
