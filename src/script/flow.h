/* script/flow.h: the pool as call flows are given it. */
#ifndef SCRIPT_FLOW_H
#define SCRIPT_FLOW_H

#include "flow/flow.h"
#include "script/script.h"

/* For compiling and for simulations; not for call loops, because both functions wait. Valid while the pool is. */
struct flow_scripts script_flow_scripts(struct script_pool *pool);

#endif
