/* DTMF digits that are sent by INFO (RFC 6086, RFC 2976): application/dtmf-relay, one at a time. */
#include "sip/agent.h"
#include <string.h>

#define DURATION_MS 160

static void send_next(struct sip_leg *leg);

/* Refused or not, the next one follows: digits that wait must not be held up. */
static void on_answer(struct sip_leg *leg, const struct sip_within *request, int status,
		      sip_t const *sip)
{
	(void)request, (void)status, (void)sip;
	leg->key_out = NULL;
	send_next(leg);
}

static void send_next(struct sip_leg *leg)
{
	char body[48];
	if (leg->key_out || !leg->key_count || leg->state != LEG_CONFIRMED || leg->released)
		return;
	snprintf(body, sizeof body, "Signal=%c\r\nDuration=%d\r\n", leg->keys[0], DURATION_MS);
	memmove(leg->keys, leg->keys + 1, --leg->key_count);
	leg->key_out = sip_leg_send(leg, &(struct sip_within){
		.method = sip_method_info,
		.name = "INFO",
		.type = "application/dtmf-relay",
		.body = body,
		.answered = on_answer,
	});
}

void sip_leg_send_key(struct sip_leg *leg, char key)
{
	if (leg->state != LEG_CONFIRMED || leg->key_count == SIP_KEYS_MAX)
		return;
	leg->keys[leg->key_count++] = key;
	send_next(leg);
}
