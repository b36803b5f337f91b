/* An offer from the network, and our answer to it. */
#include "fuzz.h"
#include "sip/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sdp_audio offer, again;
	char answer[SDP_SIZE], *text = fuzz_text(data, size);
	if (sdp_audio_parse(text, &offer)) {
		sdp_audio_answer(answer, "192.0.2.1", 20000, &offer, 1, 1);
		if (!sdp_audio_parse(answer, &again) || again.codec != offer.codec)
			abort(); /* what we say must be readable, and in the codec that was offered */
	}
	free(text);
	return 0;
}
