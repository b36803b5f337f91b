-- The place of an event in its call: 1, 2, 3 … in the order in which they were committed.
ALTER TABLE call_events ADD COLUMN sequence BIGINT;
ALTER TABLE deliveries ADD COLUMN sequence BIGINT;
-- Does an earlier event of the call still wait for this webhook? (strict ordering)
CREATE INDEX deliveries_order ON deliveries (webhook_id, call_id, sequence) WHERE status IN ('pending', 'failed');
-- What became of a webhook's events lately.
CREATE INDEX deliveries_webhook ON deliveries (webhook_id, created_at);
-- The next ones are read off the index, also where thousands are due at once.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (webhook_id, next_attempt_at, id) WHERE status IN ('pending', 'failed');
-- Since when an outgoing webhook only fails. No row: it never failed, or took the last one.
CREATE TABLE webhook_failures (
  webhook_id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  failing_since BIGINT NOT NULL,
  disabled_at BIGINT,             -- when it was disabled for that; it may have been enabled again since
  reason TEXT                     -- and why
);
