#include "event/values.h"
#include "expr/pointer.h"
#include <string.h>

void event_values_read(struct event_values *v, const struct organization *o, json_t *call, int64_t now_ms)
{
	static const struct {
		enum call_field field;
		const char *key;
	} keys[] = {
		{CALL_ID, "id"}, {CALL_CALLER_ID, "caller_id"}, {CALL_NUMBER, "number"}, {CALL_CAMPAIGN_ID, "campaign_id"}, {CALL_PUBLISHER_ID, "publisher_id"},
		{CALL_STARTED_AT, "started_at"}, {CALL_TARGET_ID, "target_id"}, {CALL_STATUS, "status"}, {CALL_DISPOSITION, "disposition"},
		{CALL_DURATION, "duration_seconds"}, {CALL_REVENUE, "revenue"}, {CALL_PAYOUT, "payout"}, {CALL_CONVERTED, "converted"},
	};
	json_t *tags = json_object_get(call, "tags"), *value;
	const char *name;
	struct value *slots = arena_alloc(&v->arena, (tag_set_count(o->tags) + 1) * sizeof *slots);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		v->call[keys[i].field] = json_leaf_value(json_object_get(call, keys[i].key), &v->arena);
	const struct config_campaign *campaign = organization_campaign(o, v->call[CALL_CAMPAIGN_ID].text ? v->call[CALL_CAMPAIGN_ID].text : "");
	if (campaign)
		v->call[CALL_CAMPAIGN_NAME] = value_string(campaign->name, strlen(campaign->name));
	v->call[CALL_ORGANIZATION_ID] = value_string(o->id, strlen(o->id));
	json_object_foreach(tags, name, value) {
		int slot = tag_set_find(o->tags, name, strlen(name));
		if (slot >= 0 && slots)
			slots[slot] = json_leaf_value(value, &v->arena);
	}
	v->env = (struct expr_env){.tags = slots, .tag_count = slots ? tag_set_count(o->tags) : 0, .call = v->call, .now_ms = now_ms};
	const char *caller_id = json_string_value(json_object_get(call, "caller_id")), *publisher = json_string_value(json_object_get(call, "publisher_id"));
	const char *publisher_name = publisher ? organization_publisher_name(o, publisher) : NULL;
	if (publisher_name)
		v->call[CALL_PUBLISHER_NAME] = value_string(publisher_name, strlen(publisher_name));
	if (caller_id && !expr_set_caller(&v->env, v->call, caller_id, &v->arena))
		v->env.zone = NULL; /* no memory: what the number tells is left out */
}
