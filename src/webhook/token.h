/* webhook/token.h: an access token by OAuth 2.0 client credentials (RFC 6749 §4.4), for one outgoing webhook. */
#ifndef WEBHOOK_TOKEN_H
#define WEBHOOK_TOKEN_H

#include "base/buf.h"
#include "config/config.h"

struct access_token {
	char *text;           /* NULL: there is none */
	int64_t until_ms;
	char *of;             /* whose it is: other credentials need another */
	bool asked;           /* a request for it is under way */
	char error[200];      /* why there is none, */
	int64_t refused_until_ms; /* and until when it is not asked for again */
};

enum token_state { TOKEN_GOOD, TOKEN_WANTED, TOKEN_ASKED, TOKEN_REFUSED };
/* The credentials' state; forgets what is another's or too old. */
enum token_state token_state(struct access_token *t, const struct config_outgoing *w, int64_t now_ms);

/* The form to be POSTed to token_url; *authorization is the header's value, or NULL where the form has the secret. free() both. */
char *token_form(const struct config_outgoing *w, char **authorization) WARN_UNUSED;

/* What token_url answered (status 0: nothing, and error says why). */
void token_answered(struct access_token *t, long status, const char *body, size_t len, const char *error, int64_t now_ms);

/* It was not taken: the next request asks for another. */
void token_drop(struct access_token *t);

#endif
