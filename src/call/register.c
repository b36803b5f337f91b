/* Phones that register, each as the destination of a target. */
#include "call/internal.h"
#include "base/log.h"
#include "base/network.h"
#include <string.h>

#define PHONE_MIN 60
#define PHONE_MAX 600
#define PHONE_NAT 60 /* so often one behind NAT registers at least, which keeps its way back open */

const char *phone_password(void *arg, const char *username, size_t n)
{
	struct call_loop *loop = arg;
	return config_phone(loop->config.config, username, n, &loop->phone) ? loop->phone.password : NULL;
}

/* The way back by a connection, or to where a UDP packet came from. */
static void route_back(const char *host, int port, enum sip_transport transport, char *out, size_t size)
{
	bool six = strchr(host, ':') != NULL;
	snprintf(out, size, "sip:%s%s%s:%d;transport=%s", six ? "[" : "", host, six ? "]" : "", port,
		sip_transports[transport]);
}

/* Behind NAT, or by a connection that it made: where it came from. "": its contact says where it is. */
static void route_of(const struct sip_registration *r, const char *host, char *out, size_t size)
{
	bool same = r->contact_host && strcmp(r->contact_host, host) == 0;
	out[0] = '\0';
	if (r->path)
		snprintf(out, size, "%s", r->path);
	else if (!same || r->transport != SIP_UDP)
		route_back(host, address_port(r->source), r->transport, out, size);
}

void phone_flow_lost(void *arg, const struct sip_lost_flow *flow)
{
	struct call_loop *loop = arg;
	char route[sizeof(((struct phone *)NULL)->route)];
	route_back(flow->address, flow->port, flow->transport, route, sizeof route);
	size_t n = loop->draining ? 0 : phones_lost(loop->config.phones, route);
	if (n)
		log_info(NULL, "the connection from %s:%d is closed: %zu phones are no longer registered",
			flow->address, flow->port, n);
}

/* All devices that are known now are in the answer (RFC 3261 section 10.3, step 8). */
static int answer_known(struct call_loop *loop, struct sip_registration *r, int64_t now)
{
	struct phone devices[PHONE_DEVICES_MAX];
	struct buf *b = &loop->phone_contacts;
	size_t n = phones_find(loop->config.phones, loop->phone.target_id, now, devices, PHONE_DEVICES_MAX);
	buf_reset(b);
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s<%s>;expires=%d", i ? ", " : "", devices[i].contact,
			(int)((devices[i].expires_ms - now + 999) / 1000));
	r->known = b->len && !b->failed ? buf_text(b) : NULL;
	return 200;
}

/* What is asked for it fits into. false: a text is too long. */
static bool phone_of(const struct call_loop *loop, const struct sip_registration *r, int64_t now, struct phone *p)
{
	char host[ADDRESS_SIZE];
	*p = (struct phone){.cseq = r->cseq, .registered_ms = now};
	if (strlen(r->contact) >= sizeof p->contact || strlen(r->call_id) >= sizeof p->call_id ||
	    (r->path && strlen(r->path) >= sizeof p->route) ||
	    (r->instance && strlen(r->instance) >= sizeof p->instance))
		return false;
	address_text(r->source, host);
	route_of(r, host, p->route, sizeof p->route);
	snprintf(p->target_id, sizeof p->target_id, "%s", loop->phone.target_id);
	snprintf(p->organization_id, sizeof p->organization_id, "%s", loop->phone.organization_id);
	snprintf(p->contact, sizeof p->contact, "%s", r->contact);
	snprintf(p->address, sizeof p->address, "%s", host);
	snprintf(p->user_agent, sizeof p->user_agent, "%s", r->user_agent);
	snprintf(p->instance, sizeof p->instance, "%s", r->instance ? r->instance : "");
	snprintf(p->call_id, sizeof p->call_id, "%s", r->call_id);
	int most = *p->route && !r->path && r->transport == SIP_UDP ? PHONE_NAT : PHONE_MAX;
	int granted = r->expires_seconds < most ? r->expires_seconds : most;
	p->expires_ms = granted ? now + granted * INT64_C(1000) : 0;
	return true;
}

/* The one whose password was told last. */
int phone_registered(void *arg, struct sip_registration *r)
{
	struct call_loop *loop = arg;
	int64_t now = clock_now_ms();
	struct phone p;
	if (loop->draining)
		return 503;
	admission_forgive(loop, r->source);
	if (!r->contact)
		return answer_known(loop, r, now);
	if (!*r->contact) {
		phones_leave(loop->config.phones, loop->phone.target_id);
		return answer_known(loop, r, now);
	}
	if (r->expires_seconds && r->expires_seconds < PHONE_MIN) {
		r->least_seconds = PHONE_MIN;
		return 423;
	}
	if (!phone_of(loop, r, now, &p))
		return 400;
	size_t before = phones_count_of(loop->config.phones, p.target_id, now);
	if (!phones_take(loop->config.phones, &p, now))
		return 500;
	if (phones_count_of(loop->config.phones, p.target_id, now) != before)
		log_info(NULL, "a phone of target %s %s %s", p.target_id,
			p.expires_ms ? "registered from" : "is no longer registered from", p.address);
	return answer_known(loop, r, now);
}
