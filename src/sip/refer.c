/* REFER: the far side asks that somebody else is called in its place (RFC 3515). */
#include "sip/agent.h"
#include <sofia-sip/sip_extra.h>
#include <string.h>
#include <strings.h>

/* A header of the URI that it refers to, unescaped, as a line; "" without. */
static const char *header_line(struct sip_leg *leg, const char *headers, const char *name)
{
	size_t n = strlen(name);
	for (const char *at = headers; at && *at; at = strchr(at, '&') ? strchr(at, '&') + 1 : NULL) {
		if (strncasecmp(at, name, n) != 0 || at[n] != '=')
			continue;
		char *value = su_strndup(leg->work, at + n + 1, strcspn(at + n + 1, "&"));
		if (value)
			url_unescape(value, value);
		return value && !strpbrk(value, "\r\n") ? su_sprintf(leg->work, "%s: %s\r\n", name, value) : "";
	}
	return "";
}

int sip_leg_on_refer(struct sip_leg *leg, nta_incoming_t *irq, sip_t const *sip)
{
	const sip_refer_to_t *to = sip->sip_refer_to;
	if (leg->state != LEG_CONFIRMED || leg->released)
		return 481;
	if (!to || (to->r_url->url_type != url_tel && ((to->r_url->url_type != url_sip && to->r_url->url_type != url_sips) || !to->r_url->url_host)))
		return 400;
	if (leg->refer)
		return 491;
	url_t *url = leg->handler->refer ? url_hdup(leg->work, to->r_url) : NULL;
	const char *fields = url ? url->url_headers : NULL;
	if (!url || !sip_url_clean(leg->work, url))
		return 603;
	const sip_refer_sub_t *sub = sip_refer_sub(sip);
	leg->refer = sub && sub->rs_value && strcasecmp(sub->rs_value, "false") == 0 ? REFER_QUIET : REFER_TOLD;
	leg->refer_in = irq;
	const char *by = sip->sip_referred_by ? sip_header_as_string(leg->work, (const sip_header_t *)sip->sip_referred_by) : NULL;
	const char *replaces = header_line(leg, fields, "Replaces");
	struct sip_refer refer = {url_as_string(leg->work, url), su_sprintf(leg->work, "%s%s%s%s", replaces, by ? "Referred-By: " : "", by ? by : "", by ? "\r\n" : "")};
	leg->handler->refer(leg->owner, &refer);
	return 0;
}

void sip_leg_refer_answer(struct sip_leg *leg, int status)
{
	if (!leg->refer_in)
		return;
	bool quiet = leg->refer == REFER_QUIET;
	nta_incoming_treply(leg->refer_in, status, sip_status_phrase(status), SIPTAG_CONTACT(sip_leg_contact(leg)), TAG_IF(quiet, SIPTAG_HEADER_STR("Refer-Sub: false")), TAG_END());
	nta_incoming_destroy(leg->refer_in);
	leg->refer_in = NULL;
	if (status >= 300 || quiet)
		leg->refer = REFER_NONE;
	sip_leg_referred(leg, 100);
}

void sip_leg_referred(struct sip_leg *leg, int status)
{
	const char *phrase = sip_status_phrase(status), *body = su_sprintf(leg->work, "SIP/2.0 %d %s\r\n", status, phrase ? phrase : "Unknown");
	if (leg->refer != REFER_TOLD || leg->state != LEG_CONFIRMED)
		return;
	const char *state = status < 200 ? "active;expires=60" : "terminated;reason=noresource";
	const char *headers =
		su_sprintf(leg->work, "Event: refer\r\nSubscription-State: %s\r\n", state);
	(void)sip_leg_send(leg, &(struct sip_within){
		.method = sip_method_notify,
		.name = "NOTIFY",
		.contact = true,
		.headers = headers,
		.type = "message/sipfrag;version=2.0",
		.body = body,
	});
	if (status >= 200)
		leg->refer = REFER_NONE;
}

bool sip_leg_replaces(const struct sip_leg *leg, char *out, size_t size)
{
	const char *ours = leg->dialog ? nta_leg_get_tag(leg->dialog) : NULL;
	const char *theirs = leg->dialog ? nta_leg_get_rtag(leg->dialog) : NULL;
	if (leg->state != LEG_CONFIRMED || !leg->call_id || !ours || !theirs)
		return false;
	int n = snprintf(out, size, "%s;to-tag=%s;from-tag=%s", leg->call_id->i_id, theirs, ours);
	return n > 0 && (size_t)n < size;
}
