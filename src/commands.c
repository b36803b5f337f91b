/* The command line: which subcommand, and the small ones. */
#include "commands.h"
#include "flow/flow.h"
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

static int any_tag(void *arg, const char *name, size_t len)
{
	(void)arg, (void)name, (void)len;
	return 0; /* a file alone does not know the organization's tags */
}

static int flow_check(const char *path)
{
	json_error_t err;
	json_t *document = json_load_file(path, 0, &err), *problems = json_array(), *p;
	size_t i;
	if (!document) {
		fprintf(stderr, "strowger: %s:%d:%d: %s\n", path, err.line, err.column, err.text);
		return 1;
	}
	struct flow_context context = {.tag = any_tag, .tag_count = 1};
	struct flow *flow = flow_compile(document, &context, problems);
	json_array_foreach(problems, i, p)
		printf("%s: %s %s%s%s: %s\n", path, json_string_value(json_object_get(p, "severity")), json_string_value(json_object_get(p, "code")), json_is_string(json_object_get(p, "node")) ? " in node " : "",
		       json_is_string(json_object_get(p, "node")) ? json_string_value(json_object_get(p, "node")) : "", json_string_value(json_object_get(p, "detail")));
	bool ok = flow != NULL;
	printf("%s: %s\n", path, ok ? "ok" : "has errors");
	flow_free(flow);
	json_decref(problems);
	json_decref(document);
	return ok ? 0 : 1;
}

int command_flow(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "check") == 0)
		return flow_check(argv[2]);
	fprintf(stderr, "usage: strowger flow check FILE\n");
	return 2;
}

static int usage(FILE *to, int status)
{
	fputs("usage: strowger COMMAND …\n\n"
	      "  init               make a data directory with its first organization\n"
	      "  organization add   add another organization\n"
	      "  serve              run the call platform\n"
	      "  call SIP-URI       place a test call\n"
	      "  flow check FILE    check a call-flow document\n"
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
