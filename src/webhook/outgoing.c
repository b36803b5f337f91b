#include "webhook/outgoing.h"
#include "base/crypto.h"
#include "event/values.h"
#include "expr/template.h"
#include "webhook/header.h"
#include "webhook/signature.h"
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
static void sign(struct outgoing_request *q, const struct config_outgoing *w, const char *id, int64_t now_ms)
{
	char both[2 * SIGNATURE_SIZE + 1] = "", one[SIGNATURE_SIZE], seconds[24];
	const char *secrets[] = {w->secret, now_ms < w->previous_until_ms ? w->previous_secret : NULL}, *body = q->body ? q->body : "";
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		if (secrets[i] && signature_make(secrets[i], id, now_ms / 1000, body, strlen(body), one))
			snprintf(both + strlen(both), sizeof both - strlen(both), "%s%s", *both ? " " : "", one);
	snprintf(seconds, sizeof seconds, "%lld", (long long)now_ms / 1000);
	outgoing_add_header(&q->headers, "webhook-id", id);
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

bool outgoing_build(struct outgoing_request *q, const struct organization *o, const struct config_outgoing *w,
		    const char *payload, json_t *sensitive, const char *token, const char *event_id, int64_t now_ms)
{
	struct event_values v = {0};
	char id[96];
	bool has_sensitive = json_object_size(sensitive) > 0, templates = w->body_template || w->header_count || w->query_count;
	json_t *envelope = templates || has_sensitive ? json_loads(payload, 0, NULL) : NULL;
	json_t *call = json_object_get(json_object_get(envelope, "data"), "call");
	bool json_body = true, has_body = strcmp(w->method, "GET") != 0;
	*q = (struct outgoing_request){.body_is_event = has_body && !w->body_template, .has_sensitive = has_sensitive};
	json_object_update_existing(json_object_get(call, "tags"), sensitive);
	if (templates)
		event_values_read(&v, o, call, now_ms);
	if (w->body_template && has_body) {
		char first = w->body_template[strspn(w->body_template, " \t\r\n")];
		json_body = first == '{' || first == '[';
		q->body = render(o, &v, w->body_template, json_body ? TEMPLATE_JSON : TEMPLATE_FORM);
	} else if (has_body) {
		q->body = has_sensitive ? json_dumps(envelope, JSON_COMPACT) : strdup(payload);
	}
	q->url = make_url(o, w, &v);
	bool ok = q->url && (q->body || !has_body);
	if (ok && has_body)
		outgoing_add_header(&q->headers, "Content-Type", json_body ? "application/json" : "application/x-www-form-urlencoded");
	snprintf(id, sizeof id, "%s-%s", event_id, w->id);
	if (ok)
		sign(q, w, id, now_ms);
	authenticate(q, w, token);
	for (size_t h = 0; h + 1 < w->header_count; h += 2) {
		char *value = render(o, &v, w->headers[h + 1], TEMPLATE_HEADER);
		if (value)
			outgoing_add_header(&q->headers, w->headers[h], value);
		free(value);
	}
	json_decref(envelope);
	arena_free(&v.arena);
	return ok;
}
