/* What comes to an end: whose it may be, what is heard in it, and passing it on. */
#include "media/end.h"
#include "base/clock.h"
#include "media/rtcp.h"
#include <string.h>
#include <sys/socket.h>

#define BURST 16 /* packets read from a socket at once */

enum relayed { RELAY_AUDIO, RELAY_SILENCE, RELAY_EVENT };

static bool may_relay(const struct media_end *to, const struct rtp_packet *p, enum relayed what)
{
	if (!to->has_remote || !to->may_send || to->datagrams || to->audio)
		return false;
	if (p->payload_len > PACKET_MAX - RTP_HEADER_SIZE)
		return false;
	return what == RELAY_EVENT ? end_takes_events(to) : !end_key_sounds(to);
}

/* The payload in the other end's codec. */
static void relay_payload(const struct media_end *to, const struct rtp_packet *p,
			  enum relayed what, uint8_t *out)
{
	const struct media *m = to->media;
	const uint8_t *table = to->codec == CODEC_PCMA ? m->to_alaw : m->to_ulaw;
	if (what == RELAY_SILENCE) {
		memset(out, to->codec == CODEC_PCMA ? m->to_alaw[0xff] : 0xff, p->payload_len);
		return;
	}
	memcpy(out, p->payload, p->payload_len);
	if (what == RELAY_EVENT || to->passes || p->payload_type == to->codec)
		return;
	for (size_t i = 0; i < p->payload_len; i++)
		out[i] = table[p->payload[i]];
}

/* Pass a packet on through the other end, in that end's codec and numbering. Sequence
 * gaps and timestamps stay as they came, so loss and jitter can still be seen behind us. */
static void relay(struct media_end *to, const struct rtp_packet *p, enum relayed what,
		  int64_t now_us)
{
	uint8_t packet[PACKET_MAX];
	bool is_key = what == RELAY_EVENT;
	uint8_t type = is_key ? (uint8_t)to->telephone_event : to->codec;
	if (!may_relay(to, p, what))
		return;
	to->comforts = false;
	if (!to->relaying || to->relay_ssrc != p->ssrc) {
		end_catch_up(to, now_us);
		to->relaying = true;
		to->relay_ssrc = p->ssrc;
		to->sequence_offset = (uint16_t)(to->sequence - p->sequence);
		to->timestamp_offset = to->timestamp - p->timestamp;
		to->marker = true;
	}
	struct rtp_packet out = {
		.payload_type = type, .marker = p->marker || (to->marker && !is_key),
		.sequence = (uint16_t)(p->sequence + to->sequence_offset),
		.timestamp = p->timestamp + to->timestamp_offset, .ssrc = to->ssrc,
	};
	to->marker = false;
	rtp_write_header(packet, &out);
	relay_payload(to, p, what, packet + RTP_HEADER_SIZE);
	if ((int16_t)(out.sequence - to->sequence) >= 0) {
		to->sequence = (uint16_t)(out.sequence + 1);
		to->timestamp = out.timestamp + (is_key ? 0 : to->passes ? end_frame_time(to) : (uint32_t)p->payload_len);
	}
	if (to->beeping && !is_key && !to->passes)
		end_mix_tone(to, out.timestamp, packet + RTP_HEADER_SIZE, p->payload_len);
	to->sent = true;
	if (to->recording && !is_key && !to->passes)
		end_record_said(to, out.timestamp, packet + RTP_HEADER_SIZE, p->payload_len);
	if (sendto(to->socket->fd, packet, RTP_HEADER_SIZE + p->payload_len, MSG_DONTWAIT, (struct sockaddr *)&to->remote, to->remote_len) < 0) {
		/* the network's loss */
	}
	end_count_sent(to, out.timestamp, p->payload_len, now_us);
}

/* A burst of packets as they wait in a socket. */
struct burst {
	uint8_t data[BURST][PACKET_MAX];
	struct sockaddr_storage from[BURST];
	struct mmsghdr messages[BURST];
	struct iovec parts[BURST];
};

static int read_burst(int fd, struct burst *b)
{
	for (int i = 0; i < BURST; i++) {
		b->parts[i] = (struct iovec){b->data[i], sizeof b->data[i]};
		b->messages[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &b->from[i], .msg_namelen = sizeof b->from[i], .msg_iov = &b->parts[i], .msg_iovlen = 1}};
	}
	return recvmmsg(fd, b->messages, BURST, MSG_DONTWAIT, NULL);
}

/* Is it the audio's? */
static bool speaks(const struct media_end *e, int payload_type)
{
	if (e->passes)
		return payload_type == e->codec || payload_type == e->other_codec;
	return payload_type == CODEC_PCMU || payload_type == CODEC_PCMA;
}

static void mark_heard(struct media_end *e, int64_t now_us)
{
	if (!e->watched)
		end_comfort_watch(e);
	atomic_store_explicit(&e->heard_ms, now_us / 1000, memory_order_relaxed);
	end_mark_alive(e, now_us);
}

static bool is_key_type(const struct media_end *e, int payload_type)
{
	return e->telephone_event >= 0 &&
	       (payload_type == e->telephone_event || payload_type == e->other_event);
}

/* May a packet of this type tell where audio comes from? */
static bool is_agreed(const struct media_end *e, int payload_type)
{
	return is_key_type(e, payload_type) || speaks(e, payload_type) ||
	       payload_type == COMFORT_NOISE;
}

static bool is_recorded(const struct media_end *e)
{
	return e->recording || e->beeping;
}

/* Is what it hears relayed as it came? */
static bool has_same_codec(const struct media_end *e)
{
	const struct media_end *to = e->peer;
	if (!to || to->passes != e->passes || to->speech != e->speech)
		return false;
	return !e->speech || !(is_recorded(e) || is_recorded(to));
}

static bool is_converted(const struct media_end *e)
{
	if (e->passes)
		return e->speech;
	return e->peer && e->peer->passes && e->peer->speech;
}

static void pass_key(struct media_end *e, const struct rtp_packet *p, int64_t now_us)
{
	if (!e->peer || e->key_way != KEY_EVENT)
		return;
	if (has_same_codec(e))
		relay(e->peer, p, RELAY_EVENT, now_us);
	else if (end_speaks(e) && end_speaks(e->peer))
		end_convert_key(e, p);
}

static void take_packet(struct media_end *e, const struct rtp_packet *p, int64_t now_us)
{
	bool is_key = is_key_type(e, p->payload_type);
	enum relayed what = is_key ? RELAY_EVENT : RELAY_AUDIO;
	if (!is_key && !speaks(e, p->payload_type)) {
		end_mark_alive(e, now_us);
		if (p->payload_type == COMFORT_NOISE && !e->passes) {
			mark_heard(e, now_us);
			quality_take(&e->quality, p, true, now_us);
			end_hear_comfort(e, p, now_us);
		}
		return;
	}
	if (is_key)
		end_hear_event(e, p);
	else if (end_hear_tones(e, p))
		what = RELAY_SILENCE;
	quality_take(&e->quality, p, is_key, now_us);
	mark_heard(e, now_us);
	if (e->recording)
		end_record_heard(e, p);
	if (is_key)
		pass_key(e, p, now_us);
	else if (has_same_codec(e))
		relay(e->peer, p, what, now_us);
	else if (is_converted(e))
		end_convert(e, p, what == RELAY_SILENCE);
}

/* Packets come from another source from now on: audio is sent there (RFC 4961). */
static void follow_source(struct media_end *e)
{
	const struct source_address *now = &e->source.current;
	if (e->only_to_sdp || !e->has_remote)
		return;
	memcpy(&e->remote, &now->ip, now->len);
	e->remote_len = now->len;
	end_report_follow(e);
}

/* Relay a UDPTL datagram without a change (ITU-T T.38). */
static void relay_datagram(struct media_end *e, const uint8_t *data, size_t len, int64_t now_us)
{
	struct media_end *to = e->peer;
	end_mark_alive(e, now_us);
	if (!to || !to->datagrams || !to->has_remote)
		return;
	const struct sockaddr *remote = (const struct sockaddr *)&to->remote;
	if (sendto(to->socket->fd, data, len, MSG_DONTWAIT, remote, to->remote_len) < 0) {
		/* the network's loss: UDPTL repeats what it said */
	}
}

void end_hear_kept(struct media_end *e, const struct source_candidate *c)
{
	struct rtp_packet p;
	if (e->datagrams) {
		for (size_t i = 0; i < c->kept_count; i++)
			relay_datagram(e, c->kept[i].data, c->kept[i].len, c->kept[i].came_us);
		return;
	}
	for (size_t i = 0; i < c->kept_count; i++)
		if (rtp_parse(c->kept[i].data, c->kept[i].len, &p))
			take_packet(e, &p, c->kept[i].came_us);
}

/*
 * UDPTL: where it may come from follows the rules of RTP, as its packets have a sequence number,
 * too.
 */
static void receive_datagram(struct media_end *e, struct source_arrival a)
{
	const struct source_candidate *before;
	if (a.len < 2)
		return;
	const struct rtp_packet numbered = {.sequence = (uint16_t)(a.data[0] << 8 | a.data[1])};
	a.rtp = &numbered;
	enum source_verdict verdict = source_take(&e->source, &a, &before);
	if (verdict == SOURCE_IGNORED || verdict == SOURCE_WAITS)
		return;
	if (verdict == SOURCE_MOVED)
		follow_source(e);
	if (verdict == SOURCE_MOVED && before)
		end_hear_kept(e, before);
	relay_datagram(e, a.data, a.len, a.now_us);
}

static void receive_rtp(struct media_end *e, const struct source_arrival *a)
{
	const struct source_candidate *before;
	/* A packet of another type may keep a NAT's port open (RFC 6263). */
	if (!is_agreed(e, a->rtp->payload_type)) {
		if (source_is_known(&e->source, a->from))
			end_mark_alive(e, a->now_us);
		return;
	}
	switch (source_take(&e->source, a, &before)) {
	case SOURCE_IGNORED:
	case SOURCE_WAITS:
		return;
	case SOURCE_MOVED:
		follow_source(e);
		if (before)
			end_hear_kept(e, before);
		break;
	case SOURCE_HEARD:
		break;
	}
	take_packet(e, a->rtp, a->now_us);
}

void end_receive(struct rtp_socket *socket)
{
	static _Thread_local struct burst b;
	struct media_end *e = socket->end;
	int n = read_burst(socket->fd, &b);
	int64_t now = n > 0 ? clock_monotonic_us() : 0;
	for (int i = 0; e && i < n; i++) {
		struct rtp_packet p;
		const struct source_arrival a = {
			.from = (const struct sockaddr *)&b.from[i],
			.from_len = b.messages[i].msg_hdr.msg_namelen,
			.data = b.data[i],
			.len = b.messages[i].msg_len,
			.rtp = &p,
			.now_us = now,
		};
		if (e->datagrams) {
			receive_datagram(e, a);
		} else if (e->rtcp_mux && rtcp_looks_so(a.data, a.len)) {
			if (source_is_host(&e->source, a.from))
				end_take_report(e, a.data, a.len, &b.from[i], a.from_len, now);
		} else if (rtp_parse(a.data, a.len, &p)) {
			receive_rtp(e, &a);
		}
	}
}

/* Reports count that come from the host that audio is exchanged with. */
void end_receive_rtcp(struct rtp_socket *socket)
{
	static _Thread_local struct burst b;
	struct media_end *e = socket->end;
	int n = read_burst(socket->rtcp_fd, &b);
	int64_t now = n > 0 ? clock_monotonic_us() : 0;
	for (int i = 0; e && i < n; i++) {
		const struct sockaddr *from = (const struct sockaddr *)&b.from[i];
		if (!e->rtcp_mux && source_is_host(&e->source, from))
			end_take_report(e, b.data[i], b.messages[i].msg_len, &b.from[i], b.messages[i].msg_hdr.msg_namelen, now);
	}
}
