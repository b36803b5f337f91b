/*
 * The certificate of TLS listeners. sofia makes the SSL contexts and gives them to nobody; OpenSSL tells of each that
 * is made (SSL_CTX_get_ex_new_index(3)), so those of our listeners are known, and what is set here, at the
 * start and whenever the files have changed, goes for the connections that begin from then on.
 */
#include "sip/agent.h"
#include "base/log.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <time.h>

#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20" /* of TLS 1.2; those of 1.3 are all good */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local struct sip_tls *listening; /* whose listener is being made */

static void on_context(void *context, void *ptr, CRYPTO_EX_DATA *data, int index, long number, void *arg)
{
	(void)ptr, (void)data, (void)index, (void)number, (void)arg;
	if (listening && listening->count < SIP_TLS_LISTENERS)
		listening->contexts[listening->count++] = context;
}

static void watch_contexts(void)
{
	SSL_CTX_get_ex_new_index(0, NULL, on_context, NULL, NULL);
}

void sip_tls_begin(struct sip_agent *a)
{
	pthread_once(&once, watch_contexts);
	listening = &a->tls;
}

void sip_tls_end(void)
{
	listening = NULL;
	ERR_clear_error(); /* sofia looks for files that are not there */
}

static bool fail(struct error *err, const char *what, const char *file)
{
	unsigned long e = ERR_peek_error();
	const char *reason = ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) : ERR_reason_error_string(e);
	error_set(err, "%s %s cannot be used for TLS: %s", what, file, reason ? reason : "unknown error");
	ERR_clear_error();
	return false;
}

static bool use_files(SSL_CTX *context, const struct sip_agent_config *c, struct error *err)
{
	const char *key = c->key ? c->key : c->certificate;
	if (c->certificate && SSL_CTX_use_certificate_chain_file(context, c->certificate) != 1)
		return fail(err, "the certificate", c->certificate);
	if (c->certificate && (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(context) != 1))
		return fail(err, "the key", key);
	if (c->ca && strcmp(c->ca, SIP_CA_NONE) != 0 && SSL_CTX_load_verify_locations(context, c->ca, NULL) != 1)
		return fail(err, "the CA file", c->ca);
	return true;
}

static int64_t expires_at(const SSL_CTX *context)
{
	struct tm tm;
	const X509 *certificate = SSL_CTX_get0_certificate(context);
	return certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

bool sip_check_certificate(const struct sip_agent_config *c, struct error *err)
{
	SSL_CTX *trial = SSL_CTX_new(TLS_method());
	bool ok = trial ? use_files(trial, c, err) : error_set(err, "out of memory");
	SSL_CTX_free(trial);
	return ok;
}

bool sip_agent_load_certificate(struct sip_agent *a, struct error *err)
{
	const struct sip_agent_config *c = &a->config;
	if (!a->tls.count)
		return true;
	/* First where nothing can be spoilt: a listener has either what it had, or all of the new. */
	bool ok = sip_check_certificate(c, err);
	for (size_t i = 0; ok && i < a->tls.count; i++) {
		SSL_CTX *context = a->tls.contexts[i];
		SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
		SSL_CTX_set_cipher_list(context, CIPHERS);
		sip_connection_watch(context);
		SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
		if (!c->ca)
			SSL_CTX_set_default_verify_paths(context);
		ok = use_files(context, c, err);
	}
	if (ok)
		a->tls.expires_at = expires_at(a->tls.contexts[0]);
	return ok;
}

int64_t sip_agent_certificate_expires(const struct sip_agent *a)
{
	return a->tls.expires_at;
}
