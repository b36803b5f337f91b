#include "model/words.h"
#include "base/result.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Words that are not written as they stand in a name. */
static const struct {
	const char *name, *text;
} spelled[] = {
	{"api", "API"},	    {"cidr", "CIDR"}, {"crm", "CRM"},	{"csv", "CSV"},	  {"dni", "DNI"},
	{"dtmf", "DTMF"},   {"e164", "E.164"}, {"hmac", "HMAC"}, {"http", "HTTP"}, {"id", "ID"},
	{"ids", "IDs"},	    {"ip", "IP"},     {"javascript", "JavaScript"},   {"json", "JSON"}, {"max", "max."},
	{"min", "min."},    {"oauth", "OAuth"}, {"pcm", "PCM"}, {"rtb", "RTB"},	  {"rtp", "RTP"},
	{"sdp", "SDP"},	    {"sip", "SIP"},   {"srtp", "SRTP"}, {"tls", "TLS"},	  {"uri", "URI"},
	{"uris", "URIs"},   {"url", "URL"},   {"urls", "URLs"}, {"utc", "UTC"},	  {"wav", "WAV"},
	{"xml", "XML"},
};

/* What the last word of a name says of its value. */
static const struct {
	const char *name, *text;
} endings[] = {
	{"seconds", " (s)"}, {"ms", " (ms)"}, {"minutes", " (minutes)"}, {"hours", " (hours)"}, {"days", " (days)"},
	{"percent", " (%)"}, {"id", ""},      {"ids", "s"},		 {"at", ""},
};

static const char *spell(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(spelled); i++)
		if (strlen(spelled[i].name) == len && memcmp(spelled[i].name, word, len) == 0)
			return spelled[i].text;
	return NULL;
}

static const char *ending(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		if (strlen(endings[i].name) == len && memcmp(endings[i].name, word, len) == 0)
			return endings[i].text;
	return NULL;
}

static void add(char out[WORDS_SIZE], const char *text, size_t len)
{
	size_t n = strlen(out);
	snprintf(out + n, WORDS_SIZE - n, "%.*s", (int)len, text);
}

const char *words_lower(const char *name, char out[WORDS_SIZE])
{
	out[0] = '\0';
	for (const char *word = name; *word;) {
		size_t len = strcspn(word, "_.- ");
		bool last = !word[len];
		const char *end = last && word != name ? ending(word, len) : NULL;
		const char *text = end ? end : spell(word, len);
		if (*out && !end)
			add(out, " ", 1);
		add(out, text ? text : word, text ? strlen(text) : len);
		word += len + !last;
	}
	return out;
}

const char *words_title(const char *name, char out[WORDS_SIZE])
{
	words_lower(name, out);
	if (out[0] >= 'a' && out[0] <= 'z')
		out[0] = (char)(out[0] - 'a' + 'A');
	return out;
}

const char *words_singular(const char *title, char out[WORDS_SIZE])
{
	static const char *const es[] = {"ches", "shes", "sses", "xes"};
	snprintf(out, WORDS_SIZE, "%s", title);
	size_t n = strlen(out);
	if (n > 3 && strcmp(out + n - 3, "ies") == 0) {
		memcpy(out + n - 3, "y", 2);
		return out;
	}
	for (size_t i = 0; i < ARRAY_LEN(es); i++)
		if (n > strlen(es[i]) && strcmp(out + n - strlen(es[i]), es[i]) == 0) {
			out[n - 2] = '\0';
			return out;
		}
	if (n > 1 && out[n - 1] == 's' && out[n - 2] != 's')
		out[n - 1] = '\0';
	return out;
}
