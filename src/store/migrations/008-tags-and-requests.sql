-- By what a tag came (a request, a node, a user); calls found by a range of a number or time, requests by caller.
ALTER TABLE call_tags ADD COLUMN origin TEXT;
CREATE INDEX call_tags_number ON call_tags (tag_id, number, call_id) WHERE number IS NOT NULL;
CREATE INDEX incoming_requests_caller ON incoming_requests (organization_id, caller_id, id) WHERE caller_id IS NOT NULL;
CREATE INDEX incoming_requests_webhook ON incoming_requests (webhook_id, id);
-- What webhooks make of a call's money and course goes beside what the call itself does: a later write of the
-- call's own stays, one that is older than what a webhook replaced does not.
ALTER TABLE calls ADD COLUMN revenue_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN revenue_added BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN payout_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN payout_added BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN converted_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN disposition_at BIGINT NOT NULL DEFAULT 0;
-- Answers that are given again are sealed from now on.
DELETE FROM idempotency_keys;
