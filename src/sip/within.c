/* Our requests within a dialog; each is sent again when it is challenged (RFC 3261 section 22). */
#include "sip/agent.h"
#include <stdlib.h>

static bool send_again(struct sip_within *w);

static void unlink_request(struct sip_within *w)
{
	if (!w->previous)
		return;
	*w->previous = w->next;
	if (w->next)
		w->next->previous = w->previous;
	w->previous = NULL;
}

void sip_within_free(struct sip_within *w)
{
	unlink_request(w);
	if (w->sent)
		nta_outgoing_destroy(w->sent);
	su_home_deinit(w->home);
	free(w);
}

/* A provisional response to a re-INVITE. */
static void take_provisional(struct sip_within *w, nta_outgoing_t *out, sip_t const *sip)
{
	if (w->method != sip_method_invite || w->leg->state != LEG_CONFIRMED)
		return;
	const char *sdp = sip_leg_sdp(w->leg, sip);
	if (*sdp)
		w->early_sdp = sdp;
	if (sip_has_feature(sip->sip_require, "100rel") && sip->sip_rseq)
		sip_leg_prack(w->leg, out, sip);
}

/* A 2xx: it may move the remote target (RFC 3261 section 12.2.1.2), and the ACK goes there. */
static void take_success(struct sip_within *w, nta_outgoing_t *out, sip_t const *sip)
{
	if (w->method != sip_method_invite && w->method != sip_method_update)
		return;
	msg_t *msg = nta_outgoing_getresponse(out);
	sip_leg_refresh_target(w->leg, w->dialog, msg, sip);
	msg_destroy(msg);
	if (w->method == sip_method_invite)
		sip_leg_send_ack(w->leg, sip);
}

static int on_response(nta_outgoing_magic_t *magic, nta_outgoing_t *out, sip_t const *sip)
{
	struct sip_within *w = (struct sip_within *)(void *)magic;
	int status = sip && sip->sip_status ? sip->sip_status->st_status : nta_outgoing_status(out);
	struct sip_leg *leg = w->leg;
	if (status < 200) {
		if (sip && status > 100)
			take_provisional(w, out, sip);
		return 0;
	}
	bool challenged = sip && (status == 401 || status == 407);
	if (challenged && sip_take_challenge(leg->account, leg->home, sip, &w->tries) &&
	    send_again(w)) {
		nta_outgoing_destroy(out);
		return 0;
	}
	bool unreached = status == 503 && nta_sip_is_internal(sip);
	if (unreached && sip_leg_follow_source(leg) && send_again(w)) {
		nta_outgoing_destroy(out);
		return 0;
	}
	if (sip && status < 300)
		take_success(w, out, sip);
	w->sent = NULL;
	unlink_request(w); /* whoever is called now may free the leg */
	if (w->answered)
		w->answered(leg, w, status, sip);
	nta_outgoing_destroy(out);
	sip_within_free(w);
	return 0;
}

/* The request URI that nta gives it. */
static const url_t *target_of(struct sip_within *w, su_home_t *home)
{
	const sip_contact_t *target = NULL;
	nta_leg_get_route(w->dialog, NULL, &target);
	if (target)
		return target->m_url;
	return w->leg->uri ? url_make(home, w->leg->uri) : NULL;
}

static bool send_again(struct sip_within *w)
{
	struct sip_leg *leg = w->leg;
	su_home_t work[1] = {SU_HOME_INIT(work)};
	if (!w->dialog)
		return false;
	su_home_init(work);
	const url_t *url = leg->account ? target_of(w, work) : NULL;
	const char *credentials =
		url ? sip_credentials(leg->account, work, w->name, url, w->body) : NULL;
	if (w->method == sip_method_invite)
		leg->credentials = credentials ? su_strdup(leg->work, credentials) : NULL;
	sip_listener_prefer(leg->listener);
	w->sent = nta_outgoing_tcreate(
		w->dialog, on_response, (nta_outgoing_magic_t *)(void *)w, leg->route, w->method,
		w->name, NULL, TAG_IF(w->contact, SIPTAG_CONTACT(sip_leg_contact(leg))),
		TAG_IF(w->contact, SIPTAG_ALLOW(leg->agent->methods)),
		TAG_IF(w->contact, SIPTAG_SUPPORTED(leg->agent->features)),
		TAG_IF(w->headers, SIPTAG_HEADER_STR(w->headers)),
		TAG_IF(credentials, SIPTAG_HEADER_STR(credentials)),
		TAG_IF(w->body, SIPTAG_CONTENT_TYPE_STR(w->type)),
		TAG_IF(w->body, SIPTAG_PAYLOAD_STR(w->body)), TAG_END());
	su_home_deinit(work);
	return w->sent != NULL;
}

struct sip_within *sip_leg_send(struct sip_leg *leg, const struct sip_within *what)
{
	struct sip_within *w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	*w = *what;
	su_home_init(w->home);
	w->leg = leg;
	w->dialog = leg->dialog;
	w->headers = what->headers ? su_strdup(w->home, what->headers) : NULL;
	w->body = what->body ? su_strdup(w->home, what->body) : NULL;
	w->next = leg->within;
	w->previous = &leg->within;
	if (w->next)
		w->next->previous = &w->next;
	leg->within = w;
	bool copied = (w->headers || !what->headers) && (w->body || !what->body);
	if (copied && send_again(w))
		return w;
	sip_within_free(w);
	return NULL;
}

void sip_within_stop(struct sip_leg *leg)
{
	while (leg->within)
		sip_within_free(leg->within);
}

void sip_within_forget(struct sip_leg *leg, const nta_leg_t *dialog)
{
	for (struct sip_within *w = leg->within; w; w = w->next)
		if (w->dialog == dialog)
			w->dialog = NULL;
}
