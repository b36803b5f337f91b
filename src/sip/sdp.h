/* sip/sdp.h: the one audio stream that Strowger offers and answers (RFC 3264, RFC 8866). Pure. */
#ifndef SIP_SDP_H
#define SIP_SDP_H

#include "base/result.h"
#include <stdint.h>

enum codec { CODEC_NONE = -1, CODEC_PCMU = 0, CODEC_PCMA = 8 }; /* RFC 3551 payload types */

#define SDP_NAME_SIZE 20 /* of an encoding */

struct sdp_audio {
	char address[64]; /* IPv4 or IPv6 */
	int port;         /* 0: the stream is refused */
	int line;         /* which of the m= lines it is, from 0 on */
	/* Payload type: the first of PCMU and PCMA that both sides speak, or CODEC_NONE; of the format that is passed, after sdp_audio_pass(). */
	int codec;
	int telephone_event; /* RFC 4733 payload type of the keys that go with it, or -1 */
	bool is_image;       /* T.38 over UDPTL: no audio, and none of the fields of codecs counts */
	bool passed;         /* the codec is neither PCMU nor PCMA */
	char name[SDP_NAME_SIZE]; /* of the codec that is passed: "opus"; else "" */
	int rate, event_rate; /* of timestamps, Hz, as the SDP names it for codec and keys */
	int offered_codec, offered_event; /* what we called these two, where the far side's answer calls them otherwise: it may use both; -1: it does not */
	bool sends, receives; /* a=sendrecv, … */
	bool rtcp_mux;        /* RTCP by the same port (RFC 5761) */
	int rtcp_port;        /* a=rtcp (RFC 3605); 0: the next port */
};

/* One way to encode audio, or keys (RFC 8866 §6.6, §6.15). */
struct sdp_format {
	int payload_type, rate, channels;
	char name[SDP_NAME_SIZE];
	char parameters[100]; /* of a=fmtp; "" without */
};

#define SDP_FORMATS_MAX 15

/* Formats, the preferred first. */
struct sdp_formats {
	size_t count;
	struct sdp_format list[SDP_FORMATS_MAX];
};

#define SDP_SIZE 3072 /* SDP_FORMATS_MAX formats, each at its longest, and the rest */

/* Read an offer or answer. formats NULL: only PCMU and PCMA are of use, and without one of them it is false; else also
 * gets what else could be passed on, and codec may be CODEC_NONE. false: no audio stream over RTP that can be used (answer 488). */
bool sdp_audio_parse(const char *text, struct sdp_audio *out, struct sdp_formats *formats);

/*
 * Is each audio stream encrypted, with keys in the SDP (RTP/SAVP, RFC 4568)? Suites and session
 * parameters that encrypt nothing do not count. false for what is no SDP; true where all audio
 * streams are refused.
 */
bool sdp_audio_encrypts(const char *text);

/* ---- fax (ITU-T T.38 annex D) ---- */

#define SDP_IMAGE_ATTRIBUTES 1024

/* A stream of T.38 over UDPTL. */
struct sdp_image {
	/* Address, port, line; is_image is true. */
	struct sdp_audio stream;
	/* The lines "a=T38…", each with its CRLF, as they came. */
	char attributes[SDP_IMAGE_ATTRIBUTES];
};

/*
 * Read an offer or answer of T.38. false: it has audio that can be used, no UDPTL stream of T.38,
 * one that is refused (port 0), or attributes that are too long to be passed on.
 */
bool sdp_image_parse(const char *text, struct sdp_image *out);
/* Write an offer or answer with that stream as ours. */
void sdp_image_write(char out[SDP_SIZE], const char *address, int port,
		     const struct sdp_image *image, int64_t session, unsigned version);

/* Neither PCMU, PCMA nor keys: only to be passed on. */
bool sdp_format_is_passed(const struct sdp_format *format);
/* The same encoding among those, or NULL. */
const struct sdp_format *sdp_format_find(const struct sdp_formats *among, const struct sdp_format *format);
/* What an answer has chosen of what was offered, where that is to be passed on: an entry of `answer`; or NULL. */
const struct sdp_format *sdp_format_chosen(const struct sdp_formats *answer, const struct sdp_formats *offered);
/* Use that format, as the far side names it in `theirs`, and the keys that go with it. false: it is not among them, and nothing has changed. */
bool sdp_audio_pass(struct sdp_audio *audio, const struct sdp_formats *theirs, const struct sdp_format *format);
/* The other way round: use the first of PCMU and PCMA among those. */
void sdp_audio_speak(struct sdp_audio *audio, const struct sdp_formats *theirs);
/* It answers what we offered: what we called codec and keys there is heard, too. */
void sdp_audio_answers(struct sdp_audio *audio, const struct sdp_formats *offered, const struct sdp_format *passed);
/* Add what we speak ourselves, as far as it is not there: PCMU and PCMA, `first` first, and telephone-event. */
void sdp_formats_add_own(struct sdp_formats *formats, enum codec first);
/*
 * Add the codecs that audio can be converted to, as far as they are not there: Opus and G.722, and
 * telephone-event in the clock of Opus.
 */
void sdp_formats_add_converted(struct sdp_formats *formats);
/* Make the list that of an offer which changes nothing. passed NULL: PCMU and PCMA are in use. */
void sdp_formats_in_use(struct sdp_formats *formats, const struct sdp_audio *audio, const struct sdp_format *passed);

/* "sendrecv", "sendonly", "recvonly" or "inactive" (RFC 8866 §6.7). */
const char *sdp_mode(bool sends, bool receives);
/* Write our offer; mode as of sdp_mode(). */
void sdp_audio_offer(char out[SDP_SIZE], const char *address, int port, const struct sdp_formats *formats, const char *mode, int64_t session, unsigned version);
/* Write our answer to what was offered, in its codec. passed: what that is, or NULL. */
void sdp_audio_answer(char out[SDP_SIZE], const char *address, int port, const struct sdp_audio *offer, const struct sdp_format *passed, int64_t session, unsigned version);

#endif
