/*
 * media/key_events.h: tells the DTMF digits in a stream of telephone events apart (RFC 4733), each
 * one once: whatever is repeated, lost or late, also of senders whose timestamps do not follow the
 * RFC. Pure.
 */
#ifndef MEDIA_KEY_EVENTS_H
#define MEDIA_KEY_EVENTS_H

#include "media/rtp.h"

#define KEY_EVENTS_KEPT 8 /* so late a packet of a digit may come */

struct key_span { /* one digit */
	char key;
	uint32_t first, last; /* timestamps of its first and its newest packet */
	uint16_t duration;    /* that the newest one names */
};

struct key_events {
	bool began, ended;   /* ended: the newest digit, by an end packet */
	uint32_t ssrc, rate; /* rate: of the events' timestamps, Hz; 0: 8000 */
	uint16_t sequence;   /* the highest of an event */
	size_t count;
	struct key_span spans[KEY_EVENTS_KEPT]; /* the newest first */
};

/* Take a packet of events, in the order of arrival. Is it the first of a digit that was heard? */
bool key_events_take(struct key_events *k, const struct rtp_packet *p,
		     const struct telephone_event *event);

#endif
