#include "flow/script_tags.h"
#include <stdbool.h>
#include <string.h>

static bool in_identifier(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c == '$' ||
	       (unsigned char)c >= 0x80;
}

static size_t identifier(const char *p)
{
	size_t n = 0;
	while (in_identifier(p[n]))
		n++;
	return n;
}

/* After blanks and comments. */
static const char *skip(const char *p)
{
	for (;;) {
		p += strspn(p, " \t\r\n");
		if (p[0] == '/' && p[1] == '/') {
			p += strcspn(p, "\n");
		} else if (p[0] == '/' && p[1] == '*') {
			const char *end = strstr(p + 2, "*/");
			p = end ? end + 2 : p + strlen(p);
		} else {
			return p;
		}
	}
}

/* After the string that begins here. */
static const char *skip_string(const char *p)
{
	char quote = *p++;
	while (*p && *p != quote)
		p += p[0] == '\\' && p[1] ? 2 : 1;
	return *p ? p + 1 : p;
}

/* A name, written as an identifier or a string; NULL: neither. *after: what follows it. */
static const char *name_at(const char *p, size_t *len, const char **after)
{
	if (*p == '"' || *p == '\'' || *p == '`') {
		*after = skip_string(p);
		*len = (size_t)(*after - p) - (*(*after - 1) == *p && *after - 1 > p ? 2 : 1);
		return p + 1;
	}
	*len = identifier(p);
	*after = p + *len;
	return *len ? p : NULL;
}

/* After a value: up to the comma or the end of the object that it stands in. */
static const char *skip_value(const char *p)
{
	int depth = 0;
	for (p = skip(p); *p; p = skip(p)) {
		if (depth == 0 && (*p == ',' || *p == '}'))
			return p;
		if (*p == '"' || *p == '\'' || *p == '`') {
			p = skip_string(p);
			continue;
		}
		depth += *p == '{' || *p == '[' || *p == '(';
		depth -= *p == '}' || *p == ']' || *p == ')';
		p++;
	}
	return p;
}

/* The keys of the object, or the names of the pattern, after its brace. */
static void each_key(const char *p, script_tag_f *f, void *arg)
{
	for (p = skip(p); *p && *p != '}'; p = skip(p)) {
		const char *after;
		size_t len;
		const char *name = name_at(p, &len, &after);
		if (name)
			f(arg, name, len);
		p = skip_value(name ? after : p + 1);
		if (*p == ',')
			p++;
	}
}

/* What follows the identifier tags. */
static void after_tags(const char *p, script_tag_f *f, void *arg)
{
	const char *after;
	size_t len;
	p = skip(p);
	if (*p == ':') {
		p = skip(p + 1);
		if (*p == '{')
			each_key(p + 1, f, arg);
		return;
	}
	bool optional = p[0] == '?' && p[1] == '.';
	p = optional ? skip(p + 2) : p;
	bool bracket = *p == '[';
	if (!optional && !bracket && *p != '.')
		return;
	if (bracket || !optional)
		p = skip(p + 1);
	const char *name = bracket == (*p == '"' || *p == '\'' || *p == '`') ? name_at(p, &len, &after) : NULL;
	if (name)
		f(arg, name, len);
}

/* The end of what the "=" before p assigns to, or NULL: there is no "=". */
static const char *assigned_before(const char *code, const char *p)
{
	static const char blanks[] = " \t\r\n";
	while (p > code && strchr(blanks, p[-1]))
		p--;
	if (p == code || *--p != '=')
		return NULL;
	while (p > code && strchr(blanks, p[-1]))
		p--;
	return p;
}

/* The brace that opens a pattern which p is assigned to ("{ a, b } = tags"), or NULL. */
static const char *pattern_before(const char *code, const char *p)
{
	p = assigned_before(code, p);
	if (!p || p == code || *--p != '}')
		return NULL;
	while (p > code && *p != '{')
		p--;
	return *p == '{' ? p : NULL;
}

/* ---- other names of the object ---- */

#define ALIASES_MAX 8

struct alias {
	const char *name;
	size_t len;
};

/* The identifier that the value at p is assigned to ("const t = tags"); {0}: there is none. */
static struct alias alias_before(const char *code, const char *p)
{
	const char *end = assigned_before(code, p), *name = end;
	if (!end)
		return (struct alias){0};
	while (name > code && in_identifier(name[-1]))
		name--;
	return (struct alias){name, (size_t)(end - name)};
}

/* Is what follows the value of an expression nothing that takes a member of it? */
static bool ends_value(const char *p)
{
	p = skip(p);
	return *p != '.' && *p != '[' && *p != '(' && *p != '?';
}

static bool is_alias(const struct alias *aliases, size_t count, const char *name, size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (aliases[i].len == len && memcmp(aliases[i].name, name, len) == 0)
			return true;
	return false;
}

void script_each_tag(const char *code, script_tag_f *f, void *arg)
{
	struct alias aliases[ALIASES_MAX];
	size_t count = 0;
	for (const char *p = skip(code); *p; p = skip(p)) {
		size_t n = identifier(p);
		bool member = p > code && p[-1] == '.';
		if (n && ((n == 4 && memcmp(p, "tags", 4) == 0) || (!member && is_alias(aliases, count, p, n)))) {
			const char *pattern = pattern_before(code, p);
			struct alias alias = ends_value(p + n) ? alias_before(code, p) : (struct alias){0};
			if (pattern)
				each_key(pattern + 1, f, arg);
			if (alias.len && count < ALIASES_MAX)
				aliases[count++] = alias;
			after_tags(p + n, f, arg);
		}
		if (n)
			p += n;
		else if (*p == '"' || *p == '\'')
			p = skip_string(p);
		else
			p++;
	}
}
