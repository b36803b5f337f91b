/* An offer from the network, our answer to it, and our offer of the same to others. */
#include "fuzz.h"
#include "sip/sdp.h"

static void passes_on(const struct sdp_formats *offered)
{
	struct sdp_audio audio, again;
	struct sdp_formats formats = *offered, theirs, answered;
	char text[SDP_SIZE];
	sdp_formats_add_own(&formats, CODEC_PCMA);
	sdp_audio_offer(text, "192.0.2.1", 20000, &formats, "sendrecv", 1, 1);
	if (!sdp_audio_parse(text, &audio, &theirs))
		abort();
	for (size_t i = 0; i < offered->count; i++) {
		const struct sdp_format *f = &offered->list[i];
		if (!sdp_format_find(&theirs, f))
			abort();
		if (!sdp_format_is_passed(f) || !sdp_audio_pass(&audio, &theirs, f))
			continue;
		sdp_audio_answer(text, "192.0.2.1", 20000, &audio, f, 1, 1);
		if (!sdp_audio_parse(text, &again, &answered) || !sdp_format_chosen(&answered, offered))
			abort();
	}
}

/* A fax that is passed on must be readable. */
static void passes_fax_on(const char *text)
{
	struct sdp_image image, again;
	char out[SDP_SIZE];
	if (!sdp_image_parse(text, &image))
		return;
	sdp_image_write(out, "192.0.2.1", 20000, &image, 1, 1);
	if (!sdp_image_parse(out, &again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sdp_audio offer, again;
	struct sdp_formats formats;
	char answer[SDP_SIZE], *text = fuzz_text(data, size);
	bool speaks = sdp_audio_parse(text, &offer, NULL);
	if (speaks) {
		sdp_audio_answer(answer, "192.0.2.1", 20000, &offer, NULL, 1, 1);
		if (!sdp_audio_parse(answer, &again, NULL) || again.codec != offer.codec)
			abort(); /* what we say must be readable, and in the codec that was offered */
	}
	passes_fax_on(text);
	if (sdp_audio_parse(text, &offer, &formats))
		passes_on(&formats);
	else if (speaks)
		abort();
	(void)sdp_audio_encrypts(text);
	free(text);
	return 0;
}
