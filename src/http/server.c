#include "http/server.h"
#include "http/admit.h"
#include "http/api/api.h"
#include "http/auth.h"
#include "http/connections.h"
#include "http/deadline.h"
#include "http/fields.h"
#include "http/guesses.h"
#include "http/hashing.h"
#include "http/idempotency.h"
#include "http/key_use.h"
#include "http/static.h"
#include "http/strict.h"
#include "http/work.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/inflate.h"
#include "base/json_read.h"
#include "base/log.h"
#include "store/retention.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define METRICS_CONNECTIONS_MAX 64u
#define NEW_ORGANIZATIONS_MS 2000 /* how often another process's are looked for */
#define SLOW_MS 2000 /* a body that took longer: who sent it is asked again */

struct http_server {
	struct http_config config;
	struct MHD_Daemon *daemon, *metrics; /* metrics: the listener of /metrics alone, or NULL */
	pthread_t reloader;
	struct mailbox *reloads;
	struct deadlines *deadlines;
	struct connections *connections;
	struct hashing *hashing;
	struct bodies bodies;
	_Atomic bool stop, handed_over;
	bool reloading;
};

/* One exchange: the request and its way through the threads. */
struct exchange {
	struct http_request request; /* first */
	struct store_job job;
	struct mail reload_mail;
	struct hash_job hash;
	struct http_server *server;
	struct MHD_Connection *connection;
	const struct http_route *route; /* NULL: there is none */
	bool path_known, is_foreign, handled;
	bool malformed; /* answered with 400, and the connection is closed */
	struct body body;
	size_t came; /* bytes of the body, those that were not kept included */
	int64_t began_ms; /* monotonic */
	enum inflate_result coding; /* of the body */
};

#define EXCHANGE(r) ((struct exchange *)(void *)(r))
#define EXCHANGE_OF(m, member) ((struct exchange *)((char *)(m) - offsetof(struct exchange, member)))

/* ---- reading ---- */

const char *http_query(const struct http_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_header(const struct http_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

struct each {
	void (*f)(void *arg, const char *name, const char *value);
	void *arg;
};

static void add_if_match(void *arg, const char *name, const char *value)
{
	struct buf *list = arg;
	if (strcasecmp(name, "If-Match") != 0)
		return;
	if (list->len)
		buf_add_char(list, ',');
	buf_add_str(list, value);
	if (!list->len)
		buf_add_char(list, ' ');
}

/* Fields of one name are one list (RFC 9110 section 5.3). Without memory: a value that nothing matches. */
static void read_if_match(struct http_request *r)
{
	struct buf list = {.limit = 8192};
	http_each_header(r, add_if_match, &list);
	if (list.failed)
		r->if_match = "";
	else if (list.len)
		r->if_match = arena_strdup(&r->arena, buf_text(&list));
	if (list.len && !r->if_match)
		r->if_match = "";
	buf_free(&list);
}

static enum MHD_Result each_value(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct each *e = arg;
	(void)kind;
	e->f(e->arg, name, value ? value : "");
	return MHD_YES;
}

void http_each_query(const struct http_request *r, void (*f)(void *arg, const char *name, const char *value), void *arg)
{
	struct each e = {f, arg};
	MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, each_value, &e);
}

struct each_bytes {
	http_bytes_f *f;
	void *arg;
};

static enum MHD_Result each_bytes(void *arg, enum MHD_ValueKind kind, const char *name,
				  size_t name_len, const char *value, size_t value_len)
{
	struct each_bytes *e = arg;
	(void)kind;
	e->f(e->arg, name, name_len, value ? value : "", value ? value_len : 0);
	return MHD_YES;
}

void http_each_query_bytes(const struct http_request *r, http_bytes_f *f, void *arg)
{
	struct each_bytes e = {f, arg};
	MHD_get_connection_values_n(r->connection, MHD_GET_ARGUMENT_KIND, each_bytes, &e);
}

void http_each_header(const struct http_request *r, void (*f)(void *arg, const char *name, const char *value), void *arg)
{
	struct each e = {f, arg};
	MHD_get_connection_values(r->connection, MHD_HEADER_KIND, each_value, &e);
}

static bool from_proxy(const struct http_request *r)
{
	return network_has(r->config->proxies, r->config->proxy_count, (const struct sockaddr *)&r->sender);
}

static void add_forwarded(void *arg, const char *name, const char *value)
{
	if (strcasecmp(name, "X-Forwarded-For") == 0) {
		if (buf_text(arg)[0])
			buf_add_char(arg, ',');
		buf_add_str(arg, value);
	}
}

/* Each proxy writes behind the others whom it was asked by: from the end on, as far as those who wrote are trusted. */
static void find_sender(struct http_request *r)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct buf list = {.limit = 8192};
	if (info)
		memcpy(&r->sender, info->client_addr, info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
	if (!from_proxy(r))
		return;
	const char *scheme = http_header(r, "X-Forwarded-Proto");
	r->secure = scheme && strcasecmp(scheme, "https") == 0;
	http_each_header(r, add_forwarded, &list);
	for (size_t end = list.failed ? 0 : list.len; end && from_proxy(r);) {
		const char *text = buf_text(&list);
		size_t from = end, last = end;
		struct sockaddr_storage named;
		while (from && text[from - 1] != ',')
			from--;
		end = from ? from - 1 : 0;
		while (from < last && (text[from] == ' ' || text[from] == '\t'))
			from++;
		while (last > from && (text[last - 1] == ' ' || text[last - 1] == '\t'))
			last--;
		if (!address_parse(text + from, last - from, &named))
			break;
		r->sender = named;
	}
	buf_free(&list);
}

/* Undo the body's content codings (RFC 9110 section 8.4); it may be as large as one without. */
static void undo_codings(struct exchange *x)
{
	struct http_request *r = &x->request;
	const char *codings = http_header(r, "Content-Encoding");
	struct buf out = {.limit = x->body.max};
	if (!codings || !r->body)
		return;
	x->coding = inflate_body(codings, r->body, r->body_len, &out);
	if (x->coding != INFLATE_OK) {
		buf_free(&out);
		return;
	}
	r->coded = r->body;
	r->coded_len = r->body_len;
	r->body_len = out.len;
	r->body = buf_take(&out);
	if (!r->body || !body_reserve(&x->body, &x->server->bodies, r->body_len))
		x->coding = INFLATE_NO_MEMORY;
}

static bool is_incoming(const struct http_route *route)
{
	return route->handle == api_incoming_hook;
}

static void refuse_size(struct exchange *x)
{
	struct http_request *r = &x->request;
	const char *more = x->coding == INFLATE_TOO_LARGE ? ", when it is decompressed" : "";
	if (x->body.stranger && is_incoming(x->route))
		http_problem(r, 413, "The body is too large",
			     "at most %zu bytes are taken here with the key in the URL or in "
			     "Authorization, and %zu without%s", BODY_MAX, x->body.max, more);
	else
		http_problem(r, 413, "The body is too large", "at most %zu bytes are taken here%s",
			     x->body.max, more);
}

static void refuse_memory(struct http_request *r)
{
	snprintf(r->retry_after, sizeof r->retry_after, "5");
	http_problem(r, 503, "Too much is being sent at once", "try again shortly");
}

bool http_body_refused(struct http_request *r)
{
	struct exchange *x = EXCHANGE(r);
	const char *title = "The body cannot be read", *codings = http_header(r, "Content-Encoding");
	if (x->body.state == BODY_TOO_LARGE || x->coding == INFLATE_TOO_LARGE)
		refuse_size(x);
	else if (x->body.state == BODY_NO_ROOM || x->coding == INFLATE_NO_MEMORY)
		refuse_memory(r);
	else if (x->coding == INFLATE_UNKNOWN)
		http_problem(r, 415, title, "its Content-Encoding is %.60s: send gzip or deflate", codings);
	else if (x->coding == INFLATE_BROKEN)
		http_problem(r, 400, title, "it is not what its Content-Encoding, %.60s, says", codings);
	return x->body.state != BODY_OK || x->coding != INFLATE_OK;
}

/* RFC 8259 section 8.1 lets a reader ignore a byte order mark. */
static json_t *load_json(const char *body, size_t len, json_error_t *err)
{
	size_t mark = len >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	return json_loadb(body + mark, len - mark, JSON_REJECT_DUPLICATES, err);
}

json_t *http_body_repaired(struct http_request *r)
{
	struct error err;
	if (!r->json)
		r->json = json_read(r->body ? r->body : "", r->body_len, NULL, NULL, &err);
	if (!r->json)
		http_problem(r, 400, "The body is not JSON", "%s", err.text);
	return r->json ? http_body_object(r) : NULL;
}

json_t *http_body_object(struct http_request *r)
{
	json_error_t err;
	if (!r->json)
		r->json = load_json(r->body ? r->body : "", r->body_len, &err);
	if (!r->json) {
		http_problem(r, 400, "The body is not JSON", "%s (line %d, column %d)", err.text, err.line, err.column);
		return NULL;
	}
	if (!json_is_object(r->json)) {
		http_problem(r, 400, "The body is not an object", "send a JSON object");
		return NULL;
	}
	return r->json;
}

/* ---- answering ---- */

enum http_result http_text(struct http_request *r, int status, struct buf *json)
{
	size_t len = json->len;
	free(r->answer);
	r->answer = buf_take(json);
	r->answer_len = r->answer ? len : 0;
	r->status = r->answer ? status : 500;
	r->content_type = "application/json";
	return HTTP_REPLY;
}

enum http_result http_json(struct http_request *r, int status, json_t *json)
{
	free(r->answer);
	r->answer = json_dumps(json, JSON_COMPACT);
	r->answer_len = r->answer ? strlen(r->answer) : 0;
	r->status = status;
	r->content_type = "application/json";
	json_decref(json);
	return HTTP_REPLY;
}

static enum http_result problem(struct http_request *r, int status, const char *title, const char *detail, json_t *errors)
{
	json_t *p = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title", title, "status", status, "detail", detail);
	if (errors)
		json_object_set(p, "errors", errors);
	http_json(r, status, p);
	r->content_type = "application/problem+json";
	return HTTP_REPLY;
}

enum http_result http_problem(struct http_request *r, int status, const char *title, const char *fmt, ...)
{
	char detail[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	return problem(r, status, title, detail, NULL);
}

enum http_result http_problem_errors(struct http_request *r, int status, const char *title, const char *detail, struct errors *errors)
{
	enum http_result result = problem(r, status, title, detail, errors->list);
	errors_free(errors);
	return result;
}

enum http_result http_invalid(struct http_request *r, struct errors *errors)
{
	return http_problem_errors(r, 422, "Some fields are not valid", "see errors: each names a field and what is wrong with it", errors);
}

/* "bytes=10-19", "bytes=10-", "bytes=-5": one range. false: it is none, or lies outside. */
static bool read_range(const char *text, uint64_t size, uint64_t *from, uint64_t *len)
{
	unsigned long long a = 0, b = 0;
	int end = 0;
	if (sscanf(text, "bytes=-%llu%n", &b, &end) == 1 && !text[end] && b) {
		*from = b < size ? size - b : 0;
		*len = size - *from;
		return size > 0;
	}
	bool both = sscanf(text, "bytes=%llu-%llu%n", &a, &b, &end) == 2 && !text[end];
	if (!both && (sscanf(text, "bytes=%llu-%n", &a, &end) != 1 || !end || text[end]))
		return false;
	if (a >= size || (both && b < a))
		return false;
	*from = a;
	*len = (both && b < size ? b + 1 : size) - a;
	return true;
}

struct file_part {
	struct file *file;
	int64_t at, end;
};

static int64_t read_file_part(void *arg, char *to, size_t room)
{
	struct file_part *p = arg;
	int64_t n = file_read(p->file, p->at, to, room < (size_t)(p->end - p->at) ? room : (size_t)(p->end - p->at));
	if (n <= 0)
		return -1;
	p->at += n;
	return n;
}

static void release_file_part(void *arg)
{
	struct file_part *p = arg;
	file_close(p->file);
	free(p);
}

bool http_file(struct http_request *r, const char *path, const char *content_type)
{
	const char *range = http_header(r, "Range");
	struct file *file = file_open(path, config_key(r->config->config), NULL);
	uint64_t size = file ? (uint64_t)file_size(file) : 0, from = 0, len = size;
	struct file_part *part = file ? malloc(sizeof *part) : NULL;
	if (!part) {
		file_close(file);
		return false;
	}
	*part = (struct file_part){.file = file};
	r->ranges = true;
	if (range && !read_range(range, size, &from, &len)) {
		release_file_part(part);
		snprintf(r->content_range, sizeof r->content_range, "bytes */%llu", (unsigned long long)size);
		http_problem(r, 416, "There is no such range", "the file has %llu bytes", (unsigned long long)size);
		return true;
	}
	part->at = (int64_t)from;
	part->end = (int64_t)(from + len);
	http_stream(r, content_type, read_file_part, release_file_part, part);
	r->stream_len = (int64_t)len;
	if (range) {
		r->status = 206;
		snprintf(r->content_range, sizeof r->content_range, "bytes %llu-%llu/%llu", (unsigned long long)from, (unsigned long long)(from + len - 1), (unsigned long long)size);
	}
	return true;
}

struct store_conn *http_reader(struct http_request *r)
{
	struct store_conn *conn = store_reader(r->config->store);
	if (!conn) {
		http_problem(r, 503, "The database is away", "try again shortly");
		snprintf(r->retry_after, sizeof r->retry_after, "5");
	}
	return conn;
}

/* ---- writing ---- */

static bool run_job(struct store_job *job, struct store_conn *conn)
{
	struct exchange *x = EXCHANGE_OF(job, job);
	x->request.reload = false;
	event_touched_free(&x->request.touched);
	if (!x->request.idempotency_key)
		return x->request.run(conn, &x->request);
	bool failed = false;
	if (idempotency_repeats(conn, &x->request, &failed))
		return true;
	return !failed && x->request.run(conn, &x->request) && idempotency_keep(conn, &x->request);
}

static void finish_write(struct exchange *x)
{
	if (x->request.after)
		x->request.after(&x->request);
	http_resume(&x->request);
}

static void job_done(struct store_job *job, bool committed)
{
	struct exchange *x = EXCHANGE_OF(job, job);
	struct http_request *r = &x->request;
	if (!committed) {
		http_problem(r, 503, "The change could not be stored", "the database did not take it; nothing was changed");
		snprintf(r->retry_after, sizeof r->retry_after, "5");
		r->after = NULL;
		r->reload = false;
	} else {
		event_publish(&r->touched);
		http_client_touch(r->config->client, &r->touched);
	}
	if (r->reload)
		mailbox_post_reply(x->server->reloads, &x->reload_mail);
	else
		finish_write(x);
}

/* Configuration that was changed is built anew here, so that the writer goes on writing.
 * Organizations that `strowger organization add` made are taken up here, too. */
#define KEEPING_MS 60000 /* how often what has expired is looked for */

/*
 * Read the organization that the first change is of, once for all of its changes that wait: an
 * organization with many changes delays others by one reading. Returns the changes of others.
 */
static struct mail *reload_first(struct http_server *s, struct mail *changes)
{
	struct error err;
	struct mail *others = NULL, **last = &others;
	char id[sizeof ((struct exchange *)NULL)->request.reload_id];
	struct exchange *first = EXCHANGE_OF(changes, reload_mail);
	snprintf(id, sizeof id, "%s", first->request.reload_id);
	if (!config_reload(s->config.config, id, &err))
		log_error(id, "%s", err.text);
	for (struct mail *m = changes, *next; m; m = next) {
		struct exchange *x = EXCHANGE_OF(m, reload_mail);
		next = m->next;
		if (strcmp(x->request.reload_id, id) == 0) {
			finish_write(x);
			continue;
		}
		m->next = NULL;
		*last = m;
		last = &m->next;
	}
	return others;
}

static void *reloader_main(void *arg)
{
	struct http_server *s = arg;
	struct error err;
	int64_t kept_ms = clock_now_ms();
	while (!s->stop) {
		struct mail *m = mailbox_take_all(s->reloads);
		if (!m) {
			mailbox_wait(s->reloads, NEW_ORGANIZATIONS_MS);
			feed_tick(config_feed(s->config.config), clock_now_ms());
			deadlines_enforce(s->deadlines, clock_monotonic_ms());
			if (!s->stop && clock_now_ms() - kept_ms > KEEPING_MS) {
				kept_ms = clock_now_ms();
				registry_sweep(s->config.registry, kept_ms);
				leases_sweep(s->config.leases, kept_ms);
				retention_start(s->config.store, kept_ms);
				key_uses_keep(s->config.key_uses);
			}
			if (!s->stop && !config_load_new(s->config.config, &err))
				log_error(NULL, "%s", err.text);
		}
		while (m)
			m = reload_first(s, m);
	}
	return NULL;
}

enum http_result http_write(struct http_request *r)
{
	struct exchange *x = EXCHANGE(r);
	x->job.run = run_job;
	x->job.done = job_done;
	http_suspend(r);
	if (store_submit(r->config->store, &x->job))
		return HTTP_WAIT;
	http_problem(r, 503, "Too many changes at once", "try again in a second");
	snprintf(r->retry_after, sizeof r->retry_after, "1");
	http_resume(r);
	return HTTP_WAIT;
}

static void hash_done(struct hash_job *job, bool stopping)
{
	struct exchange *x = EXCHANGE_OF(job, hash);
	struct http_request *r = &x->request;
	enum http_result result = HTTP_REPLY;
	r->password_fits = job->fits;
	free(r->password_hash);
	r->password_hash = job->made;
	if (stopping || (!job->verify && !job->made))
		http_problem(r, 503, "The server is stopping, or out of memory", "try again shortly");
	else
		result = r->hashed(r);
	if (result == HTTP_REPLY)
		http_resume(r);
}

enum http_result http_hash(struct http_request *r, const char *password, const char *verify)
{
	struct exchange *x = EXCHANGE(r);
	x->hash = (struct hash_job){.password = password, .verify = verify, .done = hash_done};
	if (r->suspended) {
		hashing_post_again(x->server->hashing, &x->hash);
		return HTTP_WAIT;
	}
	http_suspend(r);
	if (hashing_post(x->server->hashing, &x->hash))
		return HTTP_WAIT;
	snprintf(r->retry_after, sizeof r->retry_after, "1");
	http_problem(r, 503, "Too many passwords are being checked", "try again in a second");
	http_resume(r);
	return HTTP_WAIT;
}

void http_suspend(struct http_request *r)
{
	if (!r->suspended)
		MHD_suspend_connection(r->connection);
	r->suspended = true;
}

void http_resume(struct http_request *r)
{
	r->suspended = false; /* before: the HTTP thread has the request from then on */
	MHD_resume_connection(r->connection);
}

/* ---- the exchange ---- */

/* Also after another server has taken over? */
static bool goes_on(const struct http_request *r, const struct http_route *route)
{
	bool writes = route->handle == api_inbound_rtb || route->handle == api_incoming_hook;
	bool reads = strcmp(route->method, "GET") == 0 && !writes && strcmp(r->path, "/readyz") != 0;
	return reads || route->handle == api_call_hangup;
}

/* RFC 9110: OPTIONS (section 9.3.7), 405 with Allow (section 15.5.6), 404. */
static void answer_no_route(struct http_request *r, bool path_known)
{
	const char *title = "The method is not allowed here";
	if (path_known)
		http_route_methods(r);
	else if (static_has(r->path))
		snprintf(r->allow, sizeof r->allow, "GET, HEAD, OPTIONS");
	if (*r->allow && strcmp(r->method, "OPTIONS") == 0)
		r->status = 204;
	else if (*r->allow)
		http_problem(r, 405, title, "%.20s %.200s: this path has %s", r->method, r->path, r->allow);
	else
		http_problem(r, 404, "There is nothing here", "%.20s %.200s", r->method, r->path);
}

/* Whoever sent the body took long over it: does the key, or the session, still count? */
static bool still_admitted(struct exchange *x)
{
	struct http_request *r = &x->request;
	struct body again = {0};
	if (x->route->role == ROLE_NONE || clock_monotonic_ms() - x->began_ms < SLOW_MS)
		return true;
	if (r->organization)
		organization_release(r->organization);
	r->organization = NULL;
	admit(r, x->route, &again);
	return again.state == BODY_OK;
}

static void dispatch(struct exchange *x, enum http_result *result)
{
	struct http_request *r = &x->request;
	const struct http_route *route = x->route;
	bool file = !route && !x->path_known && !x->is_foreign && strcmp(r->method, "GET") == 0;
	*result = HTTP_REPLY;
	if (r->status || (file && static_serve(r)))
		return;
	if (!route) {
		if (x->is_foreign)
			http_problem(r, 404, "There is nothing here", "%.20s %.200s", r->method, r->path);
		else
			answer_no_route(r, x->path_known);
		return;
	}
	undo_codings(x);
	if (!route->takes_all && http_body_refused(r))
		return;
	if (x->server->handed_over && !goes_on(r, route)) {
		snprintf(r->retry_after, sizeof r->retry_after, "1");
		http_problem(r, 503, "This server is stopping", "another one has taken over: ask that");
		return;
	}
	if (route->role != ROLE_NONE && (!still_admitted(x) || !idempotency_begin(r)))
		return;
	*result = route->handle(r);
}

enum http_result http_stream(struct http_request *r, const char *content_type, int64_t (*read)(void *arg, char *to, size_t room), void (*release)(void *arg), void *arg)
{
	r->status = 200;
	r->content_type = content_type;
	r->stream = read;
	r->stream_release = release;
	r->stream_arg = arg;
	return HTTP_REPLY;
}

void http_suspend_stream(void *connection)
{
	MHD_suspend_connection(connection);
}

void http_resume_stream(void *connection)
{
	MHD_resume_connection(connection);
}

/* What libmicrohttpd keeps of a stream after the request is gone. */
struct streaming {
	int64_t (*read)(void *arg, char *to, size_t room);
	void (*release)(void *arg);
	void *arg;
};

static ssize_t read_piece(void *arg, uint64_t at, char *to, size_t room)
{
	struct streaming *s = arg;
	int64_t n = s->read(s->arg, to, room);
	(void)at;
	return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)n;
}

static void release_stream(void *arg)
{
	struct streaming *s = arg;
	s->release(s->arg);
	free(s);
}

static struct MHD_Response *create_stream(struct http_request *r)
{
	struct streaming *s = malloc(sizeof *s);
	struct MHD_Response *response = NULL;
	if (s) {
		*s = (struct streaming){r->stream, r->stream_release, r->stream_arg};
		response = MHD_create_response_from_callback(r->stream_len ? (uint64_t)r->stream_len : MHD_SIZE_UNKNOWN, 16384, read_piece, s, release_stream);
	}
	if (!response) {
		r->stream_release(r->stream_arg);
		free(s);
	}
	return response;
}

static struct MHD_Response *create_response(struct http_request *r, bool no_body)
{
	static char empty[1];
	if (r->stream)
		return create_stream(r);
	return MHD_create_response_from_buffer_with_free_callback(no_body ? 0 : r->answer_len, r->answer && !no_body ? r->answer : empty, r->answer && !no_body ? free : NULL);
}

/* A client that has the current representation is told so (RFC 9110 section 13.1.2). */
static void answer_not_modified(struct http_request *r)
{
	const char *none_match = http_header(r, "If-None-Match");
	bool reads = strcmp(r->method, "GET") == 0 && r->status == 200 && *r->etag;
	if (reads && none_match && etag_matches(none_match, r->etag, ETAG_WEAK))
		r->status = 304;
}

/* RFC 9110 section 11.6.1 wants a challenge with each 401; RFC 6750 section 3 has this one. */
static const char *challenge(const struct http_request *r)
{
	if (r->status != 401)
		return "";
	if (http_header(r, "Authorization"))
		return "Bearer realm=\"strowger\", error=\"invalid_token\"";
	return "Bearer realm=\"strowger\"";
}

static enum MHD_Result send_answer(struct exchange *x)
{
	struct http_request *r = &x->request;
	answer_not_modified(r);
	bool no_body = r->status == 204 || r->status == 304;
	struct MHD_Response *response = create_response(r, no_body);
	if (!response)
		return MHD_NO;
	if (!no_body) {
		r->answer = NULL;
		MHD_add_response_header(response, "Content-Type", r->content_type ? r->content_type : "application/json");
	}
	const struct {
		const char *name, *value;
	} headers[] = {
		{"Location", r->location}, {"ETag", r->etag}, {"Set-Cookie", r->cookie}, {"Retry-After", r->retry_after}, {"Content-Disposition", r->disposition}, {"Content-Range", r->content_range}, {"Accept-Ranges", r->ranges ? "bytes" : ""},
		{"Allow", r->allow}, {"WWW-Authenticate", challenge(r)},
	};
	for (size_t i = 0; i < ARRAY_LEN(headers); i++)
		if (*headers[i].value)
			MHD_add_response_header(response, headers[i].name, headers[i].value);
	if (x->malformed)
		MHD_add_response_header(response, "Connection", "close");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (*r->allow_origin) {
		MHD_add_response_header(response, "Access-Control-Allow-Origin", r->allow_origin);
		MHD_add_response_header(response, "Access-Control-Allow-Methods", "POST");
		MHD_add_response_header(response, "Access-Control-Allow-Headers", "Content-Type");
		MHD_add_response_header(response, "Access-Control-Max-Age", "86400");
		MHD_add_response_header(response, "Vary", "Origin");
	}
	static_headers(r, response);
	enum MHD_Result result = MHD_queue_response(x->connection, (unsigned)r->status, response);
	MHD_destroy_response(response);
	return result;
}

static struct deadline *deadline_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

/* Proxies have one connection for each of their clients, and are not counted. */
static bool is_counted(const struct http_server *s, struct MHD_Connection *connection,
		       char address[ADDRESS_SIZE])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (!info || network_has(s->config.proxies, s->config.proxy_count, info->client_addr))
		return false;
	address_group(info->client_addr, address);
	return true;
}

/* A connection beyond the address's share is shut down at once; libmicrohttpd then closes it. */
static void open_connection(struct http_server *s, struct MHD_Connection *connection, int socket)
{
	char address[ADDRESS_SIZE];
	bool first;
	if (!is_counted(s, connection, address) || connections_open(s->connections, address, &first))
		return;
	shutdown(socket, SHUT_RDWR);
	if (first)
		log_warn(NULL, "%s has more than %zu HTTP connections open: further ones are closed. "
			 "If it is a reverse proxy, name it in --trusted-proxies",
			 address, s->config.connections_per_address);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct http_server *s = arg;
	char address[ADDRESS_SIZE];
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		deadline_free(s->deadlines, *context);
		if (is_counted(s, connection, address))
			connections_close(s->connections, address);
	} else if (info) {
		*context = deadline_new(s->deadlines, info->connect_fd, clock_monotonic_ms());
		open_connection(s, connection, info->connect_fd);
	}
}

/*
 * The request is answered before its body comes: the client waits with it, and it is too large or
 * not wanted (RFC 9110 section 10.1.1), or it is larger than anything that is taken anywhere.
 */
static bool answers_at_once(struct exchange *x)
{
	const char *expect = http_header(&x->request, "Expect");
	const char *length = http_header(&x->request, "Content-Length");
	unsigned long long announced = length ? strtoull(length, NULL, 10) : 0;
	bool waits = expect && strcasecmp(expect, "100-continue") == 0;
	if (announced > x->body.max && x->body.state == BODY_OK)
		x->body.state = BODY_TOO_LARGE;
	return announced > BODY_UPLOAD_MAX || (waits && announced && x->body.state != BODY_OK);
}

/* The request is read. Called again when a suspended connection goes on: it is answered then. */
static enum MHD_Result answer_request(struct exchange *x)
{
	enum http_result result;
	if (x->handled)
		return send_answer(x);
	x->handled = true;
	x->request.body = x->body.data;
	x->request.body_len = x->body.len;
	x->body.data = NULL;
	read_if_match(&x->request);
	deadline_none(deadline_of(x->connection));
	dispatch(x, &result);
	return result == HTTP_WAIT ? MHD_YES : send_answer(x);
}

/* The state of a request whose URI has too many arguments: see on_uri(). */
static char too_many_arguments;

/*
 * Before the URI is split. libmicrohttpd never answers when its arguments do not fit into the
 * connection's memory: they are cut off, and on_request() refuses the request.
 */
static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
	char *query = strchr(uri, '?');
	(void)arg;
	(void)connection;
	if (!query || strict_uri_fits(uri))
		return NULL;
	query[1] = '\0';
	return &too_many_arguments;
}

/* Refuse what is no good HTTP. false: the answer is set. */
static bool is_wellformed(struct exchange *x, const char *version, bool fits)
{
	const char *problem = strict_problem(x->connection, version);
	x->malformed = problem || !fits;
	if (problem)
		http_problem(&x->request, 400, "The request is malformed", "%s", problem);
	else if (!fits)
		http_problem(&x->request, 414, "The URI is too long", "it has too many query arguments");
	return !x->malformed;
}

static bool is_this_machine(const struct sockaddr *address)
{
	struct network own[2];
	return network_parse("127.0.0.0/8", &own[0]) && network_parse("::1", &own[1]) &&
	       network_has(own, ARRAY_LEN(own), address);
}

/* Metrics name what all organizations have: they are at an address of their own, or for this machine. */
static bool belongs_here(const struct exchange *x)
{
	const struct http_server *s = x->server;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_DAEMON);
	bool at_metrics = s->metrics && info && info->daemon == s->metrics;
	if (!x->route || x->route->handle != api_metrics)
		return !at_metrics;
	if (s->metrics)
		return at_metrics;
	return is_this_machine((const struct sockaddr *)&x->request.sender);
}

/* The headers have come. NULL: no memory. */
static struct exchange *begin_exchange(struct http_server *s, struct MHD_Connection *connection,
				       const char *url, const char *method, const char *version,
				       bool fits)
{
	struct exchange *x = calloc(1, sizeof *x);
	struct http_request *r = &x->request;
	if (!x)
		return NULL;
	x->server = s;
	x->connection = connection;
	x->began_ms = clock_monotonic_ms();
	r->connection = connection;
	r->config = &s->config;
	r->head = strcmp(method, "HEAD") == 0;
	r->method = arena_strdup(&r->arena, r->head ? "GET" : method);
	r->path = arena_strdup(&r->arena, url);
	if (!r->method || !r->path) {
		arena_free(&r->arena);
		free(x);
		return NULL;
	}
	find_sender(r);
	r->host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
	if (!is_wellformed(x, version, fits))
		return x;
	x->route = http_route_find(r, &x->path_known);
	if (!belongs_here(x)) {
		x->route = NULL;
		x->path_known = false;
		x->is_foreign = true;
	}
	admit(r, x->route, &x->body);
	return x;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
				  const char *version, const char *data, size_t *data_len, void **state)
{
	struct http_server *s = arg;
	struct exchange *x = *state;
	if (!x || *state == &too_many_arguments) {
		bool fits = !x;
		*state = x = begin_exchange(s, connection, url, method, version, fits);
		deadline_headers(s->deadlines, deadline_of(connection), clock_monotonic_ms());
		if (!x)
			return MHD_NO;
		return x->malformed || answers_at_once(x) ? answer_request(x) : MHD_YES;
	}
	if (!*data_len)
		return answer_request(x);
	x->came += *data_len;
	if (x->came > 2 * BODY_UPLOAD_MAX) /* without a Content-Length, and too much to wait for its end */
		return MHD_NO;
	body_add(&x->body, &s->bodies, data, *data_len);
	deadline_body(s->deadlines, deadline_of(connection), *data_len, clock_monotonic_ms());
	*data_len = 0;
	return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *state;
	struct http_server *s = arg;
	(void)code;
	if (!x || *state == &too_many_arguments)
		return;
	deadline_next(s->deadlines, deadline_of(connection), clock_monotonic_ms());
	if (x->request.organization)
		organization_release(x->request.organization);
	if (x->request.cleanup)
		x->request.cleanup(&x->request);
	event_touched_free(&x->request.touched);
	json_decref(x->request.json);
	body_free(&x->body, &s->bodies);
	free(x->request.body);
	free(x->request.coded);
	free(x->request.password_hash);
	free(x->request.answer);
	arena_free(&x->request.arena);
	free(x);
	*state = NULL;
}

static bool parse_address(const char *text, struct sockaddr_in *out)
{
	char host[64];
	const char *colon = strrchr(text, ':');
	if (!colon || (size_t)(colon - text) >= sizeof host)
		return false;
	snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
	long port = strtol(colon + 1, NULL, 10);
	*out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	return port > 0 && port < 65536 && inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

/* libmicrohttpd's own words, as lines of the log. */
static void on_log(void *arg, const char *fmt, va_list ap)
{
	char text[512];
	(void)arg;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	vsnprintf(text, sizeof text, fmt, ap);
#pragma GCC diagnostic pop
	text[strcspn(text, "\r\n")] = '\0';
	log_info(NULL, "http: %s", text);
}

/* threads 0: one. NULL: err says why. */
static struct MHD_Daemon *listen_at(struct http_server *s, const char *where, unsigned threads,
				    unsigned connections, struct error *err)
{
	struct sockaddr_in address;
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	if (!parse_address(where, &address)) {
		error_set(err, "the HTTP address '%s' must look like 127.0.0.1:8080", where);
		return NULL;
	}
	struct MHD_Daemon *daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, s,
		MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL,
		MHD_OPTION_SOCK_ADDR, &address,
		MHD_OPTION_THREAD_POOL_SIZE, threads,
		MHD_OPTION_CONNECTION_LIMIT, connections,
		MHD_OPTION_CONNECTION_TIMEOUT, 30u,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768,
		MHD_OPTION_END);
	if (!daemon)
		error_set(err, "cannot listen for HTTP on %s: is the port taken by another program? "
			       "(ss -ltnp shows which)", where);
	return daemon;
}

struct http_server *http_server_create(const struct http_config *config, struct error *err)
{
	struct http_server *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->config = *config;
	s->reloads = mailbox_create(1);
	s->deadlines = deadlines_create(config->read_timeout_seconds);
	s->connections = connections_create(config->connections_per_address);
	s->hashing = hashing_create();
	s->config.guesses = guesses_create();
	s->config.key_uses = key_uses_create(config->store);
	if (!s->reloads || !s->deadlines || !s->connections || !s->hashing || !s->config.guesses ||
	    !s->config.key_uses || pthread_create(&s->reloader, NULL, reloader_main, s) != 0) {
		error_set(err, "out of memory");
		mailbox_destroy(s->reloads);
		deadlines_destroy(s->deadlines);
		connections_destroy(s->connections);
		if (s->hashing)
			hashing_stop(s->hashing);
		hashing_destroy(s->hashing);
		guesses_destroy(s->config.guesses);
		key_uses_destroy(s->config.key_uses);
		free(s);
		return NULL;
	}
	s->reloading = true;
	pthread_setname_np(s->reloader, "config");
	s->config.work = http_work_create(err);
	if (!s->config.work) {
		http_server_destroy(s);
		return NULL;
	}
	s->daemon = listen_at(s, config->address, 2, HTTP_CONNECTIONS_MAX, err);
	if (s->daemon && config->metrics_address)
		s->metrics = listen_at(s, config->metrics_address, 0, METRICS_CONNECTIONS_MAX, err);
	if (!s->daemon || (config->metrics_address && !s->metrics)) {
		http_server_destroy(s);
		return NULL;
	}
	return s;
}

void http_server_hand_over(struct http_server *s)
{
	s->handed_over = true;
}

void http_server_destroy(struct http_server *s)
{
	if (!s)
		return;
	feed_close(config_feed(s->config.config));
	if (s->config.work)
		http_work_stop(s->config.work);
	hashing_stop(s->hashing); /* no connection stays suspended */
	if (s->metrics)
		MHD_stop_daemon(s->metrics);
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	http_work_destroy(s->config.work);
	hashing_destroy(s->hashing);
	if (s->reloading) {
		s->stop = true;
		mailbox_wake(s->reloads);
		pthread_join(s->reloader, NULL);
	}
	mailbox_destroy(s->reloads);
	deadlines_destroy(s->deadlines);
	connections_destroy(s->connections);
	guesses_destroy(s->config.guesses);
	key_uses_destroy(s->config.key_uses);
	free(s);
}
