/* SDP of a leg through the media proxy, one after the other; where there is none, at once. */
#include "sip/agent.h"
#include "sip/lines.h"
#include "sip/sdp.h"
#include <sodium.h>

struct sip_passing {
	struct sip_passing *next;
	bool ours, answer;
	int status;
	const char *far_tag;
	const char *sdp; /* NULL or "": nothing that would have to pass, but its turn comes */
	sip_passed *then;
};

/* The first one's turn has come. */
static void begin(struct sip_leg *leg)
{
	const struct sip_passing *p = leg->passing;
	if (!p->sdp || !*p->sdp) {
		sip_leg_passed(leg, p->sdp);
		return;
	}
	const struct sip_passage passage = {leg, leg->media_id, p->ours, p->answer, p->far_tag ? p->far_tag : "", leg->media, p->sdp};
	leg->agent->config.media_proxy->pass(leg->agent->config.arg, &passage);
}

/* What the far side offers says how many m= lines the dialog has from now on. */
static void take_lines(struct sip_leg *leg, bool ours, bool answer, const char *sdp)
{
	if (ours || answer || !sdp || !*sdp)
		return;
	su_home_t *home = su_home_new(sizeof *home);
	leg->lines = home ? sdp_lines_read(home, sdp) : NULL;
	if (leg->lines_home)
		su_home_unref(leg->lines_home);
	leg->lines_home = home;
}

bool sip_leg_lacks_encryption(const struct sip_leg *leg)
{
	return leg->lacks_encryption;
}

/* rtpengine would speak RTP with a far side that leaves out the encryption it was offered. */
static bool must_encrypt(const struct sip_leg *leg, bool ours, const char *sdp)
{
	return !ours && leg->outgoing && leg->media == SIP_SRTP && sdp && *sdp;
}

void sip_leg_pass(struct sip_leg *leg, bool ours, bool answer, int status, const char *sdp, sip_passed *then)
{
	if (ours && leg->lines && sdp && *sdp)
		sdp = sdp_lines_apply(leg->work, leg->lines, sdp);
	if (must_encrypt(leg, ours, sdp) && !sdp_audio_encrypts(sdp)) {
		leg->lacks_encryption = true;
		then(leg, status, NULL, false);
		return;
	}
	if (!leg->agent->config.media_proxy)
		take_lines(leg, ours, answer, sdp);
	if (!leg->agent->config.media_proxy || (!leg->passing && (!sdp || !*sdp))) {
		then(leg, status, sdp, true);
		return;
	}
	struct sip_passing **last = &leg->passing, *p = su_zalloc(leg->work, sizeof *p);
	const char *copy = sdp ? su_strdup(leg->work, sdp) : NULL;
	if (!p || (sdp && !copy)) {
		then(leg, status, NULL, false);
		return;
	}
	if (!leg->media_id)
		leg->media_id = su_sprintf(leg->home, "%08x%08x", randombytes_random(), randombytes_random());
	*p = (struct sip_passing){.ours = ours, .answer = answer, .status = status, .far_tag = leg->far_tag, .sdp = copy, .then = then};
	while (*last)
		last = &(*last)->next;
	*last = p;
	if (leg->passing == p)
		begin(leg);
}

void sip_leg_passed(struct sip_leg *leg, const char *sdp)
{
	const struct sip_passing *p = leg->passing;
	bool gone = false;
	leg->gone = &gone;
	take_lines(leg, p->ours, p->answer, sdp);
	p->then(leg, p->status, sdp, sdp || !p->sdp); /* what that passes comes after this */
	if (gone)
		return;
	leg->gone = NULL;
	leg->passing = p->next;
	if (leg->passing)
		begin(leg);
}

/* The leg is being freed. */
void sip_leg_pass_stop(struct sip_leg *leg)
{
	if (leg->gone)
		*leg->gone = true;
	if (leg->media_id)
		leg->agent->config.media_proxy->forget(leg->agent->config.arg, leg, leg->media_id);
}
