/*
 * flow/simulate.h: run a flow without a phone: with made-up answers (simulation), or with
 * those that a past call got (replay). The same engine as on calls. Pure.
 */
#ifndef FLOW_SIMULATE_H
#define FLOW_SIMULATE_H

#include "flow/flow.h"
#include "model/schema.h"

#define SIMULATE_STEPS_TOLD 2000 /* later ones are run, and counted, but not told */

struct flow_tag {
	const char *name;
	const struct value_type *type;
	bool sensitive;
};

/* What the flow meets besides its answers. */
struct flow_world {
	const struct flow *flow;
	size_t tag_count;
	struct flow_tag (*tag)(void *arg, size_t slot);
	void *arg;
	const struct flow *(*find)(void *arg, const char *id); /* flows to be run within it; NULL: none */
	const struct value *call; /* CALL_FIELD_COUNT to begin with; NULL: none. The caller's are filled in here */
	const struct flow_scripts *scripts; /* run those that no answer is given for; NULL: they fail */
	/*
	 * Asked before each step: why nothing more may be run, in words, or NULL. The run then ends with
	 * "budget". The function itself NULL: the run has no budget but the 10,000 steps of a call.
	 */
	const char *(*spent)(void *budget);
	void *budget;
};

/* What POST …/simulate takes. */
extern const struct field flow_simulate_fields[];

/*
 * Run the flow to its end.
 *
 * script   has passed flow_simulate_fields. Answers are taken in their order; when there are no
 *          more, the caller presses nothing, HTTP requests fail, dials are answered for a minute, and
 *          scripts are really run
 *
 * Returns {"ended","steps_taken","truncated","steps":[{node, type, port, at, entered_at, detail,
 * inputs[], effects[], before{tags,variables}, after{…}}]}; NULL without memory. New reference.
 * Where the budget ended the run, also "ended_at", the node that was not left any more, and
 * "ended_why".
 */
json_t *flow_simulate(const struct flow_world *world, json_t *script) WARN_UNUSED;

/*
 * Run the flow with what a call met.
 *
 * call    {"id","caller_id","number","started_at","answered_at"}
 * trace   its trace's entries: inputs, and the steps they are compared with
 *
 * Returns what flow_simulate() does, with "same": true when every step was the same, or
 * "parts":{"step", "recorded":{node,port}|null, "now":{node,port}|null, "why"}.
 * New reference; NULL without memory.
 */
json_t *flow_replay(const struct flow_world *world, json_t *call, json_t *trace) WARN_UNUSED;

#endif
