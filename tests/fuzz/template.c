/* A template in each context, with values that would break out of it if they could. */
#include "expr/template.h"
#include "fuzz.h"
#include "names.h"
#include <jansson.h>
#include <string.h>

static size_t count_of(const char *text, size_t len, const char *characters)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += text[i] && strchr(characters, text[i]) != NULL;
	return n;
}

static bool begins(const char *text, size_t len, size_t at, const char *with)
{
	size_t n = strlen(with);
	return len - at >= n && memcmp(text + at, with, n) == 0;
}

/* Markup that a parser takes for such: not in CDATA sections and comments. A section that is divided is one. */
static size_t count_markup(const char *text, size_t len)
{
	size_t n = 0, i = 0;
	while (i < len) {
		const char *end = begins(text, len, i, "<![CDATA[") ? "]]>" : begins(text, len, i, "<!--") ? "-->" : NULL;
		n += text[i] == '<';
		i++;
		while (end && i < len && (!begins(text, len, i, end) || begins(text, len, i, "]]><![CDATA[")))
			i++;
	}
	return n;
}

/* What a template has of its own is all that there is of this. */
static void check(enum template_context context, const char *data, size_t size, const struct buf *out)
{
	const char *text = buf_text(out);
	if (context == TEMPLATE_HEADER && !count_of(data, size, "\r\n") && count_of(text, out->len, "\r\n"))
		abort(); /* a value made a header of its own */
	if (context == TEMPLATE_URL && count_of(text, out->len, "/?#@\\") > count_of(data, size, "/?#@\\"))
		abort(); /* or a segment, a parameter, a host */
	if (context == TEMPLATE_FORM && count_of(text, out->len, "&=") > count_of(data, size, "&="))
		abort();
	if (context == TEMPLATE_XML && count_markup(text, out->len) > count_of(data, size, "<"))
		abort(); /* or an element */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct expr_scope scope = {.tag = find_tag, .variable = find_variable};
	for (int context = TEMPLATE_TEXT; context < TEMPLATE_CONTEXT_COUNT; context++) {
		struct arena arena = {0};
		struct buf out = {0};
		struct expr_env env = fuzz_env();
		struct template *t = template_compile((const char *)data, size, (enum template_context)context, &scope, &arena, NULL, NULL);
		if (t)
			template_render(t, &env, &out);
		if (t && !out.failed && !memchr(data, 0, size))
			check((enum template_context)context, (const char *)data, size, &out);
		buf_free(&out);
		arena_free(&arena);
	}
	return 0;
}
