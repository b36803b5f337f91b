#include "sip/digest.h"
#include "base/result.h"
#include <openssl/evp.h>
#include <sodium.h>
#include <sofia-sip/msg_header.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEX_SIZE (2 * EVP_MAX_MD_SIZE + 1)

static const char *const hash_names[] = {"MD5", "SHA-256", "SHA-512-256"};
static const char *const openssl_names[] = {"MD5", "SHA2-256", "SHA2-512/256"};

/* The value of a parameter such as "realm=", without its quotes; NULL: there is none. */
static const char *parameter(su_home_t *home, const char *const *params, const char *name)
{
	const char *value = params ? msg_params_find((msg_param_t const *)params, name) : NULL;
	size_t len = value ? strlen(value) : 0;
	bool quoted = len >= 2 && value[0] == '"' && value[len - 1] == '"';
	return value ? su_strndup(home, value + quoted, (isize_t)(len - 2 * quoted)) : NULL;
}

/* algorithm NULL: MD5 */
static bool read_algorithm(const char *algorithm, enum digest_hash *hash, bool *is_session)
{
	static const char session[] = "-sess";
	size_t len = algorithm ? strlen(algorithm) : 0, end = sizeof session - 1;
	*hash = DIGEST_MD5;
	*is_session = len > end && strcasecmp(algorithm + len - end, session) == 0;
	if (!algorithm)
		return true;
	len -= *is_session ? end : 0;
	for (size_t i = 0; i < ARRAY_LEN(hash_names); i++) {
		const char *name = hash_names[i];
		if (len != strlen(name) || strncasecmp(algorithm, name, len) != 0)
			continue;
		*hash = (enum digest_hash)i;
		return true;
	}
	return false;
}

/* Is the word in the list, which commas and blanks separate? */
static bool lists(const char *list, const char *word)
{
	static const char between[] = ", \t\r\n";
	for (const char *at = list + strspn(list, between); *at; at += strspn(at, between)) {
		size_t len = strcspn(at, between);
		if (len == strlen(word) && strncasecmp(at, word, len) == 0)
			return true;
		at += len;
	}
	return false;
}

static bool read_qop(struct digest_challenge *c, const char *list)
{
	c->qop = DIGEST_QOP_NONE;
	if (list && lists(list, "auth"))
		c->qop = DIGEST_QOP_AUTH;
	else if (list && lists(list, "auth-int"))
		c->qop = DIGEST_QOP_AUTH_INT;
	return !list || c->qop != DIGEST_QOP_NONE;
}

bool digest_challenge_read(su_home_t *home, const char *const *params, struct digest_challenge *out)
{
	const char *realm = parameter(home, params, "realm=");
	const char *stale = parameter(home, params, "stale=");
	*out = (struct digest_challenge){
		.realm = realm ? realm : "",
		.nonce = parameter(home, params, "nonce="),
		.opaque = parameter(home, params, "opaque="),
		.algorithm = parameter(home, params, "algorithm="),
		.stale = stale && strcasecmp(stale, "true") == 0,
	};
	const char *qop = parameter(home, params, "qop=");
	if (out->algorithm && !*out->algorithm) /* named without a value: as if not named */
		out->algorithm = NULL;
	if (qop && !*qop)
		qop = NULL;
	return out->nonce && read_algorithm(out->algorithm, &out->hash, &out->session) &&
	       read_qop(out, qop);
}

/* ---- credentials ---- */

static bool hash(enum digest_hash kind, const char *text, char out[HEX_SIZE])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	size_t n = 0;
	if (!text || !EVP_Q_digest(NULL, openssl_names[kind], NULL, text, strlen(text), bytes, &n))
		return false;
	return sodium_bin2hex(out, HEX_SIZE, bytes, n) != NULL;
}

/* H(A1) of RFC 7616 section 3.4.2. */
static bool hash_secret(su_home_t *home, const struct digest_challenge *c,
			const struct digest_request *r, char out[HEX_SIZE])
{
	if (!hash(c->hash, su_sprintf(home, "%s:%s:%s", r->username, c->realm, r->password), out))
		return false;
	const char *a1 = c->session ? su_sprintf(home, "%s:%s:%s", out, c->nonce, r->cnonce) : NULL;
	return !c->session || hash(c->hash, a1, out);
}

/* H(A2) of RFC 7616 section 3.4.3. */
static bool hash_request(su_home_t *home, const struct digest_challenge *c,
			 const struct digest_request *r, char out[HEX_SIZE])
{
	char body[HEX_SIZE];
	if (c->qop != DIGEST_QOP_AUTH_INT)
		return hash(c->hash, su_sprintf(home, "%s:%s", r->method, r->uri), out);
	return hash(c->hash, r->body ? r->body : "", body) &&
	       hash(c->hash, su_sprintf(home, "%s:%s:%s", r->method, r->uri, body), out);
}

/* What goes within quotes. */
static const char *quoted(su_home_t *home, const char *text)
{
	char *out = su_alloc(home, (isize_t)(2 * strlen(text) + 1)), *to = out;
	for (; out && *text; text++) {
		if (*text == '"' || *text == '\\')
			*to++ = '\\';
		*to++ = *text;
	}
	if (out)
		*to = '\0';
	return out;
}

static char *write_credentials(su_home_t *home, const struct digest_challenge *c,
			       const struct digest_request *r)
{
	static const char *const qops[] = {"", "auth", "auth-int"};
	char secret[HEX_SIZE], request[HEX_SIZE], response[HEX_SIZE];
	const char *protection = "", *middle = c->nonce, *user = quoted(home, r->username);
	if (!user || !hash_secret(home, c, r, secret) || !hash_request(home, c, r, request))
		return NULL;
	if (c->qop != DIGEST_QOP_NONE) {
		const char *qop = qops[c->qop];
		middle = su_sprintf(home, "%s:%08x:%s:%s", c->nonce, r->count, r->cnonce, qop);
		protection = su_sprintf(home, ", qop=%s, nc=%08x, cnonce=\"%s\"", qop, r->count,
					r->cnonce);
	} else if (c->session) {
		protection = su_sprintf(home, ", cnonce=\"%s\"", r->cnonce);
	}
	if (!middle || !protection ||
	    !hash(c->hash, su_sprintf(home, "%s:%s:%s", secret, middle, request), response))
		return NULL;
	const char *algorithm = c->algorithm ? su_sprintf(home, ", algorithm=%s", c->algorithm) : "";
	const char *opaque = c->opaque ? su_sprintf(home, ", opaque=\"%s\"", c->opaque) : "";
	if (!algorithm || !opaque)
		return NULL;
	return su_sprintf(home,
			  "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", "
			  "response=\"%s\"%s%s%s",
			  user, c->realm, c->nonce, r->uri, response, algorithm, opaque, protection);
}

char *digest_credentials(su_home_t *home, const struct digest_challenge *challenge,
			 const struct digest_request *request)
{
	su_home_t work[1] = {SU_HOME_INIT(work)};
	su_home_init(work);
	char *text = write_credentials(work, challenge, request);
	char *out = text ? su_strdup(home, text) : NULL;
	su_home_deinit(work);
	return out;
}

/* ---- as a server ---- */

/* A quoted-string's content: each escaped character is itself (RFC 3261 section 25.1). */
static const char *unescaped(su_home_t *home, const char *text)
{
	char *out = text ? su_strdup(home, text) : NULL, *to = out;
	for (const char *from = out; from && *from; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	if (out)
		*to = '\0';
	return out;
}

/* Eight hexadecimal digits; false: something else. */
static bool read_count(const char *nc, unsigned *count)
{
	if (!nc || strlen(nc) != 8 || strspn(nc, "0123456789abcdefABCDEF") != 8)
		return false;
	*count = (unsigned)strtoul(nc, NULL, 16);
	return true;
}

bool digest_response_read(su_home_t *home, const char *const *params, struct digest_response *out)
{
	const char *algorithm = parameter(home, params, "algorithm=");
	*out = (struct digest_response){
		.username = unescaped(home, parameter(home, params, "username=")),
		.realm = parameter(home, params, "realm="),
		.nonce = parameter(home, params, "nonce="),
		.uri = parameter(home, params, "uri="),
		.response = parameter(home, params, "response="),
		.cnonce = parameter(home, params, "cnonce="),
		.nc = parameter(home, params, "nc="),
		.qop = parameter(home, params, "qop="),
		.count = 1,
	};
	if (!out->username || !out->realm || !out->nonce || !out->uri || !out->response)
		return false;
	if (!read_algorithm(algorithm, &out->hash, &out->session))
		return false;
	if (out->session && !out->cnonce)
		return false;
	if (!out->qop)
		return true;
	return strcasecmp(out->qop, "auth") == 0 && out->cnonce && read_count(out->nc, &out->count);
}

static bool expect(su_home_t *home, const struct digest_response *r, const char *method,
		   const char *password, char out[HEX_SIZE])
{
	char request[HEX_SIZE], secret[HEX_SIZE];
	const struct digest_challenge c = {
		.realm = r->realm, .nonce = r->nonce, .hash = r->hash, .session = r->session};
	const struct digest_request q = {
		.username = r->username, .password = password, .method = method, .uri = r->uri,
		.cnonce = r->cnonce};
	const char *middle = r->nonce;
	if (r->qop)
		middle = su_sprintf(home, "%s:%s:%s:%s", r->nonce, r->nc, r->cnonce, r->qop);
	return middle && hash_secret(home, &c, &q, secret) && hash_request(home, &c, &q, request) &&
	       hash(r->hash, su_sprintf(home, "%s:%s:%s", secret, middle, request), out);
}

bool digest_response_fits(const struct digest_response *r, const char *method, const char *password)
{
	char expected[HEX_SIZE];
	su_home_t work[1] = {SU_HOME_INIT(work)};
	su_home_init(work);
	bool known = expect(work, r, method, password, expected);
	su_home_deinit(work);
	return known && strcasecmp(expected, r->response) == 0;
}
