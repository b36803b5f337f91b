/* The agent: listeners, and requests that belong to no dialog yet. */
#include "sip/agent.h"
#include "base/clock.h"
#include "sip/carrier.h"
#include "sip/headers.h"
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/tport_tag.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MESSAGE_MEMORY 3000 /* bytes that sofia has for a message and its headers in one piece, before it asks for each */
#define UDP_BUFFER (4 * 1024 * 1024) /* bytes of what waits to be read; the kernel gives net.core.rmem_max at most */

/* ---- time ---- */

/*
 * sofia's timers go by su_time(), which hands the system clock's time to this hook before it
 * returns it. Setting that clock must not fire timers, nor stop them.
 */
extern void (*sofia_time_hook)(su_time_t *tv) __asm__("_su_time");

static int64_t steady_began_us; /* the system clock less the monotonic one, when the first began */
static pthread_once_t steady_once = PTHREAD_ONCE_INIT;

static void steady_time(su_time_t *tv)
{
	int64_t us = steady_began_us + clock_monotonic_us();
	if (!tv)
		return;
	tv->tv_sec = (unsigned long)(us / 1000000) + SU_TIME_EPOCH;
	tv->tv_usec = (unsigned long)(us % 1000000);
}

static void steady_begin(void)
{
	steady_began_us = clock_now_us() - clock_monotonic_us();
	sofia_time_hook = steady_time;
}

const char *const sip_transports[3] = {"udp", "tcp", "tls"};

enum sip_transport sip_transport_of(const char *uri)
{
	if (strncasecmp(uri, "sips:", 5) == 0 || strcasestr(uri, ";transport=tls"))
		return SIP_TLS;
	return strcasestr(uri, ";transport=tcp") ? SIP_TCP : SIP_UDP;
}

enum sip_transport sip_transport_of_via(const sip_via_t *v)
{
	const char *name = v->v_protocol ? strrchr(v->v_protocol, '/') : NULL;
	for (size_t i = 0; name && i < ARRAY_LEN(sip_transports); i++)
		if (strcasecmp(name + 1, sip_transports[i]) == 0)
			return (enum sip_transport)i;
	return SIP_UDP;
}

const struct sockaddr *sip_source(const struct sip_agent *agent, msg_t *msg, sip_t const *sip, struct sockaddr_storage *room)
{
	const struct sockaddr *source = (const struct sockaddr *)msg_addr(msg);
	for (const sip_via_t *v = sip->sip_via ? sip->sip_via->v_next : NULL; v && network_has(agent->config.proxies, agent->config.proxy_count, source); v = v->v_next) {
		const char *host = v->v_received ? v->v_received : v->v_host, *port = v->v_rport && *v->v_rport ? v->v_rport : v->v_port;
		if (!host || !address_parse(host, strlen(host), room))
			break;
		address_set_port(room, port ? atoi(port) : 5060);
		source = (const struct sockaddr *)room;
	}
	return source;
}

bool sip_is_proxied(const struct sip_agent *agent, msg_t *msg)
{
	return network_has(agent->config.proxies, agent->config.proxy_count,
			   (const struct sockaddr *)msg_addr(msg));
}

static bool is_withheld(const sip_t *sip)
{
	for (size_t i = 0; sip->sip_privacy && sip->sip_privacy->priv_values && sip->sip_privacy->priv_values[i]; i++)
		if (strcasecmp(sip->sip_privacy->priv_values[i], "id") == 0 || strcasecmp(sip->sip_privacy->priv_values[i], "user") == 0)
			return true;
	return false;
}

static void tell_incoming(struct sip_leg *leg, const char *sdp, bool asks)
{
	struct sip_agent *agent = leg->agent;
	size_t header_count = 0;
	struct sockaddr_storage room;
	msg_t *msg = nta_incoming_getrequest(leg->invite_in);
	const sip_t *sip = sip_object(msg);
	su_home_t *home = leg->home;
	const char *const *headers = sip_headers_joined(home, sip->sip_unknown, &header_count);
	struct sip_incoming in = {
		.leg = leg,
		.from_user = sip_user_of(home, sip->sip_from->a_url),
		.to_user = sip_user_of(home, sip->sip_to->a_url),
		.request_user = sip_user_of(home, sip->sip_request->rq_url),
		.asserted_user = sip_asserted_identity(home, sip),
		.withheld = is_withheld(sip),
		.sdp = sdp,
		.source = sip_source(agent, msg, sip, &room),
		.local = leg->listener->host,
		.transport = leg->listener->transport,
		.sip_call_id = sip->sip_call_id->i_id,
		.max_forwards = sip->sip_max_forwards ? (unsigned)sip->sip_max_forwards->mf_count : SIP_MAX_FORWARDS,
		.asks = asks,
		.headers = headers,
		.header_count = header_count,
	};
	in.party_user = sip_remote_party(home, sip, &in.party_withheld);
	sip_carrier_read(home, sip, &in.carrier);
	agent->config.incoming(agent->config.arg, &in);
	msg_destroy(msg);
}

static void tell_passed(struct sip_leg *leg, int status, const char *sdp, bool ok)
{
	(void)status;
	if (ok && leg->state == LEG_INCOMING)
		tell_incoming(leg, sdp, false);
	else
		sip_leg_release(leg, 503, NULL);
}

static void new_call(struct sip_agent *agent, nta_incoming_t *irq, sip_t const *sip)
{
	struct sip_leg *leg = sip_leg_new(agent);
	const sip_unsupported_t *unsupported = leg ? sip_has_unsupported(leg->home, agent->features, sip->sip_require) : NULL;
	const char *sdp = leg ? sip_leg_sdp(leg, sip) : "";
	if (!leg) {
		nta_incoming_treply(irq, SIP_503_SERVICE_UNAVAILABLE, SIPTAG_RETRY_AFTER_STR("5"), TAG_END());
		nta_incoming_destroy(irq);
		return;
	}
	leg->state = LEG_INCOMING;
	leg->invite_in = irq;
	leg->listener = sip_listener_of(agent, irq);
	leg->needs_reliable = sip_has_feature(sip->sip_require, "100rel");
	leg->takes_reliable = leg->needs_reliable || sip_has_feature(sip->sip_supported, "100rel");
	if (unsupported) {
		nta_incoming_treply(irq, SIP_420_BAD_EXTENSION, SIPTAG_UNSUPPORTED(unsupported), TAG_END()); /* RFC 3261 §8.2.2.3 */
		sip_leg_release(leg, 420, NULL);
		return;
	}
	if (!sip_body_is_usable(sip, sdp)) {
		nta_incoming_treply(irq, SIP_415_UNSUPPORTED_MEDIA, SIPTAG_ACCEPT_STR("application/sdp, multipart/mixed"), SIPTAG_ACCEPT_ENCODING_STR("identity"), TAG_END()); /* RFC 3261 §8.2.3 */
		sip_leg_release(leg, 415, NULL);
		return;
	}
	if (!sip_session_take(leg, sip)) {
		nta_incoming_treply(irq, SIP_422_SESSION_TIMER_TOO_SMALL, SIPTAG_MIN_SE_STR(su_sprintf(leg->home, "%u", agent->config.min_session_seconds)), TAG_END());
		sip_leg_release(leg, 422, NULL);
		return;
	}
	leg->dialog = nta_leg_tcreate(agent->nta, sip_leg_request, leg, SIPTAG_CALL_ID(sip->sip_call_id), SIPTAG_FROM(sip->sip_to), SIPTAG_TO(sip->sip_from), TAG_END());
	if (!leg->dialog) {
		nta_incoming_treply(irq, SIP_500_INTERNAL_SERVER_ERROR, TAG_END());
		sip_leg_release(leg, 500, NULL);
		return;
	}
	nta_leg_tag(leg->dialog, NULL);
	nta_incoming_tag(irq, nta_leg_get_tag(leg->dialog));
	nta_leg_server_route(leg->dialog, sip->sip_record_route, sip->sip_contact);
	msg_t *msg = nta_incoming_getrequest(irq);
	sip_leg_locate(leg, msg, sip);
	msg_destroy(msg);
	nta_incoming_bind(irq, sip_leg_ack_cancel, leg);
	nta_incoming_treply(irq, SIP_100_TRYING, TAG_END());
	leg->far_offered = leg->invite_offered = *sdp != '\0';
	leg->far_tag = agent->config.media_proxy && sip->sip_from->a_tag ? su_strdup(leg->home, sip->sip_from->a_tag) : NULL;
	leg->media = strstr(sdp, " UDP/TLS/RTP/SAVP") ? SIP_WEBRTC : strstr(sdp, " RTP/SAVP") ? SIP_SRTP : SIP_RTP;
	bool gone = false, asks = agent->config.media_proxy && *sdp; /* nothing goes through it for nobody */
	leg->gone = &gone;
	if (asks)
		tell_incoming(leg, sdp, true);
	if (gone)
		return;
	leg->gone = NULL;
	sip_leg_pass(leg, false, false, 0, sdp, tell_passed);
}

/* 0: it is answered, or will be; else the status to answer with. */
static int request(struct sip_agent *agent, nta_incoming_t *irq, sip_t const *sip)
{
	const url_t *uri = sip->sip_request->rq_url;
	bool is_known = uri->url_type == url_sip || uri->url_type == url_sips || uri->url_type == url_tel;
	if (!is_known)
		return 416; /* RFC 3261 section 8.2.2.1 */
	if (uri->url_headers)
		return 400; /* RFC 3261 §19.1.1: it may have none here */
	switch (sip->sip_request->rq_method) {
	case sip_method_invite:
		if (sip->sip_to->a_tag)
			return 481; /* RFC 3261 §12.2.2: a dialog that is not here */
		if (sip->sip_max_forwards && sip->sip_max_forwards->mf_count == 0)
			return 483; /* RFC 7332 §4 */
		new_call(agent, irq, sip);
		return 0;
	case sip_method_options:
		nta_incoming_treply(irq, SIP_200_OK, SIPTAG_ALLOW(agent->methods), SIPTAG_SUPPORTED(agent->features), SIPTAG_ACCEPT_STR("application/sdp"), TAG_END());
		nta_incoming_destroy(irq);
		return 0;
	case sip_method_bye:
	case sip_method_cancel:
	case sip_method_info:
	case sip_method_update:
	case sip_method_prack:
		return 481;
	case sip_method_register:
		if (agent->config.registered)
			return sip_registrar_request(agent, irq, sip);
		/* fall through */
	default:
		nta_incoming_treply(irq, SIP_405_METHOD_NOT_ALLOWED, SIPTAG_ALLOW(agent->methods), TAG_END());
		nta_incoming_destroy(irq);
		return 0;
	}
}

static enum sip_wish wish_of(sip_method_t method)
{
	if (method == sip_method_invite)
		return SIP_INVITE;
	return method == sip_method_register ? SIP_REGISTER : SIP_OTHER;
}

static enum sip_admission admission_of(struct sip_agent *agent, msg_t *msg, const sip_t *sip,
				       sip_method_t method)
{
	struct sockaddr_storage room;
	su_home_t *home = msg_home(msg);
	if (!agent->config.admit || method == sip_method_ack)
		return SIP_ADMIT;
	const struct sip_asked asked = {
		.source = sip_source(agent, msg, sip, &room),
		.wish = wish_of(method),
		.transport = sip->sip_via ? sip_transport_of_via(sip->sip_via) : SIP_UDP,
		.request_user = sip_user_of(home, sip->sip_request->rq_url),
		.to_user = sip->sip_to ? sip_user_of(home, sip->sip_to->a_url) : "",
		.from_user = sip->sip_from ? sip_user_of(home, sip->sip_from->a_url) : "",
	};
	return agent->config.admit(agent->config.arg, &asked);
}

/* All that belongs to no dialog, before anything is made of it. */
static int consider(nta_agent_magic_t *magic, nta_agent_t *nta, msg_t *msg, sip_t *sip)
{
	struct sip_agent *agent = (struct sip_agent *)(void *)magic;
	sip_method_t method = sip->sip_request ? sip->sip_request->rq_method : sip_method_ack;
	bool nothing = method == sip_method_ack, registers = method == sip_method_register;
	enum sip_admission a = admission_of(agent, msg, sip, method);
	nta_incoming_t *irq = NULL;
	if (a == SIP_DROP || nothing)
		msg_destroy(msg);
	else if (a == SIP_REFUSE && (method == sip_method_invite || registers))
		nta_msg_treply(nta, msg, SIP_403_FORBIDDEN, TAG_END());
	else if (registers && agent->config.registered && !sip->sip_authorization)
		sip_registrar_challenge(agent, msg);
	else
		irq = nta_incoming_create(nta, NULL, msg, sip, TAG_END()); /* takes the message */
	int status = irq ? request(agent, irq, sip) : 0;
	if (status) {
		nta_incoming_treply(irq, status, sip_status_phrase(status), TAG_END());
		nta_incoming_destroy(irq);
	}
	return 0;
}

static bool listen_at(struct sip_agent *a, const char *listener, struct error *err)
{
	char url[200] = "";
	if (!sip_listener_url(listener, url, sizeof url, err))
		return false;
	bool tls = sip_transport_of(url) == SIP_TLS;
	unsigned policy = a->config.ca && strcmp(a->config.ca, SIP_CA_NONE) == 0 ? TPTLS_VERIFY_NONE : TPTLS_VERIFY_SUBJECTS_OUT;
	if (tls)
		sip_tls_begin(a);
	bool ok = nta_agent_add_tport(a->nta, URL_STRING_MAKE(url), TPTAG_REUSE(1), TPTAG_LOG(a->wire != NULL), TPTAG_UDP_RMEM(UDP_BUFFER), TAG_IF(tls, TPTAG_TLS_VERIFY_POLICY(policy)), TAG_END()) >= 0;
	sip_tls_end();
	return ok || error_set(err, "cannot listen for SIP on %s: is the port taken by another program? (ss -lunp shows which)", listener);
}

struct sip_agent *sip_agent_create(struct su_root_s *root, const struct sip_agent_config *config, struct error *err)
{
	struct sip_agent *a = calloc(1, sizeof *a);
	unsigned char key[32];
	if (!a)
		return NULL;
	pthread_once(&steady_once, steady_begin);
	su_home_init(a->home);
	a->config = *config;
	a->root = root;
	a->methods = sip_allow_make(a->home, SIP_METHODS);
	a->features = sip_supported_make(a->home, SIP_FEATURES);
	a->audio = sip_content_type_make(a->home, "application/sdp");
	randombytes_buf(key, sizeof key);
	a->nonces = nonces_create(key);
	/* What goes by UDP does so however long it is: carriers that are called so often drop the TCP that RFC 3261 §18.1.1 wants for it. */
	a->nta = nta_agent_create(root, (url_string_t *)-1, consider, (nta_agent_magic_t *)(void *)a, NTATAG_UA(1), NTATAG_PRELOAD(MESSAGE_MEMORY), NTATAG_SERVER_RPORT(1), NTATAG_CANCEL_487(1), NTATAG_PASS_100(1), NTATAG_MAXSIZE(SIP_MESSAGE_MAX), NTATAG_UDP_MTU(SIP_MESSAGE_MAX), TAG_END());
	bool ok = a->nta != NULL && a->nonces && sip_visitors_open(a) && sip_wire_open(a) && sip_connections_open(a);
	for (size_t i = 0; ok && config->listeners[i]; i++)
		ok = listen_at(a, config->listeners[i], err);
	ok = ok && sip_agent_load_certificate(a, err);
	if (ok)
		sip_listeners_read(a);
	sip_guard_open(a);
	if (!ok || !a->listener_count) {
		sip_agent_destroy(a);
		return NULL;
	}
	return a;
}

void sip_agent_destroy(struct sip_agent *a)
{
	if (!a)
		return;
	while (a->legs)
		sip_leg_free(a->legs);
	while (a->requests)
		sip_request_give_up(a->requests);
	sip_flows_free(a);
	sip_guard_close(a);
	sip_listeners_forget();
	if (a->nta)
		nta_agent_destroy(a->nta);
	sip_visitors_close(a);
	sip_wire_close(a);
	sip_connections_close(a);
	nonces_destroy(a->nonces);
	su_home_deinit(a->home);
	free(a);
}

size_t sip_agent_legs(const struct sip_agent *agent)
{
	return agent->leg_count;
}

size_t sip_agent_transactions(const struct sip_agent *agent)
{
	usize_t in = 0, out = 0;
	nta_agent_get_stats(agent->nta, NTATAG_S_IRQ_HASH_USED_REF(in), NTATAG_S_ORQ_HASH_USED_REF(out), TAG_END());
	return in + out;
}

bool sip_agent_waiting(const struct sip_agent *agent)
{
	return agent->leg_count || agent->requests;
}

unsigned sip_agent_received(const struct sip_agent *agent)
{
	return agent->received;
}
