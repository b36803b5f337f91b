#include "http/second_factor.h"
#include "base/clock.h"
#include "base/network.h"
#include "http/api/api.h"
#include "http/auth.h"
#include "http/guesses.h"
#include "http/totp.h"
#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define RECOVERY_CODES 10
#define RECOVERY_SIZE 12 /* "abcde-fghij", with NUL */

const struct field second_factor_fields[] = {
	{"code", FIELD_STRING, FIELD_SECRET, .max = 40,
	 .help = "The code that the app shows, or a recovery code."},
	{0},
};

/* ---- recovery codes ---- */

static void make_recovery(char out[RECOVERY_SIZE])
{
	static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789"; /* none that looks like another */
	for (size_t i = 0; i < RECOVERY_SIZE - 1; i++)
		out[i] = letters[randombytes_uniform(sizeof letters - 1)];
	out[5] = '-';
	out[RECOVERY_SIZE - 1] = '\0';
}

/* The keyed hash of its letters and digits, in lower case. */
static const char *recovery_hash(const struct crypto_key *key, const char *code,
				 char out[CRYPTO_HASH_SIZE])
{
	char plain[48] = "recovery ";
	size_t n = strlen(plain);
	for (; *code && n < sizeof plain - 1; code++)
		if (isalnum((unsigned char)*code))
			plain[n++] = (char)tolower((unsigned char)*code);
	plain[n] = '\0';
	return crypto_keyed_hash(key, plain, out);
}

/* Takes the code out of the list. */
static bool take_recovery(const struct crypto_key *key, json_t *list, const char *code)
{
	char hash[CRYPTO_HASH_SIZE];
	json_t *item;
	size_t i;
	recovery_hash(key, code, hash);
	json_array_foreach(list, i, item) {
		const char *one = json_string_value(item);
		if (one && strlen(one) == strlen(hash) && crypto_equal(one, hash, strlen(hash)))
			return json_array_remove(list, i) == 0;
	}
	return false;
}

/* ---- checking ---- */

static bool use_step(struct store_conn *conn, const char *user_id, int64_t step)
{
	return store_exec(conn, "UPDATE user_totp SET last_step = $1 WHERE user_id = $2", "is", step,
			  user_id);
}

static enum factor_result use_recovery(struct store_conn *conn, const struct crypto_key *key,
				       const char *user_id, const char *list, const char *code)
{
	json_t *left = json_loads(list, 0, NULL);
	enum factor_result result = FACTOR_WRONG;
	if (left && take_recovery(key, left, code)) {
		char *text = json_dumps(left, JSON_COMPACT);
		bool ok = text && store_exec(conn, "UPDATE user_totp SET recovery = $1 WHERE user_id = $2",
					     "ss", text, user_id);
		result = ok ? FACTOR_PASSED : FACTOR_FAILED;
		free(text);
	}
	json_decref(left);
	return result;
}

enum factor_result second_factor_check(struct store_conn *conn, const struct crypto_key *key,
				       const char *user_id, const char *code, int64_t now_ms)
{
	struct store_rows *rows = store_query(conn,
		"SELECT secret, last_step, recovery FROM user_totp WHERE user_id = $1 AND confirmed = 1", "s",
		user_id);
	enum factor_result result = rows ? FACTOR_NONE : FACTOR_FAILED;
	char *secret = rows_count(rows) ? crypto_open(key, rows_text(rows, 0, 0)) : NULL;
	if (rows_count(rows) && !secret) {
		result = FACTOR_FAILED;
	} else if (secret && (!code || !*code)) {
		result = FACTOR_NEEDED;
	} else if (secret) {
		int64_t step = totp_match(secret, code, now_ms / 1000, rows_int(rows, 0, 1));
		if (step)
			result = use_step(conn, user_id, step) ? FACTOR_PASSED : FACTOR_FAILED;
		else
			result = use_recovery(conn, key, user_id, rows_text(rows, 0, 2), code);
	}
	if (secret)
		sodium_memzero(secret, strlen(secret));
	free(secret);
	rows_free(rows);
	return result;
}

bool second_factor_is_set(struct store_conn *conn, const char *user_id, bool *failed)
{
	struct store_rows *rows = store_query(conn,
		"SELECT 1 FROM user_totp WHERE user_id = $1 AND confirmed = 1", "s", user_id);
	bool set = rows_count(rows) == 1;
	*failed = !rows;
	rows_free(rows);
	return set;
}

bool second_factor_is_required(struct store_conn *conn, const char *organization_id, bool *failed)
{
	struct store_rows *rows =
		store_query(conn, "SELECT doc FROM organizations WHERE id = $1", "s", organization_id);
	json_t *doc = rows_count(rows) ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	bool required = json_is_true(json_object_get(doc, "require_second_factor"));
	*failed = !doc;
	json_decref(doc);
	rows_free(rows);
	return required;
}

/* ---- setting it up ---- */

struct setup {
	const char *email, *code;
	char address[ADDRESS_SIZE];
	bool passed;
};

/* The URI that apps read from a picture, as Google Authenticator's wiki has it. */
static char *otpauth_uri(const char *secret, const char *email)
{
	struct buf b = {0};
	buf_add_str(&b, "otpauth://totp/Strowger:");
	for (const char *p = email; *p; p++)
		buf_printf(&b, isalnum((unsigned char)*p) || strchr("-._~", *p) ? "%c" : "%%%02X",
			   (unsigned char)*p);
	buf_printf(&b, "?secret=%s&issuer=Strowger", secret);
	return buf_take(&b);
}

static bool run_enrol(struct store_conn *conn, struct http_request *r)
{
	const struct setup *s = r->data;
	char secret[TOTP_SECRET_SIZE];
	bool failed;
	if (second_factor_is_set(conn, r->actor, &failed)) {
		http_problem(r, 409, "There is a second factor", "remove it first");
		return true;
	}
	totp_secret(secret);
	char *uri = otpauth_uri(secret, s->email);
	char *sealed = crypto_seal(config_key(r->config->config), secret);
	bool ok = !failed && uri && sealed && store_exec(conn,
		"INSERT INTO user_totp (user_id, organization_id, secret, confirmed, last_step, recovery) "
		"VALUES ($1, $2, $3, 0, 0, '[]') ON CONFLICT (user_id) DO UPDATE SET "
		"secret = excluded.secret, confirmed = 0, last_step = 0, recovery = '[]'", "sss",
		r->actor, r->organization->id, sealed);
	if (ok)
		http_json(r, 200, json_pack("{s:s, s:s}", "secret", secret, "uri", uri));
	free(sealed);
	free(uri);
	return ok;
}

static bool keep_confirmed(struct store_conn *conn, struct http_request *r, int64_t step, json_t *codes)
{
	char code[RECOVERY_SIZE], hash[CRYPTO_HASH_SIZE];
	json_t *hashes = json_array();
	for (int i = 0; i < RECOVERY_CODES; i++) {
		make_recovery(code);
		json_array_append_new(codes, json_string(code));
		json_array_append_new(hashes, json_string(recovery_hash(
			config_key(r->config->config), code, hash)));
	}
	char *text = json_array_size(hashes) == RECOVERY_CODES ? json_dumps(hashes, JSON_COMPACT) : NULL;
	bool ok = text && store_exec(conn,
		"UPDATE user_totp SET confirmed = 1, last_step = $1, recovery = $2 WHERE user_id = $3",
		"iss", step, text, r->actor) &&
		store_exec(conn, "UPDATE sessions SET limited = 0 WHERE user_id = $1", "s", r->actor) &&
		api_audit(conn, r, "set_second_factor", r->actor);
	free(text);
	json_decref(hashes);
	return ok;
}

static void refuse_code(struct http_request *r)
{
	struct errors errors = {0};
	errors_add(&errors, "/code", "is wrong");
	http_invalid(r, &errors);
	guesses_wrong(r->config->guesses);
}

static bool run_confirm(struct store_conn *conn, struct http_request *r)
{
	struct setup *s = r->data;
	struct store_rows *rows = store_query(conn,
		"SELECT secret FROM user_totp WHERE user_id = $1 AND confirmed = 0", "s", r->actor);
	char *secret = rows_count(rows) ?
		crypto_open(config_key(r->config->config), rows_text(rows, 0, 0)) : NULL;
	bool ok = rows && (!rows_count(rows) || secret);
	int64_t step = secret ? totp_match(secret, s->code, clock_now_ms() / 1000, 0) : 0;
	json_t *codes = json_array();
	if (ok && !secret) {
		http_problem(r, 409, "Nothing is being set up", "ask for a secret first, without a code");
	} else if (ok && !step) {
		refuse_code(r);
	} else if (ok) {
		ok = keep_confirmed(conn, r, step, codes);
		s->passed = ok;
		http_json(r, 200, json_pack("{s:O}", "recovery_codes", codes));
	}
	json_decref(codes);
	free(secret);
	rows_free(rows);
	return ok;
}

/* ---- removing it ---- */

static bool remove_factor(struct store_conn *conn, struct http_request *r, const char *user_id)
{
	r->status = 204;
	return store_exec(conn, "DELETE FROM user_totp WHERE user_id = $1 AND organization_id = $2", "ss",
			  user_id, r->organization->id) &&
	       api_audit(conn, r, "remove_second_factor", user_id);
}

static bool run_remove(struct store_conn *conn, struct http_request *r)
{
	struct setup *s = r->data;
	switch (second_factor_check(conn, config_key(r->config->config), r->actor, s->code,
				    clock_now_ms())) {
	case FACTOR_PASSED:
		s->passed = true;
		return remove_factor(conn, r, r->actor);
	case FACTOR_NONE:
		http_problem(r, 404, "There is no second factor", "nothing was removed");
		return true;
	case FACTOR_NEEDED:
	case FACTOR_WRONG:
		refuse_code(r);
		return true;
	case FACTOR_FAILED:
		break;
	}
	return false;
}

static bool run_reset(struct store_conn *conn, struct http_request *r)
{
	struct store_rows *rows = store_query(conn,
		"SELECT doc FROM resources WHERE id = $1 AND organization_id = $2 AND kind = 'user'", "ss",
		r->params[0], r->organization->id);
	json_t *user = rows_count(rows) ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	const char *role = json_string_value(json_object_get(user, "role"));
	bool ok = rows != NULL;
	if (ok && !user)
		http_problem(r, 404, "There is no such user", "none has the id %.60s", r->params[0]);
	else if (ok && r->role < ROLE_OWNER && role && strcmp(role, "owner") == 0)
		http_problem(r, 403, "Only an owner may do this", "the user is an owner");
	else if (ok)
		ok = remove_factor(conn, r, r->params[0]);
	json_decref(user);
	rows_free(rows);
	return ok;
}

/* ---- requests ---- */

static bool is_key(struct http_request *r)
{
	return auth_is_key(r, "API keys have no second factor");
}

static void forgive(struct http_request *r)
{
	const struct setup *s = r->data;
	if (s->passed)
		guesses_right(r->config->guesses, s->address, s->email, clock_monotonic_ms());
}

/* Codes are guessed like passwords. NULL: the answer is set. */
static struct setup *new_setup(struct http_request *r)
{
	struct errors errors = {0};
	json_t *body = is_key(r) ? NULL : http_body_object(r);
	struct setup *s = body ? arena_alloc(&r->arena, sizeof *s) : NULL;
	if (!s)
		return NULL;
	schema_check(second_factor_fields, body, "", &(struct schema_context){0}, &errors);
	if (errors_any(&errors)) {
		http_invalid(r, &errors);
		return NULL;
	}
	*s = (struct setup){.code = json_string_value(json_object_get(body, "code"))};
	s->email = auth_own_email(r);
	if (!s->email)
		return NULL;
	address_group((const struct sockaddr *)&r->sender, s->address);
	if (s->code && auth_guesses_too_often(r, s->address, s->email, "Too many wrong codes"))
		return NULL;
	r->data = s;
	r->after = forgive;
	return s;
}

enum http_result second_factor_post(struct http_request *r)
{
	struct setup *s = new_setup(r);
	if (!s)
		return HTTP_REPLY;
	r->secrets[0] = "secret";
	r->secrets[1] = "uri";
	r->run = s->code && *s->code ? run_confirm : run_enrol;
	return http_write(r);
}

enum http_result second_factor_delete(struct http_request *r)
{
	if (!new_setup(r))
		return HTTP_REPLY;
	r->run = run_remove;
	return http_write(r);
}

enum http_result second_factor_reset(struct http_request *r)
{
	if (is_key(r))
		return HTTP_REPLY;
	r->run = run_reset;
	return http_write(r);
}
