/*
 * media/recorder.h: files of what is said, WAV or Opus, sealed or not, written by threads of their own while it is
 * said. Samples come from the media thread with the place where they belong; a place that nobody fills is silence.
 */
#ifndef MEDIA_RECORDER_H
#define MEDIA_RECORDER_H

#include "base/crypto.h"
#include "base/result.h"
#include <stddef.h>
#include <stdint.h>

struct recorder;
struct recording;

struct recorder *recorder_create(struct error *err) WARN_UNUSED;
/* Finish what was handed over, then end the threads. */
void recorder_destroy(struct recorder *r);

struct recorded {
	bool ok;   /* it is on disk, whole */
	bool kept; /* as recording_close() was told; else the file is gone */
	int64_t duration_ms, bytes;
};

struct recording_format {
	int channels; /* 1 or 2 */
	bool opus;    /* Ogg Opus with 16 kbit/s a channel; else WAV, 8 kHz, 16 bits */
	const struct crypto_key *seal; /* stays until it is done; NULL: the file is not sealed */
};

/*
 * A file to be. It is made when the first samples come.
 * done   a recorder's thread, when the file is on disk or has failed; may be NULL
 */
struct recording *recording_new(struct recorder *r, const char *path, const struct recording_format *format, void (*done)(void *arg, const struct recorded *result), void *arg) WARN_UNUSED;
/* µ-law samples of one channel, which begin so many samples after the recording did. Late ones by more than a second are lost. */
void recording_put(struct recording *r, int channel, uint64_t at, const uint8_t *ulaw, size_t count);
/* It lasted so many samples; the pointer is dead. keep false: it is thrown away. */
void recording_close(struct recording *r, uint64_t length, bool keep);
/* What a process that died was writing: `done` is told what there is of it. false: out of memory. */
bool recording_recover(struct recorder *r, const char *path, const struct crypto_key *key, void (*done)(void *arg, const struct recorded *result), void *arg) WARN_UNUSED;

#endif
