/*
 * http/server.h: the HTTP server on libmicrohttpd. Reads happen on its threads; a write
 * suspends the connection until the writer thread has committed it.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "call/call.h"
#include "config/config.h"
#include "model/schema.h"
#include "script/flow.h"
#include "webhook/guard.h"
#include <jansson.h>

struct http_server;
struct http_work;
struct key_uses;

#define HTTP_CONNECTIONS_MAX 4000 /* at the same time, of all */

struct guesses;
struct hashing;

struct http_config {
	const char *address; /* "127.0.0.1:8080" */
	const char *metrics_address; /* of /metrics; NULL: address, and this machine alone may ask */
	const char *prompt_dir;
	struct store *store;
	struct config_store *config;
	struct registry *registry;
	struct leases *leases;
	struct trunks *trunks;
	struct phones *phones;
	struct capacity *capacity;
	struct call_loop *calls;
	struct media *media;
	struct http_client *client;
	struct guard *guard;
	struct key_uses *key_uses; /* made by the server: see http/key_use.h */
	struct guesses *guesses; /* made by the server */
	struct script_pool *scripts;
	const char *recording_dir;
	const char *const *listeners; /* "udp:0.0.0.0:5060", NULL-terminated */
	int read_timeout_seconds; /* for a request's headers, and again for its body */
	size_t connections_per_address; /* at the same time, of others than proxies */
	const struct network *proxies; /* whose X-Forwarded-For and X-Forwarded-Proto are believed */
	size_t proxy_count;
	const char *websocket; /* "wss://…": where browsers reach SIP; NULL: nowhere */
	struct http_work *work; /* made by the server: see http/work.h */
};

struct http_server *http_server_create(const struct http_config *config, struct error *err) WARN_UNUSED;
/* Another server takes over: from now on what would change something is refused, and /readyz says no; hanging up goes on. */
void http_server_hand_over(struct http_server *server);
void http_server_destroy(struct http_server *server);

/* ---- what handlers see ---- */

enum role { ROLE_NONE, ROLE_ANALYST, ROLE_MANAGER, ROLE_ADMIN, ROLE_OWNER };

#define HTTP_PARAMS_MAX 4
#define HTTP_SECRETS_MAX 3

struct http_request {
	const struct http_config *config;
	const char *method, *path, *host; /* HEAD is carried out as GET */
	bool head;               /* the client asked with HEAD: nothing may change */
	const char *if_match;    /* all If-Match fields in one, or NULL */
	const char *idempotency_key; /* see http/idempotency.h; NULL: none */
	char fingerprint[CRYPTO_HASH_SIZE];
	struct sockaddr_storage sender; /* who asks: the connection's other end, or whom a trusted proxy names; AF_UNSPEC: not known */
	bool secure;          /* asked over HTTPS, as a trusted proxy says */
	const char *params[HTTP_PARAMS_MAX]; /* what the route's {…} stood for */
	char *body;           /* its content codings undone */
	size_t body_len;
	char *coded;          /* the body as it came, where it had a content coding; else NULL */
	size_t coded_len;
	json_t *json;         /* the body, when it is JSON; owned here */
	struct arena arena;   /* freed with the request */
	/* who asks: set before the handler when the route wants it */
	const struct organization *organization; /* held */
	char actor[64];
	enum role role;
	bool by_session;
	void *connection;     /* for http_query() and http_header() */
	/* the answer */
	int status;
	char *answer;         /* free()d */
	size_t answer_len;
	int64_t stream_len;   /* bytes; 0: not known before */
	int64_t (*stream)(void *arg, char *to, size_t room); /* NULL: the answer is whole */
	void (*stream_release)(void *arg);
	void *stream_arg;
	/* Members of the answer that are shown once: a repeat by Idempotency-Key does not get them. */
	const char *secrets[HTTP_SECRETS_MAX];
	bool shows_key;       /* the answer may have an incoming webhook's key: whoever asks may see it, and it is audited */
	bool is_file;         /* one of the portal's or of the documentation */
	bool is_gzip;         /* the answer is coded with gzip */
	const char *content_type;
	const char *cache;       /* Cache-Control; NULL: it is not kept */
	char allow_origin[300];  /* pages of this origin may read the answer; "": none of another one */
	char content_range[80];
	bool ranges;          /* parts of the answer may be asked for */
	char location[128], etag[32], cookie[256], retry_after[8], disposition[80];
	char allow[64];       /* the methods that the path has, for a 405 */
	bool suspended;       /* another thread has the request */
	/* a password that is being hashed or verified: see http_hash() */
	bool password_fits;
	char *password_hash; /* the one that was made, or NULL; freed with the request */
	enum http_result (*hashed)(struct http_request *r);
	/* a write under way */
	bool (*run)(struct store_conn *conn, struct http_request *r);
	void (*cleanup)(struct http_request *r); /* when the request is over, however it ended */
	void (*after)(struct http_request *r); /* after the commit, before the answer goes out; may be NULL */
	bool reload;          /* the organization's configuration changed */
	char reload_id[40];
	void *data;           /* the handler's own, in the arena */
	struct event_touched touched;
};

enum http_result { HTTP_REPLY, HTTP_WAIT };

struct http_route {
	const char *method, *path; /* "/api/v1/calls/{id}" */
	enum http_result (*handle)(struct http_request *r);
	enum role role; /* the least that may; ROLE_NONE: no authentication */
	const char *summary; /* for OpenAPI; NULL: not in it */
	const struct field *body; /* likewise: the table its body is checked with; NULL: not told */
	bool takes_all; /* also those without their body: the handler asks http_body_refused() */
};

const char *http_query(const struct http_request *r, const char *name);
void http_each_query(const struct http_request *r, void (*f)(void *arg, const char *name, const char *value), void *arg);
/* The same for text that may have a NUL in it or not be UTF-8: with lengths. */
typedef void http_bytes_f(void *arg, const char *name, size_t name_len, const char *value,
			  size_t value_len);
void http_each_query_bytes(const struct http_request *r, http_bytes_f *f, void *arg);
const char *http_header(const struct http_request *r, const char *name);
void http_each_header(const struct http_request *r, void (*f)(void *arg, const char *name, const char *value), void *arg);
/*
 * The body is not there: more was sent than is taken here (413), or its content coding is unknown
 * (415) or damaged (400). true: that was set as the answer.
 */
bool http_body_refused(struct http_request *r);

/* Answers; all return HTTP_REPLY. */
enum http_result http_json(struct http_request *r, int status, json_t *json); /* steals json */
enum http_result http_text(struct http_request *r, int status, struct buf *json); /* takes the text */
enum http_result http_problem(struct http_request *r, int status, const char *title, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Answer with a file, sealed or not, or the part of it that a Range header asks for (RFC 9110 §14). false: it cannot be opened. */
bool http_file(struct http_request *r, const char *path, const char *content_type) WARN_UNUSED;
enum http_result http_problem_errors(struct http_request *r, int status, const char *title, const char *detail, struct errors *errors); /* frees the errors */
enum http_result http_invalid(struct http_request *r, struct errors *errors); /* 422; frees the errors */
/* Answer piece by piece: read gives what fits (0: it was suspended, -1: the end); release is called when nobody reads any more. */
enum http_result http_stream(struct http_request *r, const char *content_type, int64_t (*read)(void *arg, char *to, size_t room), void (*release)(void *arg), void *arg);
void http_suspend_stream(void *connection);
void http_resume_stream(void *connection);
/*
 * Compare the password with a hash (verify), or hash it (verify NULL), on the hashing thread, then
 * call r->hashed there with r->password_fits or r->password_hash. That sets the answer, or goes on
 * with http_hash() or http_write(). Both texts must live as long as the request. Too many wait: 503.
 */
enum http_result http_hash(struct http_request *r, const char *password, const char *verify);
/* Run r->run in the writer's next transaction, then answer with what it left in r. */
enum http_result http_write(struct http_request *r);
/* The JSON object of the body, or NULL after a 400 or 415 was set as the answer. */
json_t *http_body_object(struct http_request *r);
/* The same for what visitors' browsers send: damaged values are repaired (base/json_read.h). */
json_t *http_body_repaired(struct http_request *r);

/* Give the request to another thread; it ends with http_resume(). A suspended one stays so. */
void http_suspend(struct http_request *r);
void http_resume(struct http_request *r);

struct store_conn *http_reader(struct http_request *r); /* NULL after a 503 was set */

extern const struct http_route http_routes[]; /* routes.c; ends with a NULL method */
/* Find the route and fill r->params; *path_known tells 405 from 404. */
const struct http_route *http_route_find(struct http_request *r, bool *path_known);
/* Fill r->allow with the methods that the path has (RFC 9110 section 10.2.1). */
void http_route_methods(struct http_request *r);

#endif
