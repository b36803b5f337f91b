/* script/flow.h: the pool as call flows are given it. */
#ifndef SCRIPT_FLOW_H
#define SCRIPT_FLOW_H

#include "flow/flow.h"
#include "script/script.h"

#define SCRIPT_BUDGET_SCRIPTS 200 /* scripts that one simulation runs */
#define SCRIPT_BUDGET_CPU_MS 2000 /* CPU of one simulation, or of one check: its own and its scripts' */
#define SCRIPT_BUDGET_WALL_MS 20000 /* longest that either takes, waits for a free process included */

/*
 * What one request may have run: a simulation, a check, a publication. Time counts from
 * script_budget_begin(), on the thread that called it.
 */
struct script_budget {
	struct script_pool *pool;
	const char *organization_id; /* whose turn it is in the pool; NULL: nobody's */
	int scripts;         /* run so far */
	bool one_more;       /* another was to be run than it may have */
	int64_t scripts_us;  /* CPU that scripts used: see struct script_answer */
	int64_t cpu_from_us; /* of the thread, when it began */
	int64_t until_ms;    /* monotonic */
};
void script_budget_begin(struct script_budget *budget, struct script_pool *pool,
			 const char *organization_id);
/* What is spent, in words; NULL: there is something left. struct script_budget, as flow_world has it. */
const char *script_budget_spent(void *budget);

/*
 * For compiling and for simulations; not for call loops, because both functions wait. Scripts that the
 * budget has no room for are not run, and are not accepted by a check. Valid while the budget is.
 */
struct flow_scripts script_flow_scripts(struct script_budget *budget);

#endif
