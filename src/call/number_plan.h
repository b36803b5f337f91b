/*
 * call/number_plan.h: whom the registered phone of a target means by what it dials, or transfers a
 * call to: a target by its short number or its phone's user name, a number of the organization, or
 * a telephone number over a trunk.
 */
#ifndef CALL_NUMBER_PLAN_H
#define CALL_NUMBER_PLAN_H

#include "config/config.h"

enum plan_kind { PLAN_REFUSED, PLAN_TARGET, PLAN_OWN_NUMBER, PLAN_NUMBER };

struct number_plan {
	enum plan_kind kind;
	int status;      /* PLAN_REFUSED: the SIP status, and */
	const char *why; /* the reason, for people */
	const struct route_target *target; /* PLAN_TARGET: of the organization */
	char e164[PHONE_SIZE];             /* PLAN_OWN_NUMBER, PLAN_NUMBER */
	const struct config_trunk *trunk;  /* PLAN_NUMBER: of the organization */
};

/* by: whose phone it is. dialled: "23", "desk", "5125550100", "+15125550100". */
struct number_plan number_plan_read(struct config_store *config, const struct organization *o,
				    const struct route_target *by, const char *dialled);

#endif
