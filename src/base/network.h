/* base/network.h: addresses and the networks they are in, IPv4 and IPv6. Pure. */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

#include "base/result.h"
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

struct network {
	int family;
	unsigned char bits[16];
	int prefix;
};

/* "192.0.2.7", "192.0.2.0/24", "2001:db8::/32". */
bool network_parse(const char *text, struct network *out) WARN_UNUSED;

/* Is the address in one of them? One that is IPv4 within IPv6 counts as IPv4. */
bool network_has(const struct network *networks, size_t count, const struct sockaddr *address);

/* An address with or without a port: "192.0.2.7", "192.0.2.7:80", "2001:db8::1", "[2001:db8::1]:80". The port is left out. */
bool address_parse(const char *text, size_t len, struct sockaddr_storage *out) WARN_UNUSED;

void address_set_port(struct sockaddr_storage *address, int port);
int address_port(const struct sockaddr *address); /* 0 for what is no IP address */
/* Without its port; "" for what is no IP address. */
#define ADDRESS_SIZE 46
const char *address_text(const struct sockaddr *address, char out[ADDRESS_SIZE]);
/* The address in the form of IPv6 (RFC 4291 section 2.5.5.2), so that two can be compared. */
struct in6_addr address_as_six(const struct sockaddr *address);
/* Who is counted as one: an IPv4 address, or the /64 that an IPv6 address is in. "" likewise. */
const char *address_group(const struct sockaddr *address, char out[ADDRESS_SIZE]);

#endif
