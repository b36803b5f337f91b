/*
 * script/protocol.h: what the server and strowger-script-worker say to each other.
 *
 * The control socket (SOCK_SEQPACKET) brings a script_notice for every process that is made ready
 * (with its own socket as SCM_RIGHTS) or has ended. That socket (SOCK_STREAM) takes one script_job and its
 * texts, and brings one script_reply and its texts.
 */
#ifndef SCRIPT_PROTOCOL_H
#define SCRIPT_PROTOCOL_H

#include "script/script.h"
#include <sys/types.h>

#define SCRIPT_CONTROL_FD 3 /* of the worker; in the processes it makes, their own socket */

struct script_notice {
	pid_t pid;
	int32_t ended;      /* else it is ready */
	int32_t status;     /* as waitpid() tells */
	int64_t peak_bytes; /* most memory it had */
};

struct script_job {
	uint32_t code_len, arguments_len; /* then the texts, without NUL */
	uint32_t only_compile;
	uint32_t timeout_ms;
	int64_t now_ms;
	uint64_t seed;
};

struct script_reply {
	uint32_t ok;
	uint32_t text_len, log_len; /* then the texts: the result or the error, and the log */
	int64_t cpu_us;             /* that the script used */
};

#endif
