-- Repeats are told by the path, too: the id of a lead names its data, and later its sale.
ALTER TABLE incoming_requests ADD COLUMN path TEXT NOT NULL DEFAULT '';
DROP INDEX incoming_requests_unique;
CREATE UNIQUE INDEX incoming_requests_unique ON incoming_requests (organization_id, webhook_id, unique_id, path) WHERE unique_id IS NOT NULL;

-- Fields that came for a call and that no tag takes: {"name": {"v": value, "at": ms}}.
CREATE TABLE call_custom_data (
  call_id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  data TEXT NOT NULL
);

-- When a tag was last removed from a call: values that were sent before stay out.
CREATE TABLE call_tag_removals (
  call_id TEXT NOT NULL,
  tag_id TEXT NOT NULL,
  organization_id TEXT NOT NULL,
  source TEXT NOT NULL,
  at_ms BIGINT NOT NULL,
  PRIMARY KEY (call_id, tag_id)
);

-- What a buyer or a CRM says of a call, and when; when it converted.
ALTER TABLE calls ADD COLUMN reason TEXT;
ALTER TABLE calls ADD COLUMN reason_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN payout_hold_reason TEXT;
ALTER TABLE calls ADD COLUMN payout_hold_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN conversion_at BIGINT;
UPDATE calls SET conversion_at = converted_at WHERE converted = 1 AND converted_at > 0;
