/*
 * Digest authentication (RFC 3261 section 22): of those who call and register, with MD5 or SHA-256
 * and qop=auth, and ours to others, with what they ask for (RFC 7616, RFC 8760).
 */
#include "base/clock.h"
#include "sip/agent.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void sip_challenge_make(const struct sip_agent *agent, const struct sockaddr *source, bool stale,
			struct sip_challenge *out)
{
	static const char format[] =
		"Digest realm=\"" SIP_REALM "\", nonce=\"%s\", algorithm=%s, qop=\"auth\"%s";
	const char *end = stale ? ", stale=true" : "";
	char nonce[NONCE_SIZE];
	uint64_t random;
	randombytes_buf(&random, sizeof random);
	nonce_make(agent->nonces, source, clock_monotonic_ms(), random, nonce);
	snprintf(out->md5, sizeof out->md5, format, nonce, "MD5", end);
	out->sha256[0] = '\0';
	if (agent->config.offers_sha256)
		snprintf(out->sha256, sizeof out->sha256, format, nonce, "SHA-256", end);
}

/*
 * Is the request the one that the credentials were made for (RFC 7616 section 3.4.6)? Parameters
 * may differ, and a port that one of both leaves out. A proxy in front may have changed the host.
 */
static bool is_same_uri(su_home_t *home, const char *text, const url_t *requested, bool proxied)
{
	const url_t *named = url_make(home, text);
	if (!named || !named->url_host || !requested->url_host)
		return false;
	const char *one = named->url_user ? named->url_user : "";
	const char *other = requested->url_user ? requested->url_user : "";
	bool same_port = !named->url_port || !requested->url_port ||
			 strcmp(named->url_port, requested->url_port) == 0;
	if (strcmp(one, other) != 0)
		return false;
	return proxied || (same_port && strcasecmp(named->url_host, requested->url_host) == 0);
}

enum sip_auth sip_check_credentials(struct sip_agent *agent, su_home_t *home, const msg_auth_t *au,
				    const struct sip_credential_check *check,
				    struct sip_challenge *out)
{
	struct digest_response r;
	const char *password;
	int64_t now = clock_monotonic_ms();
	bool usable = au && au->au_scheme && strcasecmp(au->au_scheme, "Digest") == 0 &&
		      digest_response_read(home, (const char *const *)au->au_params, &r) &&
		      strcmp(r.realm, SIP_REALM) == 0 &&
		      is_same_uri(home, r.uri, check->uri, check->proxied);
	bool fresh = usable && nonce_is_fresh(agent->nonces, r.nonce, check->source, now);
	if (!fresh) {
		sip_challenge_make(agent, check->source, usable, out);
		return SIP_AUTH_CHALLENGED;
	}
	for (size_t n = 0; (password = check->password_of(check->arg, r.username, n)); n++) {
		if (!digest_response_fits(&r, check->method, password))
			continue;
		if (check->taken && *check->taken)
			return SIP_AUTH_OK;
		if (!nonce_take(agent->nonces, r.nonce, r.count, now)) { /* a replay */
			sip_challenge_make(agent, check->source, true, out);
			return SIP_AUTH_CHALLENGED;
		}
		if (check->taken)
			*check->taken = true;
		return SIP_AUTH_OK;
	}
	return SIP_AUTH_REFUSED;
}

enum sip_auth sip_leg_authenticate(struct sip_leg *leg, const char *(*password_of)(void *arg, const char *username, size_t n), void *arg)
{
	msg_t *msg = nta_incoming_getrequest(leg->invite_in);
	sip_t *sip = sip_object(msg);
	struct sip_challenge challenge;
	struct sockaddr_storage room;
	const struct sip_credential_check check = {
		.method = "INVITE",
		.uri = sip->sip_request->rq_url,
		.source = sip_source(leg->agent, msg, sip, &room),
		.proxied = sip_is_proxied(leg->agent, msg),
		.taken = &leg->authenticated,
		.password_of = password_of,
		.arg = arg,
	};
	const msg_auth_t *given = sip->sip_proxy_authorization ? sip->sip_proxy_authorization
							       : sip->sip_authorization;
	enum sip_auth result = sip_check_credentials(leg->agent, leg->home, given, &check, &challenge);
	if (result == SIP_AUTH_CHALLENGED) {
		nta_incoming_treply(leg->invite_in, SIP_407_PROXY_AUTH_REQUIRED,
				    SIPTAG_PROXY_AUTHENTICATE_STR(challenge.md5),
				    TAG_IF(*challenge.sha256,
					   SIPTAG_PROXY_AUTHENTICATE_STR(challenge.sha256)),
				    TAG_END());
		nta_incoming_destroy(leg->invite_in);
		leg->invite_in = NULL;
	}
	msg_destroy(msg);
	return result;
}

/* ---- ours ---- */

/* The realm among those that have challenged, or a new one; NULL: there are too many. */
static struct sip_realm *realm_of(struct sip_account *account, bool proxy, const char *name)
{
	struct sip_realm *realms = account->realms;
	for (size_t i = 0; i < account->count; i++)
		if (realms[i].proxy == proxy && strcmp(realms[i].challenge.realm, name) == 0)
			return &realms[i];
	if (account->count == SIP_REALMS_MAX)
		return NULL;
	realms[account->count].proxy = proxy;
	return &realms[account->count++];
}

/* What one response asks for. */
struct challenges {
	unsigned seen; /* realms, a bit each: of several challenges of a realm the first counts */
	bool taken, refused;
};

/* RFC 8760 section 2.4: the topmost challenge of a realm that can be answered is answered. */
static void take(struct sip_account *account, su_home_t *home, const msg_auth_t *challenge,
		 bool proxy, struct sip_tries *tries, struct challenges *all)
{
	struct digest_challenge c;
	if (!challenge->au_scheme || strcasecmp(challenge->au_scheme, "Digest") != 0 ||
	    !digest_challenge_read(home, (const char *const *)challenge->au_params, &c))
		return;
	struct sip_realm *realm = realm_of(account, proxy, c.realm);
	unsigned bit = realm ? 1u << (realm - account->realms) : 0;
	if (!realm || (all->seen & bit))
		return;
	all->seen |= bit;
	if ((tries->answered & bit) && !c.stale) {
		all->refused = true; /* the credentials are wrong (RFC 3261 section 22.2) */
		return;
	}
	tries->answered |= bit;
	realm->challenge = c;
	realm->count = 0;
	all->taken = true;
}

bool sip_take_challenge(struct sip_account *account, su_home_t *home, sip_t const *sip,
			struct sip_tries *tries)
{
	struct challenges all = {0};
	if (!account || !account->username || !account->password || tries->count >= SIP_TRIES_MAX)
		return false;
	tries->count++;
	for (const msg_auth_t *a = sip->sip_www_authenticate; a; a = a->au_next)
		take(account, home, a, false, tries, &all);
	for (const msg_auth_t *a = sip->sip_proxy_authenticate; a; a = a->au_next)
		take(account, home, a, true, tries, &all);
	return all.taken && !all.refused;
}

const char *sip_credentials(struct sip_account *account, su_home_t *home, const char *method,
			    const url_t *url, const char *body)
{
	const char *lines = NULL;
	char cnonce[33];
	unsigned char random[16];
	for (size_t i = 0; account && i < account->count; i++) {
		struct sip_realm *realm = &account->realms[i];
		randombytes_buf(random, sizeof random);
		sodium_bin2hex(cnonce, sizeof cnonce, random, sizeof random);
		const struct digest_request request = {
			.username = account->username,
			.password = account->password,
			.method = method,
			.uri = url_as_string(home, url),
			.body = body,
			.cnonce = cnonce,
			.count = ++realm->count,
		};
		const char *field = realm->proxy ? "Proxy-Authorization" : "Authorization";
		const char *value =
			request.uri ? digest_credentials(home, &realm->challenge, &request) : NULL;
		if (value)
			lines = su_sprintf(home, "%s%s: %s\r\n", lines ? lines : "", field, value);
	}
	return lines;
}
