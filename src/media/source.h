/*
 * media/source.h: which packets belong to a call (RFC 3264 section 8.3.1, RFC 4961). Pure.
 *
 * The address and port of the latest SDP are heard at once, always. A packet from elsewhere only
 * makes its source a candidate. A candidate takes over after several packets of one stream, while
 * nothing comes from the present source. From then on it is the only one heard, until the SDP's
 * own address speaks, another SDP comes or it is silent for long.
 */
#ifndef MEDIA_SOURCE_H
#define MEDIA_SOURCE_H

#include "media/rtp.h"
#include <netinet/in.h>
#include <sys/socket.h>

#define SOURCE_PACKETS 3 /* of a candidate, until it takes over */
/* A source that was silent for so long may be replaced by a candidate. */
#define SOURCE_SILENT_US 3000000
#define SOURCE_KEPT (SOURCE_PACKETS - 1)
#define SOURCE_KEPT_SIZE 256 /* a longer packet of a candidate is lost */
#define SOURCE_CANDIDATES 2
#define SOURCE_FORMER 3

struct source_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} ip;
	socklen_t len; /* 0: none */
};

/* A packet that came before its source was known to be the call's. */
struct source_packet {
	int64_t came_us;
	size_t len;
	uint8_t data[SOURCE_KEPT_SIZE];
};

struct source_candidate {
	struct source_address from;
	uint32_t ssrc;
	uint16_t sequence; /* the highest */
	int packets;	   /* in a row; 0: the place is free */
	int64_t last_us;
	size_t kept_count;
	struct source_packet kept[SOURCE_KEPT];
};

struct source {
	bool began;		     /* there was an SDP */
	bool any_host;		     /* candidates may come from other hosts than the SDP's */
	struct source_address named; /* what the SDP says; none before the first, and for 0.0.0.0 */
	struct source_address host;  /* the last address that an SDP named */
	struct source_address current; /* whose packets are heard */
	bool is_guest;	  /* it took over while no address was named, as music on hold */
	int64_t heard_us; /* when the last one came; 0: none since the SDP */
	/* what was heard before an SDP named something else; the latest first */
	struct {
		struct source_address address;
		/* It is ignored until then; INT64_MAX: until an SDP names it again. */
		int64_t until_us;
	} former[SOURCE_FORMER];
	struct source_candidate candidates[SOURCE_CANDIDATES];
};

enum source_verdict {
	SOURCE_IGNORED,
	SOURCE_WAITS, /* kept for when its source turns out to be the call's */
	SOURCE_HEARD,
	SOURCE_MOVED, /* heard, and the current source is another one from now on */
};

/* A packet, as it came. */
struct source_arrival {
	const struct sockaddr *from;
	socklen_t from_len;
	const uint8_t *data;
	size_t len;
	const struct rtp_packet *rtp; /* the same, parsed; its payload type is one of the call's */
	int64_t now_us;
};

/*
 * Take what an SDP names. The present source stays while the SDP names the same address as before,
 * and while it names none (0.0.0.0, RFC 3264 section 8.4). Returns whether the source is another.
 * *before: the candidate that the SDP names, or NULL, as of source_take().
 */
bool source_name(struct source *s, const struct sockaddr *named, socklen_t len, bool any_host,
		 int64_t now_us, const struct source_candidate **before);

/*
 * Judge a packet. *before: after SOURCE_MOVED, the candidate whose kept packets are to be heard
 * before this one, or NULL; valid until the next call.
 */
enum source_verdict source_take(struct source *s, const struct source_arrival *a,
				const struct source_candidate **before);

/* Is it the current source's host, or the SDP's, or, while nobody was heard, any that may become
 * it? */
bool source_is_host(const struct source *s, const struct sockaddr *from);
/* Is another source heard than the SDP names? */
bool source_is_latched(const struct source *s);
bool source_is_current_host(const struct source *s, const struct sockaddr *from);
/* Is it the current source, or what the SDP names? */
bool source_is_known(const struct source *s, const struct sockaddr *from);

#endif
