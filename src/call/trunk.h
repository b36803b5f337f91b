/*
 * call/trunk.h: what each trunk is doing now: its calls and their rate against its limits, and
 * which of its gateways answer. It outlives the configuration's snapshots: a trunk is found by
 * its id. Any thread may call these; times are monotonic milliseconds unless said otherwise.
 */
#ifndef CALL_TRUNK_H
#define CALL_TRUNK_H

#include "config/config.h"

struct trunks;

struct trunks *trunks_create(void); /* NULL: no memory */
void trunks_destroy(struct trunks *t);

/* ---- limits ---- */

enum trunk_direction { TRUNK_IN, TRUNK_OUT };

#define TRUNK_FULL (-1)
/*
 * 0: the call may begin, and counts until trunk_leave(). TRUNK_FULL: as many calls are on as
 * may be. Else nothing was counted, and the rate lets the next one begin in so many milliseconds.
 */
int64_t trunk_enter(struct trunks *t, const struct config_trunk *trunk, enum trunk_direction direction, int64_t now);
void trunk_leave(struct trunks *t, const char *trunk_id, enum trunk_direction direction);
/* A call was refused, or sent elsewhere, because of a limit. */
void trunk_refused(struct trunks *t, const char *trunk_id, enum trunk_direction direction);

/* ---- gateways ---- */

/*
 * Which gateway to try first, second …: those that answer before those that do not, then by
 * priority, and those of one priority in turn. order: indexes into trunk->gateways, gateway_count of them.
 */
void trunk_order(struct trunks *t, const struct config_trunk *trunk, uint8_t order[TRUNK_GATEWAYS_MAX], int64_t now);
/* Does a gateway that answers so take no calls? 0: it did not answer. */
bool trunk_is_down(int sip_status);
/* What became of a call or an OPTIONS there; status 0 or 408: no answer. latency_ms < 0: not measured.
 * Returns whether it is up or down other than before. */
bool trunk_gateway_answered(struct trunks *t, const char *trunk_id, const char *uri, int status, int latency_ms, int64_t now);
void trunk_gateway_registered(struct trunks *t, const char *trunk_id, const char *uri, int status, int64_t until);

#define TRUNK_PROBLEM_SIZE 400

/*
 * Why nothing was heard of the gateway, such as what is wrong with its certificate; cut where it
 * is long. NULL: it answered, or why it does not is not known. Returns whether the problem is new.
 */
bool trunk_gateway_problem(struct trunks *t, const char *trunk_id, const char *uri,
			   const char *problem);

/* ---- what is to be asked of gateways ---- */

/* Copies: they outlive the configuration they were taken from. */
struct trunk_task {
	bool registers; /* REGISTER; otherwise OPTIONS */
	char trunk_id[40], uri[256], username[104], password[208], line[40];
};
/*
 * What is due now; trunks that are no longer configured are forgotten. Each is told once: the next
 * time is as long after it as the trunk says, for a registration as its answer says. all: every
 * registration that stands, due or not. The list ends with an empty trunk_id; free() it. NULL: nothing.
 */
struct trunk_task *trunks_due(struct trunks *t, struct config_store *config, int64_t now, bool all) WARN_UNUSED;

/* ---- to be shown ---- */

enum gateway_state { GATEWAY_UNKNOWN, GATEWAY_UP, GATEWAY_DOWN };
extern const char *const gateway_states[];

struct trunk_status {
	size_t calls[2]; /* by direction */
	uint64_t refused[2];
	size_t gateway_count;
	struct {
		char uri[256];
		enum gateway_state state;
		int sip_status, latency_ms;      /* 0, -1: not known */
		int registration_status;         /* 0: none was answered yet */
		char problem[TRUNK_PROBLEM_SIZE]; /* "": none is known */
		int64_t checked_ms, registered_until_ms; /* wall clock; 0: never, not registered */
	} gateways[TRUNK_GATEWAYS_MAX];
};
/* All 0 when nothing is known of it. */
void trunk_status(struct trunks *t, const char *trunk_id, struct trunk_status *out);

#endif
