#include "rtp_address.h"
#include "base/network.h"
#include "sip/sip.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* given: what the setting says; false: a listener's host. */
static bool choose(const char *text, bool given, char out[INET6_ADDRSTRLEN], struct error *err)
{
	struct sockaddr_storage address;
	const struct sockaddr *is = (const struct sockaddr *)&address;
	snprintf(out, INET6_ADDRSTRLEN, "%s", text);
	if (!address_parse(out, strlen(out), &address))
		return error_set(err, given ? "--rtp-address '%.60s' must be an IP address of this machine"
					    : "'%.60s' in --sip is no IP address: name one of this "
					      "machine's for audio with --rtp-address", text);
	if (is_any(is))
		first_of_machine(address.ss_family, out);
	else if (!is_of_machine(is))
		return error_set(err, "%s is not an address of this machine ('ip address' lists them): audio "
				      "cannot be sent from it. Behind NAT, give an address of the machine "
				      "as --rtp-address, and the one that others see as "
				      "--rtp-advertised-address", out);
	return true;
}

/* Each once. outside: what a listener names for it; "": nothing. */
static bool add(const char *text, bool given, const char *outside, struct media_config *out, struct error *err)
{
	struct media_address made = {.bound = ""};
	if (!choose(text, given, made.bound, err))
		return false;
	for (size_t i = 0; i < out->address_count; i++)
		if (strcmp(out->addresses[i].bound, made.bound) == 0)
			return true;
	if (out->address_count == MEDIA_ADDRESSES_MAX)
		return error_set(err, "audio can have %d addresses at most", MEDIA_ADDRESSES_MAX);
	snprintf(made.advertised, sizeof made.advertised, "%s", outside);
	out->addresses[out->address_count++] = made;
	return true;
}

/* What a listener with that host names as its outside address; "": nothing. */
static void outside_of(const char *const *listeners, const char *host, char out[ADDRESS_SIZE])
{
	char of[ADDRESS_SIZE];
	out[0] = '\0';
	for (; *listeners && !*out; listeners++)
		if (!sip_listener_host(*listeners, of, out) || strcmp(of, host) != 0)
			out[0] = '\0';
}

static bool add_given(const char *given, const char *const *listeners, struct media_config *out, struct error *err)
{
	char one[64], outside[ADDRESS_SIZE];
	for (const char *p = given; *p;) {
		size_t n = strcspn(p, ",");
		snprintf(one, sizeof one, "%.*s", (int)n, p);
		outside_of(listeners, one, outside);
		if (!add(one, true, outside, out, err))
			return false;
		p += n + (p[n] == ',');
	}
	return true;
}

static bool add_listeners(const char *const *listeners, struct media_config *out, struct error *err)
{
	char host[ADDRESS_SIZE], outside[ADDRESS_SIZE];
	for (; *listeners; listeners++) {
		if (!sip_listener_host(*listeners, host, outside))
			return error_set(err, "the SIP listener '%s' must look like udp:0.0.0.0:5060, "
					      "tcp:0.0.0.0:5060 or tls:0.0.0.0:5061", *listeners);
		if (!add(host, false, outside, out, err))
			return false;
	}
	return true;
}

static bool is_six(const char *address)
{
	return strchr(address, ':') != NULL;
}

/* For the addresses of its family that have none. */
static bool advertise(const char *advertised, struct media_config *out, struct error *err)
{
	struct sockaddr_storage outside;
	bool used = !advertised;
	if (advertised && (!address_parse(advertised, strlen(advertised), &outside) ||
			   is_any((const struct sockaddr *)&outside)))
		return error_set(err, "--rtp-advertised-address '%.60s' must be the IP address that "
				      "others send audio to", advertised);
	for (size_t i = 0; i < out->address_count; i++) {
		struct media_address *a = &out->addresses[i];
		bool fits = advertised && is_six(a->bound) == is_six(advertised);
		used = used || fits;
		if (!*a->advertised)
			snprintf(a->advertised, sizeof a->advertised, "%s", fits ? advertised : a->bound);
		if (!address_parse(a->advertised, strlen(a->advertised), &outside))
			return error_set(err, "%s, the outside address of %s, must be an IP address",
				a->advertised, a->bound);
		if (is_six(a->advertised) != is_six(a->bound))
			return error_set(err, "%s, the outside address of %s, must be of the same family: "
				"both IPv4 or both IPv6", a->advertised, a->bound);
	}
	return used || error_set(err, "--rtp-advertised-address %s and the address for audio, %s, must "
				      "both be IPv4 or both IPv6", advertised, out->addresses[0].bound);
}

bool rtp_addresses_read(const char *given, const char *advertised, const char *const *listeners,
			struct media_config *out, struct error *err)
{
	out->address_count = 0;
	bool added = given ? add_given(given, listeners, out, err) : add_listeners(listeners, out, err);
	return added && advertise(advertised, out, err);
}
