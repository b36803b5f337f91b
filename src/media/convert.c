/*
 * Audio of ends whose codec is neither PCMU nor PCMA, where it can be converted: what is sent is
 * encoded, and what is heard is decoded for recordings and keys. Between ends of different codecs
 * audio is decoded and encoded again, in frames of 20 ms that have numbers of their own.
 */
#include "media/end.h"
#include <string.h>

#define SAMPLES_RATE 8000    /* recordings, prompts and keys have no more */
#define LATE_MAX 200	     /* packets; the sender began anew where one is later */
#define CONCEAL_MAX 800	     /* samples: 100 ms; a longer gap stays one */
#define GAP_MAX (30 * 8000)  /* samples; a longer one is a jump of the sender's clock */
#define CONCEAL_STEP 20	     /* samples: Opus fills in for multiples of 2.5 ms */

bool end_speaks(const struct media_end *e)
{
	return !e->passes || e->speech;
}

void end_convert_reset(struct media_end *e)
{
	codec_decoder_free(e->hearing.decoder);
	codec_encoder_free(e->encoder);
	e->hearing = (struct hearing){0};
	e->encoder = NULL;
	e->waiting_count = 0;
}

/* ---- what is sent ---- */

static void mix_tone(const struct media_end *e, int16_t frame[FRAME])
{
	for (size_t i = 0; i < FRAME; i++) {
		int sum = frame[i] + e->media->tone[i % AUDIO_TONE_PERIOD];
		if (sum > INT16_MAX)
			sum = INT16_MAX;
		frame[i] = (int16_t)(sum < INT16_MIN ? INT16_MIN : sum);
	}
}

static void send_ulaw(struct media_end *e, const int16_t samples[FRAME])
{
	uint8_t frame[FRAME];
	for (size_t i = 0; i < FRAME; i++)
		frame[i] = ulaw_encode(samples[i]);
	end_send_frame(e, frame);
}

void end_send_samples(struct media_end *e, const int16_t samples[FRAME])
{
	uint8_t payload[CODEC_PAYLOAD_MAX];
	int16_t frame[FRAME];
	if (!e->passes) {
		send_ulaw(e, samples);
		return;
	}
	if (!e->speech)
		return;
	if (!e->encoder && !(e->encoder = codec_encoder_new(e->speech, SAMPLES_RATE)))
		return;
	memcpy(frame, samples, sizeof frame);
	if (e->beeping)
		mix_tone(e, frame);
	if (e->recording)
		end_record_said_samples(e, e->timestamp, frame, FRAME);
	size_t len = codec_encode(e->encoder, frame, FRAME, payload);
	if (len)
		end_transmit(e, e->codec, e->marker, e->timestamp, payload, len);
	e->marker = false;
}

/* ---- what is heard ---- */

/* The bridged end that the audio is encoded for. */
static struct media_end *listener(const struct media_end *e)
{
	struct media_end *to = e->peer;
	return to && end_speaks(to) && to->has_remote && to->may_send && !to->audio ? to : NULL;
}

/* Samples that go out, as far as they make whole frames. */
static void send_on(struct media_end *to, const int16_t *samples, size_t count)
{
	while (count) {
		size_t room = FRAME - to->waiting_count, n = count < room ? count : room;
		memcpy(to->waiting + to->waiting_count, samples, n * sizeof *samples);
		to->waiting_count += n;
		samples += n;
		count -= n;
		if (to->waiting_count < FRAME)
			return;
		to->waiting_count = 0;
		if (!end_key_sounds(to)) { /* else each tick counts on */
			end_send_samples(to, to->waiting);
			to->timestamp += end_frame_time(to);
		}
		to->relaying = false;
	}
}

static uint32_t samples_of(const struct media_end *e, uint32_t time)
{
	return (uint32_t)((uint64_t)time * SAMPLES_RATE / e->rate);
}

/* Time passed in which the far side sent nothing, unless that was filled otherwise. */
static void leave_gap(struct media_end *e, struct media_end *to, uint32_t samples)
{
	if (to->timestamp == e->hearing.sent_until)
		to->timestamp += (uint32_t)((uint64_t)samples * to->rate / SAMPLES_RATE);
	to->waiting_count = 0;
	to->marker = true;
}

static void fill_gap(
	struct media_end *e, struct media_end *to, const struct rtp_packet *p, uint32_t gap)
{
	int16_t samples[CODEC_SAMPLES_MAX];
	size_t n = gap;
	if (e->passes && e->hearing.decoder)
		n = codec_conceal(e->hearing.decoder, p->payload, p->payload_len,
				  gap - gap % CONCEAL_STEP, samples);
	else
		memset(samples, 0, gap * sizeof *samples);
	if (to)
		send_on(to, samples, n);
}

/* The packet's place in its stream. false: it comes too late. *gap: samples missing before it. */
static bool take_place(struct media_end *e, const struct rtp_packet *p, uint32_t *gap, bool *lost)
{
	struct hearing *h = &e->hearing;
	int step = (int16_t)(uint16_t)(p->sequence - h->sequence);
	bool goes_on = h->began && h->ssrc == p->ssrc && step > -LATE_MAX;
	*gap = 0;
	*lost = goes_on && step > 1;
	if (goes_on && step <= 0)
		return false;
	if (goes_on && (int32_t)(p->timestamp - h->next) > 0)
		*gap = samples_of(e, p->timestamp - h->next);
	if (!goes_on) {
		codec_decoder_free(h->decoder);
		*h = (struct hearing){.began = true, .ssrc = p->ssrc, .sent_until = h->sent_until};
	}
	h->sequence = p->sequence;
	return true;
}

static size_t decode(
	struct media_end *e, const struct rtp_packet *p, int16_t samples[CODEC_SAMPLES_MAX])
{
	struct hearing *h = &e->hearing;
	if (e->passes) {
		if (!h->decoder && !(h->decoder = codec_decoder_new(e->speech, SAMPLES_RATE)))
			return 0;
		return codec_decode(h->decoder, p->payload, p->payload_len, samples);
	}
	size_t n = p->payload_len < CODEC_SAMPLES_MAX ? p->payload_len : CODEC_SAMPLES_MAX;
	for (size_t i = 0; i < n; i++)
		samples[i] = ulaw_decode(ulaw_of(e->media, p->payload_type, p->payload[i]));
	return n;
}

void end_convert(struct media_end *e, const struct rtp_packet *p, bool silent)
{
	struct media_end *to = listener(e);
	int16_t samples[CODEC_SAMPLES_MAX];
	uint32_t gap;
	bool lost;
	if (!to && !e->recording && e->telephone_event >= 0) { /* nobody listens */
		e->hearing.began = false;
		return;
	}
	if (!take_place(e, p, &gap, &lost))
		return;
	if (to && to->comforts) { /* the noise, or the music, ends */
		to->comforts = false;
		to->marker = true;
	}
	if (gap && lost && gap <= CONCEAL_MAX)
		fill_gap(e, to, p, gap);
	else if (gap && gap <= GAP_MAX && to)
		leave_gap(e, to, gap);
	size_t n = decode(e, p, samples);
	e->hearing.next = p->timestamp + (uint32_t)((uint64_t)n * e->rate / SAMPLES_RATE);
	if (e->passes && n && e->recording)
		end_record_heard_samples(e, p, samples, n);
	if (e->passes && n && end_hear_samples(e, samples, n))
		silent = true;
	if (to && silent)
		memset(samples, 0, n * sizeof *samples);
	if (to) {
		send_on(to, samples, n);
		e->hearing.sent_until = to->timestamp;
	}
}

void end_convert_key(struct media_end *e, const struct rtp_packet *p)
{
	struct media_end *to = e->peer;
	struct hearing *h = &e->hearing;
	uint32_t from_rate = end_event_rate(e), to_rate = end_event_rate(to);
	uint8_t payload[4];
	if ((int16_t)(uint16_t)(p->sequence - h->sequence) > 0)
		h->sequence = p->sequence;
	if (!end_takes_events(to) || to->audio || p->payload_len < sizeof payload)
		return;
	if (!h->key_began || h->key_timestamp != p->timestamp) {
		h->key_began = true;
		h->key_timestamp = p->timestamp;
		h->key_start = to->timestamp;
	}
	memcpy(payload, p->payload, sizeof payload);
	uint32_t duration = (uint32_t)(payload[2] << 8 | payload[3]);
	duration = (uint32_t)((uint64_t)duration * to_rate / from_rate);
	if (duration > UINT16_MAX)
		duration = UINT16_MAX;
	payload[2] = (uint8_t)(duration >> 8);
	payload[3] = (uint8_t)duration;
	to->comforts = false;
	end_transmit(to, (uint8_t)to->telephone_event, p->marker, h->key_start, payload,
		     sizeof payload);
}
