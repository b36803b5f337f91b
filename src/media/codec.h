/*
 * media/codec.h: speech codecs that audio can be converted from and to. One table entry each; an
 * encoder or a decoder is the state of one direction of one stream, of bounded size. No I/O.
 */
#ifndef MEDIA_CODEC_H
#define MEDIA_CODEC_H

#include "base/result.h"
#include <stddef.h>
#include <stdint.h>

#define CODEC_PAYLOAD_MAX 1400 /* bytes that an encoder writes */
#define CODEC_SAMPLES_MAX 2880 /* that a packet is decoded to: G.722 of 1440 bytes */

struct speech_codec;
struct codec_decoder;
struct codec_encoder;

/* The codec with this encoding name and RTP clock (RFC 3551, RFC 7587). NULL: it is not known. */
const struct speech_codec *codec_find(const char *name, int clock_rate);

/* samples_rate: 8000 or 16000 Hz. NULL: the codec has not got that rate, or no memory. */
struct codec_decoder *codec_decoder_new(const struct speech_codec *codec, int samples_rate) WARN_UNUSED;
void codec_decoder_free(struct codec_decoder *d); /* NULL is fine */
/* Returns how many samples the packet has; 0 for one that is broken. */
size_t codec_decode(struct codec_decoder *d, const uint8_t *payload, size_t len,
		    int16_t samples[CODEC_SAMPLES_MAX]);
/*
 * Fills in for so many samples of lost packets: Opus from the packet after them (in-band FEC) or
 * from those before, other codecs with silence. next NULL: that packet is not there. Returns how
 * many samples were written, at most CODEC_SAMPLES_MAX.
 */
size_t codec_conceal(struct codec_decoder *d, const uint8_t *next, size_t len, size_t count,
		     int16_t samples[CODEC_SAMPLES_MAX]);

struct codec_encoder *codec_encoder_new(const struct speech_codec *codec, int samples_rate) WARN_UNUSED;
void codec_encoder_free(struct codec_encoder *e); /* NULL is fine */
/* Encode a packet of 10, 20, 40 or 60 ms. Returns the payload's length; 0: it has failed. */
size_t codec_encode(struct codec_encoder *e, const int16_t *samples, size_t count,
		    uint8_t payload[CODEC_PAYLOAD_MAX]);

#endif
