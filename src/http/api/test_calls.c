/* What a browser needs to place a call to one of the organization's numbers. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/phone.h"
#include "call/ticket.h"
#include <string.h>

const struct field api_test_call_fields[] = {
	{"number", FIELD_E164, FIELD_REQUIRED, .help = "One of the organization's numbers, with a campaign."},
	{0},
};

/* Is it this organization's, with a campaign? */
static bool is_ours(const struct http_request *r, const char *number)
{
	const struct config_number *n = NULL;
	const struct organization *o = config_by_number(r->config->config, number, &n);
	bool ours = o && n->campaign && strcmp(o->id, r->organization->id) == 0;
	if (o)
		organization_release(o);
	return ours;
}

static bool run(struct store_conn *conn, struct http_request *r)
{
	char name[TICKET_NAME_SIZE], password[CRYPTO_HASH_SIZE], until[RFC3339_SIZE];
	const char *number = r->data;
	int64_t now = clock_now_ms() / 1000, expires = now + TICKET_SECONDS;
	ticket_name(expires, name);
	if (!ticket_password(config_key(r->config->config), name, r->organization->id, number, now, password) || !api_audit(conn, r, "test_call", number))
		return false;
	r->secrets[0] = "password";
	http_json(r, 201, json_pack("{s:s, s:s, s:s, s:s, s:s}", "websocket", r->config->websocket, "number", number, "username", name, "password", password,
				    "expires_at", clock_rfc3339(expires * 1000, until)));
	return true;
}

enum http_result api_test_call(struct http_request *r)
{
	struct errors errors = {0};
	struct schema_context context = {0};
	json_t *body = http_body_object(r);
	char number[PHONE_SIZE];
	if (!body)
		return HTTP_REPLY;
	schema_check(api_test_call_fields, body, "", &context, &errors);
	if (errors_any(&errors))
		return http_invalid(r, &errors);
	if (!r->config->websocket)
		return http_problem(r, 409, "Browsers cannot call here", "the server was started without --sip-websocket");
	if (!phone_normalize(json_string_value(json_object_get(body, "number")), r->organization->region, number) || !is_ours(r, number)) {
		errors_add(&errors, "/number", "is none of the organization's numbers that has a campaign");
		return http_invalid(r, &errors);
	}
	r->data = arena_strdup(&r->arena, number);
	r->run = run;
	return http_write(r);
}
