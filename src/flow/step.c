#include "flow/node.h"
#include <string.h>
#include <strings.h>

const char *const flow_dial_outcomes[] = {[DIAL_COMPLETED] = "completed", [DIAL_NO_ANSWER] = "no_answer", [DIAL_BUSY] = "busy", [DIAL_FAILED] = "failed", [DIAL_NO_TARGET] = "no_target", NULL};
const char *const flow_http_outcomes[] = {[HTTP_ANSWERED] = "answered", [HTTP_FAILED] = "failed", [HTTP_TIMED_OUT] = "timeout", NULL};

bool flow_effect_waits(enum flow_effect_kind kind)
{
	return kind == FLOW_EFFECT_PLAY || kind == FLOW_EFFECT_COLLECT || kind == FLOW_EFFECT_HTTP || kind == FLOW_EFFECT_SCRIPT || kind == FLOW_EFFECT_VOICEMAIL || kind == FLOW_EFFECT_DIAL;
}

struct flow_effect *flow_effect(struct flow_run *run, enum flow_effect_kind kind)
{
	/* flow_step() leaves a node only while there is room for one node's effects. */
	struct flow_effect *e = &run->out->list[run->out->count < FLOW_EFFECTS_MAX ? run->out->count++ : FLOW_EFFECTS_MAX - 1];
	*e = (struct flow_effect){.kind = kind, .node = run->state->in_fallback ? FLOW_NODE_FALLBACK : run->state->node, .depth = run->state->depth, .flow = run->state->flow};
	return e;
}

const char *flow_keep(struct flow_run *run, const char *text, size_t len)
{
	struct flow_state *s = run->state;
	if (s->text_used + len > FLOW_TEXT_MAX)
		return NULL;
	s->text_used += len;
	return arena_strndup(s->arena, text, len);
}

const char *flow_render(struct flow_run *run, const struct template *t, size_t *len)
{
	size_t n = 0;
	const char *text = t ? template_constant(t, &n) : "";
	if (!text) {
		struct buf b = {0};
		template_render(t, run->state->env, &b);
		if (!b.failed) {
			n = b.len;
			text = flow_keep(run, buf_text(&b), n);
		}
		buf_free(&b);
	} else if (text[n]) { /* a literal part that is not NUL-terminated where it ends */
		text = flow_keep(run, text, n);
	}
	if (!text) {
		run->detail = "the text is too long; the limits are 64 KiB a template and 1 MiB a call";
		n = 0;
	}
	if (len)
		*len = n;
	return text ? text : "";
}

struct flow_prompt flow_render_prompt(struct flow_run *run, const struct prompt_config *p)
{
	return (struct flow_prompt){
		.prompt_id = p->prompt_id,
		.text = p->text ? flow_render(run, p->text, NULL) : NULL,
		.voice = p->voice,
	};
}

void flow_set(struct flow_run *run, struct slot_ref to, struct value value)
{
	struct error why;
	if (!flow_try_set(run, to, value, &why))
		flow_detail(run, "a tag keeps what it had: %s", why.text);
}

bool flow_try_set(struct flow_run *run, struct slot_ref to, struct value value, struct error *why)
{
	if (!to.is_tag) {
		value.at_ms = run->now_ms;
		run->state->variables[to.slot] = value;
		return true;
	}
	bool any_text = to.type->kind == VALUE_STRING && !to.type->region && !to.type->choices && value.kind == VALUE_STRING;
	if (!any_text && !value_coerce_to(to.type, value.text, value.len, run->state->arena, &value, why))
		return false;
	value.at_ms = run->now_ms;
	run->state->tags[to.slot] = value;
	struct flow_effect *e = flow_effect(run, FLOW_EFFECT_SET_TAG);
	e->u.tag.slot = to.slot;
	e->u.tag.value = value;
	return true;
}

const char *flow_detail(struct flow_run *run, const char *fmt, ...)
{
	char text[200];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	run->detail = flow_keep(run, text, n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
	return run->detail;
}

/* FNV-1a over both texts, then murmur3's finalizer, whose low bits are even. */
uint64_t flow_spread(const char *a, const char *b)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (const char *p = a; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	for (const char *p = b; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 33;
}

bool flow_state_init(struct flow_state *state, const struct flow *flow, struct arena *arena,
		     struct expr_env *env, struct value *tags)
{
	*state = (struct flow_state){.flow = flow, .arena = arena, .env = env, .tags = tags, .node = flow->start};
	state->variables = arena_alloc(arena, (flow->variable_count + 1) * sizeof *state->variables);
	env->variables = state->variables;
	env->variable_count = flow->variable_count;
	return state->variables != NULL;
}

/* ---- flows within flows ---- */

/* Both lists of names are in the same order, so one walk finds what they share. */
static void share_variables(const struct flow *from, const struct value *values, const struct flow *to, struct value *out)
{
	for (size_t i = 0, k = 0; i < from->variable_count && k < to->variable_count;) {
		int order = strcasecmp(from->variables[i], to->variables[k]);
		if (order == 0)
			out[k++] = values[i++];
		else if (order < 0)
			i++;
		else
			k++;
	}
}

static struct value *variables_at(struct flow_state *s, size_t depth, size_t count)
{
	if (s->buffer_sizes[depth] < count) {
		s->buffers[depth] = arena_alloc(s->arena, count * sizeof(struct value));
		s->buffer_sizes[depth] = s->buffers[depth] ? count : 0;
	}
	if (s->buffers[depth])
		memset(s->buffers[depth], 0, count * sizeof(struct value));
	return s->buffers[depth];
}

static void use(struct flow_state *s, const struct flow *flow, struct value *variables)
{
	s->flow = flow;
	s->variables = variables;
	s->env->variables = variables;
	s->env->variable_count = flow->variable_count;
}

bool flow_push(struct flow_run *run, const struct flow *callee)
{
	struct flow_state *s = run->state;
	if (s->depth == FLOW_DEPTH_MAX)
		return false;
	if (!s->frames) {
		struct flow_frame *frames = arena_alloc(s->arena, FLOW_DEPTH_MAX * sizeof *frames);
		s->buffers = arena_alloc(s->arena, FLOW_DEPTH_MAX * sizeof *s->buffers);
		s->buffer_sizes = arena_alloc(s->arena, FLOW_DEPTH_MAX * sizeof *s->buffer_sizes);
		if (!frames || !s->buffers || !s->buffer_sizes)
			return false;
		s->frames = frames;
	}
	struct value *variables = variables_at(s, s->depth, callee->variable_count + 1);
	if (!variables)
		return false;
	share_variables(s->flow, s->variables, callee, variables);
	s->frames[s->depth++] = (struct flow_frame){s->flow, s->variables, s->node, s->entered_ms};
	use(s, callee, variables);
	s->node = callee->start;
	s->entered_ms = run->now_ms;
	s->tries = 0;
	return true;
}

/* Back to the node that ran this flow. */
static void pop(struct flow_state *s)
{
	const struct flow_frame *f = &s->frames[--s->depth];
	share_variables(s->flow, s->variables, f->flow, f->variables);
	use(s, f->flow, f->variables);
	s->node = f->node;
	s->entered_ms = f->entered_ms;
}

static void hang_up(struct flow_run *run, int sip_status, const char *cause)
{
	struct flow_effect *e = flow_effect(run, FLOW_EFFECT_HANGUP);
	e->u.hangup.sip_status = sip_status;
	e->u.hangup.cause = cause;
	run->state->finished = true;
}

static void trace(struct flow_run *run, int port)
{
	struct flow_effect *e = flow_effect(run, FLOW_EFFECT_TRACE);
	e->u.trace.port = port;
	e->u.trace.detail = run->detail;
	e->u.trace.entered_ms = run->state->entered_ms;
	run->detail = NULL;
}

/* The flow cannot go on: run its fallback plan, or hang up. */
static enum flow_result fall_back(struct flow_run *run)
{
	struct flow_state *s = run->state;
	while (!s->flow->fallback_plan_id && s->depth)
		pop(s);
	if (!s->flow->fallback_plan_id || s->in_fallback) {
		hang_up(run, 0, NULL);
		return FLOW_FINISHED;
	}
	s->in_fallback = true;
	s->waiting = true;
	s->entered_ms = run->now_ms;
	struct flow_effect *e = flow_effect(run, FLOW_EFFECT_DIAL);
	e->u.dial = (struct flow_dial){.routing_plan_id = s->flow->fallback_plan_id};
	return FLOW_OK;
}

/* One node's effects at most: set_tag and http_request save up to 20 values, and a trace; and the traces of
 * the nodes that ran this flow, when it ends here. */
#define EFFECTS_PER_NODE (24 + FLOW_DEPTH_MAX)

static enum flow_result run_nodes(struct flow_run *run, int move)
{
	struct flow_state *s = run->state;
	for (;;) {
		const struct flow_node *node = &s->flow->nodes[s->node];
		if (move == MOVE_WAIT) {
			s->waiting = true;
			return FLOW_OK;
		}
		s->waiting = false;
		if (move != MOVE_PUSHED)
			trace(run, move >= 0 ? move : -1);
		if (move == MOVE_END) {
			s->finished = true;
			return FLOW_FINISHED;
		}
		if (move >= 0 && node->next[move] == FLOW_NO_NODE) {
			bool failure = node->ports[move].failure;
			if (s->depth && (!failure || !s->flow->fallback_plan_id)) { /* the end of a flow within another */
				pop(s);
				run->detail = failure ? "a failure port in it is not connected" : NULL;
				move = failure;
				continue;
			}
			run->detail = "the port is not connected";
			if (failure)
				return fall_back(run);
			hang_up(run, 0, NULL);
			return FLOW_FINISHED;
		}
		if (move >= 0) {
			s->node = node->next[move];
			s->entered_ms = run->now_ms;
			s->tries = 0;
		}
		if (++s->steps > FLOW_STEPS_MAX) {
			(void)fall_back(run);
			return FLOW_ERR_STEP_LIMIT;
		}
		if (run->changes_call || s->one_by_one || run->out->count + EFFECTS_PER_NODE > FLOW_EFFECTS_MAX)
			return FLOW_MORE;
		run->node = &s->flow->nodes[s->node];
		move = run->node->type->enter(run, run->node->config);
	}
}

static enum flow_result fallback_ended(struct flow_run *run, const struct flow_input *input)
{
	if (input->kind != FLOW_INPUT_DIAL_ENDED)
		return FLOW_ERR_INPUT;
	run->detail = "fallback";
	trace(run, -1);
	hang_up(run, 0, NULL);
	return FLOW_FINISHED;
}

enum flow_result flow_step(struct flow_state *s, const struct flow_input *input, int64_t now_ms,
			   struct flow_effects *out)
{
	struct flow_run run = {.state = s, .node = &s->flow->nodes[s->node], .out = out, .now_ms = now_ms};
	out->count = 0;
	if (s->finished)
		return FLOW_ERR_INPUT;
	s->env->now_ms = now_ms;
	if (input->kind == FLOW_INPUT_START || input->kind == FLOW_INPUT_CONTINUE) {
		if (s->waiting || (input->kind == FLOW_INPUT_START) != (s->steps == 0))
			return FLOW_ERR_INPUT;
		if (input->kind == FLOW_INPUT_START) {
			s->steps = 1;
			s->entered_ms = now_ms;
		}
		return run_nodes(&run, run.node->type->enter(&run, run.node->config));
	}
	if (!s->waiting)
		return FLOW_ERR_INPUT;
	if (s->in_fallback)
		return fallback_ended(&run, input);
	if (!run.node->type->input)
		return FLOW_ERR_INPUT;
	int move = run.node->type->input(&run, run.node->config, input);
	if (move == MOVE_REFUSED)
		return FLOW_ERR_INPUT;
	return run_nodes(&run, move);
}
