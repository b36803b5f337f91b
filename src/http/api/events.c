/* The live feed: events as server-sent events (WHATWG HTML §9.2). */
#include "http/api/api.h"
#include "base/clock.h"
#include <stdlib.h>
#include <string.h>

#define TYPES_MAX 32
#define STREAM_MS 600000 /* then the client connects anew, and its key or session is asked again */

struct stream {
	struct feed_listener *listener;
	void *connection;
	int64_t until_ms;
	char call_id[40];
	struct buf out;
	size_t sent; /* of out */
	size_t type_count;
	char types[TYPES_MAX][80];
	const char *names[TYPES_MAX]; /* of types */
};

static bool is_wanted(const struct stream *s, const struct feed_item *item)
{
	const struct event_type *type = event_type_find(item->type), *newer = event_type_find(item->newer);
	if (*s->call_id && strcmp(s->call_id, item->about) != 0)
		return false;
	return type && event_types_take(s->names, s->type_count, type, newer);
}

static void take(void *arg, const struct feed_item *item)
{
	struct stream *s = arg;
	if (is_wanted(s, item))
		buf_printf(&s->out, "id: %s\nevent: %s\ndata: %s\n\n", item->id, item->type, item->text);
}

static void wait(void *arg)
{
	http_suspend_stream(((struct stream *)arg)->connection);
}

static void wake(void *arg)
{
	http_resume_stream(((struct stream *)arg)->connection);
}

/* Fill out with what there is to say. false: the end. */
static bool fill(struct stream *s)
{
	while (!s->out.len) {
		switch (feed_read(s->listener, take, wait, s)) {
		case FEED_ITEM:
			break;
		case FEED_MISSED:
			buf_add_str(&s->out, "event: reset\ndata: {}\n\n");
			break;
		case FEED_IDLE:
			buf_add_str(&s->out, ": nothing new\n\n");
			break;
		case FEED_WAIT:
			return true;
		case FEED_END:
			return false;
		}
		if (s->out.failed || clock_now_ms() > s->until_ms)
			return false;
	}
	return true;
}

static int64_t read_stream(void *arg, char *to, size_t room)
{
	struct stream *s = arg;
	if (!s->out.len && !fill(s))
		return -1;
	size_t n = s->out.len - s->sent;
	if (n > room)
		n = room;
	if (n)
		memcpy(to, buf_text(&s->out) + s->sent, n);
	s->sent += n;
	if (s->sent == s->out.len) {
		buf_reset(&s->out);
		s->sent = 0;
	}
	return (int64_t)n;
}

static void free_stream(void *arg)
{
	struct stream *s = arg;
	if (s->listener)
		feed_leave(s->listener);
	buf_free(&s->out);
	free(s);
}

/* None: all that "*" takes. */
static void read_types(struct stream *s, const char *text)
{
	if (!text || !*text)
		text = "*";
	while (*text && s->type_count < TYPES_MAX) {
		size_t n = strcspn(text, ",");
		snprintf(s->types[s->type_count], sizeof s->types[0], "%.*s", (int)(n < 79 ? n : 79), text);
		s->names[s->type_count] = s->types[s->type_count];
		s->type_count++;
		text += n + (text[n] == ',');
	}
}

static enum http_result refuse(struct http_request *r, enum feed_refusal why)
{
	static const char title[] = "Too many event streams";
	snprintf(r->retry_after, sizeof r->retry_after, "30");
	if (why == FEED_TOPIC_FULL)
		return http_problem(r, 429, title, "an organization may have 50 open: close some");
	return http_problem(r, 503, title, "this server has 500 open at most: try again in a while");
}

enum http_result api_events(struct http_request *r)
{
	const char *call = http_query(r, "call_id"), *last = http_header(r, "Last-Event-ID");
	struct stream *s = calloc(1, sizeof *s);
	if (!s)
		return http_problem(r, 503, "Out of memory", "try again shortly");
	s->connection = r->connection;
	s->until_ms = clock_now_ms() + STREAM_MS;
	snprintf(s->call_id, sizeof s->call_id, "%s", call ? call : "");
	read_types(s, http_query(r, "types"));
	buf_add_str(&s->out, "retry: 2000\n\n");
	enum feed_refusal why;
	const struct feed_request asked = {r->organization->id, r->actor, last};
	s->listener = feed_listen(r->organization->feed, &asked, wake, s, &why);
	if (!s->listener) {
		free_stream(s);
		return refuse(r, why);
	}
	feed_want(s->listener, event_types_named(s->names, s->type_count));
	return http_stream(r, "text/event-stream", read_stream, free_stream, s);
}
