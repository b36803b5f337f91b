/* A message's body, as SDP and as DTMF digits: the first line is its Content-Type. */
#include "fuzz.h"
#include "sip/body.h"
#include "sip/info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *line = strchr(text, '\n');
	size_t rest = line ? size - (size_t)(line + 1 - text) : 0, len = 0;
	char *body = malloc(rest + 1);
	memcpy(body, line ? line + 1 : text, rest);
	if (line)
		*line = '\0';
	const char *sdp = sip_body_sdp(text, body, rest, &len);
	if (sdp && (sdp < body || sdp + len > body + rest))
		abort();
	char keys[INFO_KEYS_MAX + 1];
	size_t count = sip_info_keys(body, rest, keys);
	if (count > INFO_KEYS_MAX || count != strspn(keys, "0123456789*#ABCD"))
		abort();
	free(body);
	free(text);
	return 0;
}
