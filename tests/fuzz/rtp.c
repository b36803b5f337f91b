/* A packet from the network: its header, and a telephone event inside; or RTCP. */
#include "fuzz.h"
#include "media/key_events.h"
#include "media/quality.h"
#include "media/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtp_packet p;
	struct telephone_event e;
	uint8_t header[RTP_HEADER_SIZE];
	struct rtcp_report report, again;
	uint8_t written[RTCP_SIZE];
	static struct quality_meter meter;
	static struct key_events events;
	static struct source source;
	const struct source_candidate *before;
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = 1};
	if (rtcp_looks_so(data, size) && rtcp_parse(data, size, 0x01020304, &report)) {
		size_t len = rtcp_write(written, report.ssrc, report.is_sender ? &report.sender : NULL, report.is_about ? &report.about : NULL, "a name", report.says_bye);
		if (len > sizeof written || !rtcp_parse(written, len, 0x01020304, &again) || again.is_sender != report.is_sender || again.is_about != report.is_about || again.about.lost != report.about.lost)
			abort();
		quality_told(&meter, &report.about, report.sender.packets, (uint32_t)(report.sender.ntp >> 16));
	}
	if (!rtp_parse(data, size, &p))
		return 0;
	quality_take(&meter, &p, p.marker, p.timestamp);
	quality_report(&meter, &report.about);
	if (p.payload < data || p.payload_len > size || p.payload + p.payload_len > data + size)
		abort();
	rtp_write_header(header, &p);
	if (telephone_event_parse(p.payload, p.payload_len, &e) && e.key)
		(void)key_events_take(&events, &p, &e);
	if (events.count > KEY_EVENTS_KEPT)
		abort();
	from.sin_port = p.sequence & 3; /* four senders */
	if (p.marker)
		(void)source_name(&source, (const struct sockaddr *)&from, sizeof from, true,
				  p.timestamp, &before);
	(void)source_take(&source,
			  &(struct source_arrival){.from = (const struct sockaddr *)&from,
						   .from_len = sizeof from,
						   .data = data,
						   .len = size,
						   .rtp = &p,
						   .now_us = p.timestamp},
			  &before);
	if (before && before->kept_count > SOURCE_KEPT)
		abort();
	return 0;
}
