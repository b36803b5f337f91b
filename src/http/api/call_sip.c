/* The SIP messages of a call: as JSON for a ladder, and as a capture file. */
#include "http/api/api.h"
#include "base/clock.h"
#include "sip/pcap.h"
#include "sip/text.h"
#include <stdlib.h>
#include <string.h>

/* All of them, oldest first, as they were stored; NULL after an answer was set. */
static json_t *read_messages(struct http_request *r)
{
	struct store_conn *conn = http_reader(r);
	struct store_rows *call = conn ? store_query(conn, "SELECT 1 FROM calls WHERE id = $1 AND organization_id = $2", "ss", r->params[0], r->organization->id) : NULL;
	struct store_rows *rows = call ? store_query(conn, "SELECT messages FROM call_sip WHERE organization_id = $1 AND call_id = $2 ORDER BY piece", "ss", r->organization->id, r->params[0]) : NULL;
	json_t *all = rows && rows_count(call) ? json_array() : NULL;
	if (conn && !rows)
		http_problem(r, 503, "The database could not be read", "try again shortly");
	else if (conn && !all)
		http_problem(r, 404, "There is no such call", "no call has the id %.60s", r->params[0]);
	for (size_t i = 0; all && i < rows_count(rows); i++) {
		json_t *piece = json_loads(rows_text(rows, i, 0), JSON_ALLOW_NUL, NULL);
		json_array_extend(all, piece);
		json_decref(piece);
	}
	rows_free(call);
	rows_free(rows);
	return all;
}

static const char *text_of(json_t *m, const char *name)
{
	const char *text = json_string_value(json_object_get(m, name));
	return text ? text : "";
}

static void set_part(json_t *m, const char *name, const char *text, size_t len)
{
	json_object_set_new(m, name, text && len ? json_stringn(text, len) : json_null());
}

/* What its first line and CSeq say. */
static void describe(json_t *m)
{
	json_t *whole = json_object_get(m, "text");
	const char *text = text_of(m, "text"), *line_end = text + strcspn(text, "\r\n");
	size_t len = json_string_length(whole), n = 0;
	bool answer = strncmp(text, "SIP/2.0 ", 8) == 0;
	const char *cseq = sip_text_header(text, len, "CSeq", '\0', &n), *method = answer && cseq ? memchr(cseq, ' ', n) : NULL;
	if (answer)
		set_part(m, "method", method ? method + 1 : NULL, method ? n - (size_t)(method + 1 - cseq) : 0);
	else
		set_part(m, "method", text, strcspn(text, " \r\n"));
	json_object_set_new(m, "status", answer ? json_integer(strtol(text + 8, NULL, 10)) : json_null());
	set_part(m, "reason", text + 12, answer && line_end > text + 12 ? (size_t)(line_end - text - 12) : 0);
	set_part(m, "cseq", cseq, cseq ? strcspn(cseq, " \t\r\n") : 0);
	const char *call_id = sip_text_header(text, len, "Call-ID", 'i', &n);
	set_part(m, "sip_call_id", call_id, call_id ? n : 0);
	const char *type = sip_text_header(text, len, "Content-Type", 'c', &n);
	set_part(m, "content_type", type, type ? n : 0);
}

enum http_result api_call_sip(struct http_request *r)
{
	json_t *all = read_messages(r), *data = json_array(), *m;
	bool left_out = false;
	char at[RFC3339_SIZE];
	size_t i;
	json_array_foreach(all, i, m) {
		if (json_is_true(json_object_get(m, "left_out"))) {
			left_out = true;
			continue;
		}
		json_object_set_new(m, "at", json_string(clock_rfc3339(json_integer_value(json_object_get(m, "at")), at)));
		describe(m);
		json_array_append(data, m);
	}
	bool ok = all != NULL;
	json_decref(all);
	if (ok)
		return http_json(r, 200, json_pack("{s:s, s:o, s:b, s:i}", "call_id", r->params[0], "data", data, "left_out", left_out, "retention_days", r->organization->sip_retention_days));
	json_decref(data);
	return HTTP_REPLY;
}

enum http_result api_call_pcap(struct http_request *r)
{
	json_t *all = read_messages(r), *m;
	struct buf out = {0};
	size_t i;
	if (!all)
		return HTTP_REPLY;
	pcap_begin(&out);
	json_array_foreach(all, i, m) {
		bool sent = json_is_true(json_object_get(m, "sent"));
		const char *local = text_of(m, "local"), *remote = text_of(m, "remote");
		json_t *text = json_object_get(m, "text");
		if (text)
			(void)pcap_add(&out, json_integer_value(json_object_get(m, "at")), sent ? local : remote, sent ? remote : local, json_string_value(text), json_string_length(text));
	}
	json_decref(all);
	http_text(r, 200, &out);
	r->content_type = "application/vnd.tcpdump.pcap";
	snprintf(r->disposition, sizeof r->disposition, "attachment; filename=\"%.60s.pcap\"", r->params[0]);
	return HTTP_REPLY;
}
