#include "media/key_events.h"
#include <string.h>

#define PRESS_MIN_MS 80 /* from press to press: 40 ms each of tone and pause (ITU-T Q.24) */
#define PAUSE_MIN_MS 40
#define LATE_MAX 200	      /* packets; the sender began anew where one is later */
#define SEGMENT_MAX 0xffff    /* RFC 4733 section 2.5.1.3 */
#define SEGMENT_NEARLY 0xf000 /* no press but a long one names that */

static int32_t samples(const struct key_events *k, int32_t ms)
{
	return ms * (int32_t)(k->rate ? k->rate : 8000) / 1000;
}

static void add_span(struct key_events *k, size_t at, const struct rtp_packet *p,
		     const struct telephone_event *event)
{
	if (k->count < KEY_EVENTS_KEPT)
		k->count++;
	memmove(&k->spans[at + 1], &k->spans[at], (KEY_EVENTS_KEPT - 1 - at) * sizeof k->spans[0]);
	k->spans[at] = (struct key_span){
		.key = event->key,
		.first = p->timestamp,
		.last = p->timestamp,
		.duration = event->duration,
	};
}

/* After an end packet: its repeats, also of senders that count the timestamp on for them. */
static bool continues_ended(const struct key_events *k, const struct rtp_packet *p,
			    const struct telephone_event *event, int32_t step)
{
	int32_t duration = k->spans[0].duration, least = samples(k, PRESS_MIN_MS);
	if (event->end)
		return step > -least && step < (duration > least ? duration : least);
	/* a segment that was marked as the end by mistake */
	return !p->marker && duration >= SEGMENT_NEARLY && step == duration;
}

/* Does a packet that was sent after all others go on with the newest digit? */
static bool continues(const struct key_events *k, const struct rtp_packet *p,
		      const struct telephone_event *event)
{
	const struct key_span *newest = &k->spans[0];
	int32_t step = (int32_t)(p->timestamp - newest->last), least = samples(k, PRESS_MIN_MS);
	if (!k->count || newest->key != event->key)
		return false;
	if (k->ended)
		return continues_ended(k, p, event, step);
	if (step == 0) /* unless all end packets are lost, and the timestamp stands still */
		return !p->marker || event->duration >= newest->duration;
	if (step > -least && step < least) /* the timestamp is counted on with each packet */
		return true;
	if (step == SEGMENT_MAX)
		return true;
	/* another segment begins where the one before ended; another press after a pause */
	return !p->marker && step > 0 && step < newest->duration + samples(k, PAUSE_MIN_MS);
}

/* A packet that was sent before others that came: of which digit? */
static bool is_of(const struct key_events *k, const struct key_span *span, char key,
		  uint32_t timestamp)
{
	int32_t least = samples(k, PRESS_MIN_MS);
	return span->key == key && (int32_t)(timestamp - span->first) > -least &&
	       (int32_t)(timestamp - span->last) < least;
}

static bool take_late(struct key_events *k, const struct rtp_packet *p,
		      const struct telephone_event *event)
{
	for (size_t i = 0; i < k->count; i++)
		if (is_of(k, &k->spans[i], event->key, p->timestamp))
			return false;
	add_span(k, 1, p, event);
	return true;
}

bool key_events_take(struct key_events *k, const struct rtp_packet *p,
		     const struct telephone_event *event)
{
	int step = (int16_t)(uint16_t)(p->sequence - k->sequence);
	bool anew = !k->began || k->ssrc != p->ssrc || step < -LATE_MAX;
	if (anew)
		*k = (struct key_events){.began = true, .ssrc = p->ssrc, .rate = k->rate};
	else if (step == 0)
		return false;
	else if (step < 0 && (int32_t)(p->timestamp - k->spans[0].last) <= SEGMENT_MAX)
		return take_late(k, p, event);
	bool same = continues(k, p, event);
	if (!same)
		add_span(k, 0, p, event);
	k->sequence = p->sequence;
	k->spans[0].last = p->timestamp;
	k->spans[0].duration = event->duration;
	k->ended = event->end || (same && k->ended);
	return !same;
}
