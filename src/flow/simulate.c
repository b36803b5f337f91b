#include "flow/simulate.h"
#include "base/clock.h"
#include "base/money.h"
#include "expr/pointer.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const flow_ends[] = {"hangup", "step_limit", "stopped", "budget"};
enum { END_HANGUP, END_STEP_LIMIT, END_STOPPED, END_BUDGET };

const struct field flow_simulate_fields[] = {
	{"caller_id", FIELD_STRING, .max = 64, .initial = "\"+15125550100\"", .help = "The caller's number."},
	{"number", FIELD_STRING, .max = 64, .initial = "\"+18005550100\"", .help = "The tracking number that is called."},
	{"at", FIELD_DATETIME, .max = 40, .help = "When (RFC 3339); empty: now."},
	{"tags", FIELD_ANY, .help = "The tags the call has before the flow begins, by name."},
	{"variables", FIELD_ANY, .help = "Values of the flow's variables, by name."},
	{"custom_data", FIELD_ANY, .help = "The custom data the call has: fields of incoming webhooks that no tag takes, by name."},
	{"digits", FIELD_STRING, FIELD_LIST | FIELD_EMPTY_TEXTS, .max = 1000, .help = "What is pressed at each question, in order; \"\" is nothing."},
	{"http", FIELD_OBJECT, FIELD_LIST, .max = 1000, .help = "Answers to HTTP requests, in order.",
	 .fields = (const struct field[]){
		 {"outcome", FIELD_ENUM, .choices = flow_http_outcomes, .initial = "\"answered\"", .help = "What becomes of the request."},
		 {"status", FIELD_INTEGER, .min = 100, .max = 599, .initial = "200", .help = "HTTP status."},
		 {"body", FIELD_ANY, .help = "Text, or any JSON."},
		 {0},
	 }},
	{"dial", FIELD_OBJECT, FIELD_LIST, .max = 1000, .help = "What becomes of each dial, in order.",
	 .fields = (const struct field[]){
		 {"outcome", FIELD_ENUM, .choices = flow_dial_outcomes, .initial = "\"completed\"", .help = "How it ends."},
		 {"duration_seconds", FIELD_INTEGER, .min = 0, .max = 86400, .initial = "60", .help = "For completed: how long they talk."},
		 {0},
	 }},
	{"scripts", FIELD_OBJECT, FIELD_LIST, .max = 1000, .help = "What each script returns, in order; those for which nothing is given are run.",
	 .fields = (const struct field[]){
		 {"result", FIELD_ANY, .help = "An object: {port, tags, vars}."},
		 {"error", FIELD_STRING, .max = 1000, .help = "Why it fails, instead of a result."},
		 {0},
	 }},
	{"voicemail_seconds", FIELD_INTEGER, .min = 0, .max = 3600, .initial = "10", .help = "How long the caller speaks to a voicemail; 0: nothing is said."},
	{"seed", FIELD_INTEGER, .min = 0, .max = 1000000000, .initial = "0", .help = "Draws the lots of split nodes and of scripts."},
	{"version", FIELD_INTEGER, .min = 1, .max = 1000000000, .help = "A published version; empty: the draft."},
	{"document", FIELD_ANY, .help = "A flow document to be run instead of the draft."},
	{0},
};

struct sim {
	const struct flow_world *world;
	struct arena arena;
	struct expr_env env;
	struct expr_budget budget; /* of the env */
	struct value call[CALL_FIELD_COUNT], *tags;
	struct flow_state state;
	int64_t now_ms;
	struct expr_course course;
	struct expr_custom custom;
	/* the answers: a script's lists, or a trace and the place in it */
	json_t *digits, *http, *dial, *scripts, *trace;
	json_int_t voicemail_ms;
	size_t digits_at, http_at, dial_at, scripts_at, trace_at;
	/* what was told of a replay's steps so far */
	size_t compared_at;
	json_t *parts;
	/* the report */
	json_t *steps, *inputs, *effects, *before;
	size_t step_count;
	int end;
	const char *why; /* END_BUDGET: what was spent */
};

static int index_of(const char *const *names, const char *name)
{
	for (int i = 0; names[i]; i++)
		if (name && strcmp(names[i], name) == 0)
			return i;
	return -1;
}

/* ---- values ---- */

static struct value keep(struct sim *s, const char *text)
{
	size_t n = text ? strlen(text) : 0;
	return value_string(arena_strndup(&s->arena, text ? text : "", n), n);
}

/* A JSON scalar; kind NONE for null and what is no scalar. */
static struct value scalar(struct sim *s, json_t *json)
{
	return json_is_object(json) || json_is_array(json) ? (struct value){.text = ""} : json_leaf_value(json, &s->arena);
}

static void set_tag(struct sim *s, const char *name, json_t *json)
{
	struct value given = scalar(s, json), v;
	for (size_t i = 0; given.kind && i < s->world->tag_count; i++) {
		struct flow_tag tag = s->world->tag(s->world->arg, i);
		if (!tag.name || (tag.sensitive && s->trace) || strcasecmp(tag.name, name) != 0) /* a trace has no sensitive values */
			continue;
		if (value_coerce_to(tag.type, given.text, given.len, &s->arena, &v, NULL))
			s->tags[i] = v;
	}
}

static void set_values(struct sim *s, json_t *tags, json_t *variables)
{
	const char *name;
	json_t *json;
	json_object_foreach(tags, name, json)
		set_tag(s, name, json);
	json_object_foreach(variables, name, json) {
		struct value v = scalar(s, json);
		int slot = v.kind ? flow_variable_find(s->world->flow, name, strlen(name)) : -1;
		if (slot >= 0)
			s->state.variables[slot] = value_string(v.text, v.len);
	}
}

static json_t *value_tree(const struct value *v)
{
	return v->kind == VALUE_NUMBER ? json_loadb(v->text, v->len, JSON_DECODE_ANY, NULL) : v->kind == VALUE_BOOLEAN ? json_boolean(v->number != 0) : json_stringn(v->text, v->len);
}

static json_t *snapshot(const struct sim *s)
{
	json_t *tags = json_object(), *variables = json_object();
	for (size_t i = 0; i < s->world->tag_count; i++) {
		struct flow_tag tag = s->world->tag(s->world->arg, i);
		if (tag.name && s->tags[i].kind)
			json_object_set_new(tags, tag.name, tag.sensitive ? json_string("********") : value_tree(&s->tags[i]));
	}
	for (size_t i = 0; i < flow_variable_count(s->state.flow); i++)
		if (s->state.variables[i].kind)
			json_object_set_new(variables, flow_variable_name(s->state.flow, i), value_tree(&s->state.variables[i]));
	return json_pack("{s:o, s:o}", "tags", tags, "variables", variables);
}

/* ---- effects, told and performed ---- */

static json_t *prompt_json(const struct flow_prompt *p)
{
	return p->prompt_id ? json_pack("{s:s}", "prompt_id", p->prompt_id) : p->text ? json_pack("{s:s}", "text", p->text) : json_null();
}

static json_t *texts_json(const char *const *list)
{
	json_t *json = json_array();
	for (; list && *list; list++)
		json_array_append_new(json, json_string(*list));
	return json;
}

/* As the script gets them, but for the values of sensitive tags. */
static json_t *script_arguments(const struct sim *s, const char *text)
{
	json_t *json = json_loads(text, 0, NULL), *tags = json_object_get(json, "tags");
	for (size_t i = 0; i < s->world->tag_count; i++) {
		struct flow_tag tag = s->world->tag(s->world->arg, i);
		if (tag.name && tag.sensitive && json_object_get(tags, tag.name))
			json_object_set_new(tags, tag.name, json_string("********"));
	}
	return json ? json : json_null();
}

static json_t *effect_json(const struct sim *s, const struct flow_effect *e)
{
	switch (e->kind) {
	case FLOW_EFFECT_SET_TAG: {
		struct flow_tag tag = s->world->tag(s->world->arg, e->u.tag.slot);
		return json_pack("{s:s, s:s, s:o}", "effect", "set_tag", "tag", tag.name ? tag.name : "", "value", tag.sensitive ? json_string("********") : value_tree(&s->tags[e->u.tag.slot]));
	}
	case FLOW_EFFECT_EVENT:
		return json_pack("{s:s, s:s, s:o}", "effect", "event", "name", e->u.event.name, "fields", json_loads(e->u.event.fields, 0, NULL));
	case FLOW_EFFECT_OUTCOME: {
		json_t *json = json_pack("{s:s}", "effect", "outcome");
		char money[MONEY_SIZE];
		if (e->u.outcome.converted >= 0)
			json_object_set_new(json, "converted", json_boolean(e->u.outcome.converted));
		if (e->u.outcome.revenue_micros >= 0)
			json_object_set_new(json, "revenue", (money_format(e->u.outcome.revenue_micros, money), json_string(money)));
		if (e->u.outcome.payout_micros >= 0)
			json_object_set_new(json, "payout", (money_format(e->u.outcome.payout_micros, money), json_string(money)));
		if (e->u.outcome.disposition)
			json_object_set_new(json, "disposition", json_string(e->u.outcome.disposition));
		return json;
	}
	case FLOW_EFFECT_PLAY:
		return json_pack("{s:s, s:o, s:b, s:f}", "effect", "play", "prompt", prompt_json(&e->u.play.prompt), "interruptible", e->u.play.interruptible, "for_seconds", e->u.play.for_ms / 1000.0);
	case FLOW_EFFECT_COLLECT:
		return json_pack("{s:s, s:o, s:i, s:f}", "effect", "collect", "prompt", prompt_json(&e->u.collect.prompt), "max_digits", e->u.collect.max_digits, "timeout_seconds", e->u.collect.timeout_ms / 1000.0);
	case FLOW_EFFECT_HTTP:
		return json_pack("{s:s, s:s, s:s, s:o, s:s?}", "effect", "http", "method", e->u.http.method, "url", e->u.http.url, "headers", texts_json(e->u.http.headers), "body", e->u.http.body);
	case FLOW_EFFECT_SCRIPT:
		return json_pack("{s:s, s:o}", "effect", "script", "arguments", script_arguments(s, e->u.script.arguments));
	case FLOW_EFFECT_RECORD:
		return json_pack("{s:s, s:s}", "effect", "record", "action", flow_record_actions[e->u.record]);
	case FLOW_EFFECT_VOICEMAIL:
		return json_pack("{s:s, s:o, s:f}", "effect", "voicemail", "prompt", prompt_json(&e->u.voicemail.prompt), "max_seconds", e->u.voicemail.max_ms / 1000.0);
	case FLOW_EFFECT_DIAL: {
		const struct flow_dial *d = &e->u.dial;
		json_t *json = json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*}", "effect", "dial", "routing_plan_id", d->routing_plan_id, "ring_tree_id", d->ring_tree_id, "uri", d->uri, "number", d->number, "trunk_id", d->trunk_id, "caller_id", d->caller_id);
		if (d->whisper.prompt_id || d->whisper.text)
			json_object_set_new(json, "whisper", prompt_json(&d->whisper));
		if (d->simultaneous)
			json_object_set_new(json, "ring", json_string("simultaneous"));
		if (d->record)
			json_object_set_new(json, "record", json_true());
		if (d->accept_key)
			json_object_set_new(json, "accept_key", json_stringn(&d->accept_key, 1));
		if (d->target_ids)
			json_object_set_new(json, "target_ids", texts_json(d->target_ids));
		return json;
	}
	case FLOW_EFFECT_HANGUP:
		return json_pack("{s:s, s:s, s:i}", "effect", "hangup", "cause",
			e->u.hangup.cause ? e->u.hangup.cause : "normal", "sip_status",
			e->u.hangup.sip_status);
	case FLOW_EFFECT_TRACE:
		break;
	}
	return NULL;
}

/* What the call comes to; the flow has set tags itself. */
static void set_outcome(struct sim *s, const struct flow_effect *e)
{
	if (e->u.outcome.revenue_micros >= 0)
		s->course.revenue_micros = e->u.outcome.revenue_micros;
	if (e->u.outcome.payout_micros >= 0)
		s->course.payout_micros = e->u.outcome.payout_micros;
	if (e->u.outcome.converted >= 0)
		s->course.converted = e->u.outcome.converted;
}

/* ---- the report ---- */

static json_t *way_json(const struct flow_effect *e)
{
	return json_pack("{s:s*, s:s, s:s?}", "call_flow_id", e->depth ? flow_id(e->flow) : NULL, "node", flow_node_id(e->flow, e->node), "port", e->u.trace.port >= 0 ? flow_port_name(e->flow, e->node, (unsigned)e->u.trace.port) : NULL);
}

static void part(struct sim *s, json_t *recorded, json_t *now, const char *why)
{
	if (!s->parts)
		s->parts = json_pack("{s:I, s:o, s:o, s:s}", "step", (json_int_t)s->step_count, "recorded", recorded ? recorded : json_null(), "now", now ? now : json_null(), "why", why);
	else {
		json_decref(recorded);
		json_decref(now);
	}
}

static json_t *next_recorded(const struct sim *s, size_t *at, const char *kind)
{
	for (; *at < json_array_size(s->trace); ++*at) {
		json_t *entry = json_array_get(s->trace, *at);
		const char *is = json_string_value(json_object_get(entry, "kind"));
		if (is && strcmp(is, kind) == 0)
			return entry;
	}
	return NULL;
}

static json_t *recorded_way(json_t *entry)
{
	return entry ? json_pack("{s:O*, s:O?, s:O?}", "call_flow_id", json_object_get(entry, "call_flow_id"), "node", json_object_get(entry, "node"), "port", json_object_get(entry, "port")) : NULL;
}

/* Is the step that was taken now the one that the call took then? */
static void compare(struct sim *s, const struct flow_effect *e)
{
	json_t *entry = s->trace && !s->parts ? next_recorded(s, &s->compared_at, "step") : NULL;
	if (!s->trace || s->parts)
		return;
	json_t *then = recorded_way(entry), *now = way_json(e);
	s->compared_at++;
	if (then && json_equal(then, now)) {
		json_decref(then);
		json_decref(now);
		return;
	}
	const char *was = json_string_value(json_object_get(then, "node")), *is = json_string_value(json_object_get(now, "node"));
	part(s, then, now, !then ? "the call ended before" : strcmp(was ? was : "", is) != 0 ? "another node follows here" : e->u.trace.detail ? e->u.trace.detail : "the node was left by another port");
}

static void tell_step(struct sim *s, const struct flow_effect *e)
{
	char at[RFC3339_SIZE], entered[RFC3339_SIZE];
	compare(s, e);
	json_t *after = snapshot(s);
	if (s->step_count++ < SIMULATE_STEPS_TOLD) {
		json_t *step = way_json(e);
		json_object_set_new(step, "type", json_string(flow_node_type_of(e->flow, e->node)));
		json_object_set_new(step, "entered_at", json_string(clock_rfc3339(e->u.trace.entered_ms, entered)));
		json_object_set_new(step, "at", json_string(clock_rfc3339(s->now_ms, at)));
		json_object_set_new(step, "detail", e->u.trace.detail ? json_string(e->u.trace.detail) : json_null());
		json_object_set(step, "inputs", s->inputs);
		json_object_set(step, "effects", s->effects);
		json_object_set(step, "before", s->before);
		json_object_set(step, "after", after);
		json_array_append_new(s->steps, step);
	}
	json_decref(s->inputs);
	json_decref(s->effects);
	json_decref(s->before);
	s->inputs = json_array();
	s->effects = json_array();
	s->before = after;
}

/* Effects after the last step: a port that led nowhere, the caller who hung up. */
static void tell_rest(struct sim *s)
{
	json_t *last = json_array_size(s->steps) ? json_array_get(s->steps, json_array_size(s->steps) - 1) : NULL;
	if (last && s->step_count <= SIMULATE_STEPS_TOLD) {
		json_array_extend(json_object_get(last, "effects"), s->effects);
		json_array_extend(json_object_get(last, "inputs"), s->inputs);
	}
}

/* ---- answers that are made up ---- */

static int speech_ms(const struct flow_prompt *p)
{
	return p->text ? (int)strlen(p->text) * 65 : p->prompt_id ? 3000 : 0; /* about fifteen characters a second */
}

static void answer_call(struct sim *s)
{
	if (!s->course.answered_ms)
		s->course.answered_ms = s->now_ms;
}

static struct flow_input press(struct sim *s, const struct flow_effect *e)
{
	const char *keys = json_string_value(json_array_get(s->digits, s->digits_at++));
	char finish[] = {e->u.collect.finish_key, '\0'};
	size_t n = keys ? (*finish ? strcspn(keys, finish) : strlen(keys)) : 0, most = (size_t)e->u.collect.max_digits;
	bool finished = keys && keys[n];
	answer_call(s);
	s->now_ms += speech_ms(&e->u.collect.prompt) + (n ? 400 * (int)n : e->u.collect.timeout_ms);
	return (struct flow_input){.kind = FLOW_INPUT_DIGITS, .u.digits = {arena_strndup(&s->arena, keys ? keys : "", n < most ? n : most), finished}};
}

static struct flow_input fetch(struct sim *s, const struct flow_effect *e)
{
	json_t *given = json_array_get(s->http, s->http_at++), *body = json_object_get(given, "body");
	int outcome = index_of(flow_http_outcomes, json_string_value(json_object_get(given, "outcome")));
	struct flow_input in = {.kind = FLOW_INPUT_HTTP, .u.http = {.result = outcome < 0 ? HTTP_FAILED : (enum flow_http_result)outcome, .body = "", .error = given ? "" : "the simulation has no answer for this request"}};
	s->now_ms += in.u.http.result == HTTP_TIMED_OUT ? e->u.http.timeout_ms : 100;
	if (in.u.http.result == HTTP_FAILED && given)
		in.u.http.error = "could not connect";
	if (in.u.http.result != HTTP_ANSWERED)
		return in;
	in.u.http.status = (int)json_integer_value(json_object_get(given, "status"));
	char *text = json_is_string(body) || !body ? NULL : json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
	in.u.http.body = arena_strdup(&s->arena, text ? text : body ? json_string_value(body) : "");
	in.u.http.body_len = in.u.http.body ? strlen(in.u.http.body) : 0;
	free(text);
	return in;
}

static struct flow_input compute(struct sim *s, const struct flow_effect *e)
{
	json_t *given = json_array_get(s->scripts, s->scripts_at++), *result = json_object_get(given, "result");
	const char *error = json_string_value(json_object_get(given, "error"));
	struct flow_input in = {.kind = FLOW_INPUT_SCRIPT, .u.script.error = "the simulation has no answer for this script"};
	if (!given && s->world->scripts) {
		s->world->scripts->run(s->world->scripts->arg, &e->u.script, s->now_ms, &s->arena, &in);
	} else if (given && !error) {
		char *text = result ? json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
		in.u.script.result = arena_strdup(&s->arena, text ? text : "{}");
		in.u.script.ok = in.u.script.result != NULL;
		free(text);
	} else if (given) {
		in.u.script.error = arena_strdup(&s->arena, error);
	}
	s->now_ms += 1;
	return in;
}

static struct flow_input leave_message(struct sim *s, const struct flow_effect *e)
{
	const struct flow_voicemail *v = &e->u.voicemail;
	int spoken = (int)s->voicemail_ms;
	answer_call(s);
	s->now_ms += speech_ms(&v->prompt) + (spoken && spoken < v->max_ms ? spoken + v->silence_ms : spoken ? v->max_ms : v->silence_ms ? v->silence_ms : v->max_ms);
	return (struct flow_input){.kind = FLOW_INPUT_RECORDED, .u.recorded.duration_ms = spoken < v->max_ms ? spoken : v->max_ms};
}

static struct flow_input ring(struct sim *s, const struct flow_effect *e)
{
	json_t *given = json_array_get(s->dial, s->dial_at++), *seconds = json_object_get(given, "duration_seconds");
	int outcome = index_of(flow_dial_outcomes, json_string_value(json_object_get(given, "outcome")));
	struct flow_input in = {.kind = FLOW_INPUT_DIAL_ENDED, .u.dial = outcome < 0 ? DIAL_COMPLETED : (enum flow_dial_outcome)outcome};
	s->now_ms += in.u.dial == DIAL_NO_ANSWER ? (e->u.dial.timeout_seconds ? e->u.dial.timeout_seconds : 30) * 1000 : in.u.dial == DIAL_NO_TARGET ? 0 : 2000;
	if (in.u.dial == DIAL_COMPLETED) {
		answer_call(s);
		s->now_ms += seconds ? json_integer_value(seconds) * 1000 : 60000;
	}
	return in;
}

/* ---- answers that a call got ---- */

static bool refuse(struct sim *s, const char *why)
{
	part(s, NULL, NULL, why);
	s->end = END_STOPPED;
	return false;
}

/* Data that came meanwhile: what the call had then. A tag that is not there was removed; sensitive ones are not in a trace. */
static void take_recorded(struct sim *s, json_t *entry)
{
	json_t *tags = json_object_get(entry, "tags"), *custom = json_object_get(entry, "custom_data");
	for (size_t i = 0; i < s->world->tag_count; i++) {
		struct flow_tag tag = s->world->tag(s->world->arg, i);
		if (tag.name && !tag.sensitive && !json_object_get(tags, tag.name))
			s->tags[i] = (struct value){.text = ""};
	}
	set_values(s, tags, NULL);
	if (custom)
		s->custom = (struct expr_custom){.data = custom, .arena = &s->arena};
}

/* The trace's next input, if it is one that the effect waits for. Data that came meanwhile is taken on the way. */
static bool recorded_input(struct sim *s, const struct flow_effect *e, struct flow_input *in)
{
	for (json_t *entry; (entry = next_recorded(s, &s->trace_at, "input")); s->trace_at++) {
		const char *input = json_string_value(json_object_get(entry, "input")), *at = json_string_value(json_object_get(entry, "at"));
		const char *digits = json_string_value(json_object_get(entry, "digits"));
		if (!input || !at || !clock_parse_rfc3339(at, strlen(at), &s->now_ms))
			continue;
		if (strcmp(input, "webhook_data") == 0) {
			take_recorded(s, entry);
			continue;
		}
		if (strcmp(input, "start") == 0 || strcmp(input, "tag_refused") == 0 || strcmp(input, "target_hung_up") == 0)
			continue;
		s->trace_at++;
		if (strcmp(input, "caller_hung_up") == 0) {
			s->end = END_HANGUP;
			json_array_append_new(s->inputs, json_pack("{s:s}", "input", input));
			return false;
		}
		if (strcmp(input, "played") == 0 && e->kind == FLOW_EFFECT_PLAY) {
			*in = (struct flow_input){.kind = FLOW_INPUT_PLAYED, .u.played_ok = json_is_true(json_object_get(entry, "ok"))};
			return true;
		}
		if (strcmp(input, "digits") == 0 && e->kind == FLOW_EFFECT_COLLECT) {
			if (digits && strcmp(digits, "(sensitive)") == 0)
				return refuse(s, "these digits are sensitive and were not kept; the path after them cannot be replayed");
			*in = (struct flow_input){.kind = FLOW_INPUT_DIGITS, .u.digits = {arena_strdup(&s->arena, digits ? digits : ""), json_is_true(json_object_get(entry, "finished"))}};
			return true;
		}
		if (strcmp(input, "http") == 0 && e->kind == FLOW_EFFECT_HTTP) {
			int result = index_of(flow_http_outcomes, json_string_value(json_object_get(entry, "outcome")));
			const char *body = json_string_value(json_object_get(entry, "body"));
			if (json_is_true(json_object_get(entry, "body_left_out")))
				return refuse(s, "this answer's body was too long to be kept; the path after it cannot be replayed");
			*in = (struct flow_input){.kind = FLOW_INPUT_HTTP, .u.http = {result < 0 ? HTTP_FAILED : (enum flow_http_result)result, (int)json_integer_value(json_object_get(entry, "status")), body ? body : "", body ? json_string_length(json_object_get(entry, "body")) : 0, "as recorded"}};
			return true;
		}
		if (strcmp(input, "script") == 0 && e->kind == FLOW_EFFECT_SCRIPT) {
			json_t *result = json_object_get(entry, "result");
			const char *log = json_string_value(json_object_get(entry, "log")), *error = json_string_value(json_object_get(entry, "error"));
			if (json_is_true(json_object_get(entry, "result_left_out")))
				return refuse(s, "what this script returned was too long to be kept; the path after it cannot be replayed");
			char *text = result ? json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
			*in = (struct flow_input){.kind = FLOW_INPUT_SCRIPT, .u.script = {result != NULL, arena_strdup(&s->arena, text), arena_strdup(&s->arena, log), arena_strdup(&s->arena, error)}};
			free(text);
			return true;
		}
		if (strcmp(input, "recorded") == 0 && e->kind == FLOW_EFFECT_VOICEMAIL) {
			*in = (struct flow_input){.kind = FLOW_INPUT_RECORDED, .u.recorded.duration_ms = (int)json_integer_value(json_object_get(entry, "duration_ms"))};
			return true;
		}
		if (strcmp(input, "dial_ended") == 0 && e->kind == FLOW_EFFECT_DIAL) {
			int outcome = index_of(flow_dial_outcomes, json_string_value(json_object_get(entry, "outcome")));
			const char *target = json_string_value(json_object_get(entry, "target_id")), *revenue = json_string_value(json_object_get(entry, "revenue")), *payout = json_string_value(json_object_get(entry, "payout"));
			s->call[CALL_TARGET_ID] = target ? keep(s, target) : (struct value){.text = ""};
			if (revenue)
				(void)!money_parse(revenue, &s->course.revenue_micros);
			if (payout)
				(void)!money_parse(payout, &s->course.payout_micros);
			s->course.converted = json_is_true(json_object_get(entry, "converted"));
			*in = (struct flow_input){.kind = FLOW_INPUT_DIAL_ENDED, .u.dial = outcome < 0 ? DIAL_FAILED : (enum flow_dial_outcome)outcome};
			return true;
		}
		return refuse(s, "the flow waits for something else here than what the call met");
	}
	s->end = END_HANGUP;
	return false;
}

/* ---- running ---- */

static json_t *input_json(const struct flow_input *in, bool sensitive)
{
	switch (in->kind) {
	case FLOW_INPUT_PLAYED:
		return json_pack("{s:s, s:b}", "input", "played", "ok", in->u.played_ok);
	case FLOW_INPUT_DIGITS:
		return json_pack("{s:s, s:s}", "input", "digits", "digits", sensitive ? "(sensitive)" : in->u.digits.text);
	case FLOW_INPUT_HTTP:
		return json_pack("{s:s, s:s, s:i, s:s%}", "input", "http", "outcome", flow_http_outcomes[in->u.http.result], "status", in->u.http.status, "body", in->u.http.body, in->u.http.body_len);
	case FLOW_INPUT_SCRIPT:
		return json_pack("{s:s, s:o*, s:s*, s:s*}", "input", "script", "result", in->u.script.ok ? json_loads(in->u.script.result, 0, NULL) : NULL, "log", in->u.script.log, "error", in->u.script.error);
	case FLOW_INPUT_RECORDED:
		return json_pack("{s:s, s:i}", "input", "recorded", "duration_ms", in->u.recorded.duration_ms);
	case FLOW_INPUT_DIAL_ENDED:
		return json_pack("{s:s, s:s}", "input", "dial_ended", "outcome", flow_dial_outcomes[in->u.dial]);
	default:
		return NULL;
	}
}

static bool answer(struct sim *s, const struct flow_effect *e, struct flow_input *in)
{
	if (s->trace) {
		if (!recorded_input(s, e, in))
			return false;
	} else if (e->kind == FLOW_EFFECT_PLAY) {
		answer_call(s);
		s->now_ms += e->u.play.for_ms ? e->u.play.for_ms : speech_ms(&e->u.play.prompt);
		*in = (struct flow_input){.kind = FLOW_INPUT_PLAYED, .u.played_ok = true};
	} else {
		*in = e->kind == FLOW_EFFECT_COLLECT ? press(s, e) : e->kind == FLOW_EFFECT_HTTP ? fetch(s, e) : e->kind == FLOW_EFFECT_SCRIPT ? compute(s, e) : e->kind == FLOW_EFFECT_VOICEMAIL ? leave_message(s, e) : ring(s, e);
	}
	json_array_append_new(s->inputs, input_json(in, e->kind == FLOW_EFFECT_COLLECT && e->u.collect.sensitive));
	return true;
}

/* Has the run's budget ended? What is left is then not run. */
static bool is_spent(struct sim *s)
{
	s->why = s->world->spent ? s->world->spent(s->world->budget) : NULL;
	if (s->why)
		s->end = END_BUDGET;
	return s->why != NULL;
}

static void run(struct sim *s)
{
	struct flow_input input = {.kind = FLOW_INPUT_START};
	s->before = snapshot(s);
	while ((!s->parts || !s->trace) && !is_spent(s)) {
		struct flow_effects out;
		const struct flow_effect *waiting = NULL;
		expr_set_course(s->call, &s->course, s->now_ms);
		enum flow_result r = flow_step(&s->state, &input, s->now_ms, &out);
		for (size_t i = 0; i < out.count && r != FLOW_ERR_INPUT; i++) {
			const struct flow_effect *e = &out.list[i];
			if (e->kind == FLOW_EFFECT_OUTCOME)
				set_outcome(s, e);
			json_t *told = effect_json(s, e);
			if (told)
				json_array_append_new(s->effects, told);
			if (e->kind == FLOW_EFFECT_TRACE)
				tell_step(s, e);
			if (flow_effect_waits(e->kind))
				waiting = e;
		}
		if (r == FLOW_ERR_STEP_LIMIT)
			s->end = END_STEP_LIMIT;
		input = (struct flow_input){.kind = FLOW_INPUT_CONTINUE};
		if (r == FLOW_ERR_INPUT || s->state.finished || (r != FLOW_MORE && !(waiting && answer(s, waiting, &input))))
			break;
	}
	tell_rest(s);
}

static json_t *report(struct sim *s)
{
	json_t *json = json_pack("{s:s, s:I, s:b, s:O}", "ended", flow_ends[s->end], "steps_taken", (json_int_t)s->step_count, "truncated", s->step_count > SIMULATE_STEPS_TOLD, "steps", s->steps);
	if (s->end == END_BUDGET) {
		json_object_set_new(json, "ended_at", json_string(flow_node_id(s->state.flow, s->state.node)));
		json_object_set_new(json, "ended_why", json_string(s->why));
	}
	bool whole = s->end != END_STOPPED && s->end != END_BUDGET;
	if (s->trace && !s->parts && whole) { /* and did the call go on after that? */
		json_t *entry = next_recorded(s, &s->compared_at, "step");
		if (entry)
			part(s, recorded_way(entry), NULL, "the flow ends here");
	}
	if (s->trace) {
		json_object_set_new(json, "same", json_boolean(!s->parts));
		json_object_set_new(json, "parts", s->parts ? json_incref(s->parts) : json_null());
	}
	return json;
}

static bool begin(struct sim *s, const char *caller_id, const char *number)
{
	char started[RFC3339_SIZE];
	if (s->world->call)
		memcpy(s->call, s->world->call, sizeof s->call);
	for (size_t i = 0; i < CALL_FIELD_COUNT; i++)
		if (!s->call[i].text)
			s->call[i].text = "";
	s->custom.arena = &s->arena;
	s->env = (struct expr_env){
		.call = s->call,
		.custom = &s->custom,
		.tag_count = s->world->tag_count,
		.now_ms = s->now_ms,
		.budget = &s->budget,
	};
	s->budget = expr_budget_full(s->now_ms);
	s->env.tags = s->tags = arena_alloc(&s->arena, (s->world->tag_count + 1) * sizeof *s->tags);
	s->steps = json_array();
	s->inputs = json_array();
	s->effects = json_array();
	if (!s->tags || !expr_set_caller(&s->env, s->call, caller_id, &s->arena) || !flow_state_init(&s->state, s->world->flow, &s->arena, &s->env, s->tags))
		return false;
	s->state.one_by_one = true;
	s->state.find = s->world->find;
	s->state.find_arg = s->world->arg;
	s->call[CALL_NUMBER] = keep(s, number);
	s->call[CALL_STATUS] = keep(s, "active");
	s->call[CALL_STARTED_AT] = keep(s, clock_rfc3339(s->now_ms, started));
	return true;
}

static void finish(struct sim *s)
{
	json_decref(s->steps);
	json_decref(s->inputs);
	json_decref(s->effects);
	json_decref(s->before);
	json_decref(s->parts);
	arena_free(&s->arena);
}

json_t *flow_simulate(const struct flow_world *world, json_t *script)
{
	struct sim s = {.world = world};
	char id[40];
	json_t *json = NULL;
	const char *at = json_string_value(json_object_get(script, "at"));
	if (at)
		(void)!clock_parse_rfc3339(at, strlen(at), &s.now_ms);
	s.digits = json_object_get(script, "digits");
	s.http = json_object_get(script, "http");
	s.dial = json_object_get(script, "dial");
	s.scripts = json_object_get(script, "scripts");
	s.voicemail_ms = json_integer_value(json_object_get(script, "voicemail_seconds")) * 1000;
	if (begin(&s, json_string_value(json_object_get(script, "caller_id")), json_string_value(json_object_get(script, "number")))) {
		snprintf(id, sizeof id, "call_simulated_%lld", (long long)json_integer_value(json_object_get(script, "seed")));
		s.call[CALL_ID] = keep(&s, id);
		set_values(&s, json_object_get(script, "tags"), json_object_get(script, "variables"));
		s.custom.data = json_object_get(script, "custom_data");
		run(&s);
		json = report(&s);
	}
	finish(&s);
	return json;
}

json_t *flow_replay(const struct flow_world *world, json_t *call, json_t *trace)
{
	struct sim s = {.world = world, .trace = trace};
	json_t *json = NULL, *start = next_recorded(&s, &s.trace_at, "input");
	const char *at = json_string_value(json_object_get(start, "at")), *answered = json_string_value(json_object_get(call, "answered_at")), *started = json_string_value(json_object_get(call, "started_at"));
	if (at)
		(void)!clock_parse_rfc3339(at, strlen(at), &s.now_ms);
	if (answered)
		(void)!clock_parse_rfc3339(answered, strlen(answered), &s.course.answered_ms);
	if (begin(&s, json_string_value(json_object_get(call, "caller_id")), json_string_value(json_object_get(call, "number")))) {
		s.call[CALL_ID] = keep(&s, json_string_value(json_object_get(call, "id")));
		if (started)
			s.call[CALL_STARTED_AT] = keep(&s, started);
		set_values(&s, json_object_get(start, "tags"), NULL);
		s.custom.data = json_object_get(start, "custom_data");
		run(&s);
		json = report(&s);
	}
	finish(&s);
	return json;
}
