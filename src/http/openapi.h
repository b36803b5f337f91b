/* http/openapi.h: OpenAPI 3.1 of everything, from the tables that validate and route. */
#ifndef HTTP_OPENAPI_H
#define HTTP_OPENAPI_H

#include <jansson.h>

json_t *openapi_document(void); /* new reference */

#endif
