/* What a process can no longer do in the sandbox, tried with system calls: a script that broke the engine could. */
#include "test.h"
#include "script/protocol.h"
#include "script/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct sock_fprog program;

/* How the process ends that tries, with so much CPU. */
static int in_sandbox(void (*try)(void), int cpu_ms)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		int quiet = open("/dev/null", O_RDWR);
		dup2(quiet, SCRIPT_CONTROL_FD);
		if (!sandbox_limit(cpu_ms, 64) || !sandbox_enter(&program, cpu_ms, 3000))
			_exit(99);
		try();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void is_killed(void (*try)(void), int signal_number)
{
	int status = in_sandbox(try, 50);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(signal_number, WTERMSIG(status));
}

static void goes_well(void (*try)(void))
{
	int status = in_sandbox(try, 2000); /* not the limit under test: a slow machine fills 64 MB in more than 50 ms */
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

static void try_socket(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
}

static void try_fork(void)
{
	fork();
}

static void try_exec(void)
{
	execl("/bin/true", "true", (char *)NULL);
}

static void try_kill(void)
{
	kill(getppid(), SIGUSR1);
}

static void try_ptrace(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void try_other_write(void)
{
	syscall(SYS_pwrite64, 1, "x", 1, 0);
}

static void try_read(void)
{
	char c;
	(void)!read(SCRIPT_CONTROL_FD, &c, 1);
}

static void try_timer_off(void)
{
	struct itimerval none = {0};
	setitimer(ITIMER_PROF, &none, NULL);
}

static void try_more_memory_limit(void)
{
	syscall(SYS_prlimit64, 0, 9, NULL, NULL);
}

static void try_io_uring(void)
{
	syscall(425, 1, NULL);
}

static void try_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void try_make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static void try_spin(void)
{
	for (volatile int i = 0;; i++)
		;
}

static void try_sleep(void)
{
	nanosleep(&(struct timespec){10, 0}, NULL);
}

static void open_is_refused(void)
{
	if (write(1, "x", 1) >= 0 || errno != EBADF || open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES || access("/", R_OK) == 0)
		_exit(1);
}

static void memory_ends(void)
{
	size_t got = 0;
	while (malloc(1 << 20) && got < 200)
		got++;
	if (got < 32 || got > 64)
		_exit(1);
}

static void answer_is_written(void)
{
	char c = 'x';
	if (write(SCRIPT_CONTROL_FD, &c, 1) != 1 || !malloc(1 << 20))
		_exit(1);
}

static void test_killed(void **state)
{
	(void)state;
	void (*const forbidden[])(void) = {try_socket, try_fork, try_exec, try_kill, try_ptrace, try_other_write, try_read, try_timer_off, try_more_memory_limit, try_io_uring, try_code, try_make_code, try_sleep};
	for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
		is_killed(forbidden[i], SIGSYS);
}

static void test_limits(void **state)
{
	(void)state;
	is_killed(try_spin, SIGPROF);
	goes_well(memory_ends);
}

static void test_allowed(void **state)
{
	(void)state;
	goes_well(open_is_refused);
	goes_well(answer_is_written);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed), cmocka_unit_test(test_limits), cmocka_unit_test(test_allowed)};
	if (!sandbox_prepare(&program))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
