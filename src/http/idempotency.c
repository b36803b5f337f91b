#include "http/idempotency.h"
#include "base/clock.h"
#include <stdlib.h>
#include <string.h>

#define KEY_MAX 200

/* The body as one text, whatever the order of its members; as it was sent, where it is no JSON. */
static char *canonical_body(struct http_request *r)
{
	json_error_t err;
	if (!r->json && r->body)
		r->json = json_loadb(r->body, r->body_len, JSON_REJECT_DUPLICATES, &err);
	if (r->json)
		return json_dumps(r->json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	return strdup(r->body ? r->body : "");
}

static bool set_fingerprint(struct http_request *r)
{
	struct buf b = {0};
	char *body = canonical_body(r);
	buf_printf(&b, "%s %s\n%s %d\n", r->method, r->path, r->actor, (int)r->role);
	buf_add_str(&b, body ? body : "");
	bool ok = body && !b.failed;
	if (ok)
		crypto_keyed_hash(config_key(r->config->config), buf_text(&b), r->fingerprint);
	buf_free(&b);
	free(body);
	return ok;
}

bool idempotency_begin(struct http_request *r)
{
	const char *key = http_header(r, "Idempotency-Key");
	if (!key || strcmp(r->method, "POST") != 0 || !key[strspn(key, " \t")])
		return true;
	if (strlen(key) > KEY_MAX) {
		http_problem(r, 400, "The Idempotency-Key is too long", "it may have %d bytes",
			     KEY_MAX);
		return false;
	}
	r->idempotency_key = arena_strdup(&r->arena, key);
	if (r->idempotency_key && set_fingerprint(r))
		return true;
	http_problem(r, 500, "Out of memory", "try again shortly");
	return false;
}

bool idempotency_repeats(struct store_conn *conn, struct http_request *r, bool *failed)
{
	const char *sql = "SELECT fingerprint, status, body FROM idempotency_keys "
			  "WHERE organization_id = $1 AND key = $2";
	struct store_rows *rows =
		store_query(conn, sql, "ss", r->organization->id, r->idempotency_key);
	bool found = rows_count(rows) == 1;
	*failed = !rows;
	if (found && strcmp(rows_text(rows, 0, 0), r->fingerprint) == 0) {
		char *text = crypto_open(config_key(r->config->config), rows_text(rows, 0, 2));
		http_json(r, (int)rows_int(rows, 0, 1),
			  text ? json_loads(text, 0, NULL) : json_object());
		free(text);
	} else if (found) {
		http_problem(r, 409, "The Idempotency-Key was used for another request",
			     "a key stands for one method, path, body and sender: use a new one");
	}
	rows_free(rows);
	return found;
}

/* The answer as a repeat gets it: secrets are null, and "omitted" names them. NULL: no memory. */
static char *without_secrets(const struct http_request *r)
{
	if (!r->secrets[0])
		return strdup(r->answer);
	json_t *answer = json_loads(r->answer, 0, NULL), *omitted = json_array();
	for (size_t i = 0; i < HTTP_SECRETS_MAX && r->secrets[i]; i++) {
		if (!json_is_string(json_object_get(answer, r->secrets[i])))
			continue;
		json_object_set_new(answer, r->secrets[i], json_null());
		json_array_append_new(omitted, json_string(r->secrets[i]));
	}
	json_object_set_new(answer, "omitted", omitted);
	char *text = json_is_object(answer) ? json_dumps(answer, JSON_COMPACT) : NULL;
	json_decref(answer);
	return text;
}

bool idempotency_keep(struct store_conn *conn, const struct http_request *r)
{
	if (r->status < 200 || r->status > 299 || !r->answer)
		return true;
	/* What is left may still be a caller's data: it is sealed. */
	char *kept = without_secrets(r);
	char *sealed = kept ? crypto_seal(config_key(r->config->config), kept) : NULL;
	free(kept);
	const char *sql = "INSERT INTO idempotency_keys "
			  "(organization_id, key, fingerprint, status, body, created_at) VALUES "
			  "($1, $2, $3, $4, $5, $6)";
	bool ok = sealed && store_exec(conn, sql, "sssisi", r->organization->id, r->idempotency_key,
				       r->fingerprint, (int64_t)r->status, sealed, clock_now_ms());
	free(sealed);
	return ok;
}
