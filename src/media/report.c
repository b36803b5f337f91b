/* RTCP (RFC 3550 §6): each end tells its far side how well it is heard, and takes what that tells of us. */
#include "media/end.h"
#include "base/clock.h"
#include "base/network.h"
#include "media/rtcp.h"
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#define NTP_1970 INT64_C(2208988800)

static uint64_t ntp_now(void)
{
	int64_t us = clock_now_us();
	return (uint64_t)(us / 1000000 + NTP_1970) << 32 | (uint64_t)(us % 1000000) * 4294967296u / 1000000;
}

/* 2.5 to 7.6 s from now (§6.2). */
static void schedule(struct media_end *e)
{
	struct media_thread *t = e->thread;
	struct media_end **slot = &t->reports[(t->report_tick + REPORT_SLOTS / 4 + randombytes_uniform(REPORT_SLOTS / 2)) % REPORT_SLOTS];
	e->next_report = *slot;
	e->previous_report = slot;
	if (*slot)
		(*slot)->previous_report = &e->next_report;
	*slot = e;
}

static void unschedule(struct media_end *e)
{
	if (!e->previous_report)
		return;
	*e->previous_report = e->next_report;
	if (e->next_report)
		e->next_report->previous_report = e->previous_report;
	e->previous_report = NULL;
}

void end_report_begin(struct media_end *e)
{
	schedule(e);
}

void end_report_remote(struct media_end *e, const struct sdp_audio *remote, bool moved)
{
	int port = remote->rtcp_port ? remote->rtcp_port : remote->port + 1;
	e->rtcp_mux = remote->rtcp_mux;
	if (!e->has_remote || (!moved && port == e->rtcp_port))
		return;
	e->rtcp_heard = false;
	e->rtcp_port = port;
	e->rtcp_remote = e->remote;
	e->rtcp_remote_len = e->remote_len;
	address_set_port(&e->rtcp_remote, port);
}

void end_report_follow(struct media_end *e)
{
	e->rtcp_heard = false;
	e->rtcp_remote = e->remote;
	e->rtcp_remote_len = e->remote_len;
	address_set_port(&e->rtcp_remote, address_port((const struct sockaddr *)&e->remote) + 1);
}

static void send_report(struct media_end *e, bool bye)
{
	uint8_t packet[RTCP_SIZE];
	int64_t now = clock_monotonic_us();
	bool sent = e->packets_sent != e->packets_reported;
	struct rtcp_block about;
	struct rtcp_sender sender = {ntp_now(), e->last_timestamp + (uint32_t)((now - e->last_sent_us) * e->rate / 1000000), e->packets_sent, e->octets_sent};
	bool heard = quality_report(&e->quality, &about);
	if (!e->has_remote || e->datagrams || (!sent && !heard && !bye) || (bye && !e->reported))
		return;
	if (heard && e->last_report_us) {
		about.last_report = e->last_report;
		about.delay = (uint32_t)((now - e->last_report_us) * 65536 / 1000000);
	}
	e->packets_reported = e->packets_sent;
	size_t len = rtcp_write(packet, e->ssrc, sent ? &sender : NULL, heard ? &about : NULL, e->media->cname, bye);
	const struct sockaddr_storage *to = e->rtcp_mux ? &e->remote : &e->rtcp_remote;
	if (sendto(e->rtcp_mux ? e->socket->fd : e->socket->rtcp_fd, packet, len, MSG_DONTWAIT, (const struct sockaddr *)to, e->rtcp_mux ? e->remote_len : e->rtcp_remote_len) < 0) {
		/* the network's loss */
	}
	e->reported = true;
}

static bool is_from(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	char text[2][ADDRESS_SIZE];
	const struct sockaddr *one = (const struct sockaddr *)a, *other = (const struct sockaddr *)b;
	return address_port(one) == address_port(other) &&
	       strcmp(address_text(one, text[0]), address_text(other, text[1])) == 0;
}

/*
 * Reports go to the SDP's address for them, or to the port after the source's of the audio. Behind
 * NAT, where audio comes from another address than the SDP's, the port for reports is another one,
 * too: the first that a report comes from then.
 */
static void follow_report(struct media_end *e, const struct sockaddr_storage *from, socklen_t len)
{
	if (is_from(&e->rtcp_remote, from)) {
		e->rtcp_heard = true;
		return;
	}
	if (e->rtcp_heard || e->only_to_sdp || !source_is_latched(&e->source) ||
	    !source_is_current_host(&e->source, (const struct sockaddr *)from))
		return;
	e->rtcp_heard = true;
	e->rtcp_remote = *from;
	e->rtcp_remote_len = len;
}

void end_take_report(struct media_end *e, const uint8_t *data, size_t len, const struct sockaddr_storage *from, socklen_t from_len, int64_t now_us)
{
	struct rtcp_report r;
	if (!rtcp_parse(data, len, e->ssrc, &r))
		return;
	if (!r.says_bye)
		end_mark_alive(e, now_us);
	if (!e->rtcp_mux)
		follow_report(e, from, from_len);
	if (r.is_sender) {
		e->last_report = (uint32_t)(r.sender.ntp >> 16);
		e->last_report_us = now_us;
	}
	if (r.is_about)
		quality_told(&e->quality, &r.about, e->packets_sent, (uint32_t)(ntp_now() >> 16));
}

void end_report_end(struct media_end *e)
{
	unschedule(e);
	send_report(e, true);
}

void media_report_tick(struct media_thread *t)
{
	t->report_tick = (t->report_tick + 1) % REPORT_SLOTS;
	for (struct media_end *e = t->reports[t->report_tick], *next; e; e = next) {
		next = e->next_report;
		unschedule(e);
		send_report(e, false);
		schedule(e);
	}
}
