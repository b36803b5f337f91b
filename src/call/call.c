/* One call's life: it begins, is answered, ends. */
#include "call/internal.h"
#include "base/log.h"
#include "store/calls.h"
#include "tags/custom.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* ---- the caller's leg ---- */

static void caller_ended(void *owner, const char *how, const char *reason)
{
	struct call *c = owner;
	c->hangup_reason = arena_strdup(&c->arena, reason);
	execute_caller_left(c);
	call_end(c, 0, c->connected_ms ? "completed" : strcmp(how, "cancel") == 0 || !c->answered_ms ? "abandoned" : "caller_hung_up", "caller");
}

const char *call_sdp(struct call *c, char out[SDP_SIZE])
{
	negotiate_settle(c);
	if (c->offers)
		return negotiate_caller_offer(c, "sendrecv", out);
	sdp_audio_answer(out, media_address(c->end), media_port(c->end), &c->sdp, c->told_passed, c->sdp_session, c->sdp_version);
	return out;
}

/* What the caller's SDP says from now on. */
static void take_sdp(struct call *c, const struct sdp_audio *audio)
{
	c->sdp = *audio;
	if (!audio->passed)
		c->passed = c->spoken = NULL;
	fax_over(c, NULL);
	media_set_remote(c->end, audio, negotiate_symmetry(c, c->trunk, audio));
	hold_update(c);
}

/* The codec that our last SDP to the caller named, where it is neither PCMU nor PCMA. */
static const struct sdp_format *spoken_codec(const struct call *c)
{
	return c->told_passed ? c->passed : NULL;
}

/* false: no audio that can be used. */
static bool read_sdp(const struct call *c, const char *sdp, struct sdp_audio *out)
{
	return negotiate_take(spoken_codec(c), sdp, out) &&
	       !echo_caller(c->loop, c->sip_call_id, out);
}

/* A new offer from the caller: hold, another address, another codec. */
static void caller_offered(void *owner, const char *sdp)
{
	struct call *c = owner;
	char answer[SDP_SIZE];
	struct sdp_audio audio;
	c->sdp_version++;
	if (!*sdp) { /* ours, and the ACK has the answer */
		c->offers = true;
		sip_leg_reoffer_answer(c->leg, 200, call_sdp(c, answer));
		return;
	}
	if (!read_sdp(c, sdp, &audio)) {
		if (!fax_offered(c, NULL, sdp))
			sip_leg_reoffer_answer(c->leg, 488, NULL);
		return;
	}
	take_sdp(c, &audio);
	c->offers = false;
	c->told_passed = c->passed;
	sip_leg_reoffer_answer(c->leg, 200, call_sdp(c, answer));
	negotiate_tell_target(c);
}

static void caller_acked(void *owner, const char *sdp)
{
	struct call *c = owner;
	struct sdp_audio audio;
	if (!c->offers)
		return;
	c->offers = false;
	if (!*sdp && *c->sdp.address)
		return; /* no answer: what was agreed before the re-INVITE stays */
	if (read_sdp(c, sdp, &audio)) {
		take_sdp(c, &audio);
		negotiate_tell_target(c);
		return;
	}
	c->hangup_reason = "the caller's ACK has no audio that can be used";
	call_end(c, 488, c->connected_ms ? "completed" : "failed", "system");
}

/*
 * The answer to what the target's hold, or the end of that, made us offer, or that we want to speak; when it is refused,
 * what stands goes on. What the caller says to an offer of ours that went both ways is its own wish, which the target
 * is told: it may be another target than the one that held (RFC 3264 section 8.4).
 */
static void caller_reanswered(void *owner, int status, const char *sdp)
{
	struct call *c = owner;
	struct sdp_audio audio;
	bool passed = c->passed != NULL, changed = false;
	if (fax_answered(c, NULL, status, sdp))
		return;
	if (status >= 300 || !read_sdp(c, sdp, &audio)) {
		negotiate_refused(c);
	} else {
		take_sdp(c, &audio);
		changed = passed && !c->passed;
	}
	if (changed || strcmp(c->told_mode, "sendrecv") == 0)
		negotiate_tell_target(c);
}

static void caller_key(void *owner, char key)
{
	media_info_key(((struct call *)owner)->end, key);
}

static const struct sip_leg_handler caller_handler = {.ended = caller_ended, .offered = caller_offered, .acked = caller_acked, .reanswered = caller_reanswered, .dtmf = caller_key};

enum sip_nat call_nat(const struct config_trunk *trunk)
{
	static const enum sip_nat by_option[] = {
		[NAT_BY_ADDRESS] = SIP_NAT_BY_ADDRESS,
		[NAT_ALWAYS] = SIP_NAT_ALWAYS,
		[NAT_NEVER] = SIP_NAT_NEVER,
	};
	return trunk ? by_option[trunk->nat_contact] : SIP_NAT_BY_ADDRESS;
}

/* ---- begin ---- */

static struct value copy_text(struct call *c, const char *text)
{
	size_t n = text ? strlen(text) : 0;
	return n ? value_string(arena_strndup(&c->arena, text, n), n) : (struct value){.text = ""};
}

static void fill_fields(struct call *c)
{
	char started[RFC3339_SIZE], key[CALL_KEY_SIZE];
	struct value *f = c->fields;
	for (size_t i = 0; i < CALL_FIELD_COUNT; i++)
		f[i] = (struct value){.text = ""};
	f[CALL_ID] = value_string(c->id, strlen(c->id));
	f[CALL_NUMBER] = value_string(c->number->number, strlen(c->number->number));
	f[CALL_CAMPAIGN_ID] = value_string(c->campaign->id, strlen(c->campaign->id));
	f[CALL_CAMPAIGN_NAME] = value_string(c->campaign->name, strlen(c->campaign->name));
	f[CALL_ORGANIZATION_ID] = value_string(c->organization->id, strlen(c->organization->id));
	f[CALL_PUBLISHER_ID] = copy_text(c, c->publisher_id);
	f[CALL_PUBLISHER_NAME] = copy_text(c, organization_publisher_name(c->organization, c->publisher_id));
	f[CALL_ATTESTATION] = copy_text(c, c->carrier.attestation);
	f[CALL_VERSTAT] = copy_text(c, c->carrier.verstat);
	f[CALL_RN] = copy_text(c, c->carrier.rn);
	f[CALL_CPC] = copy_text(c, c->carrier.cpc);
	f[CALL_OLI] = copy_text(c, c->carrier.oli);
	f[CALL_STARTED_AT] = copy_text(c, clock_rfc3339(c->started_ms, started));
	if (organization_call_key(c->organization, c->id, key))
		f[CALL_KEY] = copy_text(c, key);
	if (!expr_set_caller(&c->env, f, c->caller_id, &c->arena))
		log_warn(c->id, "no memory for what the caller's number tells");
}

void call_set_publisher(struct call *c, const char *publisher_id)
{
	c->publisher_id = arena_strdup(&c->arena, publisher_id);
	c->terms = campaign_terms(c->campaign, c->publisher_id);
	c->fields[CALL_PUBLISHER_ID] = copy_text(c, c->publisher_id);
	c->fields[CALL_PUBLISHER_NAME] = copy_text(c, organization_publisher_name(c->organization, publisher_id));
}

static void default_tags(struct call *c)
{
	for (size_t i = 0; i < tag_set_count(c->organization->tags); i++) {
		const struct tag_def *def = tag_set_get(c->organization->tags, i);
		const char *text = c->campaign->tag_defaults && c->campaign->tag_defaults[i] ? c->campaign->tag_defaults[i] : def->default_text;
		if (text)
			log_tag(c, (uint16_t)i, text, strlen(text), TAG_FROM_DEFAULT, NULL, 0);
	}
}

/* What names and values, one after the other, give the tags. */
static void sip_tags(struct call *c, enum tag_source source, const char *const *pairs, size_t count)
{
	const struct tag_set *tags = c->organization->tags;
	size_t size = (tag_set_count(tags) + 1) * sizeof(struct tag_result);
	struct tag_result *results = count ? arena_alloc(&c->arena, size) : NULL;
	if (!results)
		return;
	json_t *body = json_object();
	for (size_t i = count; i-- > 0;) /* of several of one name the first stays */
		json_object_set_new(body, pairs[i * 2], json_string(pairs[i * 2 + 1]));
	const struct tag_data data = {
		.body = body,
		.listed_only = source == TAG_FROM_SIP_PARAMETER,
	};
	size_t n = tags_evaluate(tags, source, &data, &c->arena, results, NULL);
	for (size_t i = 0; i < n; i++) {
		const struct value *v = &results[i].value;
		if (v->kind != VALUE_NONE)
			log_tag(c, results[i].slot, v->text, v->len, source, NULL, c->started_ms);
	}
	json_decref(body);
}

static void header_tags(struct call *c, const struct sip_incoming *in)
{
	const struct sip_carrier *carrier = &in->carrier;
	sip_tags(c, TAG_FROM_SIP_PARAMETER, carrier->parameters, carrier->parameter_count);
	sip_tags(c, TAG_FROM_SIP_HEADER, in->headers, in->header_count);
}

static const char *keep_said(struct call *c, const char *text)
{
	return *text ? arena_strdup(&c->arena, text) : NULL;
}

static void keep_carrier(struct call *c, const struct sip_carrier *said)
{
	c->carrier = (struct call_carrier){
		.attestation = keep_said(c, said->attestation),
		.verstat = keep_said(c, said->verstat),
		.rn = keep_said(c, said->rn),
		.cpc = keep_said(c, said->cpc),
		.oli = keep_said(c, said->oli),
	};
	c->identity = keep_said(c, said->identity);
}

/* Whose call it is, as its trunk says where to look. *withheld: the number is not to be shown. */
static const char *caller_of(
	const struct sip_incoming *in, const struct config_trunk *trunk, bool *withheld)
{
	*withheld = in->withheld;
	if (trunk && trunk->trusts_identity && *in->asserted_user)
		return in->asserted_user;
	if (!trunk || !trunk->trusts_party || !*in->party_user)
		return in->from_user;
	*withheld |= in->party_withheld;
	return in->party_user;
}

static void log_tags(struct call *c, json_t *tags, enum tag_source source, const char *origin, int64_t at_ms)
{
	const char *tag_id;
	json_t *value;
	json_object_foreach(tags, tag_id, value) {
		int slot = tag_set_find_id(c->organization->tags, tag_id); /* -1: deleted since */
		if (slot >= 0 && json_is_null(value))
			log_tag_removal(c, (uint16_t)slot, source, origin, at_ms);
		else if (slot >= 0)
			log_tag(c, (uint16_t)slot, json_string_value(value), json_string_length(value), source, origin, at_ms);
	}
}

/* What is known of who has the number. */
static void lease_tags(struct call *c, struct lease *lease)
{
	log_tags(c, lease->tags, lease->kind == LEASE_CALLER ? TAG_FROM_RTB : TAG_FROM_DNI, lease->id, lease->at_ms);
	struct store_batch *batch = log_batch(c);
	if (batch && lease->kind == LEASE_VISITOR)
		store_batch_add(batch, "UPDATE dni_leases SET calls = calls + 1, call_id = $1 WHERE id = $2 AND organization_id = $3", "sss", c->id, lease->id, c->organization->id);
	else if (batch)
		store_batch_add(batch, "UPDATE rtb_requests SET status = 'called', call_id = $1 WHERE id = $2 AND organization_id = $3", "sss", c->id, lease->id, c->organization->id);
	lease_release(lease);
}

/* Fields of data that waited, which no tag takes. */
static void pending_custom_data(struct call *c, const struct pending *waiting)
{
	json_t *stored = NULL, *refused = NULL;
	for (const struct pending *p = waiting; p; p = p->next) {
		json_t *given = p->custom ? json_loads(p->custom, 0, NULL) : NULL;
		if (given && !stored) {
			stored = json_object();
			refused = json_array();
		}
		(void)custom_data_merge(stored, given, p->at_ms, refused);
		json_decref(given);
	}
	if (json_array_size(refused))
		log_warn(c->id, "the call has no room for %zu fields that waited", json_array_size(refused));
	json_decref(refused);
	char *text = stored ? json_dumps(stored, JSON_COMPACT) : NULL;
	struct store_batch *batch = text ? log_batch(c) : NULL;
	if (batch)
		store_call_custom_data(batch, c->organization->id, c->id, text);
	log_custom_data(c, stored);
	free(text);
}

/* Data that waited for this caller: it is the call's now, in the same transaction that makes the call. */
static void pending_tags(struct call *c, struct pending *waiting)
{
	pending_custom_data(c, waiting);
	for (struct pending *p = waiting, *next; p; p = next) {
		next = p->next;
		log_tags(c, p->tags, TAG_FROM_WEBHOOK, p->request_id, p->at_ms);
		struct store_batch *batch = log_batch(c);
		if (batch)
			store_batch_add(batch, "UPDATE incoming_requests SET status = 'matched', call_id = $1 WHERE id = $2 AND organization_id = $3", "sss", c->id, p->request_id, c->organization->id);
		pending_free(p);
	}
}

/* trunk NULL: it came by none. */
static void give_place_back(struct call_loop *loop, const struct config_trunk *trunk)
{
	if (trunk)
		trunk_leave(loop->config.trunks, trunk->id, TRUNK_IN);
}

/* Does its trunk allow another call? */
static bool has_place(struct call_loop *loop, const struct config_trunk *trunk)
{
	int64_t wait = trunk ? trunk_enter(loop->config.trunks, trunk, TRUNK_IN, clock_monotonic_ms()) : 0;
	if (!wait)
		return true;
	trunk_refused(loop->config.trunks, trunk->id, TRUNK_IN);
	log_warn(NULL, "refused 503: trunk %s has %s", trunk->id, wait == TRUNK_FULL ? "all its calls" : "its calls of this second");
	return false;
}

/* What could be passed to a target as it is; NULL: nothing. */
static const struct sdp_formats *keep_formats(struct call *c, const struct sdp_formats *formats)
{
	struct sdp_formats *kept = NULL;
	for (size_t i = 0; i < formats->count && !kept; i++)
		if (sdp_format_is_passed(&formats->list[i]))
			kept = arena_alloc(&c->arena, sizeof *kept);
	if (kept)
		*kept = *formats;
	return kept;
}

/* Where audio of a caller is received: at the address that the INVITE came to, of the SDP's family. */
static size_t address_for(const struct call_loop *loop, const char *local, const struct sdp_audio *sdp)
{
	bool other_family = local && *sdp->address && !strchr(sdp->address, ':') != !strchr(local, ':');
	return media_address_near(loop->config.media, other_family ? sdp->address : local);
}

/* The format of the caller's offer that is used with it. */
static const struct sdp_format *used_format(const struct call *c)
{
	for (size_t i = 0; c->formats && i < c->formats->count; i++)
		if (c->formats->list[i].payload_type == c->sdp.codec)
			return &c->formats->list[i];
	return NULL;
}

void call_begin(struct call_loop *loop, const struct sip_incoming *in, const struct organization *o,
		const struct config_number *number, const struct config_trunk *trunk, const struct call *before,
		const struct placed *placed)
{
	char caller[PHONE_SIZE];
	struct sdp_audio sdp = {.codec = CODEC_PCMU, .telephone_event = -1, .sends = true, .receives = true};
	struct sdp_formats formats = {0};
	struct buf path = {0};
	const char *why = NULL;
	bool usable = !*in->sdp || negotiate_read(loop, in, &sdp, &formats, &why);
	int status = !usable ? 488 : has_place(loop, trunk) ? 0 : 503;
	struct call *c = status ? NULL : calloc(1, sizeof *c);
	if (!c) {
		if (!status)
			give_place_back(loop, trunk);
		loop->refused++;
		if (why)
			log_warn(NULL, "refused 488: call to %s: %s", number->number, why);
		sip_leg_release(in->leg, status ? status : 503, why);
		organization_release(o);
		return;
	}
	struct placed *own = placed ? arena_alloc(&c->arena, sizeof *own) : NULL;
	if (own) {
		*own = *placed;
		own->number.number = arena_strdup(&c->arena, placed->number.number);
		own->e164 = placed->e164 ? arena_strdup(&c->arena, placed->e164) : NULL;
		own->number.campaign = &own->campaign;
		number = &own->number;
	}
	c->placed = own;
	bool withheld;
	const char *from = caller_of(in, trunk, &withheld);
	c->loop = loop;
	c->trunk = trunk;
	c->withheld = withheld;
	keep_carrier(c, &in->carrier);
	c->sip_call_id = arena_strdup(&c->arena, in->sip_call_id);
	c->serial = ++loop->next_serial;
	c->organization = o;
	c->number = number;
	c->campaign = number->campaign;
	c->fallback_reason = campaign_flow_problem(c->campaign);
	c->flow_mode = c->campaign->call_flow_mode && (!c->fallback_reason || !c->campaign->plan);
	c->max_forwards = in->max_forwards - 1;
	c->path = "";
	if (before) {
		buf_printf(&path, "%s%s ", before->path, before->number->number);
		c->path = arena_strdup(&c->arena, buf_text(&path));
		buf_free(&path);
	}
	c->leg = in->leg;
	c->sdp = sdp;
	c->formats = keep_formats(c, &formats);
	c->passed = c->spoken = sdp.passed ? used_format(c) : NULL;
	c->offers = !*in->sdp;
	c->told_mode = "sendrecv";
	c->sdp_session = randombytes_random();
	c->sdp_version = 1;
	id_new("call", c->id);
	c->began = clock_moment();
	c->started_ms = c->began.wall_ms;
	c->env = (struct expr_env){
		.call = c->fields,
		.custom = &c->custom,
		.now_ms = c->started_ms,
		.budget = &c->budget,
	};
	c->budget = expr_budget_full(c->started_ms);
	c->env.tag_count = tag_set_count(o->tags);
	c->env.tags = c->tags = arena_alloc(&c->arena, (c->env.tag_count + 1) * sizeof *c->tags);
	c->held = arena_alloc(&c->arena, (c->env.tag_count + 1) * sizeof *c->held);
	if (placed) /* by what the other phone may call back */
		c->caller_id = placed->by->short_number ? placed->by->short_number : placed->by->phone_username;
	else
		c->caller_id = phone_normalize(from, o->region, caller) ? arena_strdup(&c->arena, caller) : arena_strndup(&c->arena, *from ? from : "anonymous", *from ? strnlen(from, 40) : 9);
	c->end = media_open(loop->config.media, address_for(loop, in->local, &c->sdp), loop->media_events,
			    c->serial, END_CALLER);
	c->step_timer = su_timer_create(su_root_task(loop->root), 0);
	c->talk_timer = su_timer_create(su_root_task(loop->root), 0);
	if (c->end && trunk)
		media_set_dtmf(c->end, trunk->dtmf);
	sip_leg_bind(c->leg, &caller_handler, c);
	sip_leg_set_nat(c->leg, call_nat(trunk));
	if (trunk)
		sip_leg_set_credentials(c->leg, trunk->out_username, trunk->out_password);
	HASH_ADD(hh, loop->by_serial, serial, sizeof c->serial, c);
	HASH_ADD_KEYPTR(hh_id, loop->by_id, c->id, strlen(c->id), c);
	loop->calls++;
	bool has_codec = !sdp.passed || c->spoken;
	bool has_place = !placed || (own && own->number.number);
	if (!has_codec || !has_place || !c->tags || !c->held || !c->caller_id || !c->path || !c->end ||
	    !c->step_timer || !c->talk_timer) {
		log_warn(c->id, "no RTP port or memory for another call");
		loop->refused++;
		give_place_back(loop, trunk);
		sip_leg_release(c->leg, 503, NULL);
		c->leg = NULL;
		c->over = true;
		loop_mark_dirty(c);
		return;
	}
	loop->started++;
	c->ladder = ladder_open(loop->ladders, o, c->id);
	ladder_add(c->ladder, in->sip_call_id);
	if (!c->offers)
		media_set_remote(c->end, &c->sdp, negotiate_symmetry(c, c->trunk, &c->sdp));
	struct lease lease;
	bool lent = leases_call(loop->config.leases, o->id, number->number, c->caller_id, c->started_ms, &lease);
	c->publisher_id = lent && organization_publisher_name(o, lease.publisher_id) ? arena_strdup(&c->arena, lease.publisher_id) : number->publisher_id;
	c->terms = campaign_terms(c->campaign, c->publisher_id);
	fill_fields(c);
	struct pending *waiting = registry_add(loop->config.registry, o->id, c->caller_id, c->campaign->id, c->id, c->started_ms);
	log_call_started(c);
	default_tags(c);
	header_tags(c, in);
	if (lent)
		lease_tags(c, &lease);
	pending_tags(c, waiting);
	log_info(c->id, "call from %s to %s, campaign %s", c->caller_id, c->number->number, c->campaign->id);
	execute_start(c);
}

/* ---- answer ---- */

static void answer_now(struct call *c)
{
	char sdp[SDP_SIZE];
	if (c->answered || !c->leg)
		return;
	c->answered = true;
	if (!c->answered_ms)
		c->answered_ms = call_now_ms(c);
	sip_leg_answer(c->leg, call_sdp(c, sdp));
	negotiate_tell_caller(c); /* what has changed since it was told something */
	log_course(c, call_now_ms(c));
}

void call_ring(struct call *c, int status, bool with_audio)
{
	char sdp[SDP_SIZE];
	bool offers = c->offers && sip_leg_wants_offer(c->leg);
	sip_leg_ring(c->leg, status, with_audio || offers ? call_sdp(c, sdp) : NULL);
}

void call_answer(struct call *c)
{
	negotiate_settle(c);
	if (c->answered || c->want_answer)
		return;
	/* Nobody is charged for a call that is not on disk as answered. */
	c->want_answer = true;
	c->promised_ms = call_now_ms(c);
	log_call_progress(c);
}

void call_speak(struct call *c)
{
	call_answer(c);
	negotiate_speak(c);
}

void call_ring_back(struct call *c)
{
	negotiate_speak(c);
	c->play = c->loop->ringback ? media_play(c->end, audio_hold(c->loop->ringback)) : 0;
}

void call_persisted(struct call *c, bool answers, bool ok)
{
	if (!ok) {
		call_end(c, 503, "failed", "system");
		return;
	}
	if (answers && !c->over)
		answer_now(c);
}

/* ---- end ---- */

/* A side that holds, with an address of 0.0.0.0 too, need not send music. */
static bool is_to_send(const struct sdp_audio *audio)
{
	return audio->sends && audio->receives;
}

/* Did nothing come for so long that nobody is there? since: when it was to come, at the latest. */
static bool is_silent(const struct call *c, const struct media_end *end, int64_t since, int64_t now)
{
	int64_t alive = media_last_alive(end), from = alive > since ? alive : since;
	return now - from >= c->loop->config.rtp_timeout_seconds * INT64_C(1000);
}

void call_check_media(struct call *c, int64_t now)
{
	const struct dial *d = &c->dial;
	int64_t past = call_now_ms(c) - now; /* from the call's time to monotonic */
	if (c->over || !c->answered_ms || !c->loop->config.rtp_timeout_seconds)
		return;
	bool caller = is_to_send(&c->sdp) && is_silent(c, c->end, c->answered_ms - past, now);
	bool target = d->connected && is_to_send(&d->talking->sdp) &&
		      is_silent(c, d->talking->end, c->connected_ms - past, now);
	if (fax_is_active(c)) /* who receives a page is silent meanwhile */
		caller = target = caller && target;
	if (!caller && !target)
		return;
	const char *who = caller ? "caller" : "target";
	char reason[80];
	snprintf(reason, sizeof reason, "no audio from the %s for %d seconds", who, c->loop->config.rtp_timeout_seconds);
	c->hangup_reason = arena_strdup(&c->arena, reason);
	log_warn(c->id, "%s", reason);
	call_end(c, 480, c->connected_ms ? "completed" : "media_timeout", "system");
}

/*
 * Is a caller whose 200 waits for the log answered all the same? So it is when a target has
 * answered and leaves at once, and when a flow ends right after it has answered.
 */
static bool ends_after_answer(const struct call *c, const char *by)
{
	bool is_given_up = strcmp(by, "caller") == 0 || strcmp(by, "system") == 0;
	return !is_given_up && (c->connected_ms || c->submitted);
}

void call_end(struct call *c, int status, const char *disposition, const char *by)
{
	if (c->over)
		return;
	if (c->want_answer && !c->answered && ends_after_answer(c, by))
		answer_now(c);
	c->over = true;
	c->ended_ms = call_now_ms(c);
	c->disposition = c->flow_disposition ? c->flow_disposition : disposition;
	c->hangup_by = by;
	if (c->end)
		media_quality(c->end, &c->heard_caller);
	execute_stop(c);
	money_settle(c, CHANGED_BY_RULE);
	dial_stop(c);
	if (c->trunk && c->answered_ms)
		c->cost_micros += terms_cost(&c->trunk->in_rate, c->ended_ms - c->answered_ms);
	su_timer_reset(c->step_timer);
	su_timer_reset(c->talk_timer);
	registry_remove(c->loop->config.registry, c->id);
	give_place_back(c->loop, c->trunk);
	if (c->leg) {
		bool by_target = strcmp(by, "target") == 0;
		sip_leg_release(c->leg, status, by_target ? c->hangup_reason : c->refused_reason);
		c->leg = NULL;
	}
	ladder_end(c->ladder, clock_monotonic_ms());
	log_call_ended(c);
	log_info(c->id, "call ended: %s by %s", disposition, by);
	loop_mark_dirty(c);
}

void call_free(struct call *c)
{
	HASH_DEL(c->loop->by_serial, c);
	HASH_DELETE(hh_id, c->loop->by_id, c);
	c->loop->calls--;
	if (c->end)
		media_close(c->end);
	su_timer_destroy(c->step_timer);
	su_timer_destroy(c->talk_timer);
	store_batch_free(c->batch);
	event_touched_free(&c->touched);
	buf_free(&c->attempts);
	buf_free(&c->trace);
	log_custom_data(c, NULL);
	organization_release(c->organization);
	arena_free(&c->arena);
	free(c);
}
