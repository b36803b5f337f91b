/* Phones that register here (RFC 3261 §10): what is asked, and how it is answered. */
#include "sip/agent.h"
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/nta_stateless.h>
#include <stdlib.h>
#include <string.h>

#define EXPIRES_DEFAULT 300

/* A challenge before anything is made of a request that has no credentials. */
void sip_registrar_challenge(struct sip_agent *agent, msg_t *msg)
{
	struct sip_challenge challenge;
	struct sockaddr_storage room;
	sip_challenge_make(agent, sip_source(agent, msg, sip_object(msg), &room), false, &challenge);
	nta_msg_treply(agent->nta, msg, SIP_401_UNAUTHORIZED,
		       SIPTAG_WWW_AUTHENTICATE_STR(challenge.md5),
		       TAG_IF(*challenge.sha256, SIPTAG_WWW_AUTHENTICATE_STR(challenge.sha256)),
		       TAG_END());
}

/* All of them, with commas between. */
static const char *path_of(su_home_t *home, const sip_path_t *path)
{
	const char *all = "";
	for (const sip_path_t *p = path; p && all; p = p->r_next) {
		const char *one = url_as_string(home, p->r_url);
		all = one ? su_sprintf(home, "%s%s<%s>", all, *all ? ", " : "", one) : NULL;
	}
	return all;
}

static void answer(nta_incoming_t *irq, su_home_t *home, int status, const struct sip_registration *r)
{
	const char *contact = status == 200 ? r->known : NULL;
	if (status == 423)
		nta_incoming_treply(irq, 423, "Interval Too Brief", SIPTAG_MIN_EXPIRES_STR(su_sprintf(home, "%d", r->least_seconds)), TAG_END());
	else
		nta_incoming_treply(irq, status, sip_status_phrase(status), TAG_IF(contact, SIPTAG_CONTACT_STR(contact)), TAG_IF(contact && r->path, SIPTAG_PATH_STR(r->path)), TAG_END());
}

/* Of several contacts the first that stays. */
static int read_contact(su_home_t *home, const sip_t *sip, struct sip_registration *r)
{
	long asked = sip->sip_expires ? (long)sip->sip_expires->ex_delta : EXPIRES_DEFAULT;
	for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next) {
		long expires = m->m_expires ? strtol(m->m_expires, NULL, 10) : asked;
		if (m->m_url->url_type == url_any) {
			if (!sip->sip_expires || sip->sip_expires->ex_delta || sip->sip_contact->m_next)
				return 400; /* §10.3, step 6 */
			r->contact = "";
			return 0;
		}
		if (m->m_url->url_type != url_sip && m->m_url->url_type != url_sips)
			return 400;
		if (r->contact && !expires)
			continue;
		url_t *url = url_hdup(home, m->m_url);
		if (!url || !sip_url_clean(home, url))
			return 500;
		r->contact = url_as_string(home, url);
		r->contact_host = m->m_url->url_host;
		r->instance = msg_params_find(m->m_params, "+sip.instance=");
		r->expires_seconds = expires < 0 ? 0 : expires > 86400 ? 86400 : (int)expires;
		if (expires)
			break;
	}
	return 0;
}

int sip_registrar_request(struct sip_agent *agent, nta_incoming_t *irq, sip_t const *sip)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct sip_registration r = {0};
	struct sockaddr_storage room;
	su_home_init(home);
	msg_t *msg = nta_incoming_getrequest(irq);
	r.source = sip_source(agent, msg, sip, &room);
	const struct sip_credential_check check = {
		.method = "REGISTER",
		.uri = sip->sip_request->rq_url,
		.source = r.source,
		.proxied = sip_is_proxied(agent, msg),
		.password_of = agent->config.phone_password,
		.arg = agent->config.arg,
	};
	/* Where calls go is the word of who sent the REGISTER, or of proxies that are trusted. */
	r.path = sip->sip_path && sip_is_proxied(agent, msg) ? path_of(home, sip->sip_path) : NULL;
	r.transport = sip_transport_of_via(sip->sip_via);
	r.call_id = sip->sip_call_id->i_id;
	r.cseq = sip->sip_cseq->cs_seq;
	r.user_agent = sip->sip_user_agent && sip->sip_user_agent->g_string ? sip->sip_user_agent->g_string : "";
	struct sip_challenge challenge;
	enum sip_auth auth =
		sip_check_credentials(agent, home, sip->sip_authorization, &check, &challenge);
	int status = auth == SIP_AUTH_OK ? read_contact(home, sip, &r) : 403;
	if (auth == SIP_AUTH_CHALLENGED)
		nta_incoming_treply(irq, SIP_401_UNAUTHORIZED,
				    SIPTAG_WWW_AUTHENTICATE_STR(challenge.md5),
				    TAG_IF(*challenge.sha256,
					   SIPTAG_WWW_AUTHENTICATE_STR(challenge.sha256)),
				    TAG_END());
	else
		status = status ? status : agent->config.registered(agent->config.arg, &r);
	if (status == 200 && r.known)
		sip_flow_watch(agent, irq, msg, &r);
	if (auth != SIP_AUTH_CHALLENGED)
		answer(irq, home, status, &r);
	if (auth == SIP_AUTH_REFUSED && agent->config.refused)
		agent->config.refused(agent->config.arg, r.source);
	nta_incoming_destroy(irq);
	msg_destroy(msg);
	su_home_deinit(home);
	return 0;
}
