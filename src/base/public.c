#include "base/public.h"
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static bool v4_is_public(uint32_t a)
{
	static const struct {
		uint32_t network;
		int prefix;
	} special[] = {
		{0x00000000, 8}, {0x0a000000, 8}, {0x64400000, 10}, {0x7f000000, 8}, {0xa9fe0000, 16}, {0xac100000, 12},
		{0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, {0xc0a80000, 16}, {0xc6120000, 15}, {0xc6336400, 24},
		{0xcb007100, 24}, {0xe0000000, 4}, {0xf0000000, 4},
	};
	for (size_t i = 0; i < sizeof special / sizeof *special; i++)
		if ((a & (0xffffffffu << (32 - special[i].prefix))) == special[i].network)
			return false;
	return true;
}

bool address_is_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return v4_is_public(ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
	if (address->sa_family != AF_INET6)
		return false;
	const uint8_t *b = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, nat64[12] = {0, 0x64, 0xff, 0x9b};
	if (memcmp(b, mapped, 12) == 0 || memcmp(b, nat64, 12) == 0)
		return v4_is_public((uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 | b[15]);
	if (b[0] == 0x20 && b[1] == 0x02) /* 6to4 */
		return v4_is_public((uint32_t)b[2] << 24 | (uint32_t)b[3] << 16 | (uint32_t)b[4] << 8 | b[5]);
	bool documentation = b[0] == 0x20 && b[1] == 0x01 && ((b[2] == 0x0d && b[3] == 0xb8) || (b[2] == 0 && b[3] == 0));
	return (b[0] & 0xe0) == 0x20 && !documentation; /* global unicast, 2000::/3 */
}

bool address_port_is_allowed(const struct sockaddr *address)
{
	/* https://fetch.spec.whatwg.org/#port-blocking */
	static const uint16_t refused[] = {
		0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
		512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
	};
	in_port_t port = address->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)address)->sin6_port : ((const struct sockaddr_in *)(const void *)address)->sin_port;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		if (refused[i] == ntohs(port))
			return false;
	return true;
}
