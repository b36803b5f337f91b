/* The call loop: its thread, who is let in, and the letters it gets. */
#include "call/internal.h"
#include "base/log.h"
#include "call/pulse.h"
#include "call/ticket.h"
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

/* ---- who is let in ---- */

static struct call *by_id(struct call_loop *loop, const char *id)
{
	struct call *c;
	HASH_FIND(hh_id, loop->by_id, id, strlen(id), c);
	return c && !c->over ? c : NULL;
}

/* The call of the same organization that this one was sent on from, when it comes back here. */
static const struct call *sent_on_from(struct call_loop *loop, const struct sip_incoming *in, const struct organization *o)
{
	for (size_t i = 0; i < in->header_count; i++) {
		const struct call *c = strcasecmp(in->headers[i * 2], CALL_ID_HEADER) == 0 ? by_id(loop, in->headers[i * 2 + 1]) : NULL;
		if (c && strcmp(c->organization->id, o->id) == 0)
			return c;
	}
	return NULL;
}

/* Has it been at this number before? (RFC 3261 §16.3: 482) */
static bool is_loop(const struct call *before, const char *number)
{
	char visited[PHONE_SIZE + 1];
	snprintf(visited, sizeof visited, "%s ", number);
	return strcmp(before->number->number, number) == 0 || strstr(before->path, visited);
}

struct password_request {
	const struct call_loop *loop;
	const struct organization *organization;
	const char *number;
	char trunk_id[ID_SIZE]; /* whose password was told last; "" for a ticket's */
	char ticket[CRYPTO_HASH_SIZE];
};

static const char *password_of(void *arg, const char *username, size_t n)
{
	struct password_request *r = arg;
	for (size_t i = 0; i < r->organization->trunk_count; i++) {
		const struct config_trunk *t = &r->organization->trunks[i];
		if (!t->username || strcmp(t->username, username) != 0 || n-- > 0)
			continue;
		snprintf(r->trunk_id, sizeof r->trunk_id, "%s", t->id);
		return t->password;
	}
	r->trunk_id[0] = '\0';
	if (n == 0 && strcmp(username, OWN_USERNAME) == 0)
		return r->loop->own_password;
	bool ticket = n == 0 && r->loop->config.takes_tickets && ticket_password(config_key(r->loop->config.config), username, r->organization->id, r->number, clock_now_ms() / 1000, r->ticket);
	return ticket ? r->ticket : NULL;
}

static bool has_digest(const struct organization *o)
{
	for (size_t i = 0; i < o->trunk_count; i++)
		if (o->trunks[i].username)
			return true;
	return false;
}

static void refuse(struct call_loop *loop, const struct sip_incoming *in, int status)
{
	loop->refused++;
	sip_leg_release(in->leg, status, NULL);
}

static void strike(struct call_loop *loop, const struct sockaddr *source, int64_t now)
{
	char address[ADDRESS_SIZE];
	if (phones_at(loop->config.phones, source, clock_now_ms()))
		return; /* somebody's office: a wrong key there is not to silence all others */
	if (bans_strike(loop->bans, source, now))
		log_warn(NULL, "%s is not answered for %d seconds: it asked too often for what it may not", address_text(source, address), loop->config.ban_seconds);
}

/* Before anything is made of a request: those who are no trunk's, and no organization's users or phones, get no further. */
static enum sip_admission admit(void *arg, const struct sockaddr *source, enum sip_wish request, const char *user)
{
	struct call_loop *loop = arg;
	struct trunk_match trunk;
	int64_t now = clock_monotonic_ms();
	if (!source || config_trunks_by_address(loop->config.config, source, &trunk, 1))
		return SIP_ADMIT;
	if (bans_has(loop->bans, source, now)) {
		loop->dropped++;
		return SIP_DROP;
	}
	bool known = request == SIP_INVITE && (phones_at(loop->config.phones, source, clock_now_ms()) ||
		sip_agent_is_own(loop->agent, source));
	if (known || (request == SIP_INVITE && (loop->config.takes_tickets || config_has_digest(loop->config.config))) || (request == SIP_REGISTER && config_phone(loop->config.config, NULL, 0, NULL)) || config_trunk_by_line(loop->config.config, user, &trunk))
		return SIP_ADMIT;
	loop->refused++;
	strike(loop, source, now);
	return SIP_REFUSE;
}

/* Wrong credentials of a phone. */
static void phone_refused(void *arg, const struct sockaddr *source)
{
	struct call_loop *loop = arg;
	loop->refused++;
	if (source)
		strike(loop, source, clock_monotonic_ms());
}

static void on_message(void *arg, const struct sip_message *m)
{
	struct call_loop *loop = arg;
	ladders_take(loop->ladders, m);
}

/* The called number's organization, held, and the number. NULL: it is nobody's. */
static const struct organization *find_number(
	struct call_loop *loop, const char *e164, const struct config_number **number)
{
	return e164 ? config_by_number(loop->config.config, e164, number) : NULL;
}

/* The number that a call over this trunk is for, or its default, when it is of the trunk's
 * organization. */
static const struct organization *called_over(struct call_loop *loop,
	const struct trunk_match *match, const struct sip_incoming *in, bool line, bool by_default,
	const struct config_number **number)
{
	char dialled[PHONE_SIZE];
	struct config_store *config = loop->config.config;
	const struct organization *o = config_organization(config, match->organization_id);
	const struct config_trunk *trunk = o ? organization_trunk(o, match->trunk_id) : NULL;
	if (!trunk) {
		if (o)
			organization_release(o);
		return NULL;
	}
	const char *called = line || trunk->called_in_to ? in->to_user : in->request_user;
	if (by_default)
		called = trunk->default_number;
	else if (phone_normalize(called, o->region, dialled))
		called = dialled;
	const struct organization *found = find_number(loop, called, number);
	if (found && strcmp(found->id, o->id) != 0) {
		organization_release(found);
		found = NULL;
	}
	organization_release(o);
	return found;
}

/* The number of a caller who may have credentials, read in the region of the organization that
 * has it. */
static const struct organization *called_by_anybody(
	struct call_loop *loop, const char *called, const struct config_number **number)
{
	char dialled[PHONE_SIZE], regions[REGIONS_MAX][REGION_SIZE];
	const struct organization *found = find_number(loop, called, number);
	size_t count = found ? 0 : config_regions(loop->config.config, regions);
	for (size_t i = 0; i < count && !found; i++) {
		if (!phone_normalize(called, regions[i], dialled))
			continue;
		found = find_number(loop, dialled, number);
		if (found && strcasecmp(found->region, regions[i]) != 0 && *called != '+') {
			organization_release(found);
			found = NULL;
		}
	}
	return found;
}

/* ---- calls that phones place ---- */

/* Whom the phone of `by` calls: a target by the number plan, or a telephone number as the dial
 * policy has it. Returns 0, or the status of the refusal. */
static int resolve(const struct organization *o, const char *called, char e164[PHONE_SIZE], struct placed *p)
{
	const char *why = NULL;
	p->to = organization_extension(o, called);
	if (p->to)
		return p->to->enabled ? 0 : 480;
	if (!phone_normalize(called, o->region, e164))
		return 404;
	p->e164 = e164;
	p->trunk = transfer_trunk(o, p->by);
	if (!p->trunk || !p->trunk->gateway_count)
		why = "the target has no trunk for telephone numbers";
	else
		why = policy_forbids_number(o, e164);
	if (why)
		log_info(NULL, "the phone of target %s may not call %s: %s", p->by->id, called, why);
	return why ? 403 : 0;
}

static void place_call(struct call_loop *loop, const struct sip_incoming *in, const struct phone_match *m)
{
	char e164[PHONE_SIZE];
	const struct config_number *number = NULL;
	struct placed p = {.campaign = {.id = "", .name = "Calls of phones", .terms.converts_after_seconds = -1}};
	const struct organization *o = config_organization(loop->config.config, m->organization_id), *own = NULL;
	p.by = o ? organization_find(o, "target", m->target_id) : NULL;
	int status = p.by ? resolve(o, in->request_user, e164, &p) : 403;
	if (p.by && !p.to && p.e164 && (own = find_number(loop, e164, &number)) && strcmp(own->id, o->id) != 0) {
		organization_release(own);
		own = NULL;
	}
	bool takes = own && number->campaign && number->campaign->enabled;
	if (own)
		status = takes ? 0 : 480;
	p.number.number = in->request_user;
	if (status)
		refuse(loop, in, status);
	else if (!in->asks && own)
		call_begin(loop, in, own, number, NULL, NULL, NULL);
	else if (!in->asks)
		call_begin(loop, in, o, &p.number, NULL, NULL, &p);
	if (o && (status || in->asks || own))
		organization_release(o);
	if (own && (status || in->asks))
		organization_release(own);
}

/* Is it a phone's, by its From and its credentials? Then it is answered here. */
static bool is_placed_by_phone(struct call_loop *loop, const struct sip_incoming *in)
{
	if (!*in->from_user || !config_phone(loop->config.config, in->from_user, 0, NULL))
		return false;
	enum sip_auth auth = sip_leg_authenticate(in->leg, phone_password, loop);
	if (auth == SIP_AUTH_REFUSED)
		return false; /* they may be a trunk's */
	if (auth == SIP_AUTH_CHALLENGED) {
		strike(loop, in->source, clock_monotonic_ms());
		refuse(loop, in, 403); /* it is answered: this ends the leg */
		return true;
	}
	bans_forget(loop->bans, in->source);
	place_call(loop, in, &loop->phone);
	return true;
}

static void on_incoming(void *arg, const struct sip_incoming *in)
{
	struct call_loop *loop = arg;
	struct trunk_match trunks[16];
	struct password_request digest = {0};
	const struct config_number *number = NULL;
	const char *trunk_id = NULL;
	bool ticket = false;
	if (loop->draining) {
		refuse(loop, in, 503);
		return;
	}
	int64_t now = clock_monotonic_ms();
	size_t n = config_trunks_by_address(loop->config.config, in->source, trunks, ARRAY_LEN(trunks) - 1);
	if (!n && is_placed_by_phone(loop, in))
		return;
	/* Where we registered, the number is in To. */
	bool line = config_trunk_by_line(loop->config.config, in->request_user, &trunks[n]);
	const char *called = line ? in->to_user : in->request_user;
	const struct organization *o = NULL;
	n += line;
	for (size_t i = 0; i < n && !o; i++) {
		o = called_over(loop, &trunks[i], in, line, false, &number);
		trunk_id = o ? trunks[i].trunk_id : NULL;
	}
	if (!o)
		o = called_by_anybody(loop, called, &number);
	for (size_t i = 0; i < n && !o; i++) { /* nobody's number: not another organization's */
		o = called_over(loop, &trunks[i], in, line, true, &number);
		trunk_id = o ? trunks[i].trunk_id : NULL;
	}
	bool own = o && sip_agent_is_own(loop->agent, in->source) && sent_on_from(loop, in, o);
	if (!trunk_id && o && (own || has_digest(o) || loop->config.takes_tickets)) {
		digest = (struct password_request){.loop = loop, .organization = o, .number = number->number};
		enum sip_auth auth = sip_leg_authenticate(in->leg, password_of, &digest);
		if (auth == SIP_AUTH_OK) {
			ticket = !digest.trunk_id[0];
			trunk_id = ticket ? NULL : digest.trunk_id;
			bans_forget(loop->bans, in->source);
		} else {
			if (!n)
				strike(loop, in->source, now);
			refuse(loop, in, 403);
			organization_release(o);
			return;
		}
	}
	/* Whoever is known learns that the number is not; others learn nothing. */
	bool known = trunk_id || ticket;
	if (!n && !known)
		strike(loop, in->source, now);
	int status = !n && !known ? 403 : !known || !number->campaign ? 404 : !number->campaign->enabled || !campaign_terms(number->campaign, number->publisher_id)->enabled ? 480 : 0;
	if (status) {
		log_debug(NULL, "refused %d: call to %s", status, called);
		refuse(loop, in, status);
		if (o)
			organization_release(o);
		return;
	}
	const struct call *before = sent_on_from(loop, in, o);
	if (before && is_loop(before, number->number)) {
		log_warn(before->id, "refused 482: it came back to %s, where it was already", number->number);
		refuse(loop, in, 482);
		organization_release(o);
		return;
	}
	if (in->asks)
		organization_release(o);
	else
		call_begin(loop, in, o, number, ticket ? NULL : organization_trunk(o, trunk_id), before, NULL);
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
	struct call *c = l->kind == LETTER_PERSISTED ? by_serial(loop, l->serial) : by_id(loop, l->call_id);
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
	loop->banned = bans_count(loop->bans, now);
	ladders_write(loop->ladders, now);
	if (loop->calls)
		pulse_beat(loop->pulse);
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
	int64_t now = clock_monotonic_ms();
	loop->legs = sip_agent_legs(loop->agent);
	loop->transactions = sip_agent_transactions(loop->agent);
	gateways_check(loop);
	queue_serve(loop);
	once_a_second(loop, now);
	if (loop->rtpengine)
		rtpengine_check(loop->rtpengine, now);
	if (all || now >= loop->write_at_ms) {
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
	struct sip_agent_config sip = {loop->config.listeners, loop->config.certificate, loop->config.key, loop->config.ca, on_incoming, loop, admit, phone_password, phone_registered, phone_refused, phone_flow_lost, on_message, (unsigned)loop->config.session_seconds, (unsigned)loop->config.min_session_seconds, NULL, loop->config.proxies, loop->config.proxy_count};
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
	loop->bans = bans_create(config->ban_seconds);
	loop->pulse = pulse_create(config->store, config->node);
	loop->ladders = ladders_create(config->store);
	loop->policies = policies_create();
	randombytes_buf(secret, sizeof secret);
	sodium_bin2hex(loop->own_password, sizeof loop->own_password, secret, sizeof secret);
	loop->ringback = audio_ringback();
	loop->beep = audio_beep();
	error_set(err, "the SIP stack could not be started");
	sem_init(&start.ready, 0, 0);
	bool started = loop->bans && loop->pulse && loop->ladders && loop->policies && loop->mailbox && loop->media_events && loop->prompt_answers && loop->http_answers && loop->script_answers && pthread_create(&loop->thread, NULL, loop_main, &start) == 0;
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
	bans_destroy(loop->bans);
	pulse_destroy(loop->pulse);
	ladders_destroy(loop->ladders);
	policies_destroy(loop->policies);
	buf_free(&loop->phone_contacts);
	free(loop);
}
