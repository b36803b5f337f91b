/* Callers who wait for a target of their plan to be free: who waits longest is next. */
#include "call/internal.h"
#include <utlist.h>

#define AGAIN_MS 1000 /* after an attempt, so that one who refuses at once is not called without end */

static void unlist(struct call *c)
{
	if (c->dial.waiting)
		DL_DELETE2(c->loop->waiting, c, prev_waiting, next_waiting);
	c->dial.waiting = false;
}

static void play_music(struct call *c, struct audio *audio)
{
	c->dial.music_play = audio ? media_play(c->end, audio) : 0;
}

static void ask_for_music(struct call *c)
{
	const struct flow_prompt prompt = {.prompt_id = c->dial.asked_plan->wait_prompt_id};
	struct audio *audio = execute_audio(c, &prompt, &c->dial.music_request);
	if (!c->dial.music_request)
		play_music(c, audio);
}

bool queue_music_ready(struct call *c, unsigned request, struct audio *audio)
{
	if (!request || !c->dial.active || c->dial.music_request != request)
		return false;
	c->dial.music_request = 0;
	if (c->dial.connected)
		audio_release(audio);
	else
		play_music(c, audio);
	return true;
}

bool queue_music_played(struct call *c, unsigned play)
{
	struct dial *d = &c->dial;
	if (!d->active || !d->music_play || play != d->music_play)
		return false;
	d->music_play = 0;
	if (!d->connected)
		ask_for_music(c);
	return true;
}

/* It stands among the attempts, once it is over. */
void queue_leave(struct call *c)
{
	char reason[80];
	unlist(c);
	if (!c->dial.waits_since_ms)
		return;
	snprintf(reason, sizeof reason, "the caller waited %d seconds for a target to be free", (int)((clock_monotonic_ms() - c->dial.waits_since_ms + 500) / 1000));
	log_attempt(c, &(struct dial_try){0}, NULL, "waited", 0, reason);
	c->dial.waits_since_ms = 0;
}

static void begin_to_wait(struct call *c)
{
	if (c->dial.asked_plan->wait_prompt_id) {
		call_speak(c);
		ask_for_music(c);
	} else if (c->answered || c->want_answer) {
		call_ring_back(c);
	} else {
		call_ring(c, 180, false);
	}
}

static void on_waited(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	struct call *c = (struct call *)arg;
	(void)magic, (void)timer;
	if (!c->dial.active || !c->dial.waiting)
		return;
	if (!c->dial.count)
		log_event(c, "routing.no_target", "");
	dial_finish(c, c->dial.count ? c->dial.outcome : DIAL_NO_TARGET);
}

bool queue_wait(struct call *c)
{
	struct dial *d = &c->dial;
	int64_t now = clock_monotonic_ms();
	bool first = !d->waits_since_ms;
	if (!d->asked_plan || !d->asked_plan->wait_seconds || !d->busy || (!first && now >= d->wait_until_ms))
		return false;
	if (first) {
		d->waits_since_ms = now;
		d->wait_until_ms = now + d->asked_plan->wait_seconds * INT64_C(1000);
		begin_to_wait(c);
	}
	d->wait_again_ms = first ? now : now + AGAIN_MS;
	d->waiting = true;
	DL_APPEND2(c->loop->waiting, c, prev_waiting, next_waiting);
	su_timer_set_interval(c->step_timer, on_waited, c, d->wait_until_ms > now ? (su_duration_t)(d->wait_until_ms - now) : 1);
	return true;
}

void queue_serve(struct call_loop *loop)
{
	struct call *c, *next;
	int64_t now = loop->waiting ? clock_monotonic_ms() : 0;
	bool freed = loop->room_freed;
	loop->room_freed = false;
	for (c = loop->waiting; c; c = next) {
		next = c->next_waiting;
		bool again = c->dial.wait_again_ms > c->dial.waits_since_ms; /* it had its chance, whatever was freed since */
		if (c->dial.wait_again_ms > now || (!freed && !again))
			continue;
		c->dial.wait_again_ms = c->dial.waits_since_ms;
		dial_add_plans(c);
		if (!c->dial.count)
			continue;
		unlist(c);
		dial_try_more(c);
	}
}
