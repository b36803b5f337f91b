/* expr/regex.h: regular expressions that customers write, over texts that others write: UTF-8, and bounded. Private to src/expr/. */
#ifndef EXPR_REGEX_H
#define EXPR_REGEX_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/result.h"
#include <pcre2.h>

/* NULL: it is none, err says why. */
static inline pcre2_code *regex_compile(const char *text, size_t len, struct error *err)
{
	int code;
	PCRE2_SIZE offset;
	PCRE2_UCHAR message[128];
	pcre2_code *regex = pcre2_compile((PCRE2_SPTR)text, len, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &offset, NULL);
	if (regex) {
		(void)pcre2_jit_compile(regex, PCRE2_JIT_COMPLETE);
		return regex;
	}
	pcre2_get_error_message(code, message, sizeof message);
	error_set(err, "is not a regular expression: %s at character %zu", (const char *)message, (size_t)offset + 1);
	return NULL;
}

/* For pcre2_match(). NULL: no memory. */
static inline pcre2_match_context *regex_limits(void)
{
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	if (limits) {
		pcre2_set_match_limit(limits, 100000);
		pcre2_set_depth_limit(limits, 1000);
		pcre2_set_heap_limit(limits, 1024);
	}
	return limits;
}

#endif
