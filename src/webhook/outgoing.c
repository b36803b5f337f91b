#include "webhook/outgoing.h"
#include "base/crypto.h"
#include "event/values.h"
#include "expr/template.h"
#include "webhook/header.h"
#include "webhook/signature.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void outgoing_request_free(struct outgoing_request *q)
{
	free(q->url);
	free(q->body);
	curl_slist_free_all(q->headers);
	*q = (struct outgoing_request){0};
}

void outgoing_add_header(struct curl_slist **headers, const char *name, const char *value)
{
	struct buf line = {0};
	buf_printf(&line, "%s: ", name);
	buf_add_str(&line, value);
	struct curl_slist *list = line.failed ? NULL : curl_slist_append(*headers, buf_text(&line));
	if (list)
		*headers = list;
	buf_free(&line);
}

static bool is_own(const char *header)
{
	return strcasecmp(header, "Content-Type") == 0 || strncmp(header, "webhook-", 8) == 0;
}

void outgoing_headers_json(struct buf *b, const struct curl_slist *headers, bool has_sensitive)
{
	json_key(b, "headers");
	json_open(b);
	for (const struct curl_slist *h = headers; h; h = h->next) {
		char name[128];
		size_t n = strcspn(h->data, ":");
		snprintf(name, sizeof name, "%.*s", (int)n, h->data);
		if (h->data[n] && h->data[n + 1])
			json_str(b, name, header_is_secret(name) || (has_sensitive && !is_own(name)) ? "********" : h->data + n + 2);
	}
	json_close(b);
}

static char *render(const struct organization *o, struct event_values *v, const char *text, enum template_context context)
{
	struct expr_scope scope = organization_scope(o);
	struct buf out = {0};
	struct template *t = template_compile(text, strlen(text), context, &scope, &v->arena, NULL, NULL);
	if (t)
		template_render(t, &v->env, &out);
	return t ? buf_take(&out) : NULL;
}

/* The URL with its query. */
static char *make_url(const struct organization *o, const struct config_outgoing *w, struct event_values *v)
{
	struct buf b = {0};
	buf_add(&b, w->url, strcspn(w->url, "#"));
	for (size_t i = 0; i + 1 < w->query_count; i += 2) {
		char *name = curl_easy_escape(NULL, w->query[i], 0), *value = render(o, v, w->query[i + 1], TEMPLATE_FORM);
		buf_printf(&b, "%c%s=", strchr(buf_text(&b), '?') ? '&' : '?', name ? name : "");
		buf_add_str(&b, value ? value : "");
		curl_free(name);
		free(value);
	}
	return buf_take(&b);
}

/* By the secret, and by the one before it while that counts (Standard Webhooks: separated by a space). */
static void sign(struct outgoing_request *q, const struct config_outgoing *w, int64_t now_ms)
{
	char both[2 * SIGNATURE_SIZE + 1] = "", one[SIGNATURE_SIZE], seconds[24];
	const char *secrets[] = {w->secret, now_ms < w->previous_until_ms ? w->previous_secret : NULL}, *body = q->body ? q->body : "";
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		if (secrets[i] && signature_make(secrets[i], q->id, now_ms / 1000, body, strlen(body), one))
			snprintf(both + strlen(both), sizeof both - strlen(both), "%s%s", *both ? " " : "", one);
	snprintf(seconds, sizeof seconds, "%lld", (long long)now_ms / 1000);
	outgoing_add_header(&q->headers, "webhook-id", q->id);
	outgoing_add_header(&q->headers, "webhook-timestamp", seconds);
	if (*both)
		outgoing_add_header(&q->headers, "webhook-signature", both);
}

static void authenticate(struct outgoing_request *q, const struct config_outgoing *w, const char *token)
{
	struct buf b = {0}, pair = {0};
	if (w->token_url) {
		buf_printf(&b, "Bearer %s", token ? token : "");
	} else if (w->bearer_token) {
		buf_printf(&b, "Bearer %s", w->bearer_token);
	} else if (w->username) {
		buf_printf(&pair, "%s:%s", w->username, w->password ? w->password : "");
		char *text = crypto_base64((const unsigned char *)buf_text(&pair), pair.len);
		buf_printf(&b, "Basic %s", text ? text : "");
		free(text);
	}
	if (b.len)
		outgoing_add_header(&q->headers, "Authorization", buf_text(&b));
	buf_free(&pair);
	buf_free(&b);
}

static void make_id(struct outgoing_request *q, const struct config_outgoing *w, const struct outgoing_event *events, size_t count)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char hex[33];
	crypto_hash_sha256_state state;
	if (!w->batch_events) {
		snprintf(q->id, sizeof q->id, "%s-%s", events[0].id, w->id);
		return;
	}
	crypto_hash_sha256_init(&state);
	for (size_t i = 0; i < count; i++)
		crypto_hash_sha256_update(&state, (const unsigned char *)events[i].id, strlen(events[i].id) + 1);
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2hex(hex, sizeof hex, hash, sizeof hex / 2);
	snprintf(q->id, sizeof q->id, "bat_%s-%s", hex, w->id);
}

/* What one event adds to the body. values: of its call, when there are templates. */
static bool add_body(struct buf *body, const struct organization *o, const struct config_outgoing *w, const struct outgoing_event *e, const json_t *envelope, struct event_values *values, enum template_context context)
{
	bool masked = json_object_size(e->sensitive) == 0;
	char *text = w->body_template ? render(o, values, w->body_template, context) : masked ? NULL : json_dumps(envelope, JSON_COMPACT);
	if (!text && (w->body_template || !masked))
		return false;
	buf_add_str(body, text ? text : e->payload);
	free(text);
	return true;
}

bool outgoing_build(struct outgoing_request *q, const struct organization *o, const struct config_outgoing *w,
		    struct outgoing_event *events, size_t count, const char *token, int64_t now_ms)
{
	char first = w->body_template ? w->body_template[strspn(w->body_template, " \t\r\n")] : '{';
	struct buf body = {0};
	bool templates = w->body_template || w->header_count || w->query_count, has_body = strcmp(w->method, "GET") != 0, ok = true;
	enum template_context context = first == '{' || first == '[' ? TEMPLATE_JSON : TEMPLATE_FORM;
	*q = (struct outgoing_request){.is_json = context == TEMPLATE_JSON, .body_is_event = has_body && !w->body_template};
	if (w->batch_events)
		buf_add_str(&body, "[");
	for (size_t i = 0; i < count && ok; i++) {
		struct event_values v = {0};
		bool has_sensitive = json_object_size(events[i].sensitive) > 0;
		json_t *envelope = templates || has_sensitive ? json_loads(events[i].payload, 0, NULL) : NULL;
		json_t *call = json_object_get(json_object_get(envelope, "data"), "call");
		json_object_update_existing(json_object_get(call, "tags"), events[i].sensitive);
		q->has_sensitive |= has_sensitive;
		if (templates)
			event_values_read(&v, o, call, now_ms);
		if (i)
			buf_add_str(&body, ",");
		events[i].at = body.len;
		ok = !has_body || add_body(&body, o, w, &events[i], envelope, &v, context);
		events[i].len = body.len - events[i].at;
		if (ok && i == 0) { /* URL and headers of a batch have no tokens */
			q->url = make_url(o, w, &v);
			for (size_t h = 0; h + 1 < w->header_count; h += 2) {
				char *value = render(o, &v, w->headers[h + 1], TEMPLATE_HEADER);
				if (value)
					outgoing_add_header(&q->headers, w->headers[h], value);
				free(value);
			}
		}
		json_decref(envelope);
		arena_free(&v.arena);
	}
	if (w->batch_events)
		buf_add_str(&body, "]");
	ok = ok && q->url && !body.failed;
	if (ok && has_body) {
		bool typed = false;
		for (const struct curl_slist *h = q->headers; h; h = h->next)
			typed |= strncasecmp(h->data, "Content-Type:", 13) == 0;
		if (!typed)
			outgoing_add_header(&q->headers, "Content-Type", context == TEMPLATE_JSON ? "application/json" : "application/x-www-form-urlencoded");
		q->body = buf_take(&body);
		ok = q->body != NULL;
	}
	make_id(q, w, events, count);
	if (ok)
		sign(q, w, now_ms);
	authenticate(q, w, token);
	buf_free(&body);
	return ok;
}
