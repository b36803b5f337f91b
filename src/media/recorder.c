#include "media/recorder.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "media/audio.h"
#include "media/sound.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RATE 8000
#define WINDOW 16384 /* samples that are kept for those that come late or out of order; a power of two */
#define LATE 8000    /* so late they may come */
#define PIECE 4000   /* samples handed over at once */
#define QUEUE 4096   /* pieces that wait for the disk */
#define THREADS_MAX 8
#define OPUS_LEVEL 0.96 /* of libsndfile, which makes 16 kbit/s a channel of it */

struct recording {
	struct writer *writer;
	char path[512];
	struct recording_format format;
	void (*done)(void *arg, const struct recorded *result);
	void *arg;
	/* who puts */
	uint64_t handed, heard; /* samples handed over; where the last ones that came end */
	bool lost;
	/* the writer's thread */
	struct sound sound;
	SNDFILE *file;
	uint64_t written;
	bool failed;
	uint8_t window[2][WINDOW];
};

struct piece {
	struct mail mail;
	struct recording *recording;
	bool last, keep, recover;
	uint64_t at;
	size_t count;   /* of each channel */
	uint8_t ulaw[]; /* channels side by side */
};

struct writer {
	pthread_t thread;
	struct mailbox *pieces;
	atomic_bool stop;
};

/* A recording is one writer's, from its beginning to its end: they take turns. */
struct recorder {
	int count;
	atomic_uint next;
	struct writer writers[THREADS_MAX];
};

/* ---- who puts ---- */

struct recording *recording_new(struct recorder *recorder, const char *path, const struct recording_format *format, void (*done)(void *arg, const struct recorded *result), void *arg)
{
	struct recording *r = malloc(sizeof *r);
	if (!r)
		return NULL;
	memset(r, 0, offsetof(struct recording, window));
	memset(r->window, 0xff, sizeof r->window);
	r->writer = &recorder->writers[recorder->next++ % (unsigned)recorder->count];
	r->format = *format;
	r->done = done;
	r->arg = arg;
	snprintf(r->path, sizeof r->path, "%s", path);
	return r;
}

/* What stands in the window up to there, at most all of it. */
static void hand_over(struct recording *r, uint64_t until)
{
	size_t count = until - r->handed > WINDOW ? WINDOW : (size_t)(until - r->handed);
	struct piece *p = malloc(sizeof *p + count * (size_t)r->format.channels);
	if (p) {
		*p = (struct piece){.recording = r, .at = r->handed, .count = count};
		for (size_t i = 0; i < count; i++)
			for (int c = 0; c < r->format.channels; c++)
				p->ulaw[i * (size_t)r->format.channels + (size_t)c] = r->window[c][(r->handed + i) % WINDOW];
	}
	if (!p || !mailbox_post(r->writer->pieces, &p->mail)) {
		free(p);
		if (!r->lost)
			log_error(NULL, "the recording %s: the disk is too slow, parts of it are silent", r->path);
		r->lost = true;
	}
	for (size_t i = 0; i < count; i++)
		for (int c = 0; c < r->format.channels; c++)
			r->window[c][(r->handed + i) % WINDOW] = 0xff;
	r->handed = until;
}

void recording_put(struct recording *r, int channel, uint64_t at, const uint8_t *ulaw, size_t count)
{
	if (channel >= r->format.channels || count > WINDOW - LATE)
		return;
	if (at < r->handed) {
		size_t late = (size_t)(r->handed - at);
		if (late >= count)
			return;
		at += late;
		ulaw += late;
		count -= late;
	}
	if (at + count > r->handed + WINDOW) /* after a pause */
		hand_over(r, at + count - LATE);
	for (size_t i = 0; i < count; i++)
		r->window[channel][(at + i) % WINDOW] = ulaw[i];
	if (at + count > r->heard)
		r->heard = at + count;
	if (r->heard >= r->handed + LATE + PIECE)
		hand_over(r, r->heard - LATE);
}

void recording_close(struct recording *r, uint64_t length, bool keep)
{
	if (r->heard > r->handed)
		hand_over(r, r->heard);
	struct piece *p = malloc(sizeof *p);
	if (!p) {
		log_error(NULL, "out of memory: a recording was not closed");
		return;
	}
	*p = (struct piece){.recording = r, .last = true, .keep = keep, .at = length > r->heard ? length : r->heard};
	mailbox_post_reply(r->writer->pieces, &p->mail);
}

bool recording_recover(struct recorder *recorder, const char *path, const struct crypto_key *key, void (*done)(void *arg, const struct recorded *result), void *arg)
{
	struct recording *r = recording_new(recorder, path, &(struct recording_format){.seal = key}, done, arg);
	struct piece *p = r ? malloc(sizeof *p) : NULL;
	if (!p) {
		free(r);
		return false;
	}
	*p = (struct piece){.recording = r, .recover = true};
	mailbox_post_reply(r->writer->pieces, &p->mail);
	return true;
}

/* ---- the threads ---- */

static void failed(struct recording *r, const char *why)
{
	if (!r->failed)
		log_error(NULL, "the recording %s: %s", r->path, why);
	r->failed = true;
}

static void open_file(struct recording *r)
{
	SF_INFO info = {.samplerate = RATE, .channels = r->format.channels, .format = r->format.opus ? SF_FORMAT_OGG | SF_FORMAT_OPUS : SF_FORMAT_WAV | SF_FORMAT_PCM_16};
	struct error err = {0};
	double level = OPUS_LEVEL;
	if (r->file || r->failed)
		return;
	r->sound.file = file_create(r->path, r->format.seal, &err);
	r->file = r->sound.file ? sound_open(&r->sound, SFM_WRITE, &info) : NULL;
	if (!r->file)
		failed(r, r->sound.file ? sf_strerror(NULL) : err.text);
	else if (r->format.opus)
		sf_command(r->file, SFC_SET_COMPRESSION_LEVEL, &level, sizeof level);
}

static void write_samples(struct recording *r, const uint8_t *ulaw, size_t count)
{
	int16_t samples[2 * 512];
	while (count && !r->failed) {
		size_t n = count > 512 ? 512 : count, all = n * (size_t)r->format.channels;
		for (size_t i = 0; i < all; i++)
			samples[i] = ulaw ? ulaw_decode(ulaw[i]) : 0;
		if (sf_writef_short(r->file, samples, (sf_count_t)n) != (sf_count_t)n)
			failed(r, sf_strerror(r->file));
		r->written += n;
		count -= n;
		if (ulaw)
			ulaw += all;
	}
}

static void write_silence(struct recording *r, uint64_t until)
{
	if (until > r->written)
		write_samples(r, NULL, (size_t)(until - r->written));
}

static void close_file(struct recording *r, bool keep)
{
	if (r->file && sf_close(r->file) != 0)
		failed(r, "it could not be closed");
	if (r->sound.file && keep && !file_flush(r->sound.file, true))
		failed(r, strerror(errno));
	struct recorded result = {!r->failed, keep, (int64_t)(r->written * 1000 / RATE), r->sound.file ? file_size(r->sound.file) : 0};
	file_close(r->sound.file);
	if (!keep)
		unlink(r->path);
	if (r->done)
		r->done(r->arg, &result);
	free(r);
}

/* It can be played whenever writing stops. */
static void write_piece(struct recording *r, const struct piece *p)
{
	write_silence(r, p->at);
	write_samples(r, p->ulaw, p->count);
	if (!r->format.opus)
		sf_command(r->file, SFC_UPDATE_HEADER_NOW, NULL, 0);
	if (!file_flush(r->sound.file, false))
		failed(r, strerror(errno));
}

static void measure(struct recording *r)
{
	int64_t duration = audio_duration_ms(r->path, r->format.seal);
	struct file *file = file_open(r->path, r->format.seal, NULL);
	r->done(r->arg, &(struct recorded){duration > 0, true, duration > 0 ? duration : 0, file ? file_size(file) : 0});
	file_close(file);
	free(r);
}

static void take(struct piece *p)
{
	struct recording *r = p->recording;
	if (p->recover) {
		measure(r);
		free(p);
		return;
	}
	open_file(r);
	if (!r->failed)
		write_piece(r, p);
	if (p->last)
		close_file(r, p->keep);
	free(p);
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	for (bool stop = false; !stop;) {
		mailbox_wait(w->pieces, -1);
		stop = w->stop;
		for (struct mail *m = mailbox_take_all(w->pieces), *next; m; m = next) {
			next = m->next;
			take((struct piece *)m);
		}
	}
	return NULL;
}

struct recorder *recorder_create(struct error *err)
{
	struct recorder *r = calloc(1, sizeof *r);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int wanted = processors < 1 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (int)processors;
	for (bool ok = r != NULL; ok && r->count < wanted;) {
		struct writer *w = &r->writers[r->count];
		ok = (w->pieces = mailbox_create(QUEUE)) && pthread_create(&w->thread, NULL, writer_main, w) == 0;
		if (!ok) {
			mailbox_destroy(w->pieces);
			break;
		}
		pthread_setname_np(w->thread, "recorder");
		r->count++;
	}
	if (r && r->count)
		return r;
	free(r);
	error_set(err, "the recorder could not be started");
	return NULL;
}

void recorder_destroy(struct recorder *r)
{
	for (int i = 0; r && i < r->count; i++) {
		struct writer *w = &r->writers[i];
		w->stop = true;
		mailbox_wake(w->pieces);
		pthread_join(w->thread, NULL);
		mailbox_destroy(w->pieces);
	}
	free(r);
}
