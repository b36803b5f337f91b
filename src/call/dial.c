/* Calling targets, one after another or all at once, until one takes the call, and the conversation with it. */
#include "call/internal.h"
#include "base/log.h"
#include "base/network.h"
#include "base/public.h"
#include <stdlib.h>
#include <string.h>

#define TRIES_MAX 64
#define URI_SIZE 1024
#define JUDGED_MAX 10000     /* entries of plans that are looked at for a dial; then no further group is */
#define PLACED_RING_SECONDS 60 /* telephone numbers that phones call */
#define SILENT_MS 4000    /* a target without even a 100 response by then is passed over */
#define RATE_WAIT_MS 5000 /* how long a call waits for its trunk's rate */

static void go_on(struct attempt *a);
static void sent_on(struct attempt *a, int status, const char *contact);
static void offer_more(struct attempt *a);
static void gateway_failed(struct attempt *a, int status, const char *reason);

static enum flow_dial_outcome outcome_of(int status)
{
	if (status == 486 || status == 600)
		return DIAL_BUSY;
	return status == 408 || status == 480 || status == 487 ? DIAL_NO_ANSWER : DIAL_FAILED;
}

/* ---- whom to try ---- */

const char *dial_clean_uri(struct call *c, const char *uri)
{
	char clean[URI_SIZE];
	return sip_uri_clean(uri, clean, sizeof clean) ? arena_strdup(&c->arena, clean) : NULL;
}

struct capacity_call dial_capacity_call(const struct call *c)
{
	return (struct capacity_call){c->organization->id, c->campaign->id, c->publisher_id ? c->publisher_id : ""};
}

static void add_try(struct call *c, const struct dial_try *t)
{
	struct dial *d = &c->dial;
	struct dial_try *made = d->count == TRIES_MAX ? NULL : arena_alloc(&c->arena, sizeof *made);
	if (!made)
		return;
	*made = *t;
	made->plan = d->plan;
	made->group = d->group;
	made->chosen = d->chosen;
	made->stage = d->stage_made;
	made->at_once = d->at_once;
	*(d->last ? &d->last->after : &d->tries) = made;
	d->last = made;
	d->next = d->next ? d->next : made;
	d->count++;
}

/* As the trunk wants it: +15125550100, 15125550100, or 5125550100 within the organization's country. */
static void dialled_number(const struct call *c, const struct config_trunk *trunk, const char *e164, char *out, size_t size)
{
	char national[PHONE_SIZE * 2], digits[PHONE_SIZE], back[PHONE_SIZE];
	size_t n = 0;
	phone_national(e164, national, sizeof national);
	for (const char *p = national; *p && n + 1 < sizeof digits; p++)
		if (*p >= '0' && *p <= '9')
			digits[n++] = *p;
	digits[n] = '\0';
	bool at_home = n && phone_normalize(digits, c->organization->region, back) && strcmp(back, e164) == 0;
	const char *number = trunk->number_format == NUMBER_NATIONAL && at_home ? digits : trunk->number_format == NUMBER_E164 ? e164 : e164 + (*e164 == '+');
	snprintf(out, size, "%s%s", trunk->number_prefix ? trunk->number_prefix : "", number);
}

/* "sip:gw.example:5060;transport=tcp" and +1512… to "sip:+1512…@gw.example:5060;transport=tcp" */
static const char *gateway_uri(struct call *c, const struct config_trunk *trunk, const char *gateway, const char *e164)
{
	char number[80];
	dialled_number(c, trunk, e164, number, sizeof number);
	size_t scheme = strcspn(gateway, ":") + 1;
	const char *at = strchr(gateway, '@'), *host = at ? at + 1 : gateway + scheme;
	size_t size = scheme + strlen(number) + strlen(host) + 2;
	char *uri = arena_alloc(&c->arena, size);
	if (uri)
		snprintf(uri, size, "%.*s%s@%s", (int)scheme, gateway, number, host);
	return uri;
}

const uint8_t *dial_order(struct call *c, const struct config_trunk *trunk)
{
	uint8_t *order = arena_alloc(&c->arena, TRUNK_GATEWAYS_MAX);
	if (order)
		trunk_order(c->loop->config.trunks, trunk, order, clock_monotonic_ms());
	return order;
}

static const char *reach_number(struct call *c, const char *number, const char *trunk_id, struct dial_try *out)
{
	out->number = number;
	out->trunk = organization_trunk(c->organization, trunk_id);
	if (!out->trunk || !out->trunk->gateway_count)
		return "its trunk has no outbound gateway";
	out->order = dial_order(c, out->trunk);
	return out->order ? NULL : "out of memory";
}

const char *dial_reach(struct call *c, const struct route_target *target, struct dial_try *out)
{
	out->target = target;
	if (target->timeout_seconds)
		out->timeout_seconds = target->timeout_seconds;
	if (!target->phone_username && !target->uri)
		return reach_number(c, target->number, target->trunk_id, out);
	out->uri = target->phone_username ? target->phone_username : target->uri;
	if (!target->phone_username)
		return NULL;
	struct phone devices[PHONE_DEVICES_MAX];
	size_t n = phones_find(c->loop->config.phones, target->id, clock_now_ms(), devices, PHONE_DEVICES_MAX);
	struct phone *kept = n ? arena_alloc(&c->arena, n * sizeof *kept) : NULL;
	if (!kept)
		return "its phone is not registered";
	memcpy(kept, devices, n * sizeof *kept);
	out->uri = kept->contact;
	out->phone = kept;
	out->phone_count = n;
	return NULL;
}

/* The further devices of a phone ring beside its first, in the same place of the order. */
static void add_devices(struct call *c, const struct dial_try *first)
{
	bool at_once = c->dial.at_once;
	c->dial.at_once = true;
	for (size_t i = 1; i < first->phone_count; i++) {
		struct dial_try t = *first;
		t.phone = &first->phone[i];
		t.uri = t.phone->contact;
		add_try(c, &t);
	}
	c->dial.at_once = at_once;
}

static void add_target(struct call *c, const struct route_target *target, int timeout_seconds)
{
	struct dial_try t = {.timeout_seconds = timeout_seconds};
	const char *why = dial_reach(c, target, &t);
	if (why) {
		log_attempt(c, &t, NULL, "skipped", 0, why);
		return;
	}
	add_try(c, &t);
	add_devices(c, &t);
}

static void add_tree(struct call *c, const struct route_tree *tree, int timeout_seconds)
{
	if (c->dial.waits_since_ms) /* they were asked, when the call came */
		return;
	c->dial.asked_tree = true;
	add_try(c, &(struct dial_try){.tree = tree, .uri = tree->name, .timeout_seconds = timeout_seconds});
}

/* Why it comes where it comes; of another plan than the one that was asked, that one's name, too. */
static const char *chosen(struct call *c, const struct route_plan *plan, const struct route_candidate *one)
{
	char reason[ROUTE_REASON_SIZE];
	const char *parts[] = {route_reason(plan, one, reason), ", in the plan ", plan->name};
	struct buf text = {0};
	for (size_t i = 0; i < (plan == c->dial.asked_plan ? 1 : ARRAY_LEN(parts)); i++)
		buf_add_str(&text, parts[i]);
	const char *kept = arena_strdup(&c->arena, buf_text(&text));
	buf_free(&text);
	return kept;
}

static struct capacity_asked asked_of(const struct call *c, const struct capacity_call *as)
{
	return capacity_ask(c->loop->config.capacity, c->organization, c->campaign, as, c->caller_id, c->started_ms, clock_now_ms());
}

static void add_plan(struct call *c, const struct route_plan *plan, const struct in_group *group, int timeout_seconds, bool all);

/* The targets of a plan within another, in its place. Those of a group that rings at once do so apart from others. */
static void add_group(struct call *c, const struct route_plan *outer, const struct in_group *above, const struct route_plan *plan, int timeout_seconds, bool all)
{
	struct dial *d = &c->dial;
	bool at_once = d->at_once;
	struct in_group *g = (above && above->depth >= ROUTE_GROUPS_MAX) || d->judged >= JUDGED_MAX ? NULL : arena_alloc(&c->arena, sizeof *g);
	if (!g)
		return;
	*g = (struct in_group){outer, plan, above, above ? above->depth + 1 : 1};
	d->stage_made += !at_once;
	add_plan(c, plan, g, timeout_seconds, at_once || all);
	d->stage_made -= at_once; /* others of this stage ring beside them */
	d->plan = outer;
	d->group = above;
	d->at_once = at_once;
}

/* Whom a plan sends the call to; simultaneously: all of one priority, or with `all` all at once. group: where it is one, or NULL. */
static void add_plan(struct call *c, const struct route_plan *plan, const struct in_group *group, int timeout_seconds, bool all)
{
	struct dial *d = &c->dial;
	const struct capacity_call as = dial_capacity_call(c);
	struct capacity_asked asked = asked_of(c, &as);
	struct capacity_judged judged;
	capacity_judge(&asked, plan, &c->env, asked.now_ms, false, &judged);
	d->judged += judged.count;
	d->plan = plan;
	d->group = group;
	d->at_once = all || plan->strategy == ROUTE_AT_ONCE;
	for (size_t i = 0; i < judged.count; i++) {
		const struct route_candidate *one = &judged.list[i];
		const struct route_entry *e = one->entry;
		if (i && !all && one->priority != one[-1].priority)
			d->stage_made++;
		d->busy = d->busy || one->verdict == ROUTE_BUSY || one->verdict == ROUTE_AWAY;
		d->chosen = one->verdict == ROUTE_ELIGIBLE ? chosen(c, plan, one) : NULL;
		if (one->verdict == ROUTE_ELIGIBLE && e->group)
			add_group(c, plan, group, e->group, timeout_seconds, all);
		else if (one->verdict == ROUTE_ELIGIBLE && e->tree)
			add_tree(c, e->tree, timeout_seconds ? timeout_seconds : plan->timeout_seconds);
		else if (one->verdict == ROUTE_ELIGIBLE)
			add_target(c, e->target, timeout_seconds ? timeout_seconds : plan->timeout_seconds);
		else if (!d->waits_since_ms) /* else it was told */
			log_attempt(c, &(struct dial_try){.target = e->target, .uri = e->target ? e->target->uri : route_entry_name(e)}, NULL, "skipped", 0, route_verdict_text(one->verdict));
	}
	d->chosen = NULL;
	capacity_judged_free(&judged);
	d->stage_made++;
}

/* And, after it, those that it falls back on. */
void dial_add_plans(struct call *c)
{
	const struct route_plan *plans[ROUTE_CHAIN_MAX];
	size_t n = route_plan_chain(c->dial.asked_plan, plans);
	c->dial.tries = c->dial.last = c->dial.next = NULL;
	c->dial.count = c->dial.judged = 0;
	c->dial.busy = false;
	for (size_t i = 0; i < n; i++)
		add_plan(c, plans[i], NULL, c->dial.asked_timeout, c->dial.asked_all);
}

static void add_targets(struct call *c, const struct flow_dial *to)
{
	const struct capacity_call as = dial_capacity_call(c);
	struct capacity_asked asked = asked_of(c, &as);
	asked.not_since_ms = 0; /* the flow chose them */
	for (size_t i = 0; to->target_ids[i]; i++) {
		const struct route_target *t = organization_target(c->organization, to->target_ids[i]);
		enum route_verdict v = t ? route_target_judge(t, &c->env, clock_now_ms()) : ROUTE_DISABLED;
		if (v == ROUTE_ELIGIBLE && capacity_repeats(&asked, t))
			v = ROUTE_REPEATED;
		if (t && v == ROUTE_ELIGIBLE)
			add_target(c, t, to->timeout_seconds);
		else if (t)
			log_attempt(c, &(struct dial_try){.target = t, .uri = t->uri}, NULL, "skipped", 0, route_verdict_text(v));
	}
}

static void add_other_number(struct call *c, const char *number, const struct flow_dial *to)
{
	struct dial_try t = {.by_policy = true, .timeout_seconds = to->timeout_seconds};
	const char *why = reach_number(c, number, to->trunk_id, &t);
	if (why)
		log_attempt(c, &t, NULL, "skipped", 0, why);
	else
		add_try(c, &t);
}

static void add_other_uri(struct call *c, const struct flow_dial *to)
{
	struct dial_try t = {
		.uri = to->uri, .by_policy = true, .timeout_seconds = to->timeout_seconds};
	if (to->uri_is_composed && !(t.uri = dial_clean_uri(c, to->uri))) {
		t.uri = to->uri;
		log_attempt(c, &t, NULL, "skipped", 0, "its SIP URI cannot be used");
		return;
	}
	add_try(c, &t);
}

static void add_direct(struct call *c, const struct flow_dial *to)
{
	char number[PHONE_SIZE];
	bool readable = !to->uri && to->number && phone_normalize(to->number, c->organization->region, number);
	const char *why = to->uri ? policy_forbids_uri(c->organization) : readable ? policy_forbids_number(c->organization, number) : "it is no phone number";
	if (why)
		log_attempt(c, &(struct dial_try){.uri = to->uri ? to->uri : to->number}, NULL, "skipped", 0, why);
	else if (to->uri)
		add_other_uri(c, to);
	else
		add_other_number(c, arena_strdup(&c->arena, number), to);
}

/* ---- legs ---- */

bool dial_is_free(const struct attempt *a)
{
	return !a->leg && !a->waiting && !a->asking;
}

static size_t legs(const struct dial *d)
{
	size_t n = 0;
	for (size_t i = 0; i < d->attempt_count; i++)
		n += !dial_is_free(&d->attempts[i]);
	return n;
}

static const struct config_gateway *gateway_of(const struct attempt *a)
{
	return &a->to->trunk->gateways[a->to->order[a->gateway]];
}

/* Another device of the same phone that is called now; NULL: there is none. */
static struct attempt *other_device(const struct attempt *a)
{
	const struct dial *d = &a->call->dial;
	for (size_t i = 0; a->to->phone && i <= d->attempt_count; i++) {
		struct attempt *b = &d->attempts[i];
		if (b != a && b->call && !dial_is_free(b) && b->to->phone && b->to->target == a->to->target)
			return b;
	}
	return NULL;
}

/* The devices of a phone have one place among the target's calls. */
static void leave_target(struct attempt *a)
{
	struct attempt *other = other_device(a);
	if (other && !other->in_target) {
		other->in_target = a->in_target;
		return;
	}
	const struct capacity_call as = dial_capacity_call(a->call);
	capacity_leave(a->call->loop->config.capacity, a->in_target, &as, a->was_connected);
	a->call->loop->room_freed = true;
}

void dial_let_go(struct attempt *a)
{
	if (a->leg)
		sip_leg_release(a->leg, 0, a->call->dial.reason);
	if (a->in_trunk && a->answered_ms)
		a->call->cost_micros += terms_cost(&a->in_trunk->out_rate,
						   call_now_ms(a->call) - a->answered_ms);
	if (a->in_trunk)
		trunk_leave(a->call->loop->config.trunks, a->in_trunk->id, TRUNK_OUT);
	if (a->in_policy)
		policy_leave(a->call->loop->policies, a->call->organization->id);
	if (a->in_target)
		leave_target(a);
	a->in_policy = false;
	a->answered_ms = 0;
	a->leg = NULL;
	a->in_trunk = NULL;
	a->in_target = NULL;
	a->was_connected = false;
	a->waiting = a->asking = false;
	a->accepting = false;
	a->whisper_request = a->whisper_play = 0;
	a->until_ms = 0;
}

void dial_finish(struct call *c, enum flow_dial_outcome outcome)
{
	money_settle(c, CHANGED_BY_RULE);
	dial_stop(c);
	execute_dial_ended(c, outcome);
}

/* This one is over; on to the next. */
static void give_up(struct attempt *a, enum flow_dial_outcome outcome, const char *told, int status, const char *reason)
{
	struct call *c = a->call;
	if (a->early_media)
		media_bridge(c->end, NULL);
	media_stop_play(a->end);
	const char *said = a->leg && status ? sip_leg_refusal(a->leg) : NULL;
	const char *cause = arena_strdup(&c->arena, said); /* the leg goes below */
	log_attempt(c, a->to, a, told, status, reason);
	dial_let_go(a);
	if (a == c->dial.transfer) {
		transfer_failed(a, status);
		return;
	}
	c->dial.outcome = outcome;
	c->refused_status = status;
	c->refused_reason = cause;
	dial_next_bid(a);
	dial_try_more(c);
}

/* ---- time ---- */

static void on_time(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg);

/* Wake up when the first leg's time is over. */
void dial_watch_time(struct call *c)
{
	const struct dial *d = &c->dial;
	int64_t first = 0, now = clock_monotonic_ms();
	for (size_t i = 0; i <= d->attempt_count; i++)
		if (d->attempts[i].until_ms && (!first || d->attempts[i].until_ms < first))
			first = d->attempts[i].until_ms;
	if (first)
		su_timer_set_interval(c->step_timer, on_time, c, first > now ? (su_duration_t)(first - now) : 1);
	else
		su_timer_reset(c->step_timer);
}

static void set_time(struct attempt *a, int seconds)
{
	a->until_ms = clock_monotonic_ms() + seconds * INT64_C(1000);
	dial_watch_time(a->call);
}

/* Not even 100 has come: whoever is there answers at once. */
static void nobody_there(struct attempt *a)
{
	static const char why[] = "it did not answer the INVITE";
	if (a->leg && !sip_leg_is_sent(a->leg)) { /* its SDP is with the media proxy still */
		set_time(a, SILENT_MS / 1000);
		return;
	}
	if (a->to->trunk)
		gateway_failed(a, 0, why);
	else
		give_up(a, DIAL_FAILED, "failed", 0, why);
}

static void on_time(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	struct call *c = (struct call *)arg;
	struct attempt *late = NULL;
	(void)magic, (void)timer;
	if (!c->dial.active || (c->dial.connected && !c->dial.transfer))
		return;
	for (size_t i = 0; i <= c->dial.attempt_count; i++)
		if (c->dial.attempts[i].until_ms && c->dial.attempts[i].until_ms <= clock_monotonic_ms())
			late = &c->dial.attempts[i];
	if (!late)
		dial_watch_time(c);
	else if (late->waiting)
		go_on(late);
	else if (late->asking)
		auction_late(late);
	else if (!late->heard && late->ring_until_ms > late->until_ms)
		nobody_there(late);
	else if (late->accepting)
		give_up(late, DIAL_NO_ANSWER, "not_accepted", 200, "it answered, and did not press the key");
	else
		give_up(late, DIAL_NO_ANSWER, "no_answer", 0, late->heard ? "it rang until the time was over" : "nothing was heard of it until the time was over");
}

/* ---- the conversation ---- */

static void talk_tick(struct call *c);

static void on_talk_timer(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	(void)magic, (void)timer;
	talk_tick((struct call *)arg);
}

/* The next mark after so many seconds that somebody asks for by its name. NULL: none. */
static const struct event_type *next_mark(const struct call *c, int after_seconds)
{
	uint64_t asked_for = event_types_asked_for(c->organization);
	for (const struct event_type *t = event_types; asked_for && t->type; t++)
		if (t->seconds > after_seconds && asked_for & event_type_bit(t))
			return t;
	return NULL;
}

/* Report each milestone and mark that the conversation has reached. Returns the seconds of the next one, -1 for none. */
static int report_seconds(struct call *c, int64_t talked_ms)
{
	const struct config_campaign *p = c->campaign;
	for (;;) {
		const struct event_type *mark = next_mark(c, c->marked_seconds);
		bool more = c->next_milestone < p->milestone_count;
		bool is_milestone = more && (!mark || p->milestones[c->next_milestone] <= mark->seconds);
		if (!is_milestone && !mark)
			return -1;
		int seconds = is_milestone ? p->milestones[c->next_milestone] : mark->seconds;
		char data[48];
		if (talked_ms < seconds * INT64_C(1000))
			return seconds;
		snprintf(data, sizeof data, "\"seconds\":%d", seconds);
		if (is_milestone) {
			c->next_milestone++;
			log_milestone(c, seconds, data);
		} else {
			log_named_event(c, mark->type, data);
		}
		c->marked_seconds = seconds;
	}
}

/* What is due after so long a talk; then sleep until the next thing that will be. */
static void talk_tick(struct call *c)
{
	const struct route_target *t = c->target;
	int64_t talked_ms = call_now_ms(c) - c->connected_ms, next = -1;
	int next_seconds = report_seconds(c, talked_ms);
	money_settle(c, CHANGED_BY_RULE);
	if (c->dial.max_duration_seconds && talked_ms >= c->dial.max_duration_seconds * 1000L) {
		call_end(c, 0, "completed", "system");
		return;
	}
	const int64_t dues[] = {
		next_seconds,
		!c->revenue_told && t ? t->revenue_after_seconds : -1,
		terms_next_seconds(c->terms, talked_ms),
		c->dial.max_duration_seconds ? c->dial.max_duration_seconds : -1,
	};
	for (size_t i = 0; i < ARRAY_LEN(dues); i++)
		if (dues[i] >= 0 && (next < 0 || dues[i] * 1000 < next))
			next = dues[i] * 1000;
	if (next >= 0)
		su_timer_set_interval(c->talk_timer, on_talk_timer, c, next > talked_ms ? (su_duration_t)(next - talked_ms) : 1);
}

/* Caller and target talk; whoever else rings need not any more. */
static void connect_call(struct attempt *a)
{
	struct call *c = a->call;
	struct dial *d = &c->dial;
	d->talking = a;
	d->connected = true;
	a->accepting = false;
	a->until_ms = 0;
	su_timer_reset(c->step_timer);
	d->reason = "SIP;cause=200;text=\"Call completed elsewhere\""; /* RFC 3326: no call was missed there */
	for (size_t i = 0; i < d->attempt_count; i++) {
		struct attempt *other = &d->attempts[i];
		if (other == a || dial_is_free(other))
			continue;
		if (!other->asking)
			log_attempt(c, other->to, other, "answered_elsewhere", 0,
				other->to->phone && other->to->target == a->to->target ?
					"another device of the phone took the call first" :
					"another target took the call first");
		dial_let_go(other);
		auction_close(other, false);
	}
	d->reason = NULL;
	queue_leave(c);
	media_stop_play(c->end);
	media_stop_play(a->end);
	negotiate_connect(c, a);
	media_bridge(c->end, a->end);
	const struct route_target *t = a->to->target;
	c->target = c->placed ? NULL : t;
	c->target_id = t ? t->id : NULL;
	if (t && !c->placed)
		callers_connected(c->organization->callers, c->campaign->id, t->id, c->caller_id, c->started_ms);
	if (a->in_target) {
		const struct capacity_call as = dial_capacity_call(c);
		capacity_connected(c->loop->config.capacity, a->in_target, &as, clock_now_ms(), log_batch(c));
		a->was_connected = true;
	}
	call_answer(c);
	if (d->record || c->campaign->recording)
		d->recording = record_start(c, false) && !c->campaign->recording;
	c->connected_ms = call_now_ms(c);
	call_forget_refusal(c);
	if (!c->answered_ms)
		c->answered_ms = c->connected_ms;
	log_attempt(c, a->to, a, "answered", 200, NULL);
	auction_close(a, true);
	money_earn(c);
	log_call_progress(c);
	log_event(c, "call.connected", "");
	negotiate_tell_caller(c);
	negotiate_tell_target(c);
	hold_update(c);
	talk_tick(c);
}

/* ---- whisper, and the key that accepts ---- */

#define ACCEPT_SECONDS 10

/* The dial's, or the target's own; '\0': answering is enough. */
static char accept_key(const struct attempt *a)
{
	return a->call->dial.accept_key || !a->to->target ? a->call->dial.accept_key : a->to->target->accept_key;
}

/* What who answers is to hear, likewise; prompt_id and text NULL: nothing. */
static struct flow_prompt whisper_of(const struct attempt *a)
{
	const struct route_target *t = a->to->target;
	struct flow_prompt own = a->call->dial.whisper;
	struct buf said = {0};
	if (own.prompt_id || own.text || !t)
		return own;
	if (t->whisper.text)
		template_render(t->whisper.text, &a->call->env, &said);
	own = (struct flow_prompt){t->whisper.prompt_id, t->whisper.text ? arena_strdup(&a->call->arena, buf_text(&said)) : NULL, t->whisper.voice};
	buf_free(&said);
	return own;
}

/* Before it talks to the caller. */
static bool is_spoken_to(const struct attempt *a)
{
	const struct flow_prompt *own = &a->call->dial.whisper;
	const struct route_target *t = a->to->target;
	return accept_key(a) || own->prompt_id || own->text || (t && (t->whisper.prompt_id || t->whisper.text));
}

static void whisper_over(struct attempt *a)
{
	a->whisper_play = 0;
	if (accept_key(a))
		set_time(a, ACCEPT_SECONDS);
	else
		connect_call(a);
}

static void whisper(struct attempt *a, struct audio *audio)
{
	if (audio)
		a->whisper_play = media_play(a->end, audio);
	else /* who cannot hear it still gets the call */
		whisper_over(a);
}

bool dial_whisper_ready(struct call *c, unsigned request, struct audio *audio)
{
	if (queue_music_ready(c, request, audio))
		return true;
	for (size_t i = 0; i < c->dial.attempt_count; i++) {
		struct attempt *a = &c->dial.attempts[i];
		if (!request || a->whisper_request != request)
			continue;
		a->whisper_request = 0;
		whisper(a, audio);
		return true;
	}
	return false;
}

/* NULL: nobody there is to be waited for. */
static struct attempt *accepting(struct call *c, size_t leg)
{
	struct attempt *a = leg < c->dial.attempt_count ? &c->dial.attempts[leg] : NULL;
	return a && a->accepting ? a : NULL;
}

void dial_whisper_played(struct call *c, size_t leg, unsigned play)
{
	struct attempt *a = accepting(c, leg);
	if (a && play == a->whisper_play)
		whisper_over(a);
}

void dial_key(struct call *c, size_t leg, char key)
{
	struct attempt *a = accepting(c, leg);
	if (a && key == accept_key(a))
		connect_call(a);
}

static void start_whisper(struct attempt *a, const struct flow_prompt *prompt)
{
	struct call *c = a->call;
	a->accepting = true;
	a->until_ms = 0;
	dial_watch_time(c);
	if (a->early_media)
		media_bridge(c->end, NULL);
	if (c->answered || c->want_answer || a->early_media)
		call_ring_back(c);
	if (!prompt->prompt_id && !prompt->text) {
		whisper_over(a);
		return;
	}
	struct audio *audio = execute_audio(c, prompt, &a->whisper_request);
	if (!a->whisper_request)
		whisper(a, audio);
}

/* ---- what a target's leg tells ---- */

/* A phone behind NAT names the address it has there: its audio comes from where it registered. */
void dial_set_remote(const struct attempt *a, const struct sdp_audio *audio)
{
	struct sdp_audio reached = *audio;
	struct sockaddr_storage named;
	const struct phone *phone = a->to->phone;
	if (phone && *phone->address && address_parse(audio->address, strlen(audio->address), &named) && !address_is_public((const struct sockaddr *)&named))
		snprintf(reached.address, sizeof reached.address, "%s", phone->address);
	media_set_remote(a->end, &reached, negotiate_symmetry(a->call, a->to->trunk, &reached));
}

/* What its SDP says from now on. */
static void take_sdp(struct attempt *a, const struct sdp_audio *audio)
{
	fax_over(a->call, a);
	dial_set_remote(a, audio);
	a->sdp = *audio;
	a->told_passed = audio->passed;
	hold_update(a->call);
}

/* Its own ringing is heard only where it alone is tried: of several, nobody is the one to listen to. */
static bool take_early_media(struct attempt *a, const char *sdp)
{
	struct call *c = a->call;
	struct sdp_audio audio;
	if (c->dial.attempt_count > 1 || !*sdp || !negotiate_answer(a, sdp, &audio))
		return false;
	a->early_media = true;
	media_stop_play(c->end);
	take_sdp(a, &audio);
	negotiate_connect(c, a);
	media_bridge(c->end, a->end);
	return true;
}

static void target_progress(void *owner, int status, const char *sdp)
{
	struct attempt *a = owner;
	struct call *c = a->call;
	bool first = !a->ringing_ms && status > 100;
	if (!a->heard) {
		a->heard = true;
		a->until_ms = a->ring_until_ms;
		dial_watch_time(c);
	}
	if (status == 100)
		return;
	if (first)
		a->ringing_ms = call_now_ms(c);
	if (a == c->dial.transfer) {
		transfer_rings(a, status);
		return;
	}
	bool early = take_early_media(a, sdp);
	if (c->answered || c->want_answer) {
		if (!early && !a->early_media && first)
			call_ring_back(c);
		return;
	}
	early = early && !c->offers; /* an offer of ours has to wait for the 200 */
	if (early)
		status = 183;
	else if (status == 183)
		status = 180;
	call_ring(c, status, early);
}

static void target_answered(void *owner, const char *sdp)
{
	struct attempt *a = owner;
	const struct dial *d = &a->call->dial;
	struct sdp_audio audio;
	a->heard = true;
	a->answered_ms = call_now_ms(a->call);
	if (!negotiate_answer(a, sdp, &audio)) {
		give_up(a, DIAL_FAILED, "failed", 200,
			sip_leg_lacks_encryption(a->leg)
				? "its answer does not encrypt the audio (SRTP), as it has to"
				: "its answer has no audio that can be used");
		return;
	}
	take_sdp(a, &audio);
	if (a->to->trunk)
		gateways_answered(a->call->loop, a->to->trunk->id, gateway_of(a)->uri, 200, -1,
				  NULL);
	if (a == d->transfer)
		transfer_answered(a);
	else {
		const struct flow_prompt prompt = whisper_of(a);
		if (accept_key(a) || prompt.prompt_id || prompt.text)
			start_whisper(a, &prompt);
		else
			connect_call(a);
	}
}

/* Does it refuse the codecs that it was offered, and could others help? */
static bool lacks_codec(const struct attempt *a, int status)
{
	return (status == 488 || status == 606) && !a->converts && !a->early_media;
}

/* The log has the host alone: the rest of a URI may be somebody's number. */
static void log_unreached(const struct attempt *a, const char *reason)
{
	char host[SIP_HOST_SIZE];
	log_warn(a->call->id, "%s is not reached: %s", sip_uri_host(a->uri, host), reason);
}

static enum sip_media media_of(const struct dial_try *t);

/* Who refuses an offer without saying more may not speak SRTP. Returns the reason, or out. */
static const char *refused_offer(
	const struct attempt *a, int status, const char *reason, char out[200])
{
	bool refuses = status == 488 || status == 606 || status == 415;
	if (!refuses || media_of(a->to) != SIP_SRTP)
		return reason;
	snprintf(out, 200, "%s (encrypted audio was offered)", reason);
	return out;
}

static void target_failed(void *owner, int status, const char *reason, const char *contact)
{
	struct attempt *a = owner;
	char text[200];
	enum flow_dial_outcome outcome = outcome_of(status);
	if (!status)
		log_unreached(a, reason);
	if (contact && (status == 301 || status == 302))
		sent_on(a, status, contact);
	else if (lacks_codec(a, status))
		offer_more(a);
	else if (a->to->trunk && !a->ringing_ms && (status == 500 || trunk_is_down(status)))
		gateway_failed(a, status, reason);
	else
		give_up(a, outcome, flow_dial_outcomes[outcome], status,
			refused_offer(a, status, reason, text));
}

static void target_ended(void *owner, const char *how, const char *reason)
{
	struct attempt *a = owner;
	(void)how;
	a->call->hangup_reason = arena_strdup(&a->call->arena, reason);
	if (a->accepting) {
		give_up(a, DIAL_NO_ANSWER, "not_accepted", 200, "it answered, and hung up before the caller was connected");
		return;
	}
	if (transfer_left(a))
		return;
	log_trace_input(a->call, "target_hung_up", "");
	dial_finish(a->call, DIAL_COMPLETED);
}

static void target_key(void *owner, char key)
{
	const struct attempt *a = owner;
	media_info_key(a->end, key);
}

void dial_send_key(struct call *c, size_t leg, char key)
{
	struct attempt *a = leg <= c->dial.attempt_count ? &c->dial.attempts[leg] : NULL;
	if (c->dial.active && a && a->leg)
		sip_leg_send_key(a->leg, key);
}

/* What has changed with who talks. */
static void tell_caller(struct attempt *a)
{
	struct call *c = a->call;
	if (a != c->dial.talking || !c->dial.connected)
		return;
	negotiate_connect(c, a);
	negotiate_tell_caller(c);
}

/* The codec that our last SDP to the target named, where it is neither PCMU nor PCMA. */
static const struct sdp_format *spoken_codec(const struct attempt *a)
{
	bool passes = a->told_passed && (a->call->passed || a->converts);
	return passes ? a->passed : NULL;
}

/* false: no audio that can be used. */
static bool read_sdp(const struct attempt *a, const char *sdp, struct sdp_audio *out)
{
	return negotiate_take(spoken_codec(a), sdp, out) && !echo_target(a, out);
}

static void target_offered(void *owner, const char *sdp)
{
	struct attempt *a = owner;
	struct call *c = a->call;
	char answer[SDP_SIZE];
	struct sdp_audio audio;
	if (!*sdp) {
		a->offers = true;
		sip_leg_reoffer_answer(a->leg, 200, negotiate_target_offer(a, "sendrecv", answer));
	} else if (read_sdp(a, sdp, &audio)) {
		take_sdp(a, &audio);
		sdp_audio_answer(answer, media_address(a->end), media_port(a->end),
				 &audio, negotiate_format_of(a), c->sdp_session + 1,
				 ++c->sdp_version);
		sip_leg_reoffer_answer(a->leg, 200, answer);
		tell_caller(a);
	} else if (!fax_offered(c, a, sdp)) {
		sip_leg_reoffer_answer(a->leg, 488, NULL);
	}
}

static void target_acked(void *owner, const char *sdp)
{
	struct attempt *a = owner;
	struct sdp_audio audio;
	bool offered = a->offers;
	a->offers = false;
	if (!offered || !read_sdp(a, sdp, &audio))
		return; /* what was agreed before stays */
	take_sdp(a, &audio);
	tell_caller(a);
}

/* Its answer to what the caller's hold, or the end of that, made us offer; when it refuses, what stands goes on. */
static void target_reanswered(void *owner, int status, const char *sdp)
{
	struct attempt *a = owner;
	struct sdp_audio audio;
	if (a == a->call->dial.talking && fax_answered(a->call, a, status, sdp))
		return;
	if (status < 300 && read_sdp(a, sdp, &audio)) {
		take_sdp(a, &audio);
		if (!audio.passed && a->call->passed != a->call->spoken)
			tell_caller(a);
	}
}

static void target_refers(void *owner, const struct sip_refer *refer)
{
	transfer_asked(owner, refer);
}

static const struct sip_leg_handler target_handler = {
	.progress = target_progress, .answered = target_answered, .failed = target_failed, .ended = target_ended, .offered = target_offered, .acked = target_acked, .reanswered = target_reanswered, .dtmf = target_key, .refer = target_refers,
};

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

/* Their values without sensitive tags, which would stay in the logs of every server on the way. */
static void add_headers(
	const struct call *c, const struct named_templates *list, struct buf *headers)
{
	struct arena arena = {0};
	struct expr_env env = c->env;
	if (!list->count)
		return;
	struct value *tags = arena_alloc(&arena, (env.tag_count + 1) * sizeof *tags);
	for (size_t i = 0; tags && i < env.tag_count; i++)
		if (!tag_set_get(c->organization->tags, i)->sensitive)
			tags[i] = c->tags[i];
	env.tags = tags;
	for (size_t i = 0; tags && i < list->count; i++) {
		struct buf value = {0};
		template_render(list->list[i].value, &env, &value);
		if (value.len && !value.failed)
			buf_printf(headers, "%s: %s\r\n", list->list[i].name, buf_text(&value));
		buf_free(&value);
	}
	arena_free(&arena);
}

static void add_own_headers(const struct call *c, const struct dial_try *t, struct buf *headers)
{
	if (t->target && t->target->send_tags)
		add_tag_headers(c, headers);
	if (t->target)
		add_headers(c, &t->target->headers, headers);
	if (t->trunk)
		add_headers(c, &t->trunk->headers, headers);
	if (t->trunk && t->trunk->passes_identity && c->identity)
		buf_add_str(headers, c->identity);
}

/* A phone in a browser is reached by WebSocket (RFC 7118 §5). */
static enum sip_media media_of(const struct dial_try *t)
{
	if (t->phone && strcasestr(t->phone->contact, ";transport=ws"))
		return SIP_WEBRTC;
	bool encrypts = t->trunk ? t->trunk->srtp : t->target && t->target->srtp;
	return encrypts ? SIP_SRTP : SIP_RTP;
}

static enum dtmf_mode dtmf_of(const struct dial_try *t)
{
	if (t->trunk)
		return t->trunk->dtmf;
	return t->target ? t->target->dtmf : DTMF_AUTO;
}

/* Phones are called where they registered from; numbers of its own this server calls at itself. */
static bool is_within_reach(const struct dial_try *t)
{
	return t->phone || (!t->trunk && t->username && strcmp(t->username, OWN_USERNAME) == 0);
}

static bool is_guarded(const struct attempt *a)
{
	return a->uri && !is_within_reach(a->to) &&
	       sip_agent_refuses(a->call->loop->agent, a->uri);
}

static bool lacks_rtpengine(const struct attempt *a)
{
	return media_of(a->to) != SIP_RTP && !a->call->loop->rtpengine;
}

static bool invite(struct attempt *a)
{
	struct call *c = a->call;
	const struct dial_try *t = a->to;
	char sdp[SDP_SIZE];
	struct buf headers = {0};
	const char *shown = c->dial.caller_id ? c->dial.caller_id : t->trunk ? t->trunk->out_caller_id : NULL;
	bool known = c->caller_id[0] == '+';
	a->offered = is_spoken_to(a) ? NULL : negotiate_formats(c);
	if (a->converts)
		a->offered = negotiate_converted(c, a->offered);
	negotiate_offer(c, a, sdp);
	media_set_dtmf(a->end, dtmf_of(t));
	buf_printf(&headers, CALL_ID_HEADER ": %s\r\n%s", c->id, t->headers ? t->headers : "");
	add_own_headers(c, t, &headers);
	struct sip_outgoing out = {
		.uri = a->uri, .route = t->phone && *t->phone->route ? t->phone->route : NULL,
		.may_be_private = is_within_reach(t), .from_user = shown ? shown : c->withheld ? NULL : c->caller_id,
		.asserted_user = t->trunk && t->trunk->asserts_identity && known ? c->caller_id : NULL,
		.diverted_user = t->trunk && t->trunk->tells_diversion ? c->number->number : NULL,
		.username = t->trunk ? t->trunk->out_username : t->username,
		.password = t->trunk ? t->trunk->out_password : t->password,
		.sdp = sdp, .media = media_of(t), .nat = call_nat(t->trunk),
		.headers = buf_text(&headers), .max_forwards = c->max_forwards,
	};
	a->leg = sip_invite(c->loop->agent, &out, &target_handler, a);
	buf_free(&headers);
	if (a->leg)
		ladder_add(c->ladder, sip_leg_call_id(a->leg));
	return a->leg != NULL;
}

/* Does the target take another call? When not, the attempt is over: others were quicker since the plan was asked. */
static bool enter_target(struct attempt *a)
{
	struct call *c = a->call;
	const struct route_target *t = a->to->target;
	const struct capacity_call as = dial_capacity_call(c);
	const struct attempt *other = other_device(a);
	if (!t || c->placed || a->in_target || a->to->replaces || (other && other->in_target))
		return true;
	enum route_verdict v = capacity_enter(c->loop->config.capacity, t, &as, clock_now_ms());
	if (v == ROUTE_ELIGIBLE) {
		a->in_target = t;
		if (a->to->plan)
			capacity_take_turn(c->loop->config.capacity, a->to->plan->id, a->to->tree ? a->to->tree->id : t->id);
		for (const struct in_group *g = a->to->group; g; g = g->above)
			capacity_take_turn(c->loop->config.capacity, g->outer->id, g->plan->id);
		return true;
	}
	c->dial.busy = c->dial.busy || v == ROUTE_BUSY || v == ROUTE_AWAY;
	log_attempt(c, a->to, NULL, "skipped", 0, route_verdict_text(v));
	dial_let_go(a);
	return false;
}

/* Room in its trunk? When not, the attempt is over or waits. */
static bool enter_trunk(struct attempt *a)
{
	const struct config_trunk *trunk = a->to->trunk;
	struct trunks *trunks = a->call->loop->config.trunks;
	int64_t now = clock_monotonic_ms(), wait = trunk_enter(trunks, trunk, TRUNK_OUT, now);
	a->waiting = wait > 0 && a->waited_ms + wait <= RATE_WAIT_MS;
	a->in_trunk = wait ? NULL : trunk;
	if (a->waiting) {
		a->waited_ms += wait;
		a->until_ms = now + wait;
	} else if (wait) {
		trunk_refused(trunks, trunk->id, TRUNK_OUT);
		log_attempt(a->call, a->to, NULL, "skipped", 0, wait == TRUNK_FULL ? "all the calls that its trunk may have are on" : "its trunk begins no more calls a second");
		dial_let_go(a);
	}
	return !wait;
}

/* Call; false: nobody can be called there. */
static bool call_out(struct attempt *a)
{
	struct call *c = a->call;
	const struct dial_try *t = a->to;
	struct buf data = {0};
	if (a->redirected_to)
		a->uri = a->redirected_to;
	else
		a->uri = t->trunk ? gateway_uri(c, t->trunk, gateway_of(a)->uri, t->number) : t->uri;
	if (!a->end || !a->uri || is_guarded(a) || lacks_rtpengine(a) || !invite(a))
		return false;
	json_str(&data, "target_id", t->target ? t->target->id : NULL);
	json_str(&data, "uri", a->uri);
	log_event(c, "call.dialing", buf_text(&data));
	buf_free(&data);
	int64_t now = clock_monotonic_ms();
	a->ring_until_ms = now + (t->timeout_seconds ? t->timeout_seconds : 30) * INT64_C(1000);
	a->until_ms = a->ring_until_ms > now + SILENT_MS ? now + SILENT_MS : a->ring_until_ms;
	return true;
}

static const char *why_not(const struct attempt *a)
{
	if (!a->end)
		return "no RTP port is free";
	if (is_guarded(a))
		return ADDRESS_IS_PRIVATE;
	return lacks_rtpengine(a) ? "its audio is to be encrypted, for which the server needs rtpengine (--media)" : "its SIP URI cannot be used";
}

/* Begin to call, or to wait for that; when neither can be, the place is free again. */
static void call_or_wait(struct attempt *a)
{
	a->waiting = false;
	if (a->to->by_policy && !a->in_policy && !(a->in_policy = policy_enter(a->call->loop->policies, a->call->organization))) {
		a->call->dial.outcome = DIAL_FAILED;
		log_attempt(a->call, a->to, NULL, "skipped", 0, "as many calls are on as the organization's dial policy lets go to other numbers and addresses");
		dial_let_go(a);
		return;
	}
	if (!enter_target(a) || (a->to->trunk && !a->in_trunk && !enter_trunk(a)) || call_out(a))
		return;
	a->call->dial.outcome = DIAL_FAILED;
	log_attempt(a->call, a->to, a, "failed", 0, why_not(a));
	dial_let_go(a);
}

/* The end is that of its place, or NULL. */
static struct attempt new_attempt(struct call *c, const struct dial_try *t, struct media_end *end)
{
	return (struct attempt){
		.call = c,
		.to = t,
		.end = end,
		.told_mode = "sendrecv",
		.started_ms = call_now_ms(c),
	};
}

/* The bid that is its turn, from the same place as the one before. */
static void call_fresh(struct attempt *a)
{
	struct attempt fresh = new_attempt(a->call, a->to, a->end);
	fresh.auction = a->auction;
	*a = fresh;
	call_or_wait(a);
}

void dial_next_bid(struct attempt *a)
{
	while (a->auction && dial_is_free(a) && auction_next(a))
		call_fresh(a);
}

/* Likewise; of a ring tree, of whose bids one may be next, to ask for them. */
static void place(struct attempt *a)
{
	if (!a->to->tree || a->auction)
		call_or_wait(a);
	else if (auction_next(a))
		call_fresh(a);
	dial_next_bid(a);
}

static void go_on(struct attempt *a)
{
	place(a);
	dial_try_more(a->call);
}

#define REDIRECTS_MAX 3

/*
 * Call the same number once more. Its places in trunk, target and policy are kept.
 *
 * redirected_to  NULL, or whom to call
 * converts       it is offered the codecs that can be converted, too
 */
static void call_again(struct attempt *a, size_t gateway, const char *redirected_to, bool converts)
{
	sip_leg_release(a->leg, 0, NULL);
	struct attempt fresh = new_attempt(a->call, a->to, a->end);
	fresh.auction = a->auction;
	fresh.gateway = gateway;
	fresh.redirected_to = redirected_to;
	fresh.redirects = a->redirects + (redirected_to && redirected_to != a->redirected_to);
	fresh.converts = converts;
	fresh.in_trunk = a->in_trunk;
	fresh.in_policy = a->in_policy;
	fresh.in_target = a->in_target;
	*a = fresh;
	go_on(a);
}

static void offer_more(struct attempt *a)
{
	log_info(a->call->id, "%s refuses the codecs: now with Opus and G.722", a->uri);
	call_again(a, a->gateway, a->redirected_to, true);
}

/* Is it at a gateway of the trunk, or at an address that the trunk's calls come from? */
static bool is_of_trunk(const struct config_trunk *trunk, const char *uri)
{
	char host[SIP_HOST_SIZE], own[SIP_HOST_SIZE];
	struct sockaddr_storage address;
	sip_uri_host(uri, host);
	for (size_t i = 0; i < trunk->gateway_count; i++)
		if (strcasecmp(sip_uri_host(trunk->gateways[i].uri, own), host) == 0)
			return true;
	return address_parse(host, strlen(host), &address) &&
	       network_has(trunk->networks, trunk->network_count, (const struct sockaddr *)&address);
}

/*
 * 301 or 302. Within a carrier the call stays the trunk's: its credentials, caller ID, limits and
 * cost (RFC 3261 section 8.1.3.4). Elsewhere it goes where the organization lets calls go to any
 * address.
 */
static void sent_on(struct attempt *a, int status, const char *contact)
{
	struct call *c = a->call;
	const char *to = arena_strdup(&c->arena, contact), *why = NULL;
	bool within = a->to->trunk && is_of_trunk(a->to->trunk, contact);
	if (!to || a->redirects >= REDIRECTS_MAX)
		why = "it was sent on too often";
	else if (!within && policy_forbids_uri(c->organization))
		why = "it was sent on, which the organization's dial policy does not allow";
	if (why) {
		give_up(a, DIAL_FAILED, "failed", status, why);
		return;
	}
	log_attempt(c, a->to, a, "redirected", status, to);
	if (within) {
		call_again(a, a->gateway, to, a->converts);
		return;
	}
	struct dial_try *t = arena_alloc(&c->arena, sizeof *t);
	int redirects = a->redirects + 1;
	struct auction *auction = a->auction;
	if (t)
		*t = (struct dial_try){.target = a->to->target, .uri = to, .by_policy = true, .timeout_seconds = a->to->timeout_seconds};
	dial_let_go(a);
	if (t)
		dial_begin(c, a, t);
	a->redirects = redirects;
	a->auction = auction;
	dial_next_bid(a);
	dial_try_more(c);
}

/* A place for its audio, at the address that its SIP goes from. */
static void open_end(struct attempt *a)
{
	struct call *c = a->call;
	struct media *media = c->loop->config.media;
	const struct dial_try *t = a->to;
	char local[ADDRESS_SIZE];
	const char *uri = t->trunk ? gateway_of(a)->uri : t->phone && *t->phone->route ? t->phone->route : t->uri;
	size_t address = uri && media_address_count(media) > 1 && sip_local_address(uri, local) ? media_address_near(media, local) : 0;
	if (a->end && media_address_of(a->end) != address) {
		media_close(a->end);
		a->end = NULL;
	}
	if (!a->end)
		a->end = media_open(media, address, c->loop->media_events, c->serial,
				    END_TARGET + (int)(a - c->dial.attempts));
}

void dial_begin(struct call *c, struct attempt *a, const struct dial_try *t)
{
	*a = new_attempt(c, t, a->end);
	open_end(a);
	place(a);
}

/* The gateway cannot do it: the number is tried by the next, and given up after the last. */
static void gateway_failed(struct attempt *a, int status, const char *reason)
{
	struct call *c = a->call;
	if (!a->redirected_to) /* it has answered; whom it named is not known to be one of them */
		gateways_answered(c->loop, a->to->trunk->id, gateway_of(a)->uri, status, -1,
				  status ? NULL : reason);
	if (a->gateway + 1 >= a->to->trunk->gateway_count) {
		give_up(a, status ? outcome_of(status) : DIAL_FAILED, "failed", status, reason);
		return;
	}
	log_attempt(c, a->to, a, "failed", status, reason);
	call_again(a, a->gateway + 1, NULL, a->converts);
}

/* Is it the next one's time? Those of a later stage wait until nobody of this one is called any more. */
static bool may_begin(struct dial *d)
{
	const struct dial_try *t = d->next;
	if (!t || (legs(d) && (!t->at_once || t->stage != d->stage)))
		return false;
	d->stage = t->stage;
	return true;
}

void dial_try_more(struct call *c)
{
	struct dial *d = &c->dial;
	if (d->connected) { /* it is a transfer that goes on */
		dial_watch_time(c);
		return;
	}
	for (size_t i = 0; i < d->attempt_count; i++)
		while (dial_is_free(&d->attempts[i]) && may_begin(d)) {
			const struct dial_try *t = d->next;
			d->next = t->after;
			dial_begin(c, &d->attempts[i], t);
		}
	if (legs(d))
		dial_watch_time(c);
	else if (!queue_wait(c)) {
		if (d->asked_tree && d->outcome == DIAL_NO_TARGET) /* nobody was called */
			log_event(c, "routing.no_target", "");
		dial_finish(c, d->count ? d->outcome : DIAL_NO_TARGET);
	}
}

/* n: how many places there are at least; there are as many as ring at once. */
static void begin_tries(struct call *c, size_t n)
{
	struct dial *d = &c->dial;
	for (const struct dial_try *t = d->tries; n == 1 && t; t = t->after)
		if (t->at_once)
			n = d->count < LEGS_MAX ? d->count : LEGS_MAX;
	d->attempts = arena_alloc(&c->arena, (n + 1) * sizeof *d->attempts); /* the last is for a transfer */
	d->attempt_count = d->attempts ? n : 0;
	if (!d->attempts) {
		dial_finish(c, DIAL_FAILED);
		return;
	}
	dial_try_more(c);
}

void dial_start(struct call *c, const struct flow_dial *to)
{
	struct dial *d = &c->dial;
	const struct route_plan *plan = to->routing_plan_id ? organization_plan(c->organization, to->routing_plan_id) : NULL;
	const struct route_tree *tree = to->ring_tree_id ? organization_tree(c->organization, to->ring_tree_id) : NULL;
	*d = (struct dial){.active = true, .max_duration_seconds = to->max_duration_seconds, .outcome = DIAL_NO_TARGET, .whisper = to->whisper, .accept_key = to->accept_key, .record = to->record};
	d->caller_id = to->caller_id && *to->caller_id ? to->caller_id : NULL;
	d->at_once = d->asked_all = to->simultaneous;
	d->asked_plan = plan;
	d->asked_timeout = to->timeout_seconds;
	if (plan)
		dial_add_plans(c);
	else if (to->target_ids)
		add_targets(c, to);
	else if (tree && tree->enabled)
		add_tree(c, tree, to->timeout_seconds);
	else if (!to->routing_plan_id && !to->ring_tree_id)
		add_direct(c, to);
	if (!d->count && !(plan && d->busy && plan->wait_seconds))
		log_event(c, "routing.no_target", "");
	begin_tries(c, plan && plan->wait_seconds ? LEGS_MAX : 1); /* who is free later is not known yet */
}

void dial_placed(struct call *c)
{
	const struct placed *p = c->placed;
	struct dial *d = &c->dial;
	*d = (struct dial){.active = true, .outcome = DIAL_NO_TARGET};
	if (p->to)
		add_target(c, p->to, 0);
	else
		add_try(c, &(struct dial_try){
			.number = p->e164,
			.trunk = p->trunk,
			.order = dial_order(c, p->trunk),
			.by_policy = true,
			.timeout_seconds = PLACED_RING_SECONDS,
		});
	begin_tries(c, 1);
}

void dial_stop(struct call *c)
{
	struct dial *d = &c->dial;
	if (!d->active)
		return;
	if (d->connected && d->talking->leg)
		media_quality(d->talking->end, &c->heard_target);
	fax_stop(c);
	queue_leave(c);
	d->active = false;
	d->connected = false;
	hold_update(c);
	d->transfer = NULL;
	if (d->recording)
		record_stop(c, true);
	d->recording = false;
	su_timer_reset(c->step_timer);
	su_timer_reset(c->talk_timer);
	for (size_t i = 0; d->attempts && i <= d->attempt_count; i++) {
		if (d->attempts[i].call)
			dial_let_go(&d->attempts[i]);
		auction_close(&d->attempts[i], false);
		if (d->attempts[i].end)
			media_close(d->attempts[i].end);
		d->attempts[i].end = NULL;
	}
	media_stop_play(c->end);
	negotiate_tell_caller(c); /* whom the target had on hold */
}
