/* sip/lines.h: the m= lines of a far side's offer beside the one that is used. Pure. */
#ifndef SIP_LINES_H
#define SIP_LINES_H

#include <sofia-sip/su_alloc.h>
#include <stddef.h>

#define SDP_LINES_MAX 32 /* an offer with more is refused */

struct sdp_lines;

/*
 * The lines of an offer with more than one. NULL: there is one line or none, none that can be used
 * (sdp_audio_parse() says so, too), or no memory. Lives as long as home.
 */
const struct sdp_lines *sdp_lines_read(su_home_t *home, const char *offer);

/*
 * Our SDP, which has one m= line, with as many as those in their order: ours where the audio
 * or the fax was, the others refused with port 0 (RFC 3264 section 6). Offers that come later in
 * the dialog have them, too (section 8). NULL without memory.
 */
const char *sdp_lines_apply(su_home_t *home, const struct sdp_lines *lines, const char *own);

#endif
