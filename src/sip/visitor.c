/*
 * Connections that others make, over TCP and TLS: how many, and for how long without a use. sofia
 * takes them one by one with accept(), and closes each when its other side does. The accept() here
 * takes the place of the C library's for the whole program (docs/decisions/0017). A connection is
 * closed with shutdown(): sofia then sees its end.
 */
#include "sip/agent.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/network.h"
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#define STRANGER_MAX 20  /* of one address */
#define KNOWN_MAX 500    /* of one address */
#define ALL_MAX 4000
#define FILES_SHARE 4    /* connections have a quarter of the descriptors at most */
#define IDLE_MS 30000
#define REFUSED_AT_ONCE 64 /* of one accept() */
#define TELL_EVERY_MS 60000

/* Where a connection comes from: an address in the form of IPv6, and a port. */
struct place {
	struct in6_addr address;
	uint32_t port;
};

struct visitor {
	struct place from;
	int fd;
	ino_t inode; /* of the socket: a closed one's descriptor may be another socket's by now */
	bool known;  /* a trunk, a proxy in front, or where phones are registered */
	bool heard;  /* it has sent a whole message */
	bool leaves; /* it was told to go */
	int64_t heard_ms; /* when the last one came, at first when the connection began; monotonic */
	UT_hash_handle hh;
};

struct sip_visitors {
	struct sip_agent *agent;
	struct visitor *by_place;
	int64_t told_ms; /* when the log told of refusals last; 0: never */
	unsigned long refused, refused_told;
};

static _Thread_local struct sip_visitors *here; /* a thread has one agent at most */

static struct place place_of(const struct sockaddr *address)
{
	struct place p;
	memset(&p, 0, sizeof p); /* it is compared byte by byte */
	p.port = (uint32_t)address_port(address);
	p.address = address_as_six(address);
	return p;
}

static struct visitor *find(struct sip_visitors *v, const struct sockaddr *address)
{
	struct place p = place_of(address);
	struct visitor *found;
	HASH_FIND(hh, v->by_place, &p, sizeof p, found);
	return found;
}

static void forget(struct sip_visitors *v, struct visitor *one)
{
	HASH_DEL(v->by_place, one);
	free(one);
}

static bool is_open(const struct visitor *one)
{
	struct stat s;
	return fstat(one->fd, &s) == 0 && S_ISSOCK(s.st_mode) && s.st_ino == one->inode;
}

/* Those of one address (NULL: of all) that are open; the others are forgotten. */
static size_t count_open(struct sip_visitors *v, const struct in6_addr *address)
{
	struct visitor *one, *next;
	size_t n = 0;
	HASH_ITER(hh, v->by_place, one, next) {
		if (address && memcmp(&one->from.address, address, sizeof *address) != 0)
			continue;
		if (is_open(one))
			n++;
		else
			forget(v, one);
	}
	return n;
}

static size_t most_of_all(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
		return ALL_MAX;
	size_t share = (size_t)files.rlim_cur / FILES_SHARE;
	return share < ALL_MAX ? share : ALL_MAX;
}

static enum sip_visitor kind_of(const struct sip_visitors *v, const struct sockaddr *address)
{
	const struct sip_agent_config *config = &v->agent->config;
	if (network_has(config->proxies, config->proxy_count, address))
		return SIP_VISITOR_KNOWN;
	return config->visitor ? config->visitor(config->arg, address) : SIP_VISITOR_STRANGER;
}

/* Why the connection is closed at once; NULL: it is taken. */
static const char *refusal_of(struct sip_visitors *v, const struct sockaddr *address,
			      enum sip_visitor kind)
{
	struct place p = place_of(address);
	size_t most = kind == SIP_VISITOR_KNOWN ? KNOWN_MAX : STRANGER_MAX;
	if (kind == SIP_VISITOR_BANNED)
		return "it is banned";
	if (count_open(v, &p.address) >= most)
		return "it has as many as one address may have";
	size_t all = most_of_all();
	if (HASH_COUNT(v->by_place) >= all && count_open(v, NULL) >= all)
		return "there are as many as there may be";
	return NULL;
}

static bool remember(struct sip_visitors *v, int fd, const struct sockaddr *address, bool known)
{
	struct stat s;
	struct visitor *before = find(v, address);
	struct visitor *one = fstat(fd, &s) == 0 ? calloc(1, sizeof *one) : NULL;
	if (!one)
		return false;
	if (before)
		forget(v, before);
	*one = (struct visitor){.fd = fd, .inode = s.st_ino, .known = known};
	one->from = place_of(address);
	one->heard_ms = clock_monotonic_ms();
	HASH_ADD(hh, v->by_place, from, sizeof one->from, one);
	return true;
}

/* Once a minute. */
static void tell_refused(struct sip_visitors *v, const struct sockaddr *address, const char *why)
{
	char text[ADDRESS_SIZE];
	int64_t now = clock_monotonic_ms();
	v->refused++;
	if (v->told_ms && now - v->told_ms < TELL_EVERY_MS)
		return;
	log_warn(NULL, "SIP connections are refused, the last one from %s: %s (%lu since the last "
		 "such line)", address_text(address, text), why, v->refused - v->refused_told);
	v->told_ms = now;
	v->refused_told = v->refused;
}

/* Is it to be taken? Otherwise it is closed. */
static bool admit(struct sip_visitors *v, int fd, const struct sockaddr *address)
{
	enum sip_visitor kind = kind_of(v, address);
	const char *why = refusal_of(v, address, kind);
	if (!why && !remember(v, fd, address, kind == SIP_VISITOR_KNOWN))
		why = "there is no memory";
	if (!why)
		return true;
	tell_refused(v, address, why);
	close(fd);
	return false;
}

/* Does another connection wait? The listener may be one that blocks. */
static bool another_waits(int listener)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};
	return poll(&p, 1, 0) == 1;
}

int accept(int listener, struct sockaddr *address, socklen_t *size)
{
	struct sockaddr_storage from = {0};
	if (!here)
		return accept4(listener, address, size, 0);
	for (int i = 0; i < REFUSED_AT_ONCE && (!i || another_waits(listener)); i++) {
		socklen_t len = sizeof from;
		int fd = accept4(listener, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
		if (fd < 0)
			return fd;
		here->agent->received++; /* the loop goes on taking what waits */
		if (!admit(here, fd, (const struct sockaddr *)&from))
			continue;
		if (address && size) {
			memcpy(address, &from, len < *size ? len : *size);
			*size = len;
		}
		return fd;
	}
	errno = EAGAIN;
	return -1;
}

/* ---- their use ---- */

void sip_visitor_heard(struct sip_agent *a, const struct sockaddr *address)
{
	struct visitor *one = a->visitors ? find(a->visitors, address) : NULL;
	if (!one)
		return;
	one->heard = true;
	one->heard_ms = clock_monotonic_ms();
}

/* Is a call's far side at the other end? */
static bool has_dialog(const struct sip_agent *a, const struct place *p)
{
	for (const struct sip_leg *leg = a->legs; leg; leg = leg->next) {
		if (!leg->source.ss_family || leg->source_transport == SIP_UDP)
			continue;
		struct place q = place_of((const struct sockaddr *)&leg->source);
		if (memcmp(&q, p, sizeof q) == 0)
			return true;
	}
	return false;
}

/* Has a phone registered by it? */
static bool has_phone(const struct sip_agent *a, const struct place *p)
{
	char address[INET6_ADDRSTRLEN];
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = p->address};
	return sip_flow_is(a, address_text((const struct sockaddr *)&six, address), (int)p->port);
}

static bool is_used(const struct sip_agent *a, const struct visitor *one)
{
	if (one->known && one->heard)
		return true;
	return one->heard && (has_phone(a, &one->from) || has_dialog(a, &one->from));
}

void sip_agent_tick(struct sip_agent *a)
{
	struct visitor *one, *next;
	int64_t now = clock_monotonic_ms();
	HASH_ITER(hh, a->visitors->by_place, one, next) {
		if (now - one->heard_ms < IDLE_MS)
			continue;
		if (!is_open(one)) {
			forget(a->visitors, one);
		} else if (!one->leaves && !is_used(a, one)) {
			one->leaves = true;
			shutdown(one->fd, SHUT_RDWR);
		}
	}
}

bool sip_visitors_open(struct sip_agent *a)
{
	a->visitors = here = calloc(1, sizeof *here);
	if (here)
		here->agent = a;
	return here != NULL;
}

void sip_visitors_close(struct sip_agent *a)
{
	struct visitor *one, *next;
	if (!a->visitors)
		return;
	HASH_ITER(hh, a->visitors->by_place, one, next)
		forget(a->visitors, one);
	if (here == a->visitors)
		here = NULL;
	free(a->visitors);
	a->visitors = NULL;
}
