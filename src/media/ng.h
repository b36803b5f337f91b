/* media/ng.h: rtpengine's control protocol "ng": bencoded dictionaries, a datagram each. Pure. */
#ifndef MEDIA_NG_H
#define MEDIA_NG_H

#include "base/buf.h"

/* How the far side of a leg sends its audio. */
enum ng_security { NG_RTP, NG_SRTP, NG_WEBRTC }; /* RTP/AVP; RTP/SAVP (RFC 4568); UDP/TLS/RTP/SAVPF with ICE (RFC 5764, RFC 8445) */

/* SDP on its way between us, who speak RTP/AVP, and the far side. */
struct ng_sdp {
	const char *call;    /* names the leg */
	bool ours;           /* from us to the far side */
	bool answer;
	const char *far_tag; /* names the far side, which may be several after a fork; "" before it is known */
	enum ng_security security; /* what an offer of ours is made; the far side's own offers are what they are */
	const char *text;
};

/* What follows a request's cookie. */
void ng_write_sdp(struct buf *out, const struct ng_sdp *sdp);
void ng_write_delete(struct buf *out, const char *call);

/* Borrowed from the text that was read; NULL where there is none. */
struct ng_answer {
	const char *result, *sdp, *reason;
	size_t result_len, sdp_len, reason_len;
};
/* What follows an answer's cookie. false: it is no dictionary. */
bool ng_read_answer(const char *text, size_t len, struct ng_answer *out) WARN_UNUSED;

#endif
