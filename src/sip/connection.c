/*
 * Connections to others: is the certificate that of the server that was called, and why does a
 * connection not come about? sofia calls tls_connect(), tport_subject_search() and
 * tport_error_report() by their dynamic symbols. The functions here take the place of the
 * library's (docs/decisions/0017).
 */
#include "sip/agent.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/network.h"
#include "base/public.h"
#include "sip/identity.h"
#include <dlfcn.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <sofia-sip/su_strlst.h>
#include <sofia-sip/tport.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PROBLEMS_MAX 64
#define PROBLEM_SIZE 640
#define NAME_MAX_BYTES 500 /* of what a certificate names; a longer one fits no host */

struct problem {
	char host[SIP_HOST_SIZE], port[8]; /* as the URI that was called has them */
	char reason[PROBLEM_SIZE];
	int64_t at_us; /* monotonic; 0: unused */
};

struct sip_connections {
	bool verifies; /* certificates of others */
	struct problem problems[PROBLEMS_MAX];
};

static _Thread_local struct sip_connections *here; /* a thread has one agent at most */

/* The call of tls_connect() that goes on, if any. */
static _Thread_local struct {
	tport_t *tport;
	const SSL *done; /* the handshake is over, and the certificate's names are not read yet */
	bool told;       /* the requests that wait for this connection have failed */
	char reason[PROBLEM_SIZE];
} handshake;

/* The last alert after a handshake: with TLS 1.3 a server refuses a client only then. */
static _Thread_local struct {
	int code; /* 0: none */
	int fd;
} alert;

static void say(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Why the handshake fails. The first reason counts: others follow from it. */
static void say(const char *fmt, ...)
{
	va_list ap;
	if (*handshake.reason)
		return;
	va_start(ap, fmt);
	vsnprintf(handshake.reason, sizeof handshake.reason, fmt, ap);
	va_end(ap);
}

/* ---- the chain ---- */

static const char *date_text(const ASN1_TIME *time, char out[32])
{
	struct tm tm;
	if (ASN1_TIME_to_tm(time, &tm) != 1 || !strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm))
		snprintf(out, 32, "an unknown date");
	return out;
}

static const char *issuer_text(const X509 *certificate, char out[256])
{
	char name[200] = "";
	X509_NAME *issuer = X509_get_issuer_name(certificate);
	struct buf b = {.data = out, .cap = 256, .limit = 255};
	if (X509_NAME_get_text_by_NID(issuer, NID_commonName, name, sizeof name) <= 0 &&
	    X509_NAME_get_text_by_NID(issuer, NID_organizationName, name, sizeof name) <= 0)
		snprintf(name, sizeof name, "somebody without a name");
	sip_printable(&b, name);
	return out;
}

static void say_chain_problem(X509_STORE_CTX *store)
{
	char text[256], date[32];
	int error = X509_STORE_CTX_get_error(store);
	const X509 *certificate = X509_STORE_CTX_get_current_cert(store);
	bool own = X509_STORE_CTX_get_error_depth(store) == 0;
	const char *whose = own ? "the certificate" : "a CA certificate in its chain";
	switch (certificate ? error : X509_V_ERR_UNSPECIFIED) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		say("%s expired on %s", whose, date_text(X509_get0_notAfter(certificate), date));
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		say("%s is not valid before %s", whose,
		    date_text(X509_get0_notBefore(certificate), date));
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		say("the certificate is self-signed, and this server does not trust it (--sip-ca)");
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		say("the certificate is signed by %s, a CA that this server does not trust "
		    "(--sip-ca)", issuer_text(certificate, text));
		break;
	case X509_V_ERR_INVALID_PURPOSE:
		say("%s is not one for TLS servers (extended key usage)", whose);
		break;
	default:
		say("the certificate cannot be verified: %s", X509_verify_cert_error_string(error));
	}
}

static int on_verify(int ok, X509_STORE_CTX *store)
{
	if (!ok)
		say_chain_problem(store);
	return ok;
}

/* ---- the names ---- */

static bool add_name(su_strlst_t *names, const char *kind, const void *text, int len)
{
	char name[NAME_MAX_BYTES + 8];
	if (len <= 0 || len > NAME_MAX_BYTES || memchr(text, '\0', (size_t)len))
		return true; /* it fits no host */
	snprintf(name, sizeof name, "%s%.*s", kind, len, (const char *)text);
	return su_strlst_dup_append(names, name) != NULL;
}

static bool add_string(su_strlst_t *names, const char *kind, const ASN1_STRING *s)
{
	return add_name(names, kind, ASN1_STRING_get0_data(s), ASN1_STRING_length(s));
}

static bool add_address(su_strlst_t *names, const ASN1_STRING *s)
{
	char text[INET6_ADDRSTRLEN];
	int len = ASN1_STRING_length(s);
	if (len != 4 && len != 16)
		return true;
	inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(s), text, sizeof text);
	return add_name(names, IDENTITY_IP, text, (int)strlen(text));
}

static bool add_alternative(su_strlst_t *names, const GENERAL_NAME *name)
{
	int type;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(name, &type);
	switch (type) {
	case GEN_DNS:
		return add_string(names, IDENTITY_DNS, s);
	case GEN_URI:
		return add_string(names, IDENTITY_URI, s);
	case GEN_IPADD:
		return add_address(names, s);
	default:
		return true;
	}
}

/* The last common name is the most specific one (RFC 6125 section 2.3.1). */
static bool add_common_name(su_strlst_t *names, const X509 *certificate)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	unsigned char *text = NULL;
	int at = -1;
	for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;)
		at = i;
	if (at < 0)
		return true;
	const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, at);
	int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
	bool ok = add_name(names, IDENTITY_CN, text, len);
	OPENSSL_free(text);
	return ok;
}

/*
 * sofia's list has texts without their kinds, and no addresses: it becomes one of names as
 * sip/identity.h has them. The connection keeps it, to be asked again for further hosts.
 */
static bool read_names(const SSL *ssl, su_strlst_t *names)
{
	int found;
	X509 *certificate = SSL_get1_peer_certificate(ssl);
	if (!certificate)
		return false;
	while (su_strlst_len(names))
		su_strlst_remove(names, 0);
	GENERAL_NAMES *list = X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, NULL);
	bool ok = list || found != -1 || add_common_name(names, certificate);
	for (int i = 0; ok && i < sk_GENERAL_NAME_num(list); i++)
		ok = add_alternative(names, sk_GENERAL_NAME_value(list, i));
	GENERAL_NAMES_free(list);
	X509_free(certificate);
	return ok;
}

int tport_subject_search(char const *subject, su_strlst_t const *subjects)
{
	const SSL *ssl = handshake.done;
	handshake.done = NULL;
	if (!subject || strcmp(subject, "*") == 0)
		return 1;
	su_strlst_t *names = (su_strlst_t *)(uintptr_t)subjects;
	bool known = names && (!ssl || read_names(ssl, names));
	char const **array = known ? su_strlst_get_array(names) : NULL;
	size_t count = array ? su_strlst_len(names) : 0;
	bool fits = array && sip_identity_fits(array, count, subject);
	if (ssl && known && !fits) {
		char text[IDENTITY_PROBLEM_SIZE];
		say("%s", sip_identity_problem(array, count, subject, text));
	}
	if (array)
		su_strlst_free_array(names, array);
	return fits;
}

/* ---- the handshake ---- */

static bool is_address(const char *host)
{
	struct sockaddr_storage address;
	return address_parse(host, strlen(host), &address);
}

/* RFC 6066 section 3: a server of several names chooses its certificate by this one. */
static void name_server(SSL *ssl, const char *host)
{
	char name[SIP_HOST_SIZE];
	size_t n = strlen(host);
	n -= n && host[n - 1] == '.';
	if (!n || n >= sizeof name || is_address(host))
		return;
	memcpy(name, host, n);
	name[n] = '\0';
	SSL_set_tlsext_host_name(ssl, name);
}

static void begin(SSL *ssl)
{
	if (SSL_is_server(ssl))
		return;
	if (here && here->verifies)
		SSL_set_verify(ssl, SSL_VERIFY_PEER, on_verify);
	name_server(ssl, tport_name(handshake.tport)->tpn_canon);
}

static const char *alert_text(int code, char out[200])
{
	const char *what = SSL_alert_desc_string_long(code);
	switch (code) {
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNKNOWN_CA:
		snprintf(out, 200, "the other side refuses this server's certificate: %s", what);
		break;
	case SSL_AD_CERTIFICATE_REQUIRED:
		snprintf(out, 200, "the other side requires a certificate of this server");
		break;
	default:
		snprintf(out, 200, "the other side refuses the TLS handshake: %s", what);
	}
	return out;
}

static void take_alert(const SSL *ssl, int level, int code)
{
	char text[200];
	if (level != SSL3_AL_FATAL)
		return;
	if (handshake.tport)
		say("%s", alert_text(code, text));
	alert.code = code;
	alert.fd = SSL_get_fd(ssl);
}

static void take_error(void)
{
	unsigned long error = ERR_peek_error();
	const char *text = error ? ERR_reason_error_string(error) : NULL;
	switch (ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
		say("the other side does not speak TLS on this port");
		break;
	case SSL_R_UNSUPPORTED_PROTOCOL:
		say("the other side speaks neither TLS 1.2 nor TLS 1.3");
		break;
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		break; /* as where nothing is known */
	default:
		if (text)
			say("the TLS handshake failed: %s", text);
	}
}

static void on_info(const SSL *ssl, int where, int value)
{
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		take_alert(ssl, value >> 8, value & 0xff);
	if (!handshake.tport)
		return;
	if (where == SSL_CB_HANDSHAKE_START)
		begin((SSL *)(uintptr_t)ssl); /* nothing is sent yet */
	else if (where == SSL_CB_HANDSHAKE_DONE && !SSL_is_server(ssl) && here && here->verifies)
		handshake.done = ssl;
	else if (where == SSL_CB_CONNECT_EXIT && value <= 0)
		take_error();
}

void sip_connection_watch(struct ssl_ctx_st *context)
{
	SSL_CTX_set_info_callback(context, on_info);
}

/* ---- what the library's own do ---- */

typedef tport_t *by_name_f(tport_t const *any, tp_name_t const *name);
typedef int connect_f(su_root_magic_t *magic, su_wait_t *wait, tport_t *tport);
typedef void report_f(tport_t *tport, int error, su_sockaddr_t const *address);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static by_name_f *library_by_name;
static connect_f *library_connect;
static report_f *library_report;

static void find_library(void)
{
	library_by_name = (by_name_f *)(uintptr_t)dlsym(RTLD_NEXT, "tport_by_name");
	library_connect = (connect_f *)(uintptr_t)dlsym(RTLD_NEXT, "tls_connect");
	library_report = (report_f *)(uintptr_t)dlsym(RTLD_NEXT, "tport_error_report");
}

/* Their declarations are in headers that sofia keeps to itself. */
connect_f tls_connect;
report_f tport_error_report;

/*
 * The library finds a connection by its address alone, also one to a host of another name. With a
 * primary transport in its place tport_tsend() looks for a connection whose certificate has the
 * name, and makes one where there is none.
 */
tport_t *tport_by_name(tport_t const *any, tp_name_t const *name)
{
	if (sip_guard_stops(name->tpn_canon, name->tpn_host)) {
		sip_connection_refused(name->tpn_canon, name->tpn_port, ADDRESS_IS_PRIVATE);
		return NULL;
	}
	tport_t *found = library_by_name(any, name);
	bool other = found && tport_is_secondary(found) && tport_has_tls(found) &&
		     strcasecmp(tport_name(found)->tpn_canon, name->tpn_canon) != 0;
	return other ? tport_primary_by_name(any, name) : found;
}

int tls_connect(su_root_magic_t *magic, su_wait_t *wait, tport_t *tport)
{
	ERR_clear_error();
	memset(&handshake, 0, sizeof handshake);
	handshake.tport = tport;
	int result = library_connect(magic, wait, tport);
	memset(&handshake, 0, sizeof handshake);
	return result;
}

/* ---- why there is no connection ---- */

static bool is_alerted(const tport_t *tport)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;
	char text[ADDRESS_SIZE];
	const tp_name_t *name = tport_name(tport);
	if (!alert.code || getpeername(alert.fd, (struct sockaddr *)&peer, &len) != 0)
		return false;
	const char *host = name->tpn_host + (*name->tpn_host == '[');
	address_text((const struct sockaddr *)&peer, text);
	return strncmp(host, text, strlen(text)) == 0 &&
	       atoi(name->tpn_port) == address_port((const struct sockaddr *)&peer);
}

static const char *error_text(const tport_t *tport, int error, char out[200])
{
	static const struct { int error; const char *text; } texts[] = {
		{ECONNREFUSED, "the connection was refused"},
		{ECONNRESET, "the other side ended the connection"},
		{ETIMEDOUT, "the connection timed out"},
		{EHOSTUNREACH, "there is no route to the address"},
		{ENETUNREACH, "there is no route to the address"},
		{EPROTO, "the other side ended the connection during the TLS handshake"},
	};
	bool alerted = error == EIO && is_alerted(tport);
	int code = alert.code;
	alert.code = 0;
	if (alerted)
		return alert_text(code, out);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i].error == error)
			return texts[i].text;
	snprintf(out, 200, "the connection failed: %s", strerror(error));
	return out;
}

/* Where the reason is kept: that of the same host, else the oldest. */
static struct problem *place_of(const char *host, const char *port)
{
	struct problem *oldest = here->problems;
	for (size_t i = 0; i < PROBLEMS_MAX; i++) {
		struct problem *p = &here->problems[i];
		if (strcasecmp(p->host, host) == 0 && strcmp(p->port, port) == 0)
			return p;
		if (p->at_us < oldest->at_us)
			oldest = p;
	}
	return oldest;
}

void sip_connection_refused(const char *host, const char *port, const char *reason)
{
	struct problem *p = here ? place_of(host, port ? port : "") : NULL;
	if (!p)
		return;
	p->at_us = clock_monotonic_us();
	snprintf(p->host, sizeof p->host, "%s", host);
	snprintf(p->port, sizeof p->port, "%s", port ? port : "");
	snprintf(p->reason, sizeof p->reason, "%s", reason);
}

static void keep(const tp_name_t *name, const char *reason)
{
	sip_connection_refused(name->tpn_canon, name->tpn_port, reason);
}

/*
 * A connection that sofia closes fails its requests with -1, and nta then goes on waiting for
 * their answers. Where a handshake failed none can come.
 */
void tport_error_report(tport_t *tport, int error, su_sockaddr_t const *address)
{
	char text[200];
	if (error == EAGAIN && tport && !tport_is_secondary(tport))
		return; /* accept() of visitor.c has refused all connections that waited */
	bool shakes = handshake.tport && handshake.tport == tport;
	bool first = !shakes || !handshake.told;
	if (shakes && first && error < 0)
		error = EPROTO;
	if (tport && first && error > 0 && tport_is_secondary(tport)) {
		bool said = shakes && *handshake.reason;
		keep(tport_name(tport), said ? handshake.reason : error_text(tport, error, text));
	}
	handshake.told = handshake.told || shakes;
	library_report(tport, error, address);
}

static bool is_by_tls(const url_t *url)
{
	char transport[8] = "";
	url_param(url->url_params, "transport", transport, sizeof transport);
	return url->url_type == url_sips || strcasecmp(transport, "tls") == 0;
}

const char *sip_connection_problem(const struct sip_agent *a, const url_t *url, int64_t since_us)
{
	const struct problem *found = NULL;
	for (size_t i = 0; url && url->url_host && a->connections && i < PROBLEMS_MAX; i++) {
		const struct problem *p = &a->connections->problems[i];
		bool same = strcasecmp(p->host, url->url_host) == 0 &&
			    (!url->url_port || strcmp(p->port, url->url_port) == 0);
		if (same && p->at_us >= since_us && (!found || p->at_us > found->at_us))
			found = p;
	}
	if (!found && url && is_by_tls(url) && !a->tls.count)
		return "this server has no TLS listener (--sip tls:...)";
	return found ? found->reason : NULL;
}

bool sip_connections_open(struct sip_agent *a)
{
	pthread_once(&once, find_library);
	a->connections = here = calloc(1, sizeof *here);
	if (!here || !library_by_name || !library_connect || !library_report)
		return false;
	here->verifies = !a->config.ca || strcmp(a->config.ca, SIP_CA_NONE) != 0;
	return true;
}

void sip_connections_close(struct sip_agent *a)
{
	if (here == a->connections)
		here = NULL;
	free(a->connections);
	a->connections = NULL;
}
