#include "rtp_address.h"
#include "base/network.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The host of "udp:HOST:PORT", without the brackets of IPv6. */
static void host_of(const char *listener, char out[INET6_ADDRSTRLEN])
{
	const char *host = strchr(listener, ':'), *port = strrchr(listener, ':');
	size_t n = host && port > host ? (size_t)(port - host - 1) : 0;
	bool in_brackets = n > 2 && host[1] == '[' && port[-1] == ']';
	snprintf(out, INET6_ADDRSTRLEN, "%.*s", (int)(in_brackets ? n - 2 : n),
		 host ? host + 1 + in_brackets : "");
}

static const void *bytes_of(const struct sockaddr *address)
{
	return address->sa_family == AF_INET6
		       ? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
		       : (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
}

static bool is_any(const struct sockaddr *address)
{
	static const struct in6_addr zero;
	return memcmp(bytes_of(address), &zero, address->sa_family == AF_INET6 ? 16 : 4) == 0;
}

static bool is_usable(const struct ifaddrs *i, int family)
{
	if (!i->ifa_addr || i->ifa_addr->sa_family != family || !(i->ifa_flags & IFF_UP) ||
	    i->ifa_flags & IFF_LOOPBACK)
		return false;
	return family == AF_INET || /* a link-local address means nothing on another link */
	       !IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)bytes_of(i->ifa_addr));
}

static void first_of_machine(int family, char out[INET6_ADDRSTRLEN])
{
	struct ifaddrs *list = NULL, *i = NULL;
	snprintf(out, INET6_ADDRSTRLEN, "%s", family == AF_INET6 ? "::1" : "127.0.0.1");
	if (getifaddrs(&list) != 0)
		return;
	for (i = list; i && !is_usable(i, family); i = i->ifa_next)
		;
	if (i)
		inet_ntop(family, bytes_of(i->ifa_addr), out, INET6_ADDRSTRLEN);
	freeifaddrs(list);
}

static bool is_of_machine(const struct sockaddr *address)
{
	socklen_t len = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						       : sizeof(struct sockaddr_in);
	int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && bind(fd, address, len) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

bool rtp_address_choose(const char *given, const char *listener, char out[INET6_ADDRSTRLEN],
			struct error *err)
{
	struct sockaddr_storage address;
	const struct sockaddr *is = (const struct sockaddr *)&address;
	if (given)
		snprintf(out, INET6_ADDRSTRLEN, "%s", given);
	else
		host_of(listener, out);
	if (!address_parse(out, strlen(out), &address))
		return error_set(err, given ? "--rtp-address '%.60s' must be an IP address of this machine"
					    : "'%.60s' in --sip is no IP address: name one of this "
					      "machine's for audio with --rtp-address",
				 given ? given : out);
	if (is_any(is))
		first_of_machine(address.ss_family, out);
	else if (!is_of_machine(is))
		return error_set(err, "%s is not an address of this machine ('ip address' lists them): audio "
				      "cannot be sent from it. Behind NAT, give an address of the machine "
				      "as --rtp-address, and the one that others see as "
				      "--rtp-advertised-address", out);
	return true;
}

bool rtp_advertised_check(const char *advertised, const char *address, struct error *err)
{
	struct sockaddr_storage outside, inside;
	if (!advertised)
		return true;
	if (!address_parse(advertised, strlen(advertised), &outside) ||
	    is_any((const struct sockaddr *)&outside))
		return error_set(err, "--rtp-advertised-address '%.60s' must be the IP address that "
				      "others send audio to", advertised);
	if (!address_parse(address, strlen(address), &inside) ||
	    inside.ss_family != outside.ss_family)
		return error_set(err, "--rtp-advertised-address %s and the address for audio, %s, must "
				      "both be IPv4 or both IPv6", advertised, address);
	return true;
}
