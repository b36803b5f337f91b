/* The command line: which subcommand, and the small ones. */
#include "commands.h"
#include "base/clock.h"
#include "flow/simulate.h"
#include "script/flow.h"
#include <argp.h>
#include <stdlib.h>
#include <string.h>

static error_t parse_organization(int key, char *argument, struct argp_state *state)
{
	struct organization_options *o = state->input;
	switch (key) {
	case 'd':
		o->data = argument;
		return 0;
	case 'n':
		o->name = argument;
		return 0;
	case 'e':
		o->email = argument;
		return 0;
	case 'p':
		o->password_file = argument;
		return 0;
	case 'b':
		o->database = argument;
		return 0;
	case ARGP_KEY_END:
		if (!o->data || !o->name || !o->email)
			argp_error(state, "--data, --organization (or --name) and --email are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int organization(int argc, char **argv, bool create)
{
	static const struct argp_option options[] = {
		{"data", 'd', "DIR", 0, "Data directory", 0},
		{"organization", 'n', "NAME", 0, "The organization's name", 0},
		{"name", 'n', "NAME", OPTION_ALIAS, NULL, 0},
		{"email", 'e', "ADDRESS", 0, "The owner's e-mail address", 0},
		{"password-file", 'p', "FILE", 0, "The owner's password for the portal is this file's first line", 0},
		{"database", 'b', "URL", 0, "postgres://… instead of SQLite", 0},
		{0},
	};
	struct organization_options o = {.database = getenv("STROWGER_DATABASE")};
	struct argp argp = {.options = options, .parser = parse_organization, .doc = create ? "Create a data directory with its database and first organization." : "Add another organization."};
	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return 2;
	return command_organization(&o, create);
}

static int password(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"data", 'd', "DIR", 0, "Data directory", 0},
		{"email", 'e', "ADDRESS", 0, "The user's e-mail address", 0},
		{"password-file", 'p', "FILE", 0, "The new password is this file's first line", 0},
		{"database", 'b', "URL", 0, "postgres://… instead of SQLite", 0},
		{0},
	};
	struct organization_options o = {.name = "", .database = getenv("STROWGER_DATABASE")};
	struct argp argp = {
		.options = options,
		.parser = parse_organization,
		.doc = "Set a user's password, and end the user's sessions. A running server goes on.",
	};
	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return 2;
	if (o.password_file)
		return command_password(&o);
	fputs("strowger password: --password-file is needed\n", stderr);
	return 2;
}

/* A file alone does not know the organization's tags: every name is one, of type string. */
#define FILE_TAGS_MAX 1000
struct file_tags {
	size_t count;
	char *names[FILE_TAGS_MAX];
};

static int any_tag(void *arg, const char *name, size_t len)
{
	struct file_tags *tags = arg;
	for (size_t i = 0; i < tags->count; i++)
		if (strlen(tags->names[i]) == len && strncasecmp(tags->names[i], name, len) == 0)
			return (int)i;
	if (tags->count == FILE_TAGS_MAX || !(tags->names[tags->count] = strndup(name, len)))
		return -1;
	return (int)tags->count++;
}

static struct flow_tag tag_at(void *arg, size_t slot)
{
	return (struct flow_tag){((struct file_tags *)arg)->names[slot], &value_type_string, false};
}

static const char *tag_name(void *arg, size_t slot)
{
	return ((struct file_tags *)arg)->names[slot];
}

/* Scripts are compiled and run as on calls. */
struct file_scripts {
	struct script_pool *pool;
	struct script_budget budget;
	struct flow_scripts scripts;
};

static const struct flow_scripts *open_scripts(struct file_scripts *f)
{
	struct error err;
	f->pool = script_pool_create(NULL, &err);
	if (!f->pool) {
		fprintf(stderr, "strowger: scripts are not checked: %s\n", err.text);
		return NULL;
	}
	script_budget_begin(&f->budget, f->pool, NULL);
	f->scripts = script_flow_scripts(&f->budget);
	return &f->scripts;
}

static void free_tags(struct file_tags *tags)
{
	for (size_t i = 0; i < tags->count; i++)
		free(tags->names[i]);
}

static json_t *load(const char *path)
{
	json_error_t err;
	json_t *json = json_load_file(path, 0, &err);
	if (!json)
		fprintf(stderr, "strowger: %s:%d:%d: %s\n", path, err.line, err.column, err.text);
	return json;
}

static int flow_check(const char *path)
{
	json_t *document = load(path), *problems = json_array(), *p;
	struct file_tags tags = {0};
	size_t i;
	if (!document) {
		json_decref(problems);
		return 1;
	}
	struct file_scripts scripts;
	struct flow_context context = {.tag = any_tag, .arg = &tags, .scripts = open_scripts(&scripts)};
	struct flow *flow = flow_compile(document, &context, problems);
	script_pool_free(scripts.pool);
	json_array_foreach(problems, i, p)
		printf("%s: %s %s%s%s: %s\n", path, json_string_value(json_object_get(p, "severity")), json_string_value(json_object_get(p, "code")), json_is_string(json_object_get(p, "node")) ? " in node " : "",
		       json_is_string(json_object_get(p, "node")) ? json_string_value(json_object_get(p, "node")) : "", json_string_value(json_object_get(p, "detail")));
	bool ok = flow != NULL;
	printf("%s: %s\n", path, ok ? "ok" : "has errors");
	flow_free(flow);
	free_tags(&tags);
	json_decref(problems);
	json_decref(document);
	return ok ? 0 : 1;
}

static bool read_script(const char *path, json_t **script)
{
	struct errors errors = {0};
	struct schema_context context = {0};
	char now[RFC3339_SIZE];
	json_t *e;
	size_t i;
	*script = path ? load(path) : json_object();
	if (!*script)
		return false;
	schema_check(flow_simulate_fields, *script, "", &context, &errors);
	json_array_foreach(errors.list, i, e)
		fprintf(stderr, "strowger: %s: %s %s\n", path ? path : "the script", json_string_value(json_object_get(e, "pointer")), json_string_value(json_object_get(e, "detail")));
	if (!json_is_string(json_object_get(*script, "at")))
		json_object_set_new(*script, "at", json_string(clock_rfc3339(clock_now_ms(), now)));
	bool ok = !errors_any(&errors);
	errors_free(&errors);
	return ok;
}

static int flow_simulate_file(const char *path, const char *script_path)
{
	json_t *document = load(path), *script = NULL, *report = NULL, *problems = json_array();
	struct file_tags tags = {0};
	const char *name;
	json_t *value;
	struct flow *flow = NULL;
	if (document && read_script(script_path, &script)) {
		struct file_scripts scripts;
		json_object_foreach(json_object_get(script, "tags"), name, value)
			(void)any_tag(&tags, name, strlen(name));
		struct flow_context context = {.tag = any_tag, .arg = &tags, .tag_count = tags.count, .tag_name = tag_name, .scripts = open_scripts(&scripts)};
		if ((flow = flow_compile(document, &context, problems))) {
			struct flow_world world = {
				.flow = flow,
				.tag_count = tags.count,
				.tag = tag_at,
				.arg = &tags,
				.scripts = context.scripts,
				.spent = context.scripts ? script_budget_spent : NULL,
				.budget = &scripts.budget,
			};
			report = flow_simulate(&world, script);
		} else {
			fprintf(stderr, "strowger: %s has errors; 'strowger flow check' tells them\n", path);
		}
		script_pool_free(scripts.pool);
	}
	if (report && json_dumpf(report, stdout, JSON_INDENT(1)) == 0)
		puts("");
	bool ok = report != NULL;
	json_decref(report);
	flow_free(flow);
	free_tags(&tags);
	json_decref(problems);
	json_decref(script);
	json_decref(document);
	return ok ? 0 : 1;
}

int command_flow(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "check") == 0)
		return flow_check(argv[2]);
	if (argc == 2 && strcmp(argv[1], "node-types") == 0) {
		json_t *types = flow_node_types_json();
		bool ok = json_dumpf(types, stdout, JSON_INDENT(1)) == 0;
		puts("");
		json_decref(types);
		return ok ? 0 : 1;
	}
	if ((argc == 3 || argc == 4) && strcmp(argv[1], "simulate") == 0)
		return flow_simulate_file(argv[2], argv[3]);
	if (argc >= 2 && (strcmp(argv[1], "import") == 0 || strcmp(argv[1], "export") == 0))
		return command_flow_remote(argc - 1, argv + 1, argv[1][0] == 'i');
	fprintf(stderr, "usage: strowger flow check FILE\n"
			"       strowger flow node-types               descriptors of all node types, as JSON\n"
			"       strowger flow simulate FILE [SCRIPT]   what POST /call-flows/{id}/simulate takes and answers\n"
			"       strowger flow export FLOW              a flow of a running server, by id or name, as a document\n"
			"       strowger flow import FILE              make a flow of such a document\n");
	return 2;
}

static int usage(FILE *to, int status)
{
	fputs("usage: strowger COMMAND …\n\n"
	      "  init               make a data directory with its first organization\n"
	      "  organization add   add another organization\n"
	      "  password           set a user's password\n"
	      "  serve              run the call platform\n"
	      "  call SIP-URI       place a test call\n"
	      "  flow check FILE    check a call-flow document\n"
	      "  flow simulate FILE run one without a phone\n"
	      "  flow export FLOW   print a flow of a running server as a document\n"
	      "  flow import FILE   make a flow of such a document\n"
	      "  flow node-types    print the descriptors of all node types\n"
	      "  version            print the version\n\n"
	      "'strowger COMMAND --help' explains each.\n", to);
	return status;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	if (strcmp(command, "init") == 0)
		return organization(argc - 1, argv + 1, true);
	if (strcmp(command, "organization") == 0 && argc > 2 && strcmp(argv[2], "add") == 0)
		return organization(argc - 2, argv + 2, false);
	if (strcmp(command, "password") == 0)
		return password(argc - 1, argv + 1);
	if (strcmp(command, "serve") == 0)
		return command_serve(argc - 1, argv + 1);
	if (strcmp(command, "call") == 0)
		return command_call(argc - 1, argv + 1);
	if (strcmp(command, "flow") == 0)
		return command_flow(argc - 1, argv + 1);
	if (strcmp(command, "version") == 0 || strcmp(command, "--version") == 0) {
		puts("strowger " STROWGER_VERSION);
		return 0;
	}
	if (strcmp(command, "help") == 0 || strcmp(command, "--help") == 0)
		return usage(stdout, 0);
	return usage(stderr, 2);
}
