/* sip/carrier.h: what carriers say of a call beside its numbers. Pure. */
#ifndef SIP_CARRIER_H
#define SIP_CARRIER_H

#include "sip/sip.h"
#include <sofia-sip/sip.h>

/* Texts live as long as home. */
void sip_carrier_read(su_home_t *home, const sip_t *sip, struct sip_carrier *out);

/*
 * The user part of Remote-Party-ID's calling party, "" without (draft-ietf-sip-privacy-04).
 * *withheld: it is not to be shown.
 */
const char *sip_remote_party(su_home_t *home, const sip_t *sip, bool *withheld);

/* The user part of P-Asserted-Identity's first URI that has one, "" without (RFC 3325). */
const char *sip_asserted_identity(su_home_t *home, const sip_t *sip);

#endif
