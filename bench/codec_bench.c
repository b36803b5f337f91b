/*
 * What converting a packet of 20 ms costs on one core, in µs, for each pair of codecs: decoding
 * one and encoding the other. The input is noise that rises and falls as speech does: harder than
 * speech for Opus, the same for the others.
 */
#include "media/codec.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PACKETS 3000 /* a minute */

static const struct {
	const char *name;
	int clock_rate;
} codecs[] = {{"PCMU", 8000}, {"PCMA", 8000}, {"G722", 8000}, {"opus", 48000}};

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void make_speech(int16_t *samples, size_t count, size_t packet, int rate)
{
	static double smooth;
	double loud = 4000 * (1 + sin((double)packet / 10));
	for (size_t i = 0; i < count; i++) {
		smooth = 0.7 * smooth + 0.3 * ((double)rand() / RAND_MAX - 0.5);
		double voice = sin(2 * M_PI * 150 * (double)(packet * count + i) / rate);
		samples[i] = (int16_t)(loud * (smooth + voice * 0.5));
	}
}

static double convert_us(size_t from, size_t to, int rate)
{
	static uint8_t packets[PACKETS][CODEC_PAYLOAD_MAX];
	static size_t lengths[PACKETS];
	static int16_t samples[CODEC_SAMPLES_MAX];
	uint8_t out[CODEC_PAYLOAD_MAX];
	size_t count = (size_t)rate / 50;
	const struct speech_codec *a = codec_find(codecs[from].name, codecs[from].clock_rate);
	const struct speech_codec *b = codec_find(codecs[to].name, codecs[to].clock_rate);
	struct codec_encoder *first = codec_encoder_new(a, rate);
	struct codec_encoder *second = codec_encoder_new(b, rate);
	struct codec_decoder *d = codec_decoder_new(a, rate);
	for (size_t i = 0; i < PACKETS; i++) {
		make_speech(samples, count, i, rate);
		lengths[i] = codec_encode(first, samples, count, packets[i]);
	}
	double began = now_us();
	for (size_t i = 0; i < PACKETS; i++) {
		size_t n = codec_decode(d, packets[i], lengths[i], samples);
		if (!codec_encode(second, samples, n, out))
			abort();
	}
	double took = (now_us() - began) / PACKETS;
	codec_encoder_free(first);
	codec_encoder_free(second);
	codec_decoder_free(d);
	return took;
}

int main(void)
{
	for (size_t from = 0; from < 4; from++)
		for (size_t to = 0; to < 4; to++)
			if (from != to)
				printf("convert_%s_to_%s_us %.1f\n", codecs[from].name,
				       codecs[to].name, convert_us(from, to, 8000));
	return 0;
}
