/* media/quality.h: how well a stream is heard: loss and jitter (RFC 3550 §6.4.1, A.3, A.8), and the opinion
 * score that the E-model makes of them (ITU-T G.107, G.113). One thread takes packets, another may read. */
#ifndef MEDIA_QUALITY_H
#define MEDIA_QUALITY_H

#include "media/rtcp.h"
#include "media/rtp.h"
#include <stdatomic.h>

struct quality_meter {
	bool began, timed;
	uint32_t rate; /* of the stream's timestamps, Hz; 0: 8000 */
	_Atomic(const struct impairment *) codec; /* what it takes from the score; NULL: PCMU's */
	uint32_t ssrc;
	uint16_t first, highest;
	uint32_t cycles, expected_before, samples; /* of sections that ended; that the mean is made of */
	uint32_t transit;
	uint32_t jitter, largest; /* 1/8000 s, times 16 */
	uint64_t jitter_sum;
	/* what is read by others */
	_Atomic uint32_t told_received, told_expected, told_jitter, told_largest; /* jitter: mean */
	/* RTCP: packets of this stream, and at the last report; then what the far side told of ours */
	uint32_t received, report_received, report_expected;
	_Atomic uint32_t far_reports, far_lost, far_sent, far_jitter, round_trip; /* jitter: 1/8000 s; round trip: 1/65536 s */
};

struct quality {
	uint32_t packets, lost;
	double loss_percent, jitter_ms, max_jitter_ms, mos; /* mos: 1 to 4.41 */
	/* what the far side told by RTCP, of what it heard */
	bool far;
	uint32_t far_lost;
	double far_loss_percent, far_jitter_ms, far_mos, round_trip_ms; /* round trip: 0: not told */
};

/* What it is encoded as from now on, as SDP names it ("": PCMU or PCMA), and what its timestamps count, Hz. */
void quality_codec(struct quality_meter *m, const char *name, uint32_t rate);
/* A packet of audio, or of a key (its timestamp tells nothing of when it was sent). */
void quality_take(struct quality_meter *m, const struct rtp_packet *p, bool is_key, int64_t arrival_us);
/* What RTCP tells of the stream; last_report and delay are the caller's. false: nothing was heard yet. */
bool quality_report(struct quality_meter *m, struct rtcp_block *out);
/* What the far side told of our stream of so many packets; now: middle 32 bits of the NTP time. */
void quality_told(struct quality_meter *m, const struct rtcp_block *about, uint32_t sent, uint32_t now);
/* false: nothing was heard yet, nor told. */
bool quality_read(const struct quality_meter *m, struct quality *out);

#endif
