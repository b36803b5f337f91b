#include "http/openapi.h"
#include "expr/filter.h"
#include "expr/token.h"
#include "http/api/api.h"
#include "http/server.h"
#include "model/call_log.h"
#include "model/resource.h"
#include <string.h>

static json_t *problem_responses(void)
{
	return json_pack("{s:{s:s, s:{s:{s:{s:s}}}}}", "default", "description", "A problem (RFC 9457)", "content", "application/problem+json", "schema", "$ref", "#/components/schemas/Problem");
}

static json_t *response(const char *status, const char *description, json_t *schema)
{
	json_t *responses = problem_responses();
	json_t *r = schema ? json_pack("{s:s, s:{s:{s:o}}}", "description", description, "content", "application/json", "schema", schema) : json_pack("{s:s}", "description", description);
	json_object_set_new(responses, status, r);
	return responses;
}

static json_t *ref(const char *name)
{
	return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s", name));
}

static json_t *body(const char *schema)
{
	return json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content", "application/json", "schema", ref(schema));
}

static json_t *path_parameter(const char *name)
{
	return json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", name, "in", "path", "required", 1, "schema", "type", "string");
}

static json_t *query_parameter(const char *name, const char *type)
{
	return json_pack("{s:s, s:s, s:{s:s}}", "name", name, "in", "query", "schema", "type", type);
}

/* "routing_plan" to "RoutingPlan" */
static void schema_name(const char *kind, char out[64])
{
	size_t n = 0;
	bool upper = true;
	for (; *kind && n < 60; kind++) {
		if (*kind == '_') {
			upper = true;
			continue;
		}
		out[n++] = (char)(upper && *kind >= 'a' && *kind <= 'z' ? *kind - 32 : *kind);
		upper = false;
	}
	out[n] = '\0';
}

/* Requests lack what is read-only; answers have all of it, and the members every object has. */
static void add_schemas(json_t *schemas, const struct resource_kind *kind)
{
	char name[64], input[80], list[80];
	schema_name(kind->kind, name);
	snprintf(input, sizeof input, "%sInput", name);
	snprintf(list, sizeof list, "%sList", name);
	json_t *whole = schema_json(kind->fields), *in = json_deep_copy(whole), *properties = json_object_get(in, "properties"), *p = json_object_get(whole, "properties");
	for (const struct field *f = kind->fields; f->name; f++)
		if (f->flags & FIELD_READ_ONLY)
			json_object_del(properties, f->name);
	static const char *const own[] = {"id", "created_at", "updated_at"};
	char title[WORDS_SIZE];
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		json_object_set_new(p, own[i], json_pack("{s:s, s:s, s:b}", "type", "string",
							 "title", words_title(own[i], title),
							 "readOnly", 1));
	json_object_set_new(whole, "title", json_string(kind->title));
	json_object_set_new(in, "title", json_string(kind->title));
	json_object_set_new(whole, "required", json_pack("[s, s, s]", "id", "created_at", "updated_at"));
	json_object_set_new(whole, "description", json_string(kind->help));
	json_object_set_new(schemas, name, whole);
	json_object_set_new(schemas, input, in);
	json_object_set_new(schemas, list, json_pack("{s:s, s:{s:{s:s, s:o}, s:{s:[s,s]}}, s:[s,s]}", "type", "object", "properties", "data", "type", "array", "items", ref(name), "next_cursor", "type", "string", "null", "required", "data", "next_cursor"));
}

static json_t *operation(const char *id, const char *tag, const char *summary, json_t *parameters, json_t *request, json_t *responses)
{
	json_t *o = json_pack("{s:s, s:[s], s:s, s:o}", "operationId", id, "tags", tag, "summary", summary, "responses", responses);
	if (parameters)
		json_object_set_new(o, "parameters", parameters);
	if (request)
		json_object_set_new(o, "requestBody", request);
	return o;
}

static void add_resource_paths(json_t *paths, const struct resource_kind *kind)
{
	char name[64], input[80], list[80], path[100], id[100];
	schema_name(kind->kind, name);
	snprintf(input, sizeof input, "%sInput", name);
	snprintf(list, sizeof list, "%sList", name);
	json_t *all = json_object(), *one = json_object();
#define ID(verb) (snprintf(id, sizeof id, verb "%s", name), id)
	json_object_set_new(all, "get", operation(ID("list"), kind->path, kind->help, json_pack("[o, o, o, o]", query_parameter("limit", "integer"), query_parameter("cursor", "string"), query_parameter("search", "string"), query_parameter("sort", "string")), NULL, response("200", "A page, newest first", ref(list))));
	json_object_set_new(all, "post", operation(ID("create"), kind->path, "Create", NULL, body(input), response("201", "Created", ref(name))));
	json_object_set_new(one, "get", operation(ID("get"), kind->path, "Read", json_pack("[o]", path_parameter("id")), NULL, response("200", "The object", ref(name))));
	json_object_set_new(one, "patch", operation(ID("update"), kind->path, "Change (JSON merge patch); If-Match takes the ETag", json_pack("[o]", path_parameter("id")), body(input), response("200", "The object as it is now", ref(name))));
	json_object_set_new(one, "delete", operation(ID("delete"), kind->path, "Delete; 409 names what still uses it", json_pack("[o]", path_parameter("id")), NULL, response("204", "Deleted", NULL)));
#undef ID
	json_object_set_new(paths, (snprintf(path, sizeof path, "/api/v1/%s/{id}/usage", kind->path), path), json_pack("{s:o}", "get", operation((snprintf(id, sizeof id, "get%sUsage", name), id), kind->path, "What uses it", json_pack("[o]", path_parameter("id")), NULL, response("200", "The first 20: id, kind and name", json_object()))));
	json_object_set_new(paths, (snprintf(path, sizeof path, "/api/v1/%s/{id}/restore", kind->path), path), json_pack("{s:o}", "post", operation((snprintf(id, sizeof id, "restore%s", name), id), kind->path, "Put back what was deleted", json_pack("[o]", path_parameter("id")), NULL, response("201", "The object as it was", ref(name)))));
	snprintf(path, sizeof path, "/api/v1/%s", kind->path);
	json_object_set_new(paths, path, all);
	snprintf(path, sizeof path, "/api/v1/%s/{id}", kind->path);
	json_object_set_new(paths, path, one);
}

/* "GET /api/v1/call-flows/{id}/versions" to "getCallFlowsIdVersions" */
static void operation_id(const struct http_route *route, char out[120])
{
	size_t n = 0;
	bool upper = false;
	for (const char *m = route->method; *m && n < 10; m++)
		out[n++] = (char)(*m | 32);
	const char *p = strncmp(route->path, "/api/v1", 7) == 0 ? route->path + 7 : route->path;
	for (; *p && n < 110; p++) {
		bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
		if (letter)
			out[n++] = (char)(upper && *p >= 'a' ? *p - 32 : *p);
		upper = !letter;
	}
	out[n] = '\0';
}

static json_t *route_body(const struct http_route *route)
{
	json_t *schema = route->body ? schema_json(route->body) : json_object();
	return json_pack("{s:{s:{s:o}}}", "content", "application/json", "schema", schema);
}

static void add_route(json_t *paths, const struct http_route *route)
{
	char id[120], method[12], tag[40];
	json_t *at = json_object_get(paths, route->path), *parameters = json_array();
	operation_id(route, id);
	for (const char *p = strchr(route->path, '{'); p; p = strchr(p + 1, '{')) {
		char name[20];
		snprintf(name, sizeof name, "%.*s", (int)strcspn(p + 1, "}"), p + 1);
		json_array_append_new(parameters, path_parameter(name));
	}
	for (const char *p = strchr(route->summary, '?'); p; p = strchr(p + 1, '?')) { /* "?from=" in the summary */
		char name[30];
		size_t n = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_");
		snprintf(name, sizeof name, "%.*s", (int)n, p + 1);
		if (n && p[1 + n] == '=')
			json_array_append_new(parameters, query_parameter(name, "string"));
	}
	bool get = strcmp(route->method, "GET") == 0;
	bool call = get && strcmp(route->path, "/api/v1/calls/{id}") == 0;
	const char *area = strncmp(route->path, "/api/v1/", 8) == 0 ? route->path + 8 : route->path + 1;
	snprintf(tag, sizeof tag, "%.*s", (int)strcspn(area, "/"), area);
	json_t *request = get ? NULL : route_body(route);
	json_t *answer = call ? response("200", "The call", ref("Call"))
			      : response("200", "Done", json_object());
	json_t *o = operation(id, tag, route->summary, parameters, request, answer);
	if (route->role == ROLE_NONE)
		json_object_set_new(o, "security", json_array());
	for (size_t i = 0; i <= strlen(route->method) && i < sizeof method; i++)
		method[i] = (char)(route->method[i] ? route->method[i] | 32 : 0);
	if (!at)
		json_object_set_new(paths, route->path, at = json_object());
	json_object_set_new(at, method, o);
}

/* What a rule compares, and how; both with labels for people. */
static json_t *filter_rule_schema(void)
{
	json_t *fields = json_array(), *titles = json_object();
	json_t *ops = json_array(), *labels = json_object();
	char title[WORDS_SIZE];
	for (size_t i = 0; i < SYSTEM_FIELD_COUNT; i++) {
		if (!*system_fields[i].name || i == CALL_KEY) /* no filter may ask for the key */
			continue;
		json_array_append_new(fields, json_string(system_fields[i].name));
		json_object_set_new(titles, system_fields[i].name,
				    json_string(system_field_title(i, title)));
	}
	for (size_t i = 0; filter_operators[i]; i++) {
		json_array_append_new(ops, json_string(filter_operators[i]));
		json_object_set_new(labels, filter_operators[i],
				    json_string(filter_operator_label(filter_operators[i])));
	}
	json_t *field = json_pack("{s:s, s:s, s:o, s:o}", "type", "string", "title", "Field",
				  "examples", fields, "x-labels", titles);
	json_t *op = json_pack("{s:s, s:o, s:o}", "title", "Operator", "enum", ops,
			       "x-labels", labels);
	return json_pack("{s:s, s:s, s:{s:o, s:o, s:{s:s}}, s:[s,s]}", "type", "object",
			 "title", "Rule", "properties", "field", field, "op", op,
			 "value", "title", "Value", "required", "field", "op");
}

/* The event types, with what each says: for people who choose some. */
static json_t *event_type_names(void)
{
	json_t *types = json_array(), *labels = json_object(), *help = json_object();
	char title[WORDS_SIZE];
	for (const struct event_type *t = event_types; t->type; t++) {
		json_array_append_new(types, json_string(t->type));
		json_object_set_new(labels, t->type, json_string(event_type_title(t, title)));
		json_object_set_new(help, t->type, json_string(t->help));
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "type", "string", "title", "Event type",
			 "enum", types, "x-labels", labels, "x-help", help);
}

json_t *openapi_document(void)
{
	json_t *schemas = json_object(), *paths = json_object(), *tokens = json_array();
	json_t *known = tokens_json(), *token;
	size_t at;
	json_array_foreach(known, at, token) /* those of events, pings and requests are in x-tokens alone */
		if (strcmp(json_string_value(json_object_get(token, "in")), "all") == 0)
			json_array_append(tokens, json_object_get(token, "name"));
	json_object_set_new(schemas, "Filter", json_pack("{s:s, s:{s:{s:[s,s]}, s:{s:s, s:{s:[{s:s},{s:s}]}}}, s:[s]}", "type", "object", "properties", "match", "enum", "all", "any", "rules", "type", "array", "items", "anyOf",
		"$ref", "#/components/schemas/FilterRule", "$ref", "#/components/schemas/Filter", "required", "rules"));
	json_object_set_new(schemas, "FilterRule", filter_rule_schema());
	json_object_set_new(schemas, "EventType", event_type_names());
	json_object_set_new(schemas, "Organization", schema_json(api_organization_fields));
	json_object_set_new(schemas, "Token",
		json_pack("{s:s, s:s, s:o, s:o}", "type", "string", "description",
			  "In templates, in brackets; beside tags and a flow's variables. x-tokens has "
			  "all, with where each is known",
			  "examples", tokens, "x-tokens", known));
	json_object_set_new(schemas, "Problem", json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s, s:{s:s, s:{s:{s:s}, s:{s:s}}}}}}", "type", "object", "properties", "type", "type", "string", "title", "type", "string",
		"status", "type", "integer", "detail", "type", "string", "errors", "type", "array", "items", "type", "object", "properties", "pointer", "type", "string", "detail", "type", "string"));
	json_object_set_new(schemas, "Call", call_log_schema());
	for (size_t i = 0; resource_kinds[i]; i++) {
		add_schemas(schemas, resource_kinds[i]);
		add_resource_paths(paths, resource_kinds[i]);
	}
	for (const struct http_route *route = http_routes; route->method; route++)
		if (route->summary)
			add_route(paths, route);
	return json_pack("{s:s, s:{s:s, s:s, s:s, s:{s:s}}, s:[{s:[]}], s:o, s:{s:o, s:{s:{s:s, s:s}}}}", "openapi", "3.1.0", "info", "title", "Strowger", "version", STROWGER_VERSION,
			 "description", "The call platform's HTTP API", "license", "name", "Apache-2.0", "security", "apiKey", "paths", paths, "components", "schemas", schemas,
			 "securitySchemes", "apiKey", "type", "http", "scheme", "bearer");
}
