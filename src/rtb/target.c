#include "rtb/target.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int variable(void *arg, const char *name, size_t len)
{
	(void)arg;
	return rtb_token_find(name, len);
}

struct expr_scope rtb_scope(struct expr_scope scope)
{
	scope.variable = variable;
	scope.requests = true;
	return scope;
}

/* One more header, whose value is a template. false: no memory. */
static bool add_header(struct rtb_request *out, const char *name, const char *value,
		       const struct expr_scope *scope, struct arena *arena)
{
	if (out->header_count == ARRAY_LEN(out->headers))
		return true;
	struct template *t = template_compile(value, strlen(value), TEMPLATE_HEADER, scope, arena, NULL, NULL);
	out->headers[out->header_count].name = arena_strdup(arena, name);
	out->headers[out->header_count].value = t;
	return out->headers[out->header_count++].name && t;
}

bool rtb_request_build(json_t *doc, const struct expr_scope *scope, struct arena *arena, struct rtb_request *out)
{
	json_t *headers = json_object_get(doc, "headers"), *value;
	const char *url = json_string_value(json_object_get(doc, "url")), *body = json_string_value(json_object_get(doc, "body")), *name, *type = NULL;
	*out = (struct rtb_request){0};
	if (!url)
		return true;
	json_object_foreach(headers, name, value) {
		const char *text = json_string_value(value);
		if (text && strcasecmp(name, "content-type") == 0)
			type = text;
		if (text && !add_header(out, name, text, scope, arena))
			return false;
	}
	out->url = template_compile(url, strlen(url), TEMPLATE_URL, scope, arena, NULL, NULL);
	if (body) {
		enum template_context context = template_body_context(type, body, TEMPLATE_TEXT);
		out->body = template_compile(body, strlen(body), context, scope, arena, NULL, NULL);
		const char *told = type ? NULL : template_content_type(context);
		if (told && !add_header(out, "Content-Type", told, scope, arena))
			return false;
	}
	const char *method = json_string_value(json_object_get(doc, "method"));
	out->method = arena_strdup(arena, method ? method : "POST");
	return out->url && (out->body || !body) && out->method;
}

static bool may_have(const struct rtb_target *t, const struct tag_def *def)
{
	for (size_t i = 0; i < t->sensitive_count; i++)
		if (strcmp(t->sensitive_tag_ids[i], def->id) == 0)
			return true;
	return false;
}

bool rtb_env(const struct rtb_target *t, const struct tag_set *tags, const struct expr_env *call, bool shows_sensitive, const struct value variables[RTB_VARIABLE_COUNT], struct arena *arena, struct expr_env *out)
{
	static const struct value nothing = {.text = ""};
	struct value *own = arena_alloc(arena, (call->tag_count + 1) * sizeof *own), *fields = arena_alloc(arena, CALL_FIELD_COUNT * sizeof *fields);
	if (!own || !fields)
		return false;
	for (size_t i = 0; i < call->tag_count; i++) {
		const struct tag_def *def = tag_set_get(tags, i);
		own[i] = def->sensitive && (!shows_sensitive || !may_have(t, def)) ? nothing : call->tags[i];
	}
	memcpy(fields, call->call, CALL_FIELD_COUNT * sizeof *fields);
	if (!t->sends_caller_number)
		fields[CALL_CALLER_ID] = nothing;
	*out = (struct expr_env){.tags = own, .tag_count = call->tag_count, .variables = variables, .variable_count = RTB_VARIABLE_COUNT, .call = fields, .custom = call->custom, .now_ms = call->now_ms, .zone = call->zone};
	return true;
}

static const char *text_of(const struct template *t, struct expr_env *env, const char *before, struct arena *arena)
{
	struct buf b = {0};
	buf_add_str(&b, before);
	template_render(t, env, &b);
	const char *kept = b.failed ? NULL : arena_strndup(arena, buf_text(&b), b.len);
	buf_free(&b);
	return kept;
}

bool rtb_render(const struct rtb_request *request, struct expr_env *env, struct arena *arena, struct rtb_rendered *out)
{
	char before[256];
	*out = (struct rtb_rendered){.method = request->method, .url = text_of(request->url, env, "", arena), .body = request->body ? text_of(request->body, env, "", arena) : NULL};
	bool ok = out->url && (out->body || !request->body);
	for (size_t i = 0; ok && i < request->header_count; i++) {
		snprintf(before, sizeof before, "%.250s: ", request->headers[i].name);
		ok = (out->headers[i] = text_of(request->headers[i].value, env, before, arena)) != NULL;
	}
	return ok;
}

const char *rtb_judge(const struct rtb_target *t, int64_t minimum_micros, struct rtb_answer *answer, int64_t now_ms)
{
	if (!answer->accepted)
		return answer->why;
	if (answer->bid_micros < 0)
		answer->bid_micros = t->fixed_micros;
	if (answer->bid_micros < 0)
		return "its answer has no bid";
	if (!answer->bid_micros && t->minimum_micros < 0)
		return "its bid is nothing";
	if (answer->bid_micros < t->minimum_micros)
		return "its bid is below its minimum";
	if (answer->bid_micros < minimum_micros)
		return "its bid is below the ring tree's minimum";
	if (t->maximum_micros >= 0 && answer->bid_micros > t->maximum_micros)
		return "its bid is above its maximum, which is taken for a mistake";
	if (answer->expires_ms >= 0 && answer->expires_ms <= now_ms)
		return "its bid had ended when it came";
	if (!answer->uri && !answer->number && !t->target.uri && !t->target.number)
		return "its answer names nowhere to call";
	if (answer->expires_ms < 0)
		answer->expires_ms = now_ms + t->expires_seconds * INT64_C(1000);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const struct rtb_rank *x = a, *y = b;
	if (x->bid_micros != y->bid_micros)
		return x->bid_micros > y->bid_micros ? -1 : 1;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

void rtb_rank(struct rtb_rank *list, size_t n)
{
	if (n)
		qsort(list, n, sizeof *list, compare);
}
