#include "dni/visit.h"
#include "base/embed.h"
#include "base/result.h"
#include "webhook/form.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include "snippet.h"

/* At most so long, and no half character at the end. */
static json_t *cut(const char *text)
{
	size_t n = strnlen(text, VISIT_TEXT_MAX + 1);
	if (n > VISIT_TEXT_MAX)
		for (n = VISIT_TEXT_MAX; n && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
			;
	return json_stringn(text, n);
}

static void add_parameters(json_t *data, const char *url, const char *prefix)
{
	const char *query = url ? strchr(url, '?') : NULL, *name;
	size_t len = query ? strcspn(query + 1, "#") : 0;
	json_t *parameters = json_object(), *value;
	char named[220];
	if (len && len <= VISIT_TEXT_MAX) {
		form_read(query + 1, len, NULL, parameters);
		json_object_foreach(parameters, name, value) {
			snprintf(named, sizeof named, "%s%.200s", prefix, name);
			json_object_set(data, named, value);
		}
	}
	json_decref(parameters);
}

json_t *visit_data(json_t *told)
{
	static const char *const names[][2] = {
		{"url", "landing_page"}, {"referrer", "referrer"}, {"page", "page"}, {"first_url", "first_landing_page"}, {"first_referrer", "first_referrer"}, {"ga_client_id", "ga_client_id"},
	};
	json_t *data = json_object();
	if (!data)
		return NULL;
	add_parameters(data, json_string_value(json_object_get(told, "first_url")), "first_");
	add_parameters(data, json_string_value(json_object_get(told, "url")), "");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *text = json_string_value(json_object_get(told, names[i][0]));
		if (text && *text)
			json_object_set_new(data, names[i][1], cut(text));
	}
	return data;
}

/* A word that ends in "bot" or "bots", such as Googlebot or AdsBot; phones of the make Cubot are none. */
static bool has_bot_word(const char *text)
{
	for (const char *at = text; (at = strcasestr(at, "bot")); at += 3) {
		const char *end = at + 3 + (at[3] == 's' || at[3] == 'S');
		bool is_cubot = at - text >= 2 && strncasecmp(at - 2, "cu", 2) == 0 &&
				(at - text == 2 || !isalpha((unsigned char)at[-3]));
		if (!isalpha((unsigned char)*end) && !is_cubot)
			return true;
	}
	return false;
}

bool visit_is_bot(const char *user_agent)
{
	static const char *const words[] = {
		"crawl", "spider", "slurp", "headless", "lighthouse", "bingpreview", "uripreview",
		"facebookexternalhit", "mediapartners", "inspectiontool", "feedfetcher", "curl/", "wget/",
		"python-", "httpclient", "phantomjs", "pingdom", "uptime",
	};
	if (!user_agent || !*user_agent || has_bot_word(user_agent))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasestr(user_agent, words[i]))
			return true;
	return false;
}

static bool fits(const char *pattern, const char *origin)
{
	const char *star = strstr(pattern, "://*.");
	if (!star)
		return strcasecmp(pattern, origin) == 0;
	size_t scheme = (size_t)(star - pattern) + 3;
	const char *domain = star + 4; /* with its dot */
	size_t n = strlen(origin), tail = strlen(domain);
	return n > scheme + tail && strncasecmp(pattern, origin, scheme) == 0 && strcasecmp(origin + n - tail, domain) == 0;
}

bool visit_origin_allowed(const char *const *patterns, size_t count, const char *origin)
{
	for (size_t i = 0; i < count; i++)
		if (origin && fits(patterns[i], origin))
			return true;
	return !count;
}

bool visit_is_visitor(const char *text)
{
	size_t n = text ? strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") : 0;
	return n >= 16 && n < 64 && !text[n];
}

void visit_script(struct buf *out, const char *config)
{
	size_t n = strlen(snippet[0]);
	while (n && strchr(" \t\r\n", snippet[0][n - 1]))
		n--;
	buf_add(out, snippet[0], n);
	buf_printf(out, "(%s,document.currentScript)\n", config);
}
