/* expr/token.h: the tokens that some templates know besides tags, variables and system fields. Pure. */
#ifndef EXPR_TOKEN_H
#define EXPR_TOKEN_H

#include "expr/value.h"
#include <jansson.h>

struct token {
	const char *name;     /* "EVENT_TYPE" */
	const char *help;
	enum value_kind kind; /* of its values; VALUE_NONE: text */
};

/* In outgoing webhooks: the event. An organization's tag of the same name goes before all of these. */
enum event_token {
	EVENT_TOKEN_TYPE,
	EVENT_TOKEN_ID,
	EVENT_TOKEN_MILESTONE_SECONDS,
	EVENT_TOKEN_TAG_NAME,
	EVENT_TOKEN_TAG_VALUE,
	EVENT_TOKEN_TAG_PREVIOUS,
	EVENT_TOKEN_RECORDING_URL,
	EVENT_TOKEN_FIELD, /* [EVENT.name]: any name after the dot */
	EVENT_TOKEN_COUNT,
};
extern const struct token event_tokens[EVENT_TOKEN_COUNT];

/* In requests of RTB targets: the ping. They go before tags. */
enum rtb_variable { RTB_REQUEST_ID, RTB_BID, RTB_WINNING_BID, RTB_VARIABLE_COUNT };
extern const struct token rtb_tokens[RTB_VARIABLE_COUNT];

/* The token of this name, without regard to case; -1: none. */
int event_token_find(const char *name, size_t len);
int rtb_token_find(const char *name, size_t len);

/* Every token, those of calls included, for OpenAPI, the portal and the documentation:
 * [{"name","help","in":"all"|"outgoing_webhook"|"rtb_target"|"requests"}]; requests: those of outgoing webhooks,
 * RTB targets and http_request nodes. New reference. */
json_t *tokens_json(void);

#endif
