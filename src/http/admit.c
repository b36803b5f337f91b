#include "http/admit.h"
#include "http/api/api.h"
#include <string.h>

/* Routes without authentication whose requests show a key of their own. */
static bool shows_known_key(struct http_request *r, const struct http_route *route)
{
	if (route->handle == api_incoming_hook)
		return api_incoming_key_known(r);
	return route->handle == api_inbound_rtb && api_inbound_rtb_known(r);
}

static bool changes_resource(const struct http_route *route)
{
	return route->handle == api_resource_create || route->handle == api_resource_patch ||
	       route->handle == api_resource_delete || route->handle == api_resource_restore;
}

static size_t largest_body(const struct http_request *r, const struct http_route *route)
{
	if (route->handle == api_prompt_upload)
		return BODY_UPLOAD_MAX;
	return strncmp(r->path, "/api/v1/call-flows", 18) == 0 ? BODY_FLOW_MAX : BODY_MAX;
}

void admit(struct http_request *r, const struct http_route *route, struct body *body)
{
	body->max = BODY_STRANGER_MAX;
	body->stranger = true;
	if (!route) {
		body->state = BODY_UNWANTED;
		return;
	}
	if (route->role == ROLE_NONE)
		body->stranger = !shows_known_key(r, route);
	else if (auth_check(r, route->role) &&
		 (!changes_resource(route) || api_resource_allowed(r, api_resource_kind(r))))
		body->stranger = false;
	else
		body->state = BODY_UNWANTED;
	if (!body->stranger)
		body->max = largest_body(r, route);
}
