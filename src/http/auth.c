#include "http/auth.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/network.h"
#include "http/api/api.h"
#include "http/guesses.h"
#include "http/key_use.h"
#include "http/second_factor.h"
#include "http/scope.h"
#include "model/user.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SESSION_SECONDS (12 * 3600)
#define COOKIE "strowger_session="
#define EMAIL_MAX 200
/* Of no password, with the costs of all others. */
#define NOBODYS_HASH                                                                                \
	"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"                                    \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

enum role auth_role(const char *name)
{
	static const char *const names[] = {"", "analyst", "manager", "admin", "owner"};
	for (int i = ROLE_ANALYST; name && i <= ROLE_OWNER; i++)
		if (strcmp(names[i], name) == 0)
			return (enum role)i;
	return ROLE_NONE;
}

static const char *own_address(const struct http_request *r, char out[ADDRESS_SIZE])
{
	return address_text((const struct sockaddr *)&r->sender, out);
}

static bool by_api_key(struct http_request *r, const char *token)
{
	char hash[CRYPTO_HASH_SIZE], address[ADDRESS_SIZE];
	const struct config_key *key;
	r->organization = config_by_api_key(r->config->config, crypto_keyed_hash(config_key(r->config->config), token, hash), &key);
	if (!r->organization)
		return false;
	if (key->expires_ms && clock_now_ms() >= key->expires_ms) {
		http_problem(r, 401, "The API key has expired", "make a new one");
		return false;
	}
	if (!scope_allows(key->scopes, r->path)) {
		http_problem(r, 403, "The key's scopes do not allow this",
			     "they limit it to other parts of the API");
		return false;
	}
	snprintf(r->actor, sizeof r->actor, "%s", key->id);
	r->role = auth_role(key->role);
	key_uses_note(r->config->key_uses, key->id, own_address(r, address), clock_now_ms());
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
		"SELECT s.organization_id, s.user_id, s.csrf, u.doc, s.limited FROM sessions s JOIN resources u ON u.id = s.user_id AND u.organization_id = s.organization_id WHERE s.token_hash = $1 AND s.expires_at > $2",
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
	bool limited = rows_int(rows, 0, 4) && strncmp(r->path, "/api/v1/session", 15) != 0;
	json_decref(user);
	rows_free(rows);
	if (!safe)
		http_problem(r, 403, "The CSRF token is missing or wrong", "send the session's token in X-CSRF-Token");
	if (safe && limited)
		http_problem(r, 403, "A second factor is required",
			     "the organization requires one: set it up with POST /api/v1/session/totp");
	return r->organization && safe && !limited;
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
	char address[ADDRESS_SIZE], group[ADDRESS_SIZE]; /* who asks, and as whom that counts */
	const char *account; /* the e-mail address, in lower case */
	const char *role, *verify;
	const char *csrf;
	const char *code; /* of the second factor; NULL: none was sent */
	bool entered;     /* the session is there */
	bool lacks_code;  /* the password was right */
};

/* A row of the audit log about signing in. actor: the user, or the address of one who failed. */
static bool audit_sign_in(struct store_conn *conn, const struct login *l, const char *actor,
			  const char *action)
{
	char id[ID_SIZE];
	json_t *doc = json_pack("{s:s}", "address", l->address);
	char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	bool ok = text && store_exec(conn,
		"INSERT INTO audit (id, organization_id, actor, action, resource_id, doc, created_at) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7)", "ssssssi", id_new("aud", id), l->organization_id,
		actor, action, l->user_id, text, clock_now_ms());
	free(text);
	json_decref(doc);
	return ok;
}

static bool run_failed(struct store_conn *conn, struct http_request *r)
{
	const struct login *l = r->data;
	return audit_sign_in(conn, l, l->address, "sign_in_failed");
}

static bool add_session(struct store_conn *conn, const struct login *l, bool limited)
{
	int64_t now = clock_now_ms();
	return store_exec(conn, "DELETE FROM sessions WHERE expires_at < $1", "i", now) &&
	       store_exec(conn,
			  "INSERT INTO sessions (token_hash, organization_id, user_id, csrf, expires_at, "
			  "address, limited) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			  "ssssisi", l->token_hash, l->organization_id, l->user_id, l->csrf,
			  now + SESSION_SECONDS * 1000L, l->address, (int64_t)limited) &&
	       audit_sign_in(conn, l, l->user_id, "sign_in");
}

/* The password was right, and the code was not. */
static bool refuse_factor(struct store_conn *conn, struct http_request *r, enum factor_result result)
{
	struct login *l = r->data;
	struct errors errors = {0};
	bool needed = result == FACTOR_NEEDED;
	l->lacks_code = needed;
	r->cookie[0] = '\0';
	errors_add(&errors, "/code", needed ? "is needed" : "is wrong");
	http_problem_errors(r, 401, "Not signed in",
			    needed ? "send the code of the second factor, too" :
				     "the code of the second factor is wrong", &errors);
	if (needed)
		return true;
	guesses_wrong(r->config->guesses);
	log_warn(l->organization_id, "sign-in as %.200s from %s failed: the second factor",
		 l->account, l->address);
	return run_failed(conn, r);
}

static bool run_login(struct store_conn *conn, struct http_request *r)
{
	struct login *l = r->data;
	bool failed = false;
	enum factor_result result = second_factor_check(
		conn, config_key(r->config->config), l->user_id, l->code, clock_now_ms());
	if (result == FACTOR_FAILED)
		return false;
	if (result == FACTOR_NEEDED || result == FACTOR_WRONG)
		return refuse_factor(conn, r, result);
	bool limited = result == FACTOR_NONE &&
		       second_factor_is_required(conn, l->organization_id, &failed);
	l->entered = !failed && add_session(conn, l, limited);
	return l->entered;
}

static void entered(struct http_request *r)
{
	const struct login *l = r->data;
	if (l->lacks_code)
		guesses_forgive(r->config->guesses, l->group, l->account, clock_monotonic_ms());
	if (!l->entered)
		return;
	guesses_right(r->config->guesses, l->group, l->account, clock_monotonic_ms());
	log_info(l->organization_id, "%s signed in from %s", l->user_id, l->address);
}

/* The password was wrong: that is logged, and kept where there is such a user. */
static enum http_result refuse_login(struct http_request *r)
{
	const struct login *l = r->data;
	guesses_wrong(r->config->guesses);
	log_warn(*l->organization_id ? l->organization_id : NULL, "sign-in as %.200s from %s failed",
		 l->account, l->address);
	if (!*l->user_id)
		return HTTP_REPLY;
	r->run = run_failed;
	return http_write(r);
}

bool auth_guesses_too_often(struct http_request *r, const char *group, const char *account,
			    const char *title)
{
	int wait = guesses_begin(r->config->guesses, group, account, clock_monotonic_ms());
	if (!wait)
		return false;
	snprintf(r->retry_after, sizeof r->retry_after, "%d", wait);
	http_problem(r, 429, title, "try again in %d seconds", wait);
	return true;
}

static bool guesses_too_often(struct http_request *r, const struct login *l)
{
	return auth_guesses_too_often(r, l->group, l->account, "Too many wrong passwords");
}

static enum http_result login_verified(struct http_request *r)
{
	struct login *l = r->data;
	char *token = NULL, *csrf = NULL;
	if (!r->password_fits || !*l->user_id) {
		http_problem(r, 401, "Not signed in", "the e-mail address or the password is wrong");
		return refuse_login(r);
	}
	token = crypto_random_token("");
	csrf = crypto_random_token("");
	l->csrf = csrf ? arena_strdup(&r->arena, csrf) : NULL;
	if (token && l->csrf) {
		crypto_keyed_hash(config_key(r->config->config), token, l->token_hash);
		snprintf(r->cookie, sizeof r->cookie, COOKIE "%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s", token, SESSION_SECONDS, r->secure ? "; Secure" : "");
		http_json(r, 200, json_pack("{s:s, s:s, s:s, s:s}", "user_id", l->user_id, "organization_id", l->organization_id, "csrf_token", l->csrf, "role", l->role));
		r->run = run_login;
		r->after = entered;
	} else {
		http_problem(r, 503, "Out of memory", "try again shortly");
	}
	free(token);
	free(csrf);
	return r->run ? http_write(r) : HTTP_REPLY;
}

/* The user who was asked for, into l. false: a 503 was set. */
static bool find_user(struct http_request *r, struct login *l, const char *email)
{
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return false;
	/* As it was typed first: users from before e-mail addresses were compared without case. */
	struct store_rows *rows = store_query(conn,
		"SELECT id, organization_id, doc FROM resources WHERE kind = 'user' AND lookup IN ($1, $2) "
		"ORDER BY CASE WHEN lookup = $1 THEN 0 ELSE 1 END", "ss", email, l->account);
	if (!rows) {
		http_problem(r, 503, "The database could not be read", "try again shortly");
		return false;
	}
	json_t *user = rows_count(rows) ? json_loads(rows_text(rows, 0, 2), 0, NULL) : NULL;
	const char *hash = json_string_value(json_object_get(user, "password"));
	const char *role = json_string_value(json_object_get(user, "role"));
	if (hash && role) {
		snprintf(l->user_id, sizeof l->user_id, "%s", rows_text(rows, 0, 0));
		snprintf(l->organization_id, sizeof l->organization_id, "%s", rows_text(rows, 0, 1));
		l->role = arena_strdup(&r->arena, role);
		l->verify = arena_strdup(&r->arena, hash);
	}
	json_decref(user);
	rows_free(rows);
	/* The same work whether or not there is such a user, so that time tells nothing. */
	if (!l->verify)
		l->verify = NOBODYS_HASH;
	return true;
}

static struct login *new_login(struct http_request *r, const char *email)
{
	struct login *l = arena_alloc(&r->arena, sizeof *l);
	char *account = arena_strdup(&r->arena, email);
	if (!l || !account) {
		http_problem(r, 503, "Out of memory", "try again shortly");
		return NULL;
	}
	user_email_lower(account);
	*l = (struct login){.account = account};
	own_address(r, l->address);
	address_group((const struct sockaddr *)&r->sender, l->group);
	r->data = l;
	return l;
}

/* Another site must not sign its visitors in here: it may send neither JSON nor from this origin. */
static bool foreign_page(struct http_request *r)
{
	const char *type = http_header(r, "Content-Type"), *site = http_header(r, "Sec-Fetch-Site");
	const char *origin = http_header(r, "Origin"), *host = origin ? strstr(origin, "://") : NULL;
	if (!type || strncasecmp(type, "application/json", 16) != 0 || (type[16] && !strchr("; \t", type[16]))) {
		http_problem(r, 415, "The body must be JSON", "send Content-Type: application/json");
		return true;
	}
	bool own = site ? strcasecmp(site, "same-origin") == 0 || strcasecmp(site, "none") == 0 :
			  !origin || (host && r->host && strcasecmp(host + 3, r->host) == 0);
	if (!own)
		http_problem(r, 403, "Another site may not sign in here",
			     "the page's Origin is not this server (a proxy in front must pass Host)");
	return !own;
}

enum http_result auth_login(struct http_request *r)
{
	json_t *body = foreign_page(r) ? NULL : http_body_object(r);
	const char *email = json_string_value(json_object_get(body, "email"));
	const char *password = json_string_value(json_object_get(body, "password"));
	if (!body)
		return HTTP_REPLY;
	if (!email || !password || strlen(email) > EMAIL_MAX)
		return http_problem(r, 401, "Not signed in", "send email and password");
	struct login *l = new_login(r, email);
	if (!l || guesses_too_often(r, l) || !find_user(r, l, email))
		return HTTP_REPLY;
	l->code = json_string_value(json_object_get(body, "code"));
	r->hashed = login_verified;
	return http_hash(r, password, l->verify);
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
	bool failed = false;
	struct store_conn *conn = http_reader(r);
	bool has_factor = conn && second_factor_is_set(conn, rows_text(rows, 0, 1), &failed);
	json_t *user = json_loads(rows_text(rows, 0, 3), 0, NULL);
	http_json(r, 200, json_pack("{s:b, s:s, s:s, s:s, s:s?, s:s?, s:b, s:b}",
		"authenticated", 1,
		"user_id", rows_text(rows, 0, 1),
		"organization_id", rows_text(rows, 0, 0),
		"csrf_token", rows_text(rows, 0, 2),
		"role", json_string_value(json_object_get(user, "role")),
		"email", json_string_value(json_object_get(user, "email")),
		"second_factor", has_factor,
		"limited", rows_int(rows, 0, 4) != 0));
	json_decref(user);
	rows_free(rows);
	return HTTP_REPLY;
}

static void forget_cookie(struct http_request *r)
{
	snprintf(r->cookie, sizeof r->cookie, COOKIE "; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
}

/* The hash of the request's own token; "": it has none. */
static const char *own_session(struct http_request *r, char hash[CRYPTO_HASH_SIZE])
{
	char token[128];
	hash[0] = '\0';
	if (session_token(r, token, sizeof token))
		crypto_keyed_hash(config_key(r->config->config), token, hash);
	return hash;
}

static bool run_logout(struct store_conn *conn, struct http_request *r)
{
	return store_exec(conn, "DELETE FROM sessions WHERE token_hash = $1", "s", (const char *)r->data);
}

enum http_result auth_logout(struct http_request *r)
{
	char *hash = arena_alloc(&r->arena, CRYPTO_HASH_SIZE);
	r->status = 204;
	forget_cookie(r);
	if (!hash || !*own_session(r, hash))
		return HTTP_REPLY;
	r->data = hash;
	r->run = run_logout;
	return http_write(r);
}

/* ---- one's own password and sessions ---- */

bool auth_is_key(struct http_request *r, const char *title)
{
	if (!r->by_session)
		http_problem(r, 403, title, "sign in with POST /api/v1/session");
	return !r->by_session;
}

static bool is_key(struct http_request *r)
{
	return auth_is_key(r, "API keys have no session");
}

bool auth_end_sessions(struct store_conn *conn, struct http_request *r, const char *user_id, bool keep_own)
{
	char hash[CRYPTO_HASH_SIZE];
	return store_exec(conn, "DELETE FROM sessions WHERE user_id = $1 AND token_hash <> $2", "ss", user_id,
			  keep_own && r->by_session ? own_session(r, hash) : "");
}

const struct field auth_password_fields[] = {
	{"current_password", FIELD_STRING, FIELD_REQUIRED | FIELD_SECRET, .max = 200,
	 .help = "The password until now."},
	{"password", FIELD_STRING, FIELD_REQUIRED | FIELD_SECRET, .min = 10, .max = 200,
	 .help = "At least 10 characters, and not easily guessed."},
	{0},
};

static bool run_password(struct store_conn *conn, struct http_request *r)
{
	struct store_rows *rows = store_query(conn,
		"SELECT doc FROM resources WHERE id = $1 AND organization_id = $2 AND kind = 'user'", "ss",
		r->actor, r->organization->id);
	json_t *doc = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	bool ok = rows != NULL;
	rows_free(rows);
	if (!doc) {
		http_problem(r, 401, "Not signed in", "the user was deleted");
		return ok;
	}
	json_object_set_new(doc, "password", json_string(r->password_hash));
	char *text = json_dumps(doc, JSON_COMPACT);
	ok = text && store_exec(conn, "UPDATE resources SET doc = $1, version = version + 1, updated_at = $2 "
				      "WHERE id = $3 AND organization_id = $4", "siss", text, clock_now_ms(),
				r->actor, r->organization->id) &&
	     auth_end_sessions(conn, r, r->actor, true) && api_audit(conn, r, "change_password", r->actor);
	free(text);
	json_decref(doc);
	r->status = 204;
	return ok;
}

static enum http_result refuse_current(struct http_request *r)
{
	struct errors errors = {0};
	errors_add(&errors, "/current_password", "is wrong");
	http_invalid(r, &errors);
	return refuse_login(r);
}

static enum http_result new_password_hashed(struct http_request *r)
{
	r->run = run_password;
	return http_write(r);
}

static enum http_result current_verified(struct http_request *r)
{
	struct login *l = r->data;
	if (!r->password_fits)
		return refuse_current(r);
	guesses_right(r->config->guesses, l->group, l->account, clock_monotonic_ms());
	r->hashed = new_password_hashed;
	return http_hash(r, json_string_value(json_object_get(r->json, "password")), NULL);
}

const char *auth_own_email(struct http_request *r)
{
	struct store_rows *rows;
	if (!find_session(r, &rows))
		return NULL;
	json_t *user = rows ? json_loads(rows_text(rows, 0, 3), 0, NULL) : NULL;
	const char *email = json_string_value(json_object_get(user, "email"));
	email = email ? arena_strdup(&r->arena, email) : NULL;
	if (!email)
		http_problem(r, 401, "Not signed in", "sign in with POST /api/v1/session");
	json_decref(user);
	rows_free(rows);
	return email;
}

enum http_result auth_password(struct http_request *r)
{
	struct errors errors = {0};
	json_t *body = is_key(r) ? NULL : http_body_object(r);
	const char *email = body ? auth_own_email(r) : NULL;
	if (!email)
		return HTTP_REPLY;
	schema_check(auth_password_fields, body, "", &(struct schema_context){0}, &errors);
	if (!errors_any(&errors))
		user_password_check(json_string_value(json_object_get(body, "password")), email, &errors);
	if (errors_any(&errors))
		return http_invalid(r, &errors);
	struct login *l = new_login(r, email);
	if (!l || guesses_too_often(r, l) || !find_user(r, l, email))
		return HTTP_REPLY;
	r->hashed = current_verified;
	return http_hash(r, json_string_value(json_object_get(body, "current_password")), l->verify);
}

/* A session's id: the beginning of its token's keyed hash, from which no token can be made. */
#define SESSION_ID "ses_%.24s"

enum http_result auth_sessions(struct http_request *r)
{
	char own[CRYPTO_HASH_SIZE], id[40], created[RFC3339_SIZE], expires[RFC3339_SIZE];
	struct store_conn *conn = is_key(r) ? NULL : http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = store_query(conn,
		"SELECT token_hash, expires_at, address FROM sessions WHERE user_id = $1 AND "
		"organization_id = $2 AND expires_at > $3 ORDER BY expires_at DESC, token_hash LIMIT 1000",
		"ssi", r->actor, r->organization->id, clock_now_ms());
	if (!rows)
		return http_problem(r, 503, "The database could not be read", "try again shortly");
	json_t *data = json_array();
	own_session(r, own);
	for (size_t i = 0; i < rows_count(rows); i++) {
		int64_t until = rows_int(rows, i, 1);
		snprintf(id, sizeof id, SESSION_ID, rows_text(rows, i, 0));
		json_array_append_new(data, json_pack("{s:s, s:s, s:s, s:s, s:b}", "id", id,
			"created_at", clock_rfc3339(until - SESSION_SECONDS * 1000L, created),
			"expires_at", clock_rfc3339(until, expires), "address", rows_text(rows, i, 2),
			"current", strcmp(rows_text(rows, i, 0), own) == 0));
	}
	rows_free(rows);
	return api_list_answer(r, data, NULL);
}

static bool run_sessions_end(struct store_conn *conn, struct http_request *r)
{
	r->status = 204;
	return auth_end_sessions(conn, r, r->actor, false) &&
	       api_audit(conn, r, "end_sessions", r->actor);
}

enum http_result auth_sessions_end(struct http_request *r)
{
	if (is_key(r))
		return HTTP_REPLY;
	forget_cookie(r);
	r->run = run_sessions_end;
	return http_write(r);
}

static bool run_session_end(struct store_conn *conn, struct http_request *r)
{
	char own[CRYPTO_HASH_SIZE], id[40];
	struct store_rows *rows = store_query(conn,
		"SELECT token_hash FROM sessions WHERE user_id = $1 AND organization_id = $2", "ss", r->actor,
		r->organization->id);
	const char *hash = NULL;
	for (size_t i = 0; !hash && i < rows_count(rows); i++) {
		snprintf(id, sizeof id, SESSION_ID, rows_text(rows, i, 0));
		if (strcmp(id, r->params[0]) == 0)
			hash = rows_text(rows, i, 0);
	}
	bool ok = rows && (!hash || store_exec(conn, "DELETE FROM sessions WHERE token_hash = $1", "s", hash));
	if (hash && strcmp(hash, own_session(r, own)) == 0)
		forget_cookie(r);
	if (hash)
		r->status = 204;
	else
		http_problem(r, 404, "There is no such session", "none of yours has the id %.60s", r->params[0]);
	rows_free(rows);
	return ok;
}

enum http_result auth_session_end(struct http_request *r)
{
	if (is_key(r))
		return HTTP_REPLY;
	r->run = run_session_end;
	return http_write(r);
}
