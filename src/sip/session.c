/*
 * Session timers (RFC 4028): both sides agree who refreshes the session, and how often; when
 * no refresh comes, the other side is gone. Without such an agreement nothing here happens.
 */
#include "sip/agent.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECONDS_MAX 86400
#define RAISED_MAX 3   /* so often a 422 may raise Min-SE until a 2xx */
#define RETRY_MS 5000 /* after a refresh that was refused, which the session may outlive */

static bool is(const char *refresher, const char *who)
{
	return refresher && strcasecmp(refresher, who) == 0;
}

/* ---- agreeing ---- */

/* Who refreshes where the far side leaves it open: who did so before, else the far side. */
static bool refreshes(const struct sip_leg *leg, const sip_session_expires_t *asked, bool able)
{
	if (!able)
		return asked != NULL;
	if (asked && asked->x_refresher)
		return is(asked->x_refresher, "uas");
	return leg->session.seconds && leg->session.refreshes;
}

/* An interval of the far side's, as far as we keep to it. */
static unsigned bounded(const struct sip_leg *leg, unsigned long seconds)
{
	unsigned least = leg->agent->config.min_session_seconds;
	if (seconds < least)
		return least;
	return seconds > SECONDS_MAX ? SECONDS_MAX : (unsigned)seconds;
}

bool sip_session_take(struct sip_leg *leg, sip_t const *sip)
{
	const sip_session_expires_t *asked = sip->sip_session_expires;
	const struct sip_agent_config *config = &leg->agent->config;
	bool able = sip_has_feature(sip->sip_supported, "timer") || sip_has_feature(sip->sip_require, "timer");
	if (asked && able && asked->x_delta < config->min_session_seconds)
		return false;
	if (sip->sip_allow)
		leg->peer_updates = sip_is_allowed(sip->sip_allow, SIP_METHOD_UPDATE);
	leg->session_asked = (struct sip_session){
		.seconds = able ? config->session_seconds : 0,
		.refreshes = refreshes(leg, asked, able),
		.peer_knows = able,
	};
	if (asked)
		leg->session_asked.seconds = bounded(leg, asked->x_delta);
	return true;
}

const char *sip_session_told(struct sip_leg *leg)
{
	const struct sip_session *s = &leg->session_asked;
	const char *who = s->refreshes ? "uas" : "uac";
	return s->seconds ? su_sprintf(leg->work, "%u;refresher=%s", s->seconds, who) : NULL;
}

const char *sip_session_required(const struct sip_leg *leg)
{
	const struct sip_session *s = &leg->session_asked;
	return s->seconds && s->peer_knows && !s->refreshes ? "timer" : NULL;
}

void sip_session_take_effect(struct sip_leg *leg)
{
	leg->session = leg->session_asked;
	if (leg->state == LEG_CONFIRMED)
		sip_session_start(leg);
}

/* RFC 4028 section 7.4: the roles stay as they are. */
const char *sip_session_headers(struct sip_leg *leg)
{
	const struct sip_agent_config *config = &leg->agent->config;
	const struct sip_session *s = &leg->session;
	unsigned least = leg->min_se ? leg->min_se : config->min_session_seconds;
	unsigned seconds = s->seconds ? s->seconds : config->session_seconds;
	const char *who = s->refreshes ? ";refresher=uac" : ";refresher=uas";
	return su_sprintf(leg->work, "Session-Expires: %u%s\r\nMin-SE: %u\r\n",
			  seconds > least ? seconds : least, s->seconds ? who : "", least);
}

/*
 * RFC 4028 section 7.2: without Session-Expires the far side expects no refresh. Where we
 * refreshed so far we go on with it, as we may.
 */
void sip_session_agreed(struct sip_leg *leg, sip_t const *sip)
{
	const sip_session_expires_t *told = sip->sip_session_expires;
	leg->min_se_raised = 0;
	if (sip->sip_allow)
		leg->peer_updates = sip_is_allowed(sip->sip_allow, SIP_METHOD_UPDATE);
	if (told) {
		leg->session.seconds = bounded(leg, told->x_delta);
		leg->session.refreshes = !is(told->x_refresher, "uas");
	} else if (!leg->session.refreshes) {
		leg->session.seconds = 0;
	}
	sip_session_start(leg);
}

bool sip_session_lengthen(struct sip_leg *leg, sip_t const *sip)
{
	unsigned long least = sip->sip_min_se ? sip->sip_min_se->min_delta : 0;
	if (least > SECONDS_MAX || least <= leg->min_se || leg->min_se_raised == RAISED_MAX)
		return false;
	leg->min_se_raised++;
	leg->min_se = (unsigned)least;
	return true;
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
	if (leg->session.refreshes && leg->offer_out)
		wait_ms(leg, RETRY_MS);
	else if (leg->session.refreshes && !leg->refresh_out)
		refresh(leg);
	else if (!leg->session.refreshes)
		over(leg);
}

void sip_session_start(struct sip_leg *leg)
{
	unsigned seconds = leg->session.seconds, early = seconds / 3 < 32 ? seconds / 3 : 32;
	if (!seconds)
		sip_session_stop(leg);
	else /* RFC 4028 §10: half for who refreshes; the other gives up a little before the end */
		wait_ms(leg, leg->session.refreshes ? seconds * 500 : (seconds - early) * 1000);
}

void sip_session_stop(struct sip_leg *leg)
{
	if (leg->session_timer)
		su_timer_destroy(leg->session_timer);
	leg->session_timer = NULL;
	if (leg->refresh_out)
		sip_within_free(leg->refresh_out);
	leg->refresh_out = NULL;
}

static void on_refreshed(struct sip_leg *leg, const struct sip_within *request, int status,
			 sip_t const *sip)
{
	(void)request;
	leg->refresh_out = NULL;
	if (leg->state != LEG_CONFIRMED)
		return;
	if (sip && status < 300) {
		sip_session_agreed(leg, sip);
		sip_leg_offer_now(leg);
	} else if (status == 408 || status == 481) {
		over(leg);
	} else if (status == 422 && sip && sip_session_lengthen(leg, sip)) {
		refresh(leg);
	} else {
		wait_ms(leg, RETRY_MS);
	}
}

/* UPDATE where the far side takes it; otherwise the INVITE with what was agreed (RFC 4028 §7.4). */
static void refresh(struct sip_leg *leg)
{
	bool update = leg->peer_updates;
	leg->refresh_out = sip_leg_send(leg, &(struct sip_within){
		.method = update ? sip_method_update : sip_method_invite,
		.name = update ? "UPDATE" : "INVITE",
		.contact = true,
		.headers = sip_session_headers(leg),
		.type = "application/sdp",
		.body = update ? NULL : leg->sdp,
		.answered = on_refreshed,
	});
	if (!leg->refresh_out)
		over(leg);
}
