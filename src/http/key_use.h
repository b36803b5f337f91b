/*
 * http/key_use.h: when and from where each API key was used last. Kept in memory, and once a
 * minute on disk. Thread-safe.
 */
#ifndef HTTP_KEY_USE_H
#define HTTP_KEY_USE_H

#include "base/network.h"
#include "store/store.h"

struct key_uses;

/* Reads what is on disk. NULL: no memory, or the database could not be read. */
struct key_uses *key_uses_create(struct store *store) WARN_UNUSED;
void key_uses_destroy(struct key_uses *uses);
/* address "": not known. */
void key_uses_note(struct key_uses *uses, const char *key_id, const char *address, int64_t now_ms);
/* false: it was never used. */
bool key_uses_get(struct key_uses *uses, const char *key_id, int64_t *at_ms,
		  char address[ADDRESS_SIZE]);
/* Write what is new; one thread. */
void key_uses_keep(struct key_uses *uses);

#endif
