/* sip/body.h: the SDP of a message's body, alone or as one of several parts (RFC 2046 §5.1, RFC 5621). Pure. */
#ifndef SIP_BODY_H
#define SIP_BODY_H

#include <stddef.h>

/*
 * type: the Content-Type's value, such as `multipart/mixed;boundary="a b"`. Points into the body; NULL: there is none.
 * Of parts only the first 16 are looked at, and parts within parts are not.
 */
const char *sip_body_sdp(const char *type, const char *body, size_t len, size_t *sdp_len);

#endif
