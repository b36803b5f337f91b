/* What belongs to no resource: the organization, health, metrics, OpenAPI. */
#include "http/api/api.h"
#include "base/clock.h"
#include "http/guesses.h"
#include "http/openapi.h"
#include <stdlib.h>
#include <string.h>

const struct field api_organization_fields[] = {
	{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
	{"currency", FIELD_STRING, .min = 3, .max = 3, .initial = "\"USD\"",
	 .help = "ISO 4217 code, such as USD."},
	{"region", FIELD_STRING, .min = 2, .max = 2, .initial = "\"US\"", .title = "Country",
	 .help = "ISO 3166 code, such as US. Numbers without a country code are read as this "
		 "country's."},
	{"require_second_factor", FIELD_BOOLEAN, .initial = "false", .title = "Require a second factor",
	 .help = "Users without one can only set it up after their next sign-in."},
	{"incoming_retention_days", FIELD_INTEGER, .min = 1, .max = 3650, .initial = "90",
	 .title = "Keep requests for (days)",
	 .help = "How long requests of incoming webhooks and of RTB, and website visits are kept."},
	{"call_key_days", FIELD_INTEGER, .min = 0, .max = 365, .initial = "7",
	 .title = "Keep call keys valid for (days)",
	 .help = "How many days after its end a call can be changed with its own key, the token "
		 "[CALL_KEY]. 0: calls have no keys."},
	{"sip_retention_days", FIELD_INTEGER, .min = 0, .max = 90, .initial = "7",
	 .title = "Keep SIP messages for (days)",
	 .help = "How long the SIP messages of calls are kept. 0: not at all."},
	{"recording_format", FIELD_ENUM, .choices = (const char *const[]){"wav", "opus", NULL},
	 .initial = "\"wav\"",
	 .help = "WAV takes 115 MB per hour of conversation, Opus 15 MB."},
	{"recording_encryption", FIELD_BOOLEAN, .initial = "false", .title = "Encrypt recordings",
	 .help = "Encrypt new recordings on the disk with the server's key. They are played as "
		 "before."},
	{"hold_music_prompt_id", FIELD_ID, .kind = "prompt", .title = "Music on hold",
	 .help = "Repeated to a caller or target while the other side has it on hold and sends no "
		 "music of its own. Empty: silence."},
	{"dial_policy", FIELD_OBJECT, .initial = "{}",
	 .help = "Where calls may go besides configured targets: from call flows, and when a "
		 "target transfers or redirects them.",
	 .fields = (const struct field[]){
		 {"sip_uris", FIELD_BOOLEAN, .initial = "false", .help = "Allow any SIP URI."},
		 {"numbers", FIELD_BOOLEAN, .initial = "false", .title = "Phone numbers",
		  .help = "Allow numbers over a trunk, within the limits below."},
		 {"countries", FIELD_STRING, FIELD_LIST, .max = 250, .initial = "[]",
		  .help = "Countries (ISO 3166) whose numbers may be called. Empty: the "
			 "organization's own."},
		 {"blocked_prefixes", FIELD_STRING, FIELD_LIST, .max = 1000, .initial = "[]",
		  .help = "Numbers that begin with one of these may not be called, such as +1900 "
			 "or +44870."},
		 {"max_cost", FIELD_ENUM,
		  .choices = (const char *const[]){"standard", "shared_cost", "premium", NULL},
		  .initial = "\"standard\"", .title = "Highest price class",
		  .help = "Highest price class that may be dialed. Toll-free numbers are always "
			 "allowed."},
		 {"max_calls", FIELD_INTEGER, .min = 0, .max = 100000, .initial = "0",
		  .title = "Concurrent calls",
		  .help = "Most such calls at the same time. 0: no limit."},
		 {0},
	 }},
	{0},
};

static bool answer_organization(struct store_conn *conn, struct http_request *r)
{
	struct store_rows *rows = store_query(conn, "SELECT doc, name, version, created_at, updated_at FROM organizations WHERE id = $1", "s", r->organization->id);
	if (rows_count(rows) != 1) {
		rows_free(rows);
		return false;
	}
	char created[RFC3339_SIZE], updated[RFC3339_SIZE];
	json_t *doc = json_loads(rows_text(rows, 0, 0), 0, NULL), *out = json_object();
	json_object_set_new(out, "id", json_string(r->organization->id));
	json_object_set_new(doc, "name", json_string(rows_text(rows, 0, 1)));
	struct errors none = {0};
	/* Fields that are newer than the document get their defaults. */
	schema_check(api_organization_fields, doc, "", &(struct schema_context){0}, &none);
	errors_free(&none);
	for (const struct field *f = api_organization_fields; f->name; f++) {
		json_t *v = json_object_get(doc, f->name);
		json_object_set_new(out, f->name, v ? json_incref(v) : json_null());
	}
	json_object_set_new(out, "created_at", json_string(clock_rfc3339(rows_int(rows, 0, 3), created)));
	json_object_set_new(out, "updated_at", json_string(clock_rfc3339(rows_int(rows, 0, 4), updated)));
	snprintf(r->etag, sizeof r->etag, "\"%lld\"", (long long)rows_int(rows, 0, 2));
	http_json(r, 200, out);
	json_decref(doc);
	rows_free(rows);
	return true;
}

enum http_result api_organization_get(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	if (conn && !answer_organization(conn, r))
		http_problem(r, 503, "The database could not be read", "try again shortly");
	return HTTP_REPLY;
}

static void check_texts(json_t *list, const char *name, const char *first, const char *rest, size_t least, size_t most, const char *wrong, struct errors *errors)
{
	char pointer[80];
	json_t *item;
	size_t i;
	json_array_foreach(list, i, item) {
		const char *text = json_string_value(item);
		size_t n = text ? strlen(text) : 0;
		snprintf(pointer, sizeof pointer, "/dial_policy/%s/%zu", name, i);
		if (text && (n < least || n > most || !strchr(first, text[0]) || strspn(text + 1, rest) != n - 1))
			errors_add(errors, pointer, "%s", wrong);
	}
}

static void check_dial_policy(json_t *policy, struct errors *errors)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	check_texts(json_object_get(policy, "countries"), "countries", letters, letters, 2, 2, "must be two capital letters, such as US", errors);
	check_texts(json_object_get(policy, "blocked_prefixes"), "blocked_prefixes", "+", "0123456789", 2, 16, "must be + and digits, such as +1900", errors);
}

static bool exists(void *arg, const char *kind, const char *id)
{
	return organization_find(arg, kind, id) != NULL;
}

/* before has also what the API adds to the document. */
static bool audit_organization(struct store_conn *conn, const struct http_request *r, json_t *before,
			       json_t *doc)
{
	static const char *const added[] = {"id", "created_at", "updated_at"};
	for (size_t i = 0; i < ARRAY_LEN(added); i++)
		json_object_del(before, added[i]);
	json_t *row = api_audit_difference(api_organization_fields, before, doc);
	bool ok = row && api_audit_write(conn, r, "update", r->organization->id, row);
	json_decref(row);
	return ok;
}

static bool run_organization(struct store_conn *conn, struct http_request *r)
{
	struct errors errors = {0};
	struct schema_context context = {
		.exists = exists, .arg = (void *)(uintptr_t)r->organization};
	if (!answer_organization(conn, r))
		return false;
	if (api_changed_meanwhile(r, strtoll(r->etag + 1, NULL, 10)))
		return true;
	json_t *doc = json_loads(r->answer, 0, NULL), *policy = json_object_get(r->json, "dial_policy");
	if (json_is_object(policy) && json_is_object(json_object_get(doc, "dial_policy"))) {
		json_object_update(json_object_get(doc, "dial_policy"), policy);
		json_object_set(r->json, "dial_policy", json_object_get(doc, "dial_policy"));
	}
	json_t *before = json_deep_copy(doc);
	json_object_update(doc, r->json);
	json_object_del(doc, "id");
	json_object_del(doc, "created_at");
	json_object_del(doc, "updated_at");
	schema_check(api_organization_fields, doc, "", &context, &errors);
	check_dial_policy(json_object_get(doc, "dial_policy"), &errors);
	bool ok = true;
	if (errors_any(&errors)) {
		http_invalid(r, &errors);
		r->etag[0] = '\0';
	} else {
		char *text = json_dumps(doc, JSON_COMPACT);
		ok = text && store_exec(conn, "UPDATE organizations SET name = $1, doc = $2, version = version + 1, updated_at = $3 WHERE id = $4", "ssis", json_string_value(json_object_get(doc, "name")), text, clock_now_ms(), r->organization->id) &&
		     audit_organization(conn, r, before, doc) && answer_organization(conn, r);
		free(text);
		r->reload = true;
	}
	json_decref(before);
	json_decref(doc);
	return ok;
}

enum http_result api_organization_patch(struct http_request *r)
{
	if (!http_body_object(r))
		return HTTP_REPLY;
	snprintf(r->reload_id, sizeof r->reload_id, "%s", r->organization->id);
	r->run = run_organization;
	return http_write(r);
}

enum http_result api_system(struct http_request *r)
{
	json_t *sip = json_array();
	for (const char *const *l = r->config->listeners; *l; l++)
		json_array_append_new(sip, json_string(*l));
	return http_json(r, 200, json_pack("{s:s, s:o, s:s?}", "version", STROWGER_VERSION, "sip", sip, "websocket", r->config->websocket));
}

enum http_result api_openapi(struct http_request *r)
{
	return http_json(r, 200, openapi_document());
}

enum http_result api_healthz(struct http_request *r)
{
	return http_json(r, 200, json_pack("{s:s, s:s}", "status", "ok", "version", STROWGER_VERSION));
}

static void tries_metric(void *arg, const struct delivery_counts *n)
{
	buf_printf(arg, "strowger_webhook_tries_total{webhook=\"%s\",result=\"delivered\"} %llu\n", n->webhook_id, (unsigned long long)n->delivered);
	buf_printf(arg, "strowger_webhook_tries_total{webhook=\"%s\",result=\"failed\"} %llu\n", n->webhook_id, (unsigned long long)n->failed);
	buf_printf(arg, "strowger_webhook_tries_total{webhook=\"%s\",result=\"dead\"} %llu\n", n->webhook_id, (unsigned long long)n->dead);
}

static void answer_metric(void *arg, const struct delivery_counts *n)
{
	for (size_t i = 0; i < DELIVERY_BUCKETS; i++)
		buf_printf(arg, "strowger_webhook_answer_seconds_bucket{webhook=\"%s\",le=\"%g\"} %llu\n", n->webhook_id, delivery_bucket_seconds[i], (unsigned long long)n->buckets[i]);
	buf_printf(arg, "strowger_webhook_answer_seconds_bucket{webhook=\"%s\",le=\"+Inf\"} %llu\n", n->webhook_id, (unsigned long long)n->answered);
	buf_printf(arg, "strowger_webhook_answer_seconds_sum{webhook=\"%s\"} %.6f\n", n->webhook_id, n->seconds);
	buf_printf(arg, "strowger_webhook_answer_seconds_count{webhook=\"%s\"} %llu\n", n->webhook_id, (unsigned long long)n->answered);
}

/* Of outgoing webhooks, each. */
static void delivery_metrics(struct http_request *r, struct buf *b)
{
	struct store_conn *conn = store_reader(r->config->store);
	struct store_rows *rows = conn ? store_query(conn, "SELECT webhook_id, COUNT(*) FROM deliveries WHERE status IN ('pending', 'failed') GROUP BY webhook_id", "") : NULL;
	buf_add_str(b, "# HELP strowger_webhook_backlog Events that wait to be delivered.\n# TYPE strowger_webhook_backlog gauge\n");
	for (size_t i = 0; i < rows_count(rows); i++)
		buf_printf(b, "strowger_webhook_backlog{webhook=\"%s\"} %lld\n", rows_text(rows, i, 0), (long long)rows_int(rows, i, 1));
	rows_free(rows);
	buf_add_str(b, "# HELP strowger_webhook_tries_total Tries to deliver an event, by what became of it.\n# TYPE strowger_webhook_tries_total counter\n");
	http_client_each_webhook(r->config->client, tries_metric, b);
	buf_add_str(b, "# HELP strowger_webhook_answer_seconds Time until a receiver has answered.\n# TYPE strowger_webhook_answer_seconds histogram\n");
	http_client_each_webhook(r->config->client, answer_metric, b);
}

struct trunk_metrics {
	struct trunks *trunks;
	struct buf calls, refused, gateways;
};

static void trunk_metric(void *arg, const struct config_trunk *trunk)
{
	static const char *const directions[] = {"in", "out"};
	struct trunk_metrics *m = arg;
	struct trunk_status s;
	trunk_status(m->trunks, trunk->id, &s);
	for (size_t d = 0; d < ARRAY_LEN(directions); d++) {
		buf_printf(&m->calls, "strowger_trunk_calls{trunk=\"%s\",direction=\"%s\"} %zu\n", trunk->id, directions[d], s.calls[d]);
		buf_printf(&m->refused, "strowger_trunk_refused_total{trunk=\"%s\",direction=\"%s\"} %llu\n", trunk->id, directions[d], (unsigned long long)s.refused[d]);
	}
	for (size_t i = 0; i < s.gateway_count; i++)
		if (s.gateways[i].state != GATEWAY_UNKNOWN)
			buf_printf(&m->gateways, "strowger_gateway_up{trunk=\"%s\",uri=\"%s\"} %d\n", trunk->id, s.gateways[i].uri, s.gateways[i].state == GATEWAY_UP);
}

static void trunk_metrics(struct http_request *r, struct buf *b)
{
	struct trunk_metrics m = {.trunks = r->config->trunks};
	config_each_trunk(r->config->config, trunk_metric, &m);
	buf_printf(b, "# HELP strowger_trunk_calls Calls of each trunk now.\n# TYPE strowger_trunk_calls gauge\n%s", buf_text(&m.calls));
	buf_printf(b, "# HELP strowger_trunk_refused_total Calls that its limits kept out.\n# TYPE strowger_trunk_refused_total counter\n%s", buf_text(&m.refused));
	buf_printf(b, "# HELP strowger_gateway_up Whether a gateway answers.\n# TYPE strowger_gateway_up gauge\n%s", buf_text(&m.gateways));
	buf_free(&m.calls);
	buf_free(&m.refused);
	buf_free(&m.gateways);
}

enum http_result api_metrics(struct http_request *r)
{
	struct call_loop_counts c = call_loop_counts(r->config->calls);
	struct guess_counts guesses = guesses_counts(r->config->guesses);
	struct buf b = {0};
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} metrics[] = {
		{"strowger_calls_active", "gauge", "Calls that are live.", c.calls},
		{"strowger_sip_legs", "gauge", "SIP dialogs, those that linger included.", c.legs},
		{"strowger_sip_transactions", "gauge", "SIP transactions, those that linger for repeated messages included.", c.transactions},
		{"strowger_phones_registered", "gauge", "Phones of targets that are registered.", phones_count(r->config->phones, clock_now_ms())},
		{"strowger_sip_banned", "gauge", "Addresses that are not answered for a while.", c.banned},
		{"strowger_sip_certificate_expiry_seconds", "gauge", "When the certificate of SIP over TLS expires, in seconds since 1970; 0: there is none.", (uint64_t)c.certificate_expires_at},
		{"strowger_sip_dropped_total", "counter", "Requests that were dropped because their address is banned.", c.dropped},
		{"strowger_calls_started_total", "counter", "Calls that were let in.", c.started},
		{"strowger_calls_refused_total", "counter", "INVITEs that were refused.", c.refused},
		{"strowger_incoming_failures_total", "counter", "Requests of incoming webhooks that did not authenticate.", guard_failure_count(r->config->guard)},
		{"strowger_sign_ins_total", "counter", "Passwords that were right.", guesses.right},
		{"strowger_sign_in_failures_total", "counter", "Passwords that were wrong.", guesses.wrong},
		{"strowger_sign_in_refusals_total", "counter",
		 "Passwords that were not checked, because of too many wrong ones before.", guesses.refused},
		{"strowger_media_ports", "gauge", "RTP ports in use.", (uint64_t)media_open_ends(r->config->media)},
	};
	for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
		buf_printf(&b, "# HELP %s %s\n# TYPE %s %s\n", metrics[i].name, metrics[i].help, metrics[i].name, metrics[i].type);
		buf_printf(&b, "%s %llu\n", metrics[i].name, (unsigned long long)metrics[i].value);
	}
	trunk_metrics(r, &b);
	delivery_metrics(r, &b);
	http_text(r, 200, &b);
	r->content_type = "text/plain; version=0.0.4";
	return HTTP_REPLY;
}
