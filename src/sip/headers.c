#include "sip/headers.h"
#include <sofia-sip/su_alloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct line {
	const char *name, *value;
	size_t position;
};

static int by_name(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = strcasecmp(x->name, y->name);
	if (order)
		return order;
	return x->position < y->position ? -1 : 1;
}

static struct line *sorted(su_home_t *home, const sip_unknown_t *list, size_t *count)
{
	size_t n = 0;
	for (const sip_unknown_t *u = list; u; u = u->un_next)
		n++;
	struct line *lines = n ? su_alloc(home, (isize_t)(n * sizeof *lines)) : NULL;
	*count = 0;
	for (const sip_unknown_t *u = lines ? list : NULL; u; u = u->un_next) {
		if (!u->un_name || !u->un_value)
			continue;
		lines[*count] = (struct line){u->un_name, u->un_value, *count};
		++*count;
	}
	if (*count)
		qsort(lines, *count, sizeof *lines, by_name);
	return lines;
}

/* The values of `count` lines of one name. */
static const char *joined(su_home_t *home, const struct line *lines, size_t count)
{
	size_t size = 0, at = 0;
	if (count == 1)
		return lines->value;
	for (size_t i = 0; i < count; i++)
		size += strlen(lines[i].value) + 2;
	char *out = su_alloc(home, (isize_t)size);
	for (size_t i = 0; out && i < count; i++) {
		size_t len = strlen(lines[i].value);
		if (i) {
			memcpy(out + at, ", ", 2);
			at += 2;
		}
		memcpy(out + at, lines[i].value, len);
		at += len;
	}
	if (out)
		out[at] = '\0';
	return out;
}

const char *const *sip_headers_joined(su_home_t *home, const sip_unknown_t *list, size_t *count)
{
	size_t n, used = 0;
	struct line *lines = sorted(home, list, &n);
	const char **out = n ? su_alloc(home, (isize_t)(2 * n * sizeof *out)) : NULL;
	for (size_t i = 0, same; out && i < n; i += same) {
		for (same = 1;
		     i + same < n && strcasecmp(lines[i].name, lines[i + same].name) == 0;)
			same++;
		const char *value = joined(home, &lines[i], same);
		if (!value)
			continue;
		out[used++] = lines[i].name;
		out[used++] = value;
	}
	*count = used / 2;
	return out;
}

/*
 * The global prefix that the parameters of a local number name, in *from (RFC 3966 section 5.1.5):
 * the "+1512" of "npdi;phone-context=+1512". Returns its length; 0: none, or the name of a domain.
 */
static size_t context_of(const char *parameters, const char **from)
{
	static const char name[] = "phone-context=";
	for (const char *at = parameters; at; at = strchr(at, ';'), at += at != NULL) {
		if (strncasecmp(at, name, sizeof name - 1) != 0)
			continue;
		*from = at + sizeof name - 1;
		size_t len = strcspn(*from, ";");
		return **from == '+' && strspn(*from, "+0123456789-.()") == len && len > 1 ? len : 0;
	}
	return 0;
}

const char *sip_user_of(su_home_t *home, const url_t *url)
{
	bool is_tel = url->url_type == url_tel;
	const char *user = url->url_user, *parameters = is_tel ? url->url_params : NULL;
	const char *from = NULL, *number;
	if (!user && is_tel)
		user = url->url_host;
	if (!user)
		return "";
	size_t len = strcspn(user, ";");
	if (user[len])
		parameters = user + len + 1;
	size_t context = *user == '+' ? 0 : context_of(parameters, &from);
	if (context)
		number = su_sprintf(home, "%.*s%.*s", (int)context, from, (int)len, user);
	else
		number = user[len] ? su_strndup(home, user, (isize_t)len) : user;
	return number ? number : "";
}
