/*
 * Music on hold. A side is on hold while the other one's SDP says that it does not listen:
 * a=sendonly, a=inactive, or the address 0.0.0.0 (RFC 3264 section 8.4). The organization's prompt
 * is then played to it, except while the holder sends audio, which is music of its own.
 */
#include "call/internal.h"

bool hold_has_music(const struct call *c, const struct sdp_audio *holder)
{
	return !holder->receives && c->organization->hold_music_prompt_id;
}

static struct media_end *find_on_hold(const struct call *c)
{
	const struct attempt *a = c->dial.connected ? c->dial.talking : NULL;
	if (!a || !a->leg || c->over)
		return NULL;
	if (hold_has_music(c, &a->sdp) && c->sdp.receives)
		return c->end;
	return hold_has_music(c, &c->sdp) && a->sdp.receives ? a->end : NULL;
}

void hold_update(struct call *c)
{
	struct media_end *end = find_on_hold(c);
	if (end == c->on_hold)
		return;
	if (c->on_hold)
		media_hold(c->on_hold, NULL);
	c->on_hold = end;
	c->hold_request = 0;
	if (!end)
		return;
	const struct flow_prompt prompt = {.prompt_id = c->organization->hold_music_prompt_id};
	struct audio *audio = execute_audio(c, &prompt, &c->hold_request);
	if (audio)
		media_hold(end, audio);
}

bool hold_music_ready(struct call *c, unsigned request, struct audio *audio)
{
	if (!request || c->hold_request != request)
		return false;
	c->hold_request = 0;
	media_hold(c->on_hold, audio);
	return true;
}
