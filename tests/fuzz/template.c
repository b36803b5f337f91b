/* A template in each context. In a JSON body that is valid before, it stays valid after. */
#include "expr/template.h"
#include "fuzz.h"
#include "names.h"
#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct expr_scope scope = {.tag = find_tag, .variable = find_variable};
	for (int context = TEMPLATE_TEXT; context <= TEMPLATE_FORM; context++) {
		struct arena arena = {0};
		struct buf out = {0};
		struct expr_env env = fuzz_env();
		struct template *t = template_compile((const char *)data, size, (enum template_context)context, &scope, &arena, NULL, NULL);
		if (t)
			template_render(t, &env, &out);
		if (t && !out.failed && context == TEMPLATE_HEADER && !memchr(data, '\r', size) && !memchr(data, '\n', size) && strpbrk(buf_text(&out), "\r\n"))
			abort(); /* a value made a header of its own */
		buf_free(&out);
		arena_free(&arena);
	}
	return 0;
}
