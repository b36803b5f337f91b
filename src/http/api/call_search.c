/* The call log searched: every condition is a rule of one filter, and an index finds the calls it is asked of. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/phone.h"
#include "event/apply.h"
#include "expr/filter.h"
#include "expr/pointer.h"
#include "tags/custom.h"
#include <stdlib.h>
#include <string.h>

#define SCAN_MAX 20000 /* calls looked at for one page */
#define CLOCK_SLACK_MS 60000 /* between a call's time and that of its id */

/* $1 organization, $2 and $3 ids between which, newest first, $4 how many, $5 and $6 what is looked for. */
#define BETWEEN "organization_id = $1 AND id < $2 AND id >= $3"
#define LAST " ORDER BY id DESC LIMIT $4"
static const struct way {
	const char *field; /* an equality with it can be looked up; NULL: none */
	const char *sql;
} ways[] = {
	{"call.id", "SELECT " CALL_COLUMNS " FROM calls WHERE " BETWEEN " AND id = $5 AND $6 = ''" LAST},
	{"tag.", "SELECT " CALL_COLUMNS " FROM calls WHERE organization_id = $1 AND id IN (SELECT call_id FROM call_tags WHERE organization_id = $1 AND tag_id = $5 AND LOWER(SUBSTR(value, 1, 64)) = LOWER(SUBSTR($6, 1, 64)) "
		 "AND call_id < $2 AND call_id >= $3 ORDER BY call_id DESC LIMIT $4) ORDER BY id DESC"},
	{"call.caller_id", "SELECT " CALL_COLUMNS " FROM calls WHERE " BETWEEN " AND caller_id = $5 AND $6 = ''" LAST},
	{"call.status", "SELECT " CALL_COLUMNS " FROM calls WHERE " BETWEEN " AND status = 'active' AND $5 = 'active' AND $6 = ''" LAST},
	{"call.campaign_id", "SELECT " CALL_COLUMNS " FROM calls WHERE " BETWEEN " AND campaign_id = $5 AND $6 = ''" LAST},
	{NULL, "SELECT " CALL_COLUMNS " FROM calls WHERE " BETWEEN " AND $5 = '' AND $6 = ''" LAST},
};

/* A range of a number or time, from $5 to $6 of the tag $7, where few calls are in it. */
#define RANGE "tag_id = $7 AND number >= CAST($5 AS DOUBLE PRECISION) AND number <= CAST($6 AS DOUBLE PRECISION)"
#define RANGE_MAX 5000 /* more are found sooner by looking from the newest on */
static const char range_sql[] = "SELECT " CALL_COLUMNS " FROM calls WHERE organization_id = $1 AND id IN (SELECT call_id FROM call_tags WHERE organization_id = $1 AND " RANGE
				" AND call_id < $2 AND call_id >= $3 ORDER BY call_id DESC LIMIT $4) ORDER BY id DESC";
#define RANGE_COUNT "SELECT COUNT(*) FROM (SELECT 1 FROM call_tags WHERE tag_id = $1 AND number >= CAST($2 AS DOUBLE PRECISION) AND number <= CAST($3 AS DOUBLE PRECISION) LIMIT $4) AS some"

struct range {
	const char *tag_id;
	char low[VALUE_NUMBER_SIZE], high[VALUE_NUMBER_SIZE];
};

struct search {
	struct http_request *r;
	struct range ranges[8], *range; /* range: the one that is looked up; NULL: way is */
	size_t range_count;
	const struct organization *o;
	json_t *rules; /* all of which must be true */
	struct errors errors;
	struct filter *filter;
	struct expr_budget budget; /* of the filter, for all calls that are looked at */
	struct arena arena; /* the filter's texts */
	const struct way *way;
	const char *keys[2];
	const char *call_flow_id;
	int64_t from, to;
	bool tags, custom, include_tags; /* tags, custom: the filter asks for some */
};

/* ---- the question ---- */

static void add_rule(struct search *s, const char *field, const char *op, const char *value)
{
	json_array_append_new(s->rules, json_pack("{s:s, s:s, s:s}", "field", field, "op", op, "value", value));
}

/* ?tag.NAME=V and ?tag.NAME_gte=V (gt, gte, lt, lte) */
static void add_tag(struct search *s, const char *name, const char *value)
{
	static const char *const suffixes[][2] = {{"_gte", "greater_or_equal"}, {"_lte", "less_or_equal"}, {"_gt", "greater_than"}, {"_lt", "less_than"}};
	char field[80];
	const char *op = "equals";
	double n;
	int64_t ms;
	snprintf(field, sizeof field, "%s", name);
	for (size_t i = 0, len = strlen(field); i < ARRAY_LEN(suffixes); i++) {
		size_t suffix = strlen(suffixes[i][0]);
		if (len <= suffix + 4 || strcmp(field + len - suffix, suffixes[i][0]) != 0)
			continue;
		field[len - suffix] = '\0';
		op = suffixes[i][1];
		if (!value_parse_number(value, strlen(value), &n) && !clock_parse_rfc3339(value, strlen(value), &ms))
			errors_add(&s->errors, name, "needs a number or a time, not '%.60s'", value);
		break;
	}
	add_rule(s, field, op, value);
}

static void add_parameter(void *arg, const char *name, const char *value)
{
	static const char *const fields[] = {"call.status", "call.campaign_id", "call.publisher_id", "call.target_id", "call.number", "call.disposition", "call.converted"};
	struct search *s = arg;
	if (strncmp(name, "tag.", 4) == 0)
		add_tag(s, name, value);
	else if (strcmp(name, "caller_id") == 0 && *value)
		add_rule(s, "call.caller_id", "equals", value);
	for (size_t i = 0; *value && i < ARRAY_LEN(fields); i++)
		if (strcmp(fields[i] + 5, name) == 0)
			add_rule(s, fields[i], "equals", value);
}

/* What masks its values cannot be searched by them: many questions would tell the value. */
static int find_open_tag(void *arg, const char *name, size_t len)
{
	struct search *s = arg;
	int slot = tag_set_find(s->o->tags, name, len);
	if (slot >= 0 && tag_set_get(s->o->tags, (size_t)slot)->sensitive) {
		errors_add(&s->errors, "", "%.*s is sensitive: calls cannot be searched by it", (int)len, name);
		return -1;
	}
	s->tags |= slot >= 0;
	return slot;
}

static const struct expr_list *find_list(void *arg, const char *id)
{
	return organization_find(((struct search *)arg)->o, "list", id);
}

static void filter_error(void *arg, const char *pointer, const char *detail)
{
	struct search *s = arg;
	size_t index = (size_t)strtoul(strncmp(pointer, "/rules/", 7) == 0 ? pointer + 7 : "", NULL, 10);
	json_t *rule = json_array_get(s->rules, index);
	const char *field = json_string_value(json_object_get(rule, "field"));
	const char *rest = strncmp(pointer, "/rules/", 7) == 0 ? strchr(pointer + 7, '/') : NULL;
	char at[200];
	if (field) /* a parameter's */
		snprintf(at, sizeof at, "%s", strncmp(field, "call.", 5) == 0 ? field + 5 : field);
	else /* the filter's own pointer */
		snprintf(at, sizeof at, "filter%s", rest ? rest : "");
	errors_add(&s->errors, at, "%s", detail);
}

static bool range_value(struct search *s, const struct tag_def *def, json_t *given, double *out)
{
	struct value raw = json_leaf_value(given, &s->arena), v;
	struct error err;
	if (raw.kind == VALUE_NONE || !value_coerce_to(&def->type, raw.text, raw.len, &s->arena, &v, &err))
		return false;
	*out = v.number;
	return true;
}

/* Is this rule a range of a number or time? A superset will do: the filter is asked of each call all the same. */
static void consider_range(struct search *s, json_t *rule)
{
	static const struct {
		const char *op;
		bool low, high;
	} ops[] = {{"greater_than", true, false}, {"greater_or_equal", true, false}, {"less_than", false, true}, {"less_or_equal", false, true}, {"between", true, true}};
	const char *field = json_string_value(json_object_get(rule, "field")), *op = json_string_value(json_object_get(rule, "op"));
	json_t *value = json_object_get(rule, "value");
	int slot = field && strncmp(field, "tag.", 4) == 0 ? tag_set_find(s->o->tags, field + 4, strlen(field + 4)) : -1;
	const struct tag_def *def = slot >= 0 ? tag_set_get(s->o->tags, (size_t)slot) : NULL;
	if (!def || !op || def->sensitive || (def->type.kind != VALUE_NUMBER && def->type.kind != VALUE_DATETIME) || s->range_count == ARRAY_LEN(s->ranges))
		return;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		double low = -1e300, high = 1e300;
		bool both = ops[i].low && ops[i].high;
		if (strcmp(op, ops[i].op) != 0 || (ops[i].low && !range_value(s, def, both ? json_array_get(value, 0) : value, &low)) || (ops[i].high && !range_value(s, def, both ? json_array_get(value, 1) : value, &high)))
			continue;
		struct range *r = &s->ranges[s->range_count++];
		r->tag_id = def->id;
		value_format_number(low, r->low);
		value_format_number(high, r->high);
	}
}

/* The range with the fewest calls, if there are few. */
static void choose_range(struct search *s, struct store_conn *conn)
{
	int64_t least = RANGE_MAX;
	for (size_t i = 0; i < s->range_count; i++) {
		struct range *range = &s->ranges[i];
		struct store_rows *rows = store_query(conn, RANGE_COUNT, "sssi", range->tag_id, range->low, range->high, (int64_t)RANGE_MAX);
		if (rows_count(rows) == 1 && rows_int(rows, 0, 0) < least) {
			least = rows_int(rows, 0, 0);
			s->range = range;
		}
		rows_free(rows);
	}
}

/* Can this equality be looked up? Keeps the better way. */
static void consider(struct search *s, json_t *rule)
{
	const char *field = json_string_value(json_object_get(rule, "field")), *op = json_string_value(json_object_get(rule, "op"));
	json_t *given = json_object_get(rule, "value");
	char *dumped = json_is_string(given) || json_is_object(given) || json_is_array(given) ? NULL : json_dumps(given, JSON_ENCODE_ANY);
	const char *value = json_is_string(given) ? json_string_value(given) : arena_strdup(&s->arena, dumped);
	char number[PHONE_SIZE];
	free(dumped);
	consider_range(s, rule);
	if (!field || !op || !value || strcmp(op, "equals") != 0)
		return;
	for (const struct way *w = ways; w->field && w < s->way; w++) {
		if (strncmp(w->field, "tag.", 4) == 0 && strncmp(field, "tag.", 4) == 0) {
			int slot = tag_set_find(s->o->tags, field + 4, strlen(field + 4));
			const struct tag_def *def = slot >= 0 ? tag_set_get(s->o->tags, (size_t)slot) : NULL;
			struct value v;
			struct error err;
			if (!def || !value_coerce_to(&def->type, value, strlen(value), &s->arena, &v, &err))
				return;
			s->keys[0] = def->id;
			s->keys[1] = v.text;
			s->way = w;
		} else if (strcmp(w->field, field) == 0 && (strcmp(field, "call.status") != 0 || strcmp(value, "active") == 0)) {
			bool phone = strcmp(field, "call.caller_id") == 0 && phone_normalize(value, s->o->region, number);
			s->keys[0] = phone ? arena_strdup(&s->arena, number) : value;
			s->keys[1] = "";
			s->way = w;
		}
	}
}

static bool read_filter(struct search *s, json_t **out)
{
	const char *text = http_query(s->r, "filter");
	json_error_t err;
	*out = NULL;
	if (!text || !*text)
		return true;
	*out = json_loads(text, JSON_REJECT_DUPLICATES, &err);
	if (*out)
		return true;
	http_problem(s->r, 400, "Unreadable parameter", "filter is not JSON: %s", err.text);
	return false;
}

/* false after an answer was set. */
static bool read_search(struct search *s)
{
	struct http_request *r = s->r;
	const char *include = http_query(r, "include");
	json_t *filter;
	size_t i;
	json_t *rule;
	s->rules = json_array();
	s->way = &ways[ARRAY_LEN(ways) - 1];
	s->keys[0] = s->keys[1] = "";
	s->include_tags = include && strstr(include, "tags");
	s->call_flow_id = http_query(r, "call_flow_id");
	if (!api_query_time(r, "from", 0, &s->from) || !api_query_time(r, "to", INT64_C(1) << 46, &s->to)) {
		http_problem(r, 400, "Unreadable parameter", "from and to must be times such as 2026-11-23T00:00:00Z");
		return false;
	}
	http_each_query(r, add_parameter, s);
	if (!read_filter(s, &filter))
		return false;
	json_array_foreach(s->rules, i, rule)
		consider(s, rule);
	const char *match = json_string_value(json_object_get(filter, "match"));
	if (!match || strcmp(match, "any") != 0)
		json_array_foreach(json_object_get(filter, "rules"), i, rule)
			consider(s, rule);
	if (filter && !json_object_get(filter, "rules") && json_is_object(filter))
		json_object_set_new(filter, "rules", json_array());
	if (filter)
		json_array_append_new(s->rules, filter);
	json_t *all = json_pack("{s:s, s:O}", "match", "all", "rules", s->rules);
	struct expr_scope scope = {.tag = find_open_tag, .arg = s, .list = find_list, .region = s->o->region,
				   .custom = &s->custom};
	s->filter = filter_compile(all, &scope, &s->arena, filter_error, s);
	json_decref(all);
	if (!errors_any(&s->errors))
		return true;
	http_invalid(r, &s->errors);
	return false;
}

/* ---- the answer ---- */

static struct value text_value(const char *text)
{
	return value_string(text, text ? strlen(text) : 0);
}

static bool read_tags(struct search *s, struct store_conn *conn, const char *call_id, struct value *tags, struct arena *arena)
{
	struct store_rows *rows = store_query(conn, "SELECT tag_id, value FROM call_tags WHERE call_id = $1 AND organization_id = $2 AND sensitive = 0", "ss", call_id, s->o->id);
	struct error err;
	for (size_t i = 0; i < rows_count(rows); i++) {
		const char *value = rows_text(rows, i, 1);
		int slot = tag_set_find_id(s->o->tags, rows_text(rows, i, 0));
		if (slot < 0 || !value_coerce(tag_set_get(s->o->tags, (size_t)slot)->type.kind, value, strlen(value), arena, &tags[slot], &err))
			continue;
	}
	rows_free(rows);
	return rows != NULL;
}

/* *out: the call's custom data, a new reference. false: the database failed. */
static bool read_custom_data(struct search *s, struct store_conn *conn, const char *call_id, json_t **out)
{
	struct store_rows *rows = store_query(conn, "SELECT data FROM call_custom_data WHERE call_id = $1 AND organization_id = $2", "ss", call_id, s->o->id);
	json_t *stored = rows_count(rows) == 1 ? json_loads(rows_text(rows, 0, 0), 0, NULL) : NULL;
	*out = custom_data_shown(stored);
	json_decref(stored);
	bool ok = rows != NULL;
	rows_free(rows);
	return ok;
}

static bool passes(struct search *s, struct store_conn *conn, const struct call_log *log, bool *failed)
{
	struct arena arena = {0};
	size_t count = tag_set_count(s->o->tags);
	struct value *tags = arena_alloc(&arena, (count + 1) * sizeof *tags), call[CALL_FIELD_COUNT] = {{0}};
	struct expr_env env = {
		.tags = tags,
		.tag_count = count,
		.call = call,
		.now_ms = log->started_ms,
		.budget = &s->budget,
	};
	struct expr_course course = {.revenue_micros = log->revenue_micros, .payout_micros = log->payout_micros, .converted = log->converted, .answered_ms = log->answered_ms};
	const struct config_campaign *campaign = organization_campaign(s->o, log->campaign_id);
	struct expr_custom custom = {.arena = &arena};
	char started[RFC3339_SIZE], ended[RFC3339_SIZE];
	bool match = false;
	clock_rfc3339(log->started_ms, started);
	clock_rfc3339(log->ended_ms, ended);
	env.custom = &custom;
	*failed = !tags || (s->custom && !read_custom_data(s, conn, log->id, &custom.data)) || !expr_set_caller(&env, call, log->caller_id, &arena) || (s->tags && !read_tags(s, conn, log->id, tags, &arena));
	if (!*failed) {
		call[CALL_ID] = text_value(log->id);
		call[CALL_NUMBER] = text_value(log->number);
		call[CALL_CAMPAIGN_ID] = text_value(log->campaign_id);
		call[CALL_CAMPAIGN_NAME] = text_value(campaign ? campaign->name : NULL);
		call[CALL_PUBLISHER_ID] = text_value(log->publisher_id);
		call[CALL_PUBLISHER_NAME] = text_value(organization_publisher_name(s->o, log->publisher_id));
		call[CALL_STARTED_AT] = (struct value){.kind = VALUE_DATETIME, .text = started, .len = (uint32_t)strlen(started), .number = (double)log->started_ms};
		call[CALL_ORGANIZATION_ID] = text_value(s->o->id);
		call[CALL_TARGET_ID] = text_value(log->target_id);
		organization_target_names(s->o, log->target_id, &call[CALL_TARGET_NAME], &call[CALL_BUYER_NAME]);
		if (log->ended_ms)
			call[CALL_ENDED_AT] = (struct value){
				.kind = VALUE_DATETIME,
				.text = ended,
				.len = (uint32_t)strlen(ended),
				.number = (double)log->ended_ms,
			};
		call[CALL_STATUS] = text_value(log->status);
		call[CALL_DISPOSITION] = text_value(log->disposition);
		expr_set_course(call, &course, log->ended_ms ? log->ended_ms : clock_now_ms());
		match = filter_match(s->filter, &env);
	}
	json_decref(custom.data);
	arena_free(&arena);
	return match;
}

static bool wanted(struct search *s, struct store_conn *conn, const struct call_log *log, bool *failed)
{
	*failed = false;
	if (log->started_ms < s->from || log->started_ms >= s->to)
		return false;
	if (s->call_flow_id && *s->call_flow_id && (!log->call_flow_id || strcmp(log->call_flow_id, s->call_flow_id) != 0))
		return false;
	return passes(s, conn, log, failed);
}

/* A row of the log to the answer, when it is wanted. false: the database failed. */
static bool add_row(struct search *s, struct store_conn *conn, const struct store_rows *rows, size_t i, struct buf *out, int64_t *found)
{
	struct arena arena = {0};
	struct call_log log;
	bool failed;
	store_call_row(rows, i, &arena, &log);
	if (wanted(s, conn, &log, &failed)) {
		if (s->include_tags)
			log.tags = store_call_tags_json(conn, s->o->id, log.id, &arena);
		failed = s->include_tags && !log.tags;
		call_log_json(out, &log);
		++*found;
	}
	arena_free(&arena);
	return !failed;
}

static enum http_result unreadable(struct http_request *r, struct buf *out)
{
	buf_free(out);
	snprintf(r->retry_after, sizeof r->retry_after, "5");
	return http_problem(r, 503, "The database could not be read", "try again shortly");
}

static enum http_result answer(struct search *s, struct store_conn *conn)
{
	struct http_request *r = s->r;
	const char *cursor = http_query(r, "cursor");
	char last[ID_SIZE], least[ID_SIZE];
	int64_t limit = api_limit(r), found = 0;
	size_t looked = 0, n;
	struct buf out = {0};
	bool more = true;
	id_from_time("call", s->to + CLOCK_SLACK_MS, last);
	id_from_time("call", s->from > CLOCK_SLACK_MS ? s->from - CLOCK_SLACK_MS : 0, least);
	if (cursor && strcmp(cursor, last) < 0)
		snprintf(last, sizeof last, "%s", cursor);
	choose_range(s, conn);
	buf_add_str(&out, "{\"data\":[");
	while (more && found < limit && looked < SCAN_MAX && !s->budget.spent) {
		struct store_rows *rows = s->range ? store_query(conn, range_sql, "sssisss", s->o->id, last, least, limit + 1, s->range->low, s->range->high, s->range->tag_id) :
						     store_query(conn, s->way->sql, "sssiss", s->o->id, last, least, limit + 1, s->keys[0], s->keys[1]);
		if (!rows)
			return unreadable(r, &out);
		n = rows_count(rows);
		more = n > (size_t)limit;
		for (size_t i = 0; i < n && i < (size_t)limit && found < limit; i++) {
			if (!add_row(s, conn, rows, i, &out, &found)) {
				rows_free(rows);
				return unreadable(r, &out);
			}
			snprintf(last, sizeof last, "%s", rows_text(rows, i, 0));
			more |= found == limit && i + 1 < n;
			looked++;
		}
		rows_free(rows);
	}
	if (s->budget.spent) {
		buf_free(&out);
		return http_problem(r, 422, "The filter takes too long", "narrow the search by a period, "
				    "a campaign or a caller, or use simpler regular expressions");
	}
	buf_add_str(&out, "],\"next_cursor\":");
	if (more)
		buf_json_string(&out, last, strlen(last));
	else
		buf_add_str(&out, "null");
	buf_add_char(&out, '}');
	return http_text(r, 200, &out);
}

enum http_result api_call_list(struct http_request *r)
{
	struct search s = {.r = r, .o = r->organization};
	/* a page's; none comes back: the env's clock is each call's own */
	s.budget = (struct expr_budget){.left = EXPR_BUDGET_STEPS * INT64_C(20), .at_ms = INT64_MAX};
	struct store_conn *conn = http_reader(r);
	if (conn && read_search(&s))
		answer(&s, conn);
	filter_free(s.filter);
	json_decref(s.rules);
	arena_free(&s.arena);
	return HTTP_REPLY;
}
