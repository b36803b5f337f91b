#include "webhook/names.h"
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define HOSTS_MAX 1000

struct names {
	int64_t until_ms;
	UT_hash_handle hh;
	char host[256];
};

/* The URL's host in lower case; false: it has none, or a longer one than names may be. */
static bool host_of(const char *url, char out[256])
{
	char *host = NULL;
	CURLU *parts = curl_url();
	bool found = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
		     curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		     strlen(host) < 256;
	if (found)
		for (size_t i = 0; i <= strlen(host); i++)
			out[i] = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] | 0x20) : host[i];
	curl_free(host);
	curl_url_cleanup(parts);
	return found;
}

static void drop(struct names **names, struct names *n)
{
	HASH_DEL(*names, n);
	free(n);
}

static void drop_old(struct names **names, int64_t now_ms)
{
	struct names *n, *next;
	HASH_ITER(hh, *names, n, next)
		if (n->until_ms <= now_ms)
			drop(names, n);
}

void names_note_silent(struct names **names, const char *url, int64_t now_ms)
{
	struct names *n = NULL;
	char host[256] = "";
	if (!host_of(url, host))
		return;
	drop_old(names, now_ms);
	HASH_FIND_STR(*names, host, n);
	if (!n && HASH_COUNT(*names) < HOSTS_MAX && (n = calloc(1, sizeof *n))) {
		memcpy(n->host, host, strlen(host) + 1);
		HASH_ADD_STR(*names, host, n);
	}
	if (n)
		n->until_ms = now_ms + NAMES_SILENT_MS;
}

bool names_is_silent(struct names **names, const char *url, int64_t now_ms)
{
	struct names *n = NULL;
	char host[256] = "";
	if (!*names || !host_of(url, host))
		return false;
	HASH_FIND_STR(*names, host, n);
	return n && n->until_ms > now_ms;
}

void names_free(struct names **names)
{
	drop_old(names, INT64_MAX);
}
