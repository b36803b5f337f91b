/* One dialog: its INVITE, its end, and everything that can happen between. */
#include "base/clock.h"
#include "sip/agent.h"
#include "sip/body.h"
#include "sip/info.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REPEATED_MS 33000 /* a 200 is, for 64 times 500 ms (RFC 3261 §13.3.1.4) */

static int on_response(struct sip_leg *leg, nta_outgoing_t *orq, sip_t const *sip);
static void answer_now(struct sip_leg *leg, int status, const char *sdp, bool ok);
static void drop_invite(struct sip_leg *leg);

struct sip_leg *sip_leg_new(struct sip_agent *agent)
{
	struct sip_leg *leg = calloc(1, sizeof *leg);
	if (!leg)
		return NULL;
	leg->work = su_home_new(sizeof *leg->work);
	if (!leg->work) {
		free(leg);
		return NULL;
	}
	su_home_init(leg->home);
	leg->agent = agent;
	leg->next = agent->legs;
	leg->previous = &agent->legs;
	if (leg->next)
		leg->next->previous = &leg->next;
	agent->legs = leg;
	agent->leg_count++;
	return leg;
}

static void forget_reliable(struct sip_leg *leg)
{
	for (size_t i = 0; i < SIP_RELIABLE_MAX; i++) {
		if (leg->reliable[i])
			nta_reliable_destroy(leg->reliable[i]);
		leg->reliable[i] = NULL;
	}
}

void sip_leg_free(struct sip_leg *leg)
{
	forget_reliable(leg);
	if (leg->invite_in)
		nta_incoming_destroy(leg->invite_in);
	if (leg->reinvite_in)
		nta_incoming_destroy(leg->reinvite_in);
	if (leg->reinvite_acked)
		nta_incoming_destroy(leg->reinvite_acked);
	if (leg->refer_in)
		nta_incoming_destroy(leg->refer_in);
	drop_invite(leg);
	sip_session_stop(leg);
	sip_leg_offer_stop(leg);
	sip_within_stop(leg);
	sip_leg_pass_stop(leg);
	sip_early_stop(leg);
	if (leg->dialog)
		nta_leg_destroy(leg->dialog);
	*leg->previous = leg->next;
	if (leg->next)
		leg->next->previous = leg->previous;
	leg->agent->leg_count--;
	if (leg->lines_home)
		su_home_unref(leg->lines_home);
	su_home_unref(leg->work);
	su_home_deinit(leg->home);
	free(leg);
}

void sip_leg_timer(struct sip_leg *leg, su_timer_t **timer, su_timer_f then, unsigned ms)
{
	if (!*timer)
		*timer = su_timer_create(su_root_task(leg->agent->root), 0);
	if (*timer)
		su_timer_set_interval(*timer, then, (su_timer_arg_t *)(void *)leg, ms);
}

/* Free a leg that nobody owns and that waits for nothing. */
static void collect(struct sip_leg *leg)
{
	if (leg->released && leg->state == LEG_OVER && !leg->bye_out && !leg->invite_out)
		sip_leg_free(leg);
}

/* The SDP of its body, which carriers send beside ISUP, or where the caller is. */
const char *sip_leg_sdp(struct sip_leg *leg, sip_t const *sip)
{
	const sip_payload_t *body = sip->sip_payload;
	const char *type = body && body->pl_data && sip->sip_content_type ? sip_header_as_string(leg->work, (const sip_header_t *)sip->sip_content_type) : NULL;
	size_t len;
	const char *sdp = type ? sip_body_sdp(type, body->pl_data, body->pl_len, &len) : NULL, *copy = sdp ? su_strndup(leg->work, sdp, (isize_t)len) : NULL;
	return copy ? copy : "";
}

bool sip_body_is_usable(sip_t const *sip, const char *sdp)
{
	const sip_content_encoding_t *packed = sip->sip_content_encoding;
	bool plain = !packed || !packed->k_items || !packed->k_items[0] || strcasecmp(packed->k_items[0], "identity") == 0;
	return !sip->sip_payload || !sip->sip_payload->pl_len || (plain && *sdp);
}

/* ---- requests inside the dialog ---- */

/* NULL: it gives none. */
static const char *reason_of(struct sip_leg *leg, sip_t const *sip)
{
	return sip->sip_reason ? sip_header_as_string(leg->work, (const sip_header_t *)sip->sip_reason) : NULL;
}

static int on_bye(struct sip_leg *leg, nta_incoming_t *irq, sip_t const *sip)
{
	nta_incoming_treply(irq, SIP_200_OK, TAG_END());
	nta_incoming_destroy(irq);
	if (leg->state == LEG_OVER)
		return 0;
	if (leg->state == LEG_INCOMING && leg->invite_in) { /* RFC 3261 §15.1.2 */
		nta_incoming_treply(leg->invite_in, SIP_487_REQUEST_CANCELLED, TAG_END());
		nta_incoming_destroy(leg->invite_in);
		leg->invite_in = NULL;
	}
	leg->state = LEG_OVER;
	leg->released = leg->released || !leg->handler; /* nobody has it yet */
	sip_session_stop(leg);
	sip_leg_offer_stop(leg);
	if (!leg->released && leg->handler->ended)
		leg->handler->ended(leg->owner, "bye", reason_of(leg, sip));
	else
		collect(leg);
	return 0;
}

/* 200, with what was agreed of the session; sdp NULL: without. */
static void answer_offer(struct sip_leg *leg, nta_incoming_t *irq, const char *sdp)
{
	bool prack = nta_incoming_method(irq) == sip_method_prack;
	const char *expires = prack ? NULL : sip_session_told(leg);
	const char *require = prack ? NULL : sip_session_required(leg);
	if (sdp)
		leg->sdp = su_strdup(leg->work, sdp);
	nta_incoming_treply(irq, SIP_200_OK, SIPTAG_CONTACT(sip_leg_contact(leg)),
			    SIPTAG_ALLOW(leg->agent->methods),
			    SIPTAG_SUPPORTED(leg->agent->features),
			    TAG_IF(expires, SIPTAG_SESSION_EXPIRES_STR(expires)),
			    TAG_IF(require, SIPTAG_REQUIRE_STR(require)),
			    TAG_IF(sdp, SIPTAG_CONTENT_TYPE(leg->agent->audio)),
			    TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
	if (!prack)
		sip_session_take_effect(leg);
}

static void tell_offered(struct sip_leg *leg, int status, const char *sdp, bool ok)
{
	(void)status;
	if (!ok || leg->released)
		sip_leg_reoffer_answer(leg, leg->released ? 481 : 488, NULL);
	else
		leg->handler->offered(leg->owner, sdp);
}

/* CANCEL of an offer that is not answered yet, which is a re-INVITE. */
static int on_offer_cancel(struct sip_leg *leg, nta_incoming_t *irq, sip_t const *sip)
{
	if (leg->reinvite_in != irq || (sip && sip->sip_request->rq_method != sip_method_cancel))
		return 0;
	nta_incoming_treply(irq, SIP_487_REQUEST_CANCELLED, TAG_END());
	nta_incoming_destroy(irq);
	leg->reinvite_in = NULL;
	return 0;
}

/* Has our side offered something that the far side has not answered? */
static bool has_open_offer(const struct sip_leg *leg)
{
	bool refreshes = leg->refresh_out && leg->refresh_out->body;
	switch (leg->state) {
	case LEG_INCOMING:
		return !leg->invite_offered && leg->early_media < EARLY_ANSWERED;
	case LEG_ANSWERED:
		return !leg->far_offered && leg->early_media < EARLY_ANSWERED;
	case LEG_OUTGOING:
		return !leg->early_answered;
	default:
		return leg->offering || leg->offer_out || refreshes ||
		       (leg->reinvite_acked && !leg->far_offered);
	}
}

/* Has the far side offered something that was not answered? */
static bool has_offer_to_answer(const struct sip_leg *leg)
{
	bool invited = leg->state == LEG_INCOMING && leg->invite_offered;
	return leg->reinvite_in || (invited && leg->early_media < EARLY_ANSWERED);
}

/* What a re-INVITE or UPDATE is refused with; 0: nothing (RFC 3261 section 14.2, RFC 3311 5.2). */
static int in_the_way(const struct sip_leg *leg, bool invite, bool offer)
{
	const nta_incoming_t *before = leg->reinvite_in;
	bool updates = before && nta_incoming_method(before) == sip_method_update;
	if (invite && (before || leg->state == LEG_INCOMING))
		return 500;
	if (invite && (leg->state != LEG_CONFIRMED || leg->refresh_out || has_open_offer(leg)))
		return 491;
	if (updates)
		return 500;
	if (!invite && !offer) /* UPDATE only to refresh the session */
		return 0;
	if (has_offer_to_answer(leg))
		return 500;
	return has_open_offer(leg) ? 491 : 0;
}

static int answer_request(nta_incoming_t *irq, int status, const char *phrase)
{
	nta_incoming_treply(irq, status, phrase, TAG_END());
	nta_incoming_destroy(irq);
	return 0;
}

/* The far side is to try again, not at the same time as others (RFC 3311 section 5.2). */
static int ask_later(struct sip_leg *leg, nta_incoming_t *irq)
{
	const char *seconds = su_sprintf(leg->work, "%u", (unsigned)randombytes_uniform(11));
	nta_incoming_treply(irq, SIP_500_INTERNAL_SERVER_ERROR, SIPTAG_RETRY_AFTER_STR(seconds),
			    TAG_END());
	nta_incoming_destroy(irq);
	return 0;
}

/* A 2xx to a re-INVITE or UPDATE is about to be sent: the request may move the remote target. */
static void take_target(struct sip_leg *leg, nta_incoming_t *irq)
{
	msg_t *msg = nta_incoming_getrequest(irq);
	const sip_t *sip = sip_object(msg);
	struct sip_early *e = NULL;
	if (leg->state == LEG_OUTGOING)
		e = sip_early_of(leg, sip->sip_from->a_tag);
	const char *sdp = e ? sip_leg_sdp(leg, sip) : "";
	if (*sdp)
		e->sdp = sdp; /* instead of what an earlier response said */
	if (nta_incoming_method(irq) != sip_method_prack)
		sip_leg_refresh_target(leg, e && e->dialog ? e->dialog : leg->dialog, msg, sip);
	msg_destroy(msg);
}

static int on_offer(struct sip_leg *leg, nta_incoming_t *irq, sip_t const *sip)
{
	bool invite = sip->sip_request->rq_method == sip_method_invite;
	const char *sdp = sip_leg_sdp(leg, sip);
	int refusal = in_the_way(leg, invite, *sdp != '\0');
	if (refusal == 500)
		return ask_later(leg, irq);
	if (refusal)
		return refusal;
	if (leg->released || !leg->handler->offered)
		return 481;
	if (!sip_session_take(leg, sip)) {
		nta_incoming_treply(irq, SIP_422_SESSION_TIMER_TOO_SMALL, SIPTAG_MIN_SE_STR(su_sprintf(leg->work, "%u", leg->agent->config.min_session_seconds)), TAG_END());
		nta_incoming_destroy(irq);
		return 0;
	}
	if (!invite && !*sdp) { /* UPDATE only to refresh the session (RFC 3311 §5.2) */
		take_target(leg, irq);
		answer_offer(leg, irq, NULL);
		nta_incoming_destroy(irq);
		return 0;
	}
	leg->reinvite_in = irq;
	leg->far_offered = *sdp != '\0';
	nta_incoming_bind(irq, on_offer_cancel, leg); /* it may be a while until it is answered */
	sip_leg_pass(leg, false, false, 0, sdp, tell_offered);
	if (leg->reinvite_in == irq)
		nta_incoming_treply(irq, SIP_100_TRYING, TAG_END());
	return 0;
}

static int on_info(struct sip_leg *leg, nta_incoming_t *irq, sip_t const *sip)
{
	const char *type = sip->sip_content_type ? sip->sip_content_type->c_type : "";
	const sip_payload_t *body = sip->sip_payload;
	char keys[INFO_KEYS_MAX + 1] = "";
	if (*type && !sip_info_is_dtmf(type))
		return 415;
	if (*type && body && body->pl_data)
		sip_info_keys(body->pl_data, body->pl_len, keys);
	(void)answer_request(irq, SIP_200_OK);
	for (const char *key = keys; *key && !leg->released && leg->handler->dtmf; key++)
		leg->handler->dtmf(leg->owner, *key);
	return 0;
}

int sip_leg_request(struct sip_leg *leg, nta_leg_t *dialog, nta_incoming_t *irq, sip_t const *sip)
{
	(void)dialog;
	if (!leg->handler && sip->sip_request->rq_method != sip_method_bye && sip->sip_request->rq_method != sip_method_ack)
		return 491; /* its INVITE has not been read yet */
	sip_leg_renew(leg);
	if (sip_leg_floods(leg, irq, sip))
		return 0;
	switch (sip->sip_request->rq_method) {
	case sip_method_bye:
		return on_bye(leg, irq, sip);
	case sip_method_invite:
	case sip_method_update:
		return on_offer(leg, irq, sip);
	case sip_method_info:
		return on_info(leg, irq, sip);
	case sip_method_refer:
		return sip_leg_on_refer(leg, irq, sip);
	case sip_method_options:
		nta_incoming_treply(irq, SIP_200_OK, SIPTAG_ALLOW(leg->agent->methods), SIPTAG_SUPPORTED(leg->agent->features), SIPTAG_ACCEPT_STR("application/sdp"), TAG_END());
		break;
	case sip_method_ack:
		return 0;
	case sip_method_cancel:
		return 481; /* it matches no transaction: RFC 3261 section 9.2 */
	default:
		nta_incoming_treply(irq, SIP_405_METHOD_NOT_ALLOWED, SIPTAG_ALLOW(leg->agent->methods), TAG_END());
		break;
	}
	nta_incoming_destroy(irq);
	return 0;
}

static void tell_acked(struct sip_leg *leg, int status, const char *sdp, bool ok)
{
	(void)status;
	if (!leg->released && leg->state == LEG_CONFIRMED && leg->handler->acked)
		leg->handler->acked(leg->owner, ok ? sdp : SIP_NO_MEDIA);
}

static int on_reinvite_ack(struct sip_leg *leg, nta_incoming_t *irq, sip_t const *sip)
{
	bool ack = sip && sip->sip_request->rq_method == sip_method_ack;
	nta_incoming_destroy(irq);
	if (leg->reinvite_acked == irq)
		leg->reinvite_acked = NULL;
	if (ack)
		sip_leg_pass(leg, false, true, 0, sip_leg_sdp(leg, sip), tell_acked);
	sip_leg_offer_now(leg);
	return 0;
}

static void reoffer_answer_now(struct sip_leg *leg, int status, const char *sdp, bool passed)
{
	nta_incoming_t *irq = leg->reinvite_in;
	if (!irq)
		return;
	leg->reinvite_in = NULL;
	bool ok = status < 300 && passed;
	status = passed ? status : 488;
	if (ok && leg->early_media >= EARLY_ANSWERED && leg->state == LEG_INCOMING)
		leg->early_media = EARLY_CHANGED;
	if (ok)
		take_target(leg, irq);
	if (ok)
		answer_offer(leg, irq, sdp);
	else
		nta_incoming_treply(irq, status, sip_488_Not_acceptable, TAG_END());
	if (!ok || nta_incoming_method(irq) != sip_method_invite) {
		nta_incoming_destroy(irq);
		sip_leg_offer_now(leg);
		return;
	}
	if (leg->reinvite_acked) /* a newer offer: the ACK of the one before matters no more */
		nta_incoming_destroy(leg->reinvite_acked);
	leg->reinvite_acked = irq;
	nta_incoming_bind(irq, on_reinvite_ack, leg); /* nta repeats the 200 until then */
}

void sip_leg_reoffer_answer(struct sip_leg *leg, int status, const char *sdp)
{
	sip_leg_pass(leg, true, leg->far_offered, status, sdp, reoffer_answer_now);
}

bool sip_leg_is_asked(const struct sip_leg *leg)
{
	return leg->reinvite_in != NULL;
}

/* ---- incoming ---- */

int sip_leg_ack_cancel(struct sip_leg *leg, nta_incoming_t *irq, sip_t const *sip)
{
	(void)irq;
	enum leg_state was = leg->state;
	if (sip && sip->sip_request->rq_method == sip_method_ack) {
		if (was != LEG_ANSWERED)
			return 0;
		leg->state = LEG_CONFIRMED;
		nta_incoming_destroy(leg->invite_in);
		leg->invite_in = NULL;
		if (leg->released) { /* let go between 200 and ACK */
			sip_leg_release(leg, 0, NULL);
			return 0;
		}
		sip_session_start(leg);
		sip_leg_pass(leg, false, true, 0, sip_leg_sdp(leg, sip), tell_acked);
		sip_leg_offer_now(leg);
		return 0;
	}
	if (was != LEG_INCOMING && was != LEG_ANSWERED)
		return 0;
	if (was == LEG_ANSWERED && sip)
		return 0; /* CANCEL crossed our 200: the call stands, a BYE will follow (RFC 3261 §9.2) */
	if (was == LEG_ANSWERED) {
		/* No ACK ever came: end the dialog (RFC 3261 §13.3.1.4). */
		nta_incoming_destroy(leg->invite_in);
		leg->invite_in = NULL;
		leg->state = LEG_CONFIRMED;
		if (leg->released || !leg->handler->ended)
			sip_leg_release(leg, 0, NULL);
		else
			leg->handler->ended(leg->owner, "no_ack", NULL);
		return 0;
	}
	/* nta answers the INVITE with 487 once this returns; it must not be destroyed before. */
	nta_incoming_treply(leg->invite_in, SIP_487_REQUEST_CANCELLED, TAG_END());
	nta_incoming_destroy(leg->invite_in);
	leg->invite_in = NULL;
	leg->state = LEG_OVER;
	leg->released = leg->released || !leg->handler; /* nobody has it yet */
	if (!leg->released && leg->handler->ended)
		leg->handler->ended(leg->owner, "cancel", sip ? reason_of(leg, sip) : NULL);
	else
		collect(leg);
	return 0;
}

void sip_leg_bind(struct sip_leg *leg, const struct sip_leg_handler *handler, void *owner)
{
	leg->handler = handler;
	leg->owner = owner;
}

/* The answer to the offer of a reliable provisional response. */
static void tell_pracked(struct sip_leg *leg, int status, const char *sdp, bool ok)
{
	(void)status;
	if (!leg->released && leg->state != LEG_OVER && leg->handler->acked)
		leg->handler->acked(leg->owner, ok ? sdp : SIP_NO_MEDIA);
}

static void send_waiting_answer(struct sip_leg *leg)
{
	if (!leg->answer_waits)
		return;
	leg->answer_waits = false;
	answer_now(leg, 200, leg->waiting_answer, true);
}

/* A new offer (RFC 3262 section 5). */
static int on_prack_offer(struct sip_leg *leg, nta_incoming_t *prack, const char *sdp)
{
	if (leg->state == LEG_OVER || leg->released || !leg->handler || !leg->handler->offered)
		return answer_request(prack, SIP_481_NO_TRANSACTION);
	if (has_offer_to_answer(leg))
		return ask_later(leg, prack);
	if (has_open_offer(leg))
		return answer_request(prack, SIP_491_REQUEST_PENDING);
	leg->reinvite_in = prack;
	leg->far_offered = true;
	sip_leg_pass(leg, false, false, 0, sdp, tell_offered);
	return 0;
}

/* What it returns is the status of the PRACK; 0: it is answered here, or later. */
static int on_prack(nta_reliable_magic_t *magic, nta_reliable_t *reliable, nta_incoming_t *prack,
		    sip_t const *sip)
{
	struct sip_leg *leg = (struct sip_leg *)(void *)magic;
	bool gone = false;
	for (size_t i = 0; i < SIP_RELIABLE_MAX; i++)
		if (leg->reliable[i] == reliable)
			leg->reliable[i] = NULL;
	nta_reliable_destroy(reliable);
	if (!sip) /* it never came, and the INVITE's transaction tells so itself */
		return 0;
	const char *sdp = sip_leg_sdp(leg, sip);
	bool answers = leg->early_media == EARLY_OFFERED;
	if (*sdp && !answers)
		return on_prack_offer(leg, prack, sdp);
	(void)answer_request(prack, SIP_200_OK);
	if (!answers)
		return 0;
	leg->early_media = *sdp ? EARLY_ANSWERED : EARLY_NOTHING;
	leg->gone = &gone;
	if (*sdp)
		sip_leg_pass(leg, false, true, 0, sdp, tell_pracked);
	if (gone)
		return 0;
	leg->gone = NULL;
	send_waiting_answer(leg);
	return 0;
}

bool sip_leg_wants_offer(const struct sip_leg *leg)
{
	return leg->state == LEG_INCOMING && leg->needs_reliable && !leg->invite_offered &&
	       leg->early_media == EARLY_NOTHING && !leg->rung;
}

static void ring_reliably(struct sip_leg *leg, int status, const char *phrase, const char *sdp)
{
	size_t at = 0;
	while (at < SIP_RELIABLE_MAX && leg->reliable[at])
		at++;
	if (leg->rung == status || at == SIP_RELIABLE_MAX) /* it has not even heard the last ones */
		return;
	leg->rung = status;
	leg->reliable[at] = nta_reliable_treply(
		leg->invite_in, on_prack, (nta_reliable_magic_t *)(void *)leg, status, phrase,
		SIPTAG_CONTACT(sip_leg_contact(leg)),
		TAG_IF(sdp, SIPTAG_CONTENT_TYPE(leg->agent->audio)),
		TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
	if (sdp && leg->reliable[at] && leg->early_media == EARLY_NOTHING)
		leg->early_media = leg->invite_offered ? EARLY_ANSWERED : EARLY_OFFERED;
}

/* May a response to the INVITE have SDP? Not where offer and answer are complete without it. */
static bool may_have_sdp(const struct sip_leg *leg)
{
	if (leg->early_media == EARLY_CHANGED)
		return false;
	return leg->invite_offered || leg->early_media == EARLY_NOTHING;
}

/* Reliably where the far side insists, and for early audio where it is able to (RFC 3262 §3); each status once then. */
static void ring_now(struct sip_leg *leg, int status, const char *sdp, bool ok)
{
	const char *phrase = sip_status_phrase(status);
	(void)ok; /* without the audio it rings all the same */
	if (leg->state != LEG_INCOMING || leg->answer_waits)
		return;
	phrase = phrase ? phrase : sip_183_Session_progress;
	sdp = may_have_sdp(leg) ? sdp : NULL;
	if (leg->needs_reliable || (leg->takes_reliable && sdp)) {
		ring_reliably(leg, status, phrase, sdp);
		return;
	}
	nta_incoming_treply(leg->invite_in, status, phrase, SIPTAG_CONTACT(sip_leg_contact(leg)),
			    TAG_IF(sdp, SIPTAG_CONTENT_TYPE(leg->agent->audio)),
			    TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
}

void sip_leg_ring(struct sip_leg *leg, int status, const char *sdp)
{
	sip_leg_pass(leg, true, leg->far_offered, status, sdp, ring_now);
}

static void answer_now(struct sip_leg *leg, int status, const char *sdp, bool ok)
{
	(void)status;
	if (leg->state != LEG_INCOMING)
		return;
	if (ok && leg->early_media == EARLY_OFFERED) { /* the PRACK is on its way */
		leg->waiting_answer = sdp ? su_strdup(leg->home, sdp) : NULL;
		leg->answer_waits = true;
		return;
	}
	if (ok) {
		leg->state = LEG_ANSWERED;
		answer_offer(leg, leg->invite_in, may_have_sdp(leg) ? sdp : NULL);
		return;
	}
	nta_incoming_treply(leg->invite_in, SIP_503_SERVICE_UNAVAILABLE, TAG_END());
	nta_incoming_destroy(leg->invite_in);
	leg->invite_in = NULL;
	leg->state = LEG_OVER;
	if (leg->handler->ended)
		leg->handler->ended(leg->owner, "no_media", "the media proxy does not take the call's audio");
}

void sip_leg_answer(struct sip_leg *leg, const char *sdp)
{
	sip_leg_pass(leg, true, leg->far_offered, 200, sdp, answer_now);
}

/* ---- outgoing ---- */

static bool send_invite(struct sip_leg *leg)
{
	const url_t *url = url_make(leg->home, leg->uri);
	const char *expires = su_sprintf(leg->home, "%u", leg->min_se > leg->agent->config.session_seconds ? leg->min_se : leg->agent->config.session_seconds);
	const char *least = su_sprintf(leg->home, "%u", leg->min_se ? leg->min_se : leg->agent->config.min_session_seconds);
	const char *credentials = sip_credentials(leg->account, leg->home, "INVITE", url, leg->sdp);
	leg->credentials = credentials;
	leg->invited_us = clock_monotonic_us();
	sip_listener_prefer(leg->listener);
	leg->invite_out = nta_outgoing_tcreate(leg->dialog, on_response, leg, leg->route, SIP_METHOD_INVITE, (url_string_t *)(uintptr_t)url,
		SIPTAG_CONTACT(sip_leg_contact(leg)), SIPTAG_ALLOW(leg->agent->methods), SIPTAG_SUPPORTED(leg->agent->features),
		SIPTAG_SESSION_EXPIRES_STR(expires), SIPTAG_MIN_SE_STR(least), SIPTAG_CONTENT_TYPE(leg->agent->audio), SIPTAG_PAYLOAD_STR(leg->sdp),
		SIPTAG_MAX_FORWARDS_STR(leg->max_forwards), TAG_IF(leg->path, SIPTAG_ROUTE(leg->path)), TAG_IF(leg->headers, SIPTAG_HEADER_STR(leg->headers)),
		TAG_IF(credentials, SIPTAG_HEADER_STR(credentials)), TAG_END());
	return leg->invite_out != NULL;
}

/* A text as the user part of a URI (RFC 3261 section 25.1); NULL: no memory. */
static const char *escaped_user(su_home_t *home, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-_.!~*'()&=+$,";
	static const char hex[] = "0123456789ABCDEF";
	char *out = su_alloc(home, (isize_t)(3 * strlen(text) + 1)), *to = out;
	for (; out && *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (strchr(plain, c)) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '%';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	if (out)
		*to = '\0';
	return out;
}

/* Who calls; nobody when that is withheld. */
static sip_from_t *own_from(struct sip_leg *leg, const struct sip_outgoing *out)
{
	if (!out->from_user)
		return sip_from_make(leg->home, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
	sip_from_t *from = sip_from_create(leg->home, (url_string_t const *)sip_leg_contact(leg)->m_url);
	if (from) {
		const char *user = *out->from_user ? out->from_user : "anonymous";
		from->a_url->url_user = escaped_user(leg->home, user);
		from->a_url->url_params = NULL;
		from->a_display = out->from_name ? su_sprintf(leg->home, "\"%s\"", out->from_name) : NULL;
	}
	return from;
}

/* Without memory challenges are not answered, as without credentials. */
void sip_leg_set_credentials(struct sip_leg *leg, const char *username, const char *password)
{
	bool known = username && password;
	struct sip_account *account = known ? su_zalloc(leg->home, sizeof *account) : NULL;
	leg->account = account;
	if (!account)
		return;
	account->username = su_strdup(leg->home, username);
	account->password = su_strdup(leg->home, password);
}

static const char *own_headers(struct sip_leg *leg, const struct sip_outgoing *out)
{
	const char *host = sip_leg_contact(leg)->m_url->url_host;
	const char *privacy = out->from_user ? "" : "Privacy: id\r\n";
	const char *identity = "", *diversion = "";
	if (out->asserted_user)
		identity = su_sprintf(leg->home, "P-Asserted-Identity: <sip:%s@%s>\r\n%s",
				      escaped_user(leg->home, out->asserted_user), host, privacy);
	if (out->diverted_user)
		diversion = su_sprintf(leg->home, "Diversion: <sip:%s@%s>;reason=unconditional\r\n",
				       escaped_user(leg->home, out->diverted_user), host);
	return su_sprintf(leg->home, "%s%s%s", identity, diversion, out->headers ? out->headers : "");
}

static void begin_invite(struct sip_leg *leg, int status, const char *sdp, bool ok)
{
	(void)status;
	if (leg->state != LEG_OUTGOING)
		return;
	leg->sdp = ok ? su_strdup(leg->home, sdp) : NULL;
	if (leg->sdp && send_invite(leg))
		return;
	leg->state = LEG_OVER;
	if (leg->placed)
		leg->handler->failed(leg->owner, 503, "the media proxy does not take the call's audio", NULL);
}

struct sip_leg *sip_invite(struct sip_agent *agent, const struct sip_outgoing *out,
			   const struct sip_leg_handler *handler, void *owner)
{
	struct sip_leg *leg = sip_leg_new(agent);
	if (!leg)
		return NULL;
	leg->outgoing = true;
	leg->state = LEG_OUTGOING;
	leg->handler = handler;
	leg->owner = owner;
	leg->uri = su_strdup(leg->home, out->uri);
	leg->guarded = agent->config.guards_private && !out->may_be_private;
	bool is_set = out->route && *out->route == '<';
	leg->route = out->route && !is_set ? (url_string_t *)url_make(leg->home, out->route) : NULL;
	leg->listener = sip_listener_towards(agent, out->route ? out->route : out->uri);
	leg->route_is_given = out->route != NULL;
	leg->nat = out->nat;
	sip_leg_set_credentials(leg, out->username, out->password);
	leg->max_forwards = su_sprintf(leg->home, "%u", out->max_forwards);
	leg->headers = own_headers(leg, out);
	leg->media = out->media;
	sip_from_t *from = own_from(leg, out);
	sip_to_t *to = sip_to_make(leg->home, su_sprintf(leg->home, "<%s>", leg->uri));
	leg->call_id = sip_call_id_create(leg->home, NULL);
	leg->path = is_set ? sip_route_make(leg->home, out->route) : NULL;
	bool refused = leg->guarded && sip_agent_refuses(agent, out->uri);
	bool usable = !refused && (leg->path || !is_set) && leg->call_id && from && from->a_url->url_user && to &&
		      !strpbrk(out->uri, "<>\" \t\r\n") && to->a_url->url_host && *to->a_url->url_host;
	leg->dialog = usable ? nta_leg_tcreate(agent->nta, sip_leg_request, leg, SIPTAG_CALL_ID(leg->call_id), SIPTAG_FROM(from), SIPTAG_TO(to), TAG_END()) : NULL;
	if (!leg->dialog) {
		sip_leg_free(leg);
		return NULL;
	}
	nta_leg_tag(leg->dialog, NULL);
	sip_leg_pass(leg, true, false, 0, out->sdp, begin_invite);
	if (leg->state == LEG_OVER) {
		sip_leg_free(leg);
		return NULL;
	}
	leg->placed = true;
	return leg;
}

const char *sip_leg_call_id(const struct sip_leg *leg)
{
	return leg->call_id->i_id;
}

void sip_leg_send_ack(struct sip_leg *leg, sip_t const *sip)
{
	sip_cseq_t *cseq = sip_cseq_create(leg->work, sip->sip_cseq->cs_seq, SIP_METHOD_ACK);
	const char *credentials = leg->credentials; /* RFC 3261 section 22.1 */
	sip_listener_prefer(leg->listener);
	nta_outgoing_t *ack = nta_outgoing_tcreate(
		leg->dialog, NULL, NULL, leg->route, SIP_METHOD_ACK, NULL, SIPTAG_CSEQ(cseq),
		TAG_IF(credentials, SIPTAG_HEADER_STR(credentials)), TAG_END());
	if (ack)
		nta_outgoing_destroy(ack);
}

static void on_bye_response(struct sip_leg *leg, const struct sip_within *request, int status,
			    sip_t const *sip)
{
	(void)request, (void)status, (void)sip;
	leg->bye_out = NULL;
	collect(leg);
}

/* A 200 that is repeated after this is acknowledged by nta itself. */
static void drop_invite(struct sip_leg *leg)
{
	if (leg->invite_timer)
		su_timer_destroy(leg->invite_timer);
	leg->invite_timer = NULL;
	if (leg->invite_out)
		nta_outgoing_destroy(leg->invite_out);
	leg->invite_out = NULL;
}

static void on_invite_time(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	(void)magic, (void)timer;
	drop_invite((struct sip_leg *)(void *)arg);
}

/* The INVITE and its answer are kept no longer than they are needed, and not for as long as people talk. */
static void forget_invite(struct sip_leg *leg)
{
	sip_leg_timer(leg, &leg->invite_timer, on_invite_time, REPEATED_MS);
}

static void send_bye(struct sip_leg *leg)
{
	drop_invite(leg);
	sip_session_stop(leg);
	sip_leg_offer_stop(leg);
	leg->state = LEG_OVER;
	leg->bye_out = sip_leg_send(leg, &(struct sip_within){
		.method = sip_method_bye,
		.name = "BYE",
		.headers = leg->reason ? su_sprintf(leg->work, "Reason: %s\r\n", leg->reason) : NULL,
		.answered = on_bye_response,
	});
	collect(leg);
}

static void tell_answered(struct sip_leg *leg, int status, const char *sdp, bool ok)
{
	(void)status;
	if (leg->state == LEG_CONFIRMED && !leg->released)
		leg->handler->answered(leg->owner, ok ? sdp : SIP_NO_MEDIA);
}

static void tell_progress(struct sip_leg *leg, int status, const char *sdp, bool ok)
{
	if (leg->state == LEG_OUTGOING && leg->handler->progress)
		leg->handler->progress(leg->owner, status, ok ? sdp : "");
}

static void on_answer(struct sip_leg *leg, nta_outgoing_t *out, sip_t const *sip)
{
	if (leg->state == LEG_CONFIRMED || leg->state == LEG_OVER) { /* our ACK was lost */
		sip_leg_send_ack(leg, sip);
		return;
	}
	bool wanted = leg->state == LEG_OUTGOING;
	const char *sdp = sip_leg_sdp(leg, sip);
	if (!*sdp) /* RFC 6337 section 3.1.1: a provisional response had the answer */
		sdp = sip_early_sdp(leg, sip->sip_to->a_tag);
	msg_t *msg = nta_outgoing_getresponse(out);
	sip_leg_enter(leg, msg, sip);
	msg_destroy(msg);
	sip_early_stop(leg);
	sip_leg_send_ack(leg, sip);
	leg->state = LEG_CONFIRMED;
	sip_session_agreed(leg, sip);
	forget_invite(leg);
	if (wanted)
		sip_leg_pass(leg, false, true, 200, sdp, tell_answered);
	else /* the 200 crossed our CANCEL (RFC 3261 §15) */
		send_bye(leg);
}

/* Answer a challenge; false when that cannot be done. */
static bool authorize(struct sip_leg *leg, sip_t const *sip)
{
	return sip_take_challenge(leg->account, leg->home, sip, &leg->tries) && send_invite(leg);
}

/* 422: once more, with the interval that the far side asks for at least (RFC 4028 §7.3). */
static bool lengthen(struct sip_leg *leg, sip_t const *sip)
{
	return !leg->min_se && sip_session_lengthen(leg, sip) && send_invite(leg);
}

/* RFC 3262 section 4: RSeq numbers are those of one dialog's responses to one request. */
void sip_leg_prack(struct sip_leg *leg, nta_outgoing_t *out, sip_t const *sip)
{
	struct sip_early *e = sip_early_of(leg, sip->sip_to->a_tag);
	uint32_t cseq = sip->sip_cseq->cs_seq, rseq = (uint32_t)sip->sip_rseq->rs_response;
	if (!e || (e->cseq == cseq && rseq <= e->rseq))
		return;
	e->cseq = cseq;
	e->rseq = rseq;
	if (leg->state != LEG_CONFIRMED) {
		msg_t *msg = nta_outgoing_getresponse(out);
		sip_leg_enter(leg, msg, sip);
		msg_destroy(msg);
	}
	(void)sip_leg_send(leg, &(struct sip_within){
		.method = sip_method_prack,
		.name = "PRACK",
		.headers = su_sprintf(leg->home, "RAck: %lu %lu INVITE\r\n", (unsigned long)rseq,
				      (unsigned long)cseq),
	});
}

/*
 * A 199 says that one of the early dialogs is over (RFC 6228). It is for those who ask for it,
 * as we do not; the INVITE goes on.
 */
static void on_provisional(struct sip_leg *leg, nta_outgoing_t *out, sip_t const *sip, int status)
{
	const char *sdp = status > 100 && status != 199 ? sip_leg_sdp(leg, sip) : "";
	bool reliable = sip_has_feature(sip->sip_require, "100rel") && sip->sip_rseq;
	if (status > 100 && reliable)
		sip_leg_prack(leg, out, sip);
	struct sip_early *e = *sdp ? sip_early_of(leg, sip->sip_to->a_tag) : NULL;
	if (e)
		e->sdp = sdp;
	leg->early_answered = leg->early_answered || *sdp;
	if (leg->state == LEG_OUTGOING)
		sip_leg_pass(leg, false, true, status == 199 ? 100 : status, sdp, tell_progress);
}

/* Why its INVITE could not be sent; NULL: not known. */
static const char *connection_problem(const struct sip_leg *leg)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	const url_t *url = leg->route ? leg->route->us_url : url_make(home, leg->uri);
	if (leg->path)
		url = leg->path->r_url;
	const char *problem = sip_connection_problem(leg->agent, url, leg->invited_us);
	su_home_deinit(home);
	return problem;
}

/* Where a 3xx sends the call; NULL: nowhere. */
static const char *redirected_to(struct sip_leg *leg, sip_t const *sip)
{
	url_t *url = sip->sip_contact ? url_hdup(leg->home, sip->sip_contact->m_url) : NULL;
	return url && sip_url_clean(leg->home, url) ? url_as_string(leg->home, url) : NULL;
}

static int on_response(struct sip_leg *leg, nta_outgoing_t *orq, sip_t const *sip)
{
	int status = sip && sip->sip_status ? sip->sip_status->st_status : nta_outgoing_status(orq);
	if (sip && sip->sip_to->a_tag && leg->agent->config.media_proxy)
		leg->far_tag = su_strdup(leg->home, sip->sip_to->a_tag);
	if (status < 200) {
		if (sip)
			on_provisional(leg, orq, sip, status);
		return 0;
	}
	if (status < 300 && sip) {
		on_answer(leg, orq, sip);
		return 0; /* invite_out stays a while: it sees the 200s that are repeated */
	}
	/* The response may go with its transaction: what is needed of it is taken before. */
	const char *problem = nta_sip_is_internal(sip) ? connection_problem(leg) : NULL;
	const char *phrase = sip && sip->sip_status ? sip->sip_status->st_phrase : NULL;
	if (!phrase)
		phrase = "no response";
	const char *reason = su_strdup(leg->home, problem ? problem : phrase);
	if (problem)
		status = 0; /* nobody answered */
	const char *contact = sip && status < 400 ? redirected_to(leg, sip) : NULL;
	leg->refusal = sip ? reason_of(leg, sip) : NULL;
	leg->invite_out = NULL;
	bool again = leg->state == LEG_OUTGOING && sip && (status == 422 ? lengthen(leg, sip) : (status == 401 || status == 407) && authorize(leg, sip));
	nta_outgoing_destroy(orq);
	if (again)
		return 0;
	bool tell = leg->state == LEG_OUTGOING && !leg->released;
	leg->state = LEG_OVER;
	if (tell)
		leg->handler->failed(leg->owner, status, reason ? reason : "", contact);
	else
		collect(leg);
	return 0;
}

bool sip_leg_is_sent(const struct sip_leg *leg)
{
	return leg->invite_out != NULL;
}

const char *sip_leg_refusal(const struct sip_leg *leg)
{
	return leg->refusal;
}

/* ---- the end ---- */

void sip_leg_release(struct sip_leg *leg, int status, const char *reason)
{
	leg->released = true;
	leg->reason = reason ? su_strdup(leg->home, reason) : leg->reason;
	switch (leg->state) {
	case LEG_INCOMING:
		if (status < 300)
			status = 480;
		if (leg->invite_in) {
			const char *phrase = sip_status_phrase(status);
			nta_incoming_treply(leg->invite_in, status, phrase ? phrase : "Declined",
				TAG_IF(leg->reason, SIPTAG_REASON_STR(leg->reason)), TAG_END());
			nta_incoming_destroy(leg->invite_in);
			leg->invite_in = NULL;
		}
		leg->state = LEG_OVER;
		break;
	case LEG_ANSWERED:
		return; /* BYE only after the ACK (RFC 3261 §15) */
	case LEG_OUTGOING:
		if (!leg->invite_out) { /* with the media proxy, and not sent yet */
			leg->state = LEG_OVER;
			break;
		}
		leg->state = LEG_CANCELLING;
		sip_listener_prefer(leg->listener);
		nta_outgoing_tcancel(leg->invite_out, NULL, NULL, TAG_IF(leg->reason, SIPTAG_REASON_STR(leg->reason)), TAG_END());
		return;
	case LEG_CANCELLING:
		return;
	case LEG_CONFIRMED:
		send_bye(leg);
		return;
	case LEG_OVER:
		drop_invite(leg);
		break;
	}
	collect(leg);
}
