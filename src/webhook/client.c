#include "webhook/client.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/id.h"
#include "base/log.h"
#include "base/public.h"
#include "webhook/answer.h"
#include "webhook/names.h"
#include "webhook/outgoing.h"
#include "webhook/token.h"
#include <curl/curl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <uthash.h>

#define QUEUE_MAX 10000
#define ANSWER_MAX (256 * 1024) /* of an http_request node */
#define KEPT_MAX 4096           /* of a webhook's response */
#define NO_NAME_SERVER "the host's name server does not answer"
#define STATISTICS_MS 60000     /* from one keeping of them to the next */
#define UNWRITTEN_MS 1000       /* from one try to write results to the next */
#define RETRY_AFTER_MAX 86400   /* seconds */
#define ATTEMPTS_MAX 20
#define IDLE_MAX 64
#define CONNECTIONS_KEPT 512L /* open, to be used again */
#define QUEUED_MAX 256    /* deliveries of one webhook read at once */
#define ONWARD_MAX 16     /* so many times on from the last read, then from the beginning: what is tried again is due before */
#define UNSETTLED_MAX 512 /* sent, and not on disk yet: what a crash may send again */

enum health { HEALTH_UNKNOWN, HEALTH_GOOD, HEALTH_FAILING };

/* A webhook with deliveries in the database. */
struct endpoint {
	char id[40], organization_id[40];
	int in_flight, unsettled; /* requests under way; deliveries whose result is not on disk yet, those under way included */
	bool look;  /* there may be something to start */
	bool stale; /* and also something on disk that is not in rows */
	struct store_rows *rows; /* read to be started, from next on */
	bool *under_way; /* of each row: it was when it was read, and is not started again */
	size_t next;
	int64_t after_ms; /* the last row that was read: the next read goes on from there */
	char after_id[40];
	int onward; /* reads since the one from the beginning; 0: the next is from the beginning */
	bool ordered;
	int64_t due_ms;  /* when the next on disk is due; 0: none is known */
	int64_t wait_ms; /* until then nothing is started: its rate, its 429, the database; 0: at once */
	int64_t paused_until_ms; /* it answered 429 with Retry-After */
	double allowance; /* requests that its rate allows now */
	int64_t allowance_ms; /* when that was reckoned */
	enum health health; /* what webhook_failures says of it */
	struct access_token token;
	struct transfer *asking; /* for the token */
	struct delivery_counts counts; /* under the client's lock */
	struct delivery_counts kept;   /* what of them is in the statistics */
	UT_hash_handle hh;
};

/* A delivery that is under way, until its result is on disk. */
struct delivery {
	char id[40];
	int attempt;
	const char *status; /* what became of it */
	int64_t next_ms;
	size_t at, len; /* its part of the body */
	char *doc;      /* what is kept of the try */
	struct transfer *transfer;
	UT_hash_handle hh; /* by id */
};

enum transfer_kind { TRANSFER_REQUEST, TRANSFER_DELIVERY, TRANSFER_TOKEN };

struct transfer {
	enum transfer_kind kind;
	CURL *easy;
	struct curl_slist *headers;
	char *body;
	long timeout_ms;
	bool asks_dns; /* the name anew */
	bool looks_up; /* the host's name was not in the cache */
	struct transfer *next_refused;
	struct buf answer;
	size_t answer_max;
	bool too_long;
	const char *refusal; /* why it was not sent at all */
	int64_t started_ms;
	/* request */
	struct mailbox *reply;
	uint64_t owner;
	unsigned number;
	/* deliveries */
	char webhook_id[40], organization_id[40];
	char *url, *method;
	char *url_template; /* as the webhook has it; shown where the URL has values of sensitive tags */
	bool body_is_event, has_sensitive;
	char batch_id[96]; /* webhook-id of a batch */
	size_t count;      /* more than one only in a batch */
	struct delivery *deliveries;
};

struct result_job;
enum letter_kind { LETTER_TOUCH, LETTER_REQUEST, LETTER_SETTLED, LETTER_UNWRITTEN };

struct letter {
	struct mail mail;
	enum letter_kind kind;
	char id[40];               /* TOUCH: webhook */
	struct transfer *request;  /* REQUEST */
	struct result_job *result; /* SETTLED, UNWRITTEN: it has this letter in it */
};

struct http_client {
	struct store *store;
	struct config_store *config;
	bool allow_private;
	int retry_ms[ATTEMPTS_MAX];
	int retries;
	int64_t give_up_ms; /* an endpoint that fails for longer is disabled */
	pthread_t thread;
	struct mailbox *letters;
	atomic_size_t requests; /* of calls, waiting or running */
	atomic_bool stop, handed_over;
	CURLM *multi;
	struct store_conn *reader;
	struct endpoint *endpoints;
	pthread_mutex_t lock; /* of counts, and of new endpoints */
	struct delivery *deliveries; /* under way */
	struct names *names; /* whose look-up lasted too long */
	struct transfer *refused; /* will not be sent at all */
	CURL *idle[IDLE_MAX]; /* handles to be used again */
	size_t idle_count;
	int64_t statistics_ms; /* when they were kept last */
	struct result_job *unwritten; /* results that the database did not take, to be written again then */
	int64_t unwritten_ms;
};

/* ---- transfers ---- */

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t n = size * count, room = t->answer_max - t->answer.len;
	buf_add(&t->answer, data, n < room ? n : room);
	if (n > room && t->kind != TRANSFER_DELIVERY) {
		t->too_long = true;
		return 0;
	}
	return n; /* a webhook's longer answer is read and let go */
}

/* After name resolution and before each connection, so that a name cannot change its mind. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *t = arg;
	(void)purpose;
	if (!address_is_public(&address->addr))
		t->refusal = ADDRESS_IS_PRIVATE;
	else if (!address_port_is_allowed(&address->addr))
		t->refusal = "the port is not one for HTTP: mail, files, names and the like";
	if (t->refusal)
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int on_look_up(void *resolver, void *reserved, void *arg)
{
	(void)resolver, (void)reserved;
	((struct transfer *)arg)->looks_up = true;
	return 0;
}

/* Why there is no answer, for people. */
static const char *failure(const struct transfer *t, CURLcode code)
{
	if (t->refusal)
		return t->refusal;
	return t->too_long ? "the answer is longer than 256 KiB" : curl_easy_strerror(code);
}

static void transfer_free(struct transfer *t)
{
	if (t->easy)
		curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	free(t->body);
	free(t->url);
	free(t->url_template);
	free(t->method);
	for (size_t i = 0; i < t->count; i++)
		free(t->deliveries[i].doc);
	free(t->deliveries);
	buf_free(&t->answer);
	free(t);
}

/* Any thread. */
static struct transfer *transfer_new(enum transfer_kind kind, const char *method, const char *url, const char *body, long timeout_ms)
{
	struct transfer *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->kind = kind;
	t->body = body ? strdup(body) : NULL;
	t->url = strdup(url);
	t->method = strdup(method);
	t->timeout_ms = timeout_ms;
	t->answer_max = kind == TRANSFER_DELIVERY ? KEPT_MAX : ANSWER_MAX;
	if (t->url && t->method && (t->body || !body))
		return t;
	transfer_free(t);
	return NULL;
}

static void set_options(const struct http_client *c, struct transfer *t)
{
	struct curl_slist *no_expect = curl_slist_append(t->headers, "Expect:");
	if (no_expect)
		t->headers = no_expect;
	curl_easy_setopt(t->easy, CURLOPT_URL, t->url);
	curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, t->method);
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	/* A look-up's thread is left to end by itself: who waits for it holds up all transfers. */
	curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(t->easy, CURLOPT_RESOLVER_START_FUNCTION, on_look_up);
	curl_easy_setopt(t->easy, CURLOPT_RESOLVER_START_DATA, t);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, t->timeout_ms);
	curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, t->timeout_ms < 10000 ? t->timeout_ms : 10000L);
	curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, strncasecmp(t->url, "https:", 6) == 0 ? 1L : 0L); /* TLS tells whether it is HTTP/2; without it, that would be known by the first answer only */
	curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "Strowger");
	curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	if (t->body) {
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body);
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(t->body));
	}
	if (t->asks_dns)
		curl_easy_setopt(t->easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	if (!c->allow_private) {
		curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
		curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
	}
}

static bool start(struct http_client *c, struct transfer *t)
{
	t->easy = c->idle_count ? c->idle[--c->idle_count] : curl_easy_init();
	if (!t->easy)
		return false;
	set_options(c, t);
	t->started_ms = clock_now_ms();
	if (names_is_silent(&c->names, t->url, clock_monotonic_ms())) {
		t->refusal = NO_NAME_SERVER;
		t->next_refused = c->refused;
		c->refused = t;
		return true;
	}
	return curl_multi_add_handle(c->multi, t->easy) == CURLM_OK;
}

/* Its handle may be used again. */
static void let_go(struct http_client *c, struct transfer *t)
{
	if (t->easy && c->idle_count < IDLE_MAX) {
		curl_easy_reset(t->easy);
		c->idle[c->idle_count++] = t->easy;
	} else if (t->easy) {
		curl_easy_cleanup(t->easy);
	}
	t->easy = NULL;
}

/* ---- requests of calls ---- */

unsigned http_client_request(struct http_client *c, const char *method, const char *url, const char *body,
			     const char *const *headers, int timeout_ms, struct mailbox *reply, uint64_t owner)
{
	static atomic_uint numbers;
	if (c->requests >= QUEUE_MAX)
		return 0;
	struct letter *l = calloc(1, sizeof *l);
	struct transfer *t = l ? transfer_new(TRANSFER_REQUEST, method, url, body, timeout_ms) : NULL;
	if (!t) {
		free(l);
		return 0;
	}
	for (size_t i = 0; headers && headers[i]; i++) {
		struct curl_slist *list = curl_slist_append(t->headers, headers[i]);
		if (list)
			t->headers = list;
	}
	const char *first = body ? body + strspn(body, " \t\r\n") : "";
	bool typed = false;
	for (size_t i = 0; headers && headers[i]; i++)
		typed |= strncasecmp(headers[i], "content-type:", 13) == 0;
	if (!typed && (*first == '{' || *first == '['))
		outgoing_add_header(&t->headers, "Content-Type", "application/json");
	t->reply = reply;
	t->owner = owner;
	while (!(t->number = ++numbers)) {
		/* 0 means that there is no request */
	}
	l->kind = LETTER_REQUEST;
	l->request = t;
	unsigned number = t->number;
	c->requests++;
	mailbox_post_reply(c->letters, &l->mail);
	return number;
}

static const char *content_type(struct transfer *t)
{
	const char *type = NULL;
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	return type;
}

static void request_done(struct http_client *c, struct transfer *t, CURLcode code)
{
	struct http_answer *a = calloc(1, sizeof *a);
	long status = 0;
	c->requests--;
	if (a) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
		a->owner = t->owner;
		a->number = t->number;
		a->status = (int)status;
		a->result = code == CURLE_OK ? HTTP_ANSWERED : code == CURLE_OPERATION_TIMEDOUT ? HTTP_TIMED_OUT : HTTP_FAILED;
		if (!answer_decode(content_type(t), &t->answer)) {
			a->result = HTTP_FAILED;
			code = CURLE_OUT_OF_MEMORY;
		}
		a->body_len = t->answer.len;
		a->body = buf_take(&t->answer);
		if (code != CURLE_OK)
			snprintf(a->error, sizeof a->error, "%s", failure(t, code));
		mailbox_post_reply(t->reply, &a->mail);
	}
	let_go(c, t);
	transfer_free(t);
}

/* ---- deliveries ---- */

static struct endpoint *endpoint(struct http_client *c, const char *id)
{
	struct endpoint *e;
	HASH_FIND_STR(c->endpoints, id, e);
	if (!e && (e = calloc(1, sizeof *e))) {
		snprintf(e->id, sizeof e->id, "%s", id);
		e->counts.webhook_id = e->id;
		pthread_mutex_lock(&c->lock);
		HASH_ADD_STR(c->endpoints, id, e);
		pthread_mutex_unlock(&c->lock);
	}
	return e;
}

/* The tag of the id, when the webhook may have its values. */
static const struct tag_def *allowed_tag(const struct organization *o, const struct config_outgoing *w, const char *id)
{
	for (size_t i = 0; i < w->sensitive_count; i++)
		for (size_t k = 0; strcmp(w->sensitive_tag_ids[i], id) == 0 && k < tag_set_count(o->tags); k++)
			if (strcmp(tag_set_get(o->tags, k)->id, id) == 0)
				return tag_set_get(o->tags, k);
	return NULL;
}

/* The values that the webhook may have, by the tags' names: read when they are sent, so that they are on disk in one place only. */
static json_t *read_sensitive(struct http_client *c, const struct organization *o, const struct config_outgoing *w, const char *call_id)
{
	struct store_rows *rows = call_id && w->sensitive_count ? store_query(c->reader, "SELECT tag_id, value, kind FROM call_tags WHERE call_id = $1 AND organization_id = $2 AND sensitive = 1", "ss", call_id, o->id) : NULL;
	json_t *values = rows ? json_object() : NULL;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const struct tag_def *def = allowed_tag(o, w, rows_text(rows, i, 0));
		char *plain = def ? crypto_open(config_key(c->config), rows_text(rows, i, 1)) : NULL;
		json_t *number = plain && strcmp(rows_text(rows, i, 2), "number") == 0 ? json_loads(plain, JSON_DECODE_ANY, NULL) : NULL;
		if (plain)
			json_object_set_new(values, def->name, number ? number : json_string(plain));
		free(plain);
	}
	rows_free(rows);
	return values;
}

/* The request for these rows: one, or a batch. NULL: no memory. */
static struct transfer *make_delivery(struct http_client *c, const struct organization *o, const struct config_outgoing *w, const char *token, const struct store_rows *rows, const size_t *at, size_t n)
{
	struct outgoing_request q = {0};
	struct outgoing_event events[BATCH_EVENTS_MAX];
	bool ok = true;
	for (size_t i = 0; i < n; i++) {
		events[i] = (struct outgoing_event){.id = rows_text(rows, at[i], 1), .payload = event_payload(rows_text(rows, at[i], 2), rows_int(rows, at[i], 5)), .sensitive = read_sensitive(c, o, w, rows_text(rows, at[i], 6))};
		ok &= events[i].payload != NULL;
	}
	ok = ok && outgoing_build(&q, o, w, events, n, token, clock_now_ms());
	struct transfer *t = ok ? transfer_new(TRANSFER_DELIVERY, w->method, q.url, q.body, w->timeout_seconds * 1000L) : NULL;
	if (t && (!(t->url_template = strdup(w->url)) || !(t->deliveries = calloc(n + 1, sizeof *t->deliveries)))) {
		transfer_free(t);
		t = NULL;
	}
	if (t) {
		for (size_t i = 0; i < n; i++) {
			struct delivery *d = &t->deliveries[i];
			snprintf(d->id, sizeof d->id, "%s", rows_text(rows, at[i], 0));
			d->attempt = (int)rows_int(rows, at[i], 3) + 1;
			d->at = events[i].at;
			d->len = events[i].len;
			d->transfer = t;
			if (d->attempt > 1) /* the receiver may have moved */
				t->asks_dns = true;
		}
		t->count = n;
		snprintf(t->webhook_id, sizeof t->webhook_id, "%s", w->id);
		snprintf(t->organization_id, sizeof t->organization_id, "%s", o->id);
		snprintf(t->batch_id, sizeof t->batch_id, "%s", w->batch_events ? q.id : "");
		t->body_is_event = q.body_is_event;
		t->has_sensitive = q.has_sensitive;
		t->headers = q.headers;
		q.headers = NULL;
	}
	for (size_t i = 0; i < n; i++) {
		json_decref(events[i].sensitive);
		free((char *)events[i].payload);
	}
	outgoing_request_free(&q);
	return t;
}

/* May one more request go, by the webhook's rate? 0, or the time to ask again. */
static int64_t rate_wait(struct endpoint *e, int rate, int64_t now)
{
	double most = rate > 20 ? rate / 20.0 : 1; /* what may go at once: a twentieth of a second's */
	if (!rate)
		return 0;
	e->allowance += (double)(now - e->allowance_ms) * rate / 1000;
	e->allowance_ms = now;
	if (e->allowance > most)
		e->allowance = most;
	if (e->allowance < 1)
		return now + 1 + (int64_t)((1 - e->allowance) * 1000 / rate);
	e->allowance -= 1;
	return 0;
}

#define DUE(condition) "SELECT id, event_id, payload, attempt_count, next_attempt_at, sequence, call_id FROM deliveries d " \
		       "WHERE webhook_id = $1 AND organization_id = $2 AND status IN ('pending', 'failed') AND (next_attempt_at, id) > ($4, $5) " condition "ORDER BY next_attempt_at, id LIMIT $3"
#define IN_ORDER "AND NOT EXISTS (SELECT 1 FROM deliveries b WHERE b.webhook_id = d.webhook_id AND b.call_id = d.call_id AND b.sequence < d.sequence AND b.status IN ('pending', 'failed')) "

static void forget_rows(struct endpoint *e)
{
	rows_free(e->rows);
	free(e->under_way);
	e->rows = NULL;
	e->under_way = NULL;
	e->next = 0;
}

static bool mark_under_way(const struct http_client *c, struct endpoint *e)
{
	struct delivery *d;
	size_t n = rows_count(e->rows);
	e->under_way = calloc(n + 1, sizeof *e->under_way);
	for (size_t i = 0; e->under_way && i < n; i++) {
		const char *id = rows_text(e->rows, i, 0);
		HASH_FIND_STR(c->deliveries, id, d);
		e->under_way[i] = d != NULL;
	}
	return e->under_way != NULL;
}

/* Read what is due next. false: there is nothing new. */
static bool refill(struct http_client *c, struct endpoint *e, const struct organization *o, const struct config_outgoing *w, int64_t now)
{
	int64_t limit = QUEUED_MAX + (e->onward ? 0 : e->unsettled); /* the beginning has those that are under way */
	if (!e->stale && !e->onward)
		return false;
	if (!e->onward) {
		e->stale = false;
		e->due_ms = 0;
	}
	forget_rows(e);
	e->rows = store_query(c->reader, w->ordered ? DUE(IN_ORDER) : DUE(""), "ssiis", e->id, o->id, limit, e->onward ? e->after_ms : INT64_C(-1), e->onward ? e->after_id : "");
	if (e->rows && !mark_under_way(c, e))
		forget_rows(e);
	size_t n = rows_count(e->rows);
	if (n == (size_t)limit) { /* and there may be more: when these have gone, if they are all due by then */
		e->after_ms = rows_int(e->rows, n - 1, 4);
		snprintf(e->after_id, sizeof e->after_id, "%s", rows_text(e->rows, n - 1, 0));
		e->onward = (e->onward + 1) % ONWARD_MAX;
		e->stale |= !e->onward;
	} else {
		e->onward = 0;
	}
	if (!e->rows) { /* the database is away, or memory is short: ask again */
		e->stale = true;
		e->wait_ms = now + 1000;
	}
	return n > 0 || (e->rows && e->stale);
}

static void ask_token(struct http_client *c, struct endpoint *e, const struct config_outgoing *w, int64_t now)
{
	char *authorization, *form = token_form(w, &authorization);
	struct transfer *t = form ? transfer_new(TRANSFER_TOKEN, "POST", w->token_url, form, w->timeout_seconds * 1000L) : NULL;
	if (t) {
		snprintf(t->webhook_id, sizeof t->webhook_id, "%s", e->id);
		outgoing_add_header(&t->headers, "Accept", "application/json");
		if (authorization)
			outgoing_add_header(&t->headers, "Authorization", authorization);
	}
	free(form);
	free(authorization);
	if (t && start(c, t)) {
		e->token.asked = true;
		e->asking = t;
		return;
	}
	if (t)
		transfer_free(t);
	e->wait_ms = now + 1000;
}

static void token_done(struct http_client *c, struct transfer *t, CURLcode code)
{
	long status = 0;
	struct endpoint *e = endpoint(c, t->webhook_id);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (e) {
		token_answered(&e->token, code == CURLE_OK ? status : 0, buf_text(&t->answer), t->answer.len, failure(t, code), clock_now_ms());
		e->asking = NULL;
		e->look = true;
	}
	let_go(c, t);
	transfer_free(t);
}

static void delivery_done(struct http_client *c, struct transfer *t, CURLcode code);

/* Nothing more can be started until then. false, for start_next(). */
static bool later(struct endpoint *e, int64_t due_ms)
{
	if (!e->due_ms || due_ms < e->due_ms)
		e->due_ms = due_ms;
	e->onward = 0;
	forget_rows(e);
	return false;
}

/* The rows that go in the next request, from the next on, which is due: one, or what there is for a batch. Answers how many, and where the rows after them begin. */
static size_t pick(const struct endpoint *e, const struct config_outgoing *w, int64_t now, size_t at[BATCH_EVENTS_MAX], size_t *after)
{
	size_t n = 0, most = w->batch_events ? (size_t)w->batch_events : 1, i;
	for (i = e->next; i < rows_count(e->rows) && n < most && rows_int(e->rows, i, 4) <= now; i++)
		if (!e->under_way[i])
			at[n++] = i;
	*after = i;
	return n;
}

/* Start the next row, or batch of them. false: nothing more can be started now. */
static bool start_next(struct http_client *c, struct endpoint *e, const struct organization *o, const struct config_outgoing *w, int64_t now)
{
	int64_t due_ms = rows_int(e->rows, e->next, 4);
	size_t at[BATCH_EVENTS_MAX], after;
	if (e->under_way[e->next]) {
		e->next++;
		return true;
	}
	if (due_ms > now) /* the rest is later still */
		return later(e, due_ms);
	size_t n = pick(e, w, now, at, &after);
	if (n < (size_t)w->batch_events && e->stale) { /* there are more on disk than were read: begin again */
		e->onward = 0;
		forget_rows(e);
		return true;
	}
	if (n < (size_t)w->batch_events && !e->onward && due_ms + w->batch_ms > now) /* the batch waits for more */
		return later(e, due_ms + w->batch_ms);
	if (e->in_flight >= w->concurrency || e->unsettled >= UNSETTLED_MAX)
		return false; /* looked at again when one is answered, or on disk */
	enum token_state token = w->token_url ? token_state(&e->token, w, now) : TOKEN_GOOD;
	if (token == TOKEN_WANTED)
		ask_token(c, e, w, now);
	if (token == TOKEN_WANTED || token == TOKEN_ASKED)
		return false; /* looked at again when it is there */
	if ((e->wait_ms = rate_wait(e, w->rate_per_second, now)))
		return false;
	struct transfer *t = make_delivery(c, o, w, e->token.text, e->rows, at, n);
	bool refused = t && token == TOKEN_REFUSED;
	if (!t || (!refused && !start(c, t))) {
		if (t)
			transfer_free(t);
		e->wait_ms = now + 1000;
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		struct delivery *d = &t->deliveries[i];
		HASH_ADD_STR(c->deliveries, id, d);
	}
	e->in_flight++;
	e->unsettled += (int)n;
	e->next = after;
	if (refused) { /* a try, so that it is seen, and comes again in its time */
		t->refusal = e->token.error;
		delivery_done(c, t, CURLE_LOGIN_DENIED);
	}
	return true;
}

/* Start what is due for one webhook, as far as its concurrency allows. */
static void feed(struct http_client *c, struct endpoint *e, int64_t now)
{
	struct store_rows *where = NULL;
	if (!e->organization_id[0]) {
		where = store_query(c->reader, "SELECT organization_id FROM resources WHERE id = $1 AND kind = 'outgoing_webhook'", "s", e->id);
		if (rows_count(where))
			snprintf(e->organization_id, sizeof e->organization_id, "%s", rows_text(where, 0, 0));
		rows_free(where);
	}
	const struct organization *o = e->organization_id[0] ? config_organization(c->config, e->organization_id) : NULL;
	const struct config_outgoing *w = o ? organization_find(o, "outgoing_webhook", e->id) : NULL;
	e->look = false;
	e->wait_ms = 0;
	if (!w || !w->enabled) { /* waits in the database until it is enabled, and touched */
		forget_rows(e);
		e->due_ms = e->onward = 0;
		organization_release(o);
		return;
	}
	if (e->paused_until_ms > now) {
		e->wait_ms = e->paused_until_ms;
		organization_release(o);
		return;
	}
	e->ordered = w->ordered;
	do {
		while (e->next < rows_count(e->rows) && start_next(c, e, o, w, now)) {
			/* as many as may go */
		}
	} while (e->next >= rows_count(e->rows) && !e->wait_ms && refill(c, e, o, w, now));
	if (e->next >= rows_count(e->rows))
		forget_rows(e);
	organization_release(o);
}

/* What became of a request. It is the writer's while the job is; the delivery thread only keeps its deliveries' place. */
struct result_job {
	struct store_job job;
	struct http_client *client;
	struct transfer *transfer;
	int64_t at_ms;
	bool taken, gone; /* 2xx; 410 */
	enum health known;  /* of the webhook, before */
	enum health health; /* and after, when that is written; unknown: as before */
	bool disabled;
	struct event_touched touched;
	struct letter letter; /* to the delivery thread, which frees it all */
	struct result_job *next; /* among the unwritten */
};

/* It is disabled, in the transaction of the try that showed it, and told. */
static bool disable(struct store_conn *conn, struct result_job *r, int64_t since_ms)
{
	char id[ID_SIZE], reason[80];
	const struct organization *o = config_organization(r->client->config, r->transfer->organization_id);
	struct store_rows *rows = store_query(conn, "SELECT doc FROM resources WHERE id = $1 AND organization_id = $2 AND kind = 'outgoing_webhook'", "ss", r->transfer->webhook_id, r->transfer->organization_id);
	json_t *doc = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	bool ok = rows != NULL;
	rows_free(rows);
	if (o && json_is_true(json_object_get(doc, "enabled"))) {
		struct store_batch *batch = store_batch_new();
		struct buf data = {0};
		json_object_set_new(doc, "enabled", json_false());
		char *text = json_dumps(doc, JSON_COMPACT);
		if (r->gone)
			snprintf(reason, sizeof reason, "its URL answered 410 Gone");
		else
			snprintf(reason, sizeof reason, "no delivery was taken for %lld seconds", (long long)(r->at_ms - since_ms) / 1000);
		json_key(&data, "outgoing_webhook");
		json_open(&data);
		json_str(&data, "id", r->transfer->webhook_id);
		json_str(&data, "name", json_string_value(json_object_get(doc, "name")));
		json_str(&data, "url", json_string_value(json_object_get(doc, "url")));
		json_close(&data);
		json_str(&data, "reason", reason);
		json_time(&data, "failing_since", since_ms);
		if (batch) {
			store_batch_add(batch, "UPDATE resources SET doc = $1, version = version + 1, updated_at = $2 WHERE id = $3 AND organization_id = $4", "siss", text, r->at_ms, r->transfer->webhook_id, r->transfer->organization_id);
			store_batch_add(batch, "UPDATE webhook_failures SET disabled_at = $1, reason = $2 WHERE webhook_id = $3 AND organization_id = $4", "isss", r->at_ms, reason, r->transfer->webhook_id, r->transfer->organization_id);
			store_batch_add(batch, "INSERT INTO audit (id, organization_id, actor, action, resource_id, doc, created_at) VALUES ($1, $2, 'delivery', 'disable', $3, '{}', $4)", "sssi", id_new("aud", id), r->transfer->organization_id, r->transfer->webhook_id, r->at_ms);
			event_emit(batch, o, &(struct event){.type = "webhook.disabled", .data = buf_text(&data)}, r->at_ms, &r->touched);
		}
		ok = batch && text && store_batch_run(batch, conn);
		r->disabled = ok;
		store_batch_free(batch);
		buf_free(&data);
		free(text);
	}
	json_decref(doc);
	organization_release(o);
	return ok;
}

/* Was it disabled, and not enabled since? What its tries that were on their way then come to says nothing new. */
static bool is_disabled(struct store_conn *conn, const struct result_job *r)
{
	struct store_rows *rows = store_query(conn,
		"SELECT resources.doc FROM webhook_failures JOIN resources ON resources.id = webhook_failures.webhook_id "
		"AND resources.organization_id = webhook_failures.organization_id WHERE webhook_failures.webhook_id = $1 "
		"AND webhook_failures.organization_id = $2 AND webhook_failures.disabled_at IS NOT NULL",
		"ss", r->transfer->webhook_id, r->transfer->organization_id);
	json_t *doc = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	bool disabled = json_is_false(json_object_get(doc, "enabled"));
	json_decref(doc);
	rows_free(rows);
	return disabled;
}

/* Since when it fails is written when that changes. */
static bool keep_health(struct store_conn *conn, struct result_job *r)
{
	r->health = HEALTH_UNKNOWN;
	if (r->taken && r->known == HEALTH_GOOD) /* another try may have failed meanwhile: this one says nothing new */
		return true;
	if (is_disabled(conn, r))
		return true;
	r->health = r->taken ? HEALTH_GOOD : HEALTH_FAILING;
	if (r->taken)
		return store_exec(conn, "DELETE FROM webhook_failures WHERE webhook_id = $1 AND organization_id = $2", "ss", r->transfer->webhook_id, r->transfer->organization_id);
	struct store_rows *rows = store_query(conn, "INSERT INTO webhook_failures (webhook_id, organization_id, failing_since) VALUES ($1, $2, $3) ON CONFLICT (webhook_id) DO UPDATE SET "
					      "failing_since = CASE WHEN webhook_failures.disabled_at IS NULL THEN webhook_failures.failing_since ELSE excluded.failing_since END, disabled_at = NULL, reason = NULL RETURNING failing_since",
					      "ssi", r->transfer->webhook_id, r->transfer->organization_id, r->at_ms);
	int64_t since = rows_int(rows, 0, 0);
	bool ok = rows_count(rows) == 1;
	rows_free(rows);
	return ok && ((!r->gone && r->at_ms - since < r->client->give_up_ms) || disable(conn, r, since));
}

static bool keep_result(struct store_conn *conn, const struct result_job *r, const struct delivery *d)
{
	const char *organization = r->transfer->organization_id;
	return store_exec(conn, "INSERT INTO delivery_attempts (delivery_id, attempt, organization_id, at_ms, doc) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (delivery_id, attempt) DO UPDATE SET at_ms = excluded.at_ms, doc = excluded.doc",
			  "sisis", d->id, (int64_t)d->attempt, organization, r->at_ms, d->doc) &&
	       store_exec(conn, "UPDATE deliveries SET status = $1, attempt_count = $2, next_attempt_at = NULLIF(CAST($3 AS BIGINT), 0), updated_at = $4 WHERE id = $5 AND organization_id = $6",
			  "siiiss", d->status, (int64_t)d->attempt, d->next_ms, r->at_ms, d->id, organization);
}

static bool run_result(struct store_job *job, struct store_conn *conn)
{
	struct result_job *r = (struct result_job *)job;
	bool ok = true;
	event_touched_free(&r->touched);
	r->disabled = false;
	for (size_t i = 0; ok && i < r->transfer->count; i++)
		ok = keep_result(conn, r, &r->transfer->deliveries[i]);
	return ok && keep_health(conn, r);
}

static void result_done(struct store_job *job, bool committed)
{
	struct result_job *r = (struct result_job *)job;
	if (committed && r->disabled)
		log_warn(r->transfer->webhook_id, "an outgoing webhook was disabled, because its deliveries fail");
	if (committed) {
		event_publish(&r->touched);
		http_client_touch(r->client, &r->touched);
	}
	event_touched_free(&r->touched);
	r->letter.kind = committed ? LETTER_SETTLED : LETTER_UNWRITTEN;
	r->letter.result = r;
	mailbox_post_reply(r->client->letters, &r->letter.mail);
}

/* What is kept has no key of a call, neither where it was sent nor where it was answered. */
static char *without_keys(struct buf *b)
{
	char *text = buf_take(b);
	if (text)
		(void)keys_mask(text, strlen(text));
	return text;
}

static char *attempt_doc(const struct transfer *t, const struct delivery *d, CURLcode code, long status)
{
	char shown[2048];
	struct buf b = {0};
	double total = 0, dns = 0, connect = 0, tls = 0, first = 0;
	const char *error = code == CURLE_OK ? NULL : failure(t, code);
	curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME, &total);
	curl_easy_getinfo(t->easy, CURLINFO_NAMELOOKUP_TIME, &dns);
	curl_easy_getinfo(t->easy, CURLINFO_CONNECT_TIME, &connect);
	curl_easy_getinfo(t->easy, CURLINFO_APPCONNECT_TIME, &tls);
	curl_easy_getinfo(t->easy, CURLINFO_STARTTRANSFER_TIME, &first);
	json_open(&b);
	json_key(&b, "request");
	json_open(&b);
	json_str(&b, "method", t->method);
	if (t->has_sensitive) /* without the parameters, and without what tokens of the path stand for */
		snprintf(shown, sizeof shown, "%.*s", (int)strcspn(t->url_template, "?"), t->url_template);
	json_str(&b, "url", t->has_sensitive ? shown : t->url);
	outgoing_headers_json(&b, t->headers, t->has_sensitive);
	if (*t->batch_id) {
		json_key(&b, "batch");
		json_open(&b);
		json_str(&b, "id", t->batch_id);
		json_int(&b, "events", (int64_t)t->count);
		json_close(&b);
	}
	if (t->body_is_event) /* the delivery has it */
		json_bool(&b, "body_is_event", true);
	else if (t->has_sensitive)
		json_str(&b, "body", "(not kept: it has values of sensitive tags)");
	else if (t->body) {
		json_key(&b, "body");
		buf_json_string(&b, t->body + d->at, d->len);
	} else {
		json_str(&b, "body", NULL);
	}
	json_close(&b);
	json_key(&b, "response");
	if (code == CURLE_OK) {
		json_open(&b);
		json_int(&b, "status", status);
		json_key(&b, "body");
		buf_json_string(&b, buf_text(&t->answer), t->answer.len);
		json_close(&b);
	} else {
		buf_add_str(&b, "null");
	}
	json_str(&b, "error", error);
	json_key(&b, "timings_ms");
	buf_printf(&b, "{\"dns\":%.1f,\"connect\":%.1f,\"tls\":%.1f,\"first_byte\":%.1f,\"total\":%.1f}", dns * 1000, connect * 1000, tls * 1000, first * 1000, total * 1000);
	json_close(&b);
	return without_keys(&b);
}

static void count_try(struct http_client *c, struct endpoint *e, const struct transfer *t, bool answered, double seconds)
{
	struct delivery_counts *n = &e->counts;
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < t->count; i++) {
		n->delivered += strcmp(t->deliveries[i].status, "delivered") == 0;
		n->failed += strcmp(t->deliveries[i].status, "failed") == 0;
		n->dead += strcmp(t->deliveries[i].status, "dead") == 0;
	}
	if (answered)
		delivery_counts_answer(n, seconds);
	pthread_mutex_unlock(&c->lock);
}

void http_client_each_webhook(struct http_client *c, void (*f)(void *arg, const struct delivery_counts *counts), void *arg)
{
	pthread_mutex_lock(&c->lock);
	for (struct endpoint *e = c->endpoints; e; e = e->hh.next)
		f(arg, &e->counts);
	pthread_mutex_unlock(&c->lock);
}

/* Delivered, to be tried again, or given up. retry_after: seconds, 0 for none. jitter: per mille, the same for a batch, so that it keeps its order. */
static void conclude(const struct http_client *c, struct delivery *d, const struct result_job *r, int64_t retry_after, int64_t jitter)
{
	if (r->taken) {
		d->status = "delivered";
	} else if (d->attempt > c->retries || r->gone) {
		d->status = "dead";
	} else {
		int64_t wait = c->retry_ms[d->attempt - 1];
		wait += wait * jitter / 1000;
		if (retry_after * 1000 > wait)
			wait = retry_after * 1000;
		d->status = "failed";
		d->next_ms = r->at_ms + wait;
	}
}

static void delivery_done(struct http_client *c, struct transfer *t, CURLcode code)
{
	long status = 0;
	curl_off_t retry_after = 0;
	double seconds = 0;
	struct result_job *r = calloc(1, sizeof *r);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after);
	curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME, &seconds);
	if (!r)
		return; /* stays in flight until the next start, then is sent again */
	if (retry_after > RETRY_AFTER_MAX)
		retry_after = RETRY_AFTER_MAX;
	static const struct store_job functions = {.run = run_result, .done = result_done};
	r->job = functions;
	r->client = c;
	r->transfer = t;
	r->at_ms = clock_now_ms();
	int64_t jitter = randombytes_uniform(100);
	struct endpoint *e = endpoint(c, t->webhook_id);
	r->known = e ? e->health : HEALTH_UNKNOWN;
	r->taken = code == CURLE_OK && status >= 200 && status < 300;
	r->gone = code == CURLE_OK && status == 410;
	/* Without memory the answer is kept as it came. */
	(void)!answer_decode(content_type(t), &t->answer);
	for (size_t i = 0; i < t->count; i++) {
		t->deliveries[i].doc = attempt_doc(t, &t->deliveries[i], code, status);
		conclude(c, &t->deliveries[i], r, retry_after, jitter);
	}
	if (e) {
		e->in_flight--;
		e->look = true;
		if (status == 401)
			token_drop(&e->token);
		if (!r->taken && status == 429 && retry_after) /* it is told of all that would come, not of this one */
			e->paused_until_ms = r->at_ms + retry_after * 1000;
		count_try(c, e, t, code == CURLE_OK, seconds);
	}
	let_go(c, t);
	store_submit_accepted(c->store, &r->job);
}

static void settled(struct http_client *c, const struct result_job *r)
{
	struct error err;
	struct transfer *t = r->transfer;
	struct endpoint *e = endpoint(c, t->webhook_id);
	for (size_t i = 0; i < t->count && c->deliveries; i++) {
		struct delivery *d = &t->deliveries[i];
		HASH_DEL(c->deliveries, d);
		if (e && d->next_ms && (!e->due_ms || d->next_ms < e->due_ms))
			e->due_ms = d->next_ms;
	}
	if (e) {
		e->unsettled -= (int)t->count;
		e->look = true;
		e->stale |= e->ordered; /* the next of its call may go */
		if (r->health != HEALTH_UNKNOWN)
			e->health = r->health;
		if (r->disabled && !config_reload(c->config, e->organization_id, &err))
			log_error(e->organization_id, "%s", err.text);
	}
	transfer_free(t);
}

/* The disk is full, or the database away: what was sent is not sent again for that. */
static void write_later(struct http_client *c, struct result_job *r)
{
	if (!c->unwritten) {
		log_error(r->transfer->webhook_id, "results of deliveries could not be written; it is tried again");
		c->unwritten_ms = clock_now_ms() + UNWRITTEN_MS;
	}
	r->next = c->unwritten;
	c->unwritten = r;
}

static void write_again(struct http_client *c)
{
	for (struct result_job *r = c->unwritten, *next; r; r = next) {
		next = r->next;
		store_submit_accepted(c->store, &r->job);
	}
	c->unwritten = NULL;
}

/* ---- the thread ---- */

void http_client_hand_over(struct http_client *c)
{
	c->handed_over = true;
}

void http_client_touch(struct http_client *c, const struct event_touched *touched)
{
	for (size_t i = 0; i < touched->count; i++) {
		struct letter *l = calloc(1, sizeof *l);
		if (!l)
			continue;
		l->kind = LETTER_TOUCH;
		snprintf(l->id, sizeof l->id, "%s", touched->ids[i]);
		mailbox_post_reply(c->letters, &l->mail);
	}
}

static void open_letters(struct http_client *c)
{
	struct endpoint *e;
	for (struct mail *m = mailbox_take_all(c->letters), *next; m; m = next) {
		struct letter *l = (struct letter *)m;
		next = m->next;
		switch (l->kind) {
		case LETTER_TOUCH:
			if ((e = endpoint(c, l->id)))
				e->look = e->stale = true;
			free(l);
			break;
		case LETTER_REQUEST:
			if (!start(c, l->request))
				request_done(c, l->request, CURLE_FAILED_INIT);
			free(l);
			break;
		case LETTER_SETTLED:
			settled(c, l->result);
			free(l->result);
			break;
		case LETTER_UNWRITTEN:
			write_later(c, l->result);
			break;
		}
	}
}

/* Those of webhooks that did something, or still have something to do. */
static void keep_statistics(struct http_client *c, int64_t now)
{
	for (struct endpoint *e = c->endpoints; e; e = e->hh.next) {
		if (!e->organization_id[0] || (e->counts.delivered + e->counts.failed + e->counts.dead == e->kept.delivered + e->kept.failed + e->kept.dead && !e->due_ms && !e->in_flight))
			continue;
		statistics_keep(c->store, e->organization_id, &e->kept, &e->counts, now);
		e->kept = e->counts;
	}
	c->statistics_ms = now;
}

/* Answers how long to wait for the next that is known to be due. */
static int feed_all(struct http_client *c)
{
	int64_t now = clock_now_ms(), next = now + 1000;
	if (now - c->statistics_ms >= STATISTICS_MS)
		keep_statistics(c, now);
	if (c->unwritten && c->unwritten_ms <= now)
		write_again(c);
	for (struct endpoint *e = c->endpoints; e; e = e->hh.next) {
		if (e->due_ms && e->due_ms <= now) {
			e->due_ms = 0; /* known again when they are read */
			e->look = e->stale = true;
		}
		if (!c->handed_over && (e->look || (e->wait_ms && e->wait_ms <= now)))
			feed(c, e, now);
		if (e->wait_ms && e->wait_ms < next)
			next = e->wait_ms;
		if (e->due_ms && e->due_ms < next)
			next = e->due_ms;
	}
	return next > now ? (int)(next - now) : 0;
}

/* Did the look-up of the host's name take all the time that there was? */
static bool name_is_silent(const struct transfer *t, CURLcode code)
{
	double seconds = 0;
	curl_easy_getinfo(t->easy, CURLINFO_NAMELOOKUP_TIME, &seconds);
	return code == CURLE_OPERATION_TIMEDOUT && t->looks_up && seconds <= 0;
}

static void transfer_done(struct http_client *c, struct transfer *t, CURLcode code)
{
	if (name_is_silent(t, code)) {
		names_note_silent(&c->names, t->url, clock_monotonic_ms());
		t->refusal = NO_NAME_SERVER;
	}
	if (t->kind == TRANSFER_REQUEST)
		request_done(c, t, code);
	else if (t->kind == TRANSFER_DELIVERY)
		delivery_done(c, t, code);
	else
		token_done(c, t, code);
}

/* Returns whether there were any. */
static bool end_refused(struct http_client *c)
{
	struct transfer *t = c->refused;
	bool any = t != NULL;
	c->refused = NULL;
	for (struct transfer *next; t; t = next) {
		next = t->next_refused;
		transfer_done(c, t, CURLE_COULDNT_RESOLVE_HOST);
	}
	return any;
}

static void *client_main(void *arg)
{
	struct http_client *c = arg;
	struct store_rows *rows = store_query(c->reader, "SELECT DISTINCT webhook_id FROM deliveries WHERE status IN ('pending', 'failed')", "");
	for (size_t i = 0; i < rows_count(rows); i++) {
		struct endpoint *e = endpoint(c, rows_text(rows, i, 0));
		if (e)
			e->look = e->stale = true;
	}
	rows_free(rows);
	while (!c->stop) {
		int running, left;
		CURLMsg *message;
		open_letters(c);
		int wait = feed_all(c);
		curl_multi_perform(c->multi, &running);
		while ((message = curl_multi_info_read(c->multi, &left))) {
			struct transfer *t;
			CURLcode code = message->data.result;
			if (message->msg != CURLMSG_DONE)
				continue;
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
			curl_multi_remove_handle(c->multi, t->easy);
			if (t->kind == TRANSFER_TOKEN)
				wait = 0; /* what waited for it may go */
			transfer_done(c, t, code);
		}
		if (end_refused(c))
			wait = 0;
		struct curl_waitfd extra = {.fd = mailbox_fd(c->letters), .events = CURL_WAIT_POLLIN};
		curl_multi_poll(c->multi, &extra, 1, wait, NULL);
	}
	return NULL;
}

struct http_client *http_client_create(struct store *store, struct config_store *config, bool allow_private, const char *retry_seconds, int64_t give_up_ms, struct error *err)
{
	struct http_client *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pthread_mutex_init(&c->lock, NULL);
	c->store = store;
	c->config = config;
	c->allow_private = allow_private;
	c->give_up_ms = give_up_ms;
	c->statistics_ms = clock_now_ms();
	for (const char *p = retry_seconds; *p && c->retries < ATTEMPTS_MAX;) {
		char *end;
		double seconds = strtod(p, &end);
		if (end == p || seconds < 0 || seconds > 864000 || (*end && *end != ',')) {
			error_set(err, "the retry schedule '%s' must be seconds with commas between, such as 5,300,1800", retry_seconds);
			free(c);
			return NULL;
		}
		c->retry_ms[c->retries++] = (int)(seconds * 1000);
		p = *end ? end + 1 : end;
	}
	c->letters = mailbox_create(1);
	c->multi = curl_multi_init();
	c->reader = store_connect(store, true, err);
	curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 50L);
	curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT); /* else four for each request that is under way: of many buyers who are asked at once, most would be connected with anew */
	if (!c->letters || !c->multi || !c->reader || pthread_create(&c->thread, NULL, client_main, c) != 0) {
		error_set(err, "the delivery thread could not be started");
		mailbox_destroy(c->letters);
		if (c->multi)
			curl_multi_cleanup(c->multi);
		store_disconnect(c->reader);
		free(c);
		return NULL;
	}
	pthread_setname_np(c->thread, "delivery");
	return c;
}

void http_client_stop(struct http_client *c)
{
	c->stop = true;
	mailbox_wake(c->letters);
	pthread_join(c->thread, NULL);
	keep_statistics(c, clock_now_ms());
}

void http_client_free(struct http_client *c)
{
	struct endpoint *e, *next_e;
	struct delivery *d, *next_d;
	for (struct mail *m = mailbox_take_all(c->letters), *next; m; m = next) {
		next = m->next;
		struct letter *l = (struct letter *)m;
		if (l->kind == LETTER_REQUEST)
			transfer_free(l->request);
		if (l->result)
			free(l->result); /* its transfer is found by its deliveries */
		else
			free(l);
	}
	for (struct result_job *r = c->unwritten, *next; r; r = next) {
		next = r->next;
		free(r);
	}
	HASH_ITER(hh, c->deliveries, d, next_d) {
		struct transfer *t = d->transfer;
		HASH_DEL(c->deliveries, d);
		if (d != &t->deliveries[t->count - 1]) /* they are in the order they were added */
			continue;
		if (t->easy)
			curl_multi_remove_handle(c->multi, t->easy);
		transfer_free(t);
	}
	HASH_ITER(hh, c->endpoints, e, next_e) {
		HASH_DEL(c->endpoints, e);
		forget_rows(e);
		if (e->asking) {
			curl_multi_remove_handle(c->multi, e->asking->easy);
			transfer_free(e->asking);
		}
		token_drop(&e->token);
		free(e->token.of);
		free(e);
	}
	while (c->idle_count)
		curl_easy_cleanup(c->idle[--c->idle_count]);
	curl_multi_cleanup(c->multi);
	names_free(&c->names);
	store_disconnect(c->reader);
	pthread_mutex_destroy(&c->lock);
	mailbox_destroy(c->letters);
	free(c);
}
