#include "media/ng.h"
#include <string.h>

#define OUR_TAG "strowger"
/* NULL sends in the clear what is called encrypted; F8 is not among what RFC 4568 has to be known. */
#define UNUSED_SUITES                                     \
	"no-NULL_HMAC_SHA1_80 no-NULL_HMAC_SHA1_32 " \
	"no-F8_128_HMAC_SHA1_80 no-F8_128_HMAC_SHA1_32"

/* ---- writing ---- */

static void put(struct buf *b, const char *text)
{
	buf_printf(b, "%zu:", strlen(text));
	buf_add_str(b, text);
}

static void put_pair(struct buf *b, const char *key, const char *value)
{
	put(b, key);
	put(b, value);
}

/* A list, of values with spaces between. */
static void put_list(struct buf *b, const char *key, const char *values)
{
	put(b, key);
	buf_add_char(b, 'l');
	for (size_t n; *values; values += n + (values[n] == ' ')) {
		n = strcspn(values, " ");
		buf_printf(b, "%zu:%.*s", n, (int)n, values);
	}
	buf_add_char(b, 'e');
}

void ng_write_sdp(struct buf *b, const struct ng_sdp *s)
{
	static const char *const protocols[] = {"RTP/AVP", "RTP/SAVP", "UDP/TLS/RTP/SAVPF"};
	bool ours_first = s->ours != s->answer; /* who made the offer */
	bool web = s->ours && s->security == NG_WEBRTC;
	buf_add_char(b, 'd');
	put_pair(b, "command", s->answer ? "answer" : "offer");
	put_pair(b, "call-id", s->call);
	put_pair(b, "from-tag", ours_first ? OUR_TAG : s->far_tag);
	if (s->answer || *s->far_tag)
		put_pair(b, "to-tag", ours_first ? s->far_tag : OUR_TAG);
	put_list(b, "replace", "origin session-connection");
	if (!s->answer) {
		put_pair(b, "transport-protocol", protocols[s->ours ? s->security : NG_RTP]);
		put_pair(b, "ICE", web ? "force" : "remove");
		put_list(b, "rtcp-mux", web ? "offer require" : "demux");
		if (s->ours && s->security == NG_SRTP) {
			put_pair(b, "DTLS", "off"); /* or both ways are offered */
			put_list(b, "SDES", UNUSED_SUITES);
		} else if (web)
			put_list(b, "SDES", "off");
	}
	put_pair(b, "sdp", s->text);
	buf_add_char(b, 'e');
}

void ng_write_delete(struct buf *b, const char *call)
{
	buf_add_char(b, 'd');
	put_pair(b, "command", "delete");
	put_pair(b, "call-id", call);
	buf_add_str(b, "12:delete-delayi1ee");
}

/* ---- reading ---- */

/* The text that begins here; its end in *at. NULL: none does. */
static const char *take_text(const char **at, const char *end, size_t *len)
{
	size_t n = 0;
	const char *p = *at;
	for (; p < end && *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (size_t)(*p - '0');
		if (n > (size_t)(end - *at))
			return NULL;
	}
	if (p == *at || p == end || *p != ':' || n > (size_t)(end - p - 1))
		return NULL;
	*len = n;
	*at = p + 1 + n;
	return p + 1;
}

/* Past a value of any kind. */
static bool skip(const char **at, const char *end)
{
	size_t depth = 0, len;
	do {
		if (*at == end)
			return false;
		char c = **at;
		if (c == 'd' || c == 'l') {
			depth++;
			++*at;
		} else if (c == 'e' && depth) {
			depth--;
			++*at;
		} else if (c == 'i') {
			const char *stop = memchr(*at, 'e', (size_t)(end - *at));
			if (!stop)
				return false;
			*at = stop + 1;
		} else if (!take_text(at, end, &len)) {
			return false;
		}
	} while (depth);
	return true;
}

bool ng_read_answer(const char *text, size_t len, struct ng_answer *out)
{
	const struct { const char *key, **value; size_t *len; } wanted[] = {
		{"result", &out->result, &out->result_len}, {"sdp", &out->sdp, &out->sdp_len}, {"error-reason", &out->reason, &out->reason_len},
	};
	const char *at = text, *end = text + len;
	*out = (struct ng_answer){0};
	if (at == end || *at++ != 'd')
		return false;
	while (at < end && *at != 'e') {
		size_t n, i = 0;
		const char *key = take_text(&at, end, &n);
		if (!key)
			return false;
		while (i < ARRAY_LEN(wanted) && !(strlen(wanted[i].key) == n && memcmp(wanted[i].key, key, n) == 0))
			i++;
		bool is_text = i < ARRAY_LEN(wanted) && at < end && *at >= '0' && *at <= '9';
		if (is_text ? !(*wanted[i].value = take_text(&at, end, wanted[i].len)) : !skip(&at, end))
			return false;
	}
	return at < end && at + 1 == end;
}
