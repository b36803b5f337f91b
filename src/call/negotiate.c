/*
 * What caller and target say of their audio (RFC 3264): its direction, and its codec. Most calls
 * speak PCMU or PCMA. Another codec that both sides have is passed as it is. A side without PCMU
 * and PCMA speaks Opus or G.722, which are converted where the other side speaks something else,
 * for prompts, and for recordings. What one side changes is offered to the other.
 */
#include "call/internal.h"
#include "media/codec.h"
#include "base/network.h"
#include "base/public.h"
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

static bool can_convert(const struct sdp_format *f)
{
	return codec_find(f->name, f->rate) != NULL;
}

bool negotiate_read(const struct call_loop *loop, const struct sip_incoming *in,
		    struct sdp_audio *sdp, struct sdp_formats *formats, const char **why)
{
	if (!sdp_audio_parse(in->sdp, sdp, formats))
		return false;
	if (echo_caller(loop, in->sip_call_id, sdp)) {
		*why = "SIP;cause=488;text=\"The SDP names this server's own audio ports\"";
		return false;
	}
	if (sdp->codec != CODEC_NONE)
		return true;
	for (size_t i = 0; i < formats->count; i++)
		if (can_convert(&formats->list[i]))
			return sdp_audio_pass(sdp, formats, &formats->list[i]);
	*why = "SIP;cause=488;text=\"None of PCMU, PCMA, G722 and opus is offered; "
	       "other codecs are not converted\"";
	return false;
}

static bool is_recorded(const struct call *c)
{
	return c->campaign->recording || c->dial.record || c->recording_id[0];
}

const struct sdp_formats *negotiate_converted(struct call *c, const struct sdp_formats *offered)
{
	struct sdp_formats *f = arena_alloc(&c->arena, sizeof *f);
	if (!f)
		return NULL;
	*f = offered ? *offered : (struct sdp_formats){0};
	sdp_formats_add_own(f, CODEC_PCMU);
	sdp_formats_add_converted(f);
	return f;
}

const struct sdp_formats *negotiate_formats(struct call *c)
{
	struct sdp_formats *f;
	if (is_recorded(c) || !c->formats || (c->settled && !c->passed))
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
	if (!sdp_audio_parse(sdp, out, &theirs) || echo_target(a, out))
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

/* The codec is one that we speak with the caller. */
static void speak(struct call *c)
{
	bool changes = !c->settled && c->spoken && c->passed != c->spoken;
	if (changes && sdp_audio_pass(&c->sdp, c->formats, c->spoken))
		media_set_remote(c->end, &c->sdp, negotiate_symmetry(c, c->trunk, &c->sdp));
	c->passed = c->spoken;
}

void negotiate_connect(struct call *c, const struct attempt *a)
{
	bool may_pass = !c->settled && c->formats && !is_recorded(c);
	if (!a->sdp.passed) {
		speak(c);
	} else if (may_pass && sdp_audio_pass(&c->sdp, c->formats, a->passed)) {
		c->passed = a->passed;
		if (c->spoken && can_convert(a->passed))
			c->spoken = a->passed;
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
	speak(c);
	negotiate_tell_caller(c);
}

/* ---- within a dialog ---- */

bool negotiate_take(const struct sdp_format *passed, const char *sdp, struct sdp_audio *out)
{
	struct sdp_formats theirs;
	if (!sdp_audio_parse(sdp, out, &theirs))
		return false;
	return (passed && sdp_audio_pass(out, &theirs, passed)) || out->codec != CODEC_NONE;
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

const struct sdp_format *negotiate_format_of(const struct attempt *a)
{
	const struct sdp_formats *callers = a->call->formats;
	const struct sdp_format *f = NULL;
	if (!a->told_passed)
		return NULL;
	if (callers && a->passed)
		f = sdp_format_find(callers, a->passed);
	return f ? f : a->passed;
}

const char *negotiate_target_offer(const struct attempt *a, const char *mode, char out[SDP_SIZE])
{
	struct call *c = a->call;
	struct sdp_formats formats;
	sdp_formats_in_use(&formats, &a->sdp, negotiate_format_of(a));
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
	bool passed = a && a->passed && (c->passed || a->converts);
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
