/* Requests of our own outside of calls: OPTIONS and REGISTER. */
#include "base/clock.h"
#include "sip/agent.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct sip_request {
	struct sip_request *next, **previous;
	struct sip_agent *agent;
	struct sip_question q; /* texts in home */
	nta_leg_t *leg;
	nta_outgoing_t *sent;
	struct sip_account account;
	struct sip_tries tries;
	int64_t sent_us;
	void (*answered)(void *arg, const struct sip_answer *answer);
	void *arg;
	su_home_t home[1];
};

bool sip_requests_go_to(const struct sip_agent *a, const char *host)
{
	char own[SIP_HOST_SIZE];
	for (const struct sip_request *r = a->requests; r; r = r->next)
		if (r->q.uri && strcasecmp(sip_uri_host(r->q.uri, own), host) == 0)
			return true;
	return false;
}

static void free_request(struct sip_request *r)
{
	*r->previous = r->next;
	if (r->next)
		r->next->previous = r->previous;
	if (r->sent)
		nta_outgoing_destroy(r->sent);
	if (r->leg)
		nta_leg_destroy(r->leg);
	su_home_deinit(r->home);
	free(r);
}

/* Once: the answer, and the end. */
static void finish(struct sip_request *r, const struct sip_answer *answer)
{
	void (*answered)(void *, const struct sip_answer *) = r->answered;
	void *arg = r->arg;
	free_request(r);
	answered(arg, answer);
}

void sip_request_give_up(struct sip_request *r)
{
	finish(r, &(struct sip_answer){0});
}

static bool send_request(struct sip_request *r);

/* Seconds that our contact is registered for (RFC 3261 §10.2.4). */
static int expires_of(const struct sip_request *r, sip_t const *sip)
{
	for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next)
		if (m->m_url->url_user && r->q.contact_user && strcmp(m->m_url->url_user, r->q.contact_user) == 0 && m->m_expires)
			return atoi(m->m_expires);
	return sip->sip_expires ? (int)sip->sip_expires->ex_delta : r->q.expires;
}

/* Is there something that the same request could be sent again with? */
static bool ask_otherwise(struct sip_request *r, sip_t const *sip, int status)
{
	bool challenged = (status == 401 || status == 407) &&
			  sip_take_challenge(&r->account, r->home, sip, &r->tries);
	bool longer = status == 423 && sip->sip_min_expires && (int)sip->sip_min_expires->me_delta > r->q.expires; /* RFC 3261 §10.2.8 */
	if (longer)
		r->q.expires = (int)sip->sip_min_expires->me_delta;
	return challenged || longer;
}

static const char *problem_of(struct sip_request *r)
{
	const url_t *url = url_make(r->home, r->q.uri);
	return sip_connection_problem(r->agent, url, r->sent_us);
}

static int on_answer(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, sip_t const *sip)
{
	struct sip_request *r = (struct sip_request *)(void *)magic;
	int status = sip && sip->sip_status ? sip->sip_status->st_status : nta_outgoing_status(orq);
	if (status < 200)
		return 0;
	/* The response may go with its transaction: what is needed of it is taken before. */
	struct sip_answer answer = {
		.status = sip ? status : 0,
		.latency_ms = (int)((clock_monotonic_us() - r->sent_us) / 1000),
		.expires = sip ? expires_of(r, sip) : 0,
		.problem = nta_sip_is_internal(sip) ? problem_of(r) : NULL,
	};
	if (answer.problem)
		answer.status = 0; /* nobody answered */
	r->sent = NULL;
	bool again = sip && ask_otherwise(r, sip, status) && send_request(r);
	nta_outgoing_destroy(orq);
	if (!again)
		finish(r, &answer);
	return 0;
}

static bool send_request(struct sip_request *r)
{
	bool registers = r->q.contact_user != NULL;
	const char *method = registers ? "REGISTER" : "OPTIONS";
	const url_t *url = url_make(r->home, r->q.uri);
	const struct sip_listener *from = sip_listener_towards(r->agent, r->q.uri);
	const url_t *own = from->contact->m_url;
	sip_listener_prefer(from);
	const char *credentials = sip_credentials(&r->account, r->home, method, url, NULL);
	const char *contact = registers ? su_sprintf(r->home, "<sip:%s@%s%s%s;%s>", r->q.contact_user, own->url_host, own->url_port ? ":" : "", own->url_port ? own->url_port : "", own->url_params) : NULL;
	const char *expires = registers ? su_sprintf(r->home, "%d", r->q.expires) : NULL;
	r->sent_us = clock_monotonic_us();
	r->sent = nta_outgoing_tcreate(r->leg, on_answer, (nta_outgoing_magic_t *)(void *)r, NULL, registers ? sip_method_register : sip_method_options, method,
		(url_string_t *)(uintptr_t)url, TAG_IF(contact, SIPTAG_CONTACT_STR(contact)), TAG_IF(expires, SIPTAG_EXPIRES_STR(expires)),
		SIPTAG_ACCEPT_STR("application/sdp"),
		TAG_IF(credentials, SIPTAG_HEADER_STR(credentials)), TAG_END());
	return r->sent != NULL;
}

/* The user's address of record at the registrar; of OPTIONS, ours. */
static sip_from_t *make_from(struct sip_request *r)
{
	sip_from_t *from = sip_from_create(r->home, (url_string_t const *)nta_agent_contact(r->agent->nta)->m_url);
	if (from)
		from->a_url->url_params = NULL;
	if (from && r->q.contact_user)
		from = sip_from_make(r->home, su_sprintf(r->home, "<sip:%s@%s>", r->q.username ? r->q.username : "anonymous", url_make(r->home, r->q.uri)->url_host));
	return from;
}

/* There is no dialog: nothing that belongs to one. */
static int refuse(nta_leg_magic_t *magic, nta_leg_t *leg, nta_incoming_t *irq, sip_t const *sip)
{
	(void)magic, (void)leg, (void)irq, (void)sip;
	return 481;
}

bool sip_ask(struct sip_agent *agent, const struct sip_question *q, void (*answered)(void *arg, const struct sip_answer *answer), void *arg)
{
	struct sip_request *r = sip_agent_refuses(agent, q->uri) ? NULL : calloc(1, sizeof *r);
	if (!r)
		return false;
	su_home_init(r->home);
	r->agent = agent;
	r->answered = answered;
	r->arg = arg;
	r->next = agent->requests;
	r->previous = &agent->requests;
	if (r->next)
		r->next->previous = &r->next;
	agent->requests = r;
	r->q = (struct sip_question){su_strdup(r->home, q->uri), q->username ? su_strdup(r->home, q->username) : NULL, q->password ? su_strdup(r->home, q->password) : NULL,
				     q->contact_user ? su_strdup(r->home, q->contact_user) : NULL, q->expires};
	r->account.username = r->q.username;
	r->account.password = r->q.password;
	const url_t *url = url_make(r->home, r->q.uri);
	sip_from_t *from = url && url->url_host ? make_from(r) : NULL;
	sip_to_t *to = from ? (q->contact_user ? sip_to_dup(r->home, from) : sip_to_make(r->home, r->q.uri)) : NULL;
	r->leg = to ? nta_leg_tcreate(agent->nta, refuse, NULL, SIPTAG_FROM(from), SIPTAG_TO(to), TAG_END()) : NULL;
	if (r->leg)
		nta_leg_tag(r->leg, NULL);
	if (r->leg && send_request(r))
		return true;
	free_request(r);
	return false;
}
