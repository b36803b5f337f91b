/* media/rtcp.h: RTCP packets (RFC 3550 §6): reports with SDES CNAME, and BYE. Pure. */
#ifndef MEDIA_RTCP_H
#define MEDIA_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTCP_SIZE 128 /* of the longest that is written */

struct rtcp_sender {
	uint64_t ntp; /* seconds since 1900, 32.32 */
	uint32_t timestamp, packets, octets;
};

struct rtcp_block { /* how a stream is heard */
	uint32_t ssrc;
	uint8_t fraction_lost; /* since the last one, of 256 */
	int32_t lost;          /* 24 bits */
	uint32_t highest;      /* sequence number, with its cycles */
	uint32_t jitter;       /* timestamp units */
	uint32_t last_report, delay; /* middle 32 bits of the other's ntp; 1/65536 s since it came. 0: none came */
};

struct rtcp_report {
	uint32_t ssrc;
	bool is_sender, is_about, says_bye;
	struct rtcp_sender sender;
	struct rtcp_block about; /* our own stream */
};

/* May it be RTCP, where it comes by the port of RTP (RFC 5761 §4)? */
bool rtcp_looks_so(const uint8_t *data, size_t len);
/* A compound packet. own: the stream whose block is looked for. false: none, or not sound (RFC 3550 A.2). */
bool rtcp_parse(const uint8_t *data, size_t len, uint32_t own, struct rtcp_report *out);
/* sender, about: may be NULL. cname: at most 32 characters. Returns the length. */
size_t rtcp_write(uint8_t out[RTCP_SIZE], uint32_t ssrc, const struct rtcp_sender *sender, const struct rtcp_block *about, const char *cname, bool bye);

#endif
