/* media/audio.h: G.711, and audio ready to be played: 8 kHz mono µ-law, shared and counted. */
#ifndef MEDIA_AUDIO_H
#define MEDIA_AUDIO_H

#include "base/crypto.h"
#include "base/result.h"
#include <stddef.h>
#include <stdint.h>

uint8_t ulaw_encode(int16_t sample);
int16_t ulaw_decode(uint8_t code);
uint8_t alaw_encode(int16_t sample);
int16_t alaw_decode(uint8_t code);
uint8_t ulaw_to_alaw(uint8_t code);
uint8_t alaw_to_ulaw(uint8_t code);

struct audio {
	_Atomic int references;
	size_t len; /* samples, one byte each */
	bool loop;
	uint8_t ulaw[];
};

struct audio *audio_new(size_t samples) WARN_UNUSED;
struct audio *audio_hold(struct audio *a);
void audio_release(struct audio *a); /* NULL is fine */

#define AUDIO_CHANNELS_MAX 2
#define AUDIO_RATE_MAX 96000

/*
 * Read WAV, OGG, MP3, FLAC …: mono or stereo, 4 to 96 kHz, at most an hour. It is converted in blocks:
 * it takes one byte a sample of what comes out, and some 100 KB. Takes seconds for a long file: not for
 * HTTP threads or call loops.
 */
struct audio *audio_load(const char *path, struct error *err) WARN_UNUSED;
/* 16-bit mono at any rate. */
struct audio *audio_from_pcm(const int16_t *samples, size_t count, int rate) WARN_UNUSED;
/* µ-law samples as a 16-bit WAV file. */
bool audio_save(const char *path, const uint8_t *ulaw, size_t count, struct error *err) WARN_UNUSED;
/* How loud each of `points` stretches of a file, sealed or not, is, per channel, channel after channel: the
 * largest sample, 0 to 1. *channels is at most 2. NULL: unreadable; free() it. */
float *audio_peaks(const char *path, const struct crypto_key *key, size_t points, int *channels, double *seconds) WARN_UNUSED;
/* How long a file is, sealed or not, also one that was cut off. -1: unreadable. */
int64_t audio_duration_ms(const char *path, const struct crypto_key *key);
/* The US ringing tone: 440 + 480 Hz, 2 s on, 4 s off; loops. */
struct audio *audio_ringback(void) WARN_UNUSED;
/* The tone that tells of a recording: 1400 Hz; a period of it is AUDIO_TONE_PERIOD samples long. 16 bits. */
#define AUDIO_TONE_PERIOD 40
int16_t audio_recording_tone(uint32_t sample);
/* The tone after which a message is left: 1000 Hz for 0.4 s. */
struct audio *audio_beep(void) WARN_UNUSED;

#endif
