-- What carriers take for a call, and how long its longest conversation was: what payouts by its length are settled by.
ALTER TABLE calls ADD COLUMN cost BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN talked_ms BIGINT NOT NULL DEFAULT 0;
UPDATE calls SET talked_ms = ended_at - connected_at WHERE connected_at IS NOT NULL AND ended_at IS NOT NULL;
ALTER TABLE call_totals ADD COLUMN cost BIGINT NOT NULL DEFAULT 0;
ALTER TABLE call_sums ADD COLUMN cost BIGINT NOT NULL DEFAULT 0;
-- What was not paid for another call of the caller was: 1 the payout, 2 the revenue, 3 both.
ALTER TABLE calls ADD COLUMN not_paid_twice BIGINT NOT NULL DEFAULT 0;
