#include "expr/scope.h"
#include "base/phone.h"
#include <math.h>
#include <string.h>
#include <strings.h>

const struct system_field system_fields[SYSTEM_FIELD_COUNT] = {
	[CALL_ID] = {"call.id", "CALL_ID", "the call log id"},
	[CALL_CALLER_ID] = {"call.caller_id", "CALLER_ID", "the caller's number, E.164"},
	[CALL_NUMBER] = {"call.number", "NUMBER", "the tracking number that was called"},
	[CALL_CAMPAIGN_ID] = {"call.campaign_id", "CAMPAIGN_ID", "the campaign's id"},
	[CALL_CAMPAIGN_NAME] = {"call.campaign_name", "CAMPAIGN_NAME", "the campaign's name"},
	[CALL_PUBLISHER_ID] = {"call.publisher_id", "PUBLISHER_ID", "the publisher's id"},
	[CALL_PUBLISHER_NAME] = {"call.publisher_name", "PUBLISHER_NAME", "the publisher's name"},
	[CALL_STARTED_AT] = {"call.started_at", "CALL_STARTED_AT", "when the call arrived"},
	[CALL_ORGANIZATION_ID] = {"call.organization_id", "ORGANIZATION_ID", "the organization's id"},
	[CALL_TARGET_ID] = {"call.target_id", "TARGET_ID", "the target the caller was connected to"},
	[CALL_STATUS] = {"call.status", "CALL_STATUS", "active, completed or interrupted"},
	[CALL_DISPOSITION] = {"call.disposition", "DISPOSITION", "how the call ended"},
	[CALL_DURATION] = {"call.duration_seconds", "CALL_DURATION", "seconds from answer to end"},
	[CALL_REVENUE] = {"call.revenue", "REVENUE", "what the buyer pays"},
	[CALL_PAYOUT] = {"call.payout", "PAYOUT", "what the publisher gets"},
	[CALL_CONVERTED] = {"call.converted", "CONVERTED", "whether the call converted"},
	[NUMBER_COUNTRY] = {"number.country", "CALLER_COUNTRY", "country of the caller's number (ISO 3166)"},
	[NUMBER_STATE] = {"number.state", "CALLER_STATE", "state of the caller's number (US: two letters)"},
	[NUMBER_LOCATION] = {"number.location", "CALLER_LOCATION", "area of the caller's number, in words"},
	[NUMBER_AREA_CODE] = {"number.area_code", "CALLER_AREA_CODE", "area code of the caller's number"},
	[NUMBER_TIME_ZONE] = {"number.time_zone", "CALLER_TIME_ZONE", "time zone of the caller's number (IANA)"},
	[NUMBER_LINE_TYPE] = {"number.line_type", "CALLER_LINE_TYPE", "line of the caller's number: mobile, fixed_line, fixed_line_or_mobile (North America), toll_free, voip, premium"},
	[TIME_NOW] = {"time.now", "TIMESTAMP", "now, RFC 3339 UTC"},
	[TIME_EPOCH] = {"time.epoch", "EPOCH", "now, seconds since 1970"},
	[TIME_HOUR] = {"time.hour", "HOUR", "hour of the caller's day, 0 to 23"},
	[TIME_MINUTE] = {"time.minute", "MINUTE", "minute, 0 to 59"},
	[TIME_WEEKDAY] = {"time.weekday", "WEEKDAY", "mon, tue, wed, thu, fri, sat or sun"},
	[TIME_DATE] = {"time.date", "DATE", "the caller's date, 2026-11-23"},
};

/* Titles that the names do not make. */
static const char *const titles[SYSTEM_FIELD_COUNT] = {
	[CALL_ID] = "Call log ID",
	[CALL_CALLER_ID] = "Caller's number",
	[CALL_NUMBER] = "Dialed number",
	[CALL_CAMPAIGN_ID] = "Campaign ID",
	[CALL_CAMPAIGN_NAME] = "Campaign",
	[CALL_PUBLISHER_ID] = "Publisher ID",
	[CALL_PUBLISHER_NAME] = "Publisher",
	[CALL_STARTED_AT] = "Start of the call",
	[CALL_ORGANIZATION_ID] = "Organization ID",
	[CALL_TARGET_ID] = "Target ID",
	[CALL_STATUS] = "Call status",
	[NUMBER_COUNTRY] = "Caller's country",
	[NUMBER_STATE] = "Caller's state",
	[NUMBER_LOCATION] = "Caller's area",
	[NUMBER_AREA_CODE] = "Caller's area code",
	[NUMBER_TIME_ZONE] = "Caller's time zone",
	[NUMBER_LINE_TYPE] = "Caller's line type",
	[TIME_NOW] = "Current time",
	[TIME_EPOCH] = "Current time (Unix)",
	[TIME_HOUR] = "Hour of the day",
	[TIME_MINUTE] = "Minute of the hour",
};

const char *system_field_title(size_t field, char out[WORDS_SIZE])
{
	const char *dot = strchr(system_fields[field].name, '.'); /* "call.disposition" */
	if (titles[field])
		return titles[field];
	return words_title(dot ? dot + 1 : system_fields[field].name, out);
}

static bool same(const char *a, const char *b, size_t len)
{
	return strlen(a) == len && strncasecmp(a, b, len) == 0;
}

struct expr_ref expr_resolve(const struct expr_scope *scope, const char *name, size_t len)
{
	int slot = -1;
	bool tag_only = len > 4 && strncasecmp(name, "tag.", 4) == 0;
	bool variable_only = len > 4 && strncasecmp(name, "var.", 4) == 0;
	if (!tag_only && !variable_only)
		for (unsigned i = 0; i < SYSTEM_FIELD_COUNT; i++)
			if (same(system_fields[i].name, name, len) || same(system_fields[i].token, name, len))
				return (struct expr_ref){EXPR_SYSTEM, (uint16_t)i};
	size_t skip = tag_only || variable_only ? 4 : 0;
	if (!tag_only && scope->variable && (slot = scope->variable(scope->arg, name + skip, len - skip)) >= 0)
		return (struct expr_ref){EXPR_VARIABLE, (uint16_t)slot};
	if (!variable_only && scope->tag && (slot = scope->tag(scope->arg, name + skip, len - skip)) >= 0)
		return (struct expr_ref){EXPR_TAG, (uint16_t)slot};
	return (struct expr_ref){EXPR_NOTHING, 0};
}

bool expr_list_has(const struct expr_list *list, const char *text, size_t len)
{
	size_t low = 0, high = list->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strncasecmp(text, list->texts[middle], len);
		if (order == 0 && list->texts[middle][len])
			order = -1; /* the text is the beginning of a longer one */
		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

bool expr_set_caller(struct expr_env *env, struct value *call, const char *caller_id, struct arena *arena)
{
	struct phone_info phone;
	phone_lookup(caller_id, &phone);
	const struct {
		enum call_field field;
		const char *text;
	} texts[] = {
		{CALL_CALLER_ID, caller_id}, {NUMBER_COUNTRY, phone.country}, {NUMBER_STATE, phone.state}, {NUMBER_LOCATION, phone.location},
		{NUMBER_AREA_CODE, phone.area_code}, {NUMBER_TIME_ZONE, phone.time_zone}, {NUMBER_LINE_TYPE, phone.line_type},
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		size_t n = strlen(texts[i].text);
		const char *kept = n ? arena_strndup(arena, texts[i].text, n) : NULL;
		if (n && !kept)
			return false;
		call[texts[i].field] = value_string(kept, n);
	}
	env->zone = zone_find(phone.time_zone);
	return true;
}

/* Its text is written anew only where it has changed: a call tells its course many times. */
static void set_money(struct value *v, int64_t micros, char text[MONEY_SIZE])
{
	double number = (double)micros / 1e6;
	if (v->text == text && v->number == number)
		return;
	money_format(micros, text);
	*v = (struct value){.kind = VALUE_NUMBER, .text = text, .len = (uint32_t)strlen(text), .number = number};
}

void expr_set_course(struct value *call, struct expr_course *c, int64_t now_ms)
{
	double seconds = c->answered_ms && now_ms > c->answered_ms ? (double)((now_ms - c->answered_ms + 500) / 1000) : 0;
	set_money(&call[CALL_REVENUE], c->revenue_micros, c->revenue);
	set_money(&call[CALL_PAYOUT], c->payout_micros, c->payout);
	call[CALL_CONVERTED] = (struct value){.kind = VALUE_BOOLEAN, .text = c->converted ? "true" : "false", .len = c->converted ? 4 : 5, .number = c->converted};
	if (call[CALL_DURATION].text != c->duration || call[CALL_DURATION].number != seconds)
		call[CALL_DURATION] = (struct value){.kind = VALUE_NUMBER, .text = c->duration, .len = (uint32_t)value_format_number(seconds, c->duration), .number = seconds};
}

static struct value number_value(struct expr_env *env, double n)
{
	size_t len = value_format_number(n, env->scratch);
	return (struct value){.kind = VALUE_NUMBER, .text = env->scratch, .len = (uint32_t)len, .number = n};
}

static struct value time_value(struct expr_env *env, unsigned field)
{
	static const char days[7][4] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
	int minute = zone_week_minute(env->zone, env->now_ms);
	switch (field) {
	case TIME_NOW:
		clock_rfc3339(env->now_ms, env->scratch);
		return (struct value){.kind = VALUE_DATETIME, .text = env->scratch, .len = 24, .number = (double)env->now_ms};
	case TIME_EPOCH:
		return number_value(env, floor((double)env->now_ms / 1000));
	case TIME_HOUR:
		return number_value(env, minute / 60 % 24);
	case TIME_MINUTE:
		return number_value(env, minute % 60);
	case TIME_WEEKDAY:
		return value_string(days[minute / 1440], 3);
	default:
		clock_rfc3339(env->now_ms + zone_offset_seconds(env->zone, env->now_ms) * INT64_C(1000), env->scratch);
		return value_string(env->scratch, 10);
	}
}

struct value expr_value(struct expr_env *env, struct expr_ref ref)
{
	static const struct value none = {.text = ""};
	switch (ref.source) {
	case EXPR_TAG:
		return ref.slot < env->tag_count && env->tags[ref.slot].kind ? env->tags[ref.slot] : none;
	case EXPR_VARIABLE:
		return ref.slot < env->variable_count && env->variables[ref.slot].kind ? env->variables[ref.slot] : none;
	case EXPR_SYSTEM:
		if (ref.slot >= CALL_FIELD_COUNT)
			return time_value(env, ref.slot);
		return env->call && env->call[ref.slot].kind ? env->call[ref.slot] : none;
	default:
		return none;
	}
}
