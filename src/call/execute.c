/* Performing what the flow (or the routing plan) asks for, and telling it what happened. */
#include "call/internal.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>

static void flow_input(struct call *c, const struct flow_input *input);

static void after(struct call *c, int ms, su_timer_f f)
{
	su_timer_set_interval(c->step_timer, f, c, ms > 0 ? ms : 1);
}

/* ---- prompts ---- */

struct audio *execute_audio(struct call *c, const struct flow_prompt *prompt, unsigned *request)
{
	const struct config_prompt *p = prompt->prompt_id ? organization_prompt(c->organization, prompt->prompt_id) : NULL;
	const char *text = p ? p->text : prompt->text, *voice = p ? p->voice : prompt->voice;
	char path[512];
	*request = 0;
	if (prompt->prompt_id && !p)
		return NULL;
	bool file = p && p->has_audio;
	if (file)
		snprintf(path, sizeof path, "%s/%s.wav", c->loop->config.prompt_dir, p->id);
	else if (!text || !*text)
		return NULL;
	struct audio *a = prompts_request(c->loop->config.prompts, file ? path : NULL, text, voice, c->loop->prompt_answers, c->serial, request);
	if (a)
		*request = 0;
	return a;
}

static void prompt_started(struct call *c, struct audio *audio);

static void start_prompt(struct call *c, const struct flow_prompt *prompt)
{
	call_speak(c);
	struct audio *audio = execute_audio(c, prompt, &c->prompt_request);
	c->playing = true;
	if (!c->prompt_request)
		prompt_started(c, audio);
}

void execute_prompt_ready(struct call *c, unsigned request, struct audio *audio)
{
	if (dial_whisper_ready(c, request, audio) || hold_music_ready(c, request, audio))
		return;
	if (request != c->prompt_request || !c->playing || c->over) {
		audio_release(audio);
		return;
	}
	c->prompt_request = 0;
	prompt_started(c, audio);
}

static void played(struct call *c, bool ok);

static void prompt_started(struct call *c, struct audio *audio)
{
	if (!audio) {
		played(c, false);
		return;
	}
	c->play = media_play(c->end, audio);
}

/* ---- digits ---- */

static void digits_done(struct call *c, bool finished)
{
	struct collect *d = &c->collect;
	struct flow_input in = {.kind = FLOW_INPUT_DIGITS, .u.digits = {d->digits, finished}};
	struct buf data = {0};
	d->active = false;
	d->digits[d->len] = '\0';
	su_timer_reset(c->step_timer);
	json_str(&data, "digits", d->sensitive ? "(sensitive)" : d->digits);
	json_bool(&data, "finished", finished);
	log_trace_input(c, "digits", buf_text(&data));
	buf_free(&data);
	flow_input(c, &in);
}

static void on_digit_timeout(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	struct call *c = (struct call *)arg;
	(void)magic, (void)timer;
	if (c->collect.active)
		digits_done(c, false);
}

static void take_digit(struct call *c, char key)
{
	struct collect *d = &c->collect;
	if (d->prompting) { /* barge-in */
		d->prompting = false;
		c->playing = false;
		media_stop_play(c->end);
	}
	if (d->finish_key && key == d->finish_key) {
		digits_done(c, true);
		return;
	}
	d->digits[d->len++] = key;
	if ((int)d->len >= d->max_digits || d->len == KEYS_MAX)
		digits_done(c, false);
	else
		after(c, d->inter_digit_ms, on_digit_timeout);
}

static void start_collect(struct call *c, const struct flow_effect *e)
{
	struct collect *d = &c->collect;
	*d = (struct collect){.active = true, .max_digits = e->u.collect.max_digits, .timeout_ms = e->u.collect.timeout_ms,
			      .inter_digit_ms = e->u.collect.inter_digit_ms, .finish_key = e->u.collect.finish_key, .sensitive = e->u.collect.sensitive};
	const struct flow_prompt *p = &e->u.collect.prompt;
	call_speak(c);
	if (!c->key_count && (p->prompt_id || p->text)) {
		d->prompting = true;
		start_prompt(c, p);
		return;
	}
	after(c, d->timeout_ms, on_digit_timeout);
	/* keys pressed ahead */
	char keys[KEYS_MAX];
	size_t n = c->key_count;
	memcpy(keys, c->keys, n);
	c->key_count = 0;
	for (size_t i = 0; i < n; i++) {
		if (c->collect.active && c->collect.len == i)
			take_digit(c, keys[i]);
		else if (c->key_count < KEYS_MAX)
			c->keys[c->key_count++] = keys[i];
	}
}

/* ---- waiting ---- */

static void on_wait_over(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	struct call *c = (struct call *)arg;
	(void)magic, (void)timer;
	if (!c->waiting)
		return;
	c->waiting = false;
	media_stop_play(c->end);
	played(c, !c->wait_failed);
}

static void start_wait(struct call *c, const struct flow_prompt *prompt, int for_ms)
{
	c->waiting = true;
	c->wait_prompt = *prompt;
	c->wait_failed = false;
	c->play_interruptible = false;
	call_speak(c);
	after(c, for_ms, on_wait_over);
	if (prompt->prompt_id || prompt->text)
		start_prompt(c, prompt);
}

/* ---- voicemail ---- */

static void message_over(struct call *c, const char *by)
{
	struct voicemail *v = &c->voicemail;
	bool spoken = c->recording_id[0] && media_last_voice(c->end) != 0;
	int64_t duration = spoken ? clock_monotonic_ms() - v->began_ms : 0;
	struct buf data = {0};
	json_str(&data, "ended_by", by);
	json_int(&data, "duration_ms", duration);
	json_str(&data, "recording_id", spoken ? c->recording_id : NULL);
	v->stage = VOICEMAIL_NONE;
	su_timer_reset(c->step_timer);
	record_stop(c, spoken);
	log_trace_input(c, "recorded", buf_text(&data));
	buf_free(&data);
	flow_input(c, &(struct flow_input){.kind = FLOW_INPUT_RECORDED, .u.recorded.duration_ms = (int)duration});
}

#define LISTEN_MS 250

static void on_listen(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	struct call *c = (struct call *)arg;
	const struct voicemail *v = &c->voicemail;
	int64_t now = clock_monotonic_ms(), voice = media_last_voice(c->end);
	(void)magic, (void)timer;
	if (v->stage != VOICEMAIL_RECORDING)
		return;
	if (now - v->began_ms >= v->max_ms)
		message_over(c, "time");
	else if (v->silence_ms && now - (voice > v->began_ms ? voice : v->began_ms) >= v->silence_ms)
		message_over(c, "silence");
	else
		after(c, LISTEN_MS, on_listen);
}

/* The greeting was heard, then the beep: each leads to what follows it. */
static void message_goes_on(struct call *c)
{
	struct voicemail *v = &c->voicemail;
	if (v->stage == VOICEMAIL_GREETING && c->loop->beep) {
		v->stage = VOICEMAIL_BEEP;
		c->playing = true;
		c->play = media_play(c->end, audio_hold(c->loop->beep));
		return;
	}
	v->stage = VOICEMAIL_RECORDING;
	v->began_ms = clock_monotonic_ms();
	if (record_start(c, true))
		after(c, v->max_ms < LISTEN_MS ? v->max_ms : LISTEN_MS, on_listen);
	else
		message_over(c, "failure");
}

static void start_voicemail(struct call *c, const struct flow_voicemail *to)
{
	call_speak(c);
	c->key_count = 0;
	c->play_interruptible = false;
	c->voicemail = (struct voicemail){.stage = VOICEMAIL_GREETING, .max_ms = to->max_ms, .silence_ms = to->silence_ms, .finish_key = to->finish_key};
	if (to->prompt.prompt_id || to->prompt.text)
		start_prompt(c, &to->prompt);
	else
		message_goes_on(c);
}

static void message_key(struct call *c, char key)
{
	if (key != c->voicemail.finish_key)
		return;
	if (c->voicemail.stage == VOICEMAIL_RECORDING) {
		message_over(c, "key");
	} else if (c->voicemail.stage == VOICEMAIL_GREETING && c->playing && !c->prompt_request) {
		c->playing = false;
		media_stop_play(c->end);
		message_goes_on(c);
	}
}

/* A prompt ended: by itself, or because it could not be played. */
static void played(struct call *c, bool ok)
{
	c->playing = false;
	if (c->voicemail.stage) { /* a greeting that cannot be heard is passed over */
		message_goes_on(c);
		return;
	}
	if (c->waiting && ok) {
		start_prompt(c, &c->wait_prompt);
		return;
	}
	if (c->waiting) { /* what cannot be heard is waited for in silence */
		c->wait_failed = true;
		return;
	}
	if (c->collect.active && c->collect.prompting) {
		c->collect.prompting = false; /* a question that cannot be heard is still waited for */
		after(c, c->collect.timeout_ms, on_digit_timeout);
		return;
	}
	log_trace_input(c, "played", ok ? "\"ok\":true" : "\"ok\":false");
	flow_input(c, &(struct flow_input){.kind = FLOW_INPUT_PLAYED, .u.played_ok = ok});
}

void execute_played(struct call *c, unsigned play)
{
	if (!queue_music_played(c, play) && c->playing && play == c->play && !c->over)
		played(c, true);
}

void execute_key(struct call *c, char key)
{
	if (c->over || c->dial.connected)
		return;
	if (c->collect.active) {
		take_digit(c, key);
		return;
	}
	if (c->voicemail.stage) {
		message_key(c, key);
		return;
	}
	if (c->key_count < KEYS_MAX)
		c->keys[c->key_count++] = key;
	if (c->playing && c->play_interruptible) {
		media_stop_play(c->end);
		played(c, true);
	}
}

/* ---- HTTP ---- */

static void start_http(struct call *c, const struct flow_effect *e)
{
	c->http_request = http_client_request(c->loop->config.http, e->u.http.method, e->u.http.url, e->u.http.body, e->u.http.headers,
					      e->u.http.timeout_ms, c->loop->http_answers, c->serial);
	if (c->http_request)
		return;
	struct http_answer full = {.number = 0, .result = HTTP_FAILED, .error = "too many requests are waiting"};
	execute_http_answer(c, &full);
}

void execute_http_answer(struct call *c, const struct http_answer *a)
{
	struct buf data = {0};
	if (c->over || auction_answer(c, a) || a->number != c->http_request)
		return;
	c->http_request = 0;
	json_str(&data, "outcome", flow_http_outcomes[a->result]);
	json_int(&data, "status", a->status);
	if (a->error[0])
		json_str(&data, "error", a->error);
	if (a->body && a->body_len <= 16384) {
		json_key(&data, "body");
		buf_json_string(&data, a->body, a->body_len);
	} else if (a->body) {
		json_bool(&data, "body_left_out", true);
	}
	if (!data.failed && data.data) /* it may repeat the call's key, which it was sent */
		data.len = keys_mask(data.data, data.len);
	log_trace_input(c, "http", buf_text(&data));
	buf_free(&data);
	flow_input(c, &(struct flow_input){.kind = FLOW_INPUT_HTTP, .u.http = {a->result, a->status, a->body ? a->body : "", a->body_len, a->error}});
}

/* ---- scripts ---- */

static void start_script(struct call *c, const struct flow_script *s)
{
	const struct script_request request = {
		.organization_id = c->organization->id,
		.code = s->code,
		.arguments = s->arguments,
		.now_ms = c->input_ms,
		.seed = s->seed,
		.timeout_ms = s->timeout_ms,
	};
	c->script_request = script_pool_run(c->loop->config.scripts, &request, c->loop->script_answers, c->serial);
	if (c->script_request)
		return;
	struct script_answer full = {.error = strlen(s->arguments) > SCRIPT_ARGUMENTS_MAX ? "what the script is given is longer than 256 KiB" : "too many scripts wait"};
	execute_script_answer(c, &full);
}

/* What the script returned, for the trace: without the values of sensitive tags. */
static void add_result(const struct call *c, struct buf *data, const char *result)
{
	json_t *json = json_loads(result, 0, NULL), *tags = json_object_get(json, "tags"), *value;
	const char *name;
	void *next;
	json_object_foreach_safe(tags, next, name, value) {
		int slot = tag_set_find(c->organization->tags, name, strlen(name));
		if (slot >= 0 && tag_set_get(c->organization->tags, (size_t)slot)->sensitive)
			json_object_set_new(tags, name, json_string("********"));
	}
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text && strlen(text) <= 16384)
		json_raw(data, "result", text);
	else
		json_bool(data, "result_left_out", true);
	free(text);
	json_decref(json);
}

void execute_script_answer(struct call *c, const struct script_answer *a)
{
	struct buf data = {0};
	if (a->number != c->script_request || c->over)
		return;
	c->script_request = 0;
	if (a->ok)
		add_result(c, &data, a->result);
	else
		json_str(&data, "error", a->error ? a->error : "out of memory");
	if (a->log)
		json_str(&data, "log", a->log);
	log_trace_input(c, "script", buf_text(&data));
	buf_free(&data);
	flow_input(c, &(struct flow_input){.kind = FLOW_INPUT_SCRIPT, .u.script = {a->ok, a->result, a->log, a->error}});
}

/* ---- the flow ---- */

/*
 * The status for the caller when a target refused the call with this one. A target's 5xx becomes
 * 480, because a caller's carrier takes 503 for an overload of this server.
 */
static int status_of_refusal(int status)
{
	switch (status) {
	case 404:
	case 410:
	case 484:
	case 485:
	case 604:
		return 404;
	case 401:
	case 403:
	case 407:
		return 403;
	case 415:
	case 488:
	case 606:
		return 488;
	case 486:
	case 600:
		return 486;
	case 603:
	case 607:
	case 608:
		return 603;
	default:
		return 480;
	}
}

/* What the flow ends an unanswered call with; without a cause of its own, the target's refusal. */
static int hangup_status(struct call *c, int sip_status, const char *cause)
{
	if (!sip_status && !cause)
		return status_of_refusal(c->refused_status);
	call_forget_refusal(c);
	if (sip_status)
		return sip_status;
	if (strcmp(cause, "normal") == 0)
		return 480;
	return strcmp(cause, "busy") == 0 ? 486 : 603;
}

static void set_outcome(struct call *c, const struct flow_effect *e)
{
	bool converts = e->u.outcome.converted > 0 && !c->converted;
	if (e->u.outcome.revenue_micros >= 0) {
		c->revenue_micros = e->u.outcome.revenue_micros;
		c->revenue_at = clock_now_ms();
		c->revenue_told = true;
	}
	if (e->u.outcome.payout_micros >= 0) {
		c->payout_micros = e->u.outcome.payout_micros;
		c->payout_at = clock_now_ms();
		c->payout_told = true;
	}
	if (e->u.outcome.disposition)
		c->flow_disposition = e->u.outcome.disposition;
	if (e->u.outcome.converted >= 0) {
		c->converted = e->u.outcome.converted;
		c->converted_at = clock_now_ms();
		c->conversion_ms = c->converted ? c->converted_at : 0;
		c->conversion_told = true;
	}
	money_settle(c, CHANGED_BY_FLOW);
	log_call_progress(c);
	if (converts)
		log_event(c, "call.converted", "");
}

static void perform(struct call *c, const struct flow_effect *e)
{
	switch (e->kind) {
	case FLOW_EFFECT_TRACE:
		log_trace_step(c, e);
		if (e->u.trace.port >= 0 && flow_port_is_failure(e->flow, e->node, (unsigned)e->u.trace.port)) {
			struct buf data = {0};
			json_str(&data, "node", flow_node_id(e->flow, e->node));
			json_str(&data, "port", flow_port_name(e->flow, e->node, (unsigned)e->u.trace.port));
			json_str(&data, "detail", e->u.trace.detail);
			log_event(c, "flow.node_failed", buf_text(&data));
			buf_free(&data);
		}
		break;
	case FLOW_EFFECT_SET_TAG:
		log_tag(c, e->u.tag.slot, e->u.tag.value.text, e->u.tag.value.len, TAG_FROM_FLOW, flow_node_id(e->flow, e->node), e->u.tag.value.at_ms);
		break;
	case FLOW_EFFECT_EVENT: {
		struct buf data = {0};
		json_str(&data, "name", e->u.event.name);
		json_str(&data, "node", flow_node_id(e->flow, e->node));
		json_key(&data, "fields");
		buf_add_str(&data, e->u.event.fields);
		log_event(c, "flow.custom", buf_text(&data));
		buf_free(&data);
		break;
	}
	case FLOW_EFFECT_OUTCOME:
		set_outcome(c, e);
		break;
	case FLOW_EFFECT_RECORD:
		record_perform(c, e->u.record);
		break;
	case FLOW_EFFECT_PLAY:
		if (e->u.play.for_ms) {
			start_wait(c, &e->u.play.prompt, e->u.play.for_ms);
			break;
		}
		c->play_interruptible = e->u.play.interruptible;
		if (!c->play_interruptible)
			c->key_count = 0;
		start_prompt(c, &e->u.play.prompt);
		break;
	case FLOW_EFFECT_COLLECT:
		start_collect(c, e);
		break;
	case FLOW_EFFECT_HTTP:
		start_http(c, e);
		break;
	case FLOW_EFFECT_SCRIPT:
		start_script(c, &e->u.script);
		break;
	case FLOW_EFFECT_VOICEMAIL:
		start_voicemail(c, &e->u.voicemail);
		break;
	case FLOW_EFFECT_DIAL:
		dial_start(c, &e->u.dial);
		break;
	case FLOW_EFFECT_HANGUP:
		log_flow_left(c);
		call_end(c, hangup_status(c, e->u.hangup.sip_status, e->u.hangup.cause),
			 c->connected_ms ? "completed" : c->answered_ms ? "flow_ended" : "rejected", c->connected_ms ? "target" : "flow");
		break;
	}
}

/* Nobody answers it, and the call goes on. */
static bool is_done_at_once(enum flow_effect_kind kind)
{
	return !flow_effect_waits(kind) && kind != FLOW_EFFECT_HANGUP;
}

/* An effect can be answered at once, which steps again: so effects are taken from a copy,
 * and only the last one of a step is ever answered. */
static void flow_input(struct call *c, const struct flow_input *input)
{
	struct flow_effects effects;
	struct flow_input next = *input;
	enum flow_result r;
	if (c->over)
		return;
	do {
		log_course(c, c->input_ms);
		r = flow_step(&c->flow, &next, c->input_ms, &effects);
		if (r == FLOW_ERR_INPUT) {
			log_error(c->id, "the flow was given an input it does not wait for");
			return;
		}
		/* What is done at once comes first: the effect that waits may finish the call in here. */
		for (size_t i = 0; i < effects.count; i++)
			if (is_done_at_once(effects.list[i].kind))
				perform(c, &effects.list[i]);
		for (size_t i = 0; i < effects.count && !c->over; i++)
			if (!is_done_at_once(effects.list[i].kind))
				perform(c, &effects.list[i]);
		next = (struct flow_input){.kind = FLOW_INPUT_CONTINUE};
	} while (r == FLOW_MORE && !c->over);
}

/* In the snapshot that the call is pinned to. */
static const struct flow *find_flow(void *arg, const char *id)
{
	return organization_flow(arg, id);
}

static void report_unavailable_flow(struct call *c)
{
	const struct route_plan *plan = c->campaign->plan;
	struct buf data = {0};
	log_warn(c->id, "%s; %s", c->fallback_reason,
		 plan ? "the routing plan runs the call" : "the call is refused");
	json_str(&data, "call_flow_id", c->campaign->flow_id);
	json_str(&data, "reason", c->fallback_reason);
	json_str(&data, "routing_plan_id", plan ? plan->id : NULL);
	log_event(c, "flow.unavailable", buf_text(&data));
	buf_free(&data);
}

static void start_plan(struct call *c)
{
	const struct route_plan *plan = c->campaign->plan;
	dial_start(c, &(struct flow_dial){.routing_plan_id = plan ? plan->id : ""});
}

static void start_flow(struct call *c)
{
	const struct config_flow *f = c->campaign->flow;
	struct buf data = {0};
	if (!flow_state_init(&c->flow, f->flow, &c->arena, &c->env, c->tags)) {
		log_warn(c->id, "out of memory: the call flow cannot begin");
		call_end(c, 480, "no_call_flow", "system");
		return;
	}
	c->flow.find = find_flow;
	c->flow.find_arg = (void *)(uintptr_t)c->organization;
	log_event(c, "flow.started", "");
	c->in_flow = true;
	log_trace_tags(c, &data);
	log_trace_custom_data(c, &data);
	log_trace_input(c, "start", buf_text(&data));
	buf_free(&data);
	flow_input(c, &(struct flow_input){.kind = FLOW_INPUT_START});
}

void execute_start(struct call *c)
{
	if (c->placed) {
		dial_placed(c);
		return;
	}
	if (screen_refuses(c))
		return;
	if (c->fallback_reason)
		report_unavailable_flow(c);
	if (!c->flow_mode)
		start_plan(c);
	else if (c->fallback_reason)
		call_end(c, 480, "no_call_flow", "system");
	else
		start_flow(c);
}

void execute_dial_ended(struct call *c, enum flow_dial_outcome outcome)
{
	if (c->over)
		return;
	if (c->flow_mode) {
		struct buf data = {0};
		json_str(&data, "outcome", flow_dial_outcomes[outcome]);
		json_str(&data, "target_id", c->target_id);
		json_money(&data, "revenue", c->revenue_micros + c->revenue_added);
		json_money(&data, "payout", c->payout_micros + c->payout_added);
		json_bool(&data, "converted", c->converted);
		log_trace_input(c, "dial_ended", buf_text(&data));
		buf_free(&data);
		flow_input(c, &(struct flow_input){.kind = FLOW_INPUT_DIAL_ENDED, .u.dial = outcome});
		return;
	}
	bool refused = outcome != DIAL_COMPLETED && outcome != DIAL_NO_TARGET;
	int status = refused ? status_of_refusal(c->refused_status) : 480;
	call_end(c, status, flow_dial_outcomes[outcome],
		outcome == DIAL_COMPLETED ? "target" : "system");
}

void execute_caller_left(struct call *c)
{
	struct buf data = {0};
	if (c->flow_mode && c->flow.waiting) {
		const struct flow_frame *outermost = c->flow.depth ? &c->flow.frames[0] : NULL;
		const struct flow *flow = outermost ? outermost->flow : c->flow.flow;
		json_str(&data, "node", c->flow.in_fallback ? "fallback" : flow_node_id(flow, outermost ? outermost->node : c->flow.node));
		json_time(&data, "entered_at", outermost ? outermost->entered_ms : c->flow.entered_ms);
	}
	log_trace_input(c, "caller_hung_up", buf_text(&data));
	buf_free(&data);
}

void execute_stop(struct call *c)
{
	if (c->playing && c->end)
		media_stop_play(c->end);
	c->playing = false;
	c->waiting = false;
	c->collect.active = false;
	record_stop(c, c->voicemail.stage != VOICEMAIL_RECORDING || media_last_voice(c->end) != 0);
	c->voicemail.stage = VOICEMAIL_NONE;
	c->http_request = 0;
	c->script_request = 0;
	c->prompt_request = 0;
}
