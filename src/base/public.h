/* base/public.h: which addresses requests may go to (no private, loopback, link-local …). Pure. */
#ifndef BASE_PUBLIC_H
#define BASE_PUBLIC_H

#include <stdbool.h>
#include <sys/socket.h>

#define ADDRESS_IS_PRIVATE "the address is private; the operator must allow it" /* why not */

/* Is this a public unicast address? IPv4 inside IPv6 is judged as IPv4. (RFC 6890) */
bool address_is_public(const struct sockaddr *address);

/* Is its port none of mail, files, names and other protocols that a request could be taken for? (WHATWG Fetch, port blocking) */
bool address_port_is_allowed(const struct sockaddr *address);

#endif
