/* A datagram from the network, as sofia-sip reads it, printed again as it would be passed on. */
#include "fuzz.h"
#include "sip/pcap.h"
#include "sip/text.h"
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su.h>

/* sofia-sip is not instrumented: what a message was read as takes the place of coverage. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t seen[4096];

static void mark(unsigned what, unsigned value)
{
	seen[(what * 64 + (value > 63 ? 63 : value)) % sizeof seen] = 1;
}

static void mark_all(const msg_t *msg, const sip_t *sip)
{
	unsigned headers = 0, errors = 0;
	for (const msg_common_t *h = sip->sip_common; h; h = h->h_succ ? (const msg_common_t *)h->h_succ : NULL) {
		const char *name = h->h_class ? h->h_class->hc_name : NULL;
		unsigned hash = 0;
		for (; name && *name; name++)
			hash = hash * 31 + (unsigned char)*name;
		mark(1 + hash % 40, ++headers);
	}
	for (const msg_error_t *e = sip->sip_error; e; e = e->er_next)
		mark(41, ++errors);
	mark(42, sip->sip_request ? (unsigned)sip->sip_request->rq_method : 0);
	mark(43, sip->sip_status ? (unsigned)sip->sip_status->st_status / 100 : 0);
	mark(44, (unsigned)msg_has_error(msg));
	mark(45, (unsigned)sip->sip_flags & 63);
}

static bool is_hidden(void *arg, const char *name, size_t len)
{
	(void)arg;
	return len == 4 && (name[0] | 0x20) == 'f';
}

static bool is_shown(void *arg, const char *name, size_t len)
{
	(void)arg, (void)name, (void)len;
	return false;
}

/* Nobody to ask is the same as one who names nothing. */
static void hide_twice(const uint8_t *data, size_t size)
{
	char *asked = malloc(size + 1), *unasked = malloc(size + 1);
	memcpy(asked, data, size);
	memcpy(unasked, data, size);
	sip_text_hide(asked, size, is_shown, NULL);
	sip_text_hide(unasked, size, NULL, NULL);
	if (memcmp(asked, unasked, size) != 0)
		abort();
	free(asked);
	free(unasked);
}

/* The same as text: what is kept of it. */
static void keep(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct buf file = {0};
	size_t n = 0, again = 0;
	memcpy(text, data, size);
	const char *call_id = sip_text_header(text, size, "Call-ID", 'i', &n);
	if (call_id && (call_id < text || call_id + n > text + size))
		abort();
	sip_text_hide(text, size, is_hidden, NULL);
	if (sip_text_header(text, size, "Call-ID", 'i', &again) != call_id || n != again)
		abort(); /* hiding moves nothing */
	const char *from = sip_text_header(text, size, "From", '\0', &n);
	for (size_t i = 0; from && i < n; i++)
		if (from[i] != 'x' && from[i] != '\r' && from[i] != '\n')
			abort();
	pcap_begin(&file);
	if (!pcap_add(&file, 1, "192.0.2.1:5060", "192.0.2.2:5060", text, size) || file.len != 24 + 16 + 28 + size)
		abort();
	buf_free(&file);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 65536 || su_init() != 0)
		return 0;
	if (size < 65000) {
		hide_twice(data, size);
		keep(data, size);
	}
	msg_t *msg = msg_make(sip_default_mclass(), 0, data, (ssize_t)size);
	sip_t *sip = msg ? sip_object(msg) : NULL;
	if (sip)
		mark_all(msg, sip);
	if (sip && sip_sanity_check(sip) == 0) {
		char *printed = msg_as_string(msg_home(msg), msg, NULL, 0, NULL);
		(void)printed;
	}
	msg_destroy(msg);
	return 0;
}
