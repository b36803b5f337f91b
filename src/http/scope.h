/* http/scope.h: the parts of the API that an API key may be limited to. Pure. */
#ifndef HTTP_SCOPE_H
#define HTTP_SCOPE_H

#include <stdbool.h>

/*
 * May a key with these scopes (NULL-terminated; none or NULL: no limit) ask for the path? What says
 * nothing of an organization, such as /event-types, is for all.
 */
bool scope_allows(const char *const *scopes, const char *path);

#endif
