#include "media/recorder.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "media/audio.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sndfile.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RATE 8000
#define WINDOW 16384 /* samples that are kept for those that come late or out of order; a power of two */
#define LATE 8000    /* so late they may come */
#define PIECE 4000   /* samples handed over at once */
#define QUEUE 4096   /* pieces that wait for the disk */

struct recording {
	struct recorder *recorder;
	char path[512];
	int channels;
	void (*done)(void *arg, const struct recorded *result);
	void *arg;
	/* who puts */
	uint64_t handed, heard; /* samples handed over; where the last ones that came end */
	bool lost;
	/* the recorder's thread */
	SNDFILE *file;
	int fd;
	uint64_t written;
	bool failed;
	uint8_t window[2][WINDOW];
};

struct piece {
	struct mail mail;
	struct recording *recording;
	bool last, keep;
	uint64_t at;
	size_t count;   /* of each channel */
	uint8_t ulaw[]; /* channels side by side */
};

struct recorder {
	pthread_t thread;
	struct mailbox *pieces;
	atomic_bool stop;
};

/* ---- who puts ---- */

struct recording *recording_new(struct recorder *recorder, const char *path, int channels, void (*done)(void *arg, const struct recorded *result), void *arg)
{
	struct recording *r = malloc(sizeof *r);
	if (!r)
		return NULL;
	memset(r, 0, offsetof(struct recording, window));
	memset(r->window, 0xff, sizeof r->window);
	r->recorder = recorder;
	r->channels = channels;
	r->done = done;
	r->arg = arg;
	r->fd = -1;
	snprintf(r->path, sizeof r->path, "%s", path);
	return r;
}

/* What stands in the window up to there, at most all of it. */
static void hand_over(struct recording *r, uint64_t until)
{
	size_t count = until - r->handed > WINDOW ? WINDOW : (size_t)(until - r->handed);
	struct piece *p = malloc(sizeof *p + count * (size_t)r->channels);
	if (p) {
		*p = (struct piece){.recording = r, .at = r->handed, .count = count};
		for (size_t i = 0; i < count; i++)
			for (int c = 0; c < r->channels; c++)
				p->ulaw[i * (size_t)r->channels + (size_t)c] = r->window[c][(r->handed + i) % WINDOW];
	}
	if (!p || !mailbox_post(r->recorder->pieces, &p->mail)) {
		free(p);
		if (!r->lost)
			log_error(NULL, "the recording %s: the disk is too slow, parts of it are silent", r->path);
		r->lost = true;
	}
	for (size_t i = 0; i < count; i++)
		for (int c = 0; c < r->channels; c++)
			r->window[c][(r->handed + i) % WINDOW] = 0xff;
	r->handed = until;
}

void recording_put(struct recording *r, int channel, uint64_t at, const uint8_t *ulaw, size_t count)
{
	if (channel >= r->channels || count > WINDOW - LATE)
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
	mailbox_post_reply(r->recorder->pieces, &p->mail);
}

/* ---- the thread ---- */

static void failed(struct recording *r, const char *why)
{
	if (!r->failed)
		log_error(NULL, "the recording %s: %s", r->path, why);
	r->failed = true;
}

static void open_file(struct recording *r)
{
	SF_INFO info = {.samplerate = RATE, .channels = r->channels, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
	if (r->file || r->failed)
		return;
	r->fd = open(r->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r->file = r->fd >= 0 ? sf_open_fd(r->fd, SFM_WRITE, &info, SF_FALSE) : NULL;
	if (r->file)
		sf_command(r->file, SFC_SET_UPDATE_HEADER_AUTO, NULL, SF_TRUE); /* it can be played whenever writing stops */
	else
		failed(r, r->fd < 0 ? strerror(errno) : sf_strerror(NULL));
}

static void write_samples(struct recording *r, const uint8_t *ulaw, size_t count)
{
	int16_t samples[2 * 512];
	while (count && !r->failed) {
		size_t n = count > 512 ? 512 : count, all = n * (size_t)r->channels;
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
	struct stat st = {0};
	if (r->file && sf_close(r->file) != 0)
		failed(r, "it could not be closed");
	if (r->fd >= 0 && keep && fsync(r->fd) != 0)
		failed(r, strerror(errno));
	if (r->fd >= 0) {
		(void)!fstat(r->fd, &st);
		close(r->fd);
	}
	if (!keep)
		unlink(r->path);
	struct recorded result = {!r->failed, keep, (int64_t)(r->written * 1000 / RATE), st.st_size};
	if (r->done)
		r->done(r->arg, &result);
	free(r);
}

static void take(struct piece *p)
{
	struct recording *r = p->recording;
	open_file(r);
	if (!r->failed)
		write_silence(r, p->at);
	if (!r->failed)
		write_samples(r, p->ulaw, p->count);
	if (p->last)
		close_file(r, p->keep);
	free(p);
}

static void *recorder_main(void *arg)
{
	struct recorder *r = arg;
	for (bool stop = false; !stop;) {
		mailbox_wait(r->pieces, -1);
		stop = r->stop;
		for (struct mail *m = mailbox_take_all(r->pieces), *next; m; m = next) {
			next = m->next;
			take((struct piece *)m);
		}
	}
	return NULL;
}

struct recorder *recorder_create(struct error *err)
{
	struct recorder *r = calloc(1, sizeof *r);
	if (r && (r->pieces = mailbox_create(QUEUE)) && pthread_create(&r->thread, NULL, recorder_main, r) == 0) {
		pthread_setname_np(r->thread, "recorder");
		return r;
	}
	if (r)
		mailbox_destroy(r->pieces);
	free(r);
	error_set(err, "the recorder could not be started");
	return NULL;
}

void recorder_destroy(struct recorder *r)
{
	if (!r)
		return;
	r->stop = true;
	mailbox_wake(r->pieces);
	pthread_join(r->thread, NULL);
	mailbox_destroy(r->pieces);
	free(r);
}
