#include "script/sandbox.h"
#include "script/protocol.h"
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static bool add_rules(scmp_filter_ctx ctx)
{
	static const int allowed[] = {
		SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(madvise), SCMP_SYS(mremap), SCMP_SYS(futex), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
		SCMP_SYS(getrandom), SCMP_SYS(sched_yield), SCMP_SYS(getrusage), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
		SCMP_SYS(exit), SCMP_SYS(exit_group),
	};
	/* abort() tries to signal itself, and ends the process all the same when it may not; engines complain before it */
	static const int refused[] = {
		SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(stat), SCMP_SYS(newfstatat), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
		SCMP_SYS(pread64), SCMP_SYS(fstat), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(sysinfo), SCMP_SYS(tgkill), SCMP_SYS(rt_sigaction), SCMP_SYS(prctl), SCMP_SYS(sched_getaffinity),
	};
	bool ok = true;
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		ok = ok && seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0) == 0;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		ok = ok && seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), refused[i], 0) == 0;
	/* memory, but none that code could be put into */
	return ok && seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0), SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS)) == 0 &&
	       seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0 &&
	       seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, SCRIPT_CONTROL_FD)) == 0 &&
	       seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EBADF), SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_NE, SCRIPT_CONTROL_FD)) == 0;
}

bool sandbox_prepare(struct sock_fprog *program)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int fd = memfd_create("filter", MFD_CLOEXEC);
	struct stat st;
	bool ok = ctx && fd >= 0 && add_rules(ctx) && seccomp_export_bpf(ctx, fd) == 0 && fstat(fd, &st) == 0 && st.st_size > 0;
	program->filter = ok ? malloc((size_t)st.st_size) : NULL;
	program->len = ok ? (unsigned short)((size_t)st.st_size / sizeof *program->filter) : 0;
	ok = ok && program->filter && pread(fd, program->filter, (size_t)st.st_size, 0) == st.st_size;
	if (fd >= 0)
		close(fd);
	if (ctx)
		seccomp_release(ctx);
	return ok;
}

/* Address space in use, in bytes: engines reserve far more of it than they have memory. */
static long long address_space(void)
{
	long long pages = -1;
	FILE *f = fopen("/proc/self/statm", "re");
	if (f) {
		if (fscanf(f, "%lld", &pages) != 1)
			pages = -1;
		fclose(f);
	}
	return pages < 0 ? -1 : pages * sysconf(_SC_PAGESIZE);
}

static bool limit(__rlimit_resource_t resource, unsigned long long most)
{
	struct rlimit r = {most, most};
	return setrlimit(resource, &r) == 0;
}

bool sandbox_limit(int cpu_ms, int memory_mb)
{
	long long now = address_space();
	return now > 0 && limit(RLIMIT_AS, (unsigned long long)now + ((unsigned long long)memory_mb << 20)) && limit(RLIMIT_NOFILE, 0) && limit(RLIMIT_FSIZE, 0) &&
	       limit(RLIMIT_CORE, 0) && limit(RLIMIT_CPU, 2 + (unsigned long long)cpu_ms / 1000) && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

bool sandbox_enter(const struct sock_fprog *program, int cpu_ms, int wall_ms)
{
	struct itimerval cpu = {.it_value = {cpu_ms / 1000, cpu_ms % 1000 * 1000}}, wall = {.it_value = {wall_ms / 1000, wall_ms % 1000 * 1000}};
	return setitimer(ITIMER_REAL, &wall, NULL) == 0 && setitimer(ITIMER_PROF, &cpu, NULL) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) == 0;
}
