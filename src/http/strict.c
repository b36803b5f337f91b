#include "http/strict.h"
#include <ctype.h>
#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#define URI_ROOM 20000 /* of the connection's 32 KiB */
#define ARGUMENT_ROOM 64

struct section {
	const char *next; /* where the next field must begin; NULL: not known */
	const char *problem;
	int hosts, lengths, codings;
	bool chunked;
};

static bool is_token(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("!#$%&'*+-.^_`|~", name[i]))
			return false;
	return len > 0;
}

static void count(struct section *s, const char *name, const char *value)
{
	s->hosts += strcasecmp(name, "Host") == 0;
	s->lengths += strcasecmp(name, "Content-Length") == 0;
	if (strcasecmp(name, "Transfer-Encoding") != 0)
		return;
	s->codings++;
	s->chunked = strcasecmp(value, "chunked") == 0;
}

/*
 * Version 0.9.75 splits the section where it was received, and puts a NUL in place of CR and of LF.
 * A bare LF leaves one; a folded line is copied elsewhere; a NUL in a value ends it early. Of each,
 * the next field is not two bytes behind the value.
 */
static enum MHD_Result each(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
			    const char *value, size_t value_len)
{
	struct section *s = arg;
	(void)kind;
	if (!is_token(name, name_len))
		s->problem = "a field name has characters that none may have, such as a space before the colon";
	else if (s->next && (name != s->next || !value || value[value_len] || value[value_len + 1]))
		s->problem = "a line does not end with CR LF, or is folded, or has a NUL";
	else if (s->next)
		s->next = value + value_len + 2;
	count(s, name, value ? value : "");
	return s->problem ? MHD_NO : MHD_YES;
}

const char *strict_problem(struct MHD_Connection *connection, const char *version)
{
	bool in_place = strcmp(MHD_get_version(), "0.9.75") == 0;
	bool new = strcmp(version, "HTTP/1.1") == 0;
	struct section s = {.next = in_place ? version + strlen(version) + 2 : NULL};
	if (!new && strcmp(version, "HTTP/1.0") != 0)
		return "the version must be HTTP/1.1 or HTTP/1.0";
	if (in_place && s.next[-1])
		return "the request line does not end with CR LF";
	MHD_get_connection_values_n(connection, MHD_HEADER_KIND, each, &s);
	if (s.problem)
		return s.problem;
	if (s.next && (s.next[0] || s.next[1]))
		return "the header section does not end with CR LF";
	if (s.hosts > 1 || (new && !s.hosts))
		return "there must be one Host";
	if (s.lengths > 1 || (s.lengths && s.codings))
		return "there must be one Content-Length, or Transfer-Encoding";
	if (s.codings > 1 || (s.codings && (!s.chunked || !new)))
		return "Transfer-Encoding must be chunked, in HTTP/1.1";
	return NULL;
}

bool strict_uri_fits(const char *uri)
{
	size_t arguments = 1, len = 0;
	for (; uri[len]; len++)
		arguments += uri[len] == '&';
	return len + arguments * ARGUMENT_ROOM < URI_ROOM;
}
