#include "sip/pcap.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define LINKTYPE_RAW 101
#define SNAP 65535

static void add16(struct buf *b, uint16_t v) /* network order */
{
	buf_add(b, (unsigned char[]){(unsigned char)(v >> 8), (unsigned char)v}, 2);
}

static void add32_host(struct buf *b, uint32_t v)
{
	buf_add(b, &v, sizeof v); /* the magic number tells which order this is */
}

void pcap_begin(struct buf *b)
{
	uint16_t version[2] = {2, 4};
	add32_host(b, 0xa1b2c3d4);
	buf_add(b, version, sizeof version);
	add32_host(b, 0); /* UTC */
	add32_host(b, 0);
	add32_host(b, SNAP);
	add32_host(b, LINKTYPE_RAW);
}

struct end {
	int family;
	unsigned char address[16];
	size_t len;
	uint16_t port;
};

static bool read_end(const char *text, struct end *e)
{
	char host[64];
	bool six = *text == '[';
	const char *from = text + six, *stop = six ? strchr(text, ']') : strrchr(text, ':');
	const char *port = stop ? stop + six : NULL;
	if (!stop || *port != ':' || (size_t)(stop - from) >= sizeof host)
		return false;
	memcpy(host, from, (size_t)(stop - from));
	host[stop - from] = '\0';
	e->family = six ? AF_INET6 : AF_INET;
	e->len = six ? 16 : 4;
	e->port = (uint16_t)strtoul(port + 1, NULL, 10);
	return inet_pton(e->family, host, e->address) == 1;
}

/* RFC 1071, over 16 bits at a time. */
static uint32_t sum(const void *data, size_t len, uint32_t so_far)
{
	const unsigned char *p = data;
	for (size_t i = 0; i + 1 < len; i += 2)
		so_far += (uint32_t)(p[i] << 8 | p[i + 1]);
	return len % 2 ? so_far + (uint32_t)(p[len - 1] << 8) : so_far;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/* RFC 791 §3.1. */
static void add_ipv4(struct buf *b, const struct end *from, const struct end *to, size_t payload)
{
	struct buf head = {0};
	add16(&head, 0x4500);
	add16(&head, (uint16_t)(20 + payload));
	add16(&head, 0);
	add16(&head, 0);
	add16(&head, 64 << 8 | IPPROTO_UDP);
	add16(&head, 0);
	buf_add(&head, from->address, 4);
	buf_add(&head, to->address, 4);
	uint16_t check = head.failed ? 0 : fold(sum(head.data, head.len, 0));
	if (!head.failed)
		buf_add(b, head.data, 10);
	add16(b, check);
	buf_add(b, from->address, 4);
	buf_add(b, to->address, 4);
	buf_free(&head);
}

/* RFC 8200 §3. */
static void add_ipv6(struct buf *b, const struct end *from, const struct end *to, size_t payload)
{
	add16(b, 0x6000);
	add16(b, 0);
	add16(b, (uint16_t)payload);
	add16(b, IPPROTO_UDP << 8 | 64);
	buf_add(b, from->address, 16);
	buf_add(b, to->address, 16);
}

bool pcap_add(struct buf *b, int64_t at_ms, const char *from_text, const char *to_text, const char *text, size_t len)
{
	struct end from, to;
	if (!read_end(from_text, &from) || !read_end(to_text, &to) || from.family != to.family)
		return false;
	bool six = from.family == AF_INET6;
	size_t head = six ? 40 : 20, room = SNAP - head - 8;
	if (len > room)
		len = room;
	uint16_t udp = (uint16_t)(8 + len);
	add32_host(b, (uint32_t)(at_ms / 1000));
	add32_host(b, (uint32_t)(at_ms % 1000 * 1000));
	add32_host(b, (uint32_t)(head + udp));
	add32_host(b, (uint32_t)(head + udp));
	if (six)
		add_ipv6(b, &from, &to, udp);
	else
		add_ipv4(b, &from, &to, udp);
	/* RFC 768: the checksum goes over a pseudo header, too. */
	uint32_t s = sum(from.address, from.len, sum(to.address, to.len, IPPROTO_UDP + udp));
	s = sum(text, len, s + from.port + to.port + udp);
	uint16_t check = fold(s);
	add16(b, from.port);
	add16(b, to.port);
	add16(b, udp);
	add16(b, check ? check : 0xffff);
	buf_add(b, text, len);
	return true;
}
