/*
 * sip/contact.h: can a Contact be reached at the address that it names, and what of a URI that
 * others wrote is kept. Pure.
 */
#ifndef SIP_CONTACT_H
#define SIP_CONTACT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* When requests within a dialog go to where the far side's messages come from. */
enum sip_nat {
	SIP_NAT_BY_ADDRESS, /* when its Contact is an address of a private network */
	SIP_NAT_ALWAYS,
	SIP_NAT_NEVER,
};

/*
 * host    of the Contact, as its URI has it
 * source  where the message with the Contact came from
 *
 * Returns whether requests go to source. A private address (RFC 1918, RFC 4193, RFC 6598) counts
 * as reachable when the message came from the same private network. A host name is left to DNS.
 */
bool sip_contact_is_hidden(enum sip_nat nat, const char *host, const struct sockaddr *source);

#define SIP_HOST_SIZE 128

/* The host of "sip:user@host:port;parameters", without the brackets of IPv6; cut where it is longer. Returns out. */
const char *sip_uri_host(const char *uri, char out[SIP_HOST_SIZE]);

/*
 * Make a URI of others (a Contact, a Refer-To, a template's result) say no more than whom to call:
 * header fields go, and parameters that send a request elsewhere than to its host or change what is
 * sent (maddr, ttl, method, comp). Other parameters stay. false: it is no URI, does not fit, or
 * there is no memory.
 */
bool sip_uri_clean(const char *uri, char *out, size_t size);

#endif
