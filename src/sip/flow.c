/*
 * Flows (RFC 5626 section 3): the connections that phones register by. When one is closed, whoever
 * registered by it cannot be reached any more.
 */
#include "sip/agent.h"
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/tport.h>
#include <sofia-sip/tport_tag.h>
#include <stdlib.h>
#include <string.h>

struct sip_flow {
	struct sip_flow *next;
	struct sip_agent *agent;
	tport_t *tport; /* a reference */
	int pending;    /* tport_pend()'s */
	struct sip_lost_flow what;
};

static struct sip_flow **place_of(struct sip_agent *a, const tport_t *tport)
{
	struct sip_flow **at = &a->flows;
	while (*at && (*at)->tport != tport)
		at = &(*at)->next;
	return at;
}

static void on_closed(tp_stack_t *stack, tp_client_t *client, tport_t *tport, msg_t *msg, int error)
{
	struct sip_flow *flow = (struct sip_flow *)client, **at = place_of(flow->agent, tport);
	const struct sip_agent_config *config = &flow->agent->config;
	(void)stack, (void)msg, (void)error;
	if (*at != flow)
		return;
	*at = flow->next;
	config->flow_lost(config->arg, &flow->what);
	tport_unref(tport);
	free(flow);
}

void sip_flow_watch(struct sip_agent *a, nta_incoming_t *irq, msg_t *msg, const struct sip_registration *r)
{
	if (!a->config.flow_lost || r->transport == SIP_UDP || r->path)
		return;
	tport_t *tport = nta_incoming_transport(a->nta, irq, msg); /* with a reference */
	struct sip_flow *flow = tport && !*place_of(a, tport) ? calloc(1, sizeof *flow) : NULL;
	if (!flow) {
		tport_unref(tport);
		return;
	}
	*flow = (struct sip_flow){.next = a->flows, .agent = a, .tport = tport};
	flow->what.transport = r->transport;
	flow->what.port = address_port(r->source);
	address_text(r->source, flow->what.address);
	(void)tport_set_params(tport, TPTAG_SDWN_ERROR(1), TAG_END()); /* tell of it when the far side closes */
	flow->pending = tport_pend(tport, NULL, on_closed, (tp_client_t *)flow);
	if (flow->pending < 0) {
		tport_unref(tport);
		free(flow);
		return;
	}
	a->flows = flow;
}

bool sip_flow_is(const struct sip_agent *a, const char *address, int port)
{
	for (const struct sip_flow *flow = a->flows; flow; flow = flow->next)
		if (flow->what.port == port && strcmp(flow->what.address, address) == 0)
			return true;
	return false;
}

void sip_flows_free(struct sip_agent *a)
{
	while (a->flows) {
		struct sip_flow *flow = a->flows;
		a->flows = flow->next;
		tport_release(flow->tport, flow->pending, NULL, NULL, (tp_client_t *)flow, 0);
		tport_unref(flow->tport);
		free(flow);
	}
}
