/*
 * flow/flow.h: compile a call flow once, then advance any number of calls through it.
 * Pure: no I/O, no clock, no randomness. What the world must do comes out as effects;
 * what happened goes in as inputs.
 */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include "base/arena.h"
#include "expr/scope.h"
#include <jansson.h>

#define FLOW_NODES_MAX 1000
#define FLOW_STEPS_MAX 10000
#define FLOW_DEPTH_MAX 16 /* call flows within call flows */
#define FLOW_EFFECTS_MAX 48
#define FLOW_TEXT_MAX (1024 * 1024) /* text one call may make with templates */
#define FLOW_NODE_FALLBACK 0xfffe   /* the step is the flow's fallback, not a node */
#define FLOW_NO_NODE 0xffff

struct flow; /* compiled graph, immutable, shared by all calls of a version */

/* ---- scripts --------------------------------------------------------- */

struct flow_script {
	const char *code, *arguments; /* arguments: a JSON object */
	int timeout_ms;
	uint64_t seed;
};

struct flow_input;
/* Who can compile and run scripts; both wait until it is done. */
struct flow_scripts {
	bool (*check)(void *arg, const char *code, struct error *why);
	/* Fill in input's u.script; its texts live in the arena. */
	void (*run)(void *arg, const struct flow_script *script, int64_t now_ms, struct arena *arena, struct flow_input *input);
	void *arg;
};

/* ---- compile --------------------------------------------------------- */

struct flow_context {
	/* The organization's tags; variables are the flow's own. */
	int (*tag)(void *arg, const char *name, size_t len);
	const struct value_type *(*tag_type)(void *arg, size_t slot); /* outlives the flow; NULL: all are strings */
	size_t tag_count;
	/* Is there such a routing plan, target, prompt, trunk …? NULL: not checked. */
	bool (*exists)(void *arg, const char *kind, const char *id);
	void *arg;
	const struct expr_list *(*list)(void *arg, const char *id); /* NULL: lists are not looked up */
	/* Who the flow is: for the traces of flows that run it as a part. NULL and 0: nobody asks. */
	const char *id;
	int version;
	const char *(*tag_name)(void *arg, size_t slot); /* NULL: scripts see no tags */
	const struct flow_scripts *scripts;              /* NULL: scripts are not checked */
	const char *region;                              /* of phone numbers, as struct expr_scope has it */
	struct regex_cache *regexes;                     /* likewise */
	bool stored;                                     /* likewise */
};

/*
 * Compile a flow document ("strowger.flow/1").
 *
 * problems   an array that gets {"code","severity":"error"|"warning","node","pointer","detail"}
 *            for everything found wrong; may be NULL
 *
 * Returns NULL when there is an error among the problems, or no memory.
 */
struct flow *flow_compile(json_t *document, const struct flow_context *context, json_t *problems) WARN_UNUSED;
void flow_free(struct flow *flow);

/* Names for traces: borrowed from the flow. "" for what is not there. */
const char *flow_id(const struct flow *flow);
int flow_version(const struct flow *flow);
const char *flow_node_id(const struct flow *flow, unsigned node);
const char *flow_node_type_of(const struct flow *flow, unsigned node);
const char *flow_port_name(const struct flow *flow, unsigned node, unsigned port);
bool flow_port_is_failure(const struct flow *flow, unsigned node, unsigned port);
size_t flow_variable_count(const struct flow *flow);
const char *flow_variable_name(const struct flow *flow, size_t slot);
/* The slot of the variable of this name, without regard to case; -1: no node writes one. */
int flow_variable_find(const struct flow *flow, const char *name, size_t len);

/* Descriptors of all node types, as /api/v1/node-types answers them. New reference. */
json_t *flow_node_types_json(void);

/* ---- run ------------------------------------------------------------- */

struct flow_prompt {
	const char *prompt_id; /* uploaded audio, or NULL */
	const char *text;      /* to be spoken, when prompt_id is NULL */
	const char *voice;     /* NULL: the default */
};

enum flow_dial_outcome { DIAL_COMPLETED, DIAL_NO_ANSWER, DIAL_BUSY, DIAL_FAILED, DIAL_NO_TARGET };
extern const char *const flow_dial_outcomes[]; /* by the enum; NULL-terminated */

struct flow_voicemail {
	struct flow_prompt prompt; /* text and prompt_id NULL: only the beep */
	int max_ms, silence_ms;    /* silence_ms 0: silence does not end it */
	char finish_key;           /* 0: none */
};

enum flow_record { RECORD_START, RECORD_STOP, RECORD_PAUSE, RECORD_RESUME };
extern const char *const flow_record_actions[]; /* by the enum; NULL-terminated */

struct flow_dial {
	const char *routing_plan_id, *ring_tree_id;
	const char *const *target_ids; /* NULL-terminated, or NULL */
	const char *uri;
	bool uri_is_composed; /* of a template with tokens: others may have written some of it */
	const char *number, *trunk_id;
	const char *caller_id;
	int timeout_seconds, max_duration_seconds; /* 0: the default */
	struct flow_prompt whisper; /* to who answers, before the caller is connected; text and prompt_id NULL: none */
	bool record;                /* from when they are connected until the dial is over */
	bool simultaneous;          /* all ring at once, at most ten; the first that takes the call has it */
	char accept_key;            /* who answers presses it to take the call; 0: answering is enough */
};

enum flow_effect_kind {
	FLOW_EFFECT_TRACE,   /* a step was taken: node left by port */
	FLOW_EFFECT_SET_TAG, /* already in the state; to be stored and told */
	FLOW_EFFECT_EVENT,   /* flow.custom, to be told */
	FLOW_EFFECT_OUTCOME, /* what the call came to */
	FLOW_EFFECT_RECORD,
	FLOW_EFFECT_PLAY,    /* answered by FLOW_INPUT_PLAYED */
	FLOW_EFFECT_COLLECT, /* answered by FLOW_INPUT_DIGITS */
	FLOW_EFFECT_HTTP,    /* answered by FLOW_INPUT_HTTP */
	FLOW_EFFECT_SCRIPT,  /* answered by FLOW_INPUT_SCRIPT */
	FLOW_EFFECT_VOICEMAIL, /* answered by FLOW_INPUT_RECORDED */
	FLOW_EFFECT_DIAL,    /* answered by FLOW_INPUT_DIAL_ENDED */
	FLOW_EFFECT_HANGUP,
};

/* Is it answered by an input? The others are only to be done; at most one of a step waits, or hangs up. */
bool flow_effect_waits(enum flow_effect_kind kind);

struct flow_effect {
	enum flow_effect_kind kind;
	uint16_t node;
	uint16_t depth;          /* 0: the call's own flow; more: a flow within it */
	const struct flow *flow; /* whose node it is */
	union {
		struct {
			int port; /* -1: the flow ended here */
			const char *detail; /* what was decided and why; NULL: nothing to say */
			int64_t entered_ms;
		} trace;
		struct {
			uint16_t slot;
			struct value value;
		} tag;
		struct {
			const char *name, *fields; /* fields: a JSON object */
		} event;
		struct {
			int converted; /* -1: as it is; likewise the amounts */
			int64_t revenue_micros, payout_micros;
			const char *disposition; /* NULL: as it is */
		} outcome;
		struct {
			struct flow_prompt prompt; /* text and prompt_id NULL: silence */
			bool interruptible;
			int for_ms; /* over and over for so long; 0: once */
		} play;
		struct {
			struct flow_prompt prompt; /* text and prompt_id NULL: silence */
			int max_digits;
			char finish_key; /* 0: none */
			int timeout_ms, inter_digit_ms;
			bool sensitive;
		} collect;
		struct {
			const char *method, *url, *body; /* body NULL: none */
			const char *const *headers;      /* "Name: value", NULL-terminated */
			int timeout_ms;
		} http;
		struct flow_script script;
		struct flow_voicemail voicemail;
		enum flow_record record;
		struct flow_dial dial;
		struct {
			int sip_status;    /* before answer; 0: by cause */
			/* "normal", "busy", "reject"; NULL: the flow names none */
			const char *cause;
		} hangup;
	} u;
};

struct flow_effects {
	size_t count;
	struct flow_effect list[FLOW_EFFECTS_MAX];
};

enum flow_input_kind {
	FLOW_INPUT_START,
	FLOW_INPUT_CONTINUE, /* after FLOW_MORE */
	FLOW_INPUT_PLAYED,
	FLOW_INPUT_DIGITS,
	FLOW_INPUT_HTTP,
	FLOW_INPUT_SCRIPT,
	FLOW_INPUT_RECORDED,
	FLOW_INPUT_DIAL_ENDED,
};

enum flow_http_result { HTTP_ANSWERED, HTTP_FAILED, HTTP_TIMED_OUT };
extern const char *const flow_http_outcomes[]; /* by the enum; NULL-terminated */

struct flow_input {
	enum flow_input_kind kind;
	union {
		bool played_ok;
		struct {
			const char *text; /* keys pressed, without the finish key */
			bool finished;    /* the finish key ended it */
		} digits;
		struct {
			enum flow_http_result result;
			int status;
			const char *body;
			size_t body_len;
			const char *error;
		} http;
		struct {
			bool ok;
			const char *result; /* a JSON object; NULL unless ok */
			const char *log;    /* what it wrote to the console; NULL: nothing */
			const char *error;  /* NULL if ok */
		} script;
		struct {
			int duration_ms; /* 0: nothing was said, or kept */
		} recorded;
		enum flow_dial_outcome dial;
	} u;
};

enum flow_result {
	FLOW_OK,             /* effects are to be performed; one of them will be answered by an input */
	FLOW_MORE,           /* perform the effects, then step again with FLOW_INPUT_CONTINUE */
	FLOW_FINISHED,       /* one of the effects hangs up; no input is taken any more */
	FLOW_ERR_STEP_LIMIT, /* more than 10,000 steps; effects hold the fallback or the hang-up */
	FLOW_ERR_INPUT,      /* the node waits for something else; nothing changed */
};

/* Where a flow that runs another one stands. */
struct flow_frame {
	const struct flow *flow;
	struct value *variables;
	uint16_t node;
	int64_t entered_ms;
};

/* One call's place in the flow. */
struct flow_state {
	const struct flow *flow; /* the innermost that runs */
	struct flow_frame *frames; /* those that run it, outermost first; NULL until one does */
	struct value **buffers;    /* variables of each depth, kept for the next flow that runs there */
	size_t *buffer_sizes;
	uint16_t depth;
	/* The published flow with this id, to be run within this one; NULL: there are none. */
	const struct flow *(*find)(void *arg, const char *id);
	void *find_arg;
	struct arena *arena;  /* the call's: holds text that templates made */
	struct expr_env *env; /* the call's values; tags and variables are written by the flow */
	struct value *tags;
	struct value *variables;
	uint16_t node;
	bool waiting, in_fallback, finished;
	bool one_by_one; /* FLOW_MORE after every node: for who wants to see the values between them */
	uint32_t steps;
	uint32_t tries; /* of the node that waits */
	size_t text_used;
	int64_t entered_ms;
};

/* tags has context.tag_count slots; variables is allocated here, from the arena. */
bool flow_state_init(struct flow_state *state, const struct flow *flow, struct arena *arena,
		     struct expr_env *env, struct value *tags) WARN_UNUSED;

/*
 * Give the flow one input and get what the call must do next.
 *
 * now_ms   milliseconds since the Unix epoch; the only clock the flow sees
 * out      overwritten; its texts live in the flow or in the call's arena
 */
enum flow_result flow_step(struct flow_state *state, const struct flow_input *input, int64_t now_ms,
			   struct flow_effects *out) WARN_UNUSED;

#endif
