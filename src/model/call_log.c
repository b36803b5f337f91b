#include "model/call_log.h"

#define TEXT "{\"type\":\"string\"}"
#define TEXT_OR_NULL "{\"type\":[\"string\",\"null\"]}"
#define TIME "{\"type\":\"string\",\"format\":\"date-time\"}"
#define TIME_OR_NULL "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"
#define MONEY "{\"type\":\"string\",\"pattern\":\"^-?[0-9]+\\\\.[0-9]{2,6}$\"}"

/* What call_log_json() writes. */
static const char schema[] =
	"{\"type\":\"object\",\"required\":[\"id\",\"caller_id\",\"number\",\"campaign_id\","
	"\"status\",\"started_at\",\"converted\",\"revenue\",\"payout\",\"currency\",\"tags\"],"
	"\"properties\":{"
	"\"id\":" TEXT ","
	"\"caller_id\":{\"type\":[\"string\",\"null\"],\"description\":\"E.164\"},"
	"\"number\":" TEXT ","
	"\"campaign_id\":{\"type\":[\"string\",\"null\"],\"description\":\""
	"null: a registered phone placed the call to a target or telephone number\"},"
	"\"publisher_id\":" TEXT_OR_NULL ","
	"\"execution_mode\":{\"enum\":[\"routing_plan\",\"call_flow\"],\"description\":\""
	"What ran the call\"},"
	"\"call_flow_id\":" TEXT_OR_NULL ","
	"\"flow_version\":{\"type\":[\"integer\",\"null\"]},"
	"\"fallback_reason\":{\"type\":[\"string\",\"null\"],\"description\":\""
	"Why the campaign's call flow could not run: its routing plan ran the call, or "
	"the call was refused\"},"
	"\"status\":{\"enum\":[\"active\",\"completed\",\"interrupted\"]},"
	"\"disposition\":" TEXT_OR_NULL ","
	"\"hangup_by\":" TEXT_OR_NULL ","
	"\"hangup_reason\":" TEXT_OR_NULL ","
	"\"trunk_id\":" TEXT_OR_NULL ","
	"\"sip_call_id\":" TEXT_OR_NULL ","
	"\"attestation\":{\"enum\":[\"A\",\"B\",\"C\",null],\"description\":\""
	"What the carrier attests of the caller's number; not verified here\"},"
	"\"verstat\":{\"type\":[\"string\",\"null\"],\"description\":\""
	"How the carrier verified the caller's number\"},"
	"\"rn\":{\"type\":[\"string\",\"null\"],\"description\":\""
	"Routing number of the called number\"},"
	"\"cpc\":{\"type\":[\"string\",\"null\"],\"description\":\""
	"Category of the caller\"},"
	"\"oli\":{\"type\":[\"string\",\"null\"],\"description\":\""
	"Originating line information\"},"
	"\"quality\":{\"type\":[\"object\",\"null\"],\"description\":\""
	"How well caller and target were heard: packets, lost, loss_percent, jitter_ms, "
	"max_jitter_ms, mos, and what its RTCP told: sent, round_trip_ms\"},"
	"\"started_at\":" TIME ","
	"\"answered_at\":" TIME_OR_NULL ","
	"\"connected_at\":" TIME_OR_NULL ","
	"\"ended_at\":" TIME_OR_NULL ","
	"\"duration_seconds\":{\"type\":[\"integer\",\"null\"]},"
	"\"target_id\":" TEXT_OR_NULL ","
	"\"converted\":{\"type\":\"boolean\"},"
	"\"converted_at\":" TIME_OR_NULL ","
	"\"reason\":" TEXT_OR_NULL ","
	"\"payout_hold_reason\":" TEXT_OR_NULL ","
	"\"revenue\":" MONEY ","
	"\"payout\":" MONEY ","
	"\"cost\":" MONEY ","
	"\"margin\":" MONEY ","
	"\"not_paid_twice\":{\"type\":\"array\",\"items\":{\"enum\":[\"payout\",\"revenue\"]},"
	"\"description\":\""
	"What is 0 because another call of the caller was paid for\"},"
	"\"currency\":" TEXT ","
	"\"attempts\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
	"\"tags\":{\"type\":\"object\",\"description\":\"By name; sensitive ones are masked\"},"
	"\"custom_data\":{\"type\":\"object\",\"description\":\""
	"Fields of incoming webhooks that no tag took\"},"
	"\"recordings\":{\"type\":\"array\"}"
	"}}";

json_t *call_log_schema(void)
{
	return json_loads(schema, 0, NULL);
}

void call_carrier_json(struct buf *b, const struct call_carrier *carrier)
{
	json_str(b, "attestation", carrier->attestation);
	json_str(b, "verstat", carrier->verstat);
	json_str(b, "rn", carrier->rn);
	json_str(b, "cpc", carrier->cpc);
	json_str(b, "oli", carrier->oli);
}

void call_log_json(struct buf *b, const struct call_log *c)
{
	json_open(b);
	json_str(b, "id", c->id);
	json_str(b, "caller_id", c->caller_id);
	json_str(b, "number", c->number);
	json_str(b, "campaign_id", c->campaign_id);
	json_str(b, "publisher_id", c->publisher_id);
	json_str(b, "execution_mode", c->execution_mode);
	json_str(b, "call_flow_id", c->call_flow_id);
	json_key(b, "flow_version");
	if (c->flow_version)
		buf_printf(b, "%d", c->flow_version);
	else
		buf_add_str(b, "null");
	json_str(b, "fallback_reason", c->fallback_reason);
	json_str(b, "status", c->status);
	json_str(b, "disposition", c->disposition);
	json_str(b, "hangup_by", c->hangup_by);
	json_str(b, "hangup_reason", c->hangup_reason);
	json_str(b, "trunk_id", c->trunk_id);
	json_str(b, "sip_call_id", c->sip_call_id);
	call_carrier_json(b, &c->carrier);
	json_time(b, "started_at", c->started_ms);
	json_time(b, "answered_at", c->answered_ms);
	json_time(b, "connected_at", c->connected_ms);
	json_time(b, "ended_at", c->ended_ms);
	json_key(b, "duration_seconds");
	if (c->ended_ms)
		buf_printf(b, "%lld", c->answered_ms ? (long long)(c->ended_ms - c->answered_ms + 500) / 1000 : 0LL);
	else
		buf_add_str(b, "null");
	json_str(b, "target_id", c->target_id);
	json_bool(b, "converted", c->converted);
	json_time(b, "converted_at", c->converted ? c->conversion_ms : 0);
	json_str(b, "reason", c->reason);
	json_str(b, "payout_hold_reason", c->payout_hold_reason);
	json_money(b, "revenue", c->revenue_micros);
	json_money(b, "payout", c->payout_micros);
	json_money(b, "cost", c->cost_micros);
	json_money(b, "margin", c->revenue_micros - c->payout_micros - c->cost_micros);
	json_key(b, "not_paid_twice");
	buf_add_str(b, c->not_paid_twice == 3 ? "[\"payout\",\"revenue\"]" : c->not_paid_twice & 1 ? "[\"payout\"]" : c->not_paid_twice ? "[\"revenue\"]" : "[]");
	json_str(b, "currency", c->currency ? c->currency : "USD");
	json_raw(b, "attempts", c->attempts ? c->attempts : "[]");
	json_raw(b, "quality", c->quality ? c->quality : "null");
	if (c->tags)
		json_raw(b, "tags", c->tags);
	if (c->custom_data)
		json_raw(b, "custom_data", c->custom_data);
	if (c->recordings)
		json_raw(b, "recordings", c->recordings);
	json_close(b);
}
