/* Asking the gateways of trunks whether they are there, and registering at them. */
#include "call/internal.h"
#include "base/log.h"
#include "base/public.h"
#include <stdlib.h>
#include <string.h>

#define CHECK_EVERY_MS 500
#define REGISTER_SECONDS 3600

struct asked {
	struct call_loop *loop;
	struct trunk_task task;
};

void gateways_answered(struct call_loop *loop, const char *trunk_id, const char *uri, int status,
		       int latency_ms, const char *problem)
{
	struct trunks *trunks = loop->config.trunks;
	int64_t now = clock_monotonic_ms();
	bool changed = trunk_gateway_answered(trunks, trunk_id, uri, status, latency_ms, now);
	bool new_problem = trunk_gateway_problem(trunks, trunk_id, uri, problem);
	if (new_problem)
		log_warn(NULL, "trunk %s: the gateway %s is not reached: %s", trunk_id, uri, problem);
	else if (changed)
		log_warn(NULL, "trunk %s: the gateway %s %s (%d)", trunk_id, uri, trunk_is_down(status) ? "does not answer any more" : "answers", status);
}

static void on_answer(void *arg, const struct sip_answer *answer)
{
	struct asked *a = arg;
	if (!a->task.registers) {
		gateways_answered(a->loop, a->task.trunk_id, a->task.uri, answer->status,
				  answer->latency_ms, answer->problem);
	} else {
		(void)trunk_gateway_problem(a->loop->config.trunks, a->task.trunk_id, a->task.uri,
					    answer->problem);
		trunk_gateway_registered(a->loop->config.trunks, a->task.trunk_id, a->task.uri, answer->status, clock_monotonic_ms() + answer->expires * INT64_C(1000));
		if (answer->status < 200 || answer->status > 299)
			log_warn(NULL, "trunk %s: not registered at %s (%d)%s%s", a->task.trunk_id,
				 a->task.uri, answer->status, answer->problem ? ": " : "",
				 answer->problem ? answer->problem : "");
	}
	free(a);
}

static void ask(struct call_loop *loop, const struct trunk_task *task, int expires)
{
	struct asked *a = malloc(sizeof *a);
	if (!a)
		return;
	*a = (struct asked){loop, *task};
	struct sip_question q = {.uri = task->uri, .username = *task->username ? task->username : NULL, .password = *task->password ? task->password : NULL,
				 .contact_user = task->registers ? task->line : NULL, .expires = expires};
	bool refused = sip_agent_refuses(loop->agent, task->uri);
	if (!sip_ask(loop->agent, &q, on_answer, a))
		on_answer(a, &(struct sip_answer){.problem = refused ? ADDRESS_IS_PRIVATE : NULL});
}

void gateways_check(struct call_loop *loop)
{
	int64_t now = clock_monotonic_ms();
	if (now < loop->gateways_at_ms || loop->draining)
		return;
	loop->gateways_at_ms = now + CHECK_EVERY_MS;
	struct trunk_task *tasks = trunks_due(loop->config.trunks, loop->config.config, now, false);
	for (const struct trunk_task *t = tasks; t && *t->trunk_id; t++)
		ask(loop, t, REGISTER_SECONDS);
	free(tasks);
}

void gateways_leave(struct call_loop *loop)
{
	struct trunk_task *tasks = trunks_due(loop->config.trunks, loop->config.config, clock_monotonic_ms(), true);
	for (const struct trunk_task *t = tasks; t && *t->trunk_id; t++)
		ask(loop, t, 0);
	free(tasks);
}
