#include "base/phone.h"
#include "base/zip.h"
#include "expr/filter.h"
#include "expr/regex.h"
#include "model/schema.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum op {
	OP_EXISTS, OP_NOT_EXISTS, OP_EQUALS, OP_NOT_EQUALS, OP_CONTAINS, OP_NOT_CONTAINS, OP_BEGINS_WITH, OP_ENDS_WITH,
	OP_IN, OP_NOT_IN, OP_GREATER_THAN, OP_GREATER_OR_EQUAL, OP_LESS_THAN, OP_LESS_OR_EQUAL, OP_BETWEEN, OP_MATCHES, OP_IN_LIST, OP_WITHIN_MILES,
	OP_COUNT,
};

const char *const filter_operators[] = {
	"exists", "not_exists", "equals", "not_equals", "contains", "not_contains", "begins_with", "ends_with",
	"in", "not_in", "greater_than", "greater_or_equal", "less_than", "less_or_equal", "between", "matches", "in_list", "within_miles",
	NULL,
};

const char *filter_operator_label(const char *op)
{
	static const struct label labels[] = {
		{"exists", "has a value"},
		{"not_exists", "has no value"},
		{"equals", "is"},
		{"not_equals", "is not"},
		{"contains", "contains"},
		{"not_contains", "does not contain"},
		{"begins_with", "begins with"},
		{"ends_with", "ends with"},
		{"in", "is one of"},
		{"not_in", "is none of"},
		{"greater_than", "is greater than"},
		{"greater_or_equal", "is at least"},
		{"less_than", "is less than"},
		{"less_or_equal", "is at most"},
		{"between", "is between"},
		{"matches", "matches the pattern"},
		{"in_list", "is in the list"},
		{"within_miles", "is within miles of"},
	};
	for (size_t i = 0; i < ARRAY_LEN(labels); i++)
		if (strcmp(labels[i].value, op) == 0)
			return labels[i].text;
	return op;
}

/* A value to compare with, read as every kind it can be, once. What a filter is made of is small and lies together:
 * thousands of them are asked for a call. */
struct operand {
	const char *text;
	uint32_t len;
	bool is_number, is_time, is_boolean, boolean;
	char head[8]; /* what the text begins with: what is short, and most that differs, is told without a look elsewhere */
	double number, time;
};

struct rule {
	bool group;
	/* group */
	bool any;
	uint32_t end; /* index after the last descendant */
	/* rule */
	enum op op;
	struct expr_ref field;
	uint32_t operand_count;
	struct operand *operands;
	union {
		struct regex *regex;            /* matches */
		const struct expr_list *list;   /* in_list; NULL: it is not there */
		const struct zip_center *center; /* within_miles */
	} u;
};

struct filter {
	uint32_t count, regexes;
	struct rule rules[];
};

struct compiler {
	struct rule *rules; /* room for FILTER_RULES_MAX */
	uint32_t count, regexes;
	const struct expr_scope *scope;
	struct arena *arena;
	filter_error_f *error;
	void *arg;
	bool failed;
};

static void PRINTF_LIKE(3, 4) fail(struct compiler *c, const char *pointer, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	c->failed = true;
	if (c->error)
		c->error(c->arg, pointer, text);
}

static bool read_operand(struct compiler *c, json_t *json, struct operand *o)
{
	struct value v;
	char number[VALUE_NUMBER_SIZE];
	const char *text;
	size_t len;
	if (json_is_string(json)) {
		text = json_string_value(json);
		len = json_string_length(json);
	} else if (json_is_number(json)) {
		len = value_format_number(json_number_value(json), number);
		text = number;
	} else if (json_is_boolean(json)) {
		text = json_is_true(json) ? "true" : "false";
		len = strlen(text);
	} else {
		return false;
	}
	bool flag = false;
	struct arena scratch = {0};
	*o = (struct operand){.text = arena_strndup(c->arena, text, len), .len = (uint32_t)len};
	memcpy(o->head, text, len < sizeof o->head ? len : sizeof o->head);
	o->is_number = value_parse_number(text, len, &o->number);
	o->is_boolean = value_parse_boolean(text, len, &flag);
	o->boolean = flag;
	o->is_time = value_coerce(VALUE_DATETIME, text, len, &scratch, &v, NULL);
	o->time = o->is_time ? v.number : 0;
	arena_free(&scratch);
	return o->text != NULL;
}

static void compile_regex(struct compiler *c, struct rule *r, const char *pointer)
{
	struct error err;
	const struct operand *o = &r->operands[0];
	c->regexes++;
	if (c->regexes > FILTER_REGEXES_MAX && !c->scope->stored) { /* told once; not compiled */
		if (c->regexes == FILTER_REGEXES_MAX + 1)
			fail(c, pointer, "a filter may have at most %d regular expressions: join some "
			     "with |, or use \"is one of\" or \"begins with\"", FILTER_REGEXES_MAX);
		return;
	}
	r->u.regex = regex_compile(c->scope->regexes, o->text, o->len, &err);
	if (!r->u.regex)
		fail(c, pointer, "%s", err.text);
}

/* A number as people write it, to what calls have. */
static void read_phone(struct compiler *c, struct operand *o)
{
	char number[PHONE_SIZE];
	if (!c->scope->region || !phone_normalize(o->text, c->scope->region, number))
		return;
	const char *text = arena_strdup(c->arena, number);
	if (text) {
		o->text = text;
		o->len = (uint32_t)strlen(text);
		memcpy(o->head, text, o->len < sizeof o->head ? o->len : sizeof o->head);
	}
}

static void compile_operands(struct compiler *c, struct rule *r, json_t *json, const char *pointer)
{
	char at[200];
	snprintf(at, sizeof at, "%s/value", pointer);
	json_t *value = json_object_get(json, "value");
	const char *label = filter_operator_label(filter_operators[r->op]);
	if (r->op == OP_EXISTS || r->op == OP_NOT_EXISTS)
		return;
	bool pair = r->op == OP_BETWEEN || r->op == OP_WITHIN_MILES, list = r->op == OP_IN || r->op == OP_NOT_IN || pair;
	if (!value) {
		fail(c, at, "is required for \"%s\"", label);
		return;
	}
	if (list != json_is_array(value)) {
		fail(c, at, "must be %s for \"%s\"", list ? "an array" : "one value", label);
		return;
	}
	size_t n = list ? json_array_size(value) : 1;
	if (n > 10000 || (pair && n != 2)) {
		fail(c, at, r->op == OP_BETWEEN ? "must be two values: [lowest, highest]" : pair ? "must be two values: [ZIP code, miles]" : "must have at most 10000 values");
		return;
	}
	r->operands = arena_alloc(c->arena, n * sizeof *r->operands);
	for (size_t i = 0; r->operands && i < n; i++) {
		if (!read_operand(c, list ? json_array_get(value, i) : value, &r->operands[i])) {
			fail(c, at, "must be text, a number, true or false");
			return;
		}
		r->operand_count++;
	}
	bool phone = r->field.source == EXPR_SYSTEM && (r->field.slot == CALL_CALLER_ID || r->field.slot == CALL_NUMBER), whole = r->op == OP_EQUALS || r->op == OP_NOT_EQUALS || r->op == OP_IN || r->op == OP_NOT_IN;
	for (size_t i = 0; phone && whole && r->operands && i < r->operand_count; i++)
		read_phone(c, &r->operands[i]);
	bool ordered = r->op >= OP_GREATER_THAN && r->op <= OP_BETWEEN;
	for (size_t i = 0; ordered && r->operands && i < r->operand_count; i++)
		if (!r->operands[i].is_number && !r->operands[i].is_time)
			fail(c, at, "must be a number or a date for \"%s\"", label);
	struct zip_center *center = r->op == OP_WITHIN_MILES && r->operands && r->operand_count == 2 ? arena_alloc(c->arena, sizeof *center) : NULL;
	r->u.center = center;
	if (center && !zip_find(r->operands[0].text, r->operands[0].len, center))
		fail(c, at, "%.20s is not a known ZIP code", r->operands[0].text);
	if (center && !(r->operands[1].is_number && r->operands[1].number > 0))
		fail(c, at, "must have the miles as a number above 0");
	if (r->op == OP_MATCHES && r->operand_count)
		compile_regex(c, r, at);
	if (r->op == OP_IN_LIST && r->operands && r->operand_count && c->scope->list && !(r->u.list = c->scope->list(c->scope->arg, r->operands[0].text)))
		fail(c, at, "there is no list with id %.60s", r->operands[0].text);
}

static void compile_group(struct compiler *c, json_t *json, const char *pointer, int depth);

static struct rule *add_rule(struct compiler *c, const char *pointer)
{
	if (c->count == FILTER_RULES_MAX) {
		if (!c->failed)
			fail(c, pointer, "a filter may have at most %d rules", FILTER_RULES_MAX);
		return NULL;
	}
	return &c->rules[c->count++];
}

static void compile_rule(struct compiler *c, json_t *json, const char *pointer)
{
	char at[200];
	const char *field = json_string_value(json_object_get(json, "field"));
	const char *op = json_string_value(json_object_get(json, "op"));
	struct rule *r = add_rule(c, pointer);
	if (!r)
		return;
	snprintf(at, sizeof at, "%s/field", pointer);
	if (!field) {
		fail(c, at, "is required: what to compare");
	} else {
		r->field = expr_resolve(c->scope, field, strlen(field));
		if (r->field.source == EXPR_NOTHING)
			fail(c, at, "there is no field %.80s", field);
		if (r->field.source == EXPR_CUSTOM && !(r->field.name = arena_strndup(c->arena, r->field.name, r->field.slot)))
			fail(c, at, "out of memory");
	}
	snprintf(at, sizeof at, "%s/op", pointer);
	for (r->op = 0; r->op < OP_COUNT && op && strcmp(op, filter_operators[r->op]) != 0;)
		r->op++;
	if (!op || r->op == OP_COUNT) {
		r->op = OP_EXISTS;
		fail(c, at, op ? "there is no operator %.40s" : "is required%.0s", op ? op : "");
		return;
	}
	compile_operands(c, r, json, pointer);
}

static void compile_group(struct compiler *c, json_t *json, const char *pointer, int depth)
{
	char at[200];
	const char *match = json_string_value(json_object_get(json, "match"));
	json_t *rules = json_object_get(json, "rules"), *item;
	if (depth > FILTER_DEPTH_MAX) {
		fail(c, pointer, "groups may be nested %d deep", FILTER_DEPTH_MAX);
		return;
	}
	snprintf(at, sizeof at, "%s/match", pointer);
	if (match && strcmp(match, "all") != 0 && strcmp(match, "any") != 0)
		fail(c, at, "must be all or any");
	snprintf(at, sizeof at, "%s/rules", pointer);
	if (!json_is_array(rules)) {
		fail(c, at, "must be an array of rules");
		return;
	}
	struct rule *group = add_rule(c, pointer);
	if (!group)
		return;
	size_t index = (size_t)(group - c->rules), i;
	group->group = true;
	group->any = match && strcmp(match, "any") == 0;
	json_array_foreach(rules, i, item) {
		snprintf(at, sizeof at, "%s/rules/%zu", pointer, i);
		if (!json_is_object(item))
			fail(c, at, "must be a rule or a group");
		else if (json_object_get(item, "rules"))
			compile_group(c, item, at, depth + 1);
		else
			compile_rule(c, item, at);
	}
	c->rules[index].end = c->count;
}

static void free_regexes(struct rule *rules, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!rules[i].group && rules[i].op == OP_MATCHES)
			regex_release(rules[i].u.regex);
}

/* The rules in the arena, behind what they compare with. */
static struct filter *put_together(struct compiler *c)
{
	struct filter *f = arena_alloc(c->arena, sizeof *f + c->count * sizeof *c->rules);
	if (!f)
		return NULL;
	f->count = c->count;
	f->regexes = c->regexes;
	memcpy(f->rules, c->rules, c->count * sizeof *c->rules);
	return f;
}

struct filter *filter_compile(json_t *json, const struct expr_scope *scope, struct arena *arena,
			      filter_error_f *error, void *arg)
{
	struct compiler c = {.rules = calloc(FILTER_RULES_MAX, sizeof *c.rules), .scope = scope, .arena = arena, .error = error, .arg = arg};
	if (!c.rules)
		return NULL;
	if (!json_is_object(json))
		fail(&c, "", "must be a filter such as {\"match\":\"all\",\"rules\":[]}");
	else
		compile_group(&c, json, "", 1);
	struct filter *f = c.failed ? NULL : put_together(&c);
	if (!f)
		free_regexes(c.rules, c.count);
	free(c.rules);
	return f;
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	free_regexes(f->rules, f->count);
}

unsigned filter_regex_count(const struct filter *f)
{
	return f ? f->regexes : 0;
}

/* Equality follows the field's kind; text is compared without regard to ASCII case. */
static bool equals(const struct value *v, const struct operand *o)
{
	if (v->kind == VALUE_NUMBER && o->is_number)
		return v->number == o->number;
	if (v->kind == VALUE_BOOLEAN && o->is_boolean)
		return v->number == o->boolean;
	if (v->kind == VALUE_DATETIME && o->is_time)
		return v->number == o->time;
	return v->len == o->len && (!o->len || (((v->text[0] ^ o->head[0]) & ~0x20) == 0 && strncasecmp(v->text, o->len <= sizeof o->head ? o->head : o->text, o->len) == 0));
}

/* -1, 0, 1, or 2 when the two have no order. */
static int compare(const struct value *v, const struct operand *o)
{
	double a, b;
	if (v->kind == VALUE_DATETIME && o->is_time) {
		a = v->number;
		b = o->time;
	} else if (o->is_number && (v->kind == VALUE_NUMBER || v->kind == VALUE_BOOLEAN)) {
		a = v->number;
		b = o->number;
	} else if (o->is_number && v->kind == VALUE_STRING && value_parse_number(v->text, v->len, &a)) {
		b = o->number;
	} else {
		int64_t ms;
		if (v->kind != VALUE_STRING || !o->is_time || !clock_parse_rfc3339(v->text, v->len, &ms))
			return 2;
		a = (double)ms;
		b = o->time;
	}
	return a < b ? -1 : a > b;
}

static bool contains(const struct value *v, const struct operand *o)
{
	if (!o->len)
		return true;
	for (size_t i = 0; i + o->len <= v->len; i++)
		if (strncasecmp(v->text + i, o->text, o->len) == 0)
			return true;
	return false;
}

/* ---- the budget ---- */

struct expr_budget expr_budget_full(int64_t now_ms)
{
	return (struct expr_budget){.left = EXPR_BUDGET_STEPS, .at_ms = now_ms};
}

/* Take the steps that came back since the last time. */
static void refill(struct expr_budget *b, int64_t now_ms)
{
	if (now_ms > b->at_ms) {
		int64_t past_ms = now_ms - b->at_ms, most = EXPR_BUDGET_STEPS / EXPR_BUDGET_STEPS_PER_MS;
		b->left += (past_ms < most ? past_ms : most) * EXPR_BUDGET_STEPS_PER_MS;
		if (b->left > EXPR_BUDGET_STEPS)
			b->left = EXPR_BUDGET_STEPS;
		b->at_ms = now_ms;
	}
	if (b->left >= EXPR_BUDGET_STEPS / 4)
		b->spent = false;
}

/* false: there are not so many. */
static bool take_steps(struct expr_budget *b, int64_t steps)
{
	if (!b->spent && b->left >= steps) {
		b->left -= steps;
		return true;
	}
	b->left = 0;
	b->spent = true;
	return false;
}

bool filter_is_spent(const struct expr_env *env)
{
	return env->budget && env->budget->spent;
}

static bool matches(const struct rule *r, const struct value *v, struct expr_budget *b)
{
	bool is = r->u.regex && regex_match(r->u.regex, v->text, v->len, NULL, &b->left);
	if (!is && b->left == 0)
		b->spent = true;
	return is;
}

#define RULE_STEPS 4

/* Of all that a rule does but regular expressions, from above. */
static int64_t steps_of(const struct rule *r, const struct value *v)
{
	int64_t steps = RULE_STEPS;
	if (r->op == OP_IN || r->op == OP_NOT_IN)
		steps += r->operand_count;
	if ((r->op == OP_CONTAINS || r->op == OP_NOT_CONTAINS) && r->operand_count)
		steps += (int64_t)v->len * (1 + r->operands[0].len / 8) / 2;
	return steps;
}

static bool is_within(const struct rule *r, const struct value *v)
{
	struct zip_center there;
	return r->u.center && zip_find(v->text, v->len, &there) && zip_miles(r->u.center, &there) <= r->operands[1].number;
}

static bool rule_match(const struct rule *r, struct expr_env *env)
{
	struct value v = expr_value(env, r->field);
	bool has = v.kind != VALUE_NONE;
	if (!take_steps(env->budget, steps_of(r, &v)))
		return false;
	const struct operand *o = r->operands;
	switch (r->op) {
	case OP_EXISTS:
		return has && v.len > 0;
	case OP_NOT_EXISTS:
		return !has || v.len == 0;
	case OP_NOT_EQUALS:
		return !has || !equals(&v, o);
	case OP_NOT_CONTAINS:
		return !has || !contains(&v, o);
	case OP_IN:
	case OP_NOT_IN: {
		bool found = false;
		for (size_t i = 0; has && !found && i < r->operand_count; i++)
			found = equals(&v, &o[i]);
		return found == (r->op == OP_IN);
	}
	default:
		break;
	}
	if (!has)
		return false; /* what is not there is neither equal, nor less, nor more */
	switch (r->op) {
	case OP_IN_LIST:
		return r->u.list && expr_list_has(r->u.list, v.text, v.len);
	case OP_EQUALS:
		return equals(&v, o);
	case OP_CONTAINS:
		return contains(&v, o);
	case OP_BEGINS_WITH:
		return v.len >= o->len && strncasecmp(v.text, o->text, o->len) == 0;
	case OP_ENDS_WITH:
		return v.len >= o->len && strncasecmp(v.text + v.len - o->len, o->text, o->len) == 0;
	case OP_GREATER_THAN:
		return compare(&v, o) == 1;
	case OP_GREATER_OR_EQUAL:
		return compare(&v, o) == 1 || compare(&v, o) == 0;
	case OP_LESS_THAN:
		return compare(&v, o) == -1;
	case OP_LESS_OR_EQUAL:
		return compare(&v, o) == -1 || compare(&v, o) == 0;
	case OP_BETWEEN: {
		int low = compare(&v, &o[0]), high = compare(&v, &o[1]);
		return (low == 0 || low == 1) && (high == 0 || high == -1);
	}
	case OP_WITHIN_MILES:
		return is_within(r, &v);
	case OP_MATCHES:
		return matches(r, &v, env->budget);
	default:
		return false;
	}
}

static bool group_match(const struct filter *f, uint32_t at, struct expr_env *env)
{
	const struct rule *g = &f->rules[at];
	for (uint32_t i = at + 1; i < g->end;) {
		const struct rule *r = &f->rules[i];
		bool ok = r->group ? group_match(f, i, env) : rule_match(r, env);
		if (env->budget->spent)
			return false;
		if (ok == g->any)
			return g->any;
		i = r->group ? r->end : i + 1;
	}
	return !g->any || g->end == at + 1;
}

bool filter_match(const struct filter *filter, struct expr_env *env)
{
	struct expr_budget full = expr_budget_full(env->now_ms);
	struct expr_budget *budget = env->budget;
	if (!filter || !filter->count)
		return true;
	if (!budget)
		env->budget = &full;
	refill(env->budget, env->now_ms);
	bool passes = !env->budget->spent && group_match(filter, 0, env) && !env->budget->spent;
	env->budget = budget;
	return passes;
}
