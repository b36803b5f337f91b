/* rtp_address.h: which of this machine's addresses audio is sent from. */
#ifndef RTP_ADDRESS_H
#define RTP_ADDRESS_H

#include "base/result.h"
#include "media/media.h"

/*
 * given       what --rtp-address says, addresses with commas between; NULL: those of the listeners.
 *             For 0.0.0.0 and :: the first address of this machine, of that family, that is not
 *             loopback; loopback where there is none.
 * advertised  what --rtp-advertised-address says, or NULL: for the addresses of its family whose
 *             listener names no outside address
 * listeners   of --sip, such as "udp:[::1]:5060" or "udp:10.0.0.5:5060=203.0.113.7"; NULL at the end
 *
 * false: one is no address, none of this machine's, or its outside address cannot be.
 */
bool rtp_addresses_read(const char *given, const char *advertised, const char *const *listeners,
			struct media_config *out, struct error *err) WARN_UNUSED;

#endif
