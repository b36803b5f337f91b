/*
 * strowger-script-worker: makes processes ready that each run one script of a call flow. It is started by
 * the server, which is at the other end of SCRIPT_CONTROL_FD, and ends with it.
 *
 * The engine is brought up once, without threads, and every process is a fork of that: it begins with
 * the same fresh memory, and nothing that a script does outlives it.
 */
#include "script/protocol.h"
#include "script/sandbox.h"
#include <JavaScriptCore/JavaScript.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- the time and the chance that a script sees ---- */

static int64_t script_now_ms = -1; /* -1: no script runs yet */
static uint64_t script_random;

/* The engine's calls come here, because a program's functions go before those of its libraries. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	if (script_now_ms < 0 || id != CLOCK_REALTIME)
		return (int)syscall(SYS_clock_gettime, id, ts);
	*ts = (struct timespec){script_now_ms / 1000, script_now_ms % 1000 * 1000000};
	return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ts.tv_sec, ts.tv_nsec / 1000};
	return 0;
}

/* splitmix64 */
static uint64_t next_random(void)
{
	uint64_t z = script_random += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static JSValueRef random_called(JSContextRef ctx, JSObjectRef function, JSObjectRef object, size_t n, const JSValueRef arguments[], JSValueRef *exception)
{
	(void)function, (void)object, (void)n, (void)arguments, (void)exception;
	return JSValueMakeNumber(ctx, (double)(next_random() >> 11) * 0x1p-53);
}

/* ---- texts ---- */

struct text {
	char *s;
	size_t len;
};

static struct text text_of(JSStringRef string)
{
	struct text t = {NULL, 0};
	size_t size = string ? JSStringGetMaximumUTF8CStringSize(string) : 0;
	if (size && (t.s = malloc(size)))
		t.len = JSStringGetUTF8CString(string, t.s, size) - 1;
	if (string)
		JSStringRelease(string);
	return t;
}

static struct text copy_of(const char *s)
{
	struct text t = {strdup(s), strlen(s)};
	return t.s ? t : (struct text){NULL, 0};
}

/* How much of the UTF-8 text fits into so many bytes. */
static size_t whole_characters(const char *s, size_t len, size_t most)
{
	if (len > most)
		for (len = most; len && ((unsigned char)s[len] & 0xc0) == 0x80; len--)
			;
	return len;
}

static JSValueRef member(JSContextRef ctx, JSObjectRef object, const char *name)
{
	JSStringRef key = JSStringCreateWithUTF8CString(name);
	JSValueRef value = JSObjectGetProperty(ctx, object, key, NULL);
	JSStringRelease(key);
	return value ? value : JSValueMakeUndefined(ctx);
}

static void set_member(JSContextRef ctx, JSObjectRef object, const char *name, JSValueRef value)
{
	JSStringRef key = JSStringCreateWithUTF8CString(name);
	JSObjectSetProperty(ctx, object, key, value, kJSPropertyAttributeNone, NULL);
	JSStringRelease(key);
}

static void delete_member(JSContextRef ctx, JSObjectRef object, const char *name)
{
	JSStringRef key = JSStringCreateWithUTF8CString(name);
	JSObjectDeleteProperty(ctx, object, key, NULL);
	JSStringRelease(key);
}

static void set_function(JSContextRef ctx, JSObjectRef object, const char *name, JSObjectCallAsFunctionCallback function)
{
	JSStringRef key = JSStringCreateWithUTF8CString(name);
	set_member(ctx, object, name, JSObjectMakeFunctionWithCallback(ctx, key, function));
	JSStringRelease(key);
}

/* ---- the console ---- */

static char console_text[SCRIPT_LOG_MAX];
static size_t console_len;

static void console_add(const char *s, size_t len)
{
	len = whole_characters(s, len, sizeof console_text - console_len);
	memcpy(console_text + console_len, s, len);
	console_len += len;
}

static JSValueRef console_called(JSContextRef ctx, JSObjectRef function, JSObjectRef object, size_t n, const JSValueRef arguments[], JSValueRef *exception)
{
	(void)function, (void)object, (void)exception;
	if (console_len)
		console_add("\n", 1);
	for (size_t i = 0; i < n; i++) {
		JSStringRef json = JSValueIsObject(ctx, arguments[i]) ? JSValueCreateJSONString(ctx, arguments[i], 0, NULL) : NULL;
		struct text t = text_of(json ? json : JSValueToStringCopy(ctx, arguments[i], NULL));
		if (i)
			console_add(" ", 1);
		if (t.s)
			console_add(t.s, t.len);
		free(t.s);
	}
	return JSValueMakeUndefined(ctx);
}

/* ---- the engine ---- */

static JSGlobalContextRef create_context(void)
{
	static const char *const absent[] = {"Atomics", "SharedArrayBuffer", "WebAssembly"}; /* what could wait, or tell time */
	static const char *const methods[] = {"log", "info", "warn", "error", "debug"};
	JSGlobalContextRef ctx = JSGlobalContextCreate(NULL);
	JSObjectRef global = JSContextGetGlobalObject(ctx), console = JSObjectMake(ctx, NULL, NULL);
	for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
		delete_member(ctx, global, absent[i]);
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		set_function(ctx, console, methods[i], console_called);
	set_member(ctx, global, "console", console);
	set_function(ctx, JSValueToObject(ctx, member(ctx, global, "Math"), NULL), "random", random_called);
	return ctx;
}

/* What a script is a function of. */
#define PARAMETERS 5
static const char *const names[PARAMETERS] = {"call", "tags", "vars", "number", "time"};

static JSObjectRef compile(JSContextRef ctx, const char *code, JSValueRef *exception)
{
	JSStringRef parameters[PARAMETERS], body = JSStringCreateWithUTF8CString(code);
	for (size_t i = 0; i < PARAMETERS; i++)
		parameters[i] = JSStringCreateWithUTF8CString(names[i]);
	JSObjectRef function = JSObjectMakeFunction(ctx, NULL, PARAMETERS, parameters, body, NULL, 1, exception);
	for (size_t i = 0; i < PARAMETERS; i++)
		JSStringRelease(parameters[i]);
	JSStringRelease(body);
	return function;
}

static JSValueRef call_function(JSContextRef ctx, JSObjectRef function, const char *arguments, JSValueRef *exception)
{
	JSStringRef json = JSStringCreateWithUTF8CString(arguments);
	JSValueRef given = JSValueMakeFromJSONString(ctx, json), values[PARAMETERS];
	JSStringRelease(json);
	JSObjectRef object = given && JSValueIsObject(ctx, given) ? JSValueToObject(ctx, given, NULL) : JSObjectMake(ctx, NULL, NULL);
	for (size_t i = 0; i < PARAMETERS; i++)
		values[i] = member(ctx, object, names[i]);
	return JSObjectCallAsFunction(ctx, function, NULL, PARAMETERS, values, exception);
}

#define WRAPPER_LINES 2 /* the engine puts the body below its function's first lines */

static double number_member(JSContextRef ctx, JSObjectRef object, const char *name)
{
	JSValueRef v = member(ctx, object, name);
	return JSValueIsNumber(ctx, v) ? JSValueToNumber(ctx, v, NULL) : 0;
}

/* "TypeError: x is not a function (line 3, column 7)" */
static struct text place_text(const char *what, int line, int column)
{
	struct text t = {NULL, 0};
	int n = line < 1 ? asprintf(&t.s, "%s", what) : column < 1 ? asprintf(&t.s, "%s (line %d)", what, line) : asprintf(&t.s, "%s (line %d, column %d)", what, line, column);
	t.len = n > 0 ? (size_t)n : 0;
	return n > 0 ? t : copy_of("out of memory");
}

/* The exception's text, at most 1000 bytes of it; to be freed. */
static char *exception_message(JSContextRef ctx, JSValueRef exception)
{
	struct text what = text_of(JSValueToStringCopy(ctx, exception, NULL));
	if (what.s)
		what.s[whole_characters(what.s, what.len, 1000)] = '\0';
	return what.s;
}

static struct text exception_text(JSContextRef ctx, JSValueRef exception)
{
	char *what = exception_message(ctx, exception);
	JSObjectRef object = JSValueIsObject(ctx, exception) ? JSValueToObject(ctx, exception, NULL) : NULL;
	double line = object ? number_member(ctx, object, "line") - WRAPPER_LINES : 0, column = object ? number_member(ctx, object, "column") : 0;
	struct text t = what ? place_text(what, line >= 1 && line < 1e6 ? (int)line : 0, column >= 1 && column < 1e6 ? (int)column : 0) : copy_of("something that is no text was thrown");
	free(what);
	return t;
}

/* Does the code fail with this message when it ends after so many bytes? */
static bool fails_within(JSContextRef ctx, const char *code, size_t len, const char *message)
{
	char *head = strndup(code, len);
	JSValueRef exception = NULL;
	if (head)
		(void)compile(ctx, head, &exception);
	free(head);
	char *what = exception ? exception_message(ctx, exception) : NULL;
	bool same = what && strcmp(what, message) == 0;
	free(what);
	return same;
}

/*
 * The engine tells a syntax error's line and what it did not expect, but no column. What it reads after the
 * wrong word changes nothing, so that is the first such word of the line up to which the error is the same.
 */
static int column_of(JSContextRef ctx, const char *code, const char *line, const char *message)
{
	size_t len = strcspn(line, "\n");
	const char *quoted = strchr(message, '\''), *end = quoted ? strchr(quoted + 1, '\'') : NULL;
	char word[100];
	if (!end || (size_t)(end - quoted) >= sizeof word)
		return 1 + (int)strspn(line, " \t");
	snprintf(word, sizeof word, "%.*s", (int)(end - quoted - 1), quoted + 1);
	size_t n = strlen(word);
	int column = 0;
	for (const char *at = line; n && (at = strstr(at, word)) && at + n <= line + len; at++)
		if ((column = 1 + (int)(at - line)) && fails_within(ctx, code, (size_t)(at + n - code), message))
			break;
	return column ? column : 1 + (int)strspn(line, " \t");
}

static struct text syntax_error_text(JSContextRef ctx, const char *code, JSValueRef exception)
{
	char *what = exception_message(ctx, exception);
	JSObjectRef object = JSValueIsObject(ctx, exception) ? JSValueToObject(ctx, exception, NULL) : NULL;
	int told = object ? (int)number_member(ctx, object, "line") - WRAPPER_LINES : 1, line = 1;
	const char *at = code;
	for (const char *next; line < told && (next = strchr(at, '\n')); line++)
		at = next + 1;
	/* the code ended too early: the engine then complains about its own last line, or the end */
	bool ended = told > line || (what && (strstr(what, "end of script") || strstr(what, "EOF")));
	struct text t = what ? place_text(what, line, ended ? 1 + (int)strcspn(at, "\n") : column_of(ctx, code, at, what)) : copy_of("the script cannot be compiled");
	free(what);
	return t;
}

/* The object that a script returned, as JSON. */
static bool result_text(JSContextRef ctx, JSValueRef value, struct text *out)
{
	JSValueRef exception = NULL;
	if (JSValueIsUndefined(ctx, value) || JSValueIsNull(ctx, value)) {
		*out = copy_of("{}");
		return out->s != NULL;
	}
	if (!JSValueIsObject(ctx, value) || JSValueIsArray(ctx, value)) {
		*out = copy_of("a script returns an object: {port, tags, vars}");
		return false;
	}
	JSValueRef then = member(ctx, JSValueToObject(ctx, value, NULL), "then");
	if (JSValueIsObject(ctx, then) && JSObjectIsFunction(ctx, JSValueToObject(ctx, then, NULL))) {
		*out = copy_of("a script cannot wait: it returned a promise");
		return false;
	}
	*out = text_of(JSValueCreateJSONString(ctx, value, 0, &exception));
	if (!out->s || exception) {
		free(out->s);
		*out = exception ? exception_text(ctx, exception) : copy_of("what the script returned cannot be written as JSON");
		return false;
	}
	if (out->len > SCRIPT_RESULT_MAX) {
		free(out->s);
		*out = copy_of("what the script returned is longer than 64 KiB");
		return false;
	}
	return true;
}

static bool run(JSContextRef ctx, const struct script_job *job, const char *code, const char *arguments, struct text *out)
{
	JSValueRef exception = NULL, value = NULL;
	JSObjectRef function = compile(ctx, code, &exception);
	if (!function || exception) {
		*out = exception ? syntax_error_text(ctx, code, exception) : copy_of("the script cannot be compiled");
		return false;
	}
	if (job->only_compile) {
		*out = copy_of("{}");
		return true;
	}
	value = call_function(ctx, function, arguments, &exception);
	if (exception || !value) {
		*out = exception ? exception_text(ctx, exception) : copy_of("the script could not be run");
		return false;
	}
	return result_text(ctx, value, out);
}

/* ---- one process ---- */

static bool read_all(int fd, void *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = read(fd, (char *)data + done, len - done);
		if (n <= 0 && !(n < 0 && errno == EINTR))
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static void write_all(int fd, const void *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)data + done, len - done);
		if (n < 0 && errno != EINTR)
			_exit(1);
		done += n > 0 ? (size_t)n : 0;
	}
}

/* Touch what a script will: pages of the engine are shared until then, and each first touch costs. */
static void warm_up(JSContextRef ctx)
{
	JSValueRef exception = NULL;
	JSObjectRef f = compile(ctx, "const o = JSON.parse(JSON.stringify({a: [1, 2.5].map(x => x * 2), d: new Date(0).toISOString(), m: /^a+(b)/.exec('aab')[1]}));\n"
				     "let n = 0; for (const k of Object.keys(o)) n += `${k}`.length + parseInt('12', 10);\n"
				     "return {port: 'next', tags: {...o, n}, vars: {}};", &exception);
	JSValueRef v = f ? call_function(ctx, f, "{\"call\":{},\"tags\":{\"a\":1},\"vars\":{}}", &exception) : NULL;
	struct text t = v ? text_of(JSValueCreateJSONString(ctx, v, 0, NULL)) : (struct text){NULL, 0};
	free(t.s);
}

/* CPU that this process has used. The clocks of time.h are the script's: they stand still. */
static int64_t cpu_used_us(void)
{
	struct rusage used;
	if (getrusage(RUSAGE_SELF, &used) != 0)
		return 0;
	return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * INT64_C(1000000) + used.ru_utime.tv_usec +
	       used.ru_stime.tv_usec;
}

/* What is allocated here is not given back: the process ends. */
static void serve_one(JSContextRef ctx, const struct sock_fprog *filter)
{
	struct script_job job;
	struct text out;
	warm_up(ctx);
	if (!sandbox_limit(SCRIPT_CPU_MS, SCRIPT_MEMORY_MB))
		_exit(2);
	if (!read_all(SCRIPT_CONTROL_FD, &job, sizeof job) || job.code_len > SCRIPT_CODE_MAX || job.arguments_len > SCRIPT_ARGUMENTS_MAX)
		_exit(0);
	char *code = calloc(1, job.code_len + 1), *arguments = calloc(1, job.arguments_len + 1);
	if (!code || !arguments || !read_all(SCRIPT_CONTROL_FD, code, job.code_len) || !read_all(SCRIPT_CONTROL_FD, arguments, job.arguments_len))
		_exit(1);
	script_random = job.seed;
	if (!sandbox_enter(filter, SCRIPT_CPU_MS, job.timeout_ms > 0 ? (int)job.timeout_ms : 1))
		_exit(2);
	script_now_ms = job.now_ms;
	int64_t from_us = cpu_used_us();
	struct script_reply reply = {.ok = run(ctx, &job, code, arguments, &out)};
	reply.cpu_us = cpu_used_us() - from_us;
	reply.text_len = (uint32_t)out.len;
	reply.log_len = (uint32_t)console_len;
	write_all(SCRIPT_CONTROL_FD, &reply, sizeof reply);
	write_all(SCRIPT_CONTROL_FD, out.s, out.len);
	write_all(SCRIPT_CONTROL_FD, console_text, console_len);
	_exit(0);
}

/* ---- the worker ---- */

static bool notify(const struct script_notice *notice, int fd)
{
	struct iovec data = {(void *)(uintptr_t)notice, sizeof *notice};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.space = {0}};
	struct msghdr m = {.msg_iov = &data, .msg_iovlen = 1};
	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof control;
		control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
	}
	return sendmsg(SCRIPT_CONTROL_FD, &m, MSG_NOSIGNAL) >= 0;
}

static bool make_ready(JSContextRef ctx, const struct sock_fprog *filter)
{
	int pair[2];
	pid_t parent = getpid();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	pid_t pid = fork();
	if (pid == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (getppid() != parent || dup2(pair[1], SCRIPT_CONTROL_FD) != SCRIPT_CONTROL_FD)
			_exit(1);
		close_range(SCRIPT_CONTROL_FD + 1, ~0u, 0);
		serve_one(ctx, filter);
	}
	close(pair[1]);
	bool ok = pid > 0 && notify(&(struct script_notice){.pid = pid}, pair[0]);
	close(pair[0]);
	return ok;
}

static bool tell_ended(JSContextRef ctx, const struct sock_fprog *filter)
{
	struct rusage used;
	int status;
	for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &used)) > 0;)
		if (!make_ready(ctx, filter) || !notify(&(struct script_notice){pid, true, status, used.ru_maxrss * 1024}, -1))
			return false;
	return true;
}

int main(int argc, char **argv)
{
	int ready = argc > 1 ? atoi(argv[1]) : 4, quiet = open("/dev/null", O_RDWR);
	struct sock_fprog filter;
	sigset_t child;
	/*
	 * Interpreted only, one thread, libc's memory: what is forked has no other threads, and is bounded by the process.
	 * A stack of 1 MiB (bytes) is some 10,000 calls deep, as in browsers, and is used up well within the CPU limit.
	 */
	static const char *const options[][2] = {
		{"JSC_useJIT", "0"},
		{"JSC_useConcurrentGC", "0"},
		{"JSC_numberOfGCMarkers", "1"},
		{"JSC_useWasm", "0"},
		{"JSC_maxPerThreadStackUsage", "1048576"},
		{"Malloc", "1"},
		{"TZ", "UTC"},
	};
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		setenv(options[i][0], options[i][1], 1);
	/* a terminal's interrupt and a service manager's stop are for the server, which closes the socket when it has ended its calls */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	if (quiet < 0 || dup2(quiet, 0) < 0 || dup2(quiet, 1) < 0 || !sandbox_prepare(&filter)) {
		fprintf(stderr, "strowger-script-worker: the sandbox cannot be set up: %s\n", strerror(errno));
		return 1;
	}
	JSGlobalContextRef ctx = create_context();
	warm_up(ctx);
	int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	dup2(quiet, 2); /* the engine's own words about scripts that break it */
	for (int i = 0; i < ready; i++)
		if (!make_ready(ctx, &filter))
			return 1;
	for (;;) {
		struct pollfd fds[] = {{SCRIPT_CONTROL_FD, POLLIN, 0}, {signals, POLLIN, 0}};
		struct signalfd_siginfo info;
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return 1;
		if (fds[0].revents) /* nothing is sent to it: the server has gone */
			return 0;
		while (read(signals, &info, sizeof info) > 0)
			;
		if (!tell_ended(ctx, &filter))
			return 0;
	}
}
