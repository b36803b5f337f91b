/* `strowger password`: set a user's password on the server itself, without signing in. */
#include "base/clock.h"
#include "base/crypto.h"
#include "base/id.h"
#include "commands.h"
#include "model/user.h"
#include "store/store.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What scripts/run gives its demo, which serves on loopback alone; the README tells it. */
#define DEMO_PASSWORD "strowger-demo"

bool password_read_file(const char *file, const char *email, char *out, size_t size, struct error *err)
{
	struct errors errors = {0};
	FILE *f = fopen(file, "r");
	bool ok = f && fgets(out, (int)size, f);
	if (f)
		fclose(f);
	if (!ok)
		return error_set(err, "cannot read the password file %s", file);
	out[strcspn(out, "\r\n")] = '\0';
	if (strlen(out) < 10)
		return error_set(err, "the password in %s must have at least 10 characters", file);
	if (strcmp(out, DEMO_PASSWORD) != 0)
		user_password_check(out, email, &errors);
	if (errors_any(&errors))
		error_set(err, "the password in %s %s", file,
			  json_string_value(json_object_get(json_array_get(errors.list, 0), "detail")));
	ok = !errors_any(&errors);
	errors_free(&errors);
	return ok;
}

struct new_password {
	const char *email, *lower, *hash; /* lower: the e-mail address as users are found by it */
	bool found;
};

static bool change(struct store_conn *conn, const struct new_password *n, const struct store_rows *row)
{
	char id[ID_SIZE];
	int64_t now = clock_now_ms();
	const char *user_id = rows_text(row, 0, 0), *organization_id = rows_text(row, 0, 1);
	json_t *doc = json_loads(rows_text(row, 0, 2), 0, NULL);
	json_object_set_new(doc, "password", json_string(n->hash));
	char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	const char *update = "UPDATE resources SET doc = $1, version = version + 1, updated_at = $2 "
			     "WHERE id = $3 AND organization_id = $4";
	const char *audit = "INSERT INTO audit (id, organization_id, actor, action, resource_id, doc, "
			    "created_at) VALUES ($1, $2, 'command line', 'set_password', $3, '{}', $4)";
	bool ok = text &&
		  store_exec(conn, update, "siss", text, now, user_id, organization_id) &&
		  store_exec(conn, "DELETE FROM sessions WHERE user_id = $1", "s", user_id) &&
		  store_exec(conn, audit, "sssi", id_new("aud", id), organization_id, user_id, now);
	free(text);
	json_decref(doc);
	return ok;
}

static bool set_password(struct store_conn *conn, void *arg)
{
	struct new_password *n = arg;
	struct store_rows *row = store_query(
		conn, "SELECT id, organization_id, doc FROM resources WHERE kind = 'user' AND lookup IN "
		      "($1, $2) ORDER BY CASE WHEN lookup = $1 THEN 0 ELSE 1 END",
		"ss", n->email, n->lower);
	n->found = rows_count(row) > 0;
	bool ok = row && (!n->found || change(conn, n, row));
	rows_free(row);
	return ok;
}

int command_password(const struct organization_options *o)
{
	struct error err = {""};
	char password[256], url[600], lower[256];
	struct new_password n = {.email = o->email, .lower = lower};
	struct crypto_key key;
	char path[512], *hash = NULL;
	bool ok = false;
	snprintf(path, sizeof path, "%s/secret.key", o->data);
	snprintf(url, sizeof url, "sqlite:%s/strowger.db", o->data);
	snprintf(lower, sizeof lower, "%s", o->email);
	user_email_lower(lower);
	struct store *store = NULL;
	if (password_read_file(o->password_file, o->email, password, sizeof password, &err) &&
	    crypto_key_load(&key, path, false, &err))
		store = store_open(o->database ? o->database : url, &err);
	if (store)
		n.hash = hash = crypto_password_hash(password);
	if (store && hash)
		ok = store_run(store, set_password, &n, &err);
	if (ok && !n.found)
		ok = error_set(&err, "no user has the e-mail address %s", o->email);
	free(hash);
	store_close(store);
	if (!ok)
		fprintf(stderr, "strowger: %s\n", *err.text ? err.text : "out of memory");
	return ok ? 0 : 1;
}
