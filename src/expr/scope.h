/* expr/scope.h: the names that filters and templates may use, and where their values are. Pure. */
#ifndef EXPR_SCOPE_H
#define EXPR_SCOPE_H

#include "base/clock.h"
#include "base/money.h"
#include "base/zone.h"
#include "expr/value.h"
#include "model/words.h"
#include <jansson.h>

/* Fields every call has. One table in scope.c gives each its filter name and its token. */
enum call_field {
	CALL_ID,
	CALL_CALLER_ID,
	CALL_NUMBER,
	CALL_CAMPAIGN_ID,
	CALL_CAMPAIGN_NAME,
	CALL_PUBLISHER_ID,
	CALL_PUBLISHER_NAME,
	CALL_STARTED_AT,
	CALL_ORGANIZATION_ID,
	CALL_TARGET_ID,
	CALL_STATUS,
	CALL_DISPOSITION,
	CALL_DURATION,
	CALL_REVENUE,
	CALL_PAYOUT,
	CALL_CONVERTED,
	CALL_ENDED_AT,
	CALL_TARGET_NAME,
	CALL_BUYER_NAME,
	CALL_ATTESTATION,
	CALL_VERSTAT,
	CALL_RN,
	CALL_CPC,
	CALL_OLI,
	CALL_KEY, /* lets its holder change the call: known in requests to other systems only */
	NUMBER_COUNTRY,
	NUMBER_STATE,
	NUMBER_LOCATION,
	NUMBER_AREA_CODE,
	NUMBER_TIME_ZONE,
	NUMBER_LINE_TYPE,
	NUMBER_CITY,
	NUMBER_ZIP_CODE, /* always empty: no number tells it. [ZIP_CODE] is known all the same */
	CALL_FIELD_COUNT,
	/* Computed from the clock when read; times are the caller's where its zone is known, else UTC. */
	TIME_NOW = CALL_FIELD_COUNT,
	TIME_EPOCH,
	TIME_HOUR,
	TIME_MINUTE,
	TIME_WEEKDAY,
	TIME_DATE,
	SYSTEM_FIELD_COUNT,
};

struct system_field {
	const char *name;  /* in filters: "call.caller_id"; "": filters do not know it */
	const char *token; /* in templates: "CALLER_ID"; "": only a token_alias has it */
	const char *help;
	enum value_kind kind; /* of its values; VALUE_NONE: text */
	bool yields; /* an organization's tag of the token's name goes before it */
};
extern const struct system_field system_fields[SYSTEM_FIELD_COUNT];
/* A field as people read it: "Caller's state". Returns a fixed text or out. */
const char *system_field_title(size_t field, char out[WORDS_SIZE]);

/* Further tokens. An organization's tag of the same name goes before them. */
struct token_alias {
	const char *token; /* "STATE" */
	const char *help;
	uint16_t field;    /* enum call_field: its value, where no tag goes before */
	const char *const *tags; /* other tags that go before the field; NULL-terminated, or NULL */
};
extern const struct token_alias token_aliases[]; /* ends with a NULL token */

enum expr_source { EXPR_NOTHING, EXPR_TAG, EXPR_VARIABLE, EXPR_SYSTEM, EXPR_CUSTOM };

struct expr_ref {
	uint16_t source;  /* enum expr_source */
	uint16_t slot;    /* EXPR_CUSTOM: bytes of the name */
	/* EXPR_TAG of a token alias: one more than the field that it yields to where the call has no such
	 * tag; 0: none. */
	uint16_t otherwise;
	const char *name; /* EXPR_CUSTOM: what is behind "custom.", a part of the text that was resolved; else NULL */
};

/* A call's custom data: {"name": value}. Objects and lists within it have their JSON text as value, which is
 * made when it is asked for first, and lives in the arena. */
struct expr_custom {
	json_t *data; /* borrowed; NULL: none */
	struct arena *arena;
	struct expr_custom_text *texts;
};

/* Texts in the order of strcasecmp(); lives as long as what is compiled with it. */
struct expr_list {
	size_t count;
	const char *const *texts;
};

/* Is the text in it? */
bool expr_list_has(const struct expr_list *list, const char *text, size_t len);

/*
 * What filters may compute for one call. It counts steps: of a rule, of an operand that is compared, of
 * a regular expression; a step takes some nanoseconds. Once it is spent, no filter passes until a
 * quarter has come back with time, so that filters of any size hold up nobody else's calls.
 */
struct expr_budget {
	int64_t left;  /* steps */
	int64_t at_ms; /* when steps came back last, by the env's clock */
	bool spent;
};
#define EXPR_BUDGET_STEPS 1000000   /* a full one */
#define EXPR_BUDGET_STEPS_PER_MS 50 /* that come back */
struct expr_budget expr_budget_full(int64_t now_ms);

struct regex_cache;

/* While compiling: the organization's tags and, in a flow, its variables. */
struct expr_scope {
	int (*tag)(void *arg, const char *name, size_t len);      /* slot, or -1 */
	int (*variable)(void *arg, const char *name, size_t len); /* slot, or -1; NULL: none here */
	void *arg;
	const struct expr_list *(*list)(void *arg, const char *id); /* NULL: there are none here, and none is missed */
	const char *region; /* whose phone numbers are read so in comparisons with one; NULL: only E.164 is */
	/* Of a tag's or variable's values; VALUE_NONE: not known. NULL: of none it is known. */
	enum value_kind (*kind)(void *arg, struct expr_ref ref);
	bool requests; /* what is compiled goes into requests to other systems: they may have the call's key */
	bool *custom;  /* if not NULL, set when custom data is named */
	struct regex_cache *regexes; /* expressions that are compiled already; NULL: none */
	bool stored; /* what is compiled was accepted before: limits of a filter's size do not refuse it */
};

/* While running: one call's values. Arrays are indexed by the slots above. */
struct expr_env {
	const struct value *tags;
	size_t tag_count;
	const struct value *variables;
	size_t variable_count;
	const struct value *call; /* CALL_FIELD_COUNT of them */
	struct expr_custom *custom; /* NULL: none */
	int64_t now_ms;
	const struct zone *zone; /* the caller's; NULL: not known, UTC */
	struct expr_budget *budget; /* of filters; NULL: each filter has a full one */
	char scratch[RFC3339_SIZE];
};

/* "tag.state", "var.tries", "call.caller_id", "number.state", "time.hour"; also a bare
 * token, variable or tag name, as templates use; a flow's own variable hides a tag of its name, so that
 * a tag that is made later changes no flow. "custom.source" is always a name: of custom data, unless a tag or
 * variable is called so. The result refers to the text of name. EXPR_NOTHING when nothing is so named. */
struct expr_ref expr_resolve(const struct expr_scope *scope, const char *name, size_t len);

/* Is the name taken, so that no tag can have it? Tokens that yield to tags are not. */
bool expr_is_reserved(const char *name, size_t len);

/* Of the values of a reference; VALUE_NONE: not known. */
enum value_kind expr_kind(const struct expr_scope *scope, struct expr_ref ref);

/* Fill in the caller's fields, and the zone of the caller's clock, from the number. Texts live in the arena;
 * false: no memory. */
bool expr_set_caller(struct expr_env *env, struct value *call, const char *caller_id, struct arena *arena) WARN_UNUSED;

/* What changes while a call goes on; the texts are those of the values made of it. */
struct expr_course {
	int64_t revenue_micros, payout_micros;
	bool converted;
	int64_t answered_ms; /* 0: not yet */
	char revenue[MONEY_SIZE], payout[MONEY_SIZE], duration[VALUE_NUMBER_SIZE];
};
/* Fill in revenue, payout, converted and duration as they are at that time. course outlives the values. */
void expr_set_course(struct value *call, struct expr_course *course, int64_t now_ms);

/* Is this the token or field of the call's key? It has no meaning outside of requests. */
bool expr_is_call_key(const char *name, size_t len);

/* The value at a name of custom data: a member, or members within each other with dots between them, without
 * regard to case where no member is written just so; numbers count the elements of lists from 0. A name that
 * begins with "/" is a JSON pointer (RFC 6901). NULL: there is none. Borrowed. */
json_t *expr_custom_find(json_t *data, const char *name, size_t len);

/* The value a reference has for this call; VALUE_NONE when it has none. The texts of time fields and of
 * numbers in custom data live in env->scratch until the next call. */
struct value expr_value(struct expr_env *env, struct expr_ref ref);

#endif
