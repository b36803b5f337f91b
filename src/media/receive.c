/* What comes to an end: whose it may be, what is heard in it, and passing it on. */
#include "media/end.h"
#include "base/clock.h"
#include "media/rtcp.h"
#include <string.h>
#include <sys/socket.h>

#define BURST 16 /* packets read from a socket at once */

/* Pass a packet on through the other end, in that end's codec and numbering. Sequence
 * gaps and timestamps stay as they came, so loss and jitter can still be seen behind us. */
static void relay(struct media_end *to, const struct rtp_packet *p, bool is_key, int64_t now_us)
{
	uint8_t packet[PACKET_MAX];
	uint8_t type = is_key ? (uint8_t)to->telephone_event : to->codec;
	if (!to->has_remote || !to->may_send || to->audio || p->payload_len > sizeof packet - RTP_HEADER_SIZE || (is_key && to->telephone_event < 0) || (!is_key && end_key_sounds(to)))
		return;
	to->comforts = false;
	if (!to->relaying || to->relay_ssrc != p->ssrc) {
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
	memcpy(packet + RTP_HEADER_SIZE, p->payload, p->payload_len);
	if (!is_key && !to->passes && p->payload_type != to->codec) {
		const uint8_t *table = to->codec == CODEC_PCMA ? to->media->to_alaw : to->media->to_ulaw;
		for (size_t i = 0; i < p->payload_len; i++)
			packet[RTP_HEADER_SIZE + i] = table[p->payload[i]];
	}
	if ((int16_t)(out.sequence - to->sequence) >= 0) {
		to->sequence = (uint16_t)(out.sequence + 1);
		to->timestamp = out.timestamp + (is_key ? 0 : to->passes ? end_frame_time(to) : (uint32_t)p->payload_len);
	}
	if (to->beeping && !is_key)
		end_mix_tone(to, out.timestamp, packet + RTP_HEADER_SIZE, p->payload_len);
	to->sent = true;
	if (to->recording && !is_key)
		end_record_said(to, out.timestamp, packet + RTP_HEADER_SIZE, p->payload_len);
	if (sendto(to->socket->fd, packet, RTP_HEADER_SIZE + p->payload_len, MSG_DONTWAIT, (struct sockaddr *)&to->remote, to->remote_len) < 0) {
		/* the network's loss */
	}
	end_count_sent(to, out.timestamp, p->payload_len, now_us);
}

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr == ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

/* Symmetric RTP (RFC 4961): the first packet from the negotiated host fixes the port we
 * answer to; another host, or another port after that, is not heard. */
static bool accept_source(struct media_end *e, const struct sockaddr_storage *from, socklen_t len)
{
	if (!e->has_remote)
		return false;
	if (!e->latched) {
		if (!same_host(from, &e->remote))
			return false;
		e->remote = *from;
		e->remote_len = len;
		e->latched = true;
		return true;
	}
	return len == e->remote_len && memcmp(from, &e->remote, len) == 0;
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
}

static void take_packet(struct media_end *e, const struct rtp_packet *p, int64_t now_us)
{
	bool is_key = e->telephone_event >= 0 && (p->payload_type == e->telephone_event || p->payload_type == e->other_event);
	if (!is_key && !speaks(e, p->payload_type)) {
		if (p->payload_type == COMFORT_NOISE && !e->passes) {
			mark_heard(e, now_us);
			quality_take(&e->quality, p, true, now_us);
			end_hear_comfort(e, p, now_us);
		}
		return;
	}
	if (is_key)
		end_hear_event(e, p);
	else
		end_hear_tones(e, p);
	quality_take(&e->quality, p, is_key, now_us);
	mark_heard(e, now_us);
	if (e->recording)
		end_record_heard(e, p);
	if (e->peer && e->peer->passes == e->passes && (!is_key || e->key_way == KEY_EVENT))
		relay(e->peer, p, is_key, now_us);
}

void end_receive(struct rtp_socket *socket)
{
	static _Thread_local struct burst b;
	struct media_end *e = socket->end;
	int n = read_burst(socket->fd, &b);
	int64_t now = n > 0 ? clock_monotonic_us() : 0;
	for (int i = 0; e && i < n; i++) {
		struct rtp_packet p;
		socklen_t from_len = b.messages[i].msg_hdr.msg_namelen;
		size_t len = b.messages[i].msg_len;
		if (!accept_source(e, &b.from[i], from_len))
			continue;
		if (e->rtcp_mux && rtcp_looks_so(b.data[i], len))
			end_take_report(e, b.data[i], len, &b.from[i], from_len, now);
		else if (rtp_parse(b.data[i], len, &p))
			take_packet(e, &p, now);
	}
}

/* What is told from the host that audio is exchanged with. */
void end_receive_rtcp(struct rtp_socket *socket)
{
	static _Thread_local struct burst b;
	struct media_end *e = socket->end;
	int n = read_burst(socket->rtcp_fd, &b);
	int64_t now = n > 0 ? clock_monotonic_us() : 0;
	for (int i = 0; e && i < n; i++)
		if (e->has_remote && !e->rtcp_mux && same_host(&b.from[i], &e->remote))
			end_take_report(e, b.data[i], b.messages[i].msg_len, &b.from[i], b.messages[i].msg_hdr.msg_namelen, now);
}
