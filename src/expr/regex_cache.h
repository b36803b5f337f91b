/* expr/regex_cache.h: compiled regular expressions that outlive what they were compiled for. */
#ifndef EXPR_REGEX_CACHE_H
#define EXPR_REGEX_CACHE_H

#include "base/result.h"
#include <stddef.h>

/*
 * Expressions by their text, so that a configuration that is built anew compiles only those that were
 * not in the one before. One thread at a time; what was got from it may outlive it.
 */
struct regex_cache;
struct regex_cache *regex_cache_create(void) WARN_UNUSED;
/* Forget those that nobody but the cache holds. */
void regex_cache_sweep(struct regex_cache *cache);
size_t regex_cache_count(const struct regex_cache *cache);
void regex_cache_destroy(struct regex_cache *cache);

#endif
