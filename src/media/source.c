#include "media/source.h"
#include <string.h>

#define CANDIDATE_IDLE_US 200000 /* then another one may have its place */
#define STEP_MAX 100 /* a stream's sequence numbers move by no more from packet to packet */

static bool same_host(const struct sockaddr *a, const struct sockaddr *b)
{
	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
		      &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

/* Ports have the same place in both families. */
static bool is_same(const struct source_address *a, const struct sockaddr *b)
{
	return a->len && same_host(&a->ip.any, b) &&
	       a->ip.v4.sin_port == ((const struct sockaddr_in *)b)->sin_port;
}

static bool is_unspecified(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr == 0;
	return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

static struct source_address address_of(const struct sockaddr *a, socklen_t len)
{
	struct source_address out = {.len = len};
	if (len > sizeof out.ip)
		return (struct source_address){0};
	memcpy(&out.ip, a, len);
	return out;
}

/*
 * Packets of the source that an SDP replaces are still on their way. One that an SDP had named is
 * gone for good. Another one, whose sender does not send from where it listens, may go on.
 */
static void leave_current(struct source *s, int64_t now_us)
{
	bool named = is_same(&s->host, &s->current.ip.any);
	memmove(&s->former[1], &s->former[0], sizeof s->former - sizeof s->former[0]);
	s->former[0].address = s->current;
	s->former[0].until_us = named ? INT64_MAX : now_us + SOURCE_SILENT_US;
}

static bool is_former(const struct source *s, const struct sockaddr *from, int64_t now_us)
{
	for (size_t i = 0; i < SOURCE_FORMER; i++)
		if (is_same(&s->former[i].address, from) && now_us < s->former[i].until_us)
			return true;
	return false;
}

static void forget_former(struct source *s, const struct sockaddr *address)
{
	for (size_t i = 0; i < SOURCE_FORMER; i++)
		if (is_same(&s->former[i].address, address))
			s->former[i].address.len = 0;
}

static void drop_candidates(struct source *s)
{
	for (size_t i = 0; i < SOURCE_CANDIDATES; i++)
		s->candidates[i].packets = 0;
}

/* The candidate that an SDP names: its first packets may come before the SDP. */
static const struct source_candidate *named_candidate(const struct source *s,
						      const struct sockaddr *named, int64_t now_us)
{
	for (size_t i = 0; i < SOURCE_CANDIDATES; i++) {
		const struct source_candidate *c = &s->candidates[i];
		if (c->packets && now_us - c->last_us <= CANDIDATE_IDLE_US &&
		    is_same(&c->from, named))
			return c;
	}
	return NULL;
}

bool source_name(struct source *s, const struct sockaddr *named, socklen_t len, bool any_host,
		 int64_t now_us, const struct source_candidate **before)
{
	*before = named_candidate(s, named, now_us);
	s->began = true;
	bool unspecified = is_unspecified(named);
	if (!unspecified || !s->host.len)
		s->any_host = any_host;
	s->heard_us = 0;
	drop_candidates(s);
	if (unspecified) { /* the present source may play music on hold */
		s->named.len = 0;
		return false;
	}
	bool stays = s->current.len && is_same(&s->host, named) && !s->is_guest;
	forget_former(s, named);
	if (!stays && s->current.len && !is_same(&s->current, named))
		leave_current(s, now_us);
	s->named = s->host = address_of(named, len);
	s->is_guest = false;
	if (!stays)
		s->current = s->named;
	return !stays;
}

/* The candidate's place, a free one for it, or NULL: others are at it. */
static struct source_candidate *find_candidate(struct source *s, const struct source_arrival *a)
{
	struct source_candidate *free_place = NULL;
	for (size_t i = 0; i < SOURCE_CANDIDATES; i++) {
		struct source_candidate *c = &s->candidates[i];
		if (c->packets && a->now_us - c->last_us > CANDIDATE_IDLE_US)
			c->packets = 0;
		if (!c->packets)
			free_place = free_place ? free_place : c;
		else if (is_same(&c->from, a->from))
			return c;
	}
	return free_place;
}

/* The latest packets are kept, in order. */
static void keep(struct source_candidate *c, const struct source_arrival *a)
{
	if (a->len > SOURCE_KEPT_SIZE)
		return;
	if (c->kept_count == SOURCE_KEPT) {
		c->kept_count--;
		memmove(&c->kept[0], &c->kept[1], c->kept_count * sizeof c->kept[0]);
	}
	struct source_packet *p = &c->kept[c->kept_count++];
	p->came_us = a->now_us;
	p->len = a->len;
	memcpy(p->data, a->data, a->len);
}

/* Is it another packet of the stream that the candidate sends? Otherwise it begins one. */
static bool continues(struct source_candidate *c, const struct source_arrival *a)
{
	const struct rtp_packet *p = a->rtp;
	int step = (int16_t)(uint16_t)(p->sequence - c->sequence);
	bool same = c->packets && c->ssrc == p->ssrc && step >= -STEP_MAX && step <= STEP_MAX;
	if (same && step <= 0)
		return false;
	if (!same) {
		c->packets = 0;
		c->kept_count = 0;
		c->from = address_of(a->from, a->from_len);
		c->ssrc = p->ssrc;
	}
	c->sequence = p->sequence;
	c->packets++;
	c->last_us = a->now_us;
	return true;
}

static bool may_be_candidate(const struct source *s, const struct sockaddr *from)
{
	return !s->began || s->any_host || (s->host.len && same_host(&s->host.ip.any, from));
}

static enum source_verdict move(struct source *s, const struct source_arrival *a)
{
	s->current = address_of(a->from, a->from_len);
	s->heard_us = a->now_us;
	s->is_guest = !s->named.len;
	drop_candidates(s);
	return SOURCE_MOVED;
}

enum source_verdict source_take(struct source *s, const struct source_arrival *a,
				const struct source_candidate **before)
{
	*before = NULL;
	if (is_same(&s->current, a->from)) {
		s->heard_us = a->now_us;
		return SOURCE_HEARD;
	}
	if (is_same(&s->named, a->from))
		return move(s, a);
	if (!may_be_candidate(s, a->from) || is_former(s, a->from, a->now_us))
		return SOURCE_IGNORED;
	struct source_candidate *c = find_candidate(s, a);
	if (!c || !continues(c, a))
		return SOURCE_IGNORED;
	bool silent = s->began && (!s->heard_us || a->now_us - s->heard_us >= SOURCE_SILENT_US);
	if (!silent || c->packets < SOURCE_PACKETS) {
		keep(c, a);
		return SOURCE_WAITS;
	}
	*before = c;
	return move(s, a);
}

bool source_is_known(const struct source *s, const struct sockaddr *from)
{
	return is_same(&s->current, from) || is_same(&s->named, from);
}

bool source_is_latched(const struct source *s)
{
	return s->current.len && !is_same(&s->named, &s->current.ip.any);
}

bool source_is_current_host(const struct source *s, const struct sockaddr *from)
{
	return s->current.len && same_host(&s->current.ip.any, from);
}

bool source_is_host(const struct source *s, const struct sockaddr *from)
{
	if (s->current.len && same_host(&s->current.ip.any, from))
		return true;
	if (s->named.len && same_host(&s->named.ip.any, from))
		return true;
	return s->began && !s->heard_us && may_be_candidate(s, from);
}
