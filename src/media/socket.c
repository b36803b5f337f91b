#include "media/socket.h"
#include "base/clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define IDLE_MAX 1024
#define REST_MS 1000 /* so that a late packet of the call before finds nobody */
#define OTHERS_MS 1000 /* so long a port that another program has is not tried again */

enum port_use { PORT_FREE, PORT_OURS, PORT_OF_OTHERS };

struct rtp_sockets {
	char address[64];
	int epoll, port_low, step;
	pthread_mutex_t lock;
	uint8_t *port_used; /* by (port - port_low) / step: enum port_use */
	uint16_t *port_named; /* by the same: how many ends send there */
	size_t port_count, port_next;
	int64_t others_ms; /* when ports of other programs were last forgotten */
	struct rtp_socket *idle, **idle_last; /* oldest first */
	size_t idle_count;
};

bool socket_address(const char *text, int port, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*len = sizeof *v4;
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		*len = sizeof *v6;
		return true;
	}
	return false;
}

struct rtp_sockets *rtp_sockets_create(const char *address, int port_low, int port_high, int step, int epoll)
{
	struct rtp_sockets *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	snprintf(s->address, sizeof s->address, "%s", address);
	s->epoll = epoll;
	s->port_low = port_low + (port_low & 1);
	s->step = step;
	s->port_count = port_high > s->port_low ? (size_t)(port_high - s->port_low - 1) / (size_t)step + 1 : 0;
	s->port_used = calloc(s->port_count + 1, 1);
	s->port_named = calloc(s->port_count + 1, sizeof *s->port_named);
	if (!s->port_used || !s->port_named) {
		free(s->port_used);
		free(s->port_named);
		free(s);
		return NULL;
	}
	s->idle_last = &s->idle;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

static struct rtp_socket *take_idle(struct rtp_sockets *s)
{
	struct rtp_socket *socket = s->idle;
	s->idle = socket->next;
	if (!s->idle)
		s->idle_last = &s->idle;
	s->idle_count--;
	return socket;
}

static void close_socket(struct rtp_sockets *s, struct rtp_socket *socket)
{
	close(socket->fd); /* the only descriptor of its socket: epoll forgets it too */
	close(socket->rtcp_fd);
	s->port_used[(socket->port - s->port_low) / s->step] = PORT_FREE;
	free(socket);
}

void rtp_sockets_destroy(struct rtp_sockets *s)
{
	if (!s)
		return;
	while (s->idle)
		close_socket(s, take_idle(s));
	pthread_mutex_destroy(&s->lock);
	free(s->port_used);
	free(s->port_named);
	free(s);
}

static int bind_port(const struct rtp_sockets *s, int port)
{
	struct sockaddr_storage local;
	socklen_t len;
	if (!socket_address(s->address, port, &local, &len))
		return -1;
	int fd = socket(local.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&local, len) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Both ports of the pair, or false: another program has one of them. */
static bool bind_pair(const struct rtp_sockets *s, struct rtp_socket *socket)
{
	socket->fd = bind_port(s, socket->port);
	socket->rtcp_fd = socket->fd < 0 ? -1 : bind_port(s, socket->port + 1);
	if (socket->fd >= 0 && socket->rtcp_fd < 0)
		close(socket->fd);
	return socket->rtcp_fd >= 0;
}

static bool watch(const struct rtp_sockets *s, struct rtp_socket *socket)
{
	struct epoll_event rtp = {.events = EPOLLIN, .data.ptr = socket};
	struct epoll_event rtcp = {.events = EPOLLIN, .data.ptr = (char *)socket + 1};
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, socket->fd, &rtp) == 0 &&
	       epoll_ctl(s->epoll, EPOLL_CTL_ADD, socket->rtcp_fd, &rtcp) == 0;
}

static void forget_others(struct rtp_sockets *s, int64_t now)
{
	if (now - s->others_ms < OTHERS_MS)
		return;
	s->others_ms = now;
	for (size_t i = 0; i < s->port_count; i++)
		if (s->port_used[i] == PORT_OF_OTHERS)
			s->port_used[i] = PORT_FREE;
}

/*
 * The next free port that no other program has and no end sends to, of the whole range. Ports of
 * others are remembered for a while: else each call would try them all, where others have many.
 */
static struct rtp_socket *open_socket(struct rtp_sockets *s, int64_t now)
{
	struct rtp_socket *socket = calloc(1, sizeof *socket);
	forget_others(s, now);
	for (size_t i = 0; socket && i < s->port_count; i++) {
		size_t at = (s->port_next + i) % s->port_count;
		if (s->port_used[at] != PORT_FREE || s->port_named[at])
			continue;
		socket->port = s->port_low + (int)at * s->step;
		errno = 0;
		if (!bind_pair(s, socket)) {
			if (errno != EADDRINUSE)
				break; /* no descriptor or memory: no other port will do */
			s->port_used[at] = PORT_OF_OTHERS;
			continue;
		}
		s->port_used[at] = PORT_OURS;
		s->port_next = at + 1;
		if (watch(s, socket))
			return socket;
		close_socket(s, socket);
		return NULL;
	}
	free(socket);
	return NULL;
}

struct rtp_socket *rtp_sockets_take(struct rtp_sockets *s)
{
	int64_t now = clock_monotonic_ms();
	pthread_mutex_lock(&s->lock);
	bool rested = s->idle && now - s->idle->given_ms >= REST_MS;
	struct rtp_socket *socket = rested ? take_idle(s) : open_socket(s, now);
	if (!socket && s->idle)
		socket = take_idle(s);
	pthread_mutex_unlock(&s->lock);
	return socket;
}

/* Where the port and that of its RTCP are in port_used; port_count: it is not of these. */
static size_t place_of(const struct rtp_sockets *s, int port)
{
	int from_low = port - s->port_low;
	if (from_low < 0 || from_low % s->step > 1)
		return s->port_count;
	size_t at = (size_t)(from_low / s->step);
	return at < s->port_count ? at : s->port_count;
}

bool rtp_sockets_has(struct rtp_sockets *s, int port)
{
	size_t at = place_of(s, port);
	pthread_mutex_lock(&s->lock);
	bool has = s->port_used[at] == PORT_OURS; /* one more than there are, which is free */
	pthread_mutex_unlock(&s->lock);
	return has;
}

void rtp_sockets_name(struct rtp_sockets *s, int port, bool named)
{
	size_t at = place_of(s, port);
	pthread_mutex_lock(&s->lock);
	s->port_named[at] = (uint16_t)(s->port_named[at] + (named ? 1 : -1));
	pthread_mutex_unlock(&s->lock);
}

void rtp_sockets_give(struct rtp_sockets *s, struct rtp_socket *socket)
{
	socket->end = NULL;
	socket->next = NULL;
	socket->given_ms = clock_monotonic_ms();
	pthread_mutex_lock(&s->lock);
	*s->idle_last = socket;
	s->idle_last = &socket->next;
	s->idle_count++;
	if (s->idle_count > IDLE_MAX)
		close_socket(s, take_idle(s));
	pthread_mutex_unlock(&s->lock);
}
