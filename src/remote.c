/* flow import and flow export: by the API of a server that runs, here or elsewhere. */
#include "base/buf.h"
#include "commands.h"
#include <argp.h>
#include <curl/curl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct remote {
	const char *url, *key, *what; /* what: a file, or a flow's id or name */
	bool import;
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct remote *r = state->input;
	switch (option) {
	case 'u':
		r->url = argument;
		return 0;
	case 'k':
		r->key = argument;
		return 0;
	case ARGP_KEY_ARG:
		if (r->what)
			return ARGP_ERR_UNKNOWN;
		r->what = argument;
		return 0;
	case ARGP_KEY_END:
		if (!r->what || !r->key)
			argp_error(state, "%s, and an API key (--key or STROWGER_API_KEY), are needed", r->import ? "a file" : "a call flow's id or name");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static size_t take(char *data, size_t size, size_t count, void *arg)
{
	buf_add(arg, data, size * count);
	return size * count;
}

/* One request; body NULL: GET. Returns the status, 0 when there was no answer (and says why). */
static long request(const struct remote *r, const char *path, const char *body, struct buf *answer)
{
	CURL *curl = curl_easy_init();
	char url[1000], authorization[300], why[CURL_ERROR_SIZE] = "out of memory";
	long status = 0;
	snprintf(url, sizeof url, "%s/api/v1%s", r->url, path);
	snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", r->key);
	struct curl_slist *headers = curl_slist_append(curl_slist_append(NULL, authorization), "Content-Type: application/json");
	if (curl && headers) {
		curl_easy_setopt(curl, CURLOPT_URL, url);
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
		curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
		if (body)
			curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		if (curl_easy_perform(curl) == CURLE_OK)
			curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	}
	if (!status)
		fprintf(stderr, "strowger: %s: %s\n", url, why);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return status;
}

static int refused(long status, const struct buf *answer)
{
	json_t *json = json_loads(buf_text(answer), 0, NULL), *e;
	const char *title = json_string_value(json_object_get(json, "title")), *detail = json_string_value(json_object_get(json, "detail"));
	size_t i;
	if (status)
		fprintf(stderr, "strowger: %ld %s: %s\n", status, title ? title : "the server refused", detail ? detail : "");
	json_array_foreach(json_object_get(json, "errors"), i, e)
		fprintf(stderr, "  %s: %s\n", json_string_value(json_object_get(e, "pointer")), json_string_value(json_object_get(e, "detail")));
	json_decref(json);
	return 1;
}

/* The id of the flow of this name; an id is its own. false: told. */
static bool find_flow(const struct remote *r, char id[64])
{
	struct buf answer = {0};
	char path[300];
	snprintf(id, 64, "%s", r->what);
	if (strncmp(r->what, "flow_", 5) == 0 && strlen(r->what) == 31)
		return true;
	char *escaped = curl_easy_escape(NULL, r->what, 0);
	snprintf(path, sizeof path, "/call-flows?limit=200&search=%s", escaped ? escaped : "");
	curl_free(escaped);
	long status = request(r, path, NULL, &answer);
	json_t *json = status == 200 ? json_loads(buf_text(&answer), 0, NULL) : NULL, *flow;
	bool found = false;
	size_t i;
	json_array_foreach(json_object_get(json, "data"), i, flow) {
		const char *name = json_string_value(json_object_get(flow, "name"));
		if (name && strcmp(name, r->what) == 0) {
			snprintf(id, 64, "%s", json_string_value(json_object_get(flow, "id")));
			found = true;
		}
	}
	if (status != 200)
		refused(status, &answer);
	else if (!found)
		fprintf(stderr, "strowger: there is no call flow named '%s'\n", r->what);
	json_decref(json);
	buf_free(&answer);
	return found;
}

static int export_flow(const struct remote *r)
{
	struct buf answer = {0};
	char id[64], path[100];
	if (!find_flow(r, id))
		return 1;
	snprintf(path, sizeof path, "/call-flows/%.40s/export", id);
	long status = request(r, path, NULL, &answer);
	int result = status == 200 ? 0 : refused(status, &answer);
	if (status == 200)
		puts(buf_text(&answer));
	buf_free(&answer);
	return result;
}

static int import_flow(const struct remote *r)
{
	struct buf answer = {0};
	json_error_t err;
	json_t *document = json_load_file(r->what, 0, &err);
	char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
	json_decref(document);
	if (!text) {
		fprintf(stderr, "strowger: %s:%d:%d: %s\n", r->what, err.line, err.column, err.text);
		return 1;
	}
	long status = request(r, "/call-flows/import", text, &answer);
	json_t *made = status == 201 ? json_loads(buf_text(&answer), 0, NULL) : NULL;
	int result = made ? 0 : refused(status, &answer);
	if (made)
		printf("{\"id\":\"%s\",\"name\":\"%s\"}\n", json_string_value(json_object_get(made, "id")), json_string_value(json_object_get(made, "name")));
	json_decref(made);
	free(text);
	buf_free(&answer);
	return result;
}

int command_flow_remote(int argc, char **argv, bool import)
{
	static const struct argp_option options[] = {
		{"url", 'u', "URL", 0, "The server (default: http://127.0.0.1:8080, or STROWGER_URL)", 0},
		{"key", 'k', "KEY", 0, "An API key (default: STROWGER_API_KEY)", 0},
		{0},
	};
	struct remote r = {.url = getenv("STROWGER_URL"), .key = getenv("STROWGER_API_KEY"), .import = import};
	struct argp argp = {.options = options, .parser = parse, .args_doc = import ? "FILE" : "FLOW",
			    .doc = import ? "Make a call flow from an exported document; what it refers to is found by name." : "Print a call flow's draft, by its id or name, as a document for git or another organization."};
	if (argp_parse(&argp, argc, argv, 0, NULL, &r) != 0)
		return 2;
	if (!r.url)
		r.url = "http://127.0.0.1:8080";
	return import ? import_flow(&r) : export_flow(&r);
}
