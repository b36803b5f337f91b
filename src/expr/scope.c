#include "expr/scope.h"
#include "base/phone.h"
#include "expr/pointer.h"
#include <math.h>
#include <string.h>
#include <strings.h>

const struct system_field system_fields[SYSTEM_FIELD_COUNT] = {
	[CALL_ID] = {
		.name = "call.id", .token = "CALL_ID",
		.help = "the call log id"},
	[CALL_CALLER_ID] = {
		.name = "call.caller_id", .token = "CALLER_ID",
		.help = "the caller's number, E.164"},
	[CALL_NUMBER] = {
		.name = "call.number", .token = "NUMBER",
		.help = "the tracking number that was called"},
	[CALL_CAMPAIGN_ID] = {
		.name = "call.campaign_id", .token = "CAMPAIGN_ID",
		.help = "the campaign's id"},
	[CALL_CAMPAIGN_NAME] = {
		.name = "call.campaign_name", .token = "CAMPAIGN_NAME",
		.help = "the campaign's name"},
	[CALL_PUBLISHER_ID] = {
		.name = "call.publisher_id", .token = "PUBLISHER_ID",
		.help = "the publisher's id"},
	[CALL_PUBLISHER_NAME] = {
		.name = "call.publisher_name", .token = "PUBLISHER_NAME",
		.help = "the publisher's name"},
	[CALL_STARTED_AT] = {
		.name = "call.started_at", .token = "CALL_STARTED_AT",
		.help = "when the call arrived"},
	[CALL_ORGANIZATION_ID] = {
		.name = "call.organization_id", .token = "ORGANIZATION_ID",
		.help = "the organization's id"},
	[CALL_TARGET_ID] = {
		.name = "call.target_id", .token = "TARGET_ID",
		.help = "the target the caller was connected to"},
	[CALL_STATUS] = {
		.name = "call.status", .token = "CALL_STATUS",
		.help = "active, completed or interrupted"},
	[CALL_DISPOSITION] = {
		.name = "call.disposition", .token = "DISPOSITION",
		.help = "how the call ended"},
	[CALL_DURATION] = {
		.name = "call.duration_seconds", .token = "CALL_DURATION",
		.help = "seconds from answer to end", .kind = VALUE_NUMBER},
	[CALL_REVENUE] = {
		.name = "call.revenue", .token = "REVENUE",
		.help = "what the buyer pays", .kind = VALUE_NUMBER},
	[CALL_PAYOUT] = {
		.name = "call.payout", .token = "PAYOUT",
		.help = "what the publisher gets", .kind = VALUE_NUMBER},
	[CALL_CONVERTED] = {
		.name = "call.converted", .token = "CONVERTED",
		.help = "whether the call converted", .kind = VALUE_BOOLEAN},
	[CALL_ENDED_AT] = {
		.name = "call.ended_at", .token = "CALL_ENDED_AT", .help = "when the call ended",
		.kind = VALUE_DATETIME, .yields = true},
	[CALL_TARGET_NAME] = {
		.name = "call.target_name", .token = "TARGET_NAME",
		.help = "name of the target the caller was connected to", .yields = true},
	[CALL_BUYER_NAME] = {
		.name = "call.buyer_name", .token = "BUYER_NAME", .help = "name of that target's buyer",
		.yields = true},
	[CALL_ATTESTATION] = {
		.name = "call.attestation", .token = "CALL_ATTESTATION",
		.help = "what the carrier attests of the caller's number: A, B or C; its signature "
			"is not verified here",
		.yields = true},
	[CALL_VERSTAT] = {
		.name = "call.verstat", .token = "CALL_VERSTAT",
		.help = "how the carrier verified the caller's number: TN-Validation-Passed and "
			"the like",
		.yields = true},
	[CALL_RN] = {
		.name = "call.rn", .token = "CALL_RN",
		.help = "routing number of the called number, where it was ported", .yields = true},
	[CALL_CPC] = {
		.name = "call.cpc", .token = "CALL_CPC",
		.help = "category of the caller: ordinary, payphone, prison and the like",
		.yields = true},
	[CALL_OLI] = {
		.name = "call.oli", .token = "CALL_OLI",
		.help = "originating line information: 27 is a payphone, 61 a mobile phone",
		.yields = true},
	[CALL_KEY] = {
		.name = "call.key", .token = "CALL_KEY",
		.help = "a key that can change this call only, for requests to its buyer"},
	[NUMBER_COUNTRY] = {
		.name = "number.country", .token = "CALLER_COUNTRY",
		.help = "country of the caller's number (ISO 3166)"},
	[NUMBER_STATE] = {
		.name = "number.state", .token = "CALLER_STATE",
		.help = "state of the caller's number (US: two letters)"},
	[NUMBER_LOCATION] = {
		.name = "number.location", .token = "CALLER_LOCATION",
		.help = "area of the caller's number, in words"},
	[NUMBER_AREA_CODE] = {
		.name = "number.area_code", .token = "CALLER_AREA_CODE",
		.help = "area code of the caller's number"},
	[NUMBER_TIME_ZONE] = {
		.name = "number.time_zone", .token = "CALLER_TIME_ZONE",
		.help = "time zone of the caller's number (IANA)"},
	[NUMBER_LINE_TYPE] = {
		.name = "number.line_type", .token = "CALLER_LINE_TYPE",
		.help = "line of the caller's number: mobile, fixed_line, fixed_line_or_mobile (North America), toll_free, voip, premium"},
	[NUMBER_CITY] = {
		.name = "number.city", .token = "CALLER_CITY",
		.help = "city of the caller's number (North America)", .yields = true},
	[NUMBER_ZIP_CODE] = {
		.name = "", .token = "",
		.help = ""},
	[TIME_NOW] = {
		.name = "time.now", .token = "TIMESTAMP",
		.help = "now, RFC 3339 UTC", .kind = VALUE_DATETIME},
	[TIME_EPOCH] = {
		.name = "time.epoch", .token = "EPOCH",
		.help = "now, seconds since 1970", .kind = VALUE_NUMBER},
	[TIME_HOUR] = {
		.name = "time.hour", .token = "HOUR",
		.help = "hour of the caller's day, 0 to 23", .kind = VALUE_NUMBER},
	[TIME_MINUTE] = {
		.name = "time.minute", .token = "MINUTE",
		.help = "minute, 0 to 59", .kind = VALUE_NUMBER},
	[TIME_WEEKDAY] = {
		.name = "time.weekday", .token = "WEEKDAY",
		.help = "mon, tue, wed, thu, fri, sat or sun"},
	[TIME_DATE] = {
		.name = "time.date", .token = "DATE",
		.help = "the caller's date, 2026-11-23"},
};

static const char *const zip_tags[] = {"zip", "zipcode", "postal_code", NULL};

const struct token_alias token_aliases[] = {
	{"STATE", "the tag `state`, else the state of the caller's number", NUMBER_STATE, NULL},
	{"CITY", "the tag `city`, else the city of the caller's number", NUMBER_CITY, NULL},
	{"ZIP_CODE", "the tag `zip_code`, `zip`, `zipcode` or `postal_code`; a number tells none",
	 NUMBER_ZIP_CODE, zip_tags},
	{.token = NULL},
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

/* The system field of the name, of those that yield to tags or of the others; -1: none. */
static int find_system(const char *name, size_t len, bool yields)
{
	for (unsigned i = 0; len && i < SYSTEM_FIELD_COUNT; i++) {
		const struct system_field *f = &system_fields[i];
		if (f->yields == yields && (same(f->name, name, len) || same(f->token, name, len)))
			return (int)i;
	}
	return -1;
}

bool expr_is_reserved(const char *name, size_t len)
{
	return find_system(name, len, false) >= 0;
}

/* What a tag of the name would have gone before. */
static struct expr_ref resolve_yielding(const struct expr_scope *scope, const char *name, size_t len)
{
	int field = find_system(name, len, true);
	if (field >= 0)
		return (struct expr_ref){.source = EXPR_SYSTEM, .slot = (uint16_t)field};
	for (const struct token_alias *a = token_aliases; a->token; a++) {
		if (!same(a->token, name, len))
			continue;
		for (const char *const *tag = a->tags; tag && *tag && scope->tag; tag++) {
			int slot = scope->tag(scope->arg, *tag, strlen(*tag));
			if (slot >= 0)
				return (struct expr_ref){.source = EXPR_TAG, .slot = (uint16_t)slot};
		}
		return (struct expr_ref){.source = EXPR_SYSTEM, .slot = a->field};
	}
	return (struct expr_ref){.source = EXPR_NOTHING};
}

/*
 * What a documented alias says where the call has no such tag: as it is written, in capitals. In
 * filters and with small letters the name is the tag's alone. 0: nothing; else the field and one.
 */
static uint16_t alias_field(const char *name, size_t len)
{
	for (const struct token_alias *a = token_aliases; a->token; a++)
		if (strlen(a->token) == len && memcmp(a->token, name, len) == 0)
			return (uint16_t)(a->field + 1);
	return 0;
}

bool expr_is_call_key(const char *name, size_t len)
{
	return same(system_fields[CALL_KEY].token, name, len) || same(system_fields[CALL_KEY].name, name, len);
}

#define CUSTOM_PREFIX "custom."
#define CUSTOM_NAME_MAX 1000

static struct expr_ref resolve_custom(const struct expr_scope *scope, const char *name, size_t len)
{
	size_t skip = sizeof CUSTOM_PREFIX - 1;
	if (len <= skip || len - skip > CUSTOM_NAME_MAX || strncasecmp(name, CUSTOM_PREFIX, skip) != 0)
		return (struct expr_ref){.source = EXPR_NOTHING};
	if (scope->custom)
		*scope->custom = true;
	return (struct expr_ref){.source = EXPR_CUSTOM, .slot = (uint16_t)(len - skip), .name = name + skip};
}

struct expr_ref expr_resolve(const struct expr_scope *scope, const char *name, size_t len)
{
	int slot = -1;
	bool tag_only = len > 4 && strncasecmp(name, "tag.", 4) == 0;
	bool variable_only = len > 4 && strncasecmp(name, "var.", 4) == 0;
	int field = tag_only || variable_only ? -1 : find_system(name, len, false);
	if (field == CALL_KEY && !scope->requests)
		return (struct expr_ref){.source = EXPR_NOTHING};
	if (field >= 0)
		return (struct expr_ref){.source = EXPR_SYSTEM, .slot = (uint16_t)field};
	size_t skip = tag_only || variable_only ? 4 : 0;
	if (!tag_only && scope->variable && (slot = scope->variable(scope->arg, name + skip, len - skip)) >= 0)
		return (struct expr_ref){.source = EXPR_VARIABLE, .slot = (uint16_t)slot};
	if (!variable_only && scope->tag && (slot = scope->tag(scope->arg, name + skip, len - skip)) >= 0)
		return (struct expr_ref){
			.source = EXPR_TAG,
			.slot = (uint16_t)slot,
			.otherwise = alias_field(name, len),
		};
	if (tag_only || variable_only)
		return (struct expr_ref){.source = EXPR_NOTHING};
	struct expr_ref ref = resolve_yielding(scope, name, len);
	return ref.source == EXPR_NOTHING ? resolve_custom(scope, name, len) : ref;
}

enum value_kind expr_kind(const struct expr_scope *scope, struct expr_ref ref)
{
	if (ref.source == EXPR_SYSTEM)
		return system_fields[ref.slot].kind;
	if (ref.source == EXPR_NOTHING || ref.source == EXPR_CUSTOM || !scope->kind)
		return VALUE_NONE;
	return scope->kind(scope->arg, ref);
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
	const char *comma = phone.state[0] ? strchr(phone.location, ',') : NULL; /* "Austin, TX" */
	size_t city = comma ? (size_t)(comma - phone.location) : 0;
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
	const char *kept = city ? arena_strndup(arena, phone.location, city) : NULL;
	if (city && !kept)
		return false;
	call[NUMBER_CITY] = value_string(kept, city);
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

/* ---- custom data ---- */

/* The JSON text of an object or list. */
struct expr_custom_text {
	struct expr_custom_text *next;
	const json_t *of;
	struct value value;
};

/* A member by name: the one written just so, or else the first without regard to case. */
static json_t *member(json_t *object, const char *name, size_t len)
{
	const char *key;
	json_t *value, *found = json_object_getn(object, name, len);
	if (found)
		return found;
	json_object_foreach(object, key, value)
		if (same(key, name, len))
			return value;
	return NULL;
}

static json_t *element(json_t *list, const char *name, size_t len)
{
	size_t i = 0;
	if (!len || len > 6 || (len > 1 && name[0] == '0'))
		return NULL;
	for (size_t k = 0; k < len; k++) {
		if (name[k] < '0' || name[k] > '9')
			return NULL;
		i = i * 10 + (size_t)(name[k] - '0');
	}
	return json_array_get(list, i);
}

/* A member's name may have dots itself: the longest name that is one goes first. */
static json_t *find_dotted(json_t *at, const char *name, size_t len)
{
	for (size_t n = len; at && n > 0; n--) {
		if (n < len && name[n] != '.')
			continue;
		json_t *inner = json_is_object(at) ? member(at, name, n) : json_is_array(at) ? element(at, name, n) : NULL;
		json_t *found = !inner || n == len ? inner : find_dotted(inner, name + n + 1, len - n - 1);
		if (found)
			return found;
	}
	return NULL;
}

json_t *expr_custom_find(json_t *data, const char *name, size_t len)
{
	char pointer[CUSTOM_NAME_MAX + 1];
	if (len > CUSTOM_NAME_MAX)
		return NULL;
	if (!len || name[0] != '/')
		return find_dotted(data, name, len);
	snprintf(pointer, sizeof pointer, "%.*s", (int)len, name);
	return json_pointer_get(data, pointer);
}

static struct value json_text(struct expr_custom *c, json_t *json)
{
	struct expr_custom_text *t = c->texts;
	while (t && t->of != json)
		t = t->next;
	if (!t && (t = arena_alloc(c->arena, sizeof *t))) {
		*t = (struct expr_custom_text){.next = c->texts, .of = json, .value = json_leaf_value(json, c->arena)};
		c->texts = t;
	}
	return t ? t->value : (struct value){.text = ""};
}

static struct value custom_value(struct expr_env *env, struct expr_ref ref)
{
	json_t *json = env->custom ? expr_custom_find(env->custom->data, ref.name, ref.slot) : NULL;
	if (json_is_string(json))
		return value_string(json_string_value(json), json_string_length(json));
	if (json_is_boolean(json))
		return (struct value){.kind = VALUE_BOOLEAN, .text = json_is_true(json) ? "true" : "false",
				      .len = json_is_true(json) ? 4 : 5, .number = json_is_true(json)};
	if (json_is_integer(json)) {
		int n = snprintf(env->scratch, sizeof env->scratch, "%lld", (long long)json_integer_value(json));
		return (struct value){.kind = VALUE_NUMBER, .text = env->scratch, .len = (uint32_t)n, .number = json_number_value(json)};
	}
	if (json_is_real(json))
		return number_value(env, json_real_value(json));
	if (json_is_object(json) || json_is_array(json))
		return json_text(env->custom, json);
	return (struct value){.text = ""};
}

struct value expr_value(struct expr_env *env, struct expr_ref ref)
{
	static const struct value none = {.text = ""};
	switch (ref.source) {
	case EXPR_TAG:
		if (ref.slot < env->tag_count && env->tags[ref.slot].kind)
			return env->tags[ref.slot];
		if (!ref.otherwise || !env->call || !env->call[ref.otherwise - 1].kind)
			return none;
		return env->call[ref.otherwise - 1];
	case EXPR_VARIABLE:
		return ref.slot < env->variable_count && env->variables[ref.slot].kind ? env->variables[ref.slot] : none;
	case EXPR_SYSTEM:
		if (ref.slot >= CALL_FIELD_COUNT)
			return time_value(env, ref.slot);
		return env->call && env->call[ref.slot].kind ? env->call[ref.slot] : none;
	case EXPR_CUSTOM:
		return custom_value(env, ref);
	default:
		return none;
	}
}
