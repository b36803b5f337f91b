#include "script/flow.h"
#include "base/clock.h"
#include <time.h>

static int64_t thread_cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

void script_budget_begin(struct script_budget *b, struct script_pool *pool,
		const char *organization_id)
{
	*b = (struct script_budget){
		.pool = pool,
		.organization_id = organization_id,
		.cpu_from_us = thread_cpu_us(),
		.until_ms = clock_monotonic_ms() + SCRIPT_BUDGET_WALL_MS,
	};
}

const char *script_budget_spent(void *budget)
{
	const struct script_budget *b = budget;
	if (b->one_more)
		return "200 scripts were run, and a simulation runs no more";
	if (thread_cpu_us() - b->cpu_from_us + b->scripts_us >= SCRIPT_BUDGET_CPU_MS * INT64_C(1000))
		return "2 seconds of computing time are used up";
	if (clock_monotonic_ms() >= b->until_ms)
		return "it took longer than 20 seconds, because the server is busy";
	return NULL;
}

static bool check(void *arg, const char *code, struct error *why)
{
	struct script_budget *b = arg;
	const char *spent = script_budget_spent(b);
	if (script_pool_is_checked(b->pool, code))
		return true;
	if (spent)
		return error_set(why, "the flow's scripts take too long to check: %s; check again, and it "
				 "goes on with those that are left", spent);
	return script_pool_check(b->pool, b->organization_id, code, &b->scripts_us, why);
}

static void run(void *arg, const struct flow_script *script, int64_t now_ms, struct arena *arena,
		struct flow_input *input)
{
	struct script_budget *b = arg;
	b->one_more = b->scripts == SCRIPT_BUDGET_SCRIPTS;
	const char *spent = script_budget_spent(b);
	*input = (struct flow_input){.kind = FLOW_INPUT_SCRIPT};
	input->u.script.error = spent ? spent : "too many scripts wait";
	if (spent)
		return;
	b->scripts++;
	struct script_answer *a = script_pool_wait(b->pool, &(struct script_request){
		.organization_id = b->organization_id,
		.code = script->code,
		.arguments = script->arguments,
		.now_ms = now_ms,
		.seed = script->seed,
		.timeout_ms = script->timeout_ms,
	});
	if (!a)
		return;
	b->scripts_us += a->used_us;
	input->u.script.result = arena_strdup(arena, a->result);
	input->u.script.log = arena_strdup(arena, a->log);
	input->u.script.error = arena_strdup(arena, a->error);
	input->u.script.ok = a->ok && input->u.script.result;
	script_answer_free(a);
}

struct flow_scripts script_flow_scripts(struct script_budget *budget)
{
	return (struct flow_scripts){check, run, budget};
}
