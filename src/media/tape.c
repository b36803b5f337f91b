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

/* The timestamp as a clock of 8 kHz has it, also after a faster one has wrapped. */
static uint32_t at_8khz(struct clock_8khz *c, uint32_t timestamp, uint32_t rate)
{
	c->at += (int32_t)(timestamp - c->last);
	c->last = timestamp;
	return (uint32_t)((c->at + (INT64_C(1) << 40)) * 8000 / rate);
}

void end_record_heard_samples(
	struct media_end *e, const struct rtp_packet *p, const int16_t *samples, size_t count)
{
	uint8_t ulaw[CODEC_SAMPLES_MAX];
	long sum = 0;
	for (size_t i = 0; i < count; i++) {
		ulaw[i] = ulaw_encode(samples[i]);
		sum += labs((long)samples[i]);
	}
	if (count && sum / (long)count > VOICE)
		e->voice_ms = clock_monotonic_ms();
	uint32_t timestamp = at_8khz(&e->heard_clock, p->timestamp, e->rate);
	record(e, &e->heard, p->ssrc, timestamp, ulaw, count);
}

void end_record_said_samples(
	struct media_end *e, uint32_t timestamp, const int16_t *samples, size_t count)
{
	uint8_t ulaw[CODEC_SAMPLES_MAX];
	for (size_t i = 0; i < count; i++)
		ulaw[i] = ulaw_encode(samples[i]);
	record(e, &e->said, e->ssrc, at_8khz(&e->said_clock, timestamp, e->rate), ulaw, count);
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
