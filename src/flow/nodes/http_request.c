#include "base/json_read.h"
#include "expr/pointer.h"
#include "flow/node.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX 20
#define SAVES_MAX 20

struct config {
	const char *method;
	const struct template *url, *body;
	int timeout_ms, retries;
	size_t header_count;
	struct named_template header[HEADERS_MAX + 1]; /* with a Content-Type that is not given */
	size_t save_count;
	struct {
		const char *pointer;
		struct slot_ref to;
	} save[SAVES_MAX];
};

enum { PORT_SUCCESS, PORT_FAILURE, PORT_TIMEOUT };

/* NULL: it is not given. */
static const char *content_type(json_t *headers)
{
	const char *key;
	json_t *value;
	json_object_foreach(headers, key, value)
		if (strcasecmp(key, "content-type") == 0)
			return json_string_value(value);
	return NULL;
}

/* Of a body whose headers name no type; NULL: none. */
static void add_content_type(struct flow_compiler *c, struct config *cfg, const char *type)
{
	if (!type)
		return;
	cfg->header[cfg->header_count].name = "Content-Type";
	cfg->header[cfg->header_count++].value = flow_compile_template(c, "/headers", type, TEMPLATE_HEADER);
}

/* A value in the host's place decides who is asked, and who gets the headers. */
static void warn_of_host(void *arg, const struct template_token *token)
{
	struct flow_compiler *c = arg;
	char at[200];
	snprintf(at, sizeof at, "%s/url", c->at);
	if (token->in_host)
		flow_problem(c, false, "url_host", at,
			     "the value of [%.*s] decides which server is asked; whoever sends it can choose that server",
			     (int)(token->len < 80 ? token->len : 80), token->name);
}

/* What is sent; it may have the call's key. */
static void compile_request(struct flow_compiler *c, json_t *config, struct config *cfg)
{
	json_t *headers = json_object_get(config, "headers"), *item;
	const char *body = json_string_value(json_object_get(config, "body")), *key;
	const char *url = json_string_value(json_object_get(config, "url"));
	c->scope.requests = true;
	cfg->url = flow_compile_template(c, "/url", url, TEMPLATE_URL);
	template_each_token(url, strlen(url), TEMPLATE_URL, warn_of_host, c);
	json_object_foreach(headers, key, item) {
		if (cfg->header_count == HEADERS_MAX || strpbrk(key, " :\r\n")) {
			flow_problem(c, true, "config", c->at, "%.40s is not a header name, or there are more than %d", key, HEADERS_MAX);
			break;
		}
		cfg->header[cfg->header_count].name = arena_strdup(c->arena, key);
		cfg->header[cfg->header_count++].value = flow_compile_template(c, "/headers", json_string_value(item), TEMPLATE_HEADER);
	}
	if (body) {
		enum template_context context = template_body_context(content_type(headers), body, TEMPLATE_TEXT);
		cfg->body = flow_compile_template(c, "/body", body, context);
		if (!content_type(headers))
			add_content_type(c, cfg, template_content_type(context));
	}
	c->scope.requests = false;
}

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	json_t *item;
	size_t i;
	if (!cfg)
		return NULL;
	cfg->method = flow_config_string(c, config, "method");
	cfg->timeout_ms = (int)json_integer_value(json_object_get(config, "timeout_ms"));
	cfg->retries = (int)json_integer_value(json_object_get(config, "retries"));
	compile_request(c, config, cfg);
	json_array_foreach(json_object_get(config, "save"), i, item) {
		char at[64];
		snprintf(at, sizeof at, "/save/%zu", i);
		cfg->save[i].pointer = flow_config_string(c, item, "pointer");
		if (flow_compile_slot(c, item, at, &cfg->save[i].to))
			cfg->save_count = i + 1;
	}
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	const char **headers = arena_alloc(run->state->arena, (cfg->header_count + 1) * sizeof *headers);
	const char *url = flow_render(run, cfg->url, NULL), *body = cfg->body ? flow_render(run, cfg->body, NULL) : NULL;
	for (size_t i = 0; headers && i < cfg->header_count; i++) {
		const char *value = flow_render(run, cfg->header[i].value, NULL);
		size_t size = strlen(cfg->header[i].name) + strlen(value) + 3;
		char *line = arena_alloc(run->state->arena, size);
		if (line)
			snprintf(line, size, "%s: %s", cfg->header[i].name, value);
		headers[i] = line;
	}
	struct flow_effect *e = flow_effect(run, FLOW_EFFECT_HTTP);
	e->u.http.method = cfg->method;
	e->u.http.url = url;
	e->u.http.body = body;
	e->u.http.headers = headers;
	e->u.http.timeout_ms = cfg->timeout_ms;
	return MOVE_WAIT;
}

/* May the same request go better next time? Not when the other side understood it and said no. */
static bool may_go_better(const struct flow_input *in)
{
	return in->u.http.result != HTTP_ANSWERED || in->u.http.status >= 500 || in->u.http.status == 429;
}

/* Keep the parts of the answer; the detail says which are not there, or why it cannot be read. */
static void save_values(struct flow_run *run, const struct config *cfg, const struct flow_input *in)
{
	struct error why;
	int status = in->u.http.status;
	if (!cfg->save_count) {
		flow_detail(run, "status %d", status);
		return;
	}
	json_t *json = json_read(in->u.http.body, in->u.http.body_len, charset_utf8(), NULL, &why);
	if (!json) {
		flow_detail(run, "status %d, 0 of %zu values saved: the answer is not JSON: %.150s",
			status, cfg->save_count, why.text);
		return;
	}
	char room[200], kept_room[400];
	struct buf missing = {.data = room, .cap = sizeof room, .limit = sizeof room - 1};
	struct buf kept = {.data = kept_room, .cap = sizeof kept_room, .limit = sizeof kept_room - 1};
	size_t saved = 0;
	*room = *kept_room = '\0';
	for (size_t i = 0; i < cfg->save_count; i++) {
		const char *pointer = cfg->save[i].pointer;
		struct value v = json_leaf_value(json_pointer_get(json, pointer), run->state->arena);
		if (v.kind != VALUE_NONE && flow_try_set(run, cfg->save[i].to, v, &why)) {
			saved++;
			continue;
		}
		if (v.kind != VALUE_NONE) { /* by the tag's type */
			buf_printf(&kept, "%s%s %s", kept.len ? ", " : "; a tag keeps what it had: ",
				pointer, why.text);
			continue;
		}
		buf_printf(&missing, "%s%s", missing.len ? ", " : "; not in the answer: ",
			*pointer ? pointer : "a value");
	}
	json_decref(json);
	flow_detail(run, "status %d, %zu of %zu values saved%s%s", status, saved, cfg->save_count,
		room, kept_room);
}

static int input(struct flow_run *run, const void *config, const struct flow_input *in)
{
	const struct config *cfg = config;
	if (in->kind != FLOW_INPUT_HTTP)
		return MOVE_REFUSED;
	if (may_go_better(in) && run->state->tries < (uint32_t)cfg->retries) {
		run->state->tries++;
		return enter(run, config);
	}
	if (in->u.http.result == HTTP_TIMED_OUT) {
		flow_detail(run, "no answer within %d ms", cfg->timeout_ms);
		return PORT_TIMEOUT;
	}
	if (in->u.http.result == HTTP_FAILED) {
		flow_detail(run, "%s", in->u.http.error ? in->u.http.error : "the request failed");
		return PORT_FAILURE;
	}
	save_values(run, cfg, in);
	bool ok = in->u.http.status >= 200 && in->u.http.status < 300;
	return ok ? PORT_SUCCESS : PORT_FAILURE;
}

const struct flow_node_type node_http_request = {
	.type = "http_request", .category = "data", .label = "HTTP request",
	.help = "Asks another system while the caller waits, and keeps parts of its JSON answer.",
	.config = (const struct field[]){
		{"method", FIELD_ENUM, .title = "HTTP method",
		 .choices = (const char *const[]){"GET", "POST", "PUT", "PATCH", "DELETE", NULL},
		 .initial = "\"GET\"", .help = "Method of the request."},
		{"url", FIELD_TEMPLATE, FIELD_REQUIRED, .min = 8, .max = 4000, .help = "http:// or https:// URL; tokens are percent-encoded."},
		{"headers", FIELD_MAP, .initial = "{}", .help = "Request headers; values may have [TOKENS]."},
		{"body", FIELD_TEMPLATE, .max = 65536, .help = "Request body; values are escaped for JSON, XML or a form, as its Content-Type says, or else by how it begins."},
		{"timeout_ms", FIELD_INTEGER, .min = 100, .max = 30000, .initial = "5000", .help = "Longest wait for the whole answer, each time."},
		{"retries", FIELD_INTEGER, .min = 0, .max = 5, .initial = "0", .help = "How often it is sent again, at once, after no answer, no connection, 429 or 5xx. The caller waits."},
		{"save", FIELD_OBJECT, FIELD_LIST, .max = SAVES_MAX, .initial = "[]",
		 .title = "Values to save", .item = "Save value",
		 .help = "Parts of the JSON answer to keep. The trace says which are not in it, "
			 "or why it cannot be read.",
		 .fields = (const struct field[]){
			 {"pointer", FIELD_POINTER, FIELD_REQUIRED, .title = "JSON pointer",
			  .help = "JSON pointer into the answer."},
			 {"tag", FIELD_TAG, .max = 64, .help = "A custom tag."},
			 {"variable", FIELD_VARIABLE, .max = 64, .help = "A variable of this flow."},
			 {0},
		 }},
		{0},
	},
	.ports = (const struct flow_port[]){
		{"success", .help = "Status 200 to 299."},
		{"failure", true, .help = "Another status, or no connection."},
		{"timeout", true, .help = "No answer in time."},
		{0},
	},
	.example = "{\"method\":\"POST\",\"url\":\"https://crm.example.com/leads?phone=[CALLER_ID]\",\"headers\":{\"Content-Type\":\"application/json\"},\"body\":\"{\\\"state\\\":\\\"[CALLER_STATE]\\\"}\",\"timeout_ms\":3000,\"save\":[{\"pointer\":\"/lead/score\",\"tag\":\"score\"},{\"pointer\":\"/lead/name\",\"variable\":\"name\"}]}",
	.compile = compile, .enter = enter, .input = input,
};
