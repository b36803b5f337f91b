#include "script/flow.h"

static bool check(void *arg, const char *code, struct error *why)
{
	return script_pool_check(arg, code, why);
}

static void run(void *arg, const struct flow_script *script, int64_t now_ms, struct arena *arena, struct flow_input *input)
{
	struct script_answer *a = script_pool_wait(arg, &(struct script_request){script->code, script->arguments, now_ms, script->seed, script->timeout_ms});
	*input = (struct flow_input){.kind = FLOW_INPUT_SCRIPT, .u.script.error = "too many scripts wait"};
	if (a) {
		input->u.script.result = arena_strdup(arena, a->result);
		input->u.script.log = arena_strdup(arena, a->log);
		input->u.script.error = arena_strdup(arena, a->error);
		input->u.script.ok = a->ok && input->u.script.result;
	}
	script_answer_free(a);
}

struct flow_scripts script_flow_scripts(struct script_pool *pool)
{
	return (struct flow_scripts){check, run, pool};
}
