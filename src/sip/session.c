/*
 * Session timers (RFC 4028): both sides agree who refreshes the session, and how often; when
 * no refresh comes, the other side is gone. Without such an agreement nothing here happens.
 */
#include "sip/agent.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RETRY_MS 5000 /* after a refresh that was refused, which the session may outlive */

static bool is(const char *refresher, const char *who)
{
	return refresher && strcasecmp(refresher, who) == 0;
}

/* ---- agreeing ---- */

bool sip_session_take(struct sip_leg *leg, sip_t const *sip)
{
	const sip_session_expires_t *asked = sip->sip_session_expires;
	bool able = sip_has_feature(sip->sip_supported, "timer") || sip_has_feature(sip->sip_require, "timer");
	leg->peer_updates = sip_is_allowed(sip->sip_allow, SIP_METHOD_UPDATE);
	if (asked && able && asked->x_delta < leg->agent->config.min_session_seconds)
		return false;
	leg->session_seconds = asked ? (unsigned)asked->x_delta : able ? leg->agent->config.session_seconds : 0;
	leg->refreshes = asked && (!able || is(asked->x_refresher, "uas"));
	leg->peer_timer = able;
	return true;
}

const char *sip_session_told(struct sip_leg *leg)
{
	return leg->session_seconds ? su_sprintf(leg->home, "%u;refresher=%s", leg->session_seconds, leg->refreshes ? "uas" : "uac") : NULL;
}

const char *sip_session_required(const struct sip_leg *leg)
{
	return leg->session_seconds && leg->peer_timer && !leg->refreshes ? "timer" : NULL;
}

void sip_session_agreed(struct sip_leg *leg, sip_t const *sip)
{
	const sip_session_expires_t *told = sip->sip_session_expires;
	if (sip->sip_allow)
		leg->peer_updates = sip_is_allowed(sip->sip_allow, SIP_METHOD_UPDATE);
	leg->session_seconds = told ? (unsigned)told->x_delta : 0;
	leg->refreshes = told && !is(told->x_refresher, "uas");
	sip_session_start(leg);
}

/* ---- refreshing ---- */

static void refresh(struct sip_leg *leg);

static void over(struct sip_leg *leg)
{
	sip_session_stop(leg);
	if (leg->released || !leg->handler->ended)
		sip_leg_release(leg, 0, NULL);
	else
		leg->handler->ended(leg->owner, "session_expired", "the SIP session was not refreshed");
}

static void on_time(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg);

static void wait_ms(struct sip_leg *leg, unsigned ms)
{
	sip_leg_timer(leg, &leg->session_timer, on_time, ms);
}

static void on_time(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	struct sip_leg *leg = (struct sip_leg *)(void *)arg;
	(void)magic, (void)timer;
	if (leg->state != LEG_CONFIRMED)
		return;
	if (leg->refreshes && leg->offer_out)
		wait_ms(leg, RETRY_MS);
	else if (leg->refreshes && !leg->refresh_out)
		refresh(leg);
	else if (!leg->refreshes)
		over(leg);
}

void sip_session_start(struct sip_leg *leg)
{
	unsigned seconds = leg->session_seconds, early = seconds / 3 < 32 ? seconds / 3 : 32;
	if (!seconds)
		sip_session_stop(leg);
	else /* RFC 4028 §10: half for who refreshes; the other gives up a little before the end */
		wait_ms(leg, leg->refreshes ? seconds * 500 : (seconds - early) * 1000);
}

void sip_session_stop(struct sip_leg *leg)
{
	if (leg->session_timer)
		su_timer_destroy(leg->session_timer);
	leg->session_timer = NULL;
	if (leg->refresh_out)
		nta_outgoing_destroy(leg->refresh_out);
	leg->refresh_out = NULL;
}

static int on_refreshed(struct sip_leg *leg, nta_outgoing_t *orq, sip_t const *sip)
{
	int status = sip && sip->sip_status ? sip->sip_status->st_status : nta_outgoing_status(orq);
	if (status < 200)
		return 0;
	bool ok = sip && status < 300;
	leg->refresh_out = NULL;
	if (ok && nta_outgoing_method(orq) == sip_method_invite)
		sip_leg_send_ack(leg, sip);
	if (ok)
		sip_session_agreed(leg, sip); /* the response may go with its transaction */
	nta_outgoing_destroy(orq);
	if (leg->state != LEG_CONFIRMED)
		sip_session_stop(leg);
	else if (ok)
		sip_leg_offer_now(leg);
	else if (status == 408 || status == 481)
		over(leg);
	else
		wait_ms(leg, RETRY_MS);
	return 0;
}

/* UPDATE where the far side takes it; otherwise the INVITE with what was agreed (RFC 4028 §7.4). */
static void refresh(struct sip_leg *leg)
{
	bool update = leg->peer_updates;
	const char *expires = su_sprintf(leg->home, "%u;refresher=uac", leg->session_seconds);
	leg->refresh_out = nta_outgoing_tcreate(leg->dialog, on_refreshed, leg, leg->route, update ? sip_method_update : sip_method_invite, update ? "UPDATE" : "INVITE", NULL,
		SIPTAG_CONTACT(sip_leg_contact(leg)), SIPTAG_SUPPORTED(leg->agent->features), SIPTAG_SESSION_EXPIRES_STR(expires),
		TAG_IF(!update, SIPTAG_CONTENT_TYPE(leg->agent->audio)), TAG_IF(!update, SIPTAG_PAYLOAD_STR(leg->sdp)), TAG_END());
	if (!leg->refresh_out)
		over(leg);
}
