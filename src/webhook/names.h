/*
 * webhook/names.h: hosts whose name could not be looked up in time. A look-up holds a thread until
 * the name server answers or is given up, so there is no other one for a while.
 */
#ifndef WEBHOOK_NAMES_H
#define WEBHOOK_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#define NAMES_SILENT_MS 10000

struct names;

/* No memory: nothing is remembered of that host. */
void names_note_silent(struct names **names, const char *url, int64_t now_ms);
/* Was the URL's host noted less than NAMES_SILENT_MS ago? now_ms: monotonic. */
bool names_is_silent(struct names **names, const char *url, int64_t now_ms);
void names_free(struct names **names);

#endif
