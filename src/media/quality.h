/* media/quality.h: how well a stream is heard: loss and jitter (RFC 3550 §6.4.1, A.3, A.8), and the opinion
 * score that the E-model makes of them (ITU-T G.107, G.113). One thread takes packets, another may read. */
#ifndef MEDIA_QUALITY_H
#define MEDIA_QUALITY_H

#include "media/rtp.h"
#include <stdatomic.h>

struct quality_meter {
	bool began, timed;
	uint32_t ssrc;
	uint16_t first, highest;
	uint32_t cycles, expected_before, samples; /* of sections that ended; that the mean is made of */
	int32_t transit;
	uint32_t jitter, largest; /* timestamp units, times 16 */
	uint64_t jitter_sum;
	/* what is read by others */
	_Atomic uint32_t told_received, told_expected, told_jitter, told_largest; /* jitter: mean */
};

struct quality {
	uint32_t packets, lost;
	double loss_percent, jitter_ms, max_jitter_ms, mos; /* mos: 1 to 4.41 */
};

/* A packet of audio, or of a key (its timestamp tells nothing of when it was sent). */
void quality_take(struct quality_meter *m, const struct rtp_packet *p, bool is_key, int64_t arrival_us);
/* false: nothing was heard yet. */
bool quality_read(const struct quality_meter *m, struct quality *out);

#endif
