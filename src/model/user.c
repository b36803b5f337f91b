#include "model/resource.h"
#include <string.h>

static void check(json_t *doc, struct errors *errors)
{
	const char *email = json_string_value(json_object_get(doc, "email"));
	const char *at = email ? strchr(email, '@') : NULL;
	if (email && (!at || at == email || !at[1] || strpbrk(email, " \t\r\n")))
		errors_add(errors, "/email", "must be an e-mail address");
}

const struct resource_kind resource_user = {
	.kind = "user", .path = "users", .prefix = "usr", .title = "User", .lookup = "email", .check = check, .admin_only = true,
	.help = "Signs in to the portal.",
	.fields = (const struct field[]){
		{"name", FIELD_STRING, .max = 100},
		{"email", FIELD_STRING, FIELD_REQUIRED, .min = 3, .max = 200, .title = "Email",
		 .help = "Used to sign in."},
		{"role", FIELD_ENUM,
		 .choices = (const char *const[]){"owner", "admin", "manager", "analyst", NULL},
		 .initial = "\"manager\"",
		 .help = "Analysts read, managers change configuration, admins and owners also "
			 "manage users, keys and trunks."},
		{"password", FIELD_STRING, FIELD_SECRET, .min = 10, .max = 200,
		 .help = "At least 10 characters; stored as an argon2id hash."},
		{0},
	},
};
