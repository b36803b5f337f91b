#include "media/audio.h"
#include "media/sound.h"
#include <math.h>
#include <samplerate.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX 3600

/* ITU-T G.711 */
uint8_t ulaw_encode(int16_t sample)
{
	int s = sample, sign = s < 0 ? 0x80 : 0, exponent = 7;
	if (s < 0)
		s = -s;
	s = (s > 32635 ? 32635 : s) + 132;
	for (int mask = 0x4000; exponent > 0 && !(s & mask); mask >>= 1)
		exponent--;
	return (uint8_t)~(sign | exponent << 4 | ((s >> (exponent + 3)) & 15));
}

int16_t ulaw_decode(uint8_t code)
{
	int c = ~code & 0xff, s = (((c & 15) << 3) + 132) << ((c >> 4) & 7);
	return (int16_t)(c & 0x80 ? 132 - s : s - 132);
}

uint8_t alaw_encode(int16_t sample)
{
	int s = sample >> 3, mask = 0xd5, segment = 0;
	if (s < 0) {
		mask = 0x55;
		s = -s - 1;
	}
	while (segment < 8 && s > (0x20 << segment) - 1)
		segment++;
	if (segment >= 8)
		return (uint8_t)(0x7f ^ mask);
	return (uint8_t)((segment << 4 | ((s >> (segment < 2 ? 1 : segment)) & 15)) ^ mask);
}

int16_t alaw_decode(uint8_t code)
{
	int c = code ^ 0x55, s = (c & 15) << 4, segment = (c >> 4) & 7;
	s += segment ? 0x108 : 8;
	if (segment > 1)
		s <<= segment - 1;
	return (int16_t)(c & 0x80 ? s : -s);
}

uint8_t ulaw_to_alaw(uint8_t code)
{
	return alaw_encode(ulaw_decode(code));
}

uint8_t alaw_to_ulaw(uint8_t code)
{
	return ulaw_encode(alaw_decode(code));
}

struct audio *audio_new(size_t samples)
{
	struct audio *a = malloc(sizeof *a + samples);
	if (a) {
		a->references = 1;
		a->len = samples;
		a->loop = false;
		memset(a->ulaw, 0xff, samples);
	}
	return a;
}

struct audio *audio_hold(struct audio *a)
{
	if (a)
		a->references++;
	return a;
}

void audio_release(struct audio *a)
{
	if (a && --a->references == 0)
		free(a);
}

static struct audio *from_float(float *samples, size_t count, int rate)
{
	double ratio = 8000.0 / rate;
	size_t room = (size_t)((double)count * ratio) + 64;
	float *out = malloc(room * sizeof *out);
	struct audio *a = NULL;
	SRC_DATA d = {.data_in = samples, .input_frames = (long)count, .data_out = out, .output_frames = (long)room, .src_ratio = ratio};
	if (out && src_simple(&d, SRC_SINC_FASTEST, 1) == 0 && (a = audio_new((size_t)d.output_frames_gen)))
		for (size_t i = 0; i < a->len; i++)
			a->ulaw[i] = ulaw_encode((int16_t)fmaxf(-32768, fminf(32767, out[i] * 32767)));
	free(out);
	return a;
}

struct audio *audio_from_pcm(const int16_t *samples, size_t count, int rate)
{
	float *f = malloc((count + 1) * sizeof *f);
	struct audio *a = NULL;
	if (f) {
		for (size_t i = 0; i < count; i++)
			f[i] = (float)samples[i] / 32768;
		a = from_float(f, count, rate);
	}
	free(f);
	return a;
}

/* ---- files, in blocks: what a file takes is what comes out of it, not what it says ---- */

#define BLOCK_FRAMES 4096
#define OUT_MAX ((size_t)SECONDS_MAX * 8000)

/* Audio that grows while it is made. */
struct growing {
	struct audio *audio;
	size_t room;
};

static bool add_sample(struct growing *g, float sample)
{
	if (g->audio->len == g->room) {
		size_t room = g->room * 2;
		struct audio *more = realloc(g->audio, sizeof *more + room);
		if (!more)
			return false;
		g->audio = more;
		g->room = room;
	}
	float scaled = fmaxf(-32768, fminf(32767, sample * 32767));
	g->audio->ulaw[g->audio->len++] = ulaw_encode((int16_t)scaled);
	return true;
}

static bool add_samples(struct growing *g, const float *samples, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		if (g->audio->len == OUT_MAX)
			return error_set(err, "the audio must be at most one hour long");
		if (!add_sample(g, samples[i]))
			return error_set(err, "out of memory");
	}
	return true;
}

/* Convert one block; last: no more comes, so what the converter still holds is taken, too. */
static bool convert_block(SRC_STATE *converter, double ratio, const float *in, size_t count, bool last,
			  struct growing *g, struct error *err)
{
	float out[BLOCK_FRAMES];
	SRC_DATA d = {
		.data_in = in,
		.input_frames = (long)count,
		.data_out = out,
		.output_frames = BLOCK_FRAMES,
		.src_ratio = ratio,
		.end_of_input = last,
	};
	if (!converter)
		return add_samples(g, in, count, err);
	do {
		if (src_process(converter, &d) != 0)
			return error_set(err, "the audio could not be converted");
		if (!add_samples(g, out, (size_t)d.output_frames_gen, err))
			return false;
		d.data_in += d.input_frames_used;
		d.input_frames -= d.input_frames_used;
	} while (d.input_frames > 0 || d.output_frames_gen > 0);
	return true;
}

static void mix_down(float *frames, size_t count, size_t channels)
{
	for (size_t i = 0; channels > 1 && i < count; i++) {
		float sum = 0;
		for (size_t c = 0; c < channels; c++)
			sum += frames[i * channels + c];
		frames[i] = sum / (float)channels;
	}
}

static bool convert_file(SNDFILE *file, const SF_INFO *info, struct growing *g, struct error *err)
{
	float frames[BLOCK_FRAMES * AUDIO_CHANNELS_MAX];
	int failed = 0;
	SRC_STATE *converter = NULL;
	if (info->samplerate != 8000 && !(converter = src_new(SRC_SINC_FASTEST, 1, &failed)))
		return error_set(err, "out of memory");
	bool ok = true;
	for (bool last = false; ok && !last;) {
		sf_count_t n = sf_readf_float(file, frames, BLOCK_FRAMES);
		last = n < BLOCK_FRAMES;
		size_t count = n > 0 ? (size_t)n : 0;
		mix_down(frames, count, (size_t)info->channels);
		ok = convert_block(converter, 8000.0 / info->samplerate, frames, count, last, g, err);
	}
	src_delete(converter);
	return ok;
}

static bool is_taken(const SF_INFO *info, struct error *err)
{
	if (info->channels < 1 || info->channels > AUDIO_CHANNELS_MAX)
		return error_set(err, "the audio has %d channels: save it as mono or stereo", info->channels);
	if (info->samplerate < 4000 || info->samplerate > AUDIO_RATE_MAX)
		return error_set(err, "the audio has %d samples a second: save it with 4000 to %d",
				 info->samplerate, AUDIO_RATE_MAX);
	if (info->frames <= 0 || info->frames / info->samplerate >= SECONDS_MAX)
		return error_set(err, "the audio must be between nothing and one hour long");
	return true;
}

struct audio *audio_load(const char *path, struct error *err)
{
	SF_INFO info = {0};
	struct growing g = {.room = BLOCK_FRAMES};
	SNDFILE *file = sf_open(path, SFM_READ, &info);
	if (!file) {
		error_set(err, "the audio cannot be read: %s", sf_strerror(NULL));
		return NULL;
	}
	bool ok = is_taken(&info, err);
	if (ok && !(g.audio = audio_new(g.room)))
		ok = error_set(err, "out of memory");
	if (ok) {
		g.audio->len = 0;
		ok = convert_file(file, &info, &g, err);
	}
	sf_close(file);
	if (ok)
		return g.audio;
	audio_release(g.audio);
	return NULL;
}

bool audio_save(const char *path, const uint8_t *ulaw, size_t count, struct error *err)
{
	SF_INFO info = {.samplerate = 8000, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
	SNDFILE *file = sf_open(path, SFM_WRITE, &info);
	if (!file)
		return error_set(err, "cannot write %s: %s", path, sf_strerror(NULL));
	bool ok = true;
	for (size_t i = 0; ok && i < count;) {
		short block[800];
		size_t n = count - i < ARRAY_LEN(block) ? count - i : ARRAY_LEN(block);
		for (size_t k = 0; k < n; k++)
			block[k] = ulaw_decode(ulaw[i + k]);
		ok = sf_write_short(file, block, (sf_count_t)n) == (sf_count_t)n;
		i += n;
	}
	return (sf_close(file) == 0 && ok) || error_set(err, "cannot write %s: is the disk full?", path);
}

/* A recording, at its beginning, of one or two channels. NULL: unreadable; else close both. */
static SNDFILE *open_recording(const char *path, const struct crypto_key *key, struct sound *sound, SF_INFO *info)
{
	sound->file = file_open(path, key, NULL);
	SNDFILE *file = sound->file ? sound_open(sound, SFM_READ, info) : NULL;
	if (file && info->samplerate > 0 && (info->channels == 1 || info->channels == 2) && (info->frames = sound_frames(file, info)) > 0)
		return file;
	sf_close(file);
	file_close(sound->file);
	return NULL;
}

float *audio_peaks(const char *path, const struct crypto_key *key, size_t points, int *channels, double *seconds)
{
	SF_INFO info = {0};
	struct sound sound;
	SNDFILE *file = open_recording(path, key, &sound, &info);
	if (!file)
		return NULL;
	short block[4096];
	size_t width = (size_t)info.channels, at = 0;
	float *peaks = calloc(points * width, sizeof *peaks);
	sf_count_t n;
	while (peaks && (n = sf_readf_short(file, block, (sf_count_t)(ARRAY_LEN(block) / width))) > 0) {
		for (size_t i = 0; i < (size_t)n; i++, at++) {
			size_t point = at * points / (size_t)info.frames;
			for (size_t c = 0; point < points && c < width; c++) {
				float loud = (float)abs(block[i * width + c]) / 32768.0f;
				float *peak = &peaks[c * points + point];
				if (loud > *peak)
					*peak = loud;
			}
		}
	}
	*channels = info.channels;
	*seconds = (double)info.frames / info.samplerate;
	sf_close(file);
	file_close(sound.file);
	return peaks;
}

int64_t audio_duration_ms(const char *path, const struct crypto_key *key)
{
	SF_INFO info = {0};
	struct sound sound;
	SNDFILE *file = open_recording(path, key, &sound, &info);
	if (!file)
		return -1;
	sf_close(file);
	file_close(sound.file);
	return info.frames * 1000 / info.samplerate;
}

int16_t audio_recording_tone(uint32_t sample)
{
	return (int16_t)(3000 * sin((double)(sample % AUDIO_TONE_PERIOD) / 8000 * 2 * M_PI * 1400));
}

struct audio *audio_beep(void)
{
	struct audio *a = audio_new(3200);
	for (size_t i = 0; a && i < a->len; i++)
		a->ulaw[i] = ulaw_encode((int16_t)(8000 * sin((double)i / 8000 * 2 * M_PI * 1000)));
	return a;
}

struct audio *audio_ringback(void)
{
	struct audio *a = audio_new(48000);
	for (size_t i = 0; a && i < 16000; i++) {
		double t = (double)i / 8000 * 2 * M_PI;
		a->ulaw[i] = ulaw_encode((int16_t)(3000 * (sin(440 * t) + sin(480 * t))));
	}
	if (a)
		a->loop = true;
	return a;
}
