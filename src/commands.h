/* commands.h: the subcommands; each returns the exit status. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "base/result.h"
#include <stdbool.h>
#include <stddef.h>

struct organization_options {
	const char *data, *name, *email, *password_file, *database;
};

int command_organization(const struct organization_options *o, bool create);
/* Set the password of the user with this e-mail address, and end the user's sessions. */
int command_password(const struct organization_options *o);
/* The file's first line. false: it cannot be read, or is no good password for this user. */
bool password_read_file(const char *file, const char *email, char *out, size_t size, struct error *err) WARN_UNUSED;
int command_serve(int argc, char **argv);
int command_call(int argc, char **argv);
int command_flow(int argc, char **argv);
int command_flow_remote(int argc, char **argv, bool import); /* import and export */

#endif
