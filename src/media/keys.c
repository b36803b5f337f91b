/* Keys of telephones: heard as events (RFC 4733), as tones (ITU-T Q.23) and by INFO, each once; and sent. */
#include "media/end.h"
#include <ctype.h>
#include <math.h>
#include <string.h>
#include <spandsp/telephony.h>
#include <spandsp/logging.h>
#include <spandsp/queue.h>
#include <spandsp/complex.h>
#include <spandsp/tone_generate.h>
#include <spandsp/tone_detect.h>
#include <spandsp/super_tone_rx.h>
#include <spandsp/dtmf.h>

#define KEY_TICKS 5 /* a key sounds for 100 ms */
#define KEY_GAP 5   /* and is followed by 100 ms without: ITU-T Q.24 asks for 65 at least */
#define GAP_MAX 8000 /* samples that may be missing among tones */

/* ---- hearing ---- */

void media_prepare_keys(void)
{
	dtmf_rx_state_t *first = dtmf_rx_init(NULL, NULL, NULL);
	if (first)
		dtmf_rx_free(first);
}

/* Many carriers send each key in two ways: the way that the first one came by is the one that counts. */
static bool counts(struct media_end *e, enum key_way way)
{
	if (e->key_way == KEY_UNKNOWN)
		e->key_way = way;
	return e->key_way == way;
}

/* To who it is bridged to, where it does not get there by itself. */
static void pass_on(struct media_end *e, char key)
{
	if (e->peer)
		end_send_keys(e->peer, (char[]){key, '\0'});
}

void end_hear_event(struct media_end *e, const struct rtp_packet *p)
{
	struct telephone_event ev;
	if (!telephone_event_parse(p->payload, p->payload_len, &ev) || !ev.key || !counts(e, KEY_EVENT))
		return;
	if (!key_events_take(&e->key_events, p, &ev))
		return;
	end_tell(e, MEDIA_KEY, ev.key, 0);
	if (e->peer && !end_takes_events(e->peer))
		pass_on(e, ev.key);
}

void end_hear_info(struct media_end *e, char key)
{
	if (!counts(e, KEY_INFO))
		return;
	end_tell(e, MEDIA_KEY, key, 0);
	pass_on(e, key);
}

/* Does the far side send its digits as tones, as far as is known? */
static bool may_send_tones(const struct media_end *e)
{
	return e->telephone_event < 0 || e->dtmf == DTMF_INBAND;
}

/* Does the peer get the digits of this end's tones in another way than within the audio? */
static bool converts_tones(const struct media_end *e)
{
	return e->peer && (end_takes_events(e->peer) || e->peer->dtmf == DTMF_INFO);
}

static void on_tones(void *arg, const char *keys, int len)
{
	struct media_end *e = arg;
	for (int i = 0; i < len && counts(e, KEY_TONE); i++) {
		end_tell(e, MEDIA_KEY, keys[i], 0);
		if (converts_tones(e))
			pass_on(e, keys[i]);
	}
}

static void detect_tones(struct media_end *e, const struct rtp_packet *p)
{
	int16_t samples[PACKET_MAX];
	int32_t gap = (int32_t)(p->timestamp - e->tones_next);
	if (e->tones_began && gap < 0 && gap > -GAP_MAX)
		return; /* it comes too late */
	if (e->tones_began && gap > 0 && gap < GAP_MAX)
		dtmf_rx_fillin(e->tones, gap);
	e->tones_began = true;
	e->tones_next = p->timestamp + (uint32_t)p->payload_len;
	for (size_t i = 0; i < p->payload_len; i++)
		samples[i] = ulaw_decode(ulaw_of(e->media, p->payload_type, p->payload[i]));
	dtmf_rx(e->tones, samples, (int)p->payload_len);
}

/*
 * Only where the far side has no other way to send digits in its audio, as speech may sound like a
 * digit; and of two ends that are bridged only where the peer has another way to get them.
 */
static bool listens(struct media_end *e)
{
	if (!may_send_tones(e) || (e->peer && !converts_tones(e)))
		return false;
	if (!e->tones)
		e->tones = dtmf_rx_init(NULL, on_tones, e);
	return e->tones != NULL;
}

/*
 * From the first block of 102 samples on that sounds like a digit: the peer's own detector, which
 * needs two of them, finds none in what it hears before.
 */
static bool hears_converted(const struct media_end *e)
{
	return converts_tones(e) && dtmf_rx_status(e->tones) != 0;
}

bool end_hear_tones(struct media_end *e, const struct rtp_packet *p)
{
	if (e->passes || p->payload_len > PACKET_MAX || !listens(e))
		return false;
	detect_tones(e, p);
	return hears_converted(e);
}

bool end_hear_samples(struct media_end *e, const int16_t *samples, size_t count)
{
	if (!listens(e))
		return false;
	dtmf_rx(e->tones, samples, (int)count);
	return hears_converted(e);
}

void end_free_tones(struct media_end *e)
{
	if (e->tones)
		dtmf_rx_free(e->tones);
}

void end_forget_keys(struct media_end *e)
{
	e->key_way = KEY_UNKNOWN;
	e->tones_began = false;
}

/* ---- sending ---- */

void end_send_keys(struct media_end *e, const char *keys)
{
	size_t n = strlen(keys);
	if (n > sizeof e->keys - 1 - e->key_len)
		n = sizeof e->keys - 1 - e->key_len;
	memcpy(e->keys + e->key_len, keys, n);
	if (!e->key_len)
		e->key_at = 0, e->key_tick = 0;
	e->key_len += n;
	if (e->key_len)
		end_activate(e);
}

static bool pauses(char key)
{
	return key == 'w' || key == 'W' || key == ',';
}

bool end_key_sounds(const struct media_end *e)
{
	if (!e->key_len || e->dtmf == DTMF_INFO || pauses(e->keys[e->key_at]))
		return false;
	return end_takes_events(e) ? e->key_tick < KEY_TICKS : end_speaks(e);
}

/* RFC 4733 §2.5.1: updates, then the end three times. */
static void send_event(struct media_end *e, char key)
{
	uint8_t payload[4];
	uint32_t start = e->timestamp - (uint32_t)e->key_tick * end_frame_time(e);
	uint16_t duration = (uint16_t)((uint32_t)(e->key_tick + 1) * end_event_rate(e) / 50);
	bool last = e->key_tick == KEY_TICKS - 1;
	telephone_event_write(payload, key, last, duration);
	for (int i = 0; i < (last ? 3 : 1); i++)
		end_transmit(e, (uint8_t)e->telephone_event, e->key_tick == 0, start, payload, sizeof payload);
	e->last_timestamp = e->timestamp; /* the stream's clock is not that of the event's begin */
}

/* A frame of the tones, or of the silence after them. */
static void send_tone(struct media_end *e, char key)
{
	static const char keypad[] = "123A456B789C*0#D";
	static const double low[] = {697, 770, 852, 941}, high[] = {1209, 1336, 1477, 1633};
	const char *at = strchr(keypad, toupper((unsigned char)key));
	uint8_t frame[FRAME];
	memset(frame, 0xff, sizeof frame);
	if (!at || e->key_tick >= KEY_TICKS) {
		end_send_frame(e, frame);
		return;
	}
	double a = 2 * M_PI * low[(at - keypad) / 4] / 8000, b = 2 * M_PI * high[(at - keypad) % 4] / 8000;
	for (int i = 0; i < FRAME; i++) {
		int n = e->key_tick * FRAME + i;
		frame[i] = ulaw_encode((int16_t)(7000 * sin(a * n) + 9000 * sin(b * n)));
	}
	end_send_frame(e, frame);
}

void end_key_frame(struct media_end *e)
{
	char key = e->keys[e->key_at];
	if (e->dtmf == DTMF_INFO && e->key_tick == 0 && !pauses(key))
		end_tell(e, MEDIA_SEND_KEY, key, 0);
	else if (end_key_sounds(e) && end_takes_events(e))
		send_event(e, key);
	else if (end_key_sounds(e))
		send_tone(e, key);
	if (++e->key_tick >= (key == ',' ? 1 : pauses(key) ? 25 : KEY_TICKS + KEY_GAP)) {
		e->key_tick = 0;
		e->key_at++;
	}
	if (e->key_at >= e->key_len)
		e->key_at = e->key_len = 0;
}
