/*
 * Comfort noise: who hears somebody that has fallen silent, as phones do that send nothing while nobody speaks, would
 * take the line for dead, and so would a carrier. Until packets come again there is a faint noise, of the level that the
 * silent side names (RFC 3389), or of -60 dB. A side on hold hears the organization's music in its
 * place, unless the holder sends music of its own.
 */
#include "media/end.h"
#include "base/clock.h"
#include <math.h>
#include <string.h>
#include <utlist.h>

#define SILENT_MS 200 /* without a packet; more than a network delays them by */
#define MUSIC_MS 1000 /* the same for music on hold: a pause in the holder's own music is noise */
#define LEVEL 60      /* dB below the loudest */
#define LEVEL_MIN 30

void end_comfort_watch(struct media_end *e)
{
	struct media_thread *t = e->thread;
	e->watched = true;
	e->watch_slot = t->watch_next++ % WATCH_SLOTS;
	DL_APPEND2(t->watched[e->watch_slot], e, previous_watched, next_watched);
}

void end_comfort_close(struct media_end *e)
{
	if (e->watched)
		DL_DELETE2(e->thread->watched[e->watch_slot], e, previous_watched, next_watched);
}

static bool is_silent(const struct media_end *e, int64_t now_ms, int64_t for_ms)
{
	return now_ms - e->heard_ms > for_ms;
}

/* In the place of what would have come since. */
static void begin(struct media_end *e, int64_t now_us)
{
	int64_t since = e->last_sent_us ? now_us - e->last_sent_us - 20000 : 0;
	if (e->comforts || !end_speaks(e) || e->datagrams || !e->may_send || e->audio)
		return;
	e->comforts = true;
	e->marker = true;
	if (since > 0 && !e->generates) /* else they go on with each tick, as within a key */
		e->timestamp += (uint32_t)(since * e->rate / 1000000);
	end_activate(e);
}

void end_hear_comfort(struct media_end *e, const struct rtp_packet *p, int64_t now_us)
{
	struct media_end *to = e->peer;
	if (!to || !p->payload_len)
		return;
	to->comfort_level = (p->payload[0] & 127) > LEVEL_MIN ? p->payload[0] & 127 : LEVEL_MIN;
	begin(to, now_us);
}

void end_hold(struct media_end *e, struct audio *music)
{
	bool plays = music && music->len;
	if (music && !plays)
		audio_release(music);
	audio_release(e->hold_music);
	e->hold_music = plays ? music : NULL;
	e->hold_played = 0;
	if (plays && e->peer && !e->peer->watched)
		end_comfort_watch(e->peer);
}

/* The next frame of the music, which repeats without a gap. */
static void music_frame(struct media_end *e, uint8_t frame[FRAME])
{
	const struct audio *music = e->hold_music;
	for (size_t done = 0; done < FRAME;) {
		size_t left = music->len - e->hold_played;
		size_t n = left < FRAME - done ? left : FRAME - done;
		memcpy(frame + done, music->ulaw + e->hold_played, n);
		done += n;
		e->hold_played = (e->hold_played + n) % music->len;
	}
}

static void noise_frame(struct media_end *e, uint8_t frame[FRAME])
{
	int level = e->comfort_level ? e->comfort_level : LEVEL;
	int width = (int)(2 * 32768 * sqrt(3) * pow(10, -level / 20.0)) | 1; /* as loud as the level says where all of it is as likely */
	for (int i = 0; i < FRAME; i++) {
		e->noise = e->noise * 1664525 + 1013904223;
		frame[i] = ulaw_encode((int16_t)((int)((e->noise >> 16) * (uint64_t)width >> 16) - width / 2));
	}
}

void end_comfort_frame(struct media_end *e)
{
	uint8_t frame[FRAME];
	if (e->hold_music && is_silent(e->peer, clock_monotonic_ms(), MUSIC_MS))
		music_frame(e, frame);
	else
		noise_frame(e, frame);
	end_send_frame(e, frame);
}

void media_comfort_tick(struct media_thread *t)
{
	struct media_end *e;
	int64_t now = 0;
	t->watch_tick = (t->watch_tick + 1) % WATCH_SLOTS;
	DL_FOREACH2(t->watched[t->watch_tick], e, next_watched) {
		now = now ? now : clock_monotonic_us();
		if (e->peer && is_silent(e, now / 1000, SILENT_MS))
			begin(e->peer, now);
	}
}
