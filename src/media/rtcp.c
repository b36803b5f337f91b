#include "media/rtcp.h"
#include <string.h>

enum { SENDER_REPORT = 200, RECEIVER_REPORT, SOURCE_DESCRIPTION, BYE };

#define CNAME 1
#define CNAME_MAX 32
#define BLOCK_SIZE 24
#define SENDER_SIZE 20

static uint32_t read_32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t *write_32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
	return p + 4;
}

/* length: of the packet, in bytes, header included; a multiple of four. */
static uint8_t *write_header(uint8_t *p, unsigned count, unsigned type, size_t length)
{
	p[0] = (uint8_t)(0x80 | count);
	p[1] = (uint8_t)type;
	p[2] = (uint8_t)((length / 4 - 1) >> 8);
	p[3] = (uint8_t)(length / 4 - 1);
	return p + 4;
}

bool rtcp_looks_so(const uint8_t *data, size_t len)
{
	return len >= 8 && data[0] >> 6 == 2 && data[1] >= 192 && data[1] <= 223;
}

static void read_block(const uint8_t *p, struct rtcp_block *out)
{
	uint32_t lost = read_32(p + 4) & 0xffffff;
	*out = (struct rtcp_block){read_32(p), p[4], (int32_t)(lost & 0x800000 ? lost | 0xff000000 : lost), read_32(p + 8), read_32(p + 12), read_32(p + 16), read_32(p + 20)};
}

/* One packet of the compound, its length checked. */
static void read_packet(const uint8_t *p, size_t length, uint32_t own, struct rtcp_report *out)
{
	size_t blocks = p[0] & 31, at = 8;
	if (p[1] == BYE)
		out->says_bye = true;
	if (p[1] != SENDER_REPORT && p[1] != RECEIVER_REPORT)
		return;
	if (p[1] == SENDER_REPORT && length >= at + SENDER_SIZE) {
		out->is_sender = true;
		out->sender = (struct rtcp_sender){(uint64_t)read_32(p + 8) << 32 | read_32(p + 12), read_32(p + 16), read_32(p + 20), read_32(p + 24)};
		at += SENDER_SIZE;
	}
	for (size_t i = 0; i < blocks && at + BLOCK_SIZE <= length; i++, at += BLOCK_SIZE)
		if (read_32(p + at) == own) {
			out->is_about = true;
			read_block(p + at, &out->about);
		}
}

bool rtcp_parse(const uint8_t *data, size_t len, uint32_t own, struct rtcp_report *out)
{
	*out = (struct rtcp_report){0};
	if (len < 8 || len % 4 || data[0] >> 6 != 2 || data[0] & 0x20 || (data[1] != SENDER_REPORT && data[1] != RECEIVER_REPORT))
		return false;
	for (int reading = 0; reading < 2; reading++) /* sound as a whole, before anything of it is believed */
		for (size_t at = 0; at < len;) {
			size_t length = len - at >= 4 ? ((size_t)data[at + 2] << 8 | data[at + 3]) * 4 + 4 : 0;
			if (!length || data[at] >> 6 != 2 || length > len - at)
				return false;
			if (reading && length >= 8)
				read_packet(data + at, length, own, out);
			at += length;
		}
	out->ssrc = read_32(data + 4);
	return true;
}

size_t rtcp_write(uint8_t out[RTCP_SIZE], uint32_t ssrc, const struct rtcp_sender *sender, const struct rtcp_block *about, const char *cname, bool bye)
{
	size_t name = strlen(cname) > CNAME_MAX ? CNAME_MAX : strlen(cname), item = (2 + name + 1 + 3) / 4 * 4; /* it ends with a zero at least */
	uint8_t *p = write_header(out, about != NULL, sender ? SENDER_REPORT : RECEIVER_REPORT, 8 + (sender ? SENDER_SIZE : 0) + (about ? BLOCK_SIZE : 0));
	p = write_32(p, ssrc);
	if (sender) {
		p = write_32(p, (uint32_t)(sender->ntp >> 32));
		p = write_32(p, (uint32_t)sender->ntp);
		p = write_32(p, sender->timestamp);
		p = write_32(p, sender->packets);
		p = write_32(p, sender->octets);
	}
	if (about) {
		p = write_32(p, about->ssrc);
		p = write_32(p, (uint32_t)about->fraction_lost << 24 | ((uint32_t)about->lost & 0xffffff));
		p = write_32(p, about->highest);
		p = write_32(p, about->jitter);
		p = write_32(p, about->last_report);
		p = write_32(p, about->delay);
	}
	p = write_header(p, 1, SOURCE_DESCRIPTION, 8 + item);
	p = write_32(p, ssrc);
	memset(p, 0, item);
	p[0] = CNAME;
	p[1] = (uint8_t)name;
	memcpy(p + 2, cname, name);
	p += item;
	if (bye)
		p = write_32(write_header(p, 1, BYE, 8), ssrc);
	return (size_t)(p - out);
}
