#include "webhook/token.h"
#include "base/crypto.h"
#include "base/json_read.h"
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MARGIN_MS 30000        /* a token is not used for its last seconds: a request with it may be on its way then */
#define REFUSED_MS 5000
#define LIFETIME_SECONDS 3600  /* where the answer names none */
#define LIFETIME_MAX (30 * 86400)

static char *identity(const struct config_outgoing *w)
{
	struct buf b = {0};
	buf_printf(&b, "%s\n%s\n%s\n%s\n%s", w->token_url, w->client_id, w->client_secret, w->scope ? w->scope : "", w->audience ? w->audience : "");
	return buf_take(&b);
}

void token_drop(struct access_token *t)
{
	free(t->text);
	t->text = NULL;
}

enum token_state token_state(struct access_token *t, const struct config_outgoing *w, int64_t now_ms)
{
	if (t->asked)
		return TOKEN_ASKED;
	char *of = identity(w);
	if (!t->of || !of || strcmp(t->of, of) != 0) {
		token_drop(t);
		t->refused_until_ms = 0;
	}
	free(t->of);
	t->of = of;
	if (t->text && now_ms < t->until_ms)
		return TOKEN_GOOD;
	token_drop(t);
	return now_ms < t->refused_until_ms ? TOKEN_REFUSED : TOKEN_WANTED;
}

static void add_parameter(struct buf *b, const char *name, const char *value)
{
	char *escaped = value ? curl_easy_escape(NULL, value, 0) : NULL;
	if (escaped)
		buf_printf(b, "&%s=%s", name, escaped);
	curl_free(escaped);
}

char *token_form(const struct config_outgoing *w, char **authorization)
{
	struct buf b = {0}, pair = {0};
	*authorization = NULL;
	buf_add_str(&b, "grant_type=client_credentials");
	add_parameter(&b, "scope", w->scope);
	add_parameter(&b, "audience", w->audience);
	if (w->client_in_body) {
		add_parameter(&b, "client_id", w->client_id);
		add_parameter(&b, "client_secret", w->client_secret);
		return buf_take(&b);
	}
	char *id = curl_easy_escape(NULL, w->client_id, 0), *secret = curl_easy_escape(NULL, w->client_secret, 0); /* RFC 6749 §2.3.1 */
	buf_printf(&pair, "%s:%s", id ? id : "", secret ? secret : "");
	char *text = crypto_base64(buf_text(&pair), pair.len);
	buf_reset(&pair);
	buf_printf(&pair, "Basic %s", text ? text : "");
	*authorization = buf_take(&pair);
	free(text);
	curl_free(id);
	curl_free(secret);
	return buf_take(&b);
}

void token_answered(struct access_token *t, long status, const char *body, size_t len, const char *error, int64_t now_ms)
{
	struct error unread;
	json_t *answer = json_read(body, len, NULL, NULL, &unread);
	json_t *lifetime = json_object_get(answer, "expires_in");
	const char *text = json_string_value(json_object_get(answer, "access_token")), *type = json_string_value(json_object_get(answer, "token_type"));
	const char *why = json_string_value(json_object_get(answer, "error")), *more = json_string_value(json_object_get(answer, "error_description"));
	t->asked = false;
	token_drop(t);
	if (status / 100 == 2 && text && *text && !strpbrk(text, "\r\n") && (!type || strcasecmp(type, "bearer") == 0)) {
		json_int_t seconds = json_is_string(lifetime) ? atoll(json_string_value(lifetime)) : json_is_number(lifetime) ? (json_int_t)json_number_value(lifetime) : LIFETIME_SECONDS;
		seconds = seconds < 0 ? 0 : seconds > LIFETIME_MAX ? LIFETIME_MAX : seconds;
		int64_t lasts_ms = seconds * 1000;
		t->text = strdup(text);
		t->until_ms = now_ms + (lasts_ms > 2 * MARGIN_MS ? lasts_ms - MARGIN_MS : lasts_ms / 2 + 1000);
	} else if (!status) {
		snprintf(t->error, sizeof t->error, "no access token: %s", error);
	} else if (status / 100 == 2) {
		snprintf(t->error, sizeof t->error, "no access token: the token URL's answer has no access_token of the type bearer");
	} else {
		snprintf(t->error, sizeof t->error, "no access token: the token URL answered %ld%s%.60s%s%.90s", status, why ? " " : "", why ? why : "", more ? ": " : "", more ? more : "");
	}
	t->refused_until_ms = t->text ? 0 : now_ms + REFUSED_MS;
	json_decref(answer);
}
