#include "sip/carrier.h"
#include "base/result.h"
#include "sip/headers.h"
#include <jansson.h>
#include <sofia-sip/sip_header.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define PARAMETERS_MAX 40
#define PASSPORT_MAX 4096 /* bytes of an Identity header's payload */
#define IDENTITY_MAX 8192 /* bytes of Identity header lines that are passed on */

struct parameters {
	su_home_t *home;
	const char *list[2 * PARAMETERS_MAX];
	size_t count; /* of names and values */
};

static const char *clean(su_home_t *home, const char *text, size_t len)
{
	size_t kept = len < SIP_PARAMETER_MAX ? len : SIP_PARAMETER_MAX;
	char *copy = su_strndup(home, text, (isize_t)kept);
	for (char *p = copy; p && *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	return copy ? copy : "";
}

static const char *unescaped(su_home_t *home, const char *text, size_t len)
{
	char *copy = su_strndup(home, text, (isize_t)len);
	if (!copy)
		return "";
	if (len >= 2 && copy[0] == '"' && copy[len - 1] == '"')
		copy[len - 1] = '\0', copy++;
	url_unescape(copy, copy);
	return clean(home, copy, strlen(copy));
}

/* ";name=value;name" or without the first semicolon. */
static void add_text(struct parameters *p, const char *text)
{
	while (text && *text && p->count < 2 * PARAMETERS_MAX) {
		text += strspn(text, "; ");
		size_t len = strcspn(text, ";"), name = strcspn(text, "=;");
		if (name) {
			size_t from = name + (name < len);
			p->list[p->count++] = clean(p->home, text, name);
			p->list[p->count++] = unescaped(p->home, text + from, len - from);
		}
		text += len;
	}
}

static void add_url(struct parameters *p, const url_t *url)
{
	const char *user = url->url_user;
	if (!user && url->url_type == url_tel)
		user = url->url_host;
	const char *own = user ? strchr(user, ';') : NULL;
	add_text(p, own);
	add_text(p, url->url_params);
}

static void add_header(struct parameters *p, const msg_param_t *list)
{
	for (size_t i = 0; list && list[i]; i++)
		if (strncasecmp(list[i], "tag=", 4) != 0)
			add_text(p, list[i]);
}

/* "" without. */
static const char *value_of(const struct parameters *p, size_t from, size_t to, const char *name)
{
	for (size_t i = from; i < to; i += 2)
		if (strcasecmp(p->list[i], name) == 0)
			return p->list[i + 1];
	return "";
}

/* Identity has a compact form (RFC 8224 section 4), which sofia does not know. */
static bool is_named(const sip_unknown_t *u, const char *name)
{
	if (!u->un_name || !u->un_value)
		return false;
	return strcasecmp(u->un_name, name) == 0 ||
	       (strcasecmp(u->un_name, "y") == 0 && strcmp(name, "Identity") == 0);
}

static const sip_unknown_t *next_named(const sip_unknown_t *u, const char *name)
{
	while (u && !is_named(u, name))
		u = u->un_next;
	return u;
}

/* The URIs of all header fields of that name, in order; NULL: none. */
static sip_contact_t *uris(su_home_t *home, const sip_t *sip, const char *name)
{
	sip_contact_t *first = NULL, **last = &first;
	for (const sip_unknown_t *u = next_named(sip->sip_unknown, name); u;
	     u = next_named(u->un_next, name)) {
		*last = sip_contact_make(home, u->un_value);
		while (*last)
			last = &(*last)->m_next;
	}
	return first;
}

static const char *level(char c)
{
	static const char *const levels[] = {"A", "B", "C"};
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if ((c & ~0x20) == *levels[i])
			return levels[i];
	return "";
}

/* A letter alone, which parameters may follow. */
static const char *single_level(const char *text)
{
	text += strspn(text, " \t\"");
	const char *end = *text ? text + 1 + strspn(text + 1, " \t\"") : text;
	return *text && (!*end || *end == ';') ? level(*text) : "";
}

/* What the payload of a PASSporT claims (RFC 8588): "header.payload.signature;info=…". */
static const char *claimed(const char *identity)
{
	unsigned char payload[PASSPORT_MAX];
	size_t len = 0;
	const char *start = strchr(identity, '.'), *end = start ? strchr(++start, '.') : NULL;
	size_t encoded = end ? (size_t)(end - start) : 0;
	if (!end || sodium_base642bin(payload, sizeof payload, start, encoded, NULL, &len, NULL,
				      sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return "";
	json_t *json = json_loadb((const char *)payload, len, 0, NULL);
	const char *attest = json_string_value(json_object_get(json, "attest"));
	const char *found = attest ? single_level(attest) : "";
	json_decref(json);
	return found;
}

static const char *attestation(const sip_t *sip, const char *verstat)
{
	static const char passed[] = "TN-Validation-Passed-", failed[] = "TN-Validation-Failed";
	if (strncasecmp(verstat, failed, sizeof failed - 1) == 0)
		return "";
	const char *found = "";
	if (strncasecmp(verstat, passed, sizeof passed - 1) == 0)
		found = single_level(verstat + sizeof passed - 1);
	const sip_unknown_t *u = next_named(sip->sip_unknown, "P-Attestation-Indicator");
	if (!*found && u)
		found = single_level(u->un_value);
	for (u = next_named(sip->sip_unknown, "Identity"); u && !*found;
	     u = next_named(u->un_next, "Identity"))
		found = claimed(u->un_value);
	return found;
}

static const char *identities(su_home_t *home, const sip_t *sip)
{
	const char *all = "";
	size_t size = 0;
	for (const sip_unknown_t *u = next_named(sip->sip_unknown, "Identity"); u && all;
	     u = next_named(u->un_next, "Identity")) {
		size += strlen(u->un_value);
		if (size > IDENTITY_MAX || strpbrk(u->un_value, "\r\n"))
			break;
		all = su_sprintf(home, "%sIdentity: %s\r\n", all, u->un_value);
	}
	return all ? all : "";
}

static const char *routing_number(su_home_t *home, const struct parameters *p, size_t from)
{
	const char *rn = value_of(p, from, p->count, "rn");
	const char *context = value_of(p, from, p->count, "rn-context");
	if (*rn == '+' || *context != '+' || !*rn)
		return rn;
	const char *global = su_sprintf(home, "%s%s", context, rn);
	return global ? global : rn;
}

void sip_carrier_read(su_home_t *home, const sip_t *sip, struct sip_carrier *out)
{
	struct parameters p = {.home = home};
	for (const sip_contact_t *m = uris(home, sip, "P-Asserted-Identity"); m; m = m->m_next) {
		add_url(&p, m->m_url);
		add_header(&p, m->m_params);
	}
	add_url(&p, sip->sip_from->a_url);
	add_header(&p, sip->sip_from->a_params);
	size_t own = p.count;
	add_url(&p, sip->sip_request->rq_url);
	add_url(&p, sip->sip_to->a_url);
	const char *oli = value_of(&p, 0, own, "isup-oli");
	*out = (struct sip_carrier){
		.rn = routing_number(home, &p, own),
		.verstat = value_of(&p, 0, own, "verstat"),
		.cpc = value_of(&p, 0, own, "cpc"),
		.oli = *oli ? oli : value_of(&p, 0, own, "oli"),
		.identity = identities(home, sip),
		.parameter_count = p.count / 2,
	};
	out->attestation = attestation(sip, out->verstat);
	const char **copy = su_alloc(home, (isize_t)((p.count + 1) * sizeof *copy));
	if (copy)
		memcpy(copy, p.list, p.count * sizeof *copy);
	else
		out->parameter_count = 0;
	out->parameters = copy;
}

/* ---- who calls ---- */

static bool is_number(const char *user)
{
	return *user && strspn(user, "+0123456789-.()") == strlen(user);
}

/* There may be two, a SIP URI and a tel URI (RFC 3325 section 9.1): a number says more than a name. */
const char *sip_asserted_identity(su_home_t *home, const sip_t *sip)
{
	const char *found = "";
	for (const sip_contact_t *m = uris(home, sip, "P-Asserted-Identity"); m; m = m->m_next) {
		const char *user = sip_user_of(home, m->m_url);
		if (is_number(user))
			return user;
		if (!*found)
			found = user;
	}
	return found;
}

const char *sip_remote_party(su_home_t *home, const sip_t *sip, bool *withheld)
{
	*withheld = false;
	for (const sip_contact_t *m = uris(home, sip, "Remote-Party-ID"); m; m = m->m_next) {
		const char *party = msg_params_find(m->m_params, "party=");
		const char *privacy = msg_params_find(m->m_params, "privacy=");
		const char *user = sip_user_of(home, m->m_url);
		if (!*user || (party && strcasecmp(party, "calling") != 0))
			continue;
		*withheld = privacy && (strcasestr(privacy, "full") || strcasestr(privacy, "uri"));
		return user;
	}
	return "";
}
