/* rtpengine's answer to a request. */
#include "fuzz.h"
#include "media/ng.h"

static void inside(const char *text, size_t size, const char *part, size_t len)
{
	if (part && (part < text || part + len > text + size))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ng_answer a;
	const char *text = (const char *)data;
	if (!ng_read_answer(text, size, &a))
		return 0;
	inside(text, size, a.result, a.result_len);
	inside(text, size, a.sdp, a.sdp_len);
	inside(text, size, a.reason, a.reason_len);
	return 0;
}
