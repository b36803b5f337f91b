#include "sip/info.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
#define KEYS DIGITS "*#ABCDabcd"
#define FLASH '!'
#define FLASH_EVENT 16
#define BETWEEN " \t,;\"'" /* between the digits of a line */

struct span {
	const char *at;
	size_t len;
};

static bool is_in(char c, const char *set)
{
	return c && strchr(set, c);
}

static struct span trim(struct span s)
{
	for (; s.len && is_in(*s.at, " \t"); s.at++)
		s.len--;
	while (s.len && is_in(s.at[s.len - 1], " \t"))
		s.len--;
	return s;
}

static bool is_named(struct span s, const char *name)
{
	return s.len == strlen(name) && strncasecmp(s.at, name, s.len) == 0;
}

static void add(char out[INFO_KEYS_MAX + 1], char key)
{
	size_t n = strlen(out);
	if (n == INFO_KEYS_MAX || !is_in(key, KEYS))
		return;
	out[n] = (char)toupper((unsigned char)key);
	out[n + 1] = '\0';
}

/* "10" to "16": the number of an event. */
static bool read_event(struct span word, char out[INFO_KEYS_MAX + 1])
{
	if (word.len != 2 || word.at[0] != '1' || word.at[1] < '0' || word.at[1] > '6')
		return false;
	if (word.at[1] - '0' + 10 != FLASH_EVENT)
		add(out, "*#ABCD"[word.at[1] - '0']);
	return true;
}

static void read_word(struct span word, char out[INFO_KEYS_MAX + 1])
{
	if (read_event(word, out))
		return;
	for (size_t i = 0; i < word.len; i++)
		if (!is_in(word.at[i], KEYS) && word.at[i] != FLASH)
			return; /* a word such as "Flash" */
	for (size_t i = 0; i < word.len; i++)
		add(out, word.at[i]);
}

static void read_words(struct span s, char out[INFO_KEYS_MAX + 1])
{
	while (s.len) {
		size_t n = 0;
		while (n < s.len && !is_in(s.at[n], BETWEEN))
			n++;
		read_word((struct span){s.at, n}, out);
		n += n < s.len;
		s.at += n;
		s.len -= n;
	}
}

static void read_line(struct span line, char out[INFO_KEYS_MAX + 1])
{
	size_t name = 0;
	while (name < line.len && line.at[name] != '=' && line.at[name] != ':')
		name++;
	if (name == line.len)
		read_words(line, out);
	else if (is_named(trim((struct span){line.at, name}), "Signal"))
		read_words((struct span){line.at + name + 1, line.len - name - 1}, out);
}

bool sip_info_is_dtmf(const char *type)
{
	return strcasecmp(type, "application/dtmf-relay") == 0 ||
	       strcasecmp(type, "application/dtmf") == 0;
}

size_t sip_info_keys(const char *body, size_t len, char out[INFO_KEYS_MAX + 1])
{
	out[0] = '\0';
	for (size_t at = 0; at < len;) {
		size_t n = 0;
		while (at + n < len && !is_in(body[at + n], "\r\n"))
			n++;
		read_line((struct span){body + at, n}, out);
		at += n + 1;
	}
	return strlen(out);
}
