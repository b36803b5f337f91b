/*
 * codec_tool encode|decode NAME CLOCK: from standard input to standard output. Samples are 16-bit
 * mono at 8 kHz. Encoded are packets of 20 ms, each behind its length in two bytes, the higher one
 * first. What end-to-end tests send and hear.
 */
#include "media/codec.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME 160

static int encode(struct codec_encoder *e)
{
	int16_t samples[FRAME];
	uint8_t payload[CODEC_PAYLOAD_MAX];
	while (fread(samples, sizeof *samples, FRAME, stdin) == FRAME) {
		size_t len = codec_encode(e, samples, FRAME, payload);
		putchar((int)(len >> 8));
		putchar((int)(len & 255));
		fwrite(payload, 1, len, stdout);
	}
	codec_encoder_free(e);
	return 0;
}

static int decode(struct codec_decoder *d)
{
	static int16_t samples[CODEC_SAMPLES_MAX];
	uint8_t payload[CODEC_PAYLOAD_MAX];
	for (int high; (high = getchar()) != EOF;) {
		size_t len = (size_t)(high << 8 | getchar());
		if (len > sizeof payload || fread(payload, 1, len, stdin) != len)
			return 1;
		fwrite(samples, sizeof *samples, codec_decode(d, payload, len, samples), stdout);
	}
	codec_decoder_free(d);
	return 0;
}

int main(int argc, char **argv)
{
	const struct speech_codec *codec = argc == 4 ? codec_find(argv[2], atoi(argv[3])) : NULL;
	if (!codec)
		return 2;
	if (strcmp(argv[1], "encode") == 0)
		return encode(codec_encoder_new(codec, 8000));
	return decode(codec_decoder_new(codec, 8000));
}
