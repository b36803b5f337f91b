-- Calls that servers which have handed over connected since: the active one counts them, too.
CREATE TABLE late_target_calls (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  target_id TEXT NOT NULL,
  campaign_id TEXT NOT NULL,
  publisher_id TEXT NOT NULL, -- '': none
  at_ms BIGINT NOT NULL
);
