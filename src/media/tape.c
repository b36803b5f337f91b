/* What an end records: what it hears, and what is sent to its far side. */
#include "media/end.h"
#include "base/clock.h"
#include <stdlib.h>

#define VOICE 200 /* mean amplitude, of 32768, that somebody speaks at: -44 dB */

static uint64_t record_place(const struct media_end *e)
{
	return (uint64_t)(clock_monotonic_us() - e->record_began_us) * 8 / 1000;
}

static void record(struct media_end *e, struct track *t, uint32_t ssrc, uint32_t timestamp, const uint8_t *ulaw, size_t count)
{
	int channel = t == &e->said;
	size_t stretch;
	if (e->record_paused || !count)
		return;
	uint64_t at = track_place(t, ssrc, timestamp, count, record_place(e), &stretch);
	if (stretch && at)
		recording_put(e->recording, channel, at - 1, ulaw, 1);
	recording_put(e->recording, channel, at, ulaw, count);
}

void end_record_heard(struct media_end *e, const struct rtp_packet *p)
{
	uint8_t ulaw[PACKET_MAX];
	long sum = 0;
	if ((p->payload_type != CODEC_PCMU && p->payload_type != CODEC_PCMA) || p->payload_len > sizeof ulaw)
		return;
	for (size_t i = 0; i < p->payload_len; i++) {
		ulaw[i] = ulaw_of(e->media, p->payload_type, p->payload[i]);
		sum += labs((long)ulaw_decode(ulaw[i]));
	}
	if (p->payload_len && sum / (long)p->payload_len > VOICE)
		e->voice_ms = clock_monotonic_ms();
	record(e, &e->heard, p->ssrc, p->timestamp, ulaw, p->payload_len);
}

/* payload: in the end's own codec, as it was sent. */
void end_record_said(struct media_end *e, uint32_t timestamp, const uint8_t *payload, size_t len)
{
	uint8_t ulaw[PACKET_MAX];
	for (size_t i = 0; i < len; i++)
		ulaw[i] = ulaw_of(e->media, e->codec, payload[i]);
	record(e, &e->said, e->ssrc, timestamp, ulaw, len);
}

void end_record_stop(struct media_end *e, bool keep)
{
	if (e->recording)
		recording_close(e->recording, record_place(e), keep);
	e->recording = NULL;
	e->beeping = false;
	if (e->peer)
		e->peer->beeping = false;
}
