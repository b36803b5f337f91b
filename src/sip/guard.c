/*
 * Guard of private addresses: a request to a URI that an organization has configured, or others have
 * written, goes to a public address alone, unless the operator allows private ones. A host that is
 * an address is judged before the request is made. A name is judged when sofia looks for a transport
 * to the address that it has resolved to: tport_by_name() of connection.c asks here.
 */
#include "sip/agent.h"
#include "base/network.h"
#include "base/public.h"
#include <string.h>
#include <strings.h>

static _Thread_local const struct sip_agent *here; /* a thread has one agent at most */

void sip_guard_open(const struct sip_agent *a)
{
	here = a;
}

void sip_guard_close(const struct sip_agent *a)
{
	if (here == a)
		here = NULL;
}

static bool is_private(const char *host)
{
	struct sockaddr_storage address;
	return address_parse(host, strlen(host), &address) &&
	       !address_is_public((const struct sockaddr *)&address);
}

bool sip_agent_refuses(const struct sip_agent *a, const char *uri)
{
	char host[SIP_HOST_SIZE];
	return a->config.guards_private && is_private(sip_uri_host(uri, host));
}

static bool is_host_of(const char *uri, const char *name)
{
	char host[SIP_HOST_SIZE];
	return uri && strcasecmp(sip_uri_host(uri, host), name) == 0;
}

/* Does a request that is guarded go to that host? */
static bool is_guarded(const struct sip_agent *a, const char *name)
{
	for (const struct sip_leg *leg = a->legs; leg; leg = leg->next)
		if (leg->guarded && is_host_of(leg->uri, name))
			return true;
	return sip_requests_go_to(a, name);
}

bool sip_guard_stops(const char *name, const char *host)
{
	bool judged = here && here->config.guards_private && name && host;
	return judged && is_private(host) && is_guarded(here, name);
}
