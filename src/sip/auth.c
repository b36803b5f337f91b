/*
 * Digest authentication (RFC 3261 section 22): of those who call and register, with MD5 and
 * qop=auth, and ours to others, with what they ask for (RFC 7616, RFC 8760).
 */
#include "base/clock.h"
#include "sip/agent.h"
#include <sofia-sip/auth_digest.h>
#include <sofia-sip/su_md5.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NONCE_LIFETIME_SECONDS 300

/* time-hash, so that no nonce has to be remembered. */
static void make_nonce(const struct sip_agent *agent, long seconds, char out[64])
{
	su_md5_t md5;
	char stamp[24], hash[2 * SU_MD5_DIGEST_SIZE + 1];
	snprintf(stamp, sizeof stamp, "%lx", (unsigned long)seconds);
	su_md5_init(&md5);
	su_md5_strupdate(&md5, agent->nonce_key);
	su_md5_strupdate(&md5, stamp);
	su_md5_hexdigest(&md5, hash);
	snprintf(out, 64, "%s.%s", stamp, hash);
}

static bool nonce_fresh(const struct sip_agent *agent, const char *nonce)
{
	char expected[64];
	long made = strtol(nonce, NULL, 16), now = (long)(clock_now_ms() / 1000);
	make_nonce(agent, made, expected);
	return strcmp(nonce, expected) == 0 && now - made >= 0 && now - made <= NONCE_LIFETIME_SECONDS;
}

void sip_make_challenge(const struct sip_agent *agent, const char *realm, bool stale, char out[SIP_CHALLENGE_SIZE])
{
	char nonce[64];
	make_nonce(agent, (long)(clock_now_ms() / 1000), nonce);
	snprintf(out, SIP_CHALLENGE_SIZE, "Digest realm=\"%s\", nonce=\"%s\", algorithm=MD5, qop=\"auth\"%s", realm, nonce, stale ? ", stale=true" : "");
}

enum sip_auth sip_check_credentials(const struct sip_agent *agent, su_home_t *home, const msg_auth_t *au, const struct sip_credential_check *check, char out[SIP_CHALLENGE_SIZE])
{
	auth_response_t ar = {.ar_size = sizeof ar};
	auth_hexmd5_t a1, expected;
	const char *password;
	if (!au || !au->au_params || auth_digest_response_get(home, &ar, au->au_params) < 0 || !ar.ar_username || !ar.ar_nonce || !ar.ar_uri || !ar.ar_response || !ar.ar_realm || strcmp(ar.ar_realm, check->realm) != 0) {
		sip_make_challenge(agent, check->realm, false, out);
		return SIP_AUTH_CHALLENGED;
	}
	if (!nonce_fresh(agent, ar.ar_nonce)) {
		sip_make_challenge(agent, check->realm, true, out);
		return SIP_AUTH_CHALLENGED;
	}
	for (size_t n = 0; (password = check->password_of(check->arg, ar.ar_username, n)); n++) {
		auth_digest_ha1(a1, ar.ar_username, check->realm, password);
		auth_digest_response(&ar, expected, a1, check->method, NULL, 0);
		if (strcasecmp(expected, ar.ar_response) == 0)
			return SIP_AUTH_OK;
	}
	return SIP_AUTH_REFUSED;
}

enum sip_auth sip_leg_authenticate(struct sip_leg *leg, const char *(*password_of)(void *arg, const char *username, size_t n), void *arg)
{
	msg_t *msg = nta_incoming_getrequest(leg->invite_in);
	sip_t *sip = sip_object(msg);
	char challenge[SIP_CHALLENGE_SIZE];
	const struct sip_credential_check check = {SIP_REALM, "INVITE", password_of, arg};
	enum sip_auth result = sip_check_credentials(leg->agent, leg->home, sip->sip_proxy_authorization ? sip->sip_proxy_authorization : sip->sip_authorization, &check, challenge);
	if (result == SIP_AUTH_CHALLENGED) {
		nta_incoming_treply(leg->invite_in, SIP_407_PROXY_AUTH_REQUIRED, SIPTAG_PROXY_AUTHENTICATE_STR(challenge), TAG_END());
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
