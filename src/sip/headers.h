/* sip/headers.h: header fields that the SIP stack knows nothing of. Pure. */
#ifndef SIP_HEADERS_H
#define SIP_HEADERS_H

#include <sofia-sip/sip.h>

/*
 * The fields of a list, those of one name joined with commas in their order (RFC 3261
 * section 7.3.1).
 *
 * Returns name, value, name, value …, in memory of home, and their count in *count; NULL when there
 * are none, or without memory. A name is written as its first field has it.
 */
const char *const *sip_headers_joined(su_home_t *home, const sip_unknown_t *list, size_t *count);

/*
 * The user part of a SIP URI without parameters of a telephone number, such as ";npdi;rn=…" or
 * ";verstat=…" (RFC 3261 section 19.1.6, RFC 4694); of a tel URI the number (RFC 3966). A local
 * number whose phone-context is a global prefix has that prefix in front of it.
 * "" where there is none, and without memory.
 */
const char *sip_user_of(su_home_t *home, const url_t *url);

#endif
