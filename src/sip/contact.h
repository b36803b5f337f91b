/* sip/contact.h: can a Contact be reached at the address that it names? Pure. */
#ifndef SIP_CONTACT_H
#define SIP_CONTACT_H

#include <stdbool.h>
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

#endif
