/* sip/info.h: DTMF digits in the body of an INFO request: application/dtmf-relay and
 * application/dtmf. Pure. */
#ifndef SIP_INFO_H
#define SIP_INFO_H

#include <stdbool.h>
#include <stddef.h>

#define INFO_KEYS_MAX 32 /* of one body */

/* Does such a content type carry digits? */
bool sip_info_is_dtmf(const char *type);

/*
 * Read the digits of a body: 0 to 9, * and #, A to D; or 10 to 15 for * to D, as RFC 4733 section
 * 3.2 numbers them. 16 and ! are the hook flash, which is no digit. They stand in a line of their
 * own or after "Signal="; other fields, such as Duration, have none.
 *
 * out   gets the digits in their order, in upper case, and a zero
 * Returns how many there are; those beyond INFO_KEYS_MAX are left out.
 */
size_t sip_info_keys(const char *body, size_t len, char out[INFO_KEYS_MAX + 1]);

#endif
