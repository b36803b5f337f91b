#include "media/rtp.h"
#include <string.h>

bool rtp_parse(const uint8_t *d, size_t len, struct rtp_packet *out)
{
	if (len < RTP_HEADER_SIZE || d[0] >> 6 != 2)
		return false;
	size_t at = RTP_HEADER_SIZE + (size_t)(d[0] & 15) * 4;
	if (d[0] & 0x10) {
		if (at + 4 > len)
			return false;
		at += 4 + ((size_t)d[at + 2] << 8 | d[at + 3]) * 4;
	}
	if (at > len)
		return false;
	size_t padding = d[0] & 0x20 && len > at ? d[len - 1] : 0;
	if (padding > len - at)
		return false;
	*out = (struct rtp_packet){
		.payload_type = d[1] & 0x7f,
		.marker = d[1] >> 7,
		.sequence = (uint16_t)(d[2] << 8 | d[3]),
		.timestamp = (uint32_t)d[4] << 24 | (uint32_t)d[5] << 16 | (uint32_t)d[6] << 8 | d[7],
		.ssrc = (uint32_t)d[8] << 24 | (uint32_t)d[9] << 16 | (uint32_t)d[10] << 8 | d[11],
		.payload = d + at,
		.payload_len = len - at - padding,
	};
	return true;
}

void rtp_write_header(uint8_t out[RTP_HEADER_SIZE], const struct rtp_packet *p)
{
	const uint8_t header[RTP_HEADER_SIZE] = {
		0x80, (uint8_t)(p->payload_type | (p->marker ? 0x80 : 0)),
		(uint8_t)(p->sequence >> 8), (uint8_t)p->sequence,
		(uint8_t)(p->timestamp >> 24), (uint8_t)(p->timestamp >> 16), (uint8_t)(p->timestamp >> 8), (uint8_t)p->timestamp,
		(uint8_t)(p->ssrc >> 24), (uint8_t)(p->ssrc >> 16), (uint8_t)(p->ssrc >> 8), (uint8_t)p->ssrc,
	};
	memcpy(out, header, sizeof header);
}

static const char keys[] = "0123456789*#ABCD";

bool telephone_event_parse(const uint8_t *p, size_t len, struct telephone_event *out)
{
	if (len < 4)
		return false;
	out->key = p[0] < 16 ? keys[p[0]] : '\0';
	out->end = p[1] >> 7;
	out->duration = (uint16_t)(p[2] << 8 | p[3]);
	return true;
}

void telephone_event_write(uint8_t out[4], char key, bool end, uint16_t duration)
{
	const char *at = strchr(keys, key);
	out[0] = at && key ? (uint8_t)(at - keys) : 0;
	out[1] = (uint8_t)(end ? 0x8a : 0x0a);
	out[2] = (uint8_t)(duration >> 8);
	out[3] = (uint8_t)duration;
}
