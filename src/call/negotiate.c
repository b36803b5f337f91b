/*
 * What caller and target say of their audio (RFC 3264): its direction, and its codec. Most calls speak PCMU or PCMA. A
 * codec that both of them have and we have not is passed as it is: then nothing is to be played, recorded or heard here
 * while they talk. What one side changes is offered to the other.
 */
#include "call/internal.h"
#include "base/network.h"
#include "webhook/address.h"
#include <string.h>

/* ---- where audio comes from ---- */

enum media_symmetry negotiate_symmetry(const struct call *c, const struct config_trunk *trunk,
				       const struct sdp_audio *sdp)
{
	struct sockaddr_storage named;
	if (c->loop->rtpengine) /* which learns itself where the far side is */
		return MEDIA_SAME_HOST;
	if (trunk && trunk->symmetric_rtp != NAT_BY_ADDRESS)
		return trunk->symmetric_rtp == NAT_ALWAYS ? MEDIA_ANY_HOST : MEDIA_TO_SDP;
	bool is_private = address_parse(sdp->address, strlen(sdp->address), &named) &&
			  !address_is_public((const struct sockaddr *)&named);
	return is_private ? MEDIA_ANY_HOST : MEDIA_SAME_HOST;
}

/* ---- what is offered to a target ---- */

const struct sdp_formats *negotiate_formats(struct call *c)
{
	struct sdp_formats *f;
	if (c->campaign->recording || c->dial.record || c->recording_id[0] || !c->formats || (c->settled && !c->passed))
		return NULL;
	f = arena_alloc(&c->arena, sizeof *f);
	if (!f)
		return NULL;
	if (c->settled)
		sdp_formats_in_use(f, &c->sdp, sdp_format_find(c->formats, c->passed));
	else
		*f = *c->formats;
	sdp_formats_add_own(f, CODEC_PCMU);
	return f;
}

void negotiate_offer(struct call *c, const struct attempt *a, char out[SDP_SIZE])
{
	struct sdp_formats own = {0};
	sdp_formats_add_own(&own, c->sdp.codec == CODEC_PCMA ? CODEC_PCMA : CODEC_PCMU);
	sdp_audio_offer(out, media_address(a->end), media_port(a->end), a->offered ? a->offered : &own, "sendrecv", c->sdp_session + 1, 1);
}

bool negotiate_answer(struct attempt *a, const char *sdp, struct sdp_audio *out)
{
	struct sdp_formats theirs, own = {0};
	const struct sdp_format *chosen = NULL;
	if (!sdp_audio_parse(sdp, out, &theirs))
		return false;
	if (a->offered)
		chosen = sdp_format_chosen(&theirs, a->offered);
	else
		sdp_formats_add_own(&own, CODEC_PCMU);
	struct sdp_format *kept = chosen ? arena_alloc(&a->call->arena, sizeof *kept) : NULL;
	if (kept)
		*kept = *chosen;
	a->passed = kept && sdp_audio_pass(out, &theirs, kept) ? kept : NULL;
	sdp_audio_answers(out, a->offered ? a->offered : &own, a->passed);
	return out->codec != CODEC_NONE;
}

void negotiate_connect(struct call *c, const struct attempt *a)
{
	if (!a->sdp.passed) {
		c->passed = NULL;
	} else if (!c->settled && sdp_audio_pass(&c->sdp, c->formats, a->passed)) {
		c->passed = a->passed;
		media_set_remote(c->end, &c->sdp, negotiate_symmetry(c, c->trunk, &c->sdp));
	}
}

void negotiate_settle(struct call *c)
{
	if (!c->settled)
		c->told_passed = c->passed;
	c->settled = true;
}

void negotiate_speak(struct call *c)
{
	c->passed = NULL;
	negotiate_tell_caller(c);
}

/* ---- within a dialog ---- */

bool negotiate_take(const struct call *c, bool passes, const char *sdp, struct sdp_audio *out)
{
	struct sdp_formats theirs;
	if (!sdp_audio_parse(sdp, out, &theirs))
		return false;
	return (passes && c->passed && sdp_audio_pass(out, &theirs, c->passed)) || out->codec != CODEC_NONE;
}

void negotiate_refused(struct call *c)
{
	if (!c->sdp.passed || c->told_passed)
		return;
	sdp_audio_speak(&c->sdp, c->formats);
	media_set_remote(c->end, &c->sdp, negotiate_symmetry(c, c->trunk, &c->sdp));
}

const char *negotiate_caller_offer(struct call *c, const char *mode, char out[SDP_SIZE])
{
	struct sdp_formats formats;
	sdp_formats_in_use(&formats, &c->sdp, c->told_passed);
	sdp_audio_offer(out, media_address(c->end), media_port(c->end), &formats, mode, c->sdp_session, c->sdp_version);
	return out;
}

const char *negotiate_target_offer(const struct attempt *a, const char *mode, char out[SDP_SIZE])
{
	struct call *c = a->call;
	struct sdp_formats formats;
	sdp_formats_in_use(&formats, &a->sdp, a->told_passed ? sdp_format_find(c->formats, a->passed) : NULL);
	sdp_audio_offer(out, media_address(a->end), media_port(a->end), &formats, mode, c->sdp_session + 1, ++c->sdp_version);
	return out;
}

/* Whether the other side is to hear something from that one: its audio, or music on hold. */
static bool sounds(const struct call *c, const struct sdp_audio *from)
{
	return from->sends || hold_has_music(c, from);
}

void negotiate_tell_target(struct call *c)
{
	char sdp[SDP_SIZE];
	struct attempt *a = c->dial.connected ? c->dial.talking : NULL;
	const char *mode = sdp_mode(sounds(c, &c->sdp), c->sdp.receives);
	bool passed = a && a->passed && c->passed;
	if (!a || !a->leg || (strcmp(a->told_mode, mode) == 0 && a->told_passed == passed))
		return;
	a->told_mode = mode;
	a->told_passed = passed;
	sip_leg_offer(a->leg, negotiate_target_offer(a, mode, sdp));
}

bool negotiate_tell_caller(struct call *c)
{
	char sdp[SDP_SIZE];
	const struct attempt *a = c->dial.connected ? c->dial.talking : NULL;
	const char *mode = "sendrecv";
	if (a && a->leg)
		mode = sdp_mode(sounds(c, &a->sdp), a->sdp.receives);
	if (!c->leg || !c->answered || c->over || (strcmp(c->told_mode, mode) == 0 && c->told_passed == c->passed))
		return false;
	c->told_mode = mode;
	c->told_passed = c->passed;
	c->sdp_version++;
	sip_leg_offer(c->leg, negotiate_caller_offer(c, mode, sdp));
	return true;
}
