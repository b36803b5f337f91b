/*
 * What goes over the wire. sofia's transport gives each message to tport_log_msg(), and that is the only
 * place where all of them pass: repeated ones, and those that nta sends by itself. The function here takes
 * the place of the library's own, which would log them line by line (docs/decisions/0015).
 */
#include "sip/agent.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/network.h"
#include "sip/keepalive.h"
#include "sip/text.h"
#include <dlfcn.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_buffer.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/tport.h>
#include <stdlib.h>
#include <string.h>

#define PARTS_MAX 512 /* of one message: a header is one at most */

struct wire {
	struct sip_agent *agent;
	struct buf text, remote, own; /* of the message that passes */
};

static _Thread_local struct wire *here; /* a thread has one agent at most */

/* "192.0.2.1:5060", "[2001:db8::1]:5060"; returns whether it is IPv6. */
static bool write_remote(struct buf *b, const struct sockaddr *address)
{
	char host[ADDRESS_SIZE];
	bool six = strchr(address_text(address, host), ':') != NULL;
	buf_reset(b);
	buf_add_str(b, six ? "[" : "");
	buf_add_str(b, host);
	buf_add_str(b, six ? "]:" : ":");
	buf_add_int(b, address_port(address));
	return six;
}

static void write_own(struct buf *b, const struct sip_agent *a, const char *transport, bool six)
{
	buf_reset(b);
	for (const sip_via_t *v = nta_agent_via(a->nta); v; v = v->v_next) {
		if (strcasecmp(sip_transports[sip_transport_of_via(v)], transport) != 0 || (strchr(v->v_host, ':') != NULL) != six)
			continue;
		buf_add_str(b, v->v_host);
		buf_add_char(b, ':');
		buf_add_str(b, v->v_port ? v->v_port : "5060");
		return;
	}
	buf_add_char(b, '-');
}

static void read_text(struct buf *b, msg_t *msg)
{
	msg_iovec_t parts[PARTS_MAX];
	size_t n = msg_iovec(msg, parts, PARTS_MAX);
	buf_reset(b);
	b->failed = n > PARTS_MAX;
	for (size_t i = 0; i < n && i < PARTS_MAX; i++)
		buf_add(b, parts[i].mv_base, parts[i].mv_len);
}

/* what: "recv" or "send"; via: "from" or "to". sofia's own declaration of it is in a header that it keeps to itself. */
void tport_log_msg(tport_t *tport, msg_t *msg, char const *what, char const *via, su_time_t now);

void tport_log_msg(tport_t *tport, msg_t *msg, char const *what, char const *via, su_time_t now)
{
	struct wire *w = here;
	(void)via;
	(void)now;
	if (!w)
		return;
	struct sip_agent *a = w->agent;
	bool sent = *what == 's';
	size_t n;
	a->received += !sent;
	if (!sent)
		sip_visitor_heard(a, &msg_addr(msg)->su_sa);
	read_text(&w->text, msg);
	const char *call_id = w->text.failed ? NULL : sip_text_header(buf_text(&w->text), w->text.len, "Call-ID", 'i', &n);
	if (!call_id)
		return;
	const char *transport = tport_name(tport)->tpn_proto;
	write_own(&w->own, a, transport, write_remote(&w->remote, &msg_addr(msg)->su_sa));
	a->config.message(a->config.arg, &(struct sip_message){sent, clock_now_ms(), transport, buf_text(&w->remote), buf_text(&w->own), call_id, n, buf_text(&w->text), w->text.len});
}

static bool has_start_line(msg_t *msg)
{
	const sip_t *sip = sip_object(msg);
	return sip && (sip->sip_request || sip->sip_status);
}

/* In the place of the library's, which is called here: see sip/keepalive.h. */
int msg_extract(msg_t *msg);

int msg_extract(msg_t *msg)
{
	static int (*library)(msg_t *msg);
	if (!library)
		library = (int (*)(msg_t *))(uintptr_t)dlsym(RTLD_NEXT, "msg_extract");
	char *text = msg && !has_start_line(msg) ? msg_buf_committed_data(msg) : NULL;
	if (text)
		sip_move_line_ends(text, msg_buf_committed(msg));
	return library ? library(msg) : -1;
}

/* What sofia has to say. */
static void say(void *stream, char const *fmt, va_list ap)
{
	char text[512];
	(void)stream;
	vsnprintf(text, sizeof text, fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug("sofia", "%s", text);
}

bool sip_wire_open(struct sip_agent *a)
{
	su_log_redirect(NULL, say, NULL);
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
	buf_free(&a->wire->remote);
	buf_free(&a->wire->own);
	free(a->wire);
	a->wire = NULL;
}
