-- Calls that each target was connected with, by the quarter of an hour: what its caps count.
CREATE TABLE target_calls (
  organization_id TEXT NOT NULL,
  target_id TEXT NOT NULL,
  campaign_id TEXT NOT NULL,
  publisher_id TEXT NOT NULL, -- '': none
  quarter BIGINT NOT NULL,    -- milliseconds since the epoch / 900000
  calls BIGINT NOT NULL,
  PRIMARY KEY (target_id, campaign_id, publisher_id, quarter)
);
