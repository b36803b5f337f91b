/* strowger: one binary, its subcommands. */
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "call/call.h"
#include "call/final.h"
#include "call/score.h"
#include "commands.h"
#include "http/api/api.h"
#include "http/server.h"
#include "model/resource.h"
#include "node.h"
#include "notify.h"
#include "rtp_address.h"
#include "settings.h"
#include "sip/sip.h"
#include "store/retention.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* How jemalloc, which this is linked with, is to be: few heaps, as few threads do the work; what is no longer used goes back from a thread of its own. */
extern const char *malloc_conf;
const char *malloc_conf = "narenas:2,background_thread:true";

/* All there is while serving. */
struct strowger {
	struct settings settings;
	struct networks {
		struct network list[32];
		size_t count;
	} proxies, sip_proxies;
	struct sockaddr_storage rtpengine;
	bool has_rtpengine;
	struct media_config media_config;
	int http_connections;
	int read_timeout, disable_after, rtp_timeout, session, min_session, ban; /* seconds */
	struct crypto_key key;
	struct store *store;
	struct config_store *config;
	struct registry *registry;
	struct leases *leases;
	struct trunks *trunks;
	struct phones *phones;
	struct capacity *capacity;
	struct scores *scores;
	struct finals *finals;
	struct guard *guard;
	struct media *media;
	struct prompts *prompts;
	struct http_client *client;
	struct script_pool *scripts;
	struct recorder *recorder;
	struct call_loop *calls;
	struct http_server *http;
	struct node *node;
	char prompt_dir[512], recording_dir[512], public_url[300];
	const char *listeners[9];
	char rtp_addresses[MEDIA_ADDRESSES_MAX * ADDRESS_SIZE]; /* for the log */
};

static int fail(const struct error *err)
{
	fprintf(stderr, "strowger: %s\n", err->text);
	return 1;
}

/* ---- init and organization add ---- */

struct new_organization {
	const struct crypto_key *key;
	const char *name, *email, *password;
	char organization_id[ID_SIZE], user_id[ID_SIZE], key_id[ID_SIZE];
	char *api_key;
};

static bool insert_organization(struct store_conn *conn, void *arg)
{
	struct new_organization *n = arg;
	char hash[CRYPTO_HASH_SIZE], *password = crypto_password_hash(n->password);
	int64_t now = clock_now_ms();
	json_t *org = json_pack("{s:s, s:s, s:{s:b, s:b}}", "currency", "USD", "region", "US", "dial_policy", "sip_uris", 0, "numbers", 0);
	json_t *user = json_pack("{s:s, s:s, s:s, s:s}", "name", n->name, "email", n->email, "role", "owner", "password", password);
	json_t *key = json_pack("{s:s, s:s, s:s}", "name", "First key", "role", "admin", "key", crypto_keyed_hash(n->key, n->api_key, hash));
	char *doc = json_dumps(org, JSON_COMPACT);
	bool ok = password && doc && store_exec(conn, "INSERT INTO organizations (id, name, doc, version, created_at, updated_at) VALUES ($1, $2, $3, 1, $4, $4)", "sssi", id_new("org", n->organization_id), n->name, doc, now) &&
		  api_resource_insert(conn, n->key, n->organization_id, resource_kind_by_name("user"), user, id_new("usr", n->user_id), now) &&
		  api_resource_insert(conn, n->key, n->organization_id, resource_kind_by_name("api_key"), key, id_new("key", n->key_id), now);
	free(doc);
	free(password);
	json_decref(org);
	json_decref(user);
	json_decref(key);
	return ok;
}

/* On standard error: what init prints is read by programs. */
static void say_how_to_sign_in(const struct organization_options *o, const struct new_organization *n)
{
	fprintf(stderr,
		"strowger: nobody can sign in to the portal as %s until a password is set, because "
		"--password-file was not given.\n"
		"Write one of at least 10 characters into a file, and set it, also while the server runs:\n"
		"  strowger password --data '%s' --email '%s' --password-file FILE%s\n",
		n->email, o->data, n->email, o->database ? " --database URL" : "");
}

int command_organization(const struct organization_options *o, bool create)
{
	struct error err = {""};
	struct crypto_key key;
	char path[512], password[256];
	struct new_organization n = {.key = &key, .name = o->name, .email = o->email};
	snprintf(path, sizeof path, "%s/secret.key", o->data);
	if (create && access(path, F_OK) == 0) {
		error_set(&err, "%s already has a Strowger in it; 'strowger organization add' adds a tenant", o->data);
		return fail(&err);
	}
	if (create && mkdir(o->data, 0700) != 0 && errno != EEXIST) {
		error_set(&err, "cannot create %s: %s", o->data, strerror(errno));
		return fail(&err);
	}
	if (o->password_file) {
		if (!password_read_file(o->password_file, o->email, password, sizeof password, &err))
			return fail(&err);
		n.password = password;
	}
	char url[600];
	if (o->database)
		snprintf(url, sizeof url, "%s", o->database);
	else
		snprintf(url, sizeof url, "sqlite:%s/strowger.db", o->data);
	struct store *store = crypto_key_load(&key, path, create, &err) ? store_open(url, &err) : NULL;
	n.api_key = store ? crypto_random_token("sk_") : NULL;
	char *made = NULL;
	if (store && !n.password) /* nobody knows it: say_how_to_sign_in() */
		n.password = made = crypto_random_token("");
	bool ok = n.api_key && store_run(store, insert_organization, &n, &err);
	if (ok) {
		char prompts[540];
		snprintf(prompts, sizeof prompts, "%s/prompts", o->data);
		if (mkdir(prompts, 0700) != 0 && errno != EEXIST)
			log_warn(NULL, "cannot create %s", prompts);
		printf("{\"organization_id\":\"%s\",\"user_id\":\"%s\",\"api_key\":\"%s\"}\n", n.organization_id, n.user_id, n.api_key);
		if (made)
			say_how_to_sign_in(o, &n);
	}
	free(n.api_key);
	free(made);
	store_close(store);
	return ok ? 0 : fail(&err);
}

/* ---- serve ---- */

static bool clean_up(struct store_conn *conn, void *arg)
{
	(void)arg;
	return retention_run(conn, clock_now_ms());
}

/* The texts of sensitive tags are sealed on disk. */
static json_t *read_waiting(const struct strowger *s, const char *text)
{
	json_t *tags = json_loads(text, 0, NULL), *value;
	const char *id;
	void *next;
	json_object_foreach_safe(tags, next, id, value) {
		if (!json_is_object(value) || strcmp(id, WAITING_CUSTOM) == 0)
			continue;
		char *plain = crypto_open(&s->key, json_string_value(json_object_get(value, "sealed")));
		json_object_set_new(tags, id, json_string(plain ? plain : ""));
		free(plain);
	}
	return tags;
}

static void load_pending(struct strowger *s)
{
	char call_id[40];
	struct store_conn *conn = store_reader(s->store);
	struct store_rows *rows = conn ? store_query(conn, "SELECT r.id, r.organization_id, r.caller_id, r.received_at, r.expires_at, r.tags, w.doc FROM incoming_requests r JOIN resources w ON w.id = r.webhook_id WHERE r.status = 'pending' ORDER BY r.id", "") : NULL;
	for (size_t i = 0; i < rows_count(rows); i++) {
		struct pending *p = calloc(1, sizeof *p);
		json_t *webhook = json_loads(rows_text(rows, i, 6), 0, NULL);
		if (!p)
			break;
		snprintf(p->request_id, sizeof p->request_id, "%s", rows_text(rows, i, 0));
		p->at_ms = rows_int(rows, i, 3);
		p->expires_ms = rows_int(rows, i, 4);
		p->tags = read_waiting(s, rows_text(rows, i, 5));
		p->custom = json_dumps(json_object_get(p->tags, WAITING_CUSTOM), JSON_COMPACT);
		json_object_del(p->tags, WAITING_CUSTOM);
		p->campaigns = json_incref(json_object_get(webhook, "campaign_ids"));
		json_decref(webhook);
		if (registry_offer(s->registry, rows_text(rows, i, 1), rows_text(rows, i, 2), p, call_id, clock_now_ms()))
			pending_free(p);
	}
	rows_free(rows);
}

/* What was lent, newest first: id, organization, number, pool, holder, caller, publisher, client, since, until, grace, tags. */
static void restore_leases(struct strowger *s, struct store_rows *rows, enum lease_kind kind)
{
	for (size_t i = 0; i < rows_count(rows); i++) {
		struct lease l = {.kind = kind, .at_ms = rows_int(rows, i, 8), .expires_ms = rows_int(rows, i, 9), .kept_until_ms = rows_int(rows, i, 9), .grace_ms = rows_int(rows, i, 10)};
		snprintf(l.id, sizeof l.id, "%s", rows_text(rows, i, 0));
		snprintf(l.number, sizeof l.number, "%s", rows_text(rows, i, 2));
		snprintf(l.pool_id, sizeof l.pool_id, "%s", rows_text(rows, i, 3));
		snprintf(l.holder, sizeof l.holder, "%s", rows_text(rows, i, 4));
		snprintf(l.caller_id, sizeof l.caller_id, "%s", rows_text(rows, i, 5));
		snprintf(l.publisher_id, sizeof l.publisher_id, "%s", rows_text(rows, i, 6));
		snprintf(l.client, sizeof l.client, "%s", rows_text(rows, i, 7));
		l.tags = read_waiting(s, rows_text(rows, i, 11));
		if (!leases_restore(s->leases, rows_text(rows, i, 1), &l))
			lease_release(&l);
	}
	rows_free(rows);
}

#define MAX_COOLDOWN_MS (7 * INT64_C(86400000)) /* a pool's */

static void load_leases(struct strowger *s)
{
	struct store_conn *conn = store_reader(s->store);
	int64_t now = clock_now_ms();
	if (!conn)
		return;
	restore_leases(s, store_query(conn, "SELECT id, organization_id, number, resource_id, holder, COALESCE(caller_id, ''), COALESCE(publisher_id, ''), '', received_at, expires_at, 0, tags FROM rtb_requests WHERE status = 'bid' AND expires_at > $1 ORDER BY id DESC", "i", now), LEASE_CALLER);
	restore_leases(s, store_query(conn, "SELECT id, organization_id, number, pool_id, visitor, '', '', client, started_at, expires_at, grace_ms, tags FROM dni_leases WHERE expires_at > $1 AND expires_at + grace_ms > $2 ORDER BY id DESC", "ii", now - MAX_COOLDOWN_MS, now), LEASE_VISITOR);
}

/* SIGHUP: files that others have put in the place of those that are open. */
static void read_files_anew(struct strowger *s)
{
	const char *log_file = s->settings.value[SETTING_LOG_FILE];
	if (log_file && !log_open(log_file))
		log_error(NULL, "cannot reopen the log file");
	if (s->settings.value[SETTING_CERTIFICATE])
		call_loop_reload_certificate(s->calls);
}

static void split_listeners(struct strowger *s, char *list)
{
	size_t n = 0;
	for (char *save = NULL, *p = strtok_r(list, ",", &save); p && n + 1 < ARRAY_LEN(s->listeners); p = strtok_r(NULL, ",", &save))
		s->listeners[n++] = p;
}

/* Of a setting that is there or not: also as a line or variable that says so. */
static bool is_set(const struct strowger *s, enum setting setting)
{
	return s->settings.value[setting] && strcmp(s->settings.value[setting], "false") != 0;
}

/* *signal_number: one came before this server was active. */
static bool start_storage(struct strowger *s, const sigset_t *signals, int *signal_number, struct error *err)
{
	char path[512], url[600];
	const char *data = s->settings.value[SETTING_DATA], *database = s->settings.value[SETTING_DATABASE];
	if (!data)
		return error_set(err, "serve needs --data DIR; 'strowger init' makes one");
	snprintf(path, sizeof path, "%s/secret.key", data);
	snprintf(s->prompt_dir, sizeof s->prompt_dir, "%s/prompts", data);
	snprintf(s->recording_dir, sizeof s->recording_dir, "%s/recordings", data);
	if (mkdir(s->recording_dir, 0700) != 0 && errno != EEXIST)
		return error_set(err, "cannot create %s: %s", s->recording_dir, strerror(errno));
	if (database)
		snprintf(url, sizeof url, "%s", database);
	else
		snprintf(url, sizeof url, "sqlite:%s/strowger.db", data);
	return crypto_key_load(&s->key, path, false, err) && (s->store = store_open(url, err)) && (s->node = node_join(s->store, is_set(s, SETTING_STANDBY), signals, signal_number, err)) &&
	       store_run(s->store, node_close_interrupted, s->node, err) && store_run(s->store, clean_up, NULL, err) &&
	       (s->config = config_open(s->store, &s->key, s->public_url, err)) && store_start_writer(s->store, err);
}

/* A list of addresses and networks. */
static bool read_networks(const struct strowger *s, enum setting setting, const char *flag, struct networks *out, struct error *err)
{
	char list[2000], *save = NULL;
	snprintf(list, sizeof list, "%s", s->settings.value[setting]);
	for (char *item = strtok_r(list, ", ", &save); item; item = strtok_r(NULL, ", ", &save))
		if (out->count == ARRAY_LEN(out->list) || !network_parse(item, &out->list[out->count++]))
			return error_set(err, "--%s '%s' must be at most %zu addresses or networks such as 10.0.0.0/8, with commas between", flag, s->settings.value[setting], ARRAY_LEN(out->list));
	return true;
}

#define URL_SIGNS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/[]"

static bool read_media(struct strowger *s, struct error *err)
{
	static const char prefix[] = "rtpengine:";
	const char *media = s->settings.value[SETTING_MEDIA], *address = strncmp(media, prefix, strlen(prefix)) == 0 ? media + strlen(prefix) : NULL;
	int port = address && strrchr(address, ':') ? atoi(strrchr(address, ':') + 1) : 0;
	s->has_rtpengine = port > 0 && port < 65536 && address_parse(address, strlen(address), &s->rtpengine);
	if (s->has_rtpengine)
		address_set_port(&s->rtpengine, port);
	if (!s->has_rtpengine && strcmp(media, "embedded") != 0)
		return error_set(err, "--media '%s' must be 'embedded', or an address and port such as rtpengine:127.0.0.1:2223", media);
	if (s->has_rtpengine && s->settings.value[SETTING_RTP_ADVERTISED])
		return error_set(err, "--rtp-advertised-address is for --media embedded: rtpengine is told "
				      "its outside address by its own --interface=INSIDE!OUTSIDE");
	const char *websocket = s->settings.value[SETTING_WEBSOCKET];
	if (websocket && (strncmp(websocket, "wss://", 6) != 0 || strlen(websocket) > 200 || strspn(websocket, URL_SIGNS) != strlen(websocket)))
		return error_set(err, "--sip-websocket '%s' must look like wss://sip.example.com:8443", websocket);
	return !websocket || s->has_rtpengine || error_set(err, "--sip-websocket needs --media rtpengine:ADDR:PORT: browsers speak WebRTC");
}

static bool read_public_url(struct strowger *s, struct error *err)
{
	const char *url = s->settings.value[SETTING_PUBLIC_URL];
	if (!url) {
		snprintf(s->public_url, sizeof s->public_url, "http://%s", s->settings.value[SETTING_HTTP]);
		return true;
	}
	bool is_web = strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0;
	if (!is_web || strlen(url) > 200 || strspn(url, URL_SIGNS) != strlen(url))
		return error_set(err, "--public-url '%s' must look like https://calls.example.com", url);
	size_t n = strlen(url);
	snprintf(s->public_url, sizeof s->public_url, "%.*s", (int)(n - (url[n - 1] == '/')), url);
	return true;
}

/* What is wrong with them is said before anything is begun, or waited for. */
static bool read_settings(struct strowger *s, struct error *err)
{
	size_t n = 0;
	if (!rtp_addresses_read(s->settings.value[SETTING_RTP_ADDRESS],
				s->settings.value[SETTING_RTP_ADVERTISED], s->listeners, &s->media_config, err))
		return false;
	for (size_t i = 0; i < s->media_config.address_count; i++)
		n += (size_t)snprintf(s->rtp_addresses + n, sizeof s->rtp_addresses - n, "%s%s", i ? "," : "",
				      s->media_config.addresses[i].bound);
	if (sscanf(s->settings.value[SETTING_RTP_PORTS], "%d-%d", &s->media_config.port_low, &s->media_config.port_high) != 2 || s->media_config.port_low < 1024 || s->media_config.port_high > 65535)
		return error_set(err, "--rtp-ports '%s' must look like 20000-29999", s->settings.value[SETTING_RTP_PORTS]);
	if (!read_public_url(s, err))
		return false;
	s->read_timeout = atoi(s->settings.value[SETTING_HTTP_READ_TIMEOUT]);
	if (s->read_timeout < 1 || s->read_timeout > 3600)
		return error_set(err, "--http-read-timeout '%s' must be a number of seconds from 1 to 3600", s->settings.value[SETTING_HTTP_READ_TIMEOUT]);
	s->http_connections = atoi(s->settings.value[SETTING_HTTP_CONNECTIONS]);
	if (s->http_connections < 1 || s->http_connections > HTTP_CONNECTIONS_MAX)
		return error_set(err, "--http-connections-per-address '%s' must be a number from 1 to %d",
				 s->settings.value[SETTING_HTTP_CONNECTIONS], HTTP_CONNECTIONS_MAX);
	if (!read_networks(s, SETTING_PROXIES, "trusted-proxies", &s->proxies, err) || !read_networks(s, SETTING_SIP_PROXIES, "trusted-sip-proxies", &s->sip_proxies, err) || !read_media(s, err))
		return false;
	trunk_allow_wide_networks(is_set(s, SETTING_WIDE_TRUNKS));
	s->disable_after = atoi(s->settings.value[SETTING_DISABLE_WEBHOOKS]);
	if (s->disable_after < 1)
		return error_set(err, "--disable-webhooks-after '%s' must be a number of seconds", s->settings.value[SETTING_DISABLE_WEBHOOKS]);
	const struct sip_agent_config tls = {.certificate = s->settings.value[SETTING_CERTIFICATE], .key = s->settings.value[SETTING_KEY], .ca = s->settings.value[SETTING_CA]};
	for (const char *const *l = s->listeners; *l; l++)
		if (strncmp(*l, "tls:", 4) == 0 && !tls.certificate)
			return error_set(err, "the SIP listener %s needs --sip-certificate", *l);
	if ((tls.certificate || tls.ca) && !sip_check_certificate(&tls, err))
		return false;
	s->rtp_timeout = atoi(s->settings.value[SETTING_RTP_TIMEOUT]);
	if (s->rtp_timeout < 0)
		return error_set(err, "--rtp-timeout '%s' must be a number of seconds, 0 for never", s->settings.value[SETTING_RTP_TIMEOUT]);
	s->session = atoi(s->settings.value[SETTING_SESSION_EXPIRES]);
	s->min_session = atoi(s->settings.value[SETTING_MIN_SE]);
	if (s->min_session < 1 || s->session < s->min_session || s->session > 86400)
		return error_set(err, "--session-expires '%s' must be a number of seconds from --min-se '%s' to 86400", s->settings.value[SETTING_SESSION_EXPIRES], s->settings.value[SETTING_MIN_SE]);
	s->ban = atoi(s->settings.value[SETTING_BAN]);
	return s->ban >= 0 || error_set(err, "--sip-ban '%s' must be a number of seconds, 0 for never", s->settings.value[SETTING_BAN]);
}

static bool start_services(struct strowger *s, struct error *err)
{
	s->registry = registry_create();
	s->leases = leases_create();
	s->trunks = trunks_create();
	if (!(s->phones = phones_create(s->store, clock_now_ms(), err)) || !(s->capacity = capacity_create(s->store, s->config, clock_now_ms(), err)) ||
	    !(s->scores = scores_create(s->store, s->config, s->capacity, err)))
		return false;
	if (!s->registry || !s->leases || !s->trunks || !(s->guard = guard_create()))
		return error_set(err, "out of memory");
	load_pending(s);
	load_leases(s);
	if (!(s->media = media_create(&s->media_config, err)) || !(s->prompts = prompts_create(err)) ||
	    !(s->client = http_client_create(s->store, s->config, is_set(s, SETTING_ALLOW_PRIVATE), s->settings.value[SETTING_RETRY_SCHEDULE], s->disable_after * INT64_C(1000), err)) ||
	    !(s->finals = finals_create(s->store, s->config, s->client)) || !(s->scripts = script_pool_create(NULL, err)) || !(s->recorder = recorder_create(err)))
		return false;
	struct call_loop_config calls = {
		.listeners = s->listeners,
		.certificate = s->settings.value[SETTING_CERTIFICATE],
		.key = s->settings.value[SETTING_KEY],
		.ca = s->settings.value[SETTING_CA],
		.node = node_id(s->node),
		.store = s->store,
		.config = s->config,
		.registry = s->registry,
		.leases = s->leases,
		.trunks = s->trunks,
		.phones = s->phones,
		.capacity = s->capacity,
		.media = s->media,
		.prompts = s->prompts,
		.http = s->client,
		.scripts = s->scripts,
		.recorder = s->recorder,
		.prompt_dir = s->prompt_dir,
		.recording_dir = s->recording_dir,
		.session_seconds = s->session,
		.min_session_seconds = s->min_session,
		.ban_seconds = s->ban,
		.rtp_timeout_seconds = s->rtp_timeout,
		.rtpengine = s->has_rtpengine ? (const struct sockaddr *)&s->rtpengine : NULL,
		.proxies = s->sip_proxies.list,
		.proxy_count = s->sip_proxies.count,
		.takes_tickets = s->settings.value[SETTING_WEBSOCKET] != NULL,
		.guards_private = !is_set(s, SETTING_ALLOW_PRIVATE),
		.offers_sha256 = is_set(s, SETTING_SIP_SHA256),
		.alive = notify_alive,
	};
	if (!(s->calls = call_loop_create(&calls, err)))
		return false;
	struct http_config http = {
		.address = s->settings.value[SETTING_HTTP],
		.metrics_address = s->settings.value[SETTING_METRICS],
		.prompt_dir = s->prompt_dir,
		.store = s->store,
		.config = s->config,
		.registry = s->registry,
		.leases = s->leases,
		.trunks = s->trunks,
		.phones = s->phones,
		.capacity = s->capacity,
		.calls = s->calls,
		.media = s->media,
		.client = s->client,
		.guard = s->guard,
		.scripts = s->scripts,
		.recording_dir = s->recording_dir,
		.listeners = s->listeners,
		.read_timeout_seconds = s->read_timeout,
		.connections_per_address = (size_t)s->http_connections,
		.proxies = s->proxies.list,
		.proxy_count = s->proxies.count,
		.websocket = s->settings.value[SETTING_WEBSOCKET],
	};
	return (s->http = http_server_create(&http, err)) != NULL;
}

/* To the one that stands by: what is not about this one's calls. */
static void hand_over(struct strowger *s)
{
	log_info(NULL, "another server takes over");
	finals_stop(s->finals);
	http_server_hand_over(s->http);
	http_client_hand_over(s->client);
	call_loop_hand_over(s->calls);
	node_hand_over(s->node);
}

/* In the order that lets each finish what the others still need of it. */
static void stop(struct strowger *s)
{
	finals_stop(s->finals);
	if (s->calls)
		call_loop_stop(s->calls, s->settings.value[SETTING_DRAIN_SECONDS] ? atoi(s->settings.value[SETTING_DRAIN_SECONDS]) * 1000 : 0);
	media_stop(s->media);
	recorder_destroy(s->recorder);
	if (s->client)
		http_client_stop(s->client);
	if (s->prompts)
		prompts_destroy(s->prompts);
	if (s->store)
		store_stop_writer(s->store);
	finals_destroy(s->finals);
	http_server_destroy(s->http);
	script_pool_free(s->scripts);
	media_destroy(s->media);
	if (s->calls)
		call_loop_free(s->calls);
	if (s->client)
		http_client_free(s->client);
	registry_destroy(s->registry);
	leases_destroy(s->leases);
	trunks_destroy(s->trunks);
	phones_destroy(s->phones);
	scores_destroy(s->scores);
	capacity_destroy(s->capacity);
	guard_destroy(s->guard);
	config_close(s->config);
	node_leave(s->node);
	store_close(s->store);
}

/* As many descriptors as are allowed: a call has several sockets. No core files: memory has keys. */
static void set_limits(void)
{
	struct rlimit files;
	const struct rlimit core = {0, 0};
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	setrlimit(RLIMIT_CORE, &core);
}

/* Of servers that still have calls, though this one is active. */
static void count_late_calls(struct strowger *s)
{
	struct store_conn *conn = node_has_others(s->node) ? store_reader(s->store) : NULL;
	if (conn)
		capacity_read_late(s->capacity, conn, s->config);
}

int command_serve(int argc, char **argv)
{
	struct strowger *s = calloc(1, sizeof *s);
	struct error err = {"out of memory"};
	sigset_t signals;
	int signal_number = 0;
	settings_read(&s->settings, argc, argv);
	set_limits();
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	const char *log_file = s->settings.value[SETTING_LOG_FILE];
	char *listeners = strdup(s->settings.value[SETTING_SIP]);
	split_listeners(s, listeners);
	bool ok = (!log_file || log_open(log_file) || error_set(&err, "cannot write the log file %s", log_file)) && read_settings(s, &err) && start_storage(s, &signals, &signal_number, &err) && start_services(s, &err);
	if (ok)
		log_info(NULL, "serving: http %s, sip %s, audio on %s", s->settings.value[SETTING_HTTP], s->settings.value[SETTING_SIP], s->rtp_addresses);
	if (ok)
		notify_send("READY=1\nSTATUS=serving");
	bool lost = false;
	while (ok && !(lost = !node_watch(s->node, s->client))) {
		const struct timespec second = {1, 0};
		finals_look(s->finals);
		count_late_calls(s);
		signal_number = sigtimedwait(&signals, NULL, &second);
		if (signal_number == SIGHUP)
			read_files_anew(s);
		else if (signal_number > 0)
			break;
	}
	if (lost)
		error_set(&err, "another server is active now");
	if (ok)
		log_info(NULL, "stopping: calls are drained");
	notify_send("STOPPING=1");
	if (ok && (lost || node_is_awaited(s->node)))
		hand_over(s);
	stop(s);
	free(listeners);
	free(s);
	return (ok && !lost) || signal_number > 0 ? 0 : fail(&err);
}
