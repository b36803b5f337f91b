/*
 * sip/digest.h: digest access authentication (RFC 7616, RFC 8760; RFC 2617 for MD5).
 * Pure, apart from memory of a su_home_t.
 */
#ifndef SIP_DIGEST_H
#define SIP_DIGEST_H

#include "base/result.h"
#include <sofia-sip/su_alloc.h>
#include <stddef.h>

enum digest_hash { DIGEST_MD5, DIGEST_SHA256, DIGEST_SHA512_256 };
enum digest_qop { DIGEST_QOP_NONE, DIGEST_QOP_AUTH, DIGEST_QOP_AUTH_INT };

struct digest_challenge {
	const char *realm, *nonce; /* without their quotes; escapes stay as they were sent */
	const char *opaque;        /* NULL: none */
	const char *algorithm;     /* as the challenge names it; NULL: not named, which means MD5 */
	enum digest_hash hash;
	bool session; /* algorithm "…-sess" */
	enum digest_qop qop;
	bool stale; /* the credentials were right, but their nonce is too old */
};

/*
 * Read the parameters of a challenge: "name=value", the value perhaps quoted, ended by NULL.
 * false: no nonce, an algorithm or a quality of protection that is not known, or out of memory.
 */
bool digest_challenge_read(su_home_t *home, const char *const *params,
			   struct digest_challenge *out) WARN_UNUSED;

struct digest_request {
	const char *username, *password;
	const char *method, *uri;
	const char *body;   /* NULL: none */
	const char *cnonce; /* random, without quotes */
	unsigned count;     /* of requests with this nonce, from 1 on */
};

/* "Digest username=…": the value of the header field, in home. NULL: out of memory. */
char *digest_credentials(su_home_t *home, const struct digest_challenge *challenge,
			 const struct digest_request *request) WARN_UNUSED;

/* What a client answers a challenge with: an Authorization or Proxy-Authorization header field. */
struct digest_response {
	const char *username;     /* without quotes and escapes */
	const char *realm, *nonce, *uri, *response; /* without quotes */
	const char *cnonce, *nc, *qop; /* as they were sent; NULL: not sent */
	enum digest_hash hash;
	bool session;   /* algorithm "…-sess" */
	unsigned count; /* nc as a number; 1 where there is no qop */
};

/*
 * Read the parameters of such a field, as of a challenge. false: one is missing, an algorithm that
 * is not known, a qop other than auth, an nc that is no number, or out of memory.
 */
bool digest_response_read(su_home_t *home, const char *const *params,
			  struct digest_response *out) WARN_UNUSED;

/* Was the response made with this password, for a request of this method? */
bool digest_response_fits(const struct digest_response *r, const char *method,
			  const char *password);

#endif
