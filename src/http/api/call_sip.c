/* The SIP messages of a call: as JSON for a ladder, and as a capture file. */
#include "http/api/api.h"
#include "base/clock.h"
#include "call/ladder.h"
#include "sip/pcap.h"
#include "sip/text.h"
#include <stdlib.h>
#include <string.h>

/* One piece as it is stored, appended to `all`. false: the rest was left out. */
static bool read_piece(json_t *all, const char *piece)
{
	char transport[8], local[80], remote[80], direction;
	long long at;
	size_t len;
	int head;
	while (sscanf(piece, "%lld %c %7s %79s %79s %zu%n", &at, &direction, transport, local, remote, &len, &head) == 6) {
		const char *text = piece + head + 1;
		if (piece[head] != '\n' || strnlen(text, len) < len)
			return true;
		json_array_append_new(all, json_pack("{s:I, s:b, s:s, s:s, s:s, s:s%}", "at", (json_int_t)at, "sent", direction == '>', "transport", transport, "local", local, "remote", remote, "text", text, len));
		piece = text + len;
	}
	return strncmp(piece, LADDER_LEFT_OUT, strlen(LADDER_LEFT_OUT)) != 0;
}

/* All of them, oldest first; NULL after an answer was set. */
static json_t *read_messages(struct http_request *r, bool *left_out)
{
	struct store_conn *conn = http_reader(r);
	struct store_rows *call = conn ? store_query(conn, "SELECT 1 FROM calls WHERE id = $1 AND organization_id = $2", "ss", r->params[0], r->organization->id) : NULL;
	struct store_rows *rows = call ? store_query(conn, "SELECT messages FROM call_sip WHERE organization_id = $1 AND call_id = $2 ORDER BY piece", "ss", r->organization->id, r->params[0]) : NULL;
	json_t *all = rows && rows_count(call) ? json_array() : NULL;
	if (conn && !rows)
		http_problem(r, 503, "The database could not be read", "try again shortly");
	else if (conn && !all)
		api_no_call(r);
	*left_out = false;
	for (size_t i = 0; all && i < rows_count(rows); i++)
		*left_out |= !read_piece(all, rows_text(rows, i, 0));
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
	const char *text = text_of(m, "text"), *line_end = text + strcspn(text, "\r\n");
	size_t len = strlen(text), n = 0;
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
	bool left_out;
	json_t *all = read_messages(r, &left_out), *m;
	char at[RFC3339_SIZE];
	size_t i;
	json_array_foreach(all, i, m) {
		json_object_set_new(m, "at", json_string(clock_rfc3339(json_integer_value(json_object_get(m, "at")), at)));
		describe(m);
	}
	return all ? http_json(r, 200, json_pack("{s:s, s:o, s:b, s:i}", "call_id", r->params[0], "data", all, "left_out", left_out, "retention_days", r->organization->sip_retention_days)) : HTTP_REPLY;
}

enum http_result api_call_pcap(struct http_request *r)
{
	bool left_out;
	json_t *all = read_messages(r, &left_out), *m;
	struct buf out = {0};
	size_t i;
	if (!all)
		return HTTP_REPLY;
	pcap_begin(&out);
	json_array_foreach(all, i, m) {
		bool sent = json_is_true(json_object_get(m, "sent"));
		const char *local = text_of(m, "local"), *remote = text_of(m, "remote");
		const char *text = text_of(m, "text");
		(void)pcap_add(&out, json_integer_value(json_object_get(m, "at")), sent ? local : remote, sent ? remote : local, text, strlen(text));
	}
	json_decref(all);
	http_text(r, 200, &out);
	r->content_type = "application/vnd.tcpdump.pcap";
	snprintf(r->disposition, sizeof r->disposition, "attachment; filename=\"%.60s.pcap\"", r->params[0]);
	return HTTP_REPLY;
}
