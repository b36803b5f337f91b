#include "base/network.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The address's bytes, and its family (0: none). */
static const unsigned char *bits_of(const struct sockaddr *address, int *family)
{
	*family = address->sa_family;
	if (*family == AF_INET)
		return (const unsigned char *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
	if (*family != AF_INET6) {
		*family = 0;
		return NULL;
	}
	const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	if (!IN6_IS_ADDR_V4MAPPED(a))
		return a->s6_addr;
	*family = AF_INET;
	return a->s6_addr + 12;
}

bool network_parse(const char *text, struct network *out)
{
	char address[ADDRESS_SIZE], *end;
	size_t len = strcspn(text, "/");
	if (len >= sizeof address)
		return false;
	snprintf(address, sizeof address, "%.*s", (int)len, text);
	out->family = inet_pton(AF_INET, address, out->bits) == 1 ? AF_INET : inet_pton(AF_INET6, address, out->bits) == 1 ? AF_INET6 : 0;
	long most = out->family == AF_INET ? 32 : 128, prefix = text[len] ? strtol(text + len + 1, &end, 10) : most;
	if (!out->family || prefix < 0 || prefix > most || (text[len] && (!text[len + 1] || *end)))
		return false;
	out->prefix = (int)prefix;
	return true;
}

bool network_has(const struct network *networks, size_t count, const struct sockaddr *address)
{
	int family;
	const unsigned char *bits = bits_of(address, &family);
	for (size_t i = 0; bits && i < count; i++) {
		const struct network *n = &networks[i];
		int whole = n->prefix / 8, rest = n->prefix % 8;
		if (n->family == family && memcmp(bits, n->bits, (size_t)whole) == 0 && (!rest || ((bits[whole] ^ n->bits[whole]) >> (8 - rest)) == 0))
			return true;
	}
	return false;
}

bool address_parse(const char *text, size_t len, struct sockaddr_storage *out)
{
	char address[ADDRESS_SIZE];
	const char *colon = memchr(text, ':', len);
	if (len && text[0] == '[') {
		const char *close = memchr(text, ']', len);
		if (!close)
			return false;
		len = (size_t)(close - ++text);
	} else if (colon && !memchr(colon + 1, ':', len - (size_t)(colon + 1 - text))) {
		len = (size_t)(colon - text);
	}
	if (len >= sizeof address)
		return false;
	snprintf(address, sizeof address, "%.*s", (int)len, text);
	*out = (struct sockaddr_storage){.ss_family = AF_INET};
	if (inet_pton(AF_INET, address, &((struct sockaddr_in *)(void *)out)->sin_addr) == 1)
		return true;
	out->ss_family = AF_INET6;
	return inet_pton(AF_INET6, address, &((struct sockaddr_in6 *)(void *)out)->sin6_addr) == 1;
}

void address_set_port(struct sockaddr_storage *address, int port)
{
	if (address->ss_family == AF_INET)
		((struct sockaddr_in *)(void *)address)->sin_port = htons((uint16_t)port);
	else if (address->ss_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)address)->sin6_port = htons((uint16_t)port);
}

int address_port(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
	return address->sa_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port) : 0;
}

/* Each SIP message asks for one, and inet_ntop() takes its time. */
static void write_four(const unsigned char bits[4], char *at)
{
	for (int i = 0; i < 4; i++) {
		if (bits[i] >= 100)
			*at++ = (char)('0' + bits[i] / 100);
		if (bits[i] >= 10)
			*at++ = (char)('0' + bits[i] / 10 % 10);
		*at++ = (char)('0' + bits[i] % 10);
		*at++ = i < 3 ? '.' : '\0';
	}
}

const char *address_text(const struct sockaddr *address, char out[ADDRESS_SIZE])
{
	int family;
	const unsigned char *bits = bits_of(address, &family);
	if (bits && family == AF_INET)
		write_four(bits, out);
	else if (!bits || !inet_ntop(family, bits, out, ADDRESS_SIZE))
		out[0] = '\0';
	return out;
}

const char *address_group(const struct sockaddr *address, char out[ADDRESS_SIZE])
{
	int family;
	const unsigned char *bits = bits_of(address, &family);
	struct in6_addr prefix = {0};
	if (!bits || family == AF_INET)
		return address_text(address, out);
	memcpy(&prefix, bits, 8);
	if (!inet_ntop(AF_INET6, &prefix, out, ADDRESS_SIZE - 3))
		return address_text(address, out);
	return strcat(out, "/64"); /* the line before left room for it */
}

struct in6_addr address_as_six(const struct sockaddr *address)
{
	struct in6_addr six = {0};
	if (address->sa_family == AF_INET6)
		return ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	six.s6_addr[10] = six.s6_addr[11] = 0xff;
	memcpy(&six.s6_addr[12],
	       &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	return six;
}
