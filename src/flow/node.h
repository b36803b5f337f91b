/* flow/node.h: what a node type is made of. Private to src/flow/. */
#ifndef FLOW_NODE_H
#define FLOW_NODE_H

#include "expr/filter.h"
#include "expr/template.h"
#include "flow/flow.h"
#include "model/prompt.h"

#define FLOW_PORTS_MAX 40

struct flow_port {
	const char *name;  /* its id: edges, traces and scripts name it */
	bool failure; /* unconnected: the flow's fallback runs instead of a hang-up */
	const char *help;
	const char *label; /* what people call it; NULL: its name */
};

/* Members of a list element that makes a port (ports_from). */
#define PORT_FIELDS \
	{"port", FIELD_NAME, FIELD_REQUIRED, .min = 1, .max = 40, \
	 .help = "The port's ID in edges and traces. It stays the same when the label changes."}, \
	{"label", FIELD_STRING, FIELD_CHARACTERS, .max = 60, \
	 .help = "Name that people see instead of the ID, such as New York."}

/* Where a node goes next: a port's index, or one of these. MOVE_REFUSED: not the input it waits for. */
enum { MOVE_WAIT = -1, MOVE_END = -2, MOVE_REFUSED = -3, MOVE_PUSHED = -4 };

struct flow_compiler;
struct flow_run;

struct flow_node_type {
	const char *type, *category, *label, *help;
	const char *example; /* a config, as JSON */
	const struct field *config;
	const struct flow_port *ports; /* ends with a NULL name */
	/* Config list whose elements each add a port: names, or objects with PORT_FIELDS. */
	const char *ports_from;
	const char *goes_to;           /* config member that names the next node, instead of a port */
	bool waits_for_caller;         /* a loop through it gives the caller time */
	/* Turn a valid config into what runs; from compiler->arena. NULL: no memory, or a problem was told.
	 * No function: there is nothing to be turned. */
	void *(*compile)(struct flow_compiler *c, json_t *config);
	int (*enter)(struct flow_run *run, const void *config);
	int (*input)(struct flow_run *run, const void *config, const struct flow_input *input);
};

struct flow_node {
	const char *id;
	const struct flow_node_type *type;
	void *config;
	uint16_t port_count;
	const struct flow_port *ports; /* dynamic ones first */
	uint16_t *next;                /* by port; FLOW_NO_NODE: unconnected */
};

/* The organization's tags, by slot. */
struct flow_tags {
	size_t count;
	struct {
		const char *name;
		const struct value_type *type;
	} list[];
};

struct flow {
	struct arena arena;
	struct flow_node *nodes;
	size_t count;
	uint16_t start;
	const char *fallback_plan_id;
	const char *id;
	int version;
	const char **variables; /* in the order of strcasecmp() */
	size_t variable_count;
	const struct flow_tags *tags; /* for its scripts; NULL: it has none */
	struct filter **filters; /* to be freed with the flow */
	size_t filter_count;
};

/* ---- for compile() ---- */

struct flow_compiler {
	struct flow *flow;
	struct arena *arena;
	const struct flow_context *context;
	json_t *problems;
	uint16_t *by_id; /* where a node's id is found: its index and one */
	bool failed;
	const char *node_id;
	json_t *node_json;
	struct expr_scope scope;
	const char *at; /* pointer of the config being compiled */
};

void flow_problem(struct flow_compiler *c, bool is_error, const char *code, const char *pointer, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* All take the value of config's member; pointers in problems name it. */
struct template *flow_compile_template(struct flow_compiler *c, const char *pointer, const char *text, enum template_context context);
struct filter *flow_compile_filter(struct flow_compiler *c, const char *pointer, json_t *json);

struct prompt_config {
	const char *prompt_id, *voice;
	struct template *text;
};
/* From config's member `key`; its text and prompt_id are NULL when there is none. */
void flow_compile_prompt(struct flow_compiler *c, json_t *config, const char *key, struct prompt_config *out);

/* Where a value is written to: {"tag": name} or {"variable": name}. */
struct slot_ref {
	bool is_tag;
	uint16_t slot;
	const struct value_type *type; /* of a variable NULL: it takes any */
};
bool flow_compile_slot(struct flow_compiler *c, json_t *json, const char *pointer, struct slot_ref *out);
/* set_tag and set_variable: config's "assignments", each with a slot_ref and a "value". */
#define FLOW_ASSIGNMENTS_MAX 20
void *flow_compile_assignments(struct flow_compiler *c, json_t *config);
/* dial and rtb: how somebody is called, whoever it is. */
struct dial_config {
	struct flow_dial dial;
	struct prompt_config whisper;
	const struct template *caller_id;
};
void flow_compile_dial(struct flow_compiler *c, json_t *config, struct dial_config *out);
#define DIAL_OPTIONS(next) \
	{"max_duration_seconds", FIELD_INTEGER, .min = 0, .max = 86400, .initial = "14400", .help = "Longest conversation; 0 for no limit."}, \
	{"whisper", FIELD_OBJECT, .fields = prompt_fields, \
	 .help = "Played to the person who answers before the caller is connected. The caller " \
		 "hears ringing."}, \
	{"accept_key", FIELD_ENUM, .choices = prompt_keys, \
	 .help = "The person answering must press this key within 10 s after the whisper; " \
		 "otherwise the next " next \
		 " is tried. Keeps calls from ending on an answering machine."}, \
	{"record", FIELD_BOOLEAN, .initial = "false", \
	 .help = "Record the conversation, caller and target in one channel each."}, \
	{"caller_id", FIELD_TEMPLATE, .max = 64, .title = "Caller ID shown", \
	 .help = "Shown to the target. Empty: the caller's own number."}
/* NULL: no memory. */
const struct flow_tags *flow_compile_tags(struct flow_compiler *c);
/* The first character of a key that is chosen; '\0' for none. */
char flow_config_key(json_t *config, const char *key);
const char *flow_config_string(struct flow_compiler *c, json_t *config, const char *key);


/* ---- for enter() and input() ---- */

struct flow_run {
	struct flow_state *state;
	const struct flow_node *node;
	struct flow_effects *out;
	int64_t now_ms;
	const char *detail; /* said in the trace of this step */
	bool changes_call;  /* the effect changes call fields: it is performed before the next node reads them */
};

/* Go on in another flow; enter() then returns MOVE_PUSHED. false: too deep, or no memory. */
bool flow_push(struct flow_run *run, const struct flow *callee) WARN_UNUSED;
struct flow_effect *flow_effect(struct flow_run *run, enum flow_effect_kind kind);
/* Text for one call, in the arena or the flow itself. */
const char *flow_render(struct flow_run *run, const struct template *t, size_t *len);
/* A copy of the text for as long as the call. NULL: its texts have become too long. */
const char *flow_keep(struct flow_run *run, const char *text, size_t len);
struct flow_prompt flow_render_prompt(struct flow_run *run, const struct prompt_config *p);
/* A value that does not fit the tag's type is refused, and the trace says so. */
void flow_set(struct flow_run *run, struct slot_ref to, struct value value);
/* The same, without a word in the trace. false: the tag's type does not take it, and why. */
bool flow_try_set(struct flow_run *run, struct slot_ref to, struct value value,
		  struct error *why);
/* 64 bits that depend on every bit of both texts. */
uint64_t flow_spread(const char *a, const char *b);
int flow_enter_assignments(struct flow_run *run, const void *config);
/* The call of cfg->dial's, with what is rendered for this one. The effect, to be added to. */
struct flow_dial *flow_enter_dial(struct flow_run *run, const struct dial_config *cfg);
const char *flow_detail(struct flow_run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- the types: one file each in nodes/, one line each in meson.build ---- */

extern const struct flow_node_type *const flow_node_types[];
const struct flow_node_type *flow_node_type_find(const char *type);

#endif
