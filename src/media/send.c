/* What an end sends by itself: prompts, tones, keys and noise, a frame each 20 ms. */
#include "media/end.h"
#include "base/clock.h"
#include <string.h>
#include <sys/socket.h>

#define BEEP_TICKS 10  /* 200 ms, */
#define BEEP_EVERY 750 /* each 15 s: 47 CFR 64.501 asks for 12 to 18 */

void end_activate(struct media_end *e)
{
	struct media_thread *t = e->thread;
	if (e->previous_active)
		return;
	e->next_active = t->active;
	e->previous_active = &t->active;
	if (t->active)
		t->active->previous_active = &e->next_active;
	t->active = e;
}

void end_deactivate(struct media_end *e)
{
	if (!e->previous_active)
		return;
	*e->previous_active = e->next_active;
	if (e->next_active)
		e->next_active->previous_active = e->previous_active;
	e->previous_active = NULL;
	e->generates = false;
}

void end_mix_tone(const struct media_end *e, uint32_t timestamp, uint8_t *payload, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t ulaw = ulaw_of(e->media, e->codec, payload[i]);
		int sum = ulaw_decode(ulaw) + e->media->tone[(timestamp + i) % AUDIO_TONE_PERIOD];
		ulaw = ulaw_encode((int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum));
		payload[i] = e->codec == CODEC_PCMA ? e->media->to_alaw[ulaw] : ulaw;
	}
}

void end_catch_up(struct media_end *e, int64_t now_us)
{
	int64_t passed = (now_us - e->last_sent_us) * e->rate / 1000000;
	int32_t behind = (int32_t)(e->last_timestamp + (uint32_t)passed - e->timestamp);
	int32_t frame = (int32_t)end_frame_time(e);
	if (!e->packets_sent || behind < 2 * frame) /* less is jitter */
		return;
	e->timestamp += (uint32_t)(behind - behind % frame);
	e->marker = true;
}

void end_transmit(struct media_end *e, uint8_t type, bool marker, uint32_t timestamp, const uint8_t *payload, size_t len)
{
	uint8_t packet[PACKET_MAX];
	if (!e->has_remote || !e->may_send || e->datagrams || len > sizeof packet - RTP_HEADER_SIZE)
		return;
	e->sent = true;
	rtp_write_header(packet, &(struct rtp_packet){.payload_type = type, .marker = marker, .sequence = e->sequence++, .timestamp = timestamp, .ssrc = e->ssrc});
	memcpy(packet + RTP_HEADER_SIZE, payload, len);
	if (sendto(e->socket->fd, packet, RTP_HEADER_SIZE + len, MSG_DONTWAIT, (struct sockaddr *)&e->remote, e->remote_len) < 0) {
		/* the network's loss; RTP expects some */
	}
	end_count_sent(e, timestamp, len, clock_monotonic_us());
}

void end_count_sent(struct media_end *e, uint32_t timestamp, size_t payload_len, int64_t now_us)
{
	e->packets_sent++;
	e->octets_sent += (uint32_t)payload_len;
	e->last_timestamp = timestamp;
	e->last_sent_us = now_us;
}

void end_stop_audio(struct media_end *e)
{
	audio_release(e->audio);
	e->audio = NULL;
}

void end_send_frame(struct media_end *e, uint8_t *frame)
{
	if (e->passes) {
		int16_t samples[FRAME];
		for (size_t i = 0; i < FRAME; i++)
			samples[i] = ulaw_decode(frame[i]);
		end_send_samples(e, samples);
		return;
	}
	if (e->codec == CODEC_PCMA)
		for (size_t i = 0; i < FRAME; i++)
			frame[i] = e->media->to_alaw[frame[i]];
	if (e->beeping)
		end_mix_tone(e, e->timestamp, frame, FRAME);
	if (e->recording)
		end_record_said(e, e->timestamp, frame, FRAME);
	end_transmit(e, e->codec, e->marker, e->timestamp, frame, FRAME);
	e->marker = false;
}

static void play_frame(struct media_end *e)
{
	uint8_t frame[FRAME];
	size_t left = e->audio->len - e->played, n = left < FRAME ? left : FRAME;
	memcpy(frame, e->audio->ulaw + e->played, n);
	memset(frame + n, 0xff, FRAME - n);
	end_send_frame(e, frame);
	e->played += n;
	if (e->played < e->audio->len)
		return;
	if (e->audio->loop) {
		e->played = 0;
		return;
	}
	end_stop_audio(e);
	end_tell(e, MEDIA_PLAYED, 0, e->play);
}

/* Where nothing else goes out for the tone to be mixed into, it goes by itself. */
static void beep_frame(struct media_end *e, bool beeping)
{
	uint8_t frame[FRAME];
	if (beeping && e->beeping && !e->sent) {
		memset(frame, 0xff, sizeof frame);
		end_send_frame(e, frame);
		e->timestamp += end_frame_time(e);
		e->relaying = false;
	}
	e->beeping = beeping;
	e->sent = false;
}

/* One tick of a recording of which both sides are told. */
static void beep_tick(struct media_end *e)
{
	bool beeping = e->record_tick < BEEP_TICKS && !e->record_paused;
	beep_frame(e, beeping);
	if (e->peer)
		beep_frame(e->peer, beeping);
	e->record_tick = (e->record_tick + 1) % BEEP_EVERY;
}

void media_tick(struct media_thread *t)
{
	for (struct media_end *e = t->active, *next; e; e = next) {
		next = e->next_active;
		bool beeps = e->recording && e->record_beeps;
		bool plays = e->audio && end_speaks(e) && !e->datagrams;
		bool sounding = end_key_sounds(e), own = plays || sounding || e->comforts;
		if (own && !e->generates)
			end_catch_up(e, clock_monotonic_us());
		e->generates = own;
		if (e->key_len)
			end_key_frame(e);
		if (plays && !sounding)
			play_frame(e);
		else if (e->comforts && !sounding)
			end_comfort_frame(e);
		if (own) {
			e->timestamp += end_frame_time(e);
			e->relaying = false; /* our own numbering moved on */
		}
		if (beeps)
			beep_tick(e);
		if (!e->audio && !e->key_len && !beeps && !e->comforts)
			end_deactivate(e);
	}
}
