/*
 * sip/pcap.h: messages as a capture file that Wireshark, sngrep and tcpdump read: libpcap's format with
 * microseconds, link type RAW (draft-ietf-opsawg-pcap). Each message is one UDP datagram, whatever it came
 * by, because the packets themselves are not kept. Pure.
 */
#ifndef SIP_PCAP_H
#define SIP_PCAP_H

#include "base/buf.h"

void pcap_begin(struct buf *b);
/* from, to: "192.0.2.1:5060" or "[2001:db8::1]:5060", both of one family. Text beyond what a datagram holds is cut.
 * false: the addresses cannot be read, and nothing was written. */
bool pcap_add(struct buf *b, int64_t at_ms, const char *from, const char *to, const char *text, size_t len);

#endif
