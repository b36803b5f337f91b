/* What a buyer answers to a ping: its HTTP status, the format, and the expressions for accepted, bid, destination and expires, in a line each; then the answer. */
#include "fuzz.h"
#include "rtb/target.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rest = text, *lines[6];
	struct arena arena = {0};
	struct rtb_answer said;
	struct rtb_target target = {.minimum_micros = 1, .maximum_micros = 1000000000, .fixed_micros = -1, .expires_seconds = 60, .target = {.uri = "sip:a@b"}};
	for (int i = 0; i < 6; i++)
		if (!(lines[i] = strsep(&rest, "\n")))
			lines[i] = "";
	json_t *response = json_pack("{s:s, s:s, s:s, s:s, s:s}", "format", lines[1], "accepted", lines[2], "bid", lines[3], "destination", lines[4], "expires", lines[5]);
	struct rtb_mapping *m = response ? rtb_mapping_compile(response, "", NULL) : NULL;
	if (m) {
		const char *body = rest ? rest : "";
		rtb_mapping_read(m, atoi(lines[0]), body, strlen(body), INT64_C(1700000000000), "US", &arena, &said);
		if (said.accepted != !said.why || (said.accepted && said.bid_micros < -1) || (said.uri && said.number))
			abort();
		bool bids = !rtb_judge(&target, 0, &said, INT64_C(1700000000000));
		if (bids && (said.bid_micros < target.minimum_micros || said.bid_micros > target.maximum_micros || said.expires_ms <= INT64_C(1700000000000) || said.expires_ms > INT64_C(1700000000000) + 86400000))
			abort();
	}
	rtb_mapping_free(m);
	json_decref(response);
	arena_free(&arena);
	free(text);
	return 0;
}
