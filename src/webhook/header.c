#include "webhook/header.h"
#include "base/result.h"
#include <strings.h>

bool header_is_secret(const char *name)
{
	static const char *const secret[] = {"authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"};
	for (size_t i = 0; i < ARRAY_LEN(secret); i++)
		if (strcasecmp(name, secret[i]) == 0)
			return true;
	return false;
}
