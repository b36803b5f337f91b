/* sip/keepalive.h: line ends that come before a message. Pure. */
#ifndef SIP_KEEPALIVE_H
#define SIP_KEEPALIVE_H

#include <stddef.h>

/*
 * On TCP and TLS line ends keep a connection open (RFC 5626 section 3.5.1), and a receiver skips
 * them before a start line (RFC 3261 section 7.5). sofia's parser refuses a message that begins so
 * while it keeps the text of headers, as src/sip/wire.c makes it do. Here the line ends become
 * blanks behind the first word of the start line, which the parser skips.
 *
 * text: the beginning of a message, len bytes, changed in place. Nothing is done until all of its
 * start line is there.
 */
void sip_move_line_ends(char *text, size_t len);

#endif
