/*
 * What goes over the wire. sofia's transport logs each message, line by line, through su_log(), and that
 * is the only place where all of them pass: repeated ones, and those that nta sends by itself. Here its
 * lines are put together again. A thread has one agent at most.
 */
#include "sip/agent.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "sip/text.h"
#include <sofia-sip/su_log.h>
#include <stdlib.h>
#include <string.h>

struct wire {
	struct sip_agent *agent;
	bool open; /* between the frames around a message */
	bool sent;
	int64_t at_ms;
	char transport[8], remote[80];
	struct buf text;
};

static _Thread_local struct wire *here;

/* "recv 314 bytes from udp/[127.0.0.1]:42984 at 10:10:35.530631:\n" */
static bool read_stamp(struct wire *w, const char *stamp)
{
	const char *slash = strchr(stamp, '/'), *to = slash ? strchr(slash, ']') : NULL, *stop = to ? strchr(to, ' ') : NULL, *from = slash;
	if (!stop || slash[1] != '[' || to[1] != ':')
		return false;
	while (from > stamp && from[-1] != ' ')
		from--;
	bool six = memchr(slash + 2, ':', (size_t)(to - slash - 2)) != NULL;
	w->sent = *stamp == 's';
	w->at_ms = clock_now_ms();
	snprintf(w->transport, sizeof w->transport, "%.*s", (int)(slash - from), from);
	if (six)
		snprintf(w->remote, sizeof w->remote, "%.*s", (int)(stop - slash - 1), slash + 1);
	else
		snprintf(w->remote, sizeof w->remote, "%.*s%.*s", (int)(to - slash - 2), slash + 2, (int)(stop - to - 1), to + 1);
	buf_reset(&w->text);
	return true;
}

static const char *own_address(const struct sip_agent *a, const char *transport, bool six, char out[80])
{
	strcpy(out, "-");
	for (const sip_via_t *v = nta_agent_via(a->nta); v; v = v->v_next) {
		if (strcasecmp(sip_transports[sip_transport_of_via(v)], transport) == 0 && (strchr(v->v_host, ':') != NULL) == six) {
			snprintf(out, 80, "%s:%s", v->v_host, v->v_port ? v->v_port : "5060");
			return out;
		}
	}
	return out;
}

static void tell(struct wire *w)
{
	struct sip_agent *a = w->agent;
	char own[80];
	size_t n;
	const char *call_id = w->text.failed ? NULL : sip_text_header(buf_text(&w->text), w->text.len, "Call-ID", 'i', &n);
	if (!call_id)
		return;
	a->config.message(a->config.arg, &(struct sip_message){w->sent, w->at_ms, w->transport, w->remote, own_address(a, w->transport, w->remote[0] == '[', own), call_id, n, buf_text(&w->text), w->text.len});
}

/* sofia's own words otherwise. */
static void say(char const *fmt, va_list ap)
{
	char text[512];
	vsnprintf(text, sizeof text, fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug("sofia", "%s", text);
}

/* The formats are those of tport_log_msg(): a frame after the stamp, "%s%.*s" and "\n" for each line, a frame. */
static void take(void *stream, char const *fmt, va_list ap)
{
	struct wire *w = here;
	(void)stream;
	if (w && strncmp(fmt, "%s   ---", 8) == 0) {
		const char *stamp = va_arg(ap, const char *);
		if (w->open)
			tell(w);
		w->open = !w->open && read_stamp(w, stamp);
	} else if (w && w->open && strcmp(fmt, "%s%.*s") == 0) {
		(void)va_arg(ap, const char *); /* how far it is indented */
		int n = va_arg(ap, int);
		buf_add(&w->text, va_arg(ap, const char *), n > 0 ? (size_t)n : 0);
	} else if (w && w->open && strcmp(fmt, "\n") == 0) {
		buf_add(&w->text, "\r\n", 2);
	} else {
		say(fmt, ap);
	}
}

bool sip_wire_open(struct sip_agent *a)
{
	su_log_redirect(NULL, take, NULL);
	su_log_set_level(NULL, 0);
	if (!a->config.message)
		return true;
	a->wire = here = calloc(1, sizeof *here);
	if (!here)
		return false;
	here->agent = a;
	here->text.limit = SIP_MESSAGE_MAX;
	return true;
}

void sip_wire_close(struct sip_agent *a)
{
	if (!a->wire)
		return;
	here = NULL;
	buf_free(&a->wire->text);
	free(a->wire);
	a->wire = NULL;
}
