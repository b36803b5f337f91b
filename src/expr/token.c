#include "expr/token.h"
#include "expr/scope.h"
#include <string.h>
#include <strings.h>

const struct token event_tokens[EVENT_TOKEN_COUNT] = {
	[EVENT_TOKEN_TYPE] = {"EVENT_TYPE", "the event's type, such as call.completed", VALUE_STRING},
	[EVENT_TOKEN_ID] = {"EVENT_ID", "the event's id", VALUE_STRING},
	[EVENT_TOKEN_MILESTONE_SECONDS] = {
		"MILESTONE_SECONDS", "seconds of a call.milestone event", VALUE_NUMBER},
	[EVENT_TOKEN_TAG_NAME] = {"TAG_NAME", "name of the tag that an event is about", VALUE_STRING},
	[EVENT_TOKEN_TAG_VALUE] = {"TAG_VALUE", "the tag's value after the event", VALUE_NONE},
	[EVENT_TOKEN_TAG_PREVIOUS] = {"TAG_PREVIOUS", "the tag's value before the event", VALUE_NONE},
	[EVENT_TOKEN_RECORDING_URL] = {
		"RECORDING_URL", "address of the call's recording; reading it needs an API key", VALUE_STRING},
	[EVENT_TOKEN_FIELD] = {
		"EVENT.name", "field `name` of a flow.custom event, else member `name` of the event's data",
		VALUE_NONE},
};

const struct token rtb_tokens[RTB_VARIABLE_COUNT] = {
	[RTB_REQUEST_ID] = {"RTB_REQUEST_ID", "id of the ping", VALUE_STRING},
	[RTB_BID] = {"BID", "the target's bid", VALUE_NUMBER},
	[RTB_WINNING_BID] = {"WINNING_BID", "the bid that got the call", VALUE_NUMBER},
};

static int find(const struct token *tokens, int count, const char *name, size_t len)
{
	for (int i = 0; i < count; i++)
		if (strlen(tokens[i].name) == len && strncasecmp(tokens[i].name, name, len) == 0)
			return i;
	return -1;
}

int event_token_find(const char *name, size_t len)
{
	if (len > 6 && strncasecmp(name, "event.", 6) == 0)
		return EVENT_TOKEN_FIELD;
	return find(event_tokens, EVENT_TOKEN_FIELD, name, len);
}

int rtb_token_find(const char *name, size_t len)
{
	return find(rtb_tokens, RTB_VARIABLE_COUNT, name, len);
}

static void add(json_t *list, const char *name, const char *help, const char *in)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", name, "help", help, "in", in));
}

json_t *tokens_json(void)
{
	json_t *list = json_array();
	for (size_t i = 0; i < SYSTEM_FIELD_COUNT; i++)
		if (*system_fields[i].token)
			add(list, system_fields[i].token, system_fields[i].help, i == CALL_KEY ? "requests" : "all");
	for (const struct token_alias *a = token_aliases; a->token; a++)
		add(list, a->token, a->help, "all");
	for (size_t i = 0; i < EVENT_TOKEN_COUNT; i++)
		add(list, event_tokens[i].name, event_tokens[i].help, "outgoing_webhook");
	for (size_t i = 0; i < RTB_VARIABLE_COUNT; i++)
		add(list, rtb_tokens[i].name, rtb_tokens[i].help, "rtb_target");
	return list;
}
