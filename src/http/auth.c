#include "http/auth.h"
#include "base/clock.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SESSION_SECONDS (12 * 3600)
#define COOKIE "strowger_session="

enum role auth_role(const char *name)
{
	static const char *const names[] = {"", "analyst", "manager", "admin", "owner"};
	for (int i = ROLE_ANALYST; name && i <= ROLE_OWNER; i++)
		if (strcmp(names[i], name) == 0)
			return (enum role)i;
	return ROLE_NONE;
}

static bool by_api_key(struct http_request *r, const char *token)
{
	char hash[CRYPTO_HASH_SIZE];
	const struct config_key *key;
	r->organization = config_by_api_key(r->config->config, crypto_keyed_hash(config_key(r->config->config), token, hash), &key);
	if (!r->organization)
		return false;
	snprintf(r->actor, sizeof r->actor, "%s", key->id);
	r->role = auth_role(key->role);
	return true;
}

static const char *session_token(const struct http_request *r, char *out, size_t size)
{
	const char *cookies = http_header(r, "Cookie"), *at = cookies ? strstr(cookies, COOKIE) : NULL;
	if (!at)
		return NULL;
	at += strlen(COOKIE);
	snprintf(out, size, "%.*s", (int)strcspn(at, "; "), at);
	return out;
}

/*
 * Find the session of the request's cookie.
 *
 * out   its row: organization, user, CSRF token, the user's document; NULL: there is no such session, or it has expired
 *
 * Returns false when the database cannot be read; the request is then answered with 503. A session that cannot be
 * looked up must not look like one that has ended: the portal would ask for the password.
 */
static bool find_session(struct http_request *r, struct store_rows **out)
{
	char token[128], hash[CRYPTO_HASH_SIZE];
	*out = NULL;
	if (!session_token(r, token, sizeof token))
		return true;
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return false;
	struct store_rows *rows = store_query(conn,
		"SELECT s.organization_id, s.user_id, s.csrf, u.doc FROM sessions s JOIN resources u ON u.id = s.user_id AND u.organization_id = s.organization_id WHERE s.token_hash = $1 AND s.expires_at > $2",
		"si", crypto_keyed_hash(config_key(r->config->config), token, hash), clock_now_ms());
	if (!rows) {
		http_problem(r, 503, "The database could not be read", "try again shortly");
		return false;
	}
	if (rows_count(rows) == 1)
		*out = rows;
	else
		rows_free(rows);
	return true;
}

static bool by_session(struct http_request *r)
{
	struct store_rows *rows;
	if (!find_session(r, &rows) || !rows)
		return false;
	const char *csrf = http_header(r, "X-CSRF-Token");
	bool safe = strcmp(r->method, "GET") == 0 || (csrf && strcmp(csrf, rows_text(rows, 0, 2)) == 0);
	json_t *user = json_loads(rows_text(rows, 0, 3), 0, NULL);
	r->organization = config_organization(r->config->config, rows_text(rows, 0, 0));
	snprintf(r->actor, sizeof r->actor, "%s", rows_text(rows, 0, 1));
	r->role = auth_role(json_string_value(json_object_get(user, "role")));
	r->by_session = true;
	json_decref(user);
	rows_free(rows);
	if (!safe)
		http_problem(r, 403, "The CSRF token is missing or wrong", "send the session's token in X-CSRF-Token");
	return r->organization && safe;
}

bool auth_check(struct http_request *r, enum role least)
{
	const char *header = http_header(r, "Authorization");
	bool known = header ? strncasecmp(header, "Bearer ", 7) == 0 && by_api_key(r, header + 7) : by_session(r);
	if (!known) {
		if (!r->status)
			http_problem(r, 401, "Not signed in", "send 'Authorization: Bearer <api key>', or sign in to the portal");
		return false;
	}
	if (r->role < least) {
		http_problem(r, 403, "Your role does not allow this", "ask an administrator of the organization");
		return false;
	}
	return true;
}

struct login {
	char token_hash[CRYPTO_HASH_SIZE], organization_id[40], user_id[40];
	char *csrf;
};

static bool run_login(struct store_conn *conn, struct http_request *r)
{
	struct login *l = r->data;
	int64_t now = clock_now_ms();
	return store_exec(conn, "DELETE FROM sessions WHERE expires_at < $1", "i", now) &&
	       store_exec(conn, "INSERT INTO sessions (token_hash, organization_id, user_id, csrf, expires_at) VALUES ($1, $2, $3, $4, $5)", "ssssi",
			  l->token_hash, l->organization_id, l->user_id, l->csrf, now + SESSION_SECONDS * 1000L);
}

enum http_result auth_login(struct http_request *r)
{
	json_t *body = http_body_object(r);
	struct store_conn *conn = body ? http_reader(r) : NULL;
	if (!conn)
		return HTTP_REPLY;
	const char *email = json_string_value(json_object_get(body, "email")), *password = json_string_value(json_object_get(body, "password"));
	struct store_rows *rows = email && password ? store_query(conn, "SELECT id, organization_id, doc FROM resources WHERE kind = 'user' AND lookup = $1", "s", email) : NULL;
	json_t *user = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 2), 0, NULL) : NULL;
	const char *hash = json_string_value(json_object_get(user, "password"));
	/* The same work whether or not there is such a user, so that time tells nothing. */
	bool ok = password && crypto_password_verify(hash ? hash : "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$0000000000000000000000000000000000000000000", password) && hash;
	struct login *l = ok ? arena_alloc(&r->arena, sizeof *l) : NULL;
	char *token = l ? crypto_random_token("") : NULL, *csrf = l ? crypto_random_token("") : NULL;
	if (!token || !csrf) {
		http_problem(r, 401, "Not signed in", "the e-mail address or the password is wrong");
	} else {
		crypto_keyed_hash(config_key(r->config->config), token, l->token_hash);
		snprintf(l->user_id, sizeof l->user_id, "%s", rows_text(rows, 0, 0));
		snprintf(l->organization_id, sizeof l->organization_id, "%s", rows_text(rows, 0, 1));
		l->csrf = arena_strdup(&r->arena, csrf);
		snprintf(r->cookie, sizeof r->cookie, COOKIE "%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s", token, SESSION_SECONDS, r->secure ? "; Secure" : "");
		http_json(r, 200, json_pack("{s:s, s:s, s:s, s:s}", "user_id", l->user_id, "organization_id", l->organization_id, "csrf_token", csrf, "role", json_string_value(json_object_get(user, "role"))));
		r->data = l;
		r->run = run_login;
	}
	free(token);
	free(csrf);
	json_decref(user);
	rows_free(rows);
	return r->run ? http_write(r) : HTTP_REPLY;
}

/*
 * Whether the portal's visitor is signed in is a question with two good answers. Whoever sends credentials in
 * Authorization asks something else: a session is not had by them, and the answer is 401 (RFC 9110 section 15.5.2).
 */
enum http_result auth_session(struct http_request *r)
{
	struct store_rows *rows;
	if (!find_session(r, &rows))
		return HTTP_REPLY;
	if (!rows && http_header(r, "Authorization"))
		return http_problem(r, 401, "Not signed in", "sign in with POST /api/v1/session");
	if (!rows)
		return http_json(r, 200, json_pack("{s:b}", "authenticated", 0));
	json_t *user = json_loads(rows_text(rows, 0, 3), 0, NULL);
	http_json(r, 200, json_pack("{s:b, s:s, s:s, s:s, s:s?, s:s?}", "authenticated", 1,
				    "user_id", rows_text(rows, 0, 1), "organization_id", rows_text(rows, 0, 0),
				    "csrf_token", rows_text(rows, 0, 2),
				    "role", json_string_value(json_object_get(user, "role")),
				    "email", json_string_value(json_object_get(user, "email"))));
	json_decref(user);
	rows_free(rows);
	return HTTP_REPLY;
}

static bool run_logout(struct store_conn *conn, struct http_request *r)
{
	return store_exec(conn, "DELETE FROM sessions WHERE token_hash = $1", "s", (const char *)r->data);
}

enum http_result auth_logout(struct http_request *r)
{
	char token[128], *hash = arena_alloc(&r->arena, CRYPTO_HASH_SIZE);
	r->status = 204;
	snprintf(r->cookie, sizeof r->cookie, COOKIE "; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
	if (!hash || !session_token(r, token, sizeof token))
		return HTTP_REPLY;
	crypto_keyed_hash(config_key(r->config->config), token, hash);
	r->data = hash;
	r->run = run_logout;
	return http_write(r);
}
