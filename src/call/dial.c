/* Calling targets one after another until one takes the call, and the conversation with it. */
#include "call/internal.h"
#include <stdlib.h>
#include <string.h>

#define TRIES_MAX 64

static void next_try(struct call *c);

static const char *outcome_name(enum flow_dial_outcome o)
{
	static const char *const names[] = {[DIAL_COMPLETED] = "completed", [DIAL_NO_ANSWER] = "no_answer", [DIAL_BUSY] = "busy", [DIAL_FAILED] = "failed", [DIAL_NO_TARGET] = "no_target"};
	return names[o];
}

static enum flow_dial_outcome outcome_of(int status)
{
	if (status == 486 || status == 600)
		return DIAL_BUSY;
	return status == 408 || status == 480 || status == 487 ? DIAL_NO_ANSWER : DIAL_FAILED;
}

/* ---- whom to try ---- */

static void add_try(struct call *c, const struct dial_try *t)
{
	if (c->dial.count < TRIES_MAX)
		c->dial.tries[c->dial.count++] = *t;
}

/* "sip:gw.example:5060;transport=tcp" and +1512… to "sip:+1512…@gw.example:5060;transport=tcp" */
static const char *gateway_uri(struct call *c, const char *gateway, const char *number)
{
	size_t scheme = strcspn(gateway, ":") + 1;
	const char *at = strchr(gateway, '@'), *host = at ? at + 1 : gateway + scheme;
	size_t size = scheme + strlen(number) + strlen(host) + 2;
	char *uri = arena_alloc(&c->arena, size);
	if (uri)
		snprintf(uri, size, "%.*s%s@%s", (int)scheme, gateway, number, host);
	return uri;
}

static void add_number(struct call *c, const struct route_target *target, const char *number, const char *trunk_id, int timeout_seconds)
{
	const struct config_trunk *trunk = organization_trunk(c->organization, trunk_id);
	if (!trunk || !trunk->gateway_count) {
		log_attempt(c, &(struct dial_try){.target = target, .uri = number}, "skipped", 0, "its trunk has no outbound gateway");
		return;
	}
	for (size_t i = 0; i < trunk->gateway_count; i++) {
		struct dial_try t = {
			.target = target, .uri = gateway_uri(c, trunk->gateways[i].uri, number), .timeout_seconds = timeout_seconds,
			.username = trunk->out_username, .password = trunk->out_password, .caller_id = trunk->out_caller_id,
		};
		if (t.uri)
			add_try(c, &t);
	}
}

static void add_target(struct call *c, const struct route_target *target, int timeout_seconds)
{
	if (target->timeout_seconds)
		timeout_seconds = target->timeout_seconds;
	if (target->uri)
		add_try(c, &(struct dial_try){.target = target, .uri = target->uri, .timeout_seconds = timeout_seconds});
	else
		add_number(c, target, target->number, target->trunk_id, timeout_seconds);
}

static void add_plan(struct call *c, const struct route_plan *plan, int timeout_seconds)
{
	struct route_candidate *list = calloc(plan->count + 1, sizeof *list);
	size_t n = list ? route_plan_judge(plan, &c->env, list, plan->count) : 0;
	for (size_t i = 0; i < n; i++) {
		if (list[i].verdict == ROUTE_ELIGIBLE)
			add_target(c, list[i].target, timeout_seconds ? timeout_seconds : plan->timeout_seconds);
		else
			log_attempt(c, &(struct dial_try){.target = list[i].target, .uri = list[i].target->uri}, "skipped", 0, route_verdict_text(list[i].verdict));
	}
	free(list);
}

static void add_targets(struct call *c, const struct flow_dial *to)
{
	for (size_t i = 0; to->target_ids[i]; i++) {
		const struct route_target *t = organization_target(c->organization, to->target_ids[i]);
		bool ok = t && t->enabled && filter_match(t->filter, &c->env);
		if (ok)
			add_target(c, t, to->timeout_seconds);
		else if (t)
			log_attempt(c, &(struct dial_try){.target = t, .uri = t->uri}, "skipped", 0, t->enabled ? "the call does not pass the target's filter" : "the target is disabled");
	}
}

static void add_direct(struct call *c, const struct flow_dial *to)
{
	char number[PHONE_SIZE];
	if (to->uri && c->organization->dial_uris)
		add_try(c, &(struct dial_try){.uri = to->uri, .timeout_seconds = to->timeout_seconds});
	else if (to->number && c->organization->dial_numbers && phone_normalize(to->number, c->organization->region, number))
		add_number(c, NULL, arena_strdup(&c->arena, number), to->trunk_id, to->timeout_seconds);
	else
		log_attempt(c, &(struct dial_try){.uri = to->uri ? to->uri : to->number}, "skipped", 0, "the organization's dial policy does not allow it, or it is no phone number");
}

/* ---- the target's leg ---- */

static void connect_media(struct call *c, const struct sdp_audio *sdp)
{
	media_stop_play(c->end);
	media_set_remote(c->dial.end, sdp);
	media_bridge(c->end, c->dial.end);
}

static void target_progress(void *owner, int status, const char *sdp)
{
	struct call *c = owner;
	struct sdp_audio audio;
	char answer[SDP_SIZE];
	if (!c->dial.ringing_ms)
		c->dial.ringing_ms = clock_now_ms();
	bool early = *sdp && sdp_audio_parse(sdp, &audio);
	if (early) {
		c->dial.early_media = true;
		connect_media(c, &audio);
	}
	if (c->answered || c->want_answer) {
		if (!early && !c->dial.early_media && c->loop->ringback)
			c->play = media_play(c->end, audio_hold(c->loop->ringback));
		return;
	}
	if (early)
		sdp_audio_answer(answer, media_address(c->loop->config.media), media_port(c->end), &c->sdp, c->sdp_session, c->sdp_version);
	sip_leg_ring(c->leg, early ? 183 : status == 183 ? 180 : status, early ? answer : NULL);
}

static void talk_tick(struct call *c);

static void on_talk_timer(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	(void)magic, (void)timer;
	talk_tick((struct call *)arg);
}

static void earn(struct call *c, const struct route_target *t)
{
	c->revenue_told = true;
	c->revenue_micros += t ? t->revenue_micros : 0;
}

static void convert(struct call *c)
{
	c->conversion_told = true;
	c->converted = true;
	if (!c->payout_told)
		c->payout_micros += c->campaign->payout_micros;
	log_event(c, "call.converted", "");
}

/* What is due after so long a talk; then sleep until the next thing that will be. */
static void talk_tick(struct call *c)
{
	const struct route_target *t = c->dial.tries[c->dial.at].target;
	int64_t talked_ms = clock_now_ms() - c->connected_ms, next = -1;
	while (c->next_milestone < c->campaign->milestone_count && talked_ms >= c->campaign->milestones[c->next_milestone] * 1000L) {
		char data[48];
		snprintf(data, sizeof data, "\"seconds\":%d", c->campaign->milestones[c->next_milestone++]);
		log_event(c, "call.milestone", data);
	}
	if (!c->revenue_told && t && talked_ms >= t->revenue_after_seconds * 1000L)
		earn(c, t);
	if (!c->conversion_told && c->campaign->conversion_after_seconds >= 0 && talked_ms >= c->campaign->conversion_after_seconds * 1000L)
		convert(c);
	if (c->dial.max_duration_seconds && talked_ms >= c->dial.max_duration_seconds * 1000L) {
		call_end(c, 0, "completed", "system");
		return;
	}
	const int64_t dues[] = {
		c->next_milestone < c->campaign->milestone_count ? c->campaign->milestones[c->next_milestone] : -1,
		!c->revenue_told && t ? t->revenue_after_seconds : -1,
		!c->conversion_told ? c->campaign->conversion_after_seconds : -1,
		c->dial.max_duration_seconds ? c->dial.max_duration_seconds : -1,
	};
	for (size_t i = 0; i < ARRAY_LEN(dues); i++)
		if (dues[i] >= 0 && (next < 0 || dues[i] * 1000 < next))
			next = dues[i] * 1000;
	if (next >= 0)
		su_timer_set_interval(c->talk_timer, on_talk_timer, c, next > talked_ms ? (su_duration_t)(next - talked_ms) : 1);
}

/* Caller and target talk. */
static void connect_call(struct call *c)
{
	struct dial *d = &c->dial;
	d->accepting = false;
	su_timer_reset(c->step_timer);
	media_stop_play(c->end);
	media_stop_play(d->end);
	media_bridge(c->end, d->end);
	d->connected = true;
	const struct route_target *t = d->tries[d->at].target;
	c->target_id = t ? t->id : NULL;
	call_answer(c);
	c->connected_ms = clock_now_ms();
	if (!c->answered_ms)
		c->answered_ms = c->connected_ms;
	d->sip_status = 200;
	log_attempt(c, &d->tries[d->at], "answered", 200, NULL);
	if (t && !t->revenue_after_seconds && !c->revenue_told)
		earn(c, t);
	log_call_progress(c);
	log_event(c, "call.connected", "");
	talk_tick(c);
}

/* This one is over; on to the next. */
static void give_up(struct call *c, enum flow_dial_outcome outcome, const char *told, int status, const char *reason)
{
	struct dial *d = &c->dial;
	su_timer_reset(c->step_timer);
	media_bridge(c->end, NULL);
	media_stop_play(d->end);
	d->accepting = false;
	d->whisper_request = 0;
	d->outcome = outcome;
	d->sip_status = status;
	log_attempt(c, &d->tries[d->at], told, status, reason);
	sip_leg_release(d->leg, 0);
	d->leg = NULL;
	d->at++;
	next_try(c);
}

/* ---- whisper, and the key that accepts ---- */

#define ACCEPT_SECONDS 10

static void on_accept_timeout(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	struct call *c = (struct call *)arg;
	(void)magic, (void)timer;
	if (c->dial.accepting)
		give_up(c, DIAL_NO_ANSWER, "not_accepted", 200, "it answered, and did not press the key");
}

static void whisper_over(struct call *c)
{
	c->dial.whisper_play = 0;
	if (c->dial.accept_key)
		su_timer_set_interval(c->step_timer, on_accept_timeout, c, ACCEPT_SECONDS * 1000);
	else
		connect_call(c);
}

void dial_whisper_ready(struct call *c, struct audio *audio)
{
	struct dial *d = &c->dial;
	d->whisper_request = 0;
	if (!d->accepting) {
		audio_release(audio);
		return;
	}
	if (audio)
		d->whisper_play = media_play(d->end, audio);
	else /* who cannot hear it still gets the call */
		whisper_over(c);
}

void dial_whisper_played(struct call *c, unsigned play)
{
	if (c->dial.accepting && play == c->dial.whisper_play)
		whisper_over(c);
}

void dial_key(struct call *c, char key)
{
	if (c->dial.accepting && key == c->dial.accept_key)
		connect_call(c);
}

static void start_whisper(struct call *c)
{
	struct dial *d = &c->dial;
	d->accepting = true;
	media_bridge(c->end, NULL);
	if ((c->answered || c->want_answer || d->early_media) && c->loop->ringback)
		c->play = media_play(c->end, audio_hold(c->loop->ringback));
	if (!d->whisper.prompt_id && !d->whisper.text) {
		whisper_over(c);
		return;
	}
	struct audio *audio = execute_audio(c, &d->whisper, &d->whisper_request);
	if (!d->whisper_request)
		dial_whisper_ready(c, audio);
}

static void target_answered(void *owner, const char *sdp)
{
	struct call *c = owner;
	struct dial *d = &c->dial;
	struct sdp_audio audio;
	su_timer_reset(c->step_timer);
	if (!sdp_audio_parse(sdp, &audio)) {
		give_up(c, DIAL_FAILED, "failed", 200, "its answer has no audio that can be used");
		return;
	}
	media_set_remote(d->end, &audio);
	if (d->accept_key || d->whisper.prompt_id || d->whisper.text)
		start_whisper(c);
	else
		connect_call(c);
}

static void finish(struct call *c, enum flow_dial_outcome outcome)
{
	dial_stop(c);
	execute_dial_ended(c, outcome);
}

static void target_failed(void *owner, int status, const char *reason)
{
	enum flow_dial_outcome outcome = outcome_of(status);
	give_up(owner, outcome, outcome_name(outcome), status, reason);
}

static void target_ended(void *owner, const char *how)
{
	struct call *c = owner;
	(void)how;
	if (c->dial.accepting) {
		give_up(c, DIAL_NO_ANSWER, "not_accepted", 200, "it answered, and hung up before the caller was connected");
		return;
	}
	log_trace_input(c, "target_hung_up", "");
	finish(c, DIAL_COMPLETED);
}

static void target_key(void *owner, char key)
{
	dial_key(owner, key);
}

static void target_offered(void *owner, const char *sdp)
{
	struct call *c = owner;
	char answer[SDP_SIZE];
	struct sdp_audio audio;
	if (!*sdp) {
		sdp_audio_offer(answer, media_address(c->loop->config.media), media_port(c->dial.end), c->sdp.codec, c->sdp_session + 1, ++c->sdp_version);
		sip_leg_reoffer_answer(c->dial.leg, 200, answer);
	} else if (sdp_audio_parse(sdp, &audio)) {
		media_set_remote(c->dial.end, &audio);
		sdp_audio_answer(answer, media_address(c->loop->config.media), media_port(c->dial.end), &audio, c->sdp_session + 1, ++c->sdp_version);
		sip_leg_reoffer_answer(c->dial.leg, 200, answer);
	} else {
		sip_leg_reoffer_answer(c->dial.leg, 488, NULL);
	}
}

static const struct sip_leg_handler target_handler = {
	.progress = target_progress, .answered = target_answered, .failed = target_failed, .ended = target_ended, .offered = target_offered, .dtmf = target_key,
};

static void on_ring_timeout(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	struct call *c = (struct call *)arg;
	(void)magic, (void)timer;
	if (c->dial.leg)
		give_up(c, DIAL_NO_ANSWER, "no_answer", 0, "it rang until the time was over");
}

/* ---- trying ---- */

static void add_tag_headers(const struct call *c, struct buf *headers)
{
	for (size_t i = 0; i < c->env.tag_count; i++) {
		const struct tag_def *def = tag_set_get(c->organization->tags, i);
		const struct value *v = &c->tags[i];
		if (v->kind == VALUE_NONE || def->sensitive || v->len > 200 || strspn(def->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != strlen(def->name))
			continue;
		buf_printf(headers, "X-Tag-%s: ", def->name);
		for (size_t k = 0; k < v->len; k++)
			buf_add_char(headers, (unsigned char)v->text[k] < 0x20 ? ' ' : v->text[k]);
		buf_add_str(headers, "\r\n");
	}
}

static bool invite(struct call *c)
{
	struct dial *d = &c->dial;
	const struct dial_try *t = &d->tries[d->at];
	char sdp[SDP_SIZE];
	struct buf headers = {0};
	sdp_audio_offer(sdp, media_address(c->loop->config.media), media_port(d->end), c->sdp.codec, c->sdp_session + 1, 1);
	buf_printf(&headers, "X-Strowger-Call-ID: %s\r\n", c->id);
	if (t->target && t->target->send_tags)
		add_tag_headers(c, &headers);
	struct sip_outgoing out = {
		.uri = t->uri, .from_user = d->caller_id ? d->caller_id : t->caller_id ? t->caller_id : c->caller_id,
		.username = t->username, .password = t->password, .sdp = sdp, .headers = buf_text(&headers),
	};
	d->leg = sip_invite(c->loop->agent, &out, &target_handler, c);
	buf_free(&headers);
	return d->leg != NULL;
}

static void next_try(struct call *c)
{
	struct dial *d = &c->dial;
	for (; d->at < d->count; d->at++) {
		const struct dial_try *t = &d->tries[d->at];
		d->attempt_ms = clock_now_ms();
		d->ringing_ms = 0;
		d->early_media = false;
		if (!invite(c)) {
			d->outcome = DIAL_FAILED;
			log_attempt(c, t, "failed", 0, "its SIP URI cannot be used");
			continue;
		}
		struct buf data = {0};
		json_str(&data, "target_id", t->target ? t->target->id : NULL);
		json_str(&data, "uri", t->uri);
		log_event(c, "call.dialing", buf_text(&data));
		buf_free(&data);
		su_timer_set_interval(c->step_timer, on_ring_timeout, c, (su_duration_t)(t->timeout_seconds ? t->timeout_seconds : 30) * 1000);
		return;
	}
	finish(c, d->count ? d->outcome : DIAL_NO_TARGET);
}

void dial_start(struct call *c, const struct flow_dial *to)
{
	struct dial *d = &c->dial;
	const struct route_plan *plan = to->routing_plan_id ? organization_plan(c->organization, to->routing_plan_id) : NULL;
	*d = (struct dial){.active = true, .max_duration_seconds = to->max_duration_seconds, .outcome = DIAL_NO_TARGET};
	d->caller_id = to->caller_id && *to->caller_id ? to->caller_id : NULL;
	d->whisper = to->whisper;
	d->accept_key = to->accept_key;
	d->tries = arena_alloc(&c->arena, TRIES_MAX * sizeof *d->tries);
	d->end = media_open(c->loop->config.media, c->loop->media_events, c->serial, END_TARGET);
	if (!d->tries || !d->end) {
		finish(c, DIAL_FAILED);
		return;
	}
	if (plan)
		add_plan(c, plan, to->timeout_seconds);
	else if (to->target_ids)
		add_targets(c, to);
	else if (!to->routing_plan_id)
		add_direct(c, to);
	if (!d->count)
		log_event(c, "routing.no_target", "");
	next_try(c);
}

void dial_stop(struct call *c)
{
	struct dial *d = &c->dial;
	if (!d->active)
		return;
	d->active = false;
	d->connected = false;
	d->accepting = false;
	d->whisper_request = 0;
	su_timer_reset(c->step_timer);
	su_timer_reset(c->talk_timer);
	if (d->leg)
		sip_leg_release(d->leg, 0);
	if (d->end)
		media_close(d->end);
	media_stop_play(c->end);
	d->leg = NULL;
	d->end = NULL;
}
