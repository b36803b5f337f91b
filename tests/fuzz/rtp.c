/* A packet from the network: its header, and a telephone event inside. */
#include "fuzz.h"
#include "media/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtp_packet p;
	struct telephone_event e;
	uint8_t header[RTP_HEADER_SIZE];
	if (!rtp_parse(data, size, &p))
		return 0;
	if (p.payload < data || p.payload_len > size || p.payload + p.payload_len > data + size)
		abort();
	rtp_write_header(header, &p);
	(void)telephone_event_parse(p.payload, p.payload_len, &e);
	return 0;
}
