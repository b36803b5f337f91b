#include "event/values.h"
#include "expr/convert.h"
#include "expr/pointer.h"
#include <string.h>
#include <strings.h>

static struct value text_value(const char *text)
{
	return value_string(text, text ? strlen(text) : 0);
}

/* The names of what the log has the ids of. */
static void read_names(struct event_values *v, const struct organization *o)
{
	const char *campaign_id = v->call[CALL_CAMPAIGN_ID].text, *publisher_id = v->call[CALL_PUBLISHER_ID].text;
	const struct config_campaign *campaign = organization_campaign(o, campaign_id ? campaign_id : "");
	const char *target_id = v->call[CALL_TARGET_ID].text;
	v->call[CALL_CAMPAIGN_NAME] = text_value(campaign ? campaign->name : NULL);
	v->call[CALL_PUBLISHER_NAME] = text_value(organization_publisher_name(o, publisher_id ? publisher_id : ""));
	organization_target_names(o, target_id, &v->call[CALL_TARGET_NAME], &v->call[CALL_BUYER_NAME]);
}

void event_values_read(struct event_values *v, const struct organization *o, json_t *call, int64_t now_ms)
{
	static const struct {
		enum call_field field;
		const char *key;
	} keys[] = {
		{CALL_ID, "id"}, {CALL_CALLER_ID, "caller_id"}, {CALL_NUMBER, "number"}, {CALL_CAMPAIGN_ID, "campaign_id"}, {CALL_PUBLISHER_ID, "publisher_id"},
		{CALL_STARTED_AT, "started_at"}, {CALL_TARGET_ID, "target_id"}, {CALL_STATUS, "status"}, {CALL_DISPOSITION, "disposition"},
		{CALL_DURATION, "duration_seconds"}, {CALL_REVENUE, "revenue"}, {CALL_PAYOUT, "payout"}, {CALL_CONVERTED, "converted"},
		{CALL_ENDED_AT, "ended_at"},
		{CALL_ATTESTATION, "attestation"}, {CALL_VERSTAT, "verstat"}, {CALL_RN, "rn"},
		{CALL_CPC, "cpc"}, {CALL_OLI, "oli"},
	};
	json_t *tags = json_object_get(call, "tags"), *value;
	const char *name;
	struct value *slots = arena_alloc(&v->arena, (tag_set_count(o->tags) + 1) * sizeof *slots);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		v->call[keys[i].field] = json_leaf_value(json_object_get(call, keys[i].key), &v->arena);
	read_names(v, o);
	v->call[CALL_ORGANIZATION_ID] = value_string(o->id, strlen(o->id));
	const char *id = json_string_value(json_object_get(call, "id"));
	if (id && organization_call_key(o, id, v->key))
		v->call[CALL_KEY] = value_string(v->key, CALL_KEY_SIZE - 1);
	json_object_foreach(tags, name, value) {
		int slot = tag_set_find(o->tags, name, strlen(name));
		if (slot >= 0 && slots)
			slots[slot] = json_leaf_value(value, &v->arena);
	}
	v->custom = (struct expr_custom){.data = json_object_get(call, "custom_data"), .arena = &v->arena};
	v->env = (struct expr_env){
		.tags = slots,
		.tag_count = slots ? tag_set_count(o->tags) : 0,
		.call = v->call,
		.custom = &v->custom,
		.now_ms = now_ms,
	};
	const char *caller_id = json_string_value(json_object_get(call, "caller_id"));
	if (caller_id && !expr_set_caller(&v->env, v->call, caller_id, &v->arena))
		v->env.zone = NULL; /* no memory: what the number tells is left out */
}

/* ---- the event ---- */

/* The newest recording that can be fetched. */
static const char *recording_of(json_t *data)
{
	json_t *recordings = json_object_get(json_object_get(data, "call"), "recordings"), *recording;
	const char *id = json_string_value(json_object_get(data, "recording_id"));
	size_t i;
	json_array_foreach(recordings, i, recording) {
		const char *status = json_string_value(json_object_get(recording, "status"));
		if (!json_object_get(data, "recording_id") && status && strcmp(status, "ready") == 0)
			id = json_string_value(json_object_get(recording, "id"));
	}
	return id;
}

static struct value recording_url(const struct event_names *n, json_t *data)
{
	char url[400];
	const char *call_id = json_string_value(json_object_get(json_object_get(data, "call"), "id"));
	const char *id = recording_of(data);
	if (!call_id || !id)
		return (struct value){.text = ""};
	snprintf(url, sizeof url, "%.200s/api/v1/calls/%.60s/recording?recording_id=%.60s", n->organization->public_url, call_id, id);
	return text_value(arena_strdup(n->arena, url));
}

void event_names_read(struct event_names *n, const struct organization *o, json_t *event, struct event_values *v)
{
	json_t *data = json_object_get(event, "data"), *tag = json_object_get(data, "tag");
	*n = (struct event_names){.organization = o, .event = event, .arena = v ? &v->arena : NULL};
	if (!v)
		return;
	n->values[EVENT_TOKEN_TYPE] = json_leaf_value(json_object_get(event, "type"), n->arena);
	n->values[EVENT_TOKEN_ID] = json_leaf_value(json_object_get(event, "id"), n->arena);
	n->values[EVENT_TOKEN_MILESTONE_SECONDS] = json_leaf_value(json_object_get(data, "seconds"), n->arena);
	n->values[EVENT_TOKEN_TAG_NAME] = json_leaf_value(json_object_get(tag, "name"), n->arena);
	n->values[EVENT_TOKEN_TAG_VALUE] = json_leaf_value(json_object_get(tag, "value"), n->arena);
	n->values[EVENT_TOKEN_TAG_PREVIOUS] = json_leaf_value(json_object_get(tag, "previous"), n->arena);
	n->values[EVENT_TOKEN_RECORDING_URL] = recording_url(n, data);
	const char *target_id = json_string_value(json_object_get(data, "target_id"));
	if (target_id) /* of call.dialing: whom the call has no target for yet */
		organization_target_names(o, target_id, &v->call[CALL_TARGET_NAME], &v->call[CALL_BUYER_NAME]);
	v->env.variables = n->values;
	v->env.variable_count = ARRAY_LEN(n->values);
}

static json_t *member(json_t *object, const char *name, size_t len)
{
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value)
		if (strlen(key) == len && strncasecmp(key, name, len) == 0)
			return value;
	return NULL;
}

/* The slot of [EVENT.name]; -1: too many, or the name ends in what asks for a conversion of another one. */
static int find_field(struct event_names *n, const char *name, size_t len)
{
	json_t *data = json_object_get(n->event, "data");
	json_t *value = member(json_object_get(data, "fields"), name, len);
	size_t rest = len;
	value = value ? value : member(data, name, len);
	bool converts = conversion_of(name, len, &rest) || (len > 8 && strncasecmp(name + len - 8, "_NUMERIC", 8) == 0);
	if ((!value && converts) || n->fields == EVENT_FIELDS_MAX)
		return -1;
	size_t slot = EVENT_TOKEN_FIELD + n->fields++;
	n->values[slot] = value ? json_leaf_value(value, n->arena) : (struct value){.text = ""};
	return (int)slot;
}

static int find_name(void *arg, const char *name, size_t len)
{
	struct event_names *n = arg;
	int token = event_token_find(name, len);
	if (token < 0 || tag_set_find(n->organization->tags, name, len) >= 0)
		return -1;
	return token == EVENT_TOKEN_FIELD ? find_field(n, name + 6, len - 6) : token;
}

static int find_tag(void *arg, const char *name, size_t len)
{
	return tag_set_find(((const struct event_names *)arg)->organization->tags, name, len);
}

static enum value_kind kind_of(void *arg, struct expr_ref ref)
{
	const struct event_names *n = arg;
	if (ref.source == EXPR_TAG)
		return tag_set_get(n->organization->tags, ref.slot)->type.kind;
	return ref.slot < EVENT_TOKEN_FIELD ? event_tokens[ref.slot].kind : VALUE_NONE;
}

struct expr_scope event_scope(struct event_names *n)
{
	return (struct expr_scope){.tag = find_tag, .variable = find_name, .arg = n, .region = n->organization->region,
				   .kind = kind_of, .requests = true};
}
