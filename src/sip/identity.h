/*
 * sip/identity.h: is a certificate that of the server that was called? RFC 5922 section 7,
 * RFC 6125 section 6; docs/decisions/0017 says where wildcards depart from RFC 5922. Pure.
 */
#ifndef SIP_IDENTITY_H
#define SIP_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What a certificate names. The first three are of its subjectAltName; the common name counts only
 * in a certificate without any subjectAltName (RFC 5922 section 7.1).
 */
#define IDENTITY_DNS "DNS:" /* "DNS:sip.example.com", "DNS:*.example.com" */
#define IDENTITY_IP "IP:"   /* "IP:192.0.2.7", "IP:2001:db8::7" */
#define IDENTITY_URI "URI:" /* "URI:sip:example.com" */
#define IDENTITY_CN "CN:"   /* "CN:sip.example.com" */

/*
 * names  what the certificate names, each with its kind in front; others are ignored
 * host   of the SIP URI that is called: a domain name, or an address with or without brackets
 *
 * An address is named by an equal IP, or by an equal common name. A domain name is named by an
 * equal DNS name, common name, or SIP URI without a user; a first label of "*" in a DNS name or
 * common name stands for one whole label, and at least two labels follow it. Upper and lower case
 * are the same, and so are the two forms of an internationalized name; a final dot is ignored.
 */
bool sip_identity_fits(const char *const *names, size_t count, const char *host);

#define IDENTITY_PROBLEM_SIZE 512

/* Why none fits: "the certificate is for a.example and b.example, not c.example". Returns out. */
const char *sip_identity_problem(const char *const *names, size_t count, const char *host,
				 char out[IDENTITY_PROBLEM_SIZE]);

/* Text of a stranger for a log: printable ASCII, cut when it is long. */
struct buf;
void sip_printable(struct buf *b, const char *text);

#endif
