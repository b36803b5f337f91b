/* Digest authentication (RFC 3261 §22, RFC 7616 with MD5, qop=auth): of those who call and register, and ours to others. */
#include "base/clock.h"
#include "sip/agent.h"
#include <sofia-sip/auth_digest.h>
#include <sofia-sip/su_md5.h>
#include <stdlib.h>
#include <string.h>

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

bool sip_take_challenge(auth_client_t **auth, su_home_t *home, sip_t const *sip, const char *username, const char *password)
{
	bool server = sip->sip_status->st_status == 401;
	const msg_auth_t *challenge = server ? sip->sip_www_authenticate : sip->sip_proxy_authenticate;
	if (!username || !password || !challenge || auc_challenge(auth, home, challenge, server ? sip_authorization_class : sip_proxy_authorization_class) < 0)
		return false;
	const char *realm = msg_params_find(challenge->au_params, "realm=");
	char *credentials = su_sprintf(home, "%s:%s:%s:%s", "Digest", realm ? realm : "\"\"", username, password);
	return credentials && auc_credentials(auth, home, credentials) > 0;
}

msg_header_t *sip_credentials(auth_client_t **auth, su_home_t *home, const char *method, const url_t *url)
{
	msg_header_t *header = NULL;
	if (*auth)
		(void)auc_authorization_headers(auth, home, method, url, NULL, &header);
	return header;
}
