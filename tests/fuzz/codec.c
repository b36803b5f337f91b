/* Payloads from the network, as every codec decodes them. The first byte chooses codec and rate. */
#include "fuzz.h"
#include "media/codec.h"

static const struct {
	const char *name;
	int clock_rate;
} codecs[] = {{"PCMU", 8000}, {"PCMA", 8000}, {"G722", 8000}, {"opus", 48000}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int16_t samples[CODEC_SAMPLES_MAX];
	if (!size)
		return 0;
	size_t which = data[0] & 3;
	const struct speech_codec *codec = codec_find(codecs[which].name, codecs[which].clock_rate);
	struct codec_decoder *d = codec_decoder_new(codec, data[0] & 4 ? 16000 : 8000);
	/* packets, each behind its length */
	for (size_t at = 1; d && at < size;) {
		size_t len = data[at] < size - at - 1 ? data[at] : size - at - 1;
		const uint8_t *payload = data + at + 1;
		if (data[at] & 1 && codec_conceal(d, payload, len, 160, samples) > CODEC_SAMPLES_MAX)
			abort();
		if (codec_decode(d, payload, len, samples) > CODEC_SAMPLES_MAX)
			abort();
		at += len + 1;
	}
	codec_decoder_free(d);
	return 0;
}
