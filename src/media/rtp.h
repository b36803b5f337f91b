/* media/rtp.h: RTP headers (RFC 3550 §5.1) and telephone events (RFC 4733 §2.3). Pure. */
#ifndef MEDIA_RTP_H
#define MEDIA_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER_SIZE 12

struct rtp_packet {
	uint8_t payload_type;
	bool marker;
	uint16_t sequence;
	uint32_t timestamp, ssrc;
	const uint8_t *payload;
	size_t payload_len;
};

/* false: not RTP version 2, or cut short. Padding and extensions are skipped. */
bool rtp_parse(const uint8_t *data, size_t len, struct rtp_packet *out);
void rtp_write_header(uint8_t out[RTP_HEADER_SIZE], const struct rtp_packet *p);

struct telephone_event {
	char key; /* '\0': not a DTMF key */
	bool end;
	uint16_t duration; /* timestamp units */
};
bool telephone_event_parse(const uint8_t *payload, size_t len, struct telephone_event *out);
void telephone_event_write(uint8_t out[4], char key, bool end, uint16_t duration);

#endif
