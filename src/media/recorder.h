/*
 * media/recorder.h: WAV files of what is said, written by a thread of their own while it is said. Samples
 * come from the media thread with the place where they belong; a place that nobody fills is silence.
 */
#ifndef MEDIA_RECORDER_H
#define MEDIA_RECORDER_H

#include "base/result.h"
#include <stddef.h>
#include <stdint.h>

struct recorder;
struct recording;

struct recorder *recorder_create(struct error *err) WARN_UNUSED;
/* Finish what was handed over, then end the thread. */
void recorder_destroy(struct recorder *r);

struct recorded {
	bool ok;   /* it is on disk, whole */
	bool kept; /* as recording_close() was told; else the file is gone */
	int64_t duration_ms, bytes;
};

/*
 * A file to be: 8 kHz, 16 bits, with one channel or two. It is made when the first samples come.
 * done   the recorder's thread, when the file is on disk or has failed; may be NULL
 */
struct recording *recording_new(struct recorder *r, const char *path, int channels, void (*done)(void *arg, const struct recorded *result), void *arg) WARN_UNUSED;
/* µ-law samples of one channel, which begin so many samples after the recording did. Late ones by more than a second are lost. */
void recording_put(struct recording *r, int channel, uint64_t at, const uint8_t *ulaw, size_t count);
/* It lasted so many samples; the pointer is dead. keep false: it is thrown away. */
void recording_close(struct recording *r, uint64_t length, bool keep);

#endif
