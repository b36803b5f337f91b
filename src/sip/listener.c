/* Listeners: what each is called from outside, and which one a message came or goes by. */
#include "sip/agent.h"
#include <dlfcn.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/tport.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* "udp:10.0.0.5:5060=203.0.113.7" */
struct parts {
	char transport[4], host[ADDRESS_SIZE], outside[ADDRESS_SIZE];
	const char *port;
	size_t port_len;
};

/* An address in brackets where it is IPv6's; false: it is too long. */
static bool copy_host(const char *text, size_t len, char out[ADDRESS_SIZE])
{
	bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
	text += brackets;
	len -= brackets ? 2 : 0;
	if (!len || len >= ADDRESS_SIZE)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static bool split(const char *listener, struct parts *p)
{
	const char *equals = strchr(listener, '='), *end = equals ? equals : listener + strlen(listener);
	const char *host = strchr(listener, ':'), *port = memrchr(listener, ':', (size_t)(end - listener));
	*p = (struct parts){0};
	if (!host || host - listener != 3 || port <= host || port + 1 == end)
		return false;
	memcpy(p->transport, listener, 3);
	p->port = port + 1;
	p->port_len = (size_t)(end - port - 1);
	return copy_host(host + 1, (size_t)(port - host - 1), p->host) &&
	       (!equals || copy_host(equals + 1, strlen(equals + 1), p->outside));
}

bool sip_listener_host(const char *listener, char host[ADDRESS_SIZE], char outside[ADDRESS_SIZE])
{
	struct parts p;
	bool ok = split(listener, &p);
	snprintf(host, ADDRESS_SIZE, "%s", p.host);
	snprintf(outside, ADDRESS_SIZE, "%s", p.outside);
	return ok;
}

static void add_host(char *out, size_t size, const char *host)
{
	size_t n = strlen(out);
	bool six = strchr(host, ':') != NULL;
	snprintf(out + n, size - n, "%s%s%s", six ? "[" : "", host, six ? "]" : "");
}

bool sip_listener_url(const char *listener, char *out, size_t size, struct error *err)
{
	struct parts p;
	struct sockaddr_storage outside;
	bool known = split(listener, &p);
	size_t i = 0;
	while (known && i < ARRAY_LEN(sip_transports) && strcmp(p.transport, sip_transports[i]) != 0)
		i++;
	if (!known || i == ARRAY_LEN(sip_transports))
		return error_set(err, "the SIP listener '%s' must look like udp:0.0.0.0:5060, "
			"tcp:0.0.0.0:5060 or tls:0.0.0.0:5061", listener);
	if (*p.outside && !address_parse(p.outside, strlen(p.outside), &outside))
		return error_set(err, "the SIP listener '%s' must have an IP address behind '=': the one "
			"that others reach it at", listener);
	snprintf(out, size, "%s:", i == SIP_TLS ? "sips" : "sip");
	add_host(out, size, *p.outside ? p.outside : p.host);
	size_t n = strlen(out);
	snprintf(out + n, size - n, ":%.*s;", (int)p.port_len, p.port);
	if (*p.outside) { /* sofia binds to maddr, and names the host in Via */
		n = strlen(out);
		snprintf(out + n, size - n, "maddr=");
		add_host(out, size, p.host);
		n = strlen(out);
		snprintf(out + n, size - n, ";");
	}
	n = strlen(out);
	snprintf(out + n, size - n, "transport=%s", sip_transports[i]);
	return true;
}

/* ---- the agent's ---- */

/* A thread has one agent at most. */
static _Thread_local struct {
	const struct sip_agent *agent; /* the thread's; NULL: none */
	const struct sip_listener *preferred;
} here;

static bool is_any(const char *host)
{
	return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 || strcmp(host, "*") == 0;
}

static void add_listener(struct sip_agent *a, tport_t *tport)
{
	const tp_name_t *name = tport_name(tport);
	struct sip_listener *l = &a->listeners[a->listener_count];
	char bound[ADDRESS_SIZE], named[ADDRESS_SIZE], contact[160];
	size_t i = 0;
	while (i < ARRAY_LEN(sip_transports) && strcasecmp(name->tpn_proto, sip_transports[i]) != 0)
		i++;
	if (i == ARRAY_LEN(sip_transports) || !copy_host(name->tpn_host, strlen(name->tpn_host), bound) ||
	    !copy_host(name->tpn_canon, strlen(name->tpn_canon), named))
		return;
	snprintf(contact, sizeof contact, "<sip:");
	add_host(contact, sizeof contact, named);
	size_t n = strlen(contact);
	snprintf(contact + n, sizeof contact - n, ":%s;transport=%s>", name->tpn_port, sip_transports[i]);
	l->tport = tport;
	l->transport = (enum sip_transport)i;
	snprintf(l->host, sizeof l->host, "%s", is_any(bound) ? named : bound);
	l->contact = sip_contact_make(a->home, contact);
	a->listener_count += l->contact != NULL;
}

void sip_listeners_read(struct sip_agent *a)
{
	tport_t *t = tport_primaries(nta_agent_tports(a->nta));
	here.agent = a;
	for (; t && a->listener_count < SIP_LISTENERS_MAX; t = tport_next(t))
		add_listener(a, t);
}

void sip_listeners_forget(void)
{
	here.agent = NULL;
	here.preferred = NULL;
}

const struct sip_listener *sip_listener_of(const struct sip_agent *a, nta_incoming_t *irq)
{
	tport_t *tport = a->listener_count > 1 ? nta_incoming_transport(a->nta, irq, NULL) : NULL;
	const struct sip_listener *found = a->listener_count ? &a->listeners[0] : NULL;
	for (size_t i = 0; tport && i < a->listener_count; i++)
		if (a->listeners[i].tport == tport_parent(tport))
			found = &a->listeners[i];
	if (tport)
		tport_unref(tport);
	return found;
}

bool sip_local_address(const char *uri, char out[ADDRESS_SIZE])
{
	char host[SIP_HOST_SIZE];
	struct sockaddr_storage remote, local;
	socklen_t len = sizeof local;
	sip_uri_host(uri, host);
	if (!address_parse(host, strlen(host), &remote))
		return false;
	address_set_port(&remote, 5060);
	socklen_t size = remote.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	int fd = socket(remote.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&remote, size) == 0 &&
		  getsockname(fd, (struct sockaddr *)&local, &len) == 0;
	if (ok)
		address_text((struct sockaddr *)&local, out);
	if (fd >= 0)
		close(fd);
	return ok;
}

static const char *port_of(const struct sip_listener *l)
{
	const char *port = tport_name(l->tport)->tpn_port;
	return port ? port : "5060";
}

bool sip_agent_own_uri(const struct sip_agent *a, const char *user, char *out, size_t size)
{
	const struct sip_listener *own = NULL;
	char host[ADDRESS_SIZE + 3] = "";
	for (size_t i = 0; i < a->listener_count && (!own || own->transport != SIP_UDP); i++)
		if (a->listeners[i].transport == SIP_UDP || (!own && a->listeners[i].transport == SIP_TCP))
			own = &a->listeners[i];
	if (!own)
		return false;
	add_host(host, sizeof host, own->host);
	int n = snprintf(out, size, "sip:%s@%s:%s;transport=%s", user, host, port_of(own),
		sip_transports[own->transport]);
	return n > 0 && (size_t)n < size;
}

bool sip_agent_is_own(const struct sip_agent *a, const struct sockaddr *source)
{
	char host[ADDRESS_SIZE];
	int port = address_port(source);
	address_text(source, host);
	for (size_t i = 0; i < a->listener_count; i++) {
		const struct sip_listener *l = &a->listeners[i];
		if (strcmp(l->host, host) == 0 && (l->transport != SIP_UDP || atoi(port_of(l)) == port))
			return true;
	}
	return false;
}

/* Is its host an IP address? */
static bool is_literal(const char *uri)
{
	char host[SIP_HOST_SIZE];
	struct sockaddr_storage address;
	sip_uri_host(uri, host);
	return address_parse(host, strlen(host), &address);
}

/* How many listeners speak that transport. */
static size_t count_of(const struct sip_agent *a, enum sip_transport transport)
{
	size_t n = 0;
	for (size_t i = 0; i < a->listener_count; i++)
		n += a->listeners[i].transport == transport;
	return n;
}

const struct sip_listener *sip_listener_towards(const struct sip_agent *a, const char *uri)
{
	enum sip_transport transport = sip_transport_of(uri);
	char local[ADDRESS_SIZE];
	const struct sip_listener *first = NULL, *family = NULL;
	bool known = count_of(a, transport) > 1 && sip_local_address(uri, local);
	for (size_t i = 0; i < a->listener_count; i++) {
		const struct sip_listener *l = &a->listeners[i];
		if (l->transport != transport)
			continue;
		if (known && strcmp(l->host, local) == 0)
			return l;
		if (known && !family && !strchr(l->host, ':') == !strchr(local, ':'))
			family = l;
		first = first ? first : l;
	}
	if (family || first)
		return family ? family : first;
	return a->listener_count ? &a->listeners[0] : NULL;
}

/* ---- the UDP socket that a request is sent from ---- */

void sip_listener_prefer(const struct sip_listener *l)
{
	here.preferred = l;
}

/* What a UDP request to that host, which may have brackets, is to go from; NULL: sofia's choice. */
static tport_t *socket_for(const char *proto, const char *host)
{
	char uri[SIP_HOST_SIZE + 8];
	const struct sip_agent *a = here.agent;
	const struct sip_listener *l = here.preferred;
	bool by_udp = a && proto && (strcmp(proto, "*") == 0 || strcasecmp(proto, "udp") == 0);
	if (!by_udp || !host || count_of(a, SIP_UDP) < 2)
		return NULL;
	snprintf(uri, sizeof uri, "sip:%s", host);
	if (host[0] != '[' && strchr(host, ':'))
		snprintf(uri, sizeof uri, "sip:[%s]", host);
	if (!is_literal(uri))
		return NULL;
	bool six = strchr(host, ':') != NULL;
	if (!l || l->transport != SIP_UDP || (strchr(l->host, ':') != NULL) != six)
		l = sip_listener_towards(a, uri);
	return l && l->transport == SIP_UDP ? l->tport : NULL;
}

/*
 * In the place of the library's, which is called here: of several UDP sockets it takes the first,
 * also for an address of the other family.
 */
tport_t *tport_primary_by_name(tport_t const *self, tp_name_t const *name)
{
	static tport_t *(*library)(tport_t const *self, tp_name_t const *name);
	if (!library)
		library = (tport_t * (*)(tport_t const *, tp_name_t const *))(uintptr_t)
			dlsym(RTLD_NEXT, "tport_primary_by_name");
	tport_t *chosen = name ? socket_for(name->tpn_proto, name->tpn_host) : NULL;
	if (chosen)
		return chosen;
	return library ? library(self, name) : NULL;
}
