/* What a landing page tells of its visitor: origin, user agent and visitor in lines of their own, then JSON. */
#include "fuzz.h"
#include "dni/visit.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const patterns[] = {"https://example.com", "https://*.example.com"};
	char *text = fuzz_text(data, size), *rest = text, *lines[3];
	for (int i = 0; i < 3; i++)
		lines[i] = strsep(&rest, "\n");
	bool exact = visit_origin_allowed(patterns, 1, lines[0]);
	if (exact && strlen(lines[0]) != strlen(patterns[0]))
		abort(); /* a longer one is another site */
	(void)visit_origin_allowed(patterns, 2, lines[0]);
	(void)visit_is_bot(lines[1]);
	if (visit_is_visitor(lines[2]) && strlen(lines[2]) > 63)
		abort();
	json_t *told = rest ? json_loads(rest, 0, NULL) : NULL, *visit = json_is_object(told) ? visit_data(told) : NULL;
	const char *name;
	json_t *value;
	json_object_foreach(visit, name, value)
		if (json_is_string(value) && json_string_length(value) > VISIT_TEXT_MAX)
			abort();
	json_decref(visit);
	json_decref(told);
	free(text);
	return 0;
}
