/*
 * SDP that asks this server to send audio to itself. Two ends that each name the other's port, or a
 * chain of them through several calls, would send each other the same packets for ever.
 */
#include "call/internal.h"
#include <string.h>

/* Is that the dialog of a target that is called now? */
static bool is_outgoing(const struct call_loop *loop, const char *call_id)
{
	for (const struct call *c = loop->by_serial; c; c = c->hh.next) {
		const struct dial *d = &c->dial;
		for (size_t i = 0; d->active && d->attempts && i <= d->attempt_count; i++)
			if (d->attempts[i].leg &&
			    strcmp(sip_leg_call_id(d->attempts[i].leg), call_id) == 0)
				return true;
	}
	return false;
}

static bool is_incoming(const struct call_loop *loop, const char *call_id)
{
	for (const struct call *c = loop->by_serial; c; c = c->hh.next)
		if (c->leg && strcmp(c->sip_call_id, call_id) == 0)
			return true;
	return false;
}

/*
 * A call that this server sends to itself, as to a number of its own, is one dialog with both ends
 * here. It may name our ports. A loop cannot be made of such dialogs: the Call-ID of the outgoing
 * end is ours and random, so the incoming end is always the newer call.
 */
bool echo_caller(const struct call_loop *loop, const char *call_id, const struct sdp_audio *stream)
{
	return media_is_own(loop->config.media, stream->address, stream->port) &&
	       !is_outgoing(loop, call_id);
}

bool echo_target(const struct attempt *a, const struct sdp_audio *stream)
{
	const struct call_loop *loop = a->call->loop;
	return media_is_own(loop->config.media, stream->address, stream->port) &&
	       !(a->leg && is_incoming(loop, sip_leg_call_id(a->leg)));
}

bool echo_named(const struct call *c, const struct attempt *a, const struct sdp_audio *stream)
{
	return a ? echo_target(a, stream) : echo_caller(c->loop, c->sip_call_id, stream);
}
