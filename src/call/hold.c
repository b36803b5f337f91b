/* Hold, passed from one side of a conversation to the other: what one's SDP says of the direction is offered to the other. */
#include "call/internal.h"
#include <string.h>

const char *hold_offer(struct call *c, const struct media_end *end, const char *mode, unsigned leg, char out[SDP_SIZE])
{
	sdp_audio_offer(out, media_address(c->loop->config.media), media_port(end), c->sdp.codec, mode, c->sdp_session + leg, ++c->sdp_version);
	return out;
}

void hold_tell_target(struct call *c)
{
	char sdp[SDP_SIZE];
	struct attempt *a = c->dial.connected ? c->dial.talking : NULL;
	const char *mode = sdp_mode(c->sdp.sends, c->sdp.receives);
	if (!a || !a->leg || strcmp(a->told_mode, mode) == 0)
		return;
	a->told_mode = mode;
	sip_leg_offer(a->leg, hold_offer(c, a->end, mode, 1, sdp));
}

void hold_tell_caller(struct call *c)
{
	char sdp[SDP_SIZE];
	const struct attempt *a = c->dial.connected ? c->dial.talking : NULL;
	const char *mode = a && a->leg ? sdp_mode(a->sends, a->receives) : "sendrecv";
	if (!c->leg || !c->answered || c->over || strcmp(c->told_mode, mode) == 0)
		return;
	c->told_mode = mode;
	sip_leg_offer(c->leg, hold_offer(c, c->end, mode, 0, sdp));
}
