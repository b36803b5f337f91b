#include "media/codec.h"
#include "media/audio.h"
#include <opus.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <spandsp/telephony.h>
#include <spandsp/g722.h>

#define G722_BIT_RATE 64000
#define OPUS_BIT_RATE 20000  /* bit/s, for speech: fullband quality is not in a telephone call */
#define OPUS_COMPLEXITY 5    /* of 10 */
#define OPUS_LOSS_PERCENT 5  /* that in-band FEC is made for */

struct speech_codec {
	const char *name;
	int clock_rate;
	int rate_max; /* of samples, Hz */
	void *(*open_decoder)(int samples_rate);
	void *(*open_encoder)(int samples_rate);
	void (*close_decoder)(void *state);
	void (*close_encoder)(void *state);
	size_t (*decode)(void *state, const uint8_t *payload, size_t len, int16_t *samples);
	size_t (*conceal)(
		void *state, const uint8_t *next, size_t len, size_t count, int16_t *samples);
	size_t (*encode)(void *state, const int16_t *samples, size_t count, uint8_t *payload);
};

struct codec_decoder {
	const struct speech_codec *codec;
	void *state; /* NULL: the codec has none */
};

struct codec_encoder {
	const struct speech_codec *codec;
	void *state;
};

/* ---- PCMU and PCMA ---- */

static size_t decode_pcmu(void *state, const uint8_t *payload, size_t len, int16_t *samples)
{
	(void)state;
	for (size_t i = 0; i < len; i++)
		samples[i] = ulaw_decode(payload[i]);
	return len;
}

static size_t decode_pcma(void *state, const uint8_t *payload, size_t len, int16_t *samples)
{
	(void)state;
	for (size_t i = 0; i < len; i++)
		samples[i] = alaw_decode(payload[i]);
	return len;
}

static size_t encode_pcmu(void *state, const int16_t *samples, size_t count, uint8_t *payload)
{
	(void)state;
	for (size_t i = 0; i < count; i++)
		payload[i] = ulaw_encode(samples[i]);
	return count;
}

static size_t encode_pcma(void *state, const int16_t *samples, size_t count, uint8_t *payload)
{
	(void)state;
	for (size_t i = 0; i < count; i++)
		payload[i] = alaw_encode(samples[i]);
	return count;
}

static size_t conceal_with_silence(
	void *state, const uint8_t *next, size_t len, size_t count, int16_t *samples)
{
	(void)state, (void)next, (void)len;
	memset(samples, 0, count * sizeof *samples);
	return count;
}

/* ---- G.722: an RTP clock of 8000 Hz for 16000 samples a second (RFC 3551 section 4.5.2) ---- */

static int g722_options(int samples_rate)
{
	return samples_rate == 8000 ? G722_SAMPLE_RATE_8000 : 0;
}

static void *open_g722_decoder(int samples_rate)
{
	return g722_decode_init(NULL, G722_BIT_RATE, g722_options(samples_rate));
}

static void *open_g722_encoder(int samples_rate)
{
	return g722_encode_init(NULL, G722_BIT_RATE, g722_options(samples_rate));
}

static void close_g722_decoder(void *state)
{
	g722_decode_free(state);
}

static void close_g722_encoder(void *state)
{
	g722_encode_free(state);
}

static size_t decode_g722(void *state, const uint8_t *payload, size_t len, int16_t *samples)
{
	int n = g722_decode(state, samples, payload, (int)len);
	return n > 0 ? (size_t)n : 0;
}

static size_t encode_g722(void *state, const int16_t *samples, size_t count, uint8_t *payload)
{
	int n = g722_encode(state, payload, samples, (int)count);
	return n > 0 ? (size_t)n : 0;
}

/* ---- Opus: coded for the rate of the samples, whatever the clock of RTP ---- */

static void *open_opus_decoder(int samples_rate)
{
	return opus_decoder_create(samples_rate, 1, NULL);
}

static void *open_opus_encoder(int samples_rate)
{
	OpusEncoder *e = opus_encoder_create(samples_rate, 1, OPUS_APPLICATION_VOIP, NULL);
	if (!e)
		return NULL;
	opus_encoder_ctl(e, OPUS_SET_BITRATE(OPUS_BIT_RATE));
	opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(OPUS_COMPLEXITY));
	opus_encoder_ctl(e, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
	opus_encoder_ctl(e, OPUS_SET_INBAND_FEC(1));
	opus_encoder_ctl(e, OPUS_SET_PACKET_LOSS_PERC(OPUS_LOSS_PERCENT));
	return e;
}

static void close_opus_decoder(void *state)
{
	opus_decoder_destroy(state);
}

static void close_opus_encoder(void *state)
{
	opus_encoder_destroy(state);
}

static size_t decode_opus(void *state, const uint8_t *payload, size_t len, int16_t *samples)
{
	int n = opus_decode(state, payload, (opus_int32)len, samples, CODEC_SAMPLES_MAX, 0);
	return n > 0 ? (size_t)n : 0;
}

static size_t conceal_opus(
	void *state, const uint8_t *next, size_t len, size_t count, int16_t *samples)
{
	int n = opus_decode(state, len ? next : NULL, (opus_int32)len, samples, (int)count, len > 0);
	return n > 0 ? (size_t)n : 0;
}

static size_t encode_opus(void *state, const int16_t *samples, size_t count, uint8_t *payload)
{
	opus_int32 n = opus_encode(state, samples, (int)count, payload, CODEC_PAYLOAD_MAX);
	return n > 0 ? (size_t)n : 0;
}

/* ---- the table ---- */

static const struct speech_codec codecs[] = {
	{
		.name = "PCMU", .clock_rate = 8000, .rate_max = 8000,
		.decode = decode_pcmu, .conceal = conceal_with_silence, .encode = encode_pcmu,
	},
	{
		.name = "PCMA", .clock_rate = 8000, .rate_max = 8000,
		.decode = decode_pcma, .conceal = conceal_with_silence, .encode = encode_pcma,
	},
	{
		.name = "G722", .clock_rate = 8000, .rate_max = 16000,
		.open_decoder = open_g722_decoder, .close_decoder = close_g722_decoder,
		.open_encoder = open_g722_encoder, .close_encoder = close_g722_encoder,
		.decode = decode_g722, .conceal = conceal_with_silence, .encode = encode_g722,
	},
	{
		.name = "opus", .clock_rate = 48000, .rate_max = 16000,
		.open_decoder = open_opus_decoder, .close_decoder = close_opus_decoder,
		.open_encoder = open_opus_encoder, .close_encoder = close_opus_encoder,
		.decode = decode_opus, .conceal = conceal_opus, .encode = encode_opus,
	},
};

const struct speech_codec *codec_find(const char *name, int clock_rate)
{
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
		if (strcasecmp(codecs[i].name, name) == 0 && codecs[i].clock_rate == clock_rate)
			return &codecs[i];
	return NULL;
}

static bool has_rate(const struct speech_codec *codec, int samples_rate)
{
	return samples_rate == 8000 || (samples_rate == 16000 && codec->rate_max == 16000);
}

struct codec_decoder *codec_decoder_new(const struct speech_codec *codec, int samples_rate)
{
	struct codec_decoder *d = has_rate(codec, samples_rate) ? calloc(1, sizeof *d) : NULL;
	if (!d)
		return NULL;
	d->codec = codec;
	d->state = codec->open_decoder ? codec->open_decoder(samples_rate) : NULL;
	if (d->state || !codec->open_decoder)
		return d;
	free(d);
	return NULL;
}

void codec_decoder_free(struct codec_decoder *d)
{
	if (d && d->state)
		d->codec->close_decoder(d->state);
	free(d);
}

/* So that no codec makes more than CODEC_SAMPLES_MAX of it: G.722 makes two samples of a byte. */
size_t codec_decode(struct codec_decoder *d, const uint8_t *payload, size_t len,
		    int16_t samples[CODEC_SAMPLES_MAX])
{
	if (!len || len > CODEC_SAMPLES_MAX / 2)
		return 0;
	return d->codec->decode(d->state, payload, len, samples);
}

size_t codec_conceal(struct codec_decoder *d, const uint8_t *next, size_t len, size_t count,
		     int16_t samples[CODEC_SAMPLES_MAX])
{
	if (count > CODEC_SAMPLES_MAX)
		count = CODEC_SAMPLES_MAX;
	return count ? d->codec->conceal(d->state, next, next ? len : 0, count, samples) : 0;
}

struct codec_encoder *codec_encoder_new(const struct speech_codec *codec, int samples_rate)
{
	struct codec_encoder *e = has_rate(codec, samples_rate) ? calloc(1, sizeof *e) : NULL;
	if (!e)
		return NULL;
	e->codec = codec;
	e->state = codec->open_encoder ? codec->open_encoder(samples_rate) : NULL;
	if (e->state || !codec->open_encoder)
		return e;
	free(e);
	return NULL;
}

void codec_encoder_free(struct codec_encoder *e)
{
	if (e && e->state)
		e->codec->close_encoder(e->state);
	free(e);
}

size_t codec_encode(struct codec_encoder *e, const int16_t *samples, size_t count,
		    uint8_t payload[CODEC_PAYLOAD_MAX])
{
	if (!count || count > CODEC_PAYLOAD_MAX)
		return 0;
	return e->codec->encode(e->state, samples, count, payload);
}
