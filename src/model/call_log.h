/* model/call_log.h: the record of a call as /calls/{id} and events show it. Pure. */
#ifndef MODEL_CALL_LOG_H
#define MODEL_CALL_LOG_H

#include "base/buf.h"

/* What the carrier says of the caller and the called number (sip/sip.h); NULL: nothing. */
struct call_carrier {
	const char *attestation, *verstat, *rn, *cpc, *oli;
};

/* Texts are borrowed; times are ms since the epoch, 0 for not yet; money in millionths. */
struct call_log {
	const char *id, *organization_id, *campaign_id, *publisher_id, *caller_id, *number;
	const char *status, *disposition, *execution_mode, *call_flow_id, *target_id, *currency;
	int flow_version;
	int64_t started_ms, answered_ms, connected_ms, ended_ms;
	bool converted;
	int64_t conversion_ms; /* when it converted; 0: not known */
	const char *reason, *payout_hold_reason; /* as a webhook said; or NULL */
	int64_t revenue_micros, payout_micros, cost_micros;
	unsigned not_paid_twice; /* bit 0: payout, bit 1: revenue is none, for another call of the caller was paid */
	int64_t talked_ms; /* the longest conversation; not shown */
	const char *attempts; /* JSON array */
	const char *tags;     /* JSON object; NULL: left out */
	const char *recordings; /* JSON array; NULL: left out */
	const char *custom_data; /* JSON object; NULL: left out */
	const char *custom_stored; /* as the database has it (tags/custom.h), NULL: nothing; not shown */
	const char *hangup_by; /* "caller", "target", "system", or NULL */
	const char *hangup_reason, *trunk_id, *sip_call_id;
	const char *quality; /* JSON object; NULL: not known yet */
	const char *fallback_reason; /* why the campaign's call flow could not run, or NULL */
	struct call_carrier carrier;
};

/* Its members, as the call's record and its stored document have them. */
void call_carrier_json(struct buf *b, const struct call_carrier *carrier);
void call_log_json(struct buf *b, const struct call_log *log);
/* JSON Schema 2020-12 of that. New reference. */
json_t *call_log_schema(void);

#endif
