/*
 * A challenge from the network, as sofia-sip reads the header field, and the answer to it; and the
 * same bytes as an answer to a challenge of ours.
 */
#include "fuzz.h"
#include "base/network.h"
#include "sip/digest.h"
#include "sip/nonce.h"
#include <sofia-sip/sip_header.h>
#include <sofia-sip/su.h>

static void answer(su_home_t *home, const struct digest_challenge *challenge)
{
	const struct digest_request request = {
		.username = "a\"b", .password = "p", .method = "INVITE", .uri = "sip:a@b",
		.body = "v=0", .cnonce = "c", .count = 1,
	};
	static const char begin[] = "Digest username=\"a\\\"b\", realm=\"";
	const char *text = digest_credentials(home, challenge, &request);
	if (!text || strncmp(text, begin, sizeof begin - 1) != 0)
		abort(); /* a challenge that was read can be answered */
}

/* Nobody has fetched the nonce, and nobody knows the password. */
static void check(const struct digest_response *r)
{
	static const unsigned char key[32] = "fuzz";
	struct sockaddr_storage address;
	struct nonces *nonces = nonces_create(key);
	if (!nonces || !address_parse("192.0.2.1", 9, &address))
		abort();
	if (nonce_is_fresh(nonces, r->nonce, (struct sockaddr *)&address, 1000))
		abort();
	bool taken = nonce_take(nonces, r->nonce, r->count, 1000);
	if (taken && nonce_take(nonces, r->nonce, r->count, 1000))
		abort();
	if (digest_response_fits(r, "INVITE", "not the password"))
		abort();
	nonces_destroy(nonces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct digest_challenge challenge;
	struct digest_response response;
	if (size > 8192 || su_init() != 0)
		return 0;
	su_home_init(home);
	const char *text = su_strndup(home, (const char *)data, (isize_t)size);
	const sip_www_authenticate_t *a = sip_www_authenticate_make(home, text);
	if (a && digest_challenge_read(home, (const char *const *)a->au_params, &challenge))
		answer(home, &challenge);
	if (a && digest_response_read(home, (const char *const *)a->au_params, &response))
		check(&response);
	su_home_deinit(home);
	return 0;
}
