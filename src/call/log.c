/* What a call leaves behind: its row, tags, attempts, events and trace, gathered in one
 * batch per step and committed by the writer. */
#include "call/internal.h"
#include "base/log.h"
#include "call/final.h"
#include "store/calls.h"
#include "store/finals.h"
#include "store/totals.h"
#include "tags/custom.h"
#include <stdlib.h>
#include <string.h>

struct store_batch *log_batch(struct call *c)
{
	if (!c->batch)
		c->batch = store_batch_new();
	loop_mark_dirty(c);
	return c->batch;
}

static void write_tags(const struct call *c, struct buf *b)
{
	json_open(b);
	for (size_t i = 0; i < tag_set_count(c->organization->tags); i++) {
		const struct tag_def *def = tag_set_get(c->organization->tags, i);
		if (c->tags[i].kind == VALUE_NONE)
			continue;
		json_key(b, def->name);
		value_json(b, c->tags[i].kind, c->tags[i].text, c->tags[i].len, def->sensitive);
	}
	json_close(b);
}

/* NULL: it is no campaign's. */
static const char *campaign_id(const struct call *c)
{
	return c->placed ? NULL : c->campaign->id;
}

static void fill_log(const struct call *c, struct call_log *log, struct buf *attempts, struct buf *tags)
{
	buf_add_char(attempts, '[');
	buf_add(attempts, buf_text(&c->attempts), c->attempts.len);
	buf_add_char(attempts, ']');
	write_tags(c, tags);
	*log = (struct call_log){
		.id = c->id, .organization_id = c->organization->id, .campaign_id = campaign_id(c), .publisher_id = c->publisher_id,
		.caller_id = c->caller_id, .number = c->number->number, .status = c->ended_ms ? "completed" : "active",
		.disposition = c->disposition, .execution_mode = c->flow_mode ? "call_flow" : "routing_plan",
		.call_flow_id = c->flow_mode && c->campaign->flow ? c->campaign->flow->id : NULL, .target_id = c->target_id,
		.currency = c->organization->currency, .flow_version = c->flow_mode && c->campaign->flow ? c->campaign->flow->version : 0,
		.started_ms = c->started_ms, .answered_ms = c->answered_ms, .connected_ms = c->connected_ms, .ended_ms = c->ended_ms,
		.converted = c->converted, .revenue_micros = c->revenue_micros + c->revenue_added, .payout_micros = c->payout_micros + c->payout_added, .cost_micros = c->cost_micros, .not_paid_twice = c->not_paid_twice,
		.conversion_ms = c->conversion_ms, .reason = c->reason, .payout_hold_reason = c->payout_hold_reason,
		.attempts = buf_text(attempts), .tags = buf_text(tags),
		.custom_data = c->custom_text ? c->custom_text : "{}", .hangup_by = c->hangup_by,
		.fallback_reason = c->fallback_reason,
		.carrier = c->carrier,
	};
}

static void set_field(struct call *c, enum call_field field, const char *text)
{
	c->fields[field] = text ? value_string(text, strlen(text)) : (struct value){.text = ""};
}

static void set_end(struct call *c)
{
	char ended[RFC3339_SIZE];
	if (c->ended_ms && !c->fields[CALL_ENDED_AT].len)
		set_field(c, CALL_ENDED_AT, arena_strdup(&c->arena, clock_rfc3339(c->ended_ms, ended)));
}

/* What filters and templates can ask of the call's course. */
static void update_fields(struct call *c)
{
	set_end(c);
	set_field(c, CALL_STATUS, c->ended_ms ? "completed" : "active");
	set_field(c, CALL_DISPOSITION, c->disposition);
	set_field(c, CALL_TARGET_ID, c->target_id);
	organization_target_names(c->organization, c->target_id, &c->fields[CALL_TARGET_NAME], &c->fields[CALL_BUYER_NAME]);
	struct expr_course *course = &c->course;
	course->revenue_micros = c->revenue_micros + c->revenue_added;
	course->payout_micros = c->payout_micros + c->payout_added;
	course->converted = c->converted;
	course->answered_ms = c->answered_ms;
	expr_set_course(c->fields, course, c->ended_ms ? c->ended_ms : c->env.now_ms);
}

void log_course(struct call *c, int64_t now_ms)
{
	c->env.now_ms = now_ms;
	update_fields(c);
}

static void log_event_as(struct call *c, const char *type, const struct event_type *newer, const char *data)
{
	struct buf attempts = {0}, tags = {0};
	struct call_log log;
	struct store_batch *batch = log_batch(c);
	int64_t now = clock_now_ms();
	if (!batch)
		return;
	c->env.now_ms = call_now_ms(c);
	update_fields(c);
	fill_log(c, &log, &attempts, &tags);
	const struct event e = {.type = type, .data = data, .call = &log, .env = &c->env};
	event_emit_as(batch, c->organization, &e, newer, now, &c->touched);
	buf_free(&attempts);
	buf_free(&tags);
}

/* The newer name of an occurrence, where somebody asks for one. */
static const struct event_type *newer_name(const struct call *c, const char *type, int seconds)
{
	return event_types_asked_for(c->organization) ? event_type_newer(type, seconds) : NULL;
}

void log_event(struct call *c, const char *type, const char *data)
{
	log_event_as(c, type, newer_name(c, type, 0), data);
}

void log_milestone(struct call *c, int seconds, const char *data)
{
	log_event_as(c, "call.milestone", newer_name(c, "call.milestone", seconds), data);
}

void log_named_event(struct call *c, const char *type, const char *data)
{
	if (event_is_asked_for(c->organization, event_type_find(type)))
		log_event_as(c, type, NULL, data);
}

bool log_tag(struct call *c, uint16_t slot, const char *text, size_t len, enum tag_source source, const char *origin, int64_t at_ms)
{
	const struct tag_def *def = tag_set_get(c->organization->tags, slot);
	struct value v;
	struct error err;
	if (!def || !value_coerce_to(&def->type, text, len, &c->arena, &v, &err))
		return false;
	struct tag_held *held = &c->held[slot];
	if (tag_settle(def, held, source, at_ms, &v, &c->arena))
		return false;
	c->tags[slot] = v;
	c->tags[slot].at_ms = at_ms;
	struct store_batch *batch = log_batch(c);
	if (!batch)
		return false;
	struct buf data = {0};
	struct tag_write w = {def, &v, source, origin, held->text, at_ms};
	store_call_tag(batch, config_key(c->loop->config.config), c->organization->id, c->id, &w, false);
	store_call_tag_event(&data, &w);
	log_event(c, held->text ? "tag.changed" : "tag.set", buf_text(&data));
	*held = (struct tag_held){v.text, source, at_ms};
	buf_free(&data);
	return true;
}

void log_tag_removal(struct call *c, uint16_t slot, enum tag_source source, const char *origin, int64_t at_ms)
{
	const struct tag_def *def = tag_set_get(c->organization->tags, slot);
	struct store_batch *batch = log_batch(c);
	struct tag_held *held = &c->held[slot];
	struct buf data = {0};
	if (!def || !batch || tag_settle_removal(def, held, source, at_ms))
		return;
	struct tag_write w = {.def = def, .source = source, .origin = origin, .previous = held->text, .at_ms = at_ms};
	c->tags[slot] = (struct value){.text = ""};
	*held = (struct tag_held){.source = source, .at_ms = at_ms};
	store_call_tag_remove(batch, c->organization->id, c->id, &w);
	if (w.previous) {
		store_call_tag_event(&data, &w);
		log_event(c, "tag.removed", buf_text(&data));
	}
	buf_free(&data);
}

void log_custom_data(struct call *c, json_t *stored)
{
	json_decref(c->custom_stored);
	json_decref(c->custom.data);
	free(c->custom_text);
	arena_free(&c->custom_arena);
	c->custom_stored = stored;
	c->custom_text = stored ? custom_data_text(stored) : NULL;
	c->custom = (struct expr_custom){.data = stored ? custom_data_shown(stored) : NULL, .arena = &c->custom_arena};
}

/* What the row's document always has. */
static void write_document(struct buf *doc, const struct call *c)
{
	json_str(doc, "trunk_id", c->trunk ? c->trunk->id : NULL);
	json_str(doc, "sip_call_id", c->sip_call_id);
	json_str(doc, "fallback_reason", c->fallback_reason);
	call_carrier_json(doc, &c->carrier);
	json_str(doc, "currency", c->organization->currency);
}

static void write_quality(struct buf *doc, const char *who, const struct quality *q)
{
	json_key(doc, who);
	if (!q->packets) {
		buf_add_str(doc, "null");
		return;
	}
	buf_printf(doc, "{\"packets\":%u,\"lost\":%u,\"loss_percent\":%.2f,\"jitter_ms\":%.1f,\"max_jitter_ms\":%.1f,\"mos\":%.2f", q->packets, q->lost, q->loss_percent, q->jitter_ms, q->max_jitter_ms, q->mos);
	if (q->far)
		buf_printf(doc, ",\"sent\":{\"lost\":%u,\"loss_percent\":%.2f,\"jitter_ms\":%.1f,\"mos\":%.2f}", q->far_lost, q->far_loss_percent, q->far_jitter_ms, q->far_mos);
	if (q->round_trip_ms > 0)
		buf_printf(doc, ",\"round_trip_ms\":%.1f", q->round_trip_ms);
	buf_add_char(doc, '}');
}

void log_call_started(struct call *c)
{
	struct store_batch *batch = log_batch(c);
	struct buf doc = {0};
	const struct config_flow *flow = c->flow_mode ? c->campaign->flow : NULL;
	if (!batch)
		return;
	json_open(&doc);
	write_document(&doc, c);
	json_close(&doc);
	store_batch_add(batch, "INSERT INTO calls (id, organization_id, campaign_id, publisher_id, caller_id, number, status, execution_mode, call_flow_id, flow_version, started_at, doc, node) "
			       "VALUES ($1, $2, $3, $4, $5, $6, 'active', $7, $8, $9, $10, $11, $12)",
			"ssssssssiiss", c->id, c->organization->id, campaign_id(c), c->publisher_id, c->caller_id, c->number->number,
			c->flow_mode ? "call_flow" : "routing_plan", flow ? flow->id : NULL, (int64_t)(flow ? flow->version : 0), c->started_ms, buf_text(&doc), c->loop->config.node);
	buf_free(&doc);
	log_event(c, "call.started", "");
}

void log_call_progress(struct call *c)
{
	c->progress = true;
	update_fields(c);
	loop_mark_dirty(c);
}

/* What the call itself makes of its money, unless a webhook replaced it, later than a flow: six parameters from $4 or $6 on. */
#define OWN_OF(field, at, value) field " = CASE WHEN " field "_at > " at " THEN " field " ELSE " value " END"
/* When the call itself says that it converted, now or before. */
#define OWN_CONVERSION(at, value) \
	"conversion_at = CASE WHEN converted_at > " at " THEN conversion_at WHEN CAST(" value " AS BIGINT) = 0 THEN NULL " \
	"ELSE COALESCE(conversion_at, NULLIF(CAST(" at " AS BIGINT), 0)) END"
#define OWN_4 OWN_OF("revenue", "$4", "$5") ", " OWN_OF("payout", "$6", "$7") ", " OWN_OF("converted", "$8", "$9") ", " OWN_CONVERSION("$8", "$9")
#define OWN_6 OWN_OF("revenue", "$6", "$7") ", " OWN_OF("payout", "$8", "$9") ", " OWN_OF("converted", "$10", "$11") ", " OWN_CONVERSION("$10", "$11")
#define OWN_VALUES(c) (c)->revenue_at, (c)->revenue_micros, (c)->payout_at, (c)->payout_micros, (c)->converted_at, (int64_t)(c)->converted

static void write_progress(struct call *c)
{
	struct store_batch *batch = log_batch(c);
	int64_t answered_ms = c->answered_ms ? c->answered_ms : c->promised_ms;
	c->progress = false;
	if (batch)
		store_batch_add(batch, "UPDATE calls SET target_id = $1, answered_at = NULLIF(CAST($2 AS BIGINT), 0), connected_at = NULLIF(CAST($3 AS BIGINT), 0), " OWN_4 " WHERE id = $10 AND organization_id = $11", "siiiiiiiiss",
				c->target_id, answered_ms, c->connected_ms, OWN_VALUES(c), c->id, c->organization->id);
}

void log_flow_left(struct call *c)
{
	if (c->in_flow)
		log_event(c, "flow.completed", "");
	c->in_flow = false;
}

void log_call_ended(struct call *c)
{
	struct store_batch *batch = log_batch(c);
	struct buf doc = {0};
	if (!batch)
		return;
	log_flow_left(c);
	json_open(&doc);
	write_document(&doc, c);
	json_str(&doc, "hangup_by", c->hangup_by);
	json_str(&doc, "hangup_reason", c->hangup_reason);
	json_key(&doc, "quality");
	json_open(&doc);
	write_quality(&doc, "caller", &c->heard_caller);
	write_quality(&doc, "target", &c->heard_target);
	json_close(&doc);
	json_key(&doc, "attempts");
	buf_add_char(&doc, '[');
	buf_add(&doc, buf_text(&c->attempts), c->attempts.len);
	buf_add_char(&doc, ']');
	json_close(&doc);
	store_batch_add(batch, "UPDATE calls SET status = 'completed', disposition = CASE WHEN disposition_at > 0 THEN disposition ELSE $1 END, target_id = $2, answered_at = NULLIF(CAST($3 AS BIGINT), 0), connected_at = NULLIF(CAST($4 AS BIGINT), 0), ended_at = $5, "
			       OWN_6 ", doc = $12, cost = $13, talked_ms = $14, not_paid_twice = $15 WHERE id = $16 AND organization_id = $17", "ssiiiiiiiiisiiiss",
			c->disposition, c->target_id, c->answered_ms, c->connected_ms, c->ended_ms, OWN_VALUES(c), buf_text(&doc), c->cost_micros, c->talked_ms, (int64_t)c->not_paid_twice, c->id, c->organization->id);
	buf_free(&doc);
	totals_add(batch, c->organization->id, c->id, c->organization->tags);
	if (!c->answered_ms)
		log_event(c, "call.failed", "");
	else if (!c->connected_ms)
		log_named_event(c, "call.failure", "");
	log_event(c, "call.completed", "");
	if (final_is_asked_for(c->organization))
		finals_add(batch, c->organization->id, c->id, c->ended_ms + c->campaign->final_after_seconds * INT64_C(1000));
}

void log_trace_input(struct call *c, const char *kind, const char *data)
{
	c->input_ms = call_now_ms(c);
	json_open(&c->trace);
	json_time(&c->trace, "at", c->input_ms);
	json_str(&c->trace, "kind", "input");
	json_str(&c->trace, "input", kind);
	if (*data) {
		json_item(&c->trace);
		buf_add_str(&c->trace, data);
	}
	json_close(&c->trace);
	loop_mark_dirty(c);
}

void log_trace_tags(struct call *c, struct buf *data)
{
	json_key(data, "tags");
	write_tags(c, data);
}

#define TRACED_MAX 16384 /* bytes of a text in a trace */

void log_trace_custom_data(struct call *c, struct buf *data)
{
	if (c->custom_text && strlen(c->custom_text) <= TRACED_MAX)
		json_raw(data, "custom_data", c->custom_text);
	else if (c->custom_text)
		json_bool(data, "custom_data_left_out", true);
}

void log_trace_step(struct call *c, const struct flow_effect *e)
{
	const struct flow *flow = e->flow;
	json_open(&c->trace);
	json_time(&c->trace, "at", c->input_ms);
	json_str(&c->trace, "kind", "step");
	if (e->depth) {
		json_str(&c->trace, "call_flow_id", flow_id(flow));
		json_int(&c->trace, "flow_version", flow_version(flow));
	}
	json_str(&c->trace, "node", flow_node_id(flow, e->node));
	json_str(&c->trace, "type", flow_node_type_of(flow, e->node));
	json_str(&c->trace, "port", e->u.trace.port >= 0 ? flow_port_name(flow, e->node, (unsigned)e->u.trace.port) : NULL);
	json_time(&c->trace, "entered_at", e->u.trace.entered_ms);
	if (e->u.trace.detail)
		json_str(&c->trace, "detail", e->u.trace.detail);
	json_close(&c->trace);
	loop_mark_dirty(c);
}

void log_attempt(struct call *c, const struct dial_try *t, const struct attempt *attempt, const char *outcome, int sip_status, const char *reason)
{
	struct buf *b = &c->attempts;
	json_open(b);
	json_str(b, "target_id", t->target ? t->target->id : NULL);
	json_str(b, "target_name", t->target ? t->target->name : NULL);
	json_str(b, "uri", attempt && attempt->uri ? attempt->uri : t->uri ? t->uri : t->number);
	json_str(b, "outcome", outcome);
	json_str(b, "reason", reason);
	json_str(b, "chosen", t->chosen);
	json_key(b, "sip_status");
	if (sip_status)
		buf_printf(b, "%d", sip_status);
	else
		buf_add_str(b, "null");
	json_time(b, "started_at", attempt ? attempt->started_ms : 0);
	json_time(b, "ringing_at", attempt ? attempt->ringing_ms : 0);
	json_time(b, "ended_at", attempt ? call_now_ms(c) : 0);
	json_close(b);
}

/* ---- the writer's side ---- */

struct batch_job {
	struct store_job job;
	struct store_batch *batch;
	struct event_touched touched;
	struct call_loop *loop;
	uint64_t serial;
	char call_id[ID_SIZE];
	bool first, answers; /* the call's first; the one that says that the call is answered */
};

static bool run_batch(struct store_job *job, struct store_conn *conn)
{
	return store_batch_run(((struct batch_job *)job)->batch, conn);
}

static void batch_done(struct store_job *job, bool committed)
{
	struct batch_job *b = (struct batch_job *)job;
	if (!committed)
		log_error(b->call_id, "the call log could not be written");
	else {
		event_publish(&b->touched);
		http_client_touch(b->loop->config.http, &b->touched);
	}
	if (b->first || b->answers)
		loop_tell_persisted(b->loop, b->serial, b->answers, committed);
	event_touched_free(&b->touched);
	store_batch_free(b->batch);
	free(b);
}

void log_flush(struct call *c)
{
	if (c->progress && !c->over) /* the end's own update tells all of it */
		write_progress(c);
	if (c->trace.len) {
		struct store_batch *batch = log_batch(c);
		struct buf piece = {0};
		buf_add_char(&piece, '[');
		buf_add(&piece, buf_text(&c->trace), c->trace.len);
		buf_add_char(&piece, ']');
		if (batch)
			store_batch_add(batch, "INSERT INTO call_trace (call_id, piece, organization_id, entries) VALUES ($1, $2, $3, $4)", "siss", c->id, (int64_t)c->trace_piece++, c->organization->id, buf_text(&piece));
		buf_free(&piece);
		buf_reset(&c->trace);
	}
	if (!c->batch)
		return;
	struct batch_job *b = calloc(1, sizeof *b);
	if (!b) {
		log_error(c->id, "out of memory: a part of the call log was lost");
		store_batch_free(c->batch);
		c->batch = NULL;
		return;
	}
	static const struct store_job functions = {.run = run_batch, .done = batch_done};
	b->job = functions;
	b->batch = c->batch;
	b->touched = c->touched;
	b->loop = c->loop;
	b->serial = c->serial;
	b->first = !c->submitted;
	b->answers = c->want_answer && !c->answer_submitted;
	c->submitted = true;
	c->answer_submitted = c->want_answer;
	memcpy(b->call_id, c->id, sizeof b->call_id);
	c->batch = NULL;
	c->touched = (struct event_touched){0};
	store_submit_accepted(c->loop->config.store, &b->job);
}
