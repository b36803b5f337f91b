/* commands.h: the subcommands; each returns the exit status. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdbool.h>

struct organization_options {
	const char *data, *name, *email, *password_file, *database;
};

int command_organization(const struct organization_options *o, bool create);
int command_serve(int argc, char **argv);
int command_call(int argc, char **argv);
int command_flow(int argc, char **argv);
int command_flow_remote(int argc, char **argv, bool import); /* import and export */

#endif
