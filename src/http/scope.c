#include "http/scope.h"
#include "base/result.h"
#include <string.h>

#define V1 "/api/v1/"

/* By the first part of the path. What is not here is configuration; "": for all keys. */
static const struct {
	const char *first, *scope;
} parts[] = {
	{"calls", "calls"},
	{"events", "calls"},
	{"recordings", "calls"},
	{"test-calls", "calls"},
	{"reports", "reports"},
	{"saved-views", "reports"},
	{"incoming-webhooks", "webhooks"},
	{"incoming-webhook-requests", "webhooks"},
	{"outgoing-webhooks", "webhooks"},
	{"outgoing-webhook-requests", "webhooks"},
	{"outgoing-webhook-presets", "webhooks"},
	{"custom-tags", "webhooks"},
	{"users", "administration"},
	{"api-keys", "administration"},
	{"audit-log", "administration"},
	{"organization", "administration"},
	{"sessions", "administration"},
	{"names", ""},
	{"system", ""},
	{"event-types", ""},
	{"node-types", ""},
	{"openapi.json", ""},
};

static const char *scope_of(const char *path)
{
	if (strncmp(path, V1, strlen(V1)) != 0)
		return "";
	const char *first = path + strlen(V1);
	size_t len = strcspn(first, "/");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strlen(parts[i].first) == len && strncmp(first, parts[i].first, len) == 0)
			return parts[i].scope;
	return "configuration";
}

bool scope_allows(const char *const *scopes, const char *path)
{
	const char *scope = scope_of(path);
	if (!scopes || !*scopes || !*scope)
		return true;
	for (; *scopes; scopes++)
		if (strcmp(*scopes, scope) == 0)
			return true;
	return false;
}
