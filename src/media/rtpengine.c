#include "media/rtpengine.h"
#include "base/clock.h"
#include "base/log.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#define RETRY_MS 250 /* and twice as much each time */
#define TRIES 4
#define PENDING_MAX 20000
#define COMPLAIN_MS 60000

struct question {
	uint64_t cookie;
	void *owner; /* NULL: nobody waits for the answer */
	char *text;
	size_t len;
	int tries;
	int64_t again_ms;
	UT_hash_handle hh;
};

struct rtpengine {
	int fd;
	uint64_t last_cookie;
	struct question *pending; /* by cookie, oldest first */
	void (*passed)(void *owner, const char *sdp);
	int64_t complained_ms;
};

struct rtpengine *rtpengine_create(const struct sockaddr *address, void (*passed)(void *owner, const char *sdp), struct error *err)
{
	struct rtpengine *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->passed = passed;
	r->last_cookie = (uint64_t)clock_now_us();
	r->fd = socket(address->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (r->fd >= 0 && connect(r->fd, address, len) == 0)
		return r;
	error_set(err, "no way to rtpengine: %s", strerror(errno));
	rtpengine_destroy(r);
	return NULL;
}

static void drop(struct rtpengine *r, struct question *q)
{
	HASH_DEL(r->pending, q);
	free(q->text);
	free(q);
}

void rtpengine_destroy(struct rtpengine *r)
{
	struct question *q, *next;
	if (!r)
		return;
	HASH_ITER(hh, r->pending, q, next)
		drop(r, q);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

int rtpengine_fd(const struct rtpengine *r)
{
	return r->fd;
}

static void complain(struct rtpengine *r, const char *what, const char *detail, size_t n)
{
	int64_t now = clock_monotonic_ms();
	if (r->complained_ms && now - r->complained_ms < COMPLAIN_MS)
		return;
	r->complained_ms = now;
	log_warn(NULL, "rtpengine %s%s%.*s", what, n ? ": " : "", (int)n, detail);
}

/* A full socket is as a lost datagram: it is sent again. */
static void send_question(const struct rtpengine *r, struct question *q, int64_t now)
{
	ssize_t sent = send(r->fd, q->text, q->len, 0);
	(void)sent;
	q->again_ms = now + (RETRY_MS << q->tries);
	q->tries++;
}

static bool ask(struct rtpengine *r, struct buf *request, uint64_t cookie, void *owner)
{
	struct question *q = !request->failed && HASH_COUNT(r->pending) < PENDING_MAX ? calloc(1, sizeof *q) : NULL;
	if (q) {
		q->cookie = cookie;
		q->owner = owner;
		q->len = request->len;
		q->text = buf_take(request);
		HASH_ADD(hh, r->pending, cookie, sizeof q->cookie, q);
		send_question(r, q, clock_monotonic_ms());
	}
	buf_free(request);
	return q != NULL;
}

static uint64_t begin(struct rtpengine *r, struct buf *request)
{
	buf_printf(request, "%016llx ", (unsigned long long)++r->last_cookie);
	return r->last_cookie;
}

bool rtpengine_pass(struct rtpengine *r, const struct ng_sdp *sdp, void *owner)
{
	struct buf request = {0};
	uint64_t cookie = begin(r, &request);
	ng_write_sdp(&request, sdp);
	return ask(r, &request, cookie, owner);
}

void rtpengine_forget(struct rtpengine *r, const char *call, const void *owner)
{
	struct question *q, *next;
	struct buf request = {0};
	HASH_ITER(hh, r->pending, q, next)
		if (q->owner == owner)
			q->owner = NULL;
	uint64_t cookie = begin(r, &request);
	ng_write_delete(&request, call);
	if (!ask(r, &request, cookie, NULL)) /* it ends by itself, when no audio comes any more */
		complain(r, "is asked too much", "", 0);
}

/* The question is gone before its owner is told, who may ask the next one. */
static void finish(struct rtpengine *r, struct question *q, const char *sdp)
{
	void *owner = q->owner;
	drop(r, q);
	if (owner)
		r->passed(owner, sdp);
}

static void take(struct rtpengine *r, const char *text, size_t len)
{
	char *end;
	uint64_t cookie = strtoull(text, &end, 16);
	struct question *q;
	struct ng_answer a;
	HASH_FIND(hh, r->pending, &cookie, sizeof cookie, q);
	if (!q || *end != ' ') /* answered before, or given up */
		return;
	size_t head = (size_t)(end + 1 - text);
	bool ok = ng_read_answer(end + 1, len - head, &a) && a.result && a.result_len == 2 && memcmp(a.result, "ok", 2) == 0;
	if (!ok && q->owner)
		complain(r, "refused an SDP", a.reason ? a.reason : "", a.reason_len);
	char *sdp = ok && a.sdp ? strndup(a.sdp, a.sdp_len) : NULL;
	finish(r, q, sdp);
	free(sdp);
}

void rtpengine_read(struct rtpengine *r)
{
	static _Thread_local char text[65536];
	for (ssize_t n; (n = recv(r->fd, text, sizeof text - 1, 0)) >= 0;) {
		text[n] = '\0';
		take(r, text, (size_t)n);
	}
}

void rtpengine_check(struct rtpengine *r, int64_t now)
{
	struct question *q, *next;
	HASH_ITER(hh, r->pending, q, next) {
		if (q->tries < TRIES && now >= q->again_ms) {
			send_question(r, q, now);
		} else if (q->tries >= TRIES && now >= q->again_ms) {
			complain(r, "does not answer", "", 0);
			finish(r, q, NULL);
		}
	}
}
