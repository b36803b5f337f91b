/* A datagram from the network, as sofia-sip reads it, printed again as it would be passed on. */
#include "fuzz.h"
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 65536 || su_init() != 0)
		return 0;
	msg_t *msg = msg_make(sip_default_mclass(), 0, data, (ssize_t)size);
	sip_t *sip = msg ? sip_object(msg) : NULL;
	if (sip && sip_sanity_check(sip) == 0) {
		char *printed = msg_as_string(msg_home(msg), msg, NULL, 0, NULL);
		(void)printed;
	}
	msg_destroy(msg);
	return 0;
}
