/*
 * media/socket.h: private to src/media/. RTP sockets, each bound to an even port of the range, with RTCP at the next.
 * One that is given back is used again for a later call: making and watching a socket costs
 * more than the call's whole signalling leg does. Thread-safe.
 */
#ifndef MEDIA_SOCKET_H
#define MEDIA_SOCKET_H

#include "base/result.h"
#include <stdint.h>
#include <sys/socket.h>

struct media_end;
struct rtp_sockets;

struct rtp_socket {
	int fd, rtcp_fd, port; /* RTCP: at the port after it */
	struct media_end *end; /* whose it is; NULL: packets find nobody. Media thread only */
	/* private */
	struct rtp_socket *next;
	int64_t given_ms;
};

/* epoll: where each socket is watched for reading, data.ptr being its struct rtp_socket; for RTCP,
 * rtp_socket_of_rtcp(data.ptr) is: that pointer is odd. step: from a port to the next, an even number. NULL: out of memory. */
struct rtp_sockets *rtp_sockets_create(const char *address, int port_low, int port_high, int step, int epoll) WARN_UNUSED;
void rtp_sockets_destroy(struct rtp_sockets *sockets);
/* NULL: no port free, or no descriptor. */
struct rtp_socket *rtp_sockets_take(struct rtp_sockets *sockets) WARN_UNUSED;
/* Is the port, or that of its RTCP, bound here? */
bool rtp_sockets_has(struct rtp_sockets *sockets, int port);
/* An end sends to that port of this host from now on, or no longer: meanwhile it is not taken here. */
void rtp_sockets_name(struct rtp_sockets *sockets, int port, bool named);
/* Sent to no more, though packets may still be read from it. It may be closed here. */
void rtp_sockets_give(struct rtp_sockets *sockets, struct rtp_socket *socket);

static inline struct rtp_socket *rtp_socket_of_rtcp(void *pointer)
{
	return (struct rtp_socket *)((char *)pointer - 1);
}
/* false: text is no IP address. */
bool socket_address(const char *text, int port, struct sockaddr_storage *out, socklen_t *len);

#endif
