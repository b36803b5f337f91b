/* The call loop: its thread, and the letters it gets. */
#include "call/internal.h"
#include "base/log.h"
#include "call/pulse.h"
#include <semaphore.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GATHER_US 2000
#define GATHER_BUSY_US 5000 /* when a turn had more than BUSY steps */
#define BUSY 4
#define STEPS_MAX 256
#define WRITE_EVERY_MS 40

enum letter_kind { LETTER_PERSISTED, LETTER_TAGS, LETTER_CUSTOM, LETTER_OUTCOME, LETTER_HANGUP, LETTER_CERTIFICATE, LETTER_ROOM };

struct letter {
	struct mail mail;
	enum letter_kind kind;
	uint64_t serial;
	bool answers, ok;
	char call_id[ID_SIZE];
	json_t *tags;
	int64_t at_ms;
	struct call_outcome outcome;
};

void loop_mark_dirty(struct call *c)
{
	if (c->is_dirty)
		return;
	c->is_dirty = true;
	c->next_dirty = c->loop->dirty;
	c->loop->dirty = c;
}

static void on_message(void *arg, const struct sip_message *m)
{
	struct call_loop *loop = arg;
	ladders_take(loop->ladders, m);
}

/* ---- letters ---- */

static struct call *by_serial(struct call_loop *loop, uint64_t serial)
{
	struct call *c;
	HASH_FIND(hh, loop->by_serial, &serial, sizeof serial, c);
	return c && !c->over ? c : NULL;
}

/* For the trace: what came, and what the call has now. */
static void trace_data(struct call *c, int64_t at_ms, bool custom)
{
	struct buf data = {0};
	json_time(&data, "sent_at", at_ms);
	log_trace_tags(c, &data);
	if (custom)
		log_trace_custom_data(c, &data);
	log_trace_input(c, "webhook_data", buf_text(&data));
	buf_free(&data);
}

/* Already on disk, settled against what is there, and told: only the call's memory is behind. What the call itself wrote
 * later than that stays. */
static void take_tags(struct call *c, json_t *tags, int64_t at_ms)
{
	const char *tag_id;
	json_t *value;
	json_object_foreach(tags, tag_id, value) {
		int slot = tag_set_find_id(c->organization->tags, tag_id);
		struct value v = {.text = ""};
		bool removed = json_is_null(value);
		if (slot < 0 || (!removed && !value_coerce_to(&tag_set_get(c->organization->tags, (size_t)slot)->type, json_string_value(value), json_string_length(value), &c->arena, &v, NULL)))
			continue;
		struct tag_held *held = &c->held[slot];
		if (held->text && held->source == TAG_FROM_FLOW && held->at_ms > at_ms)
			continue;
		c->tags[slot] = v;
		c->tags[slot].at_ms = at_ms;
		*held = (struct tag_held){removed ? NULL : v.text, TAG_FROM_WEBHOOK, at_ms};
	}
	trace_data(c, at_ms, false);
	money_settle(c, CHANGED_BY_RULE);
}

/* Likewise what the call's custom data is now, as it is stored. */
static void take_custom_data(struct call *c, json_t *stored, int64_t at_ms)
{
	log_custom_data(c, json_incref(stored));
	trace_data(c, at_ms, true);
	money_settle(c, CHANGED_BY_RULE);
}

static void take_conversion(struct call *c, const struct call_outcome *o)
{
	if (o->converted >= 0) {
		c->converted = o->converted;
		c->conversion_told = true;
	}
	if (o->converted >= 0 || o->conversion_ms)
		c->conversion_ms = c->converted ? o->conversion_ms : 0;
}

static const char *said_text(struct call *c, enum outcome_text said, const char *text, const char *before)
{
	if (said == OUTCOME_TEXT_UNSAID)
		return before;
	return said == OUTCOME_TEXT_SET ? arena_strdup(&c->arena, text) : NULL;
}

static void take_outcome(struct call *c, const struct call_outcome *o)
{
	if (o->add) {
		c->revenue_added += o->has_revenue ? o->revenue_micros : 0;
		c->payout_added += o->has_payout ? o->payout_micros : 0;
	}
	if (o->has_revenue && !o->add) {
		c->revenue_micros = o->revenue_micros;
		c->revenue_added = 0;
		c->revenue_told = true;
	}
	if (o->has_payout && !o->add) {
		c->payout_micros = o->payout_micros;
		c->payout_added = 0;
		c->payout_told = true;
	}
	take_conversion(c, o);
	if (*o->disposition)
		c->flow_disposition = arena_strdup(&c->arena, o->disposition);
	if (*o->publisher_id)
		call_set_publisher(c, o->publisher_id);
	c->reason = said_text(c, o->has_reason, o->reason, c->reason);
	c->payout_hold_reason = said_text(c, o->has_hold, o->hold, c->payout_hold_reason);
	if (o->revenue_reported)
		c->reported_revenue = o->reported_revenue;
	if (o->payout_reported)
		c->reported_payout = o->reported_payout;
	money_settle(c, CHANGED_BY_RULE);
}

static void hang_up(struct call *c)
{
	c->hangup_reason = NULL; /* that of a target before */
	call_forget_refusal(c);
	call_end(c, 480, c->connected_ms ? "completed" : "hung_up", "api");
}

static void load_certificate(struct call_loop *loop)
{
	struct error err;
	if (sip_agent_load_certificate(loop->agent, &err)) {
		loop->certificate_expires_at = sip_agent_certificate_expires(loop->agent);
		log_info(NULL, "SIP's certificate was read");
	} else {
		log_error(NULL, "SIP's certificate stays what it was: %s", err.text);
	}
}

static void open_letter(struct call_loop *loop, struct letter *l)
{
	struct call *c = l->kind == LETTER_PERSISTED ? by_serial(loop, l->serial) : loop_call(loop, l->call_id);
	if (l->kind == LETTER_CERTIFICATE)
		load_certificate(loop);
	else if (l->kind == LETTER_ROOM)
		loop->room_freed = true;
	else if (c && l->kind == LETTER_PERSISTED)
		call_persisted(c, l->answers, l->ok);
	else if (c && l->kind == LETTER_TAGS)
		take_tags(c, l->tags, l->at_ms);
	else if (c && l->kind == LETTER_CUSTOM)
		take_custom_data(c, l->tags, l->at_ms);
	else if (c && l->kind == LETTER_OUTCOME)
		take_outcome(c, &l->outcome);
	else if (c)
		hang_up(c);
	json_decref(l->tags);
	free(l);
}

static void send_key(struct call *c, const struct media_event *e)
{
	if (e->end != END_CALLER)
		dial_send_key(c, (size_t)(e->end - END_TARGET), e->key);
	else if (c->leg)
		sip_leg_send_key(c->leg, e->key);
}

static void open_media_event(struct call_loop *loop, struct media_event *e)
{
	struct call *c = by_serial(loop, e->owner);
	if (c && e->kind == MEDIA_SEND_KEY)
		send_key(c, e);
	else if (c && e->kind == MEDIA_KEY && e->end == END_CALLER)
		execute_key(c, e->key);
	else if (c && e->kind == MEDIA_PLAYED && e->end == END_CALLER)
		execute_played(c, e->play);
	else if (c && e->kind == MEDIA_KEY)
		dial_key(c, (size_t)(e->end - END_TARGET), e->key);
	else if (c)
		dial_whisper_played(c, (size_t)(e->end - END_TARGET), e->play);
	free(e);
}

static void open_prompt(struct call_loop *loop, struct prompt_ready *r)
{
	struct call *c = by_serial(loop, r->owner);
	if (c)
		execute_prompt_ready(c, r->request, r->audio);
	else
		audio_release(r->audio);
	free(r);
}

static void open_http(struct call_loop *loop, struct http_answer *a)
{
	struct call *c = by_serial(loop, a->owner);
	if (c)
		execute_http_answer(c, a);
	free(a->body);
	free(a);
}

static void open_script(struct call_loop *loop, struct script_answer *a)
{
	struct call *c = by_serial(loop, a->owner);
	if (c)
		execute_script_answer(c, a);
	script_answer_free(a);
}

static int on_mail(struct call_loop *loop, su_wait_t *w, su_wakeup_arg_t *arg)
{
	(void)w;
	struct mailbox *box = (struct mailbox *)arg;
	loop->wakeups++;
	for (struct mail *m = mailbox_take_all(box), *next; m; m = next) {
		next = m->next;
		if (box == loop->mailbox)
			open_letter(loop, (struct letter *)m);
		else if (box == loop->media_events)
			open_media_event(loop, (struct media_event *)m);
		else if (box == loop->prompt_answers)
			open_prompt(loop, (struct prompt_ready *)m);
		else if (box == loop->http_answers)
			open_http(loop, (struct http_answer *)m);
		else
			open_script(loop, (struct script_answer *)m);
	}
	return 0;
}

static void post(struct call_loop *loop, const struct letter *l)
{
	struct letter *copy = malloc(sizeof *copy);
	if (!copy) {
		json_decref(l->tags);
		return;
	}
	*copy = *l;
	mailbox_post_reply(loop->mailbox, &copy->mail);
}

void loop_tell_persisted(struct call_loop *loop, uint64_t serial, bool answers, bool ok)
{
	post(loop, &(struct letter){
			   .kind = LETTER_PERSISTED, .serial = serial, .answers = answers, .ok = ok});
}

void call_loop_apply_outcome(struct call_loop *loop, const char *call_id, const struct call_outcome *outcome)
{
	struct letter l = {.kind = LETTER_OUTCOME, .outcome = *outcome};
	snprintf(l.call_id, sizeof l.call_id, "%s", call_id);
	post(loop, &l);
}

void call_loop_apply_tags(struct call_loop *loop, const char *call_id, json_t *tags, int64_t at_ms)
{
	struct letter l = {.kind = LETTER_TAGS, .tags = tags, .at_ms = at_ms};
	snprintf(l.call_id, sizeof l.call_id, "%s", call_id);
	post(loop, &l);
}

void call_loop_apply_custom_data(struct call_loop *loop, const char *call_id, json_t *stored, int64_t at_ms)
{
	struct letter l = {.kind = LETTER_CUSTOM, .tags = stored, .at_ms = at_ms};
	snprintf(l.call_id, sizeof l.call_id, "%s", call_id);
	post(loop, &l);
}

void call_loop_hangup(struct call_loop *loop, const char *call_id)
{
	struct letter l = {.kind = LETTER_HANGUP};
	snprintf(l.call_id, sizeof l.call_id, "%s", call_id);
	post(loop, &l);
}

void call_loop_reload_certificate(struct call_loop *loop)
{
	post(loop, &(struct letter){.kind = LETTER_CERTIFICATE});
}

void call_loop_look_for_room(struct call_loop *loop)
{
	post(loop, &(struct letter){.kind = LETTER_ROOM});
}

void call_loop_hand_over(struct call_loop *loop)
{
	sem_t done;
	sem_init(&done, 0, 0);
	loop->handing_over = &done;
	mailbox_wake(loop->mailbox);
	while (sem_wait(&done) != 0) {
		/* a signal came */
	}
	sem_destroy(&done);
}

struct call_loop_counts call_loop_counts(const struct call_loop *loop)
{
	return (struct call_loop_counts){loop->calls, loop->legs, loop->transactions, loop->banned, loop->certificate_expires_at, loop->started, loop->refused, loop->dropped};
}

/* ---- the thread ---- */

static int on_mail_wakeup(su_root_magic_t *magic, su_wait_t *w, su_wakeup_arg_t *arg)
{
	return on_mail((struct call_loop *)magic, w, arg);
}

static bool watch(struct call_loop *loop, struct mailbox *box)
{
	su_wait_t wait[1];
	return su_wait_create(wait, mailbox_fd(box), SU_WAIT_IN) == 0 && su_root_register(loop->root, wait, on_mail_wakeup, (su_wakeup_arg_t *)box, 0) >= 0;
}

static void once_a_second(struct call_loop *loop, int64_t now)
{
	struct call *c, *next;
	if (now < loop->second_at_ms)
		return;
	loop->second_at_ms = now + 1000;
	loop->banned = bans_count(loop->guessers, now) + bans_count(loop->strangers, now);
	ladders_write(loop->ladders, now);
	if (loop->calls)
		pulse_beat(loop->pulse);
	if (loop->config.alive)
		loop->config.alive();
	sip_agent_tick(loop->agent);
	HASH_ITER(hh, loop->by_serial, c, next)
		call_check_media(c, now);
}

/*
 * Once per turn: let the media thread begin what it was asked to; and, when WRITE_EVERY_MS
 * have passed since the last time, write what each call gathered and free those that are over,
 * so that the writer's transactions are few and full.
 */
static void settle(struct call_loop *loop, bool all)
{
	sem_t *handing_over = loop->handing_over;
	int64_t now = clock_monotonic_ms();
	loop->legs = sip_agent_legs(loop->agent);
	loop->transactions = sip_agent_transactions(loop->agent);
	gateways_check(loop);
	queue_serve(loop);
	once_a_second(loop, now);
	if (loop->rtpengine)
		rtpengine_check(loop->rtpengine, now);
	if (all || handing_over || now >= loop->write_at_ms) {
		loop->write_at_ms = loop->dirty ? now + WRITE_EVERY_MS : 0;
		for (struct call *c = loop->dirty, *next; c; c = next) {
			log_flush(c); /* still marked, so that flushing does not list it again */
			next = c->next_dirty;
			c->is_dirty = false;
			if (c->over)
				call_free(c);
		}
		loop->dirty = NULL;
	}
	if (handing_over) {
		capacity_hand_over(loop->config.capacity);
		loop->handing_over = NULL;
		sem_post(handing_over);
	}
	media_flush(loop->config.media);
}

struct start {
	struct call_loop *loop;
	struct error *err;
	sem_t ready;
	bool ok;
};

static void hang_up_all(struct call_loop *loop)
{
	struct call *c, *next;
	HASH_ITER(hh, loop->by_serial, c, next)
		call_end(c, 503, c->connected_ms ? "completed" : "hung_up", "system");
	settle(loop, true);
}

/* Grows with each message and letter that was handled; wraps around. */
static unsigned handled(const struct call_loop *loop)
{
	return sip_agent_received(loop->agent) + loop->wakeups;
}

/*
 * Wait for something to do, do all of it, then let GATHER_US pass before the next turn, or
 * GATHER_BUSY_US while much comes. One wake-up then serves all that arrived meanwhile, and
 * sofia's timer wait, which rounds what is left down to whole milliseconds, cannot spin on the
 * last one. When there is no end to it the turn is over after STEPS_MAX, because what it gathered
 * must be written.
 */
static void turn(struct call_loop *loop)
{
	su_root_step(loop->root, loop->dirty ? WRITE_EVERY_MS : 500);
	unsigned before = handled(loop);
	for (int i = 0; i < STEPS_MAX; i++) {
		su_root_step(loop->root, 0);
		unsigned now = handled(loop);
		if (now == before) {
			if (!loop->pings) /* a caller waits for what comes */
				usleep(i > BUSY ? GATHER_BUSY_US : GATHER_US);
			return;
		}
		before = now;
	}
}

static void *loop_main(void *arg)
{
	struct start *start = arg;
	struct call_loop *loop = start->loop;
	struct sip_agent_config sip = {loop->config.listeners, loop->config.certificate, loop->config.key, loop->config.ca, admission_invite, loop, admission_ask, phone_password, phone_registered, phone_refused, phone_flow_lost, on_message, (unsigned)loop->config.session_seconds, (unsigned)loop->config.min_session_seconds, NULL, loop->config.proxies, loop->config.proxy_count, loop->config.guards_private, admission_visitor, loop->config.offers_sha256};
	su_init();
	loop->root = su_root_create((su_root_magic_t *)loop);
	loop->agent = loop->root && proxy_open(loop, &sip, start->err) ? sip_agent_create(loop->root, &sip, start->err) : NULL;
	start->ok = loop->agent && watch(loop, loop->mailbox) && watch(loop, loop->media_events) && watch(loop, loop->prompt_answers) && watch(loop, loop->http_answers) && watch(loop, loop->script_answers);
	bool ok = start->ok;
	if (ok)
		loop->certificate_expires_at = sip_agent_certificate_expires(loop->agent);
	sem_post(&start->ready);
	while (ok) {
		turn(loop);
		settle(loop, false);
		if (!loop->stop)
			continue;
		if (!loop->draining)
			gateways_leave(loop);
		loop->draining = true;
		if (loop->by_serial && clock_monotonic_ms() < loop->stop_at_ms)
			continue;
		if (loop->by_serial)
			hang_up_all(loop);
		for (int i = 0; i < 20 && sip_agent_waiting(loop->agent); i++) /* let the BYEs out */
			su_root_step(loop->root, 50);
		ladders_write(loop->ladders, clock_monotonic_ms());
		break;
	}
	sip_agent_destroy(loop->agent);
	rtpengine_destroy(loop->rtpengine);
	if (loop->root)
		su_root_destroy(loop->root);
	return NULL;
}

struct call_loop *call_loop_create(const struct call_loop_config *config, struct error *err)
{
	struct call_loop *loop = calloc(1, sizeof *loop);
	unsigned char secret[16];
	struct start start = {.loop = loop, .err = err};
	if (!loop)
		return NULL;
	loop->config = *config;
	loop->mailbox = mailbox_create(1);
	loop->media_events = mailbox_create(1);
	loop->prompt_answers = mailbox_create(1);
	loop->http_answers = mailbox_create(1);
	loop->script_answers = mailbox_create(1);
	loop->guessers = bans_create(config->ban_seconds);
	loop->strangers = bans_create(config->ban_seconds);
	loop->pulse = pulse_create(config->store, config->node);
	loop->ladders = ladders_create(config->store);
	loop->policies = policies_create();
	randombytes_buf(secret, sizeof secret);
	sodium_bin2hex(loop->own_password, sizeof loop->own_password, secret, sizeof secret);
	loop->ringback = audio_ringback();
	loop->beep = audio_beep();
	error_set(err, "the SIP stack could not be started");
	sem_init(&start.ready, 0, 0);
	bool started = loop->guessers && loop->strangers && loop->pulse && loop->ladders && loop->policies && loop->mailbox && loop->media_events && loop->prompt_answers && loop->http_answers && loop->script_answers && pthread_create(&loop->thread, NULL, loop_main, &start) == 0;
	if (started) {
		pthread_setname_np(loop->thread, "calls");
		sem_wait(&start.ready);
	}
	sem_destroy(&start.ready);
	if (started && start.ok) {
		record_recover(loop);
		return loop;
	}
	if (started)
		pthread_join(loop->thread, NULL);
	free(loop);
	return NULL;
}

static void empty(struct call_loop *loop)
{
	struct mail *m, *next;
	for (m = mailbox_take_all(loop->mailbox); m; m = next) {
		next = m->next;
		json_decref(((struct letter *)m)->tags);
		free(m);
	}
	for (m = mailbox_take_all(loop->media_events); m; m = next) {
		next = m->next;
		free(m);
	}
	for (m = mailbox_take_all(loop->prompt_answers); m; m = next) {
		next = m->next;
		audio_release(((struct prompt_ready *)m)->audio);
		free(m);
	}
	for (m = mailbox_take_all(loop->http_answers); m; m = next) {
		next = m->next;
		free(((struct http_answer *)m)->body);
		free(m);
	}
	for (m = mailbox_take_all(loop->script_answers); m; m = next) {
		next = m->next;
		script_answer_free((struct script_answer *)m);
	}
}

void call_loop_stop(struct call_loop *loop, int drain_ms)
{
	loop->stop_at_ms = clock_monotonic_ms() + drain_ms;
	loop->stop = true;
	mailbox_wake(loop->mailbox);
	pthread_join(loop->thread, NULL);
}

void call_loop_free(struct call_loop *loop)
{
	empty(loop);
	mailbox_destroy(loop->mailbox);
	mailbox_destroy(loop->media_events);
	mailbox_destroy(loop->prompt_answers);
	mailbox_destroy(loop->http_answers);
	mailbox_destroy(loop->script_answers);
	audio_release(loop->ringback);
	audio_release(loop->beep);
	bans_destroy(loop->guessers);
	bans_destroy(loop->strangers);
	pulse_destroy(loop->pulse);
	ladders_destroy(loop->ladders);
	policies_destroy(loop->policies);
	buf_free(&loop->phone_contacts);
	free(loop);
}
