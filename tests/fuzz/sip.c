/* A datagram from the network, as sofia-sip reads it, printed again as it would be passed on. */
#include "fuzz.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 65536 || su_init() != 0)
		return 0;
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
