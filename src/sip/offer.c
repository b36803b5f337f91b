/* Offers of our own within a dialog: re-INVITE (RFC 3261 §14.1). */
#include "sip/agent.h"
#include <sodium.h>

static void on_time(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	(void)magic, (void)timer;
	sip_leg_offer_now((struct sip_leg *)(void *)arg);
}

/* Both sides offered at once: who began the dialog waits longer (RFC 3261 §14.1). */
static void try_later(struct sip_leg *leg)
{
	unsigned ms = leg->outgoing ? 2100 + randombytes_uniform(191) * 10 : randombytes_uniform(201) * 10;
	sip_leg_timer(leg, &leg->offer_timer, on_time, ms + 1);
}

static void tell_reanswered(struct sip_leg *leg, int status, const char *sdp, bool ok)
{
	if (leg->state == LEG_CONFIRMED && !leg->released && leg->handler->reanswered)
		leg->handler->reanswered(leg->owner, status, ok ? sdp : SIP_NO_MEDIA);
}

static void on_answer(struct sip_leg *leg, const struct sip_within *request, int status,
		      sip_t const *sip)
{
	bool ok = sip && status < 300;
	const char *sdp = ok ? sip_leg_sdp(leg, sip) : "";
	leg->offer_out = NULL;
	if (leg->state != LEG_CONFIRMED || leg->released)
		return;
	if (ok && !*sdp && request->early_sdp)
		sdp = request->early_sdp;
	if (ok) {
		leg->sdp = leg->offered_sdp;
		sip_session_agreed(leg, sip);
	}
	bool again = status == 491 || (status == 422 && sip && sip_session_lengthen(leg, sip));
	if (again && !leg->offer)
		leg->offer = leg->offered;
	if (status == 491) {
		try_later(leg);
	} else if (status == 408 || status == 481) { /* RFC 3261 §12.2.1.2: there is nobody any more */
		if (leg->handler->ended)
			leg->handler->ended(leg->owner, "gone", "the far side does not know the call any more");
	} else if (leg->offer) {
		sip_leg_offer_now(leg);
	} else {
		sip_leg_pass(leg, false, true, status, sdp, tell_reanswered);
	}
}

static void send_offer(struct sip_leg *leg, int status, const char *sdp, bool ok)
{
	(void)status;
	leg->offering = false;
	if (leg->state != LEG_CONFIRMED || leg->released)
		return;
	if (!ok) {
		tell_reanswered(leg, 503, "", true);
		return;
	}
	leg->offered_sdp = sdp == leg->offered ? sdp : su_strdup(leg->work, sdp);
	leg->offer_out = sip_leg_send(leg, &(struct sip_within){
		.method = sip_method_invite,
		.name = "INVITE",
		.contact = true,
		.headers = sip_session_headers(leg),
		.type = "application/sdp",
		.body = leg->offered_sdp,
		.answered = on_answer,
	});
}

void sip_leg_offer_now(struct sip_leg *leg)
{
	bool busy = leg->state != LEG_CONFIRMED || leg->released || leg->offering || leg->offer_out || leg->refresh_out || leg->reinvite_in || leg->reinvite_acked;
	if (!leg->offer || busy)
		return;
	leg->offered = leg->offer;
	leg->offer = NULL;
	leg->offering = true;
	sip_leg_pass(leg, true, false, 0, leg->offered, send_offer);
}

void sip_leg_offer(struct sip_leg *leg, const char *sdp)
{
	leg->offer = su_strdup(leg->work, sdp);
	sip_leg_offer_now(leg);
}

void sip_leg_offer_stop(struct sip_leg *leg)
{
	if (leg->offer_timer)
		su_timer_destroy(leg->offer_timer);
	leg->offer_timer = NULL;
	if (leg->offer_out)
		sip_within_free(leg->offer_out);
	leg->offer_out = NULL;
	leg->offer = NULL;
}
