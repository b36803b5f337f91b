/*
 * script/script.h: scripts of call flows, run where they can do no harm. Each runs once, in a
 * process of its own that strowger-script-worker has made ready, without network, files, threads or a
 * clock, with 50 ms of CPU and 64 MB; then the process ends. See docs/decisions/0006.
 */
#ifndef SCRIPT_SCRIPT_H
#define SCRIPT_SCRIPT_H

#include "base/mailbox.h"
#include <stdint.h>

#define SCRIPT_CODE_MAX 65536
#define SCRIPT_ARGUMENTS_MAX (256 * 1024)
#define SCRIPT_RESULT_MAX 65536
#define SCRIPT_LOG_MAX 8192
#define SCRIPT_CPU_MS 50
#define SCRIPT_MEMORY_MB 64

struct script_pool;

/* worker: the program strowger-script-worker; NULL: the one beside this program. It is started when the first
 * script is asked for. NULL when memory or descriptors ran out. */
struct script_pool *script_pool_create(const char *worker, struct error *err) WARN_UNUSED;
/* End the thread and the worker; what waits is answered. Nobody asks any more. */
void script_pool_free(struct script_pool *pool);

/* What a script is given. Texts are copied. */
struct script_request {
	const char *organization_id; /* organizations take turns; NULL: of none */
	const char *code;      /* the body of a function of call, tags, vars, number and time */
	const char *arguments; /* JSON object of those five; NULL: the code is only compiled */
	int64_t now_ms;        /* the only time it sees */
	uint64_t seed;         /* of Math.random() */
	int timeout_ms;        /* longest wait, for a worker and for the script */
};

/* free() the texts and itself. */
struct script_answer {
	struct mail mail;
	uint64_t owner;
	unsigned number;
	bool ok;
	bool no_worker; /* it never ran, and that is not the script's fault */
	char *result; /* JSON object; NULL unless ok */
	char *log;    /* what it wrote to the console, by lines; NULL: nothing */
	char *error;  /* NULL if ok: what went wrong, with line and column */
	/* CPU that it used, at most SCRIPT_CPU_MS; of a script that was stopped, no less than it used */
	int64_t used_us;
};
void script_answer_free(struct script_answer *answer);

/* The answer goes to reply. 0: too many wait already, of this organization or of all. Any thread. */
unsigned script_pool_run(struct script_pool *pool, const struct script_request *request, struct mailbox *reply, uint64_t owner);
/* The same, and wait for it. NULL: too many wait, or no memory. Not for call loops. */
struct script_answer *script_pool_wait(struct script_pool *pool, const struct script_request *request);
/*
 * Can the code be run? false: err has line, column and what is wrong. True also when no worker could
 * tell. Adds the time it took to *used_us, which may be NULL.
 */
bool script_pool_check(struct script_pool *pool, const char *organization_id,
		       const char *code, int64_t *used_us, struct error *err) WARN_UNUSED;
/* Is the code known to compile, so that checking it takes no time? */
bool script_pool_is_checked(struct script_pool *pool, const char *code);

#endif
