/* The media proxy of the SIP agent's legs: an rtpengine. */
#include "call/internal.h"
#include "base/log.h"

static void pass(void *arg, const struct sip_passage *p)
{
	static const enum ng_security securities[] = {[SIP_RTP] = NG_RTP, [SIP_SRTP] = NG_SRTP, [SIP_WEBRTC] = NG_WEBRTC};
	struct call_loop *loop = arg;
	const struct ng_sdp sdp = {p->id, p->ours, p->answer, p->far_tag, securities[p->media], p->sdp};
	if (!rtpengine_pass(loop->rtpengine, &sdp, p->leg))
		sip_leg_passed(p->leg, NULL);
}

static void passed(void *owner, const char *sdp)
{
	sip_leg_passed(owner, sdp);
}

static void forget(void *arg, struct sip_leg *leg, const char *id)
{
	struct call_loop *loop = arg;
	rtpengine_forget(loop->rtpengine, id, leg);
}

static int on_answers(su_root_magic_t *magic, su_wait_t *wait, su_wakeup_arg_t *arg)
{
	struct call_loop *loop = (struct call_loop *)magic;
	(void)wait, (void)arg;
	loop->wakeups++;
	rtpengine_read(loop->rtpengine);
	return 0;
}

bool proxy_open(struct call_loop *loop, struct sip_agent_config *sip, struct error *err)
{
	static const struct sip_media_proxy proxy = {pass, forget};
	su_wait_t wait[1];
	if (!loop->config.rtpengine)
		return true;
	loop->rtpengine = rtpengine_create(loop->config.rtpengine, passed, err);
	if (!loop->rtpengine)
		return false;
	sip->media_proxy = &proxy;
	return su_wait_create(wait, rtpengine_fd(loop->rtpengine), SU_WAIT_IN) == 0 && su_root_register(loop->root, wait, on_answers, NULL, 0) >= 0;
}
