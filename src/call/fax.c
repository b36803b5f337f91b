/*
 * Fax between caller and target (ITU-T T.38): when one side offers it in a re-INVITE, the other is
 * offered the same; when that one accepts, UDPTL is relayed between both. Audio stands until then,
 * and goes on when it refuses.
 */
#include "call/internal.h"

struct fax {
	enum { FAX_NOBODY, FAX_CALLER, FAX_TARGET } offered_by; /* whose offer is not answered yet */
	bool active; /* both sides exchange T.38 */
	struct sdp_image offered;
};

/* a NULL: the caller's side. */
struct side {
	struct sip_leg *leg;
	struct media_end *end;
	int64_t session;
};

static struct side side_of(const struct call *c, const struct attempt *a)
{
	return (struct side){
		.leg = a ? a->leg : c->leg,
		.end = a ? a->end : c->end,
		.session = c->sdp_session + (a != NULL),
	};
}

static void take_stream(struct call *c, struct attempt *a, const struct sdp_audio *stream)
{
	if (a)
		dial_set_remote(a, stream);
	else
		media_set_remote(c->end, stream, negotiate_symmetry(c, c->trunk, stream));
}

static const char *write_image(struct call *c, const struct side *to,
			       const struct sdp_image *image, char out[SDP_SIZE])
{
	sdp_image_write(out, media_address(to->end), media_port(to->end), image,
			to->session, ++c->sdp_version);
	return out;
}

/*
 * A recording and a call flow need audio, and a transfer is about to change who talks. Through
 * rtpengine nothing but audio is passed.
 */
static bool may_pass(const struct call *c, const struct attempt *a)
{
	const struct dial *d = &c->dial;
	bool talks = d->connected && d->talking->leg && !d->transfer && c->leg && c->answered;
	bool recorded = c->recording_id[0] || c->campaign->recording || d->record;
	bool asked = c->fax && c->fax->offered_by != FAX_NOBODY;
	return talks && !recorded && !asked && !c->loop->rtpengine && (!a || a == d->talking);
}

bool fax_offered(struct call *c, struct attempt *a, const char *sdp)
{
	char out[SDP_SIZE];
	struct sdp_image image;
	if (!sdp_image_parse(sdp, &image) || !may_pass(c, a) || echo_named(c, a, &image.stream))
		return false;
	if (!c->fax)
		c->fax = arena_alloc(&c->arena, sizeof *c->fax);
	if (!c->fax)
		return false;
	const struct side other = side_of(c, a ? NULL : c->dial.talking);
	c->fax->offered_by = a ? FAX_TARGET : FAX_CALLER;
	c->fax->offered = image;
	sip_leg_offer(other.leg, write_image(c, &other, &image, out));
	return true;
}

/* The next offer to that side is sent, also when its direction has not changed. */
static void forget_mode(struct call *c, struct attempt *a)
{
	*(a ? &a->told_mode : &c->told_mode) = "";
}

/* The other side has agreed to T.38 that is not wanted any more, or to nothing. */
static void offer_audio(struct call *c, struct attempt *a)
{
	forget_mode(c, a);
	if (a)
		negotiate_tell_target(c);
	else
		negotiate_tell_caller(c);
}

static void begin(struct call *c, struct attempt *by, struct attempt *other,
		  const struct sdp_image *answer)
{
	char out[SDP_SIZE];
	const struct side side = side_of(c, by);
	c->fax->active = true;
	take_stream(c, by, &c->fax->offered.stream);
	take_stream(c, other, &answer->stream);
	sip_leg_reoffer_answer(side.leg, 200, write_image(c, &side, answer, out));
}

bool fax_answered(struct call *c, struct attempt *a, int status, const char *sdp)
{
	struct fax *fax = c->fax;
	struct sdp_image image;
	struct sdp_audio audio;
	struct sdp_formats formats;
	if (!fax || fax->offered_by != (a ? FAX_CALLER : FAX_TARGET))
		return false;
	struct attempt *by = a ? NULL : c->dial.talking;
	const struct side side = side_of(c, by);
	bool accepted = status < 300 && sdp_image_parse(sdp, &image) &&
			!echo_named(c, a, &image.stream);
	fax->offered_by = FAX_NOBODY;
	if (accepted && sip_leg_is_asked(side.leg)) {
		begin(c, by, a, &image);
		return true;
	}
	sip_leg_reoffer_answer(side.leg, 488, NULL);
	if (status >= 300)
		return true;
	if (accepted ? !fax->active : !sdp_audio_parse(sdp, &audio, &formats))
		offer_audio(c, a);
	return accepted;
}

void fax_over(struct call *c, struct attempt *a)
{
	if (!fax_is_active(c))
		return;
	c->fax->active = false;
	forget_mode(c, a ? NULL : c->dial.talking);
}

void fax_stop(struct call *c)
{
	struct fax *fax = c->fax;
	if (!fax)
		return;
	const struct side by = side_of(c, fax->offered_by == FAX_TARGET ? c->dial.talking : NULL);
	if (fax->offered_by != FAX_NOBODY && by.leg)
		sip_leg_reoffer_answer(by.leg, 488, NULL);
	if (fax->active || fax->offered_by == FAX_TARGET)
		forget_mode(c, NULL); /* who may have been offered T.38 */
	fax->offered_by = FAX_NOBODY;
	fax->active = false;
}

bool fax_is_active(const struct call *c)
{
	return c->fax && c->fax->active;
}
