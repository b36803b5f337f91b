/* The server's end: hands scripts to the processes that the worker has made ready. */
#include "script/protocol.h"
#include "base/clock.h"
#include "base/log.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uthash.h>

#define WAITING_MAX 2000      /* scripts that wait or run */
#define TENANT_WAITING_MAX 400 /* of one organization */
#define PROCESSES_MAX 64
#define RESTART_AFTER_MS 1000
#define CHECKED 1024 /* codes that are known to compile: a flow is checked again and again while it is drawn */
#define MUCH_MEMORY (INT64_C(48) << 20) /* a process that broke with so much broke for want of more */

/*
 * An organization with scripts in the pool. Organizations take turns: each that waits has a script
 * handed out before any has its next, and all processes but one at most, so that one is free for others.
 */
struct tenant {
	char id[40];
	size_t jobs; /* that wait or run; under `entering`. At 0 it is removed */
	UT_hash_handle hh;
	/* the thread's own */
	struct mail *first, **last; /* that wait, oldest first */
	size_t running;
	struct tenant *next;         /* whose turn it is then */
};

struct job {
	struct mail mail;
	struct tenant *tenant;
	int64_t started_us; /* monotonic: when a process got it; 0: none did */
	int64_t cpu_us;     /* what it used, as its process says; 0: the process was stopped */
	struct mailbox *reply;
	struct script_answer *answer; /* there from the beginning, so that it can be given when memory has run out */
	int timeout_ms;
	int64_t until_ms; /* monotonic: when it is given up if no worker took it */
	struct script_job head;
	char *texts; /* code and arguments, one after the other */
};

/* One of the worker's processes. */
struct process {
	pid_t pid;
	int fd;
	struct job *job; /* NULL: it is ready for one */
	bool closed;     /* it has said all it will; how it ended is still to be told */
	char *answer;
	size_t len;
};

struct script_pool {
	char worker[512];
	pthread_t thread;
	struct mailbox *jobs;
	_Atomic bool stopping;
	_Atomic unsigned next_number;
	pthread_mutex_t entering; /* guards the two below */
	struct tenant *tenants;
	size_t waiting;
	pthread_mutex_t checking;
	unsigned char checked[CHECKED][16]; /* hashes; the oldest is replaced */
	size_t next_checked;
	pthread_mutex_t answering; /* held while an answer is posted: a mailbox that is waited at lives until then */
	/* the thread's own */
	struct tenant *turns; /* those with jobs for which no process was ready, in the order of their turns */
	struct process processes[PROCESSES_MAX];
	size_t process_count;
	size_t each; /* processes that one organization may have at once */
	int control; /* -1: the worker does not run */
	pid_t pid;
	int64_t start_after_ms;
	char trouble[200]; /* why it does not run */
};

/* ---- answers ---- */

void script_answer_free(struct script_answer *a)
{
	if (!a)
		return;
	free(a->result);
	free(a->log);
	free(a->error);
	free(a);
}

/* Count one more job of the organization. NULL: it has too many, or all have, or no memory. */
static struct tenant *tenant_enter(struct script_pool *pool, const char *id)
{
	struct tenant *o = NULL;
	pthread_mutex_lock(&pool->entering);
	HASH_FIND_STR(pool->tenants, id, o);
	if (pool->waiting >= WAITING_MAX || (o && o->jobs >= TENANT_WAITING_MAX)) {
		pthread_mutex_unlock(&pool->entering);
		return NULL;
	}
	if (!o && (o = calloc(1, sizeof *o))) {
		snprintf(o->id, sizeof o->id, "%s", id);
		o->last = &o->first;
		HASH_ADD_STR(pool->tenants, id, o);
	}
	if (o) {
		o->jobs++;
		pool->waiting++;
	}
	pthread_mutex_unlock(&pool->entering);
	return o;
}

static void tenant_leave(struct script_pool *pool, struct tenant *o)
{
	pthread_mutex_lock(&pool->entering);
	pool->waiting--;
	if (--o->jobs == 0) { /* then none waits, so that it is in no ring */
		HASH_DEL(pool->tenants, o);
		free(o);
	}
	pthread_mutex_unlock(&pool->entering);
}

static void post_answer(struct script_pool *pool, struct job *job)
{
	const int64_t most_us = SCRIPT_CPU_MS * INT64_C(1000);
	if (job->started_us) {
		int64_t took_us = job->cpu_us ? job->cpu_us : clock_monotonic_us() - job->started_us;
		job->answer->used_us = took_us < most_us ? took_us : most_us;
		job->tenant->running--;
	}
	tenant_leave(pool, job->tenant); /* first: who has the answer may ask for another one */
	pthread_mutex_lock(&pool->answering);
	mailbox_post_reply(job->reply, &job->answer->mail);
	pthread_mutex_unlock(&pool->answering);
	free(job->texts);
	free(job);
}

static void fail(struct script_pool *pool, struct job *job, bool no_worker, const char *fmt, ...) PRINTF_LIKE(4, 5);
static void fail(struct script_pool *pool, struct job *job, bool no_worker, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&job->answer->error, fmt, ap) < 0)
		job->answer->error = NULL;
	va_end(ap);
	job->answer->no_worker = no_worker;
	post_answer(pool, job);
}

static char *piece(const char *s, size_t len)
{
	return len ? strndup(s, len) : NULL;
}

/* Is the whole reply there? Then it is answered with. */
static bool answered(struct script_pool *pool, struct process *p)
{
	struct script_reply head;
	if (p->len < sizeof head)
		return false;
	memcpy(&head, p->answer, sizeof head);
	if (head.text_len > SCRIPT_RESULT_MAX || head.log_len > SCRIPT_LOG_MAX || p->len < sizeof head + head.text_len + head.log_len)
		return false;
	struct script_answer *a = p->job->answer;
	const char *text = p->answer + sizeof head;
	*(head.ok ? &a->result : &a->error) = piece(text, head.text_len);
	a->log = piece(text + head.text_len, head.log_len);
	a->ok = head.ok && a->result;
	p->job->cpu_us = head.cpu_us > 0 ? head.cpu_us : 1;
	post_answer(pool, p->job);
	p->job = NULL;
	return true;
}

/* ---- processes ---- */

static void remove_process(struct script_pool *pool, size_t i)
{
	close(pool->processes[i].fd);
	free(pool->processes[i].answer);
	pool->processes[i] = pool->processes[--pool->process_count];
}

/* Take what it wrote. Is it done with? */
static bool hear(struct script_pool *pool, struct process *p)
{
	enum { MOST = sizeof(struct script_reply) + SCRIPT_RESULT_MAX + SCRIPT_LOG_MAX };
	if (!p->answer && !(p->answer = malloc(MOST))) {
		fail(pool, p->job, true, "out of memory");
		p->job = NULL;
		return true;
	}
	for (;;) {
		ssize_t n = p->len < MOST ? recv(p->fd, p->answer + p->len, MOST - p->len, MSG_DONTWAIT) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return answered(pool, p);
		if (n <= 0) {
			p->closed = true;
			return answered(pool, p);
		}
		p->len += (size_t)n;
	}
}

/* It ended before it answered: why? */
static void tell_why(struct script_pool *pool, struct process *p, const struct script_notice *n)
{
	int signal_number = WIFSIGNALED(n->status) ? WTERMSIG(n->status) : 0;
	struct job *job = p->job;
	p->job = NULL;
	if (signal_number == SIGPROF || signal_number == SIGXCPU)
		fail(pool, job, false, "the script was stopped: it used more than %d ms of CPU", SCRIPT_CPU_MS);
	else if (signal_number == SIGALRM)
		fail(pool, job, false, "the script was stopped: it took more than %d ms", job->timeout_ms);
	else if (signal_number == SIGSYS)
		fail(pool, job, false, "the script was stopped: it tried what no script may");
	else if (n->peak_bytes > MUCH_MEMORY)
		fail(pool, job, false, "the script was stopped: it needed more than %d MB of memory", SCRIPT_MEMORY_MB);
	else if (signal_number)
		fail(pool, job, false, "the script broke the engine (signal %d)", signal_number);
	else
		fail(pool, job, true, "the script's process could not be limited, so the script was not run");
}

/* Give it the job. false: it is no longer there. */
static bool hand_over(struct process *p, struct job *job)
{
	int64_t left = job->until_ms - clock_monotonic_ms();
	job->head.timeout_ms = left > 1 ? (uint32_t)left : 1;
	struct iovec parts[] = {{&job->head, sizeof job->head}, {job->texts, (size_t)job->head.code_len + job->head.arguments_len}};
	struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};
	size_t whole = parts[0].iov_len + parts[1].iov_len;
	return sendmsg(p->fd, &m, MSG_NOSIGNAL) == (ssize_t)whole; /* blocking: all of it or an error */
}

/* ---- the worker ---- */

/* How many processes stand ready: two a processor. */
static size_t ready_count(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (cores < 2)
		return 4;
	return cores > 16 ? 32 : (size_t)cores * 2;
}

static void start_worker(struct script_pool *pool)
{
	int pair[2], error;
	char count[16];
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	char locale[] = "LC_ALL=C.UTF-8", *environment[] = {locale, NULL}; /* the server's own may hold secrets */
	snprintf(count, sizeof count, "%zu", ready_count());
	char *argv[] = {pool->worker, count, NULL};
	if (clock_monotonic_ms() < pool->start_after_ms)
		return;
	pool->start_after_ms = clock_monotonic_ms() + RESTART_AFTER_MS;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		snprintf(pool->trouble, sizeof pool->trouble, "no socket: %s", strerror(errno));
		return;
	}
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_adddup2(&files, pair[1], SCRIPT_CONTROL_FD);
	posix_spawn_file_actions_addclosefrom_np(&files, SCRIPT_CONTROL_FD + 1);
	error = posix_spawn(&pool->pid, pool->worker, &files, &attributes, argv, environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	close(pair[1]);
	if (error) {
		snprintf(pool->trouble, sizeof pool->trouble, "%.100s cannot be started: %s", pool->worker, strerror(error));
		log_error(NULL, "%s", pool->trouble);
		close(pair[0]);
		return;
	}
	pool->control = pair[0];
	pool->trouble[0] = '\0';
}

static void end_worker(struct script_pool *pool)
{
	if (pool->control < 0)
		return;
	close(pool->control);
	pool->control = -1;
	while (pool->process_count) {
		struct process *p = &pool->processes[pool->process_count - 1];
		if (p->job)
			fail(pool, p->job, true, "the script worker ended");
		remove_process(pool, pool->process_count - 1);
	}
	kill(pool->pid, SIGKILL); /* its processes end with it */
	while (waitpid(pool->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void on_notice(struct script_pool *pool, const struct script_notice *n, int fd)
{
	if (!n->ended && pool->process_count < PROCESSES_MAX && fd >= 0) {
		pool->processes[pool->process_count++] = (struct process){.pid = n->pid, .fd = fd};
		return;
	}
	if (fd >= 0)
		close(fd);
	for (size_t i = 0; n->ended && i < pool->process_count; i++) {
		struct process *p = &pool->processes[i];
		if (p->pid != n->pid)
			continue;
		if (p->job && !hear(pool, p))
			tell_why(pool, p, n);
		remove_process(pool, i);
		return;
	}
}

/* false: the worker has ended. */
static bool take_notices(struct script_pool *pool)
{
	for (;;) {
		struct script_notice notice;
		struct iovec data = {&notice, sizeof notice};
		union {
			struct cmsghdr header;
			char space[CMSG_SPACE(sizeof(int))];
		} control;
		struct msghdr m = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
		ssize_t n = recvmsg(pool->control, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n != sizeof notice)
			return false;
		int fd = -1;
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);
		if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(h), sizeof fd);
		on_notice(pool, &notice, fd);
	}
}

/* ---- the thread ---- */

static struct process *ready_process(struct script_pool *pool)
{
	for (size_t i = 0; i < pool->process_count; i++)
		if (!pool->processes[i].job && !pool->processes[i].closed)
			return &pool->processes[i];
	return NULL;
}

static void add_tenant(struct script_pool *pool, struct tenant *o)
{
	struct tenant **at = &pool->turns;
	while (*at)
		at = &(*at)->next;
	o->next = NULL;
	*at = o;
}

static void add_last(struct script_pool *pool, struct mail *jobs)
{
	for (struct mail *m = jobs, *next; m; m = next) {
		struct tenant *o = ((struct job *)(void *)m)->tenant;
		next = m->next;
		m->next = NULL;
		if (!o->first)
			add_tenant(pool, o);
		*o->last = m;
		o->last = &m->next;
	}
}

/* Take out the organization's job that stands there. */
static struct job *take(struct tenant *o, struct mail **at)
{
	struct mail *m = *at;
	*at = m->next;
	if (!*at)
		o->last = at;
	m->next = NULL;
	return (struct job *)(void *)m;
}

static void put_first(struct script_pool *pool, struct job *job)
{
	struct tenant *o = job->tenant;
	if (!o->first) {
		add_tenant(pool, o);
		o->last = &job->mail.next;
	}
	job->mail.next = o->first;
	o->first = &job->mail;
}

/*
 * The oldest job of the first organization that may have one more process; its next turn comes after all
 * others'. NULL: none waits, or those that wait have as many processes as each may have.
 */
static struct job *next_job(struct script_pool *pool)
{
	for (struct tenant **at = &pool->turns, *o; (o = *at); at = &o->next) {
		if (o->running >= pool->each)
			continue;
		struct job *job = take(o, &o->first);
		*at = o->next;
		if (o->first)
			add_tenant(pool, o);
		return job;
	}
	return NULL;
}

/* Hand out what waits. */
static void hand_out(struct script_pool *pool)
{
	struct process *p;
	struct job *job;
	if (pool->turns && pool->control < 0)
		start_worker(pool);
	while ((p = ready_process(pool)) && (job = next_job(pool))) {
		if (hand_over(p, job)) {
			p->job = job;
			job->started_us = clock_monotonic_us();
			job->tenant->running++;
		} else { /* its end will be told */
			p->closed = true;
			put_first(pool, job);
		}
	}
}

/* Take the organization's jobs that will not be run out into a list. now_ms INT64_MAX: all. */
static void take_overdue(struct tenant *o, int64_t now_ms, struct mail **list)
{
	for (struct mail **at = &o->first; *at;) {
		const struct job *job = (const struct job *)(const void *)*at;
		if (now_ms < job->until_ms) {
			at = &(*at)->next;
			continue;
		}
		struct mail *m = &take(o, at)->mail;
		m->next = *list;
		*list = m;
	}
}

/* Give up what waited too long; with a reason why nothing can be run, everything. */
static void give_up(struct script_pool *pool, const char *why)
{
	struct mail *lost = NULL;
	for (struct tenant **at = &pool->turns, *o; (o = *at);) {
		take_overdue(o, why ? INT64_MAX : clock_monotonic_ms(), &lost);
		if (o->first)
			at = &o->next;
		else
			*at = o->next;
	}
	for (struct mail *next; lost; lost = next) { /* the last one's end frees its tenant */
		struct job *job = (struct job *)(void *)lost;
		next = lost->next;
		if (why)
			fail(pool, job, true, "%s", why);
		else
			fail(pool, job, true, "no script worker was free within %d ms", job->timeout_ms);
	}
}

/* Until the first of those that wait is given up. */
static int wait_ms(const struct script_pool *pool)
{
	int64_t left = INT64_C(60000), now = clock_monotonic_ms();
	for (const struct tenant *o = pool->turns; o; o = o->next)
		for (const struct mail *m = o->first; m; m = m->next)
			if (((const struct job *)(const void *)m)->until_ms - now < left)
				left = ((const struct job *)(const void *)m)->until_ms - now;
	if (pool->turns && pool->control < 0 && pool->start_after_ms - now < left)
		left = pool->start_after_ms - now;
	return left > 0 ? (int)left + 1 : 0;
}

static void *run(void *arg)
{
	struct script_pool *pool = arg;
	while (!pool->stopping) {
		struct pollfd fds[PROCESSES_MAX + 2] = {{mailbox_fd(pool->jobs), POLLIN, 0}, {pool->control, POLLIN, 0}};
		size_t count = pool->process_count;
		for (size_t i = 0; i < count; i++)
			fds[2 + i] = (struct pollfd){pool->processes[i].job && !pool->processes[i].closed ? pool->processes[i].fd : -1, POLLIN, 0};
		poll(fds, count + 2, wait_ms(pool));
		for (size_t i = count; i-- > 0;) /* from the end: one that is removed gives its place to one that was seen */
			if (fds[2 + i].revents && pool->processes[i].job && hear(pool, &pool->processes[i]))
				remove_process(pool, i);
		if (fds[1].revents && !take_notices(pool)) {
			log_error(NULL, "the script worker ended; it is started again when a script is to be run");
			end_worker(pool);
		}
		add_last(pool, mailbox_take_all(pool->jobs));
		hand_out(pool);
		give_up(pool, pool->control < 0 && pool->trouble[0] ? pool->trouble : NULL);
	}
	add_last(pool, mailbox_take_all(pool->jobs));
	give_up(pool, "the server is stopping");
	end_worker(pool);
	return NULL;
}

/* ---- for everybody ---- */

static bool find_worker(char *out, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", out, size - 1);
	if (n <= 0)
		return false;
	out[n] = '\0';
	char *name = strrchr(out, '/');
	size_t room = size - (size_t)(name + 1 - out);
	return (size_t)snprintf(name + 1, room, "strowger-script-worker") < room;
}

struct script_pool *script_pool_create(const char *worker, struct error *err)
{
	struct script_pool *pool = calloc(1, sizeof *pool);
	if (!pool || !(pool->jobs = mailbox_create(WAITING_MAX))) {
		free(pool);
		error_set(err, "out of memory");
		return NULL;
	}
	pool->control = -1;
	pool->each = ready_count() - 1;
	pthread_mutex_init(&pool->entering, NULL);
	pthread_mutex_init(&pool->answering, NULL);
	pthread_mutex_init(&pool->checking, NULL);
	bool found = !worker ? find_worker(pool->worker, sizeof pool->worker) : (size_t)snprintf(pool->worker, sizeof pool->worker, "%s", worker) < sizeof pool->worker;
	if (found && pthread_create(&pool->thread, NULL, run, pool) == 0)
		return pool;
	mailbox_destroy(pool->jobs);
	free(pool);
	error_set(err, found ? "cannot start the scripts' thread" : "cannot find strowger-script-worker");
	return NULL;
}

void script_pool_free(struct script_pool *pool)
{
	if (!pool)
		return;
	pool->stopping = true;
	mailbox_wake(pool->jobs);
	pthread_join(pool->thread, NULL);
	mailbox_destroy(pool->jobs);
	pthread_mutex_destroy(&pool->entering);
	pthread_mutex_destroy(&pool->answering);
	pthread_mutex_destroy(&pool->checking);
	free(pool);
}

unsigned script_pool_run(struct script_pool *pool, const struct script_request *r, struct mailbox *reply, uint64_t owner)
{
	size_t code_len = strlen(r->code), arguments_len = r->arguments ? strlen(r->arguments) : 0;
	if (code_len > SCRIPT_CODE_MAX || arguments_len > SCRIPT_ARGUMENTS_MAX)
		return 0;
	struct tenant *tenant = tenant_enter(pool, r->organization_id ? r->organization_id : "");
	if (!tenant)
		return 0;
	struct job *job = calloc(1, sizeof *job);
	struct script_answer *answer = calloc(1, sizeof *answer);
	char *texts = malloc(code_len + arguments_len + 1);
	if (job && answer && texts) {
		memcpy(texts, r->code, code_len);
		if (arguments_len)
			memcpy(texts + code_len, r->arguments, arguments_len);
		unsigned number;
		while (!(number = ++pool->next_number)) /* 0 means refused */
			;
		*answer = (struct script_answer){.owner = owner, .number = number};
		*job = (struct job){.tenant = tenant, .reply = reply,
				    .answer = answer, .texts = texts, .timeout_ms = r->timeout_ms, .until_ms = clock_monotonic_ms() + r->timeout_ms,
				    .head = {.code_len = (uint32_t)code_len, .arguments_len = (uint32_t)arguments_len, .only_compile = !r->arguments, .now_ms = r->now_ms, .seed = r->seed}};
		if (mailbox_post(pool->jobs, &job->mail))
			return number;
	}
	free(texts);
	free(answer);
	free(job);
	tenant_leave(pool, tenant);
	return 0;
}

struct script_answer *script_pool_wait(struct script_pool *pool, const struct script_request *r)
{
	struct mailbox *box = mailbox_create(1);
	struct mail *m = NULL;
	if (box && script_pool_run(pool, r, box, 0))
		while (!(m = mailbox_take_all(box)))
			mailbox_wait(box, -1);
	if (m) { /* whoever posted it may not have let go of the mailbox yet */
		pthread_mutex_lock(&pool->answering);
		pthread_mutex_unlock(&pool->answering);
	}
	if (box)
		mailbox_destroy(box);
	return (struct script_answer *)(void *)m;
}

static void hash_code(const char *code, unsigned char hash[16])
{
	crypto_generichash(hash, 16, (const unsigned char *)code, strlen(code), NULL, 0);
}

static bool is_checked(struct script_pool *pool, const unsigned char hash[16])
{
	bool found = false;
	pthread_mutex_lock(&pool->checking);
	for (size_t i = 0; i < CHECKED && !found; i++)
		found = memcmp(pool->checked[i], hash, 16) == 0;
	pthread_mutex_unlock(&pool->checking);
	return found;
}

bool script_pool_is_checked(struct script_pool *pool, const char *code)
{
	unsigned char hash[16];
	hash_code(code, hash);
	return is_checked(pool, hash);
}

bool script_pool_check(struct script_pool *pool, const char *organization_id,
		       const char *code, int64_t *used_us, struct error *err)
{
	unsigned char hash[16];
	hash_code(code, hash);
	if (is_checked(pool, hash))
		return true;
	struct script_answer *a = script_pool_wait(pool, &(struct script_request){
		.organization_id = organization_id, .code = code, .timeout_ms = 5000});
	bool ok = !a || a->ok || a->no_worker;
	if (!ok)
		error_set(err, "%s", a->error ? a->error : "the script cannot be compiled");
	if (a && used_us)
		*used_us += a->used_us;
	if (a && a->ok) {
		pthread_mutex_lock(&pool->checking);
		memcpy(pool->checked[pool->next_checked++ % CHECKED], hash, sizeof hash);
		pthread_mutex_unlock(&pool->checking);
	}
	script_answer_free(a);
	return ok;
}
