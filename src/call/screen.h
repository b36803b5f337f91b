/* call/screen.h: callers whom a campaign refuses before anything is done for them. Any thread. */
#ifndef CALL_SCREEN_H
#define CALL_SCREEN_H

#include "config/config.h"

struct screened {
	const char *disposition; /* "blocked", "duplicate"; NULL: the caller is not refused */
	const char *why;
};
/*
 * caller_id: E.164, or anything else for one that hides it. counts: it is a call, one more of those
 * that a caller may make; else it is only asked for.
 */
struct screened screen_caller(const struct organization *o, const struct config_campaign *campaign,
			      const char *caller_id, bool withheld, bool counts, int64_t now_ms);

#endif
