/* rtp_address.h: which of this machine's addresses audio is sent from. */
#ifndef RTP_ADDRESS_H
#define RTP_ADDRESS_H

#include "base/result.h"
#include <netinet/in.h>

/*
 * given: what --rtp-address says, or NULL: then the address of `listener`, such as "udp:[::1]:5060".
 * For 0.0.0.0 and :: the first address of this machine, of that family, that is not loopback;
 * loopback where there is none. false: it is no address, or none of this machine's.
 */
bool rtp_address_choose(const char *given, const char *listener, char out[INET6_ADDRSTRLEN],
			struct error *err) WARN_UNUSED;
/*
 * May SDP name `advertised` (--rtp-advertised-address) where audio is sent from `address`? Of the
 * same family, as one-to-one NAT has it, and not 0.0.0.0, which means hold. NULL: yes.
 */
bool rtp_advertised_check(const char *advertised, const char *address,
			  struct error *err) WARN_UNUSED;

#endif
