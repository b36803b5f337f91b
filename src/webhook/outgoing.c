#include "webhook/outgoing.h"
#include "base/crypto.h"
#include "event/values.h"
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

/* One event, and what templates may name of it. */
struct rendered {
	const struct organization *organization;
	json_t *envelope;
	struct event_values values;
	struct event_names names;
};

static char *render(struct rendered *r, const char *text, enum template_context context)
{
	struct expr_scope scope = event_scope(&r->names);
	struct buf out = {0};
	struct template *t = template_compile(text, strlen(text), context, &scope, &r->values.arena, NULL, NULL);
	if (t)
		template_render(t, &r->values.env, &out);
	return t ? buf_take(&out) : NULL;
}

/* The URL with its query. What begins a fragment is a character of the URL's own: those of values are encoded. */
static char *make_url(struct rendered *r, const struct config_outgoing *w)
{
	struct buf b = {0};
	char *url = render(r, w->url, TEMPLATE_URL);
	if (!url)
		return NULL;
	buf_add(&b, url, strcspn(url, "#"));
	free(url);
	for (size_t i = 0; i + 1 < w->query_count; i += 2) {
		char *name = curl_easy_escape(NULL, w->query[i], 0), *value = render(r, w->query[i + 1], TEMPLATE_FORM);
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

enum template_context outgoing_context(const char *body_template, const char *content_type)
{
	return body_template ? template_body_context(content_type, body_template, TEMPLATE_FORM) : TEMPLATE_JSON;
}

static const char *own_content_type(const struct config_outgoing *w)
{
	for (size_t i = 0; i + 1 < w->header_count; i += 2)
		if (strcasecmp(w->headers[i], "Content-Type") == 0)
			return w->headers[i + 1];
	return NULL;
}

/* Put the values that the webhook may have in the place of their masks, also where a tag was renamed meanwhile. */
static void reveal(const struct organization *o, json_t *envelope, json_t *sensitive)
{
	json_t *data = json_object_get(envelope, "data"), *tags = json_object_get(json_object_get(data, "call"), "tags");
	json_t *tag = json_object_get(data, "tag"), *value, *old;
	const char *name, *key, *changed = json_string_value(json_object_get(tag, "name"));
	json_object_foreach(sensitive, name, value) {
		int slot = tag_set_find(o->tags, name, strlen(name));
		json_object_foreach(tags, key, old)
			if (slot >= 0 && tag_set_find(o->tags, key, strlen(key)) == slot)
				json_object_set(tags, key, value);
		if (changed && slot >= 0 && tag_set_find(o->tags, changed, strlen(changed)) == slot)
			json_object_set(tag, "value", value);
	}
}

/* false: no memory. */
static bool read_event(struct rendered *r, const struct organization *o, const struct outgoing_event *e, bool templates, int64_t now_ms)
{
	r->organization = o;
	if (!templates && !json_object_size(e->sensitive))
		return true;
	r->envelope = json_loads(e->payload, 0, NULL);
	if (!r->envelope)
		return false;
	reveal(o, r->envelope, e->sensitive);
	if (templates) {
		event_values_read(&r->values, o, json_object_get(json_object_get(r->envelope, "data"), "call"), now_ms);
		event_names_read(&r->names, o, r->envelope, &r->values);
	}
	return true;
}

static void release_event(struct rendered *r)
{
	json_decref(r->envelope);
	arena_free(&r->values.arena);
}

/* What one event adds to the body. */
static bool add_body(struct buf *body, struct rendered *r, const struct config_outgoing *w, const struct outgoing_event *e, enum template_context context)
{
	char *text = NULL;
	if (w->body_template)
		text = render(r, w->body_template, context);
	else if (r->envelope && json_object_size(e->sensitive))
		text = json_dumps(r->envelope, JSON_COMPACT);
	else
		buf_add_str(body, e->payload);
	if (text)
		buf_add_str(body, text);
	bool ok = text || (!w->body_template && !json_object_size(e->sensitive));
	free(text);
	return ok;
}

/* Of a batch they have no tokens, and the first event's are everyone's. */
static void add_headers(struct outgoing_request *q, struct rendered *r, const struct config_outgoing *w)
{
	for (size_t h = 0; h + 1 < w->header_count; h += 2) {
		char *value = render(r, w->headers[h + 1], TEMPLATE_HEADER);
		if (value)
			outgoing_add_header(&q->headers, w->headers[h], value);
		free(value);
	}
}

bool outgoing_build(struct outgoing_request *q, const struct organization *o, const struct config_outgoing *w,
		    struct outgoing_event *events, size_t count, const char *token, int64_t now_ms)
{
	struct buf body = {0};
	bool has_body = strcmp(w->method, "GET") != 0, ok = true;
	bool templates = w->body_template || w->header_count || w->query_count || strchr(w->url, '[');
	enum template_context context = outgoing_context(w->body_template, own_content_type(w));
	*q = (struct outgoing_request){.context = context, .body_is_event = has_body && !w->body_template};
	if (w->batch_events)
		buf_add_str(&body, "[");
	for (size_t i = 0; i < count && ok; i++) {
		struct rendered r = {0};
		ok = read_event(&r, o, &events[i], templates, now_ms);
		q->has_sensitive |= json_object_size(events[i].sensitive) > 0;
		if (i)
			buf_add_str(&body, ",");
		events[i].at = body.len;
		ok = ok && (!has_body || add_body(&body, &r, w, &events[i], context));
		events[i].len = body.len - events[i].at;
		if (ok && i == 0) {
			q->url = templates ? make_url(&r, w) : strndup(w->url, strcspn(w->url, "#"));
			add_headers(q, &r, w);
		}
		release_event(&r);
	}
	if (w->batch_events)
		buf_add_str(&body, "]");
	ok = ok && q->url && !body.failed;
	if (ok && has_body) {
		if (!own_content_type(w))
			outgoing_add_header(&q->headers, "Content-Type", template_content_type(context));
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
