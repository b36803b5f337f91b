/* Every request of real-time bidding: who asked, what was answered, and why. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/money.h"
#include <string.h>

/* Of the document, also in the list. */
static const char *const listed[] = {"address", "detail", "target_id", "http_status", "latency_ms", "ring_tree_id", "notice"};

#define COLUMNS "id, direction, resource_id, campaign_id, publisher_id, caller_id, number, call_id, status, reason, amount, received_at, COALESCE(expires_at, 0), doc"
#define REQUESTS(condition) "SELECT " COLUMNS " FROM rtb_requests WHERE organization_id = $1 AND id < $2 AND id >= $3 AND ($4 = '' OR status = $4) AND " condition " ORDER BY id DESC LIMIT $6"
/* more: a condition beside, with AND before it */
#define WAYS(more) { \
	{"call_id", REQUESTS("call_id = $5" more)}, \
	{"caller_id", REQUESTS("caller_id = $5" more)}, \
	{"inbound_rtb_id", REQUESTS("resource_id = $5" more)}, \
	{"rtb_target_id", REQUESTS("resource_id = $5" more)}, \
	{"publisher_id", REQUESTS("publisher_id = $5" more)}, \
	{"campaign_id", REQUESTS("campaign_id = $5" more)}, \
	{NULL, REQUESTS("$5 = ''" more)}, \
}

static json_t *request_json(const struct store_rows *rows, size_t i, bool whole)
{
	static const char *const texts[] = {"id", "direction", "resource_id", "campaign_id", "publisher_id", "caller_id", "number", "call_id", "status", "reason"};
	char time[RFC3339_SIZE], payout[MONEY_SIZE];
	json_t *out = json_object(), *doc = json_loads(rows_text(rows, i, 13), 0, NULL);
	for (size_t k = 0; k < ARRAY_LEN(texts); k++)
		json_object_set_new(out, texts[k], rows_text(rows, i, k) ? json_string(rows_text(rows, i, k)) : json_null());
	bool inbound = strcmp(rows_text(rows, i, 1), "inbound") == 0, bids = inbound ? !rows_text(rows, i, 9) : json_is_true(json_object_get(doc, "bid"));
	json_object_del(doc, "bid");
	json_object_del(out, "resource_id");
	json_object_set_new(out, "inbound_rtb_id", inbound ? json_string(rows_text(rows, i, 2)) : json_null());
	json_object_set_new(out, "rtb_target_id", inbound ? json_null() : json_string(rows_text(rows, i, 2)));
	json_object_set_new(out, "payout", inbound && bids ? json_string(money_format(rows_int(rows, i, 10), payout)) : json_null());
	json_object_set_new(out, "bid", !inbound && bids ? json_string(money_format(rows_int(rows, i, 10), payout)) : json_null());
	json_object_set_new(out, "received_at", json_string(clock_rfc3339(rows_int(rows, i, 11), time)));
	json_object_set_new(out, "expires_at", rows_int(rows, i, 12) ? json_string(clock_rfc3339(rows_int(rows, i, 12), time)) : json_null());
	bool sealed = json_is_string(json_object_get(doc, "sealed"));
	json_object_del(doc, "sealed");
	for (size_t k = 0; !whole && k < ARRAY_LEN(listed); k++)
		json_object_set(out, listed[k], json_object_get(doc, listed[k]) ? json_object_get(doc, listed[k]) : json_null());
	if (whole) {
		json_object_update_missing(out, doc);
		json_object_set_new(out, "data_sealed", json_boolean(sealed));
	}
	json_decref(doc);
	return out;
}

enum http_result api_rtb_requests(struct http_request *r)
{
	static const struct api_narrowing any[] = WAYS(""), inbound[] = WAYS(" AND direction = 'inbound'"), outbound[] = WAYS(" AND direction = 'outbound'");
	const char *direction = http_query(r, "direction");
	bool in = direction && strcmp(direction, "inbound") == 0, out = direction && strcmp(direction, "outbound") == 0;
	if (direction && *direction && !in && !out)
		return http_problem(r, 400, "Unreadable parameter", "direction must be inbound or outbound");
	return api_request_list(r, "rtq", in ? inbound : out ? outbound : any, request_json);
}

enum http_result api_rtb_request(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	if (!conn)
		return HTTP_REPLY;
	struct store_rows *rows = store_query(conn, "SELECT " COLUMNS " FROM rtb_requests WHERE id = $1 AND organization_id = $2", "ss", r->params[0], r->organization->id);
	if (rows_count(rows) == 1)
		http_json(r, 200, request_json(rows, 0, true));
	else
		http_problem(r, 404, "There is no such request", "no RTB request has the id %.60s", r->params[0]);
	rows_free(rows);
	return HTTP_REPLY;
}
