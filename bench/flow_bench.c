/* Flow steps per second on one core: a loop of condition and set_tag nodes, cut by the
 * step limit, and what the flow allocates from the call's arena meanwhile. */
#include "base/clock.h"
#include "flow/flow.h"
#include <stdio.h>
#include <stdlib.h>

#define NODES 900
#define ROUNDS 4000

static int find_tag(void *arg, const char *name, size_t len)
{
	(void)arg, (void)name, (void)len;
	return 0;
}

static json_t *document(void)
{
	json_t *nodes = json_array(), *edges = json_array();
	json_array_append_new(nodes, json_pack("{s:s, s:s}", "id", "n0", "type", "start"));
	for (int i = 1; i < NODES; i++) {
		char id[16], from[16];
		snprintf(id, sizeof id, "n%d", i);
		snprintf(from, sizeof from, "n%d", i - 1);
		json_t *config = i % 2 ? json_pack("{s:[{s:s, s:{s:[{s:s, s:s, s:s}]}}]}", "branches", "port", "next", "filter", "rules", "field", "tag.state", "op", "not_equals", "value", "OK") :
					 json_pack("{s:[{s:s, s:s}]}", "assignments", "tag", "state", "value", "TX");
		json_array_append_new(nodes, json_pack("{s:s, s:s, s:o}", "id", id, "type", i % 2 ? "condition" : "set_tag", "config", config));
		json_array_append_new(edges, json_pack("{s:s, s:s, s:s}", "from", from, "port", "next", "to", id));
	}
	return json_pack("{s:o, s:o}", "nodes", nodes, "edges", edges);
}

int main(void)
{
	struct flow_context context = {.tag = find_tag, .tag_count = 1};
	json_t *doc = document();
	int64_t began = clock_monotonic_us();
	struct flow *flow = flow_compile(doc, &context, NULL);
	printf("flow_compile_ms %.2f\n", (double)(clock_monotonic_us() - began) / 1000);
	if (!flow)
		return 1;
	size_t steps = 0, bytes = 0, state_bytes = 0;
	began = clock_monotonic_us();
	for (int i = 0; i < ROUNDS; i++) {
		struct value tags[1] = {{0}}, call[CALL_FIELD_COUNT] = {{0}};
		struct expr_env env = {.tags = tags, .tag_count = 1, .call = call};
		struct arena arena = {0};
		struct flow_state state;
		static struct flow_effects out;
		if (!flow_state_init(&state, flow, &arena, &env, tags))
			return 1;
		size_t before = arena.total;
		state_bytes = sizeof state + (flow_variable_count(flow) + 1) * sizeof(struct value); /* what is taken of the arena */
		enum flow_result r = flow_step(&state, &(struct flow_input){.kind = FLOW_INPUT_START}, 1, &out);
		while (r == FLOW_MORE)
			r = flow_step(&state, &(struct flow_input){.kind = FLOW_INPUT_CONTINUE}, 1, &out);
		steps += state.steps;
		bytes += arena.total - before;
		arena_free(&arena);
	}
	printf("flow_steps_per_second %.0f\n", (double)steps * 1e6 / (double)(clock_monotonic_us() - began));
	printf("flow_bytes_allocated %zu\n", bytes);
	printf("flow_bytes_a_call %zu\n", state_bytes);
	flow_free(flow);
	json_decref(doc);
	return 0;
}
