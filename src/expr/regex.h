/*
 * expr/regex.h: regular expressions that customers write, over texts that others write: UTF-8, and
 * bounded. Compiled ones are shared and counted.
 */
#ifndef EXPR_REGEX_H
#define EXPR_REGEX_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/result.h"
#include "expr/regex_cache.h"
#include <pcre2.h>
#include <stddef.h>
#include <stdint.h>

struct regex; /* immutable, any thread */

/* NULL: it is none, err says why. The cache may be NULL. */
struct regex *regex_compile(struct regex_cache *cache, const char *text, size_t len,
			    struct error *err) WARN_UNUSED;
void regex_release(struct regex *regex); /* any thread; NULL is fine */
/* How often it is held. For tests. */
int regex_references(const struct regex *regex);

/*
 * Does the text match? Counts the steps that it took, estimated from above, off *steps. Where they do
 * not suffice, *steps is 0 and nothing matches.
 *
 * data: NULL, or where the groups come to.
 */
bool regex_match(const struct regex *regex, const char *text, size_t len, pcre2_match_data *data,
		 int64_t *steps) WARN_UNUSED;
pcre2_match_data *regex_match_data(const struct regex *regex) WARN_UNUSED;

#endif
