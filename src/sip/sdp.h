/* sip/sdp.h: the one audio stream that Strowger offers and answers (RFC 3264, RFC 8866). Pure. */
#ifndef SIP_SDP_H
#define SIP_SDP_H

#include "base/result.h"
#include <stdint.h>

enum codec { CODEC_PCMU = 0, CODEC_PCMA = 8 }; /* RFC 3551 payload types */

struct sdp_audio {
	char address[64]; /* IPv4 or IPv6 */
	int port;         /* 0: the stream is refused */
	enum codec codec; /* the first that both sides speak */
	int telephone_event; /* RFC 4733 payload type at 8000 Hz, or -1 */
	bool sends, receives; /* a=sendrecv, … */
	bool rtcp_mux;        /* RTCP by the same port (RFC 5761) */
	int rtcp_port;        /* a=rtcp (RFC 3605); 0: the next port */
};

#define SDP_SIZE 640

/* Read an offer or answer. false: no audio stream over RTP with PCMU or PCMA (answer 488). */
bool sdp_audio_parse(const char *text, struct sdp_audio *out);

/* "sendrecv", "sendonly", "recvonly" or "inactive" (RFC 8866 §6.7). */
const char *sdp_mode(bool sends, bool receives);
/* Write our offer: both codecs, `first` first, and telephone-event; mode as of sdp_mode(). */
void sdp_audio_offer(char out[SDP_SIZE], const char *address, int port, enum codec first, const char *mode, uint64_t session, unsigned version);
/* Write our answer to what was offered. */
void sdp_audio_answer(char out[SDP_SIZE], const char *address, int port, const struct sdp_audio *offer, uint64_t session, unsigned version);

#endif
