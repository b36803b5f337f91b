/* How much a far side may ask for within a dialog, and the memory that its requests take. */
#include "sip/agent.h"
#include "base/clock.h"

#define SECOND_MS 1000
#define REQUESTS_MAX 20 /* within a second */
#define SPAN_MS 10000
#define BODIES_MAX (200 * 1024) /* bytes of bodies, within a span */
#define REFUSED_MAX 100         /* within a span; then the call ends */

static void count(struct sip_flood *f, size_t bytes, int64_t now)
{
	if (now - f->second_ms >= SECOND_MS) {
		f->second_ms = now;
		f->requests = 0;
	}
	if (now - f->span_ms >= SPAN_MS) {
		f->span_ms = now;
		f->bytes = 0;
		f->refused = 0;
	}
	f->requests++;
	f->bytes += bytes;
}

bool sip_leg_floods(struct sip_leg *leg, nta_incoming_t *irq, sip_t const *sip)
{
	struct sip_flood *f = &leg->flood;
	sip_method_t method = sip->sip_request->rq_method;
	if (method == sip_method_bye || method == sip_method_ack || method == sip_method_cancel)
		return false;
	count(f, sip->sip_payload ? sip->sip_payload->pl_len : 0, clock_monotonic_ms());
	if (f->requests <= REQUESTS_MAX && f->bytes <= BODIES_MAX)
		return false;
	nta_incoming_treply(irq, SIP_500_INTERNAL_SERVER_ERROR, SIPTAG_RETRY_AFTER_STR("10"),
			    TAG_END());
	nta_incoming_destroy(irq);
	bool ends = ++f->refused == REFUSED_MAX && leg->state == LEG_CONFIRMED && !leg->released;
	if (ends && leg->handler && leg->handler->ended)
		leg->handler->ended(leg->owner, "flood",
				    "the far side sent too many requests within the call");
	return true;
}

/* Does anything go on that may have texts in leg->work? */
static bool is_idle(const struct sip_leg *leg)
{
	bool asked = leg->reinvite_in || leg->reinvite_acked || leg->refer_in || leg->passing;
	bool asks = leg->within || leg->offering || leg->offer;
	return leg->state == LEG_CONFIRMED && !asked && !asks;
}

/* What outlives requests moves to the new home. Without memory all stays as it is. */
void sip_leg_renew(struct sip_leg *leg)
{
	su_home_t *before = leg->work, *work = is_idle(leg) ? su_home_new(sizeof *work) : NULL;
	if (!work)
		return;
	const char *sdp = leg->sdp ? su_strdup(work, leg->sdp) : NULL;
	const char *credentials = leg->credentials ? su_strdup(work, leg->credentials) : NULL;
	leg->work = work;
	if ((leg->sdp && !sdp) || (leg->credentials && !credentials) || !sip_leg_renew_route(leg)) {
		leg->work = before;
		su_home_unref(work);
		return;
	}
	leg->sdp = sdp;
	leg->credentials = credentials;
	leg->offered = leg->offered_sdp = NULL;
	su_home_unref(before);
}
