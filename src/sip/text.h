/*
 * sip/text.h: a SIP message as the text that it is on the wire, without parsing all of it.
 * Pure; anything may be in the text.
 */
#ifndef SIP_TEXT_H
#define SIP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The value of the first such header, without the space around it; NULL when there is none. compact: its
 * one-letter form (RFC 3261 §7.3.3), or '\0'. Borrowed from the text; *n is its length. */
const char *sip_text_header(const char *text, size_t len, const char *name, char compact, size_t *n);

/*
 * Write 'x' over what is nobody's to read: the response of digests (RFC 3261 §22.4), keys that INFO
 * carries, keys that an SDP has for its media, and the values of headers that `hides` names (NULL: none). The length stays what it is.
 */
void sip_text_hide(char *text, size_t len, bool (*hides)(void *arg, const char *name, size_t len), void *arg);

#endif
