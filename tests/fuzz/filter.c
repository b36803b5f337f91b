/* A filter that a user saves, and a call that is held against it. */
#include "expr/filter.h"
#include "fuzz.h"
#include "names.h"

static void on_error(void *arg, const char *pointer, const char *detail)
{
	(void)pointer, (void)detail;
	++*(unsigned *)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct expr_scope scope = {.tag = find_tag, .variable = find_variable};
	struct arena arena = {0};
	struct expr_env env = fuzz_env();
	unsigned errors = 0;
	json_t *json = json_loadb((const char *)data, size, 0, NULL);
	struct filter *f = json ? filter_compile(json, &scope, &arena, on_error, &errors) : NULL;
	if (f && !errors)
		(void)filter_match(f, &env);
	filter_free(f);
	json_decref(json);
	arena_free(&arena);
	return 0;
}
