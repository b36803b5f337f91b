/* expr/filter.h: {"match":"all"|"any","rules":[rule|group…]}, compiled once and asked often. Pure. */
#ifndef EXPR_FILTER_H
#define EXPR_FILTER_H

#include "base/arena.h"
#include "expr/scope.h"
#include <jansson.h>

#define FILTER_DEPTH_MAX 8
#define FILTER_RULES_MAX 500
#define FILTER_REGEXES_MAX 20 /* "matches" rules of one filter; more only where scope.stored */

struct filter; /* immutable once compiled; holds compiled regular expressions */

/* Told of each thing that is wrong: where in the filter, and what would be right. */
typedef void filter_error_f(void *arg, const char *pointer, const char *detail);

/*
 * Compile a filter. It lives in the arena, and filter_free(), before that is freed, releases the rest.
 * NULL when anything was wrong (and `error`, if given, was told). A filter without rules is always true.
 */
struct filter *filter_compile(json_t *json, const struct expr_scope *scope, struct arena *arena,
			      filter_error_f *error, void *arg) WARN_UNUSED;
void filter_free(struct filter *filter);

/*
 * Does the call pass? A NULL filter passes. Counts its steps off env->budget, and passes nothing while
 * that is spent: see filter_is_spent().
 */
bool filter_match(const struct filter *filter, struct expr_env *env);
/* Was the last filter that this env did not pass refused for want of steps? */
bool filter_is_spent(const struct expr_env *env);
/* How many "matches" rules it has. */
unsigned filter_regex_count(const struct filter *filter);

/* The operators' names, NULL-terminated, for OpenAPI and the portal. */
extern const char *const filter_operators[];
/* One of them as people read it: "is at least". */
const char *filter_operator_label(const char *op);

#endif
