/* The body of an incoming webhook: a form, or JSON whose values tags point at. */
#include "expr/pointer.h"
#include "fuzz.h"
#include "webhook/incoming.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	json_t *form = json_object();
	if (incoming_parse_form((const char *)data, size, form))
		(void)incoming_text(form, "caller_id", &arena);
	json_decref(form);
	/* The first line is a pointer into the rest. */
	const uint8_t *end = memchr(data, '\n', size);
	char *pointer = fuzz_text(data, end ? (size_t)(end - data) : 0);
	json_t *body = end ? json_loadb((const char *)end + 1, size - (size_t)(end - data) - 1, JSON_REJECT_DUPLICATES, NULL) : NULL;
	json_t *leaf = body ? json_pointer_get(body, pointer) : NULL;
	if (leaf)
		(void)json_leaf_value(leaf, &arena);
	if (body)
		(void)incoming_text(body, "caller_id", &arena);
	json_decref(body);
	free(pointer);
	arena_free(&arena);
	return 0;
}
