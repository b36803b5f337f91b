/*
 * call/policy.h: where calls may go besides the organization's targets. What a call costs is somebody's money: who gets
 * into a flow, or into a target's telephone system, is not to spend it. One for a call loop, on its thread.
 */
#ifndef CALL_POLICY_H
#define CALL_POLICY_H

#include "config/config.h"

struct policies; /* which counts the calls that are on by it */

struct policies *policies_create(void) WARN_UNUSED;
void policies_destroy(struct policies *p);

/* May this number, E.164, be called? NULL, or why not. */
const char *policy_forbids_number(const struct organization *o, const char *e164);
/* May this address? NULL, or why not. */
const char *policy_forbids_uri(const struct organization *o);

/* One more call by the policy; false: as many as may be are on. Each that is true is followed by a leave. */
bool policy_enter(struct policies *p, const struct organization *o) WARN_UNUSED;
void policy_leave(struct policies *p, const char *organization_id);

#endif
