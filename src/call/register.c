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

/* The one whose password was told last. */
int phone_registered(void *arg, struct sip_registration *r)
{
	struct call_loop *loop = arg;
	int64_t now = clock_now_ms();
	struct phone *known = &loop->phone_known, p = {.cseq = r->cseq, .registered_ms = now};
	char host[ADDRESS_SIZE];
	if (loop->draining)
		return 503;
	bool is_known = phones_find(loop->config.phones, loop->phone.target_id, now, known);
	bans_forget(loop->bans, r->source);
	bool others = is_known && r->contact && *r->contact && !r->expires_seconds && strcmp(r->contact, known->contact) != 0; /* a device that was replaced leaves */
	if (!r->contact || others) {
		r->contact = is_known ? known->contact : NULL;
		r->granted_seconds = is_known ? (int)((known->expires_ms - now) / 1000) : 0;
		return 200;
	}
	if (r->expires_seconds && r->expires_seconds < PHONE_MIN) {
		r->granted_seconds = PHONE_MIN;
		return 423;
	}
	if (strlen(r->contact) >= sizeof p.contact || strlen(r->call_id) >= sizeof p.call_id || (r->path && strlen(r->path) >= sizeof p.route))
		return 400;
	address_text(r->source, host);
	bool six = strchr(host, ':') != NULL, same = r->contact_host && strcmp(r->contact_host, host) == 0;
	if (r->path)
		snprintf(p.route, sizeof p.route, "%s", r->path);
	else if (!same || r->transport != SIP_UDP) /* behind NAT, or by a connection that it made */
		snprintf(p.route, sizeof p.route, "sip:%s%s%s:%d;transport=%s", six ? "[" : "", host, six ? "]" : "", address_port(r->source), sip_transports[r->transport]);
	snprintf(p.target_id, sizeof p.target_id, "%s", loop->phone.target_id);
	snprintf(p.organization_id, sizeof p.organization_id, "%s", loop->phone.organization_id);
	snprintf(p.contact, sizeof p.contact, "%s", r->contact);
	snprintf(p.address, sizeof p.address, "%s", host);
	snprintf(p.user_agent, sizeof p.user_agent, "%s", r->user_agent);
	snprintf(p.call_id, sizeof p.call_id, "%s", r->call_id);
	int most = !same && !r->path && r->transport == SIP_UDP ? PHONE_NAT : PHONE_MAX;
	r->granted_seconds = r->expires_seconds < most ? r->expires_seconds : most;
	p.expires_ms = r->granted_seconds ? now + r->granted_seconds * INT64_C(1000) : 0;
	if (!phones_take(loop->config.phones, &p))
		return 500;
	if (!is_known || !p.expires_ms)
		log_info(NULL, "the phone of target %s %s %s", p.target_id, p.expires_ms ? "registered from" : "is no longer registered from", host);
	return 200;
}
