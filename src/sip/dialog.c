/* The dialogs that one INVITE of ours makes, and where requests within a dialog go. */
#include "sip/agent.h"
#include <sofia-sip/msg_addr.h>
#include <stdlib.h>
#include <string.h>

/* ---- early dialogs ---- */

static struct sip_early *find(const struct sip_leg *leg, const char *tag)
{
	for (size_t i = 0; tag && i < leg->early_count; i++)
		if (strcmp(leg->early[i].tag, tag) == 0)
			return &leg->early[i];
	return NULL;
}

static void drop_dialog(struct sip_leg *leg, struct sip_early *e)
{
	if (e->dialog && e->dialog != leg->dialog) {
		sip_within_forget(leg, e->dialog);
		nta_leg_destroy(e->dialog);
	}
	e->dialog = NULL;
}

/* Room for one more: where there is none, one that is not the current dialog goes. */
static struct sip_early *make_room(struct sip_leg *leg)
{
	if (!leg->early)
		leg->early = su_zalloc(leg->home, SIP_EARLY_MAX * sizeof *leg->early);
	if (!leg->early || leg->early_count < SIP_EARLY_MAX)
		return leg->early ? &leg->early[leg->early_count++] : NULL;
	struct sip_early *e = &leg->early[0];
	if (e->dialog == leg->dialog)
		e++;
	drop_dialog(leg, e);
	return e;
}

struct sip_early *sip_early_of(struct sip_leg *leg, const char *tag)
{
	struct sip_early *e = find(leg, tag);
	const char *copy = e || !tag ? NULL : su_strdup(leg->home, tag);
	if (e || !copy)
		return e;
	e = make_room(leg);
	if (e)
		*e = (struct sip_early){.tag = copy};
	return e;
}

const char *sip_early_sdp(const struct sip_leg *leg, const char *tag)
{
	const struct sip_early *e = find(leg, tag);
	return e && e->sdp ? e->sdp : "";
}

/* Each early dialog has its own CSeq numbers: going back to one goes on with them. */
static void make_dialog(struct sip_leg *leg, struct sip_early *e, sip_t const *sip)
{
	const char *had = nta_leg_get_rtag(leg->dialog);
	if (!had || strcmp(had, e->tag) == 0) {
		nta_leg_rtag(leg->dialog, e->tag);
		e->dialog = leg->dialog;
		return;
	}
	e->dialog = nta_leg_tcreate(leg->agent->nta, sip_leg_request, leg,
				    SIPTAG_CALL_ID(sip->sip_call_id), SIPTAG_FROM(sip->sip_from),
				    SIPTAG_TO(sip->sip_to), SIPTAG_CSEQ(sip->sip_cseq), TAG_END());
}

void sip_leg_enter(struct sip_leg *leg, msg_t *msg, sip_t const *sip)
{
	struct sip_early *e = sip_early_of(leg, sip->sip_to->a_tag);
	if (e && !e->dialog)
		make_dialog(leg, e, sip);
	if (e && e->dialog)
		leg->dialog = e->dialog;
	nta_leg_client_reroute(leg->dialog, sip->sip_record_route, sip->sip_contact, 1);
	sip_leg_locate(leg, msg, sip);
}

void sip_early_stop(struct sip_leg *leg)
{
	for (size_t i = 0; i < leg->early_count; i++)
		drop_dialog(leg, &leg->early[i]);
	leg->early_count = 0;
}

/* ---- where requests go ---- */

static const url_string_t *source_url(struct sip_leg *leg)
{
	char host[ADDRESS_SIZE];
	const struct sockaddr *source = (const struct sockaddr *)&leg->source;
	bool six = strchr(address_text(source, host), ':') != NULL;
	if (!*host)
		return NULL;
	return (url_string_t *)url_make(
		leg->work, su_sprintf(leg->work, "sip:%s%s%s:%d;transport=%s", six ? "[" : "", host,
				      six ? "]" : "", address_port(source),
				      sip_transports[leg->source_transport]));
}

/* Behind a NAT: to where the far side's last message with a Contact came from. */
static void choose_route(struct sip_leg *leg)
{
	const sip_route_t *set = NULL;
	const sip_contact_t *target = NULL;
	if (leg->route_is_given || !leg->dialog || !leg->source.ss_family)
		return;
	nta_leg_get_route(leg->dialog, &set, &target);
	bool hidden = !set && target &&
		      sip_contact_is_hidden(leg->nat, target->m_url->url_host,
					    (const struct sockaddr *)&leg->source);
	leg->route = hidden ? source_url(leg) : NULL;
}

bool sip_leg_renew_route(struct sip_leg *leg)
{
	if (!leg->route || leg->route_is_given)
		return true;
	const url_string_t *route = source_url(leg);
	leg->route = route ? route : leg->route;
	return route != NULL;
}

bool sip_leg_follow_source(struct sip_leg *leg)
{
	const sip_route_t *set = NULL;
	bool may = leg->nat != SIP_NAT_NEVER && !leg->route && !leg->route_is_given;
	if (!may || !leg->dialog || !leg->source.ss_family || leg->source_transport == SIP_UDP)
		return false;
	nta_leg_get_route(leg->dialog, &set, NULL);
	leg->route = set ? NULL : source_url(leg);
	return leg->route != NULL;
}

void sip_leg_locate(struct sip_leg *leg, msg_t *msg, sip_t const *sip)
{
	const struct sockaddr *source = msg ? (const struct sockaddr *)msg_addr(msg) : NULL;
	size_t len = source && source->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
							     : sizeof(struct sockaddr_in);
	if (source && sip->sip_contact) {
		memcpy(&leg->source, source, len);
		leg->source_transport = sip_transport_of_via(sip->sip_via);
	}
	choose_route(leg);
}

void sip_leg_set_nat(struct sip_leg *leg, enum sip_nat nat)
{
	leg->nat = nat;
	choose_route(leg);
}

void sip_leg_refresh_target(struct sip_leg *leg, nta_leg_t *dialog, msg_t *msg, sip_t const *sip)
{
	const sip_contact_t *contact = sip->sip_contact;
	if (!contact || !dialog || !contact->m_url->url_host)
		return;
	if (contact->m_url->url_type != url_sip && contact->m_url->url_type != url_sips)
		return;
	nta_leg_client_reroute(dialog, NULL, contact, 0);
	if (dialog == leg->dialog)
		sip_leg_locate(leg, msg, sip);
}
