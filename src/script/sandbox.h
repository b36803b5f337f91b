/* script/sandbox.h: what a process may still do before it runs code that nobody has read. Linux only. */
#ifndef SCRIPT_SANDBOX_H
#define SCRIPT_SANDBOX_H

#include "base/result.h"
#include <linux/filter.h>

/*
 * Make the filter of system calls: memory, the clock that no script can read, writing to SCRIPT_CONTROL_FD,
 * ending. Opening files and writing elsewhere is refused with an error, because libraries try and go on without;
 * all else kills.
 * The program's instructions are the caller's to keep.
 */
bool sandbox_prepare(struct sock_fprog *program) WARN_UNUSED;

/* From here on: memory_mb more memory than now, no new files, no core dump, and no more than a second or so of CPU,
 * whatever else fails. */
bool sandbox_limit(int cpu_ms, int memory_mb) WARN_UNUSED;

/* After that: cpu_ms of CPU, which ends the process with SIGPROF, wall_ms of time, with SIGALRM, and the filter. */
bool sandbox_enter(const struct sock_fprog *program, int cpu_ms, int wall_ms) WARN_UNUSED;

#endif
